//! Understands the key/value service's own sentences.

use std::sync::Arc;
use std::time::Duration;

use snowglobe_checkers::linearizability::specifications::TextInput;

use crate::scenarios::story::Name;
use crate::time::parse_duration;

/// One of the service's own sentences.
#[derive(Clone, Debug)]
pub(in crate::scenarios::kv) enum Sentence {
    LeaderWithin(Duration),
    Begin,
    Rest(Duration),
    ChainsAreWhole(Duration),
    Call {
        user: usize,
        key: Arc<str>,
        input: TextInput,
        /// What a get must see.
        got: Option<Arc<str>>,
        /// How long it may take; nobody waits for it without.
        within: Option<Duration>,
    },
    AppendEach {
        times: u64,
        key: Arc<str>,
        within: Duration,
    },
    Row {
        user: usize,
        row: Row,
        within: Duration,
    },
    Waits {
        user: usize,
        length: Duration,
    },
    Served {
        user: usize,
        within: Duration,
    },
    HasGot {
        user: usize,
        key: Arc<str>,
        value: Arc<str>,
    },
    Submit {
        times: u64,
        at: Name,
    },
    /// These lead, in their own eyes.
    Leads(Name),
    SubmissionsFail(Duration),
    SubmissionsWait(Duration),
    NoSubmissionApplied,
    ServersAgree(Duration),
    RaftStateHolds(usize),
    SnapshotHolds(usize),
    /// On every server, or on none.
    HasSnapshot(bool),
}

/// Many calls of one user, one after the other.
#[derive(Clone, Debug)]
pub(in crate::scenarios::kv) enum Row {
    /// A put to each of so many keys.
    Keys(u64),
    /// A put to a key and a get of it, so many times.
    PutAndGet(u64, Arc<str>),
    /// An append and a get by turns, so many together.
    Calls(u64),
}

impl Row {
    pub(super) fn calls(&self) -> Vec<(Arc<str>, TextInput)> {
        let text = |text: String| -> Arc<str> { text.into() };
        match self {
            Self::Keys(keys) => (0..*keys)
                .map(|number| {
                    (
                        text(format!("x{number}")),
                        TextInput::Put(text(format!("v{number}"))),
                    )
                })
                .collect(),
            Self::PutAndGet(times, key) => (0..*times)
                .flat_map(|number| {
                    let put = TextInput::Put(text(format!("v{number}")));
                    [(key.clone(), put), (key.clone(), TextInput::Get)]
                })
                .collect(),
            Self::Calls(times) => (0..*times)
                .map(|number| {
                    let input = match number % 2 {
                        0 => TextInput::Append(text(format!("{number} "))),
                        _ => TextInput::Get,
                    };
                    (text("row".to_owned()), input)
                })
                .collect(),
        }
    }
}

impl Sentence {
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
            Self::LeaderWithin(length)
            | Self::Rest(length)
            | Self::ChainsAreWhole(length)
            | Self::Call {
                within: Some(length),
                ..
            }
            | Self::AppendEach { within: length, .. }
            | Self::Row { within: length, .. }
            | Self::Waits { length, .. }
            | Self::Served { within: length, .. }
            | Self::SubmissionsFail(length)
            | Self::SubmissionsWait(length)
            | Self::ServersAgree(length) => *length,
            Self::Begin
            | Self::Call { within: None, .. }
            | Self::HasGot { .. }
            | Self::Submit { .. }
            | Self::Leads(_)
            | Self::NoSubmissionApplied
            | Self::RaftStateHolds(_)
            | Self::SnapshotHolds(_)
            | Self::HasSnapshot(_) => Duration::ZERO,
        }
    }
}

pub(super) fn understand(words: &[&str]) -> Result<Sentence, String> {
    match words {
        ["leader", "within", length] => Ok(Sentence::LeaderWithin(time(length)?)),
        ["users", "begin"] => Ok(Sentence::Begin),
        ["users", "rest", "within", length] => Ok(Sentence::Rest(time(length)?)),
        ["chains", "are", "whole", "within", length] => Ok(Sentence::ChainsAreWhole(time(length)?)),
        [
            "users",
            "append",
            times,
            "each",
            "to",
            key,
            "within",
            length,
        ] => Ok(Sentence::AppendEach {
            times: number(times)?,
            key: key_of(key)?,
            within: time(length)?,
        }),
        [who, "leads"] => Ok(Sentence::Leads(name(who)?)),
        ["submit", times, "at", at] => Ok(Sentence::Submit {
            times: number(times)?,
            at: name(at)?,
        }),
        ["submissions", "wait", "for", length] => Ok(Sentence::SubmissionsWait(time(length)?)),
        ["submissions", "fail", "within", length] => Ok(Sentence::SubmissionsFail(time(length)?)),
        ["no", "submission", "is", "applied"] => Ok(Sentence::NoSubmissionApplied),
        ["servers", "agree", "within", length] => Ok(Sentence::ServersAgree(time(length)?)),
        [
            "every",
            "raft",
            "state",
            "holds",
            "at",
            "most",
            most,
            "bytes",
        ] => Ok(Sentence::RaftStateHolds(number(most)? as usize)),
        ["every", "snapshot", "holds", "at", "most", most, "bytes"] => {
            Ok(Sentence::SnapshotHolds(number(most)? as usize))
        }
        ["every", "server", "has", "a", "snapshot"] => Ok(Sentence::HasSnapshot(true)),
        ["no", "server", "has", "a", "snapshot"] => Ok(Sentence::HasSnapshot(false)),
        [who, rest @ ..] => match who.strip_prefix('u').map(str::parse) {
            Some(Ok(user)) => of_user(user, rest),
            _ => Err("this sentence is not known to kv".to_owned()),
        },
        [] => Err("an empty sentence".to_owned()),
    }
}

fn of_user(user: usize, words: &[&str]) -> Result<Sentence, String> {
    match words {
        ["waits", "for", length] => Ok(Sentence::Waits {
            user,
            length: time(length)?,
        }),
        ["is", "served", "within", length] => Ok(Sentence::Served {
            user,
            within: time(length)?,
        }),
        ["has", "got", value, "from", key] => Ok(Sentence::HasGot {
            user,
            key: (*key).into(),
            value: (*value).into(),
        }),
        ["begins", "to", verb, rest @ ..] => call(user, verb, rest, None),
        [rest @ .., "within", length] => {
            let within = time(length)?;
            match rest {
                ["puts", keys, "keys"] => Ok(Sentence::Row {
                    user,
                    row: Row::Keys(number(keys)?),
                    within,
                }),
                ["puts", "and", "gets", key, times, "times"] => Ok(Sentence::Row {
                    user,
                    row: Row::PutAndGet(number(times)?, key_of(key)?),
                    within,
                }),
                ["calls", times, "times"] => Ok(Sentence::Row {
                    user,
                    row: Row::Calls(number(times)?),
                    within,
                }),
                [verb, rest @ ..] => {
                    let verb = verb.strip_suffix('s').unwrap_or(verb);
                    call(user, verb, rest, Some(within))
                }
                [] => Err(format!("what does u{user} do?")),
            }
        }
        _ => Err(format!("what u{user} does is not understood")),
    }
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
) -> Result<Sentence, String> {
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
    Ok(Sentence::Call {
        user,
        key: key_of(key)?,
        input,
        got,
        within,
    })
}

fn name(word: &str) -> Result<Name, String> {
    Name::read(word).ok_or_else(|| format!("{word:?} is not a name; write it as $leader"))?
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|why| why.to_string())
}

/// No story needs more of anything.
const MOST: u64 = 1_000_000;

fn number(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number @ 0..=MOST) => Ok(number),
        Ok(_) => Err(format!("{text} is too many; {MOST} is the most")),
        Err(_) => Err(format!("{text:?} is not a number")),
    }
}
