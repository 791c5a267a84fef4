//! What a user may have forgotten to say of a history that is not linearizable.

use std::collections::BTreeSet;
use std::sync::Arc;

use snowglobe_checkers::history::{History, Operation, Value};
use snowglobe_checkers::linearizability::specifications::{
    CasInput, CasOutput, CounterInput, CounterOutput, KeyedInput, RegisterInput, RegisterOutput,
    TextInput, TextOutput,
};

/// Histories of many objects, each under its key.
type Of<Input, Output> = History<KeyedInput<Arc<str>, Input>, Output>;

/// A value that was read and never written may have been there from the start.
fn initial_of(
    seen: impl IntoIterator<Item = (Arc<str>, Value)>,
    written: &BTreeSet<(Arc<str>, Value)>,
) -> Option<String> {
    let mut unknown = seen
        .into_iter()
        .filter(|it| it.1 != Value::Nothing && !written.contains(it));
    let (_, first) = unknown.next()?;
    // Two such values cannot both have been there.
    unknown.all(|(_, value)| value == first).then(|| {
        format!(
            "{first} was read and never written; if it was there from the start, give --initial \
             {first}"
        )
    })
}

pub(super) fn hint_of_register(
    history: &Of<RegisterInput<Value>, RegisterOutput<Value>>,
) -> Option<String> {
    let (mut seen, mut written) = (Vec::new(), BTreeSet::new());
    for operation in history.operations() {
        let key = &operation.input.key;
        match (&operation.input.input, operation.output()) {
            (RegisterInput::Read, Some(RegisterOutput::Value(value))) => {
                seen.push((Arc::clone(key), value.clone()));
            }
            (RegisterInput::Write(value), _) => {
                written.insert((Arc::clone(key), value.clone()));
            }
            _ => {}
        }
    }
    initial_of(seen, &written)
}

pub(super) fn hint_of_cas_register(
    history: &Of<CasInput<Value>, CasOutput<Value>>,
) -> Option<String> {
    let (mut seen, mut written) = (Vec::new(), BTreeSet::new());
    for operation in history.operations() {
        let key = &operation.input.key;
        let of_key = |value: &Value| (Arc::clone(key), value.clone());
        match (&operation.input.input, operation.output()) {
            (CasInput::Read, Some(CasOutput::Value(value))) => seen.push(of_key(value)),
            (CasInput::Write(value), _) => drop(written.insert(of_key(value))),
            (CasInput::Cas { from, to }, output) => {
                if output == Some(&CasOutput::Swapped) {
                    seen.push(of_key(from));
                }
                written.insert(of_key(to));
            }
            (CasInput::Read, _) => {}
        }
    }
    initial_of(seen, &written)
}

/// The first read of a counter, before anything was added to it.
pub(super) fn hint_of_counter(history: &Of<CounterInput, CounterOutput>) -> Option<String> {
    let mut operations = history.operations().iter();
    let first = operations.next()?;
    match (&first.input.input, &first.returned) {
        (CounterInput::Read, Some((at, CounterOutput::Value(value)))) if *value != 0 => {
            let is_alone = operations.next().is_none_or(|next| next.called > *at);
            is_alone.then(|| {
                format!(
                    "{value} was read before anything was added; if it was there from the start, \
                     give --initial {value}"
                )
            })
        }
        _ => None,
    }
}

/// Whether an empty text was put.
fn puts_empty(history: &Of<TextInput, TextOutput>) -> bool {
    history
        .operations()
        .iter()
        .any(|operation| match &operation.input.input {
            TextInput::Put(text) | TextInput::Append(text) | TextInput::Cas { to: text, .. } => {
                text.is_empty()
            }
            TextInput::Get | TextInput::Delete => false,
        })
}

/// Some stores answer with an empty text where they have none.
pub(super) fn hint_of_missing(history: &Of<TextInput, TextOutput>) -> Option<String> {
    let is_seen = |operation: &Operation<KeyedInput<Arc<str>, TextInput>, TextOutput>| match (
        &operation.input.input,
        operation.output(),
    ) {
        (TextInput::Get, Some(TextOutput::Value(text))) => text.is_empty(),
        (TextInput::Cas { from, .. }, Some(TextOutput::Swapped)) => from.is_empty(),
        _ => false,
    };
    let is_shown = history.operations().iter().any(is_seen);
    (is_shown && !puts_empty(history)).then(|| {
        "an empty text was found and never put; if that is how this store shows a missing key, \
         give --missing-is-empty"
            .to_owned()
    })
}

/// What speaks against a store that shows missing keys as empty texts.
pub(super) fn doubt_of_missing(history: &Of<TextInput, TextOutput>) -> Option<String> {
    let mut operations = history.operations().iter();
    let says_missing = operations.any(|it| it.output() == Some(&TextOutput::Missing));
    (says_missing || puts_empty(history)).then(|| {
        "at first this store seems to show missing keys as empty texts, and later it does not: \
         say which with --missing-is-empty=true or --missing-is-empty=false"
            .to_owned()
    })
}
