//! Understands the sentences about users.

use std::sync::Arc;
use std::time::Duration;

use snowglobe_checkers::linearizability::specifications::TextInput;

use super::row::{PaddedKeys, Row};
use snowglobe::scenarios::story::{read_number, read_time};

/// A sentence about users.
#[derive(Clone, Debug)]
pub(crate) enum UserSentence {
    /// They call what they like.
    Begin,
    /// Each is answered, and calls no more.
    Rest(Duration),
    /// Every user's own key holds all its acknowledged appends, once and in order.
    ChainsAreWhole(Duration),
    /// One call of one user.
    Call {
        /// Who calls.
        user: usize,
        /// For which key.
        key: Arc<str>,
        /// What it asks of it.
        input: TextInput,
        /// What a get must see.
        got: Option<Arc<str>>,
        /// How long it may take; nobody waits for it without.
        within: Option<Duration>,
    },
    /// Every user appends to a key.
    AppendEach {
        /// How often each does.
        times: u64,
        /// The key that all append to.
        key: Arc<str>,
        /// How long all of them together may take.
        within: Duration,
    },
    /// One user makes many calls.
    Row {
        /// Who calls.
        user: usize,
        /// What it calls.
        row: Row,
        /// How long all calls together may take.
        within: Duration,
    },
    /// A user's call is not answered in this time.
    Waits {
        /// Who waits.
        user: usize,
        /// For how long.
        length: Duration,
    },
    /// A user's calls are answered.
    Served {
        /// Who is answered.
        user: usize,
        /// How long it may take.
        within: Duration,
    },
    /// What a user last saw of a key.
    HasGot {
        /// Who saw it.
        user: usize,
        /// The key that it got.
        key: Arc<str>,
        /// What it must have seen.
        value: Arc<str>,
    },
}

impl UserSentence {
    /// The user that it speaks of.
    pub(super) fn user(&self) -> Option<usize> {
        match self {
            Self::Call { user, .. }
            | Self::Row { user, .. }
            | Self::Waits { user, .. }
            | Self::Served { user, .. }
            | Self::HasGot { user, .. } => Some(*user),
            _ => None,
        }
    }

    /// Whether it waits for users to have no call under way: those that call
    /// what they like never come to that.
    pub(super) fn wants_users_at_rest(&self) -> bool {
        match self {
            Self::ChainsAreWhole(_) | Self::AppendEach { .. } => true,
            _ => self.user().is_some(),
        }
    }

    /// How long it may take, or must be so.
    pub(super) fn length(&self) -> Duration {
        match self {
            Self::Rest(length)
            | Self::ChainsAreWhole(length)
            | Self::Call {
                within: Some(length),
                ..
            }
            | Self::AppendEach { within: length, .. }
            | Self::Row { within: length, .. }
            | Self::Waits { length, .. }
            | Self::Served { within: length, .. } => *length,
            Self::Begin | Self::Call { within: None, .. } | Self::HasGot { .. } => Duration::ZERO,
        }
    }
}

/// Understands a sentence; `None` if it is not about users.
pub(super) fn understand(words: &[&str]) -> Option<Result<UserSentence, String>> {
    let [who, rest @ ..] = words else {
        return None;
    };
    match who.strip_prefix('u').map(str::parse) {
        Some(Ok(user)) => Some(of_user(user, rest)),
        _ => of_all(words).transpose(),
    }
}

fn of_all(words: &[&str]) -> Result<Option<UserSentence>, String> {
    Ok(Some(match words {
        ["users", "begin"] => UserSentence::Begin,
        ["users", "rest", "within", length] => UserSentence::Rest(read_time(length)?),
        ["chains", "are", "whole", "within", length] => {
            UserSentence::ChainsAreWhole(read_time(length)?)
        }
        [
            "users",
            "append",
            times,
            "each",
            "to",
            key,
            "within",
            length,
        ] => UserSentence::AppendEach {
            times: read_number(times)?,
            key: key_of(key)?,
            within: read_time(length)?,
        },
        _ => return Ok(None),
    }))
}

fn of_user(user: usize, words: &[&str]) -> Result<UserSentence, String> {
    match words {
        ["waits", "for", length] => Ok(UserSentence::Waits {
            user,
            length: read_time(length)?,
        }),
        ["is", "served", "within", length] => Ok(UserSentence::Served {
            user,
            within: read_time(length)?,
        }),
        ["has", "got", value, "from", key] => Ok(UserSentence::HasGot {
            user,
            key: (*key).into(),
            value: (*value).into(),
        }),
        ["begins", "to", verb, rest @ ..] => call(user, verb, rest, None),
        [rest @ .., "within", length] => {
            let within = read_time(length)?;
            match (row(rest)?, rest) {
                (Some(row), _) => Ok(UserSentence::Row { user, row, within }),
                (None, [verb, rest @ ..]) => {
                    let verb = verb.strip_suffix('s').unwrap_or(verb);
                    call(user, verb, rest, Some(within))
                }
                (None, []) => Err(format!("what does u{user} do?")),
            }
        }
        _ => Err(format!("what u{user} does is not understood")),
    }
}

/// Many calls of a user; `None` if the words are about a single one.
fn row(words: &[&str]) -> Result<Option<Row>, String> {
    Ok(Some(match words {
        ["puts", keys, "keys"] => Row::Keys(read_number(keys)?),
        ["puts", keys, "keys", "of", bytes, "bytes"] => {
            Row::PutPadded(PaddedKeys::new(read_number(keys)?, read_number(bytes)?)?)
        }
        ["gets", keys, "keys", "of", bytes, "bytes"] => {
            Row::GetPadded(PaddedKeys::new(read_number(keys)?, read_number(bytes)?)?)
        }
        ["puts", "and", "gets", key, times, "times"] => {
            Row::PutAndGet(read_number(times)?, key_of(key)?)
        }
        ["calls", times, "times"] => Row::Calls(read_number(times)?),
        _ => return Ok(None),
    }))
}

/// A key of a story's own: those of users are theirs alone.
fn key_of(word: &str) -> Result<Arc<str>, String> {
    match word.strip_prefix("own") {
        Some(_) => Err(format!("{word:?} belongs to a user; take another key")),
        None => Ok(word.into()),
    }
}

fn call(
    user: usize,
    verb: &str,
    words: &[&str],
    within: Option<Duration>,
) -> Result<UserSentence, String> {
    let (input, key, got) = match (verb, words) {
        ("put", [value, "to", key]) => (TextInput::Put((*value).into()), key, None),
        ("append", [value, "to", key]) => (TextInput::Append((*value).into()), key, None),
        ("delete", [key]) => (TextInput::Delete, key, None),
        ("get", ["nothing", "from", key]) if within.is_some() => {
            (TextInput::Get, key, Some("".into()))
        }
        ("get", [value, "from", key]) if within.is_some() => {
            (TextInput::Get, key, Some((*value).into()))
        }
        ("get", [key]) => (TextInput::Get, key, None),
        _ => return Err(format!("what u{user} does is not understood")),
    };
    Ok(UserSentence::Call {
        user,
        key: key_of(key)?,
        input,
        got,
        within,
    })
}
