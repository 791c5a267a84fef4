//! The native format: a file of JSON lines, in one of two forms.
//!
//! *Whole calls*, in any order (among calls of one client at one moment, in the
//! order in which they were made). A pending call has neither `return` nor
//! `output`:
//!
//! ```json
//! {"client":0,"call":120,"return":180,"key":"x","input":{"put":"7"},"output":"done"}
//! {"client":1,"call":130,"key":"x","input":"get"}
//! ```
//!
//! *Events*, in the order of time:
//!
//! ```json
//! {"client":0,"at":120,"key":"x","invoke":{"put":"7"}}
//! {"client":0,"at":180,"answer":"done"}
//! {"client":1,"at":190,"key":"x","invoke":"get"}
//! {"client":1,"at":200,"failed":true}
//! {"client":2,"at":210,"key":"x","invoke":{"put":"8"}}
//! {"client":2,"at":220,"lost":true}
//! ```
//!
//! `failed` says that the operation did not happen and never will: it is left
//! out. `lost` says that nobody knows: it stays pending, and its client may go
//! on, which then counts as another client. What is open at the end is pending
//! too. `at` may be missing in all lines of a file, not in some; the number of
//! the line is the moment then.
//!
//! In both forms `key` may be missing, which is the same as `""`, and blank lines
//! mean nothing. The forms may not be mixed in one file, and a field that is
//! unknown or given twice is an error.

mod line;
mod looks;
mod writer;

use std::io::BufRead;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use self::line::{Keys, Line};
pub use self::looks::Looks;
pub use self::writer::{Writer, write};
use super::events::{Event, Recording};
use super::lines::Lines;
use super::malformed::{Flaw, ReadError};
use super::{History, NotAHistory, Operation, in_their_places};
use crate::linearizability::specifications::KeyedInput;

/// One line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record<Input, Output> {
    /// A whole call.
    Call(Operation<KeyedInput<Arc<str>, Input>, Output>),
    /// An event.
    Event(Event<KeyedInput<Arc<str>, Input>, Output>),
}

/// A record, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Numbered<Input, Output> {
    /// The line, counted from 1.
    pub line: u64,
    /// What it says.
    pub record: Record<Input, Output>,
}

/// Reads a history, in either form. Only the history itself is kept in memory,
/// not the file.
///
/// # Errors
/// When the bytes cannot be read, or are not a history.
pub fn read<Input: DeserializeOwned, Output: DeserializeOwned>(
    from: impl BufRead,
) -> Result<History<KeyedInput<Arc<str>, Input>, Output>, ReadError> {
    let mut calls = Vec::new();
    let mut events = Recording::new();
    for numbered in Reader::new(from) {
        let Numbered { line, record } = numbered?;
        match record {
            Record::Call(operation) => calls.push((line, operation)),
            Record::Event(event) => events
                .take(event)
                .map_err(|why| Flaw::of_line(why).on(line))?,
        }
    }
    if calls.is_empty() {
        let too_long = |error: NotAHistory| Flaw::of_line(error.to_string()).on(1);
        Ok(events.finish().map_err(too_long)?)
    } else {
        put_in_order(calls)
    }
}

/// The history of some calls; otherwise which line of them is wrong.
fn put_in_order<Input, Output>(
    mut calls: Vec<(u64, Operation<Input, Output>)>,
) -> Result<History<Input, Output>, ReadError> {
    if let Some((line, _)) = calls.get(u32::MAX as usize) {
        return Err(Flaw::of_line(NotAHistory::TooLong.to_string())
            .on(*line)
            .into());
    }
    calls.sort_by_key(|(_, operation)| operation.called);
    in_their_places(calls.iter().map(|(_, operation)| operation))
        .map_err(|(place, error)| Flaw::of_line(error.to_string()).on(calls[place].0))?;
    Ok(History {
        operations: calls.into_iter().map(|(_, operation)| operation).collect(),
    })
}

/// Reads records one at a time, each checked alone and against the form of the
/// file; whether all of them together are a history is left to [`read`].
///
/// An iterator that ends after the first error.
pub struct Reader<R, Input, Output> {
    lines: Lines<R>,
    keys: Keys,
    /// What the first line decided.
    form: Option<Form>,
    /// After an error.
    ended: bool,
    /// What the lines are about.
    of: PhantomData<fn() -> (Input, Output)>,
}

/// What all lines of a file have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Calls,
    TimedEvents,
    UntimedEvents,
}

impl Form {
    fn in_words(self) -> &'static str {
        match self {
            Self::Calls => "whole calls",
            Self::TimedEvents => "events with \"at\"",
            Self::UntimedEvents => "events without \"at\"",
        }
    }
}

impl<R: BufRead, Input: DeserializeOwned, Output: DeserializeOwned> Reader<R, Input, Output> {
    /// A reader of these bytes.
    pub fn new(from: R) -> Self {
        Self {
            lines: Lines::new(from),
            keys: Keys::new(),
            form: None,
            ended: false,
            of: PhantomData,
        }
    }

    fn read_record(&mut self) -> Result<Option<Numbered<Input, Output>>, ReadError> {
        let Some((number, text)) = self.lines.next_line()? else {
            return Ok(None);
        };
        let read = Line::parse(text).and_then(|line| {
            keep_form(&mut self.form, line.form()?)?;
            line.into_record(number, &mut self.keys)
        });
        match read {
            Ok(record) => Ok(Some(Numbered {
                line: number,
                record,
            })),
            Err(flaw) => Err(flaw.on(number).into()),
        }
    }
}

/// The first line decides on the form of the file; the others must have it too.
fn keep_form(form: &mut Option<Form>, found: Form) -> Result<(), Flaw> {
    let expected = *form.get_or_insert(found);
    if found == expected {
        return Ok(());
    }
    Err(Flaw::of_line(format!(
        "this file began with {}, and this line is of {}: keep to one form",
        expected.in_words(),
        found.in_words()
    )))
}

impl<R: BufRead, Input: DeserializeOwned, Output: DeserializeOwned> Iterator
    for Reader<R, Input, Output>
{
    type Item = Result<Numbered<Input, Output>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read_record().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests;
