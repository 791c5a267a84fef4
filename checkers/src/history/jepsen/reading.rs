//! Reads a log from its first event to its last.

use std::fmt::Debug;
use std::io::BufRead;

use super::super::edn::Elements;
use super::super::events::{Event, Happening, Recording};
use super::super::lines::Lines;
use super::super::malformed::{Flaw, Malformed, ReadError};
use super::super::{History, Moment};
use super::told::{Stage, Told, Top, top};
use super::values::{Keys, of_answer};
use super::{KeyIn, Layout, Log, log};
use crate::history::edn::Placed;
use crate::linearizability::specifications::KeyedInput;

/// What the operations of a log mean.
pub trait Workload {
    /// What is called.
    type Input: Clone + Debug;
    /// What is answered.
    type Output;

    /// The call that an event tells of.
    ///
    /// # Errors
    /// When this object has no such function, or the value does not fit it.
    fn call(&self, told: &Told<'_>, value: Option<&Placed<'_>>) -> Result<Self::Input, Flaw>;

    /// Whether a call is of the function with this name.
    fn is_of(&self, input: &Self::Input, function: &str) -> bool;

    /// The answer that an event tells of.
    ///
    /// # Errors
    /// When the value does not fit the call.
    fn answer(
        &self,
        told: &Told<'_>,
        value: Option<&Placed<'_>>,
        input: &Self::Input,
    ) -> Result<Self::Output, Flaw>;

    /// What a call that failed has observed nevertheless.
    fn failure(&self, _input: &Self::Input) -> Option<Self::Output> {
        None
    }

    /// A call of which nobody knows what became.
    ///
    /// # Errors
    /// When such a call cannot be judged.
    fn lost(&self, _told: &Told<'_>, _input: &Self::Input) -> Result<(), Flaw> {
        Ok(())
    }
}

/// How much of what a log held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Operations that failed, and were left out.
    pub failed: u64,
    /// Operations that failed, and observed something.
    pub refused: u64,
    /// Events of processes with names.
    pub nemesis: u64,
    /// Lines, or maps, that are no events.
    pub others: u64,
}

/// Reads a log.
///
/// # Errors
/// When the bytes cannot be read, or are not such a log.
pub fn read<W: Workload>(
    workload: &W,
    layout: Layout,
    key_in: KeyIn,
    from: impl BufRead,
) -> Log<W::Input, W::Output> {
    let mut reading = Reading {
        workload,
        key_in,
        recording: Recording::new(),
        keys: Keys::default(),
        tally: Tally::default(),
        now: 0,
    };
    let last = match layout {
        Layout::Maps => reading.maps(from)?,
        Layout::Log => reading.lines(from)?,
    };
    let history: History<_, _> = reading
        .recording
        .finish()
        .map_err(|error| Flaw::of_line(error.to_string()).on(last))?;
    Ok((history, reading.tally))
}

struct Reading<'w, W: Workload> {
    workload: &'w W,
    key_in: KeyIn,
    recording: Recording<KeyedInput<std::sync::Arc<str>, W::Input>, W::Output>,
    keys: Keys,
    tally: Tally,
    /// The moment of the last event.
    now: u64,
}

impl<W: Workload> Reading<'_, W> {
    /// All of a file of maps; the last line.
    fn maps(&mut self, from: impl BufRead) -> Result<u64, ReadError> {
        let mut elements = Elements::new(from);
        let mut last = 1;
        while let Some(element) = elements.next_element()? {
            last = element.line;
            if let Some(placed) = element.form()? {
                let taken = top(placed).and_then(|top| self.take(&top, element.line));
                taken.map_err(|flaw| element.place(flaw))?;
            }
        }
        Ok(last)
    }

    /// All of a log; the last line.
    fn lines(&mut self, from: impl BufRead) -> Result<u64, ReadError> {
        let mut lines = Lines::new(from);
        let mut last = 1;
        while let Some((number, text)) = lines.next_line()? {
            last = number;
            log::line(text)
                .and_then(|top| self.take(&top, number))
                .map_err(|flaw| -> Malformed { flaw.on(number) })?;
        }
        Ok(last)
    }

    fn take(&mut self, top: &Top<'_>, line: u64) -> Result<(), Flaw> {
        match top {
            Top::Nemesis => self.tally.nemesis += 1,
            Top::Other => self.tally.others += 1,
            Top::Event(told) => {
                self.now = line.max(self.now + 1);
                let what = self.meaning(told)?;
                let (client, at) = (told.client, Moment(self.now));
                self.recording
                    .take(Event { client, at, what })
                    .map_err(|why| Flaw::new(told.column, why))?;
            }
        }
        Ok(())
    }

    fn meaning(&mut self, told: &Told<'_>) -> Result<Meaning<W>, Flaw> {
        if told.stage == Stage::Invoke {
            let (key, value) = self.keys.of_call(told, self.key_in)?;
            let input = self.workload.call(told, value)?;
            return Ok(Happening::Invoke(KeyedInput { key, input }));
        }
        let client = told.client.0;
        let Some(KeyedInput { key, input }) = self.recording.open(told.client) else {
            let why = format!("client {client} has no open call to end: its call must come first");
            return Err(Flaw::new(told.column, why));
        };
        if !self.workload.is_of(input, told.function) {
            let why = format!("this is not what client {client} called last, which is still open");
            return Err(told.flaw_of_function(why));
        }
        match told.stage {
            Stage::Invoke | Stage::Ok => {
                let value = of_answer(told, self.key_in, key)?;
                let output = self.workload.answer(told, value, input)?;
                Ok(Happening::Answer(output))
            }
            Stage::Fail => Ok(match self.workload.failure(input) {
                Some(output) => {
                    self.tally.refused += 1;
                    Happening::Answer(output)
                }
                None => {
                    self.tally.failed += 1;
                    Happening::Failed
                }
            }),
            Stage::Info => {
                self.workload.lost(told, input)?;
                Ok(Happening::Lost)
            }
        }
    }
}

/// What an event means.
type Meaning<W> =
    Happening<KeyedInput<std::sync::Arc<str>, <W as Workload>::Input>, <W as Workload>::Output>;
