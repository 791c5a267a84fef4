//! Jepsen's log of one register with compare-and-set.
//!
//! Lines as its logger writes them, with tabs or blanks between the parts:
//!
//! ```text
//! INFO  jepsen.util - 0 :invoke :cas [1 2]
//! INFO  jepsen.util - 0 :ok :cas [1 2]
//! ```
//!
//! or maps as in its `history.edn`, of which entries not named here are ignored:
//!
//! ```text
//! {:process 0, :type :invoke, :f :read, :value nil, :time 123, :index 4}
//! ```
//!
//! The number of a line is the moment of its event. A failed `:cas` is an
//! observation: the register held something else. A failed `:read` or `:write`
//! did not happen and is left out. `:info` says that nobody knows: the operation
//! stays pending, and if its process goes on, it counts as another client. The
//! register is empty ([`Value::Nothing`]) at first, and `nil` is what a read sees then.
//!
//! Events of a process with a name, such as `:nemesis`, are ignored, and so are
//! lines of other forms. An operation's line with something broken is an error.

use std::io::BufRead;

use super::History;
use super::edn::{Edn, EdnEvent, Form, Placed, Stage, client_of, read_log};
use super::events::Happening;
use super::malformed::{Flaw, ReadError};
use super::value::Value;
use crate::linearizability::specifications::{CasInput, CasOutput};

/// What is asked of a register that is empty or holds a number.
pub type Input = CasInput<Value>;

/// What such a register answers.
pub type Output = CasOutput<Value>;

/// Reads a log.
///
/// # Errors
/// When the bytes cannot be read, or are not such a log.
pub fn read(from: impl BufRead) -> Result<History<Input, Output>, ReadError> {
    read_log(from, event_of, meaning)
}

/// The event of a line, if it tells of one.
fn event_of(line: &str) -> Result<Option<EdnEvent<'_>>, Flaw> {
    if line.trim_ascii_start().starts_with(['{', '#']) {
        let mut edn = Edn::new(line, 0);
        let map = edn.expect_form("an event")?;
        edn.expect_end()?;
        return EdnEvent::of(map);
    }
    match logged(line) {
        Some(start) => logged_event(Edn::new(line, start)),
        None => Ok(None),
    }
}

/// Where what was logged begins, in a line of Jepsen's logger.
pub(super) fn logged(line: &str) -> Option<usize> {
    let logger = line.trim_ascii_start().strip_prefix("INFO")?;
    if !logger.starts_with([' ', '\t']) || !logger.trim_ascii_start().starts_with("jepsen") {
        return None;
    }
    let before = line.len() - logger.len();
    logger.find(" - ").map(|dash| before + dash + 3)
}

/// `0 :invoke :read nil`
fn logged_event(mut edn: Edn<'_>) -> Result<Option<EdnEvent<'_>>, Flaw> {
    // Whatever else is logged need not be forms at all.
    let (Ok(Some(process)), Ok(Some(stage))) = (edn.next_form(), edn.next_form()) else {
        return Ok(None);
    };
    let Some(stage) = Stage::named(&stage.form) else {
        return Ok(None);
    };
    let Some(client) = client_of(&process)? else {
        return Ok(None);
    };
    let function = edn.expect_form("what was called")?;
    // Why an operation failed or was lost is said in many ways.
    let value = match stage {
        Stage::Invoke | Stage::Ok => {
            let value = edn.expect_form("the value")?;
            edn.expect_end()?;
            Some(value)
        }
        Stage::Fail | Stage::Info => None,
    };
    Ok(Some(EdnEvent {
        client,
        column: process.column,
        stage,
        function,
        key: None,
        value,
    }))
}

fn meaning(event: &EdnEvent<'_>, open: Option<&Input>) -> Result<Happening<Input, Output>, Flaw> {
    let function = Function::of(&event.function)?;
    if event.stage == Stage::Invoke {
        return function.call(event).map(Happening::Invoke);
    }
    // Without an open call the event is refused later, whatever it means.
    if open.is_some_and(|open| Function::called(open) != function) {
        return Err(event.ends_another_call());
    }
    match (event.stage, function) {
        (Stage::Invoke | Stage::Ok, _) => function.answer(event, open).map(Happening::Answer),
        (Stage::Fail, Function::Cas) => Ok(Happening::Answer(CasOutput::Kept)),
        (Stage::Fail, Function::Read | Function::Write) => Ok(Happening::Failed),
        (Stage::Info, _) => Ok(Happening::Lost),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Read,
    Write,
    Cas,
}

impl Function {
    fn of(placed: &Placed<'_>) -> Result<Self, Flaw> {
        match placed.form {
            Form::Keyword("read") => Ok(Self::Read),
            Form::Keyword("write") => Ok(Self::Write),
            Form::Keyword("cas") => Ok(Self::Cas),
            _ => Err(placed.flaw("a register knows :read, :write and :cas")),
        }
    }

    /// The one that an operation called.
    fn called(input: &Input) -> Self {
        match input {
            CasInput::Read => Self::Read,
            CasInput::Write(_) => Self::Write,
            CasInput::Cas { .. } => Self::Cas,
        }
    }

    fn call(self, event: &EdnEvent<'_>) -> Result<Input, Flaw> {
        match (self, &event.value) {
            (Self::Read, None) => Ok(CasInput::Read),
            (Self::Read, Some(value)) if value.form == Form::Nil => Ok(CasInput::Read),
            (Self::Read, Some(value)) => Err(value.flaw("the call of a :read carries nil")),
            (Self::Write, _) => number(event.value()?).map(CasInput::Write),
            (Self::Cas, _) => swap(event.value()?),
        }
    }

    fn answer(self, event: &EdnEvent<'_>, open: Option<&Input>) -> Result<Output, Flaw> {
        let value = event.value()?;
        if self == Self::Read {
            return match value.form {
                Form::Nil => Ok(CasOutput::Value(Value::Nothing)),
                _ => number(value).map(CasOutput::Value),
            };
        }
        let called = self.call(event)?;
        if open.is_some_and(|open| *open != called) {
            return Err(value.flaw("this is not the value that this client called with"));
        }
        Ok(match self {
            Self::Cas => CasOutput::Swapped,
            Self::Read | Self::Write => CasOutput::Written,
        })
    }
}

fn number(placed: &Placed<'_>) -> Result<Value, Flaw> {
    match placed.form {
        Form::Integer(number) => Ok(Value::Number(number)),
        _ => Err(placed.flaw("a whole number of 64 bits should be here")),
    }
}

/// `[old new]`, of which the old value may be that there is none.
fn swap(placed: &Placed<'_>) -> Result<Input, Flaw> {
    let Form::Vector(values) = &placed.form else {
        return Err(placed.flaw("a :cas carries [old new]"));
    };
    let [old, new] = values.as_slice() else {
        return Err(placed.flaw("a :cas carries two values: [old new]"));
    };
    let from = match old.form {
        Form::Nil => Value::Nothing,
        _ => number(old)?,
    };
    let to = number(new)?;
    Ok(CasInput::Cas { from, to })
}

#[cfg(test)]
mod tests;
