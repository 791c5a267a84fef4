//! A counter: `:add`, `:inc`, `:dec` and `:read`.

use super::super::edn::{Form, Placed};
use super::super::malformed::Flaw;
use super::reading::Workload;
use super::told::Told;
use super::values::{flaw, form, must_repeat, number};
use crate::linearizability::specifications::{CounterInput, CounterOutput};

/// A counter of 64 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

impl Workload for Counter {
    type Input = CounterInput;
    type Output = CounterOutput;

    fn call(&self, told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<CounterInput, Flaw> {
        let step = || match form(placed) {
            Form::Nil => Ok(1),
            _ => number(told, placed),
        };
        match told.function {
            "add" => number(told, placed).map(CounterInput::Add),
            "inc" | "increment" => step().map(CounterInput::Add),
            "dec" | "decr" | "decrement" => {
                let down = step()?.checked_neg();
                down.map(CounterInput::Add)
                    .ok_or_else(|| flaw(told, placed, "this is too much to take away"))
            }
            "add-and-get" => number(told, placed).map(CounterInput::AddAndGet),
            "read" => Ok(CounterInput::Read),
            _ => {
                Err(told
                    .flaw_of_function("a counter knows :add, :inc, :dec, :add-and-get and :read"))
            }
        }
    }

    fn is_of(&self, input: &CounterInput, function: &str) -> bool {
        match input {
            CounterInput::Add(_) => {
                ["add", "inc", "increment", "dec", "decr", "decrement"].contains(&function)
            }
            CounterInput::AddAndGet(_) => function == "add-and-get",
            CounterInput::Read => function == "read",
        }
    }

    fn answer(
        &self,
        told: &Told<'_>,
        placed: Option<&Placed<'_>>,
        input: &CounterInput,
    ) -> Result<CounterOutput, Flaw> {
        match input {
            CounterInput::Add(_) => {
                let repeats = self.call(told, placed).is_ok_and(|again| again == *input);
                must_repeat(told, placed, repeats)?;
                Ok(CounterOutput::Done)
            }
            CounterInput::AddAndGet(more) => match form(placed) {
                Form::Vector(parts) if parts.len() == 2 => {
                    let repeats = number(told, parts.first())? == *more;
                    must_repeat(told, parts.first(), repeats)?;
                    number(told, parts.get(1)).map(CounterOutput::Value)
                }
                _ => number(told, placed).map(CounterOutput::Value),
            },
            CounterInput::Read => number(told, placed).map(CounterOutput::Value),
        }
    }
}
