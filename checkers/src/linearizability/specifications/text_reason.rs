//! What went wrong with a text, in one sentence.
//!
//! Every sentence is true of the history it is said of; whether it is the
//! whole story is for the search to say.

use super::text::{TextInput, TextOutput};
use crate::history::{Moment, Operation};
use crate::linearizability::explanation::{Reason, ReasonKind};

type Call = Operation<TextInput, TextOutput>;

/// Looks for a simple reason in what the core's gets saw.
pub(super) fn reason(operations: &[&Call], core: &[&Call]) -> Option<Reason> {
    core.iter().find_map(|operation| {
        let (Some((returned, TextOutput::Value(seen))), TextInput::Get) =
            (&operation.returned, &operation.input)
        else {
            return None;
        };
        let get = Get {
            words: format!(
                "the get of {} that was called at {}",
                operation.client, operation.called
            ),
            called: operation.called,
            returned: *returned,
            seen,
        };
        unexplained(operations, &get)
            .or_else(|| lost(operations, &get))
            .or_else(|| twice(operations, &get))
    })
}

struct Get<'a> {
    words: String,
    called: Moment,
    returned: Moment,
    seen: &'a str,
}

/// The text that an operation adds at the end, or puts in place of all.
fn written(operation: &Call) -> Option<&str> {
    match (&operation.input, operation.output()) {
        (TextInput::Append(text) | TextInput::Put(text), _) => Some(text),
        (TextInput::Cas { to, .. }, None | Some(TextOutput::Swapped)) => Some(to),
        _ => None,
    }
}

/// An append that was acknowledged before the get was called, which nothing can
/// have put away since, and whose text is not there.
fn lost(operations: &[&Call], get: &Get<'_>) -> Option<Reason> {
    let stays = |append: &Call| {
        operations.iter().all(|other| {
            let resets = !matches!(other.input, TextInput::Get | TextInput::Append(_));
            let before = other.returned_at().is_some_and(|at| at < append.called);
            !resets || before || other.called > get.returned
        })
    };
    operations.iter().find_map(|append| {
        let TextInput::Append(text) = &append.input else {
            return None;
        };
        let acknowledged = append.returned_at().is_some_and(|at| at < get.called);
        (acknowledged && !get.seen.contains(&**text) && stays(append)).then(|| Reason {
            kind: ReasonKind::LostUpdate,
            sentence: format!(
                "append({text:?}) of {} had returned before {}, which does not see it",
                append.client, get.words
            ),
        })
    })
}

/// A text that is there more often than it was written.
fn twice(operations: &[&Call], get: &Get<'_>) -> Option<Reason> {
    let texts: Vec<(&Call, &str)> = operations
        .iter()
        .filter_map(|one| Some((*one, written(one)?)))
        .collect();
    texts.iter().find_map(|(append, text)| {
        let others = texts
            .iter()
            .filter(|(other, _)| !std::ptr::eq(*other, *append));
        let seen = get.seen.matches(text).count();
        let once = !overlaps(text, text) && others.clone().all(|(_, other)| is_apart(text, other));
        (!text.is_empty() && seen > 1 && once).then(|| Reason {
            kind: ReasonKind::HappenedTwice,
            sentence: format!(
                "{} sees {text:?} of {} {seen} times, though it was written once",
                get.words, append.client
            ),
        })
    })
}

/// Whether no text that is made of the second, of the first and of others like
/// it can hold the first in any place but its own.
fn is_apart(text: &str, other: &str) -> bool {
    let within = other.is_empty() || text.contains(other) || other.contains(text);
    !within && !overlaps(other, text)
}

/// Whether the end of one text is the beginning of another, but for the whole.
fn overlaps(one: &str, other: &str) -> bool {
    other
        .char_indices()
        .skip(1)
        .any(|(length, _)| one.ends_with(&other[..length]))
}

/// A text whose end nobody had begun to write.
fn unexplained(operations: &[&Call], get: &Get<'_>) -> Option<Reason> {
    let ends = |one: &&&Call| {
        written(one).is_some_and(|text| !text.is_empty() && get.seen.ends_with(text))
    };
    let in_time = |one: &&&Call| one.called <= get.returned;
    if get.seen.is_empty() || operations.iter().filter(in_time).any(|one| ends(&one)) {
        return None;
    }
    Some(match operations.iter().find(ends) {
        Some(later) => Reason {
            kind: ReasonKind::ReadOfTheFuture,
            sentence: format!(
                "what {} sees at the end was written by {} only after it had returned",
                get.words, later.client
            ),
        },
        None => Reason {
            kind: ReasonKind::NeverWritten,
            sentence: format!("nobody ever wrote what {} sees at the end", get.words),
        },
    })
}
