//! A number that is added to.

use serde::{Deserialize, Serialize};

use crate::linearizability::specification::{Claims, Leaves, Legal, Specification};

/// A counter of 64 bits with a sign; beyond its ends it wraps around.
///
/// Accepts `Add(n)` answered by `Done`; `AddAndGet(n)` answered by `Value(v)`, the
/// sum; and `Read` answered by `Value(v)`. A negative `n` takes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// What it stands at before anything was added.
    pub initial: i64,
}

/// What a counter can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CounterInput {
    /// Add this.
    Add(i64),
    /// Add this, and what is the sum?
    AddAndGet(i64),
    /// What does it stand at?
    Read,
}

/// What a counter answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CounterOutput {
    /// To an addition: done.
    Done,
    /// To a read, or an addition that asked: what it stands at now.
    Value(i64),
}

impl Specification for Counter {
    type State = i64;
    type Input = CounterInput;
    type Output = CounterOutput;
    type Key = ();
    type Next = Option<i64>;

    fn initial(&self) -> i64 {
        self.initial
    }

    fn key(&self, _: &CounterInput) {}

    fn step(
        &self,
        state: &i64,
        input: &CounterInput,
        output: Option<&CounterOutput>,
    ) -> Option<i64> {
        use CounterOutput::{Done, Value};
        match (input, output) {
            (CounterInput::Add(more), None | Some(Done))
            | (CounterInput::AddAndGet(more), None) => Some(state.wrapping_add(*more)),
            (CounterInput::AddAndGet(more), Some(Value(seen))) => {
                let sum = state.wrapping_add(*more);
                (*seen == sum).then_some(sum)
            }
            (CounterInput::Read, None) => Some(*state),
            (CounterInput::Read, Some(Value(seen))) => (seen == state).then_some(*state),
            // An answer that belongs to another question.
            (CounterInput::Add(_), Some(Value(_)))
            | (CounterInput::AddAndGet(_) | CounterInput::Read, Some(Done)) => None,
        }
    }

    fn claims(&self, input: &CounterInput, output: Option<&CounterOutput>) -> Claims<i64> {
        use CounterOutput::{Done, Value};
        match (input, output) {
            (CounterInput::Add(_), None | Some(Done)) | (CounterInput::AddAndGet(_), None) => {
                Claims::new(Legal::Everywhere, Leaves::Depends)
            }
            // Who knows the sum knows what it was made of.
            (CounterInput::AddAndGet(more), Some(Value(seen))) => Claims::new(
                Legal::OnlyIn(seen.wrapping_sub(*more)),
                Leaves::Fixed(*seen),
            ),
            (CounterInput::Read, None) => Claims::new(Legal::Everywhere, Leaves::Same),
            (CounterInput::Read, Some(Value(seen))) => {
                Claims::new(Legal::OnlyIn(*seen), Leaves::Same)
            }
            _ => Claims::NONE,
        }
    }

    fn is_mute(&self, input: &CounterInput) -> bool {
        matches!(input, CounterInput::Add(_))
    }

    fn describe_operation(&self, input: &CounterInput, output: Option<&CounterOutput>) -> String {
        let asked = match input {
            CounterInput::Add(more) => format!("add({more})"),
            CounterInput::AddAndGet(more) => format!("add_and_get({more})"),
            CounterInput::Read => "read()".to_owned(),
        };
        match output {
            Some(CounterOutput::Value(seen)) => format!("{asked} -> {seen}"),
            Some(CounterOutput::Done) | None => asked,
        }
    }
}
