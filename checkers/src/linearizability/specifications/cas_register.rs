//! A register with compare-and-swap.

use std::fmt::Debug;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::linearizability::specification::{Claims, Leaves, Legal, Specification};

/// A register that can also swap one value for another if it holds that one.
///
/// Accepts `Write(v)` answered by `Written`, `Read` by `Value(v)`, and
/// `Cas { from, to }` by `Swapped` or by `Kept`. A swap that was refused is an
/// observation: the register held something else. A swap without an answer may
/// have swapped, may have been refused, or may not have happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CasRegister<V> {
    /// What it holds before the first write.
    pub initial: V,
}

/// What such a register can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CasInput<V> {
    /// What does it hold?
    Read,
    /// Let it hold this.
    Write(V),
    /// Let it hold `to` if it holds `from`.
    Cas {
        /// What it must hold.
        from: V,
        /// What it holds then.
        to: V,
    },
}

/// What such a register answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CasOutput<V> {
    /// To a read: what it holds.
    Value(V),
    /// To a write: done.
    Written,
    /// To a compare-and-swap: it held `from`, and now holds `to`.
    Swapped,
    /// To a compare-and-swap: it held something else, and still does.
    Kept,
}

impl<V: Clone + Eq + Ord + Hash + Debug> Specification for CasRegister<V> {
    type State = V;
    type Input = CasInput<V>;
    type Output = CasOutput<V>;
    type Key = ();
    type Next = Option<V>;

    fn initial(&self) -> V {
        self.initial.clone()
    }

    fn key(&self, _: &CasInput<V>) {}

    fn step(&self, state: &V, input: &CasInput<V>, output: Option<&CasOutput<V>>) -> Option<V> {
        use CasOutput::{Kept, Swapped, Value, Written};
        match (input, output) {
            (CasInput::Write(value), None | Some(Written)) => Some(value.clone()),
            (CasInput::Read, None) => Some(state.clone()),
            (CasInput::Read, Some(Value(seen))) => (seen == state).then(|| state.clone()),
            (CasInput::Cas { from, to }, None) => {
                Some(if from == state { to } else { state }.clone())
            }
            (CasInput::Cas { from, to }, Some(Swapped)) => (from == state).then(|| to.clone()),
            (CasInput::Cas { from, .. }, Some(Kept)) => (from != state).then(|| state.clone()),
            // An answer that belongs to another question.
            (CasInput::Write(_), Some(_))
            | (CasInput::Read, Some(_))
            | (CasInput::Cas { .. }, Some(_)) => None,
        }
    }

    fn claims(&self, input: &CasInput<V>, output: Option<&CasOutput<V>>) -> Claims<V> {
        use CasOutput::{Kept, Swapped, Value, Written};
        match (input, output) {
            (CasInput::Write(value), None | Some(Written)) => {
                Claims::new(Legal::Everywhere, Leaves::Fixed(value.clone()))
            }
            (CasInput::Read, None) => Claims::new(Legal::Everywhere, Leaves::Same),
            (CasInput::Read, Some(Value(seen))) => {
                Claims::new(Legal::OnlyIn(seen.clone()), Leaves::Same)
            }
            (CasInput::Cas { from, to }, None) => {
                Claims::new(Legal::Everywhere, Leaves::Swaps(from.clone(), to.clone()))
            }
            (CasInput::Cas { from, to }, Some(Swapped)) => {
                Claims::new(Legal::OnlyIn(from.clone()), Leaves::Fixed(to.clone()))
            }
            (CasInput::Cas { from, .. }, Some(Kept)) => {
                Claims::new(Legal::ExceptIn(from.clone()), Leaves::Same)
            }
            _ => Claims::NONE,
        }
    }

    fn is_mute(&self, input: &CasInput<V>) -> bool {
        matches!(input, CasInput::Write(_))
    }

    fn describe_operation(&self, input: &CasInput<V>, output: Option<&CasOutput<V>>) -> String {
        match (input, output) {
            (CasInput::Write(value), _) => format!("write({value:?})"),
            (CasInput::Read, Some(CasOutput::Value(seen))) => format!("read() -> {seen:?}"),
            (CasInput::Read, _) => "read()".to_owned(),
            (CasInput::Cas { from, to }, Some(CasOutput::Swapped)) => {
                format!("cas({from:?}, {to:?}) -> swapped")
            }
            (CasInput::Cas { from, to }, Some(CasOutput::Kept)) => {
                format!("cas({from:?}, {to:?}) -> kept")
            }
            (CasInput::Cas { from, to }, _) => format!("cas({from:?}, {to:?})"),
        }
    }
}
