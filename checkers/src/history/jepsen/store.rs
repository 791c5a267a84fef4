//! A store of texts: `:get`, `:put`, `:append`, `:delete` and `:cas`.

use super::super::edn::{Form, Placed};
use super::super::malformed::Flaw;
use super::reading::Workload;
use super::register::FailedSwap;
use super::told::Told;
use super::values::{flaw, form, must_repeat};
use crate::linearizability::specifications::{TextInput, TextOutput};

/// A text under each key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Store {
    /// What a failed swap says.
    pub failed_swap: FailedSwap,
}

impl Workload for Store {
    type Input = TextInput;
    type Output = TextOutput;

    fn call(&self, told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<TextInput, Flaw> {
        match told.function {
            "get" | "read" => Ok(TextInput::Get),
            "put" | "write" => Ok(TextInput::Put(text(told, placed)?.into())),
            "append" => Ok(TextInput::Append(text(told, placed)?.into())),
            "delete" => Ok(TextInput::Delete),
            "cas" => swap(told, placed),
            _ => Err(told.flaw_of_function("a store knows :get, :put, :append, :delete and :cas")),
        }
    }

    fn is_of(&self, input: &TextInput, function: &str) -> bool {
        match input {
            TextInput::Get => ["get", "read"].contains(&function),
            TextInput::Put(_) => ["put", "write"].contains(&function),
            TextInput::Append(_) => function == "append",
            TextInput::Delete => function == "delete",
            TextInput::Cas { .. } => function == "cas",
        }
    }

    fn answer(
        &self,
        told: &Told<'_>,
        placed: Option<&Placed<'_>>,
        input: &TextInput,
    ) -> Result<TextOutput, Flaw> {
        match input {
            TextInput::Get => match form(placed) {
                Form::Nil if placed.is_some() => Ok(TextOutput::Missing),
                _ => Ok(TextOutput::Value(text(told, placed)?.into())),
            },
            TextInput::Put(called) | TextInput::Append(called) => {
                let repeats = text(told, placed).is_ok_and(|text| *text == **called);
                must_repeat(told, placed, repeats)?;
                Ok(TextOutput::Done)
            }
            TextInput::Delete => Ok(TextOutput::Done),
            TextInput::Cas { .. } => {
                let repeats = swap(told, placed).is_ok_and(|again| again == *input);
                must_repeat(told, placed, repeats)?;
                Ok(TextOutput::Swapped)
            }
        }
    }

    fn failure(&self, input: &TextInput) -> Option<TextOutput> {
        let is_swap = matches!(input, TextInput::Cas { .. });
        (is_swap && self.failed_swap == FailedSwap::NoMatch).then_some(TextOutput::Kept)
    }
}

fn text<'f>(told: &Told<'_>, placed: Option<&'f Placed<'_>>) -> Result<&'f str, Flaw> {
    match placed.map(|placed| &placed.form) {
        Some(Form::Text(text)) => Ok(text),
        _ => Err(flaw(told, placed, "a text in quotes should be here")),
    }
}

/// `["old" "new"]`
fn swap(told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<TextInput, Flaw> {
    match form(placed) {
        Form::Vector(values) if values.len() == 2 => Ok(TextInput::Cas {
            from: text(told, values.first())?.into(),
            to: text(told, values.get(1))?.into(),
        }),
        _ => Err(flaw(told, placed, "a :cas carries [old new]")),
    }
}
