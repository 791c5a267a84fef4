//! A register: `:read`, `:write` and `:cas`; a store of single values: `:get` and `:put`.

use super::super::edn::{Form, Placed};
use super::super::malformed::Flaw;
use super::super::value::Value;
use super::reading::Workload;
use super::told::Told;
use super::values::{flaw, form, must_repeat, value};
use crate::linearizability::specifications::{CasInput, CasOutput};

/// What `:fail` says of a compare-and-set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedSwap {
    /// It did not happen, for whatever reason: nothing was observed. This is what `:fail` means
    /// to Jepsen.
    #[default]
    DidNotHappen,
    /// The register was asked and held something else. Some testers record nothing else as
    /// failed, which says more.
    NoMatch,
}

/// A register that holds any value. It is empty at first unless its specification says
/// otherwise, and `nil` is what a read sees then.
#[derive(Clone, Copy, Debug, Default)]
pub struct Register {
    /// What a failed swap says.
    pub failed_swap: FailedSwap,
}

impl Workload for Register {
    type Input = CasInput<Value>;
    type Output = CasOutput<Value>;

    fn call(&self, told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<Self::Input, Flaw> {
        match told.function {
            // Some logs say already in the call what the read will see.
            "read" | "get" => Ok(CasInput::Read),
            "write" | "put" => match placed {
                Some(placed) => single(placed).map(CasInput::Write),
                None => Err(told.flaw_of_function("this event has no :value")),
            },
            "cas" => swap(told, placed),
            _ => Err(told.flaw_of_function("a register knows :read, :write and :cas")),
        }
    }

    fn is_of(&self, input: &Self::Input, function: &str) -> bool {
        match input {
            CasInput::Read => ["read", "get"].contains(&function),
            CasInput::Write(_) => ["write", "put"].contains(&function),
            CasInput::Cas { .. } => function == "cas",
        }
    }

    fn answer(
        &self,
        told: &Told<'_>,
        placed: Option<&Placed<'_>>,
        input: &Self::Input,
    ) -> Result<Self::Output, Flaw> {
        match input {
            CasInput::Read => match placed {
                Some(placed) => single(placed).map(CasOutput::Value),
                None => Err(told.flaw_of_function("this event has no :value")),
            },
            CasInput::Write(called) => {
                must_repeat(told, placed, value(form(placed)) == *called)?;
                Ok(CasOutput::Written)
            }
            CasInput::Cas { .. } => {
                let repeats = swap(told, placed).is_ok_and(|again| again == *input);
                must_repeat(told, placed, repeats)?;
                Ok(CasOutput::Swapped)
            }
        }
    }

    fn failure(&self, input: &Self::Input) -> Option<Self::Output> {
        let is_swap = matches!(input, CasInput::Cas { .. });
        (is_swap && self.failed_swap == FailedSwap::NoMatch).then_some(CasOutput::Kept)
    }
}

/// A value that is no vector: that would be a key and a value.
fn single(placed: &Placed<'_>) -> Result<Value, Flaw> {
    match placed.form {
        Form::Vector(_) => Err(placed.flaw(
            "is this [key value]? Then every value of the file must be such; a register of \
             vectors is not read",
        )),
        _ => Ok(value(&placed.form)),
    }
}

/// `[old new]`
fn swap(told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<CasInput<Value>, Flaw> {
    match form(placed) {
        Form::Vector(values) => match values.as_slice() {
            [old, new] => Ok(CasInput::Cas {
                from: value(&old.form),
                to: value(&new.form),
            }),
            _ => Err(flaw(told, placed, "a :cas carries two values: [old new]")),
        },
        _ => Err(flaw(told, placed, "a :cas carries [old new]")),
    }
}
