//! A register that is read and written.

use std::fmt::Debug;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::linearizability::specification::{Claims, Leaves, Legal, Specification};

/// A single register: a read gives what the last write put there.
///
/// Accepts `Write(v)` answered by `Written`, and `Read` answered by `Value(v)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register<V> {
    /// What it holds before the first write.
    pub initial: V,
}

/// What a register can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RegisterInput<V> {
    /// What does it hold?
    Read,
    /// Let it hold this.
    Write(V),
}

/// What a register answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RegisterOutput<V> {
    /// To a read: what it holds.
    Value(V),
    /// To a write: done.
    Written,
}

impl<V: Clone + Eq + Ord + Hash + Debug> Specification for Register<V> {
    type State = V;
    type Input = RegisterInput<V>;
    type Output = RegisterOutput<V>;
    type Key = ();
    type Next = Option<V>;

    fn initial(&self) -> V {
        self.initial.clone()
    }

    fn key(&self, _: &RegisterInput<V>) {}

    fn step(
        &self,
        state: &V,
        input: &RegisterInput<V>,
        output: Option<&RegisterOutput<V>>,
    ) -> Option<V> {
        match (input, output) {
            (RegisterInput::Write(value), None | Some(RegisterOutput::Written)) => {
                Some(value.clone())
            }
            (RegisterInput::Read, None) => Some(state.clone()),
            (RegisterInput::Read, Some(RegisterOutput::Value(seen))) => {
                (seen == state).then(|| state.clone())
            }
            // An answer that belongs to another question.
            (RegisterInput::Write(_), Some(RegisterOutput::Value(_)))
            | (RegisterInput::Read, Some(RegisterOutput::Written)) => None,
        }
    }

    fn claims(&self, input: &RegisterInput<V>, output: Option<&RegisterOutput<V>>) -> Claims<V> {
        match (input, output) {
            (RegisterInput::Write(value), None | Some(RegisterOutput::Written)) => {
                Claims::new(Legal::Everywhere, Leaves::Fixed(value.clone()))
            }
            (RegisterInput::Read, None) => Claims::new(Legal::Everywhere, Leaves::Same),
            (RegisterInput::Read, Some(RegisterOutput::Value(seen))) => {
                Claims::new(Legal::OnlyIn(seen.clone()), Leaves::Same)
            }
            _ => Claims::NONE,
        }
    }

    fn is_mute(&self, input: &RegisterInput<V>) -> bool {
        matches!(input, RegisterInput::Write(_))
    }

    fn describe_operation(
        &self,
        input: &RegisterInput<V>,
        output: Option<&RegisterOutput<V>>,
    ) -> String {
        match (input, output) {
            (RegisterInput::Write(value), _) => format!("write({value:?})"),
            (RegisterInput::Read, Some(RegisterOutput::Value(seen))) => {
                format!("read() -> {seen:?}")
            }
            (RegisterInput::Read, _) => "read()".to_owned(),
        }
    }
}
