//! How weak a history is, in words for a person.

use std::fmt;

use serde::Serialize;

use super::sequential::{self, SequentialVerdict};
use super::sessions::{self, Finding, Guarantee, NotJudged, ReadWrite, Sessions};
use crate::history::History;
use crate::linearizability::{Budget, Ended};

/// What a history that is not linearizable still keeps, and what it breaks.
/// Prints as a few sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weakness<Key> {
    /// Whether it is sequentially consistent.
    pub sequential: SequentialVerdict,
    /// What became of the session guarantees.
    pub sessions: Sessions<Key>,
    /// Both in words.
    pub words: String,
}

impl<Key> fmt::Display for Weakness<Key> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// Says how weak a history is of which it is known that it is *not*
/// linearizable; that is not looked at again.
///
/// The sessions are judged first. What they refute is refuted for sequential
/// consistency too, and then there is no search, however long the history is.
#[must_use]
pub fn weakness<S: ReadWrite>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    budget: &Budget<'_>,
) -> Weakness<S::Key> {
    let sessions = sessions::judge(specification, history);
    let mut not_judged = sessions.not_judged.iter();
    let sequential =
        if sessions.together.is_broken() || not_judged.any(|key| key.why.refutes_every_order()) {
            SequentialVerdict::Inconsistent { nodes: 0 }
        } else {
            sequential::check(specification, history, budget)
        };
    let words = in_words(specification, &sequential, &sessions);
    Weakness {
        sequential,
        sessions,
        words,
    }
}

fn in_words<S: ReadWrite>(
    specification: &S,
    sequential: &SequentialVerdict,
    sessions: &Sessions<S::Key>,
) -> String {
    let nodes = |nodes: u64| match nodes {
        1 => "1 configuration".to_owned(),
        nodes => format!("{nodes} configurations"),
    };
    let mut sentences = vec![match sequential {
        SequentialVerdict::Consistent { .. } => {
            return "Not linearizable, but sequentially consistent: one order of all operations \
                    fits what each client did and saw, though not when it did."
                .to_owned();
        }
        SequentialVerdict::Inconsistent { .. } => {
            "Neither linearizable nor sequentially consistent.".to_owned()
        }
        SequentialVerdict::Unknown { ended, nodes: seen } => format!(
            "Not linearizable; whether sequentially consistent is not known: \
             the search ended after {}, {}.",
            nodes(*seen),
            match ended {
                Ended::Nodes => "as many as it may look at",
                Ended::Memory => "with no memory left",
                Ended::Stopped => "when it was told to",
            },
        ),
    }];
    if sessions.judged() > 0 {
        sentences.extend(kept(sessions));
        sentences.extend(broken(specification, sessions));
    }
    sentences.extend(not_judged(specification, sessions));
    sentences.join(" ")
}

/// The guarantees that are held.
fn kept<Key>(sessions: &Sessions<Key>) -> Option<String> {
    let held: Vec<_> = Guarantee::FOUR
        .into_iter()
        .filter(|guarantee| !sessions.finding(*guarantee).is_broken())
        .map(|guarantee| guarantee.to_string())
        .collect();
    let what = match held.len() {
        0 => return None,
        4 if !sessions.together.is_broken() => "all four session guarantees together".to_owned(),
        4 => "each of the four session guarantees alone".to_owned(),
        _ => listed(&held),
    };
    let not_judged = sessions.not_judged.len();
    let limits = match sessions.judged() {
        _ if not_judged == 0 => String::new(),
        1 => " on the one key that was judged".to_owned(),
        judged => format!(" on the {judged} keys that were judged"),
    };
    Some(format!("Keeps {what}{limits}."))
}

/// The guarantees that are broken, each with what shows it. What breaks all
/// together only is worth saying if none is broken alone.
fn broken<S: ReadWrite>(specification: &S, sessions: &Sessions<S::Key>) -> Vec<String> {
    let mut sentences = Vec::new();
    for guarantee in Guarantee::FOUR.into_iter().chain([Guarantee::Together]) {
        let finding = sessions.finding(guarantee);
        let Finding::Broken { key, why, keys, .. } = finding else {
            continue;
        };
        if guarantee == Guarantee::Together && !sentences.is_empty() {
            continue;
        }
        let name = specification.describe_key(key);
        let place = match (name.as_str(), keys) {
            ("", _) => String::new(),
            (name, 1) => format!(" on key {name}"),
            (name, keys) => format!(" on {keys} keys, as on key {name}"),
        };
        sentences.push(match guarantee {
            Guarantee::Together => format!("No one order has all four{place}: {why}"),
            _ => format!("Breaks {guarantee}{place}: {why}"),
        });
    }
    sentences
}

/// The keys that nothing is said about; only some of them if they are many.
fn not_judged<S: ReadWrite>(specification: &S, sessions: &Sessions<S::Key>) -> Vec<String> {
    const SHOWN: usize = 3;
    let keys = &sessions.not_judged;
    let mut sentences: Vec<_> = keys
        .iter()
        .take(SHOWN)
        .map(
            |NotJudged { key, why }| match specification.describe_key(key) {
                name if name.is_empty() => format!("Its sessions were not judged: {why}."),
                name => format!("Sessions on key {name} were not judged: {why}."),
            },
        )
        .collect();
    match keys.len().saturating_sub(SHOWN) {
        0 => {}
        1 => sentences.push("Nor were those on one other key.".to_owned()),
        more => sentences.push(format!("Nor were those on {more} other keys.")),
    }
    sentences
}

/// With commas, and an "and" before the last.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
