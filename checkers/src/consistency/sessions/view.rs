//! What the session judge sees of an operation: whether it read or wrote, and what.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use crate::linearizability::Specification;
use crate::linearizability::specifications::{
    CasInput, CasOutput, CasRegister, Entry, Keyed, KeyedInput, Register, RegisterInput,
    RegisterOutput, Text, TextInput, TextOutput,
};

/// An object whose states are values that are read and written as a whole, or
/// texts that grow by appends.
///
/// Keys are those of the [`Specification`].
pub trait ReadWrite: Specification {
    /// What an operation is to its key. It is asked of pending operations too,
    /// as if they had happened.
    fn access(&self, input: &Self::Input, output: Option<&Self::Output>) -> Access<Self::State>;

    /// A state as a text; `None` for objects that nothing is appended to.
    fn text(_state: &Self::State) -> Option<&str> {
        None
    }
}

/// What an operation is to its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access<Value> {
    /// It saw this value.
    Reads(Value),
    /// It left this value, whatever was before.
    Writes(Value),
    /// It saw one value and left another.
    Swaps {
        /// What it saw.
        from: Value,
        /// What it left.
        to: Value,
    },
    /// It made the text longer by this.
    Appends(Value),
    /// It says nothing about versions: a read without an answer, or a swap
    /// that was refused, of which only one value is known that was *not* seen.
    Nothing,
    /// The answer belongs to another question.
    Mismatched,
}

impl<Value> Access<Value> {
    /// The value that it left as a whole, if it happened.
    pub(super) const fn left(&self) -> Option<&Value> {
        match self {
            Self::Writes(value) | Self::Swaps { to: value, .. } => Some(value),
            _ => None,
        }
    }
}

impl ReadWrite for Text {
    fn access(&self, input: &TextInput, output: Option<&TextOutput>) -> Access<Arc<str>> {
        use TextOutput::{Done, Kept, Missing, Swapped, Value};
        match (input, output) {
            (TextInput::Get, Some(Value(seen))) => Access::Reads(seen.clone()),
            (TextInput::Get, Some(Missing)) => Access::Reads(self.initial()),
            (TextInput::Put(text), None | Some(Done)) => Access::Writes(text.clone()),
            (TextInput::Append(more), None | Some(Done)) => Access::Appends(more.clone()),
            (TextInput::Delete, None | Some(Done)) => Access::Writes(self.initial()),
            (TextInput::Cas { from, to }, None | Some(Swapped)) => Access::Swaps {
                from: from.clone(),
                to: to.clone(),
            },
            (TextInput::Get, None) | (TextInput::Cas { .. }, Some(Kept)) => Access::Nothing,
            _ => Access::Mismatched,
        }
    }

    fn text(state: &Arc<str>) -> Option<&str> {
        Some(state)
    }
}

impl ReadWrite for Entry {
    fn access(&self, input: &TextInput, output: Option<&TextOutput>) -> Access<Option<Arc<str>>> {
        match (input, output) {
            (TextInput::Get, Some(TextOutput::Missing)) => Access::Reads(None),
            (TextInput::Delete, None | Some(TextOutput::Done)) => Access::Writes(None),
            _ => match Text.access(input, output) {
                Access::Reads(text) => Access::Reads(Some(text)),
                Access::Writes(text) => Access::Writes(Some(text)),
                Access::Appends(more) => Access::Appends(Some(more)),
                Access::Swaps { from, to } => Access::Swaps {
                    from: Some(from),
                    to: Some(to),
                },
                Access::Nothing => Access::Nothing,
                Access::Mismatched => Access::Mismatched,
            },
        }
    }

    fn text(state: &Option<Arc<str>>) -> Option<&str> {
        Some(state.as_deref().unwrap_or_default())
    }
}

impl<V: Clone + Eq + Ord + Hash + Debug> ReadWrite for Register<V> {
    fn access(&self, input: &RegisterInput<V>, output: Option<&RegisterOutput<V>>) -> Access<V> {
        match (input, output) {
            (RegisterInput::Read, Some(RegisterOutput::Value(seen))) => Access::Reads(seen.clone()),
            (RegisterInput::Write(value), None | Some(RegisterOutput::Written)) => {
                Access::Writes(value.clone())
            }
            (RegisterInput::Read, None) => Access::Nothing,
            _ => Access::Mismatched,
        }
    }
}

impl<V: Clone + Eq + Ord + Hash + Debug> ReadWrite for CasRegister<V> {
    fn access(&self, input: &CasInput<V>, output: Option<&CasOutput<V>>) -> Access<V> {
        use CasOutput::{Kept, Swapped, Value, Written};
        match (input, output) {
            (CasInput::Read, Some(Value(seen))) => Access::Reads(seen.clone()),
            (CasInput::Write(value), None | Some(Written)) => Access::Writes(value.clone()),
            (CasInput::Cas { from, to }, None | Some(Swapped)) => Access::Swaps {
                from: from.clone(),
                to: to.clone(),
            },
            (CasInput::Read, None) | (CasInput::Cas { .. }, Some(Kept)) => Access::Nothing,
            _ => Access::Mismatched,
        }
    }
}

impl<K, S> ReadWrite for Keyed<K, S>
where
    K: Clone + Ord + Hash + Debug,
    S: ReadWrite<Key = ()>,
{
    fn access(
        &self,
        input: &KeyedInput<K, S::Input>,
        output: Option<&S::Output>,
    ) -> Access<S::State> {
        self.object.access(&input.input, output)
    }

    fn text(state: &S::State) -> Option<&str> {
        S::text(state)
    }
}
