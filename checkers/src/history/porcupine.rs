//! Porcupine's log of a key/value store whose values are texts.
//!
//! One map per line, of which entries not named here are ignored:
//!
//! ```text
//! {:process 0, :type :invoke, :f :append, :key "7", :value "x"}
//! {:process 0, :type :ok, :f :append, :key "7", :value "x"}
//! {:process 1, :type :invoke, :f :get, :key "7", :value nil}
//! {:process 1, :type :ok, :f :get, :key "7", :value "x"}
//! ```
//!
//! `:f` is one of `:get`, `:put` and `:append`. The number of a line is the moment
//! of its event. `:fail` says that the operation did not happen: it is left out.
//! `:info` says that nobody knows: the operation stays pending, and if its process
//! goes on, it counts as another client. Texts start empty.

use std::io::BufRead;
use std::sync::Arc;

use super::History;
use super::edn::{Edn, EdnEvent, Form, Placed, Stage, read_log};
use super::events::Happening;
use super::malformed::{Flaw, ReadError};
use crate::linearizability::specifications::{KeyedInput, TextInput, TextOutput};

/// What is asked of the text under some key.
pub type Input = KeyedInput<Arc<str>, TextInput>;

/// Reads a log.
///
/// # Errors
/// When the bytes cannot be read, or are not such a log.
pub fn read(from: impl BufRead) -> Result<History<Input, TextOutput>, ReadError> {
    read_log(from, event_of, meaning)
}

fn event_of(line: &str) -> Result<Option<EdnEvent<'_>>, Flaw> {
    let mut edn = Edn::new(line, 0);
    let map = edn.expect_form("an event")?;
    edn.expect_end()?;
    EdnEvent::of(map)
}

fn meaning(
    event: &EdnEvent<'_>,
    open: Option<&Input>,
) -> Result<Happening<Input, TextOutput>, Flaw> {
    let function = Function::of(&event.function)?;
    if event.stage == Stage::Invoke {
        return call(function, event).map(Happening::Invoke);
    }
    // Without an open call the event is refused later, whatever it means.
    if let Some(open) = open {
        if Function::called(&open.input) != Some(function) {
            return Err(event.ends_another_call());
        }
        if let Some(key) = &event.key
            && *text(key)? != *open.key
        {
            return Err(key.flaw("this is not the key that this client called with"));
        }
    }
    match event.stage {
        Stage::Invoke | Stage::Ok => answer(function, event, open).map(Happening::Answer),
        Stage::Fail => Ok(Happening::Failed),
        Stage::Info => Ok(Happening::Lost),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Get,
    Put,
    Append,
}

impl Function {
    fn of(placed: &Placed<'_>) -> Result<Self, Flaw> {
        match placed.form {
            Form::Keyword("get") => Ok(Self::Get),
            Form::Keyword("put") => Ok(Self::Put),
            Form::Keyword("append") => Ok(Self::Append),
            _ => Err(placed.flaw("a store knows :get, :put and :append")),
        }
    }

    /// The one that an operation called; `None` for one that no log can hold.
    fn called(input: &TextInput) -> Option<Self> {
        match input {
            TextInput::Get => Some(Self::Get),
            TextInput::Put(_) => Some(Self::Put),
            TextInput::Append(_) => Some(Self::Append),
            TextInput::Delete | TextInput::Cas { .. } => None,
        }
    }
}

fn call(function: Function, event: &EdnEvent<'_>) -> Result<Input, Flaw> {
    let key = event
        .key
        .as_ref()
        .ok_or_else(|| event.function.flaw("this call has no :key"))?;
    let input = match (function, &event.value) {
        (Function::Get, None) => TextInput::Get,
        (Function::Get, Some(value)) if value.form == Form::Nil => TextInput::Get,
        (Function::Get, Some(value)) => return Err(value.flaw("the call of a :get carries nil")),
        (Function::Put, _) => TextInput::Put(text(event.value()?)?.into()),
        (Function::Append, _) => TextInput::Append(text(event.value()?)?.into()),
    };
    let key = text(key)?.into();
    Ok(KeyedInput { key, input })
}

fn answer(
    function: Function,
    event: &EdnEvent<'_>,
    open: Option<&Input>,
) -> Result<TextOutput, Flaw> {
    let value = event.value()?;
    let text = text(value)?;
    let called_with = match open.map(|open| &open.input) {
        Some(TextInput::Put(called) | TextInput::Append(called)) => &**called,
        _ => text,
    };
    match function {
        Function::Get => Ok(TextOutput::Value(text.into())),
        Function::Put | Function::Append if called_with == text => Ok(TextOutput::Done),
        Function::Put | Function::Append => {
            Err(value.flaw("this is not the value that this client called with"))
        }
    }
}

fn text<'a>(placed: &'a Placed<'_>) -> Result<&'a str, Flaw> {
    match &placed.form {
        Form::Text(text) => Ok(text),
        _ => Err(placed.flaw("a text in quotes should be here")),
    }
}

#[cfg(test)]
mod tests;
