//! A text that is got, put, appended to, deleted and swapped: one key of a
//! key/value store.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::text_machine::TextMachine;
use super::{Keyed, text_reason};
use crate::history::Operation;
use crate::linearizability::explanation::Reason;
use crate::linearizability::machine::Numbering;
use crate::linearizability::specification::{Claims, Leaves, Legal, Specification};

/// A key/value store: a [`Text`] under each key.
pub type KeyValue = Keyed<Arc<str>, Text>;

impl KeyValue {
    /// A store without any key.
    pub const EMPTY: Self = Self::new(Text);
}

/// A single text, empty at first. A missing key and an empty text are the same; an
/// [`Entry`](super::Entry) tells them apart.
///
/// Accepts `Get` answered by `Value(text)`, or by `Missing` where the text is empty; `Put(text)`, `Append(text)` and
/// `Delete` answered by `Done`; and `Cas { from, to }` answered by `Swapped` or
/// by `Kept`, which says that the text was not `from`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text;

/// What a text can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TextInput {
    /// What is it?
    Get,
    /// Let it be this.
    Put(Arc<str>),
    /// Let it be longer by this.
    Append(Arc<str>),
    /// Let it be empty.
    Delete,
    /// Let it be `to` if it is `from`.
    Cas {
        /// What it must be.
        from: Arc<str>,
        /// What it is then.
        to: Arc<str>,
    },
}

/// What a text answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TextOutput {
    /// To a get: what it is.
    Value(Arc<str>),
    /// To a get: there is none.
    Missing,
    /// To a put, an append or a delete: done.
    Done,
    /// To a compare-and-swap: it was `from`, and now is `to`.
    Swapped,
    /// To a compare-and-swap: it was something else, and still is.
    Kept,
}

impl Specification for Text {
    type State = Arc<str>;
    type Input = TextInput;
    type Output = TextOutput;
    type Key = ();
    type Next = Option<Arc<str>>;

    fn initial(&self) -> Arc<str> {
        Arc::from("")
    }

    fn key(&self, _: &TextInput) {}

    fn step(
        &self,
        state: &Arc<str>,
        input: &TextInput,
        output: Option<&TextOutput>,
    ) -> Option<Arc<str>> {
        use TextOutput::{Done, Kept, Missing, Swapped, Value};
        match (input, output) {
            (TextInput::Get, None) => Some(state.clone()),
            (TextInput::Get, Some(Value(seen))) => (seen == state).then(|| state.clone()),
            (TextInput::Get, Some(Missing)) => state.is_empty().then(|| state.clone()),
            (TextInput::Put(text), None | Some(Done)) => Some(text.clone()),
            (TextInput::Append(more), None | Some(Done)) => Some(format!("{state}{more}").into()),
            (TextInput::Delete, None | Some(Done)) => Some(self.initial()),
            (TextInput::Cas { from, to }, None) => {
                Some(if from == state { to } else { state }.clone())
            }
            (TextInput::Cas { from, to }, Some(Swapped)) => (from == state).then(|| to.clone()),
            (TextInput::Cas { from, .. }, Some(Kept)) => (from != state).then(|| state.clone()),
            // An answer that belongs to another question.
            _ => None,
        }
    }

    fn claims(&self, input: &TextInput, output: Option<&TextOutput>) -> Claims<Arc<str>> {
        use TextOutput::{Done, Kept, Missing, Swapped, Value};
        match (input, output) {
            (TextInput::Get, None) => Claims::new(Legal::Everywhere, Leaves::Same),
            (TextInput::Get, Some(Value(seen))) => {
                Claims::new(Legal::OnlyIn(seen.clone()), Leaves::Same)
            }
            (TextInput::Get, Some(Missing)) => {
                Claims::new(Legal::OnlyIn(self.initial()), Leaves::Same)
            }
            (TextInput::Put(text), None | Some(Done)) => {
                Claims::new(Legal::Everywhere, Leaves::Fixed(text.clone()))
            }
            (TextInput::Append(_), None | Some(Done)) => {
                Claims::new(Legal::Everywhere, Leaves::Depends)
            }
            (TextInput::Delete, None | Some(Done)) => {
                Claims::new(Legal::Everywhere, Leaves::Fixed(self.initial()))
            }
            (TextInput::Cas { from, to }, None) => {
                Claims::new(Legal::Everywhere, Leaves::Swaps(from.clone(), to.clone()))
            }
            (TextInput::Cas { from, to }, Some(Swapped)) => {
                Claims::new(Legal::OnlyIn(from.clone()), Leaves::Fixed(to.clone()))
            }
            (TextInput::Cas { from, .. }, Some(Kept)) => {
                Claims::new(Legal::ExceptIn(from.clone()), Leaves::Same)
            }
            _ => Claims::NONE,
        }
    }

    fn weight(&self, state: &Arc<str>) -> usize {
        size_of::<Arc<str>>() + state.len()
    }

    fn machine<'a>(
        &'a self,
        operations: Vec<(&'a TextInput, Option<&'a TextOutput>)>,
    ) -> Box<dyn Numbering<Arc<str>> + 'a> {
        Box::new(TextMachine::new(operations))
    }

    /// A text only ever grows at its end, unless it is put anew.
    fn may_come(&self, state: &Arc<str>, _: &TextInput, output: &TextOutput) -> bool {
        match output {
            TextOutput::Value(seen) => seen.starts_with(&**state),
            TextOutput::Missing => state.is_empty(),
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
        in_words(input, output)
    }
}

/// An operation in words.
pub(super) fn in_words(input: &TextInput, output: Option<&TextOutput>) -> String {
    let asked = match input {
        TextInput::Get => "get()".to_owned(),
        TextInput::Put(text) => format!("put({text:?})"),
        TextInput::Append(more) => format!("append({more:?})"),
        TextInput::Delete => "delete()".to_owned(),
        TextInput::Cas { from, to } => format!("cas({from:?}, {to:?})"),
    };
    match output {
        Some(TextOutput::Value(seen)) => format!("{asked} -> {seen:?}"),
        Some(TextOutput::Missing) => format!("{asked} -> missing"),
        Some(TextOutput::Swapped) => format!("{asked} -> swapped"),
        Some(TextOutput::Kept) => format!("{asked} -> kept"),
        Some(TextOutput::Done) | None => asked,
    }
}
