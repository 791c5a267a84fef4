//! A text that may be missing: one key of a key/value store that tells a missing key from an
//! empty value.

use std::sync::Arc;

use super::text::{self, TextInput, TextOutput};
use super::text_machine::TextMachine;
use super::{Keyed, text_reason};
use crate::history::Operation;
use crate::linearizability::explanation::Reason;
use crate::linearizability::machine::Numbering;
use crate::linearizability::specification::{Claims, Leaves, Legal, Specification};

/// A key/value store: an [`Entry`] under each key.
pub type Entries = Keyed<Arc<str>, Entry>;

impl Entries {
    /// A store without any key.
    pub const NONE: Self = Self::new(Entry);
}

/// A text that may be missing, and is at first.
///
/// Accepts `Get` answered by `Value(text)`, or by `Missing`; `Put(text)`, `Append(text)`, which
/// makes a text where there is none, and `Delete` answered by `Done`; and `Cas { from, to }`
/// answered by `Swapped` or by `Kept`, which says that there was no text or that it was not `from`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry;

impl Specification for Entry {
    type State = Option<Arc<str>>;
    type Input = TextInput;
    type Output = TextOutput;
    type Key = ();
    type Next = Option<Self::State>;

    fn initial(&self) -> Self::State {
        None
    }

    fn key(&self, _: &TextInput) {}

    fn step(
        &self,
        state: &Self::State,
        input: &TextInput,
        output: Option<&TextOutput>,
    ) -> Option<Self::State> {
        use TextOutput::{Done, Kept, Missing, Swapped, Value};
        let is = |text: &Arc<str>| state.as_ref() == Some(text);
        match (input, output) {
            (TextInput::Get, None) => Some(state.clone()),
            (TextInput::Get, Some(Value(seen))) => is(seen).then(|| state.clone()),
            (TextInput::Get, Some(Missing)) => state.is_none().then_some(None),
            (TextInput::Put(text), None | Some(Done)) => Some(Some(text.clone())),
            (TextInput::Append(more), None | Some(Done)) => {
                let before = state.as_deref().unwrap_or_default();
                Some(Some(format!("{before}{more}").into()))
            }
            (TextInput::Delete, None | Some(Done)) => Some(None),
            (TextInput::Cas { from, to }, None) => Some(if is(from) {
                Some(to.clone())
            } else {
                state.clone()
            }),
            (TextInput::Cas { from, to }, Some(Swapped)) => is(from).then(|| Some(to.clone())),
            (TextInput::Cas { from, .. }, Some(Kept)) => (!is(from)).then(|| state.clone()),
            // An answer that belongs to another question.
            _ => None,
        }
    }

    fn claims(&self, input: &TextInput, output: Option<&TextOutput>) -> Claims<Self::State> {
        use TextOutput::{Done, Kept, Missing, Swapped, Value};
        let some = |text: &Arc<str>| Some(text.clone());
        match (input, output) {
            (TextInput::Get, None) => Claims::new(Legal::Everywhere, Leaves::Same),
            (TextInput::Get, Some(Value(seen))) => {
                Claims::new(Legal::OnlyIn(some(seen)), Leaves::Same)
            }
            (TextInput::Get, Some(Missing)) => Claims::new(Legal::OnlyIn(None), Leaves::Same),
            (TextInput::Put(text), None | Some(Done)) => {
                Claims::new(Legal::Everywhere, Leaves::Fixed(some(text)))
            }
            (TextInput::Append(_), None | Some(Done)) => {
                Claims::new(Legal::Everywhere, Leaves::Depends)
            }
            (TextInput::Delete, None | Some(Done)) => {
                Claims::new(Legal::Everywhere, Leaves::Fixed(None))
            }
            (TextInput::Cas { from, to }, None) => {
                Claims::new(Legal::Everywhere, Leaves::Swaps(some(from), some(to)))
            }
            (TextInput::Cas { from, to }, Some(Swapped)) => {
                Claims::new(Legal::OnlyIn(some(from)), Leaves::Fixed(some(to)))
            }
            (TextInput::Cas { from, .. }, Some(Kept)) => {
                Claims::new(Legal::ExceptIn(some(from)), Leaves::Same)
            }
            _ => Claims::NONE,
        }
    }

    fn weight(&self, state: &Self::State) -> usize {
        size_of::<Self::State>() + state.as_ref().map_or(0, |text| text.len())
    }

    fn machine<'a>(
        &'a self,
        operations: Vec<(&'a TextInput, Option<&'a TextOutput>)>,
    ) -> Box<dyn Numbering<Self::State> + 'a> {
        Box::new(TextMachine::new(operations))
    }

    /// A text only ever grows at its end, unless it is put anew.
    fn may_come(&self, state: &Self::State, _: &TextInput, output: &TextOutput) -> bool {
        match (output, state) {
            (TextOutput::Value(seen), Some(state)) => seen.starts_with(&**state),
            (TextOutput::Missing, Some(_)) => false,
            _ => true,
        }
    }

    fn reason(
        &self,
        operations: &[&Operation<TextInput, TextOutput>],
        core: &[&Operation<TextInput, TextOutput>],
    ) -> Option<Reason> {
        text_reason::reason(operations, core)
    }

    fn is_mute(&self, input: &TextInput) -> bool {
        matches!(
            input,
            TextInput::Put(_) | TextInput::Append(_) | TextInput::Delete
        )
    }

    fn describe_operation(&self, input: &TextInput, output: Option<&TextOutput>) -> String {
        text::in_words(input, output)
    }

    fn describe_state(&self, state: &Self::State) -> String {
        match state {
            Some(text) => format!("{text:?}"),
            None => "missing".to_owned(),
        }
    }
}
