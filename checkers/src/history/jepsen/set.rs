//! A set: `:add`, `:remove`, `:contains` and `:read` of all.

use super::super::edn::{Form, Placed};
use super::super::malformed::Flaw;
use super::super::value::Value;
use super::reading::Workload;
use super::told::Told;
use super::values::{flaw, form, must_repeat, value, values};
use crate::linearizability::specifications::{SetInput, SetOutput};

/// A set of any values, empty at first. A value that a read shows twice counts as an answer that
/// no set gives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Set;

impl Workload for Set {
    type Input = SetInput<Value>;
    type Output = SetOutput<Value>;

    fn call(&self, told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<Self::Input, Flaw> {
        let one = || match placed {
            Some(placed) => Ok(value(&placed.form)),
            None => Err(told.flaw_of_function("this event has no :value")),
        };
        match told.function {
            "add" => one().map(SetInput::Add),
            "remove" => one().map(SetInput::Remove),
            "contains" => one().map(SetInput::Contains),
            "read" => Ok(SetInput::ReadAll),
            _ => Err(told.flaw_of_function("a set knows :add, :remove, :contains and :read")),
        }
    }

    fn is_of(&self, input: &Self::Input, function: &str) -> bool {
        let name = match input {
            SetInput::Add(_) => "add",
            SetInput::Remove(_) => "remove",
            SetInput::Contains(_) => "contains",
            SetInput::ReadAll => "read",
        };
        name == function
    }

    fn answer(
        &self,
        told: &Told<'_>,
        placed: Option<&Placed<'_>>,
        input: &Self::Input,
    ) -> Result<Self::Output, Flaw> {
        match input {
            SetInput::Add(called) | SetInput::Remove(called) => {
                must_repeat(told, placed, value(form(placed)) == *called)?;
                Ok(SetOutput::Done)
            }
            SetInput::Contains(_) => match form(placed) {
                Form::Other(word) if word == "true" => Ok(SetOutput::Is(true)),
                Form::Other(word) if word == "false" => Ok(SetOutput::Is(false)),
                _ => Err(flaw(told, placed, "true or false should be here")),
            },
            SetInput::ReadAll => values(told, placed).map(SetOutput::All),
        }
    }
}
