//! The judge, and what it says.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cycles::{Because, Hop, shortest};
use super::graph::Graph;
use super::guarantee::Guarantee;
use super::not_judged::{NotJudged, Why};
use super::versions::{Versions, identify};
use super::view::ReadWrite;
use super::words::Teller;
use crate::history::{History, OperationIndex};

/// What became of the session guarantees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sessions<Key> {
    /// Read your writes.
    pub read_your_writes: Finding<Key>,
    /// Monotonic reads.
    pub monotonic_reads: Finding<Key>,
    /// Monotonic writes.
    pub monotonic_writes: Finding<Key>,
    /// Writes follow reads.
    pub writes_follow_reads: Finding<Key>,
    /// All four at once, in one order. Broken whenever one of them is.
    pub together: Finding<Key>,
    /// The keys of which nothing is said, in order.
    pub not_judged: Vec<NotJudged<Key>>,
}

impl<Key> Sessions<Key> {
    /// What became of one guarantee.
    pub const fn finding(&self, guarantee: Guarantee) -> &Finding<Key> {
        match guarantee {
            Guarantee::ReadYourWrites => &self.read_your_writes,
            Guarantee::MonotonicReads => &self.monotonic_reads,
            Guarantee::MonotonicWrites => &self.monotonic_writes,
            Guarantee::WritesFollowReads => &self.writes_follow_reads,
            Guarantee::Together => &self.together,
        }
    }

    /// How many keys were judged.
    pub const fn judged(&self) -> usize {
        match &self.together {
            Finding::Held { keys } => *keys,
            Finding::Broken { keys, held, .. } => *keys + *held,
        }
    }
}

/// What became of one guarantee on the keys that were judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding<Key> {
    /// Nothing that was seen contradicts it.
    Held {
        /// How many keys were judged; with none, this says nothing.
        keys: usize,
    },
    /// No order of the versions of a key has it.
    Broken {
        /// Of the keys that break it, the first of those with the fewest operations to show.
        key: Key,
        /// The operations along a shortest circle of versions.
        witness: Vec<OperationIndex>,
        /// What they did, and why no order has it, in one or two sentences.
        why: String,
        /// How many keys break it.
        keys: usize,
        /// How many of those judged do not.
        held: usize,
    },
}

impl<Key> Finding<Key> {
    /// Whether some key breaks the guarantee.
    pub const fn is_broken(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }

    fn hold(&mut self) {
        let (Self::Held { keys: held } | Self::Broken { held, .. }) = self;
        *held += 1;
    }

    fn break_on(&mut self, on: Key, (operations, told): (Vec<OperationIndex>, String)) {
        match self {
            Self::Held { keys: held } => {
                *self = Self::Broken {
                    key: on,
                    witness: operations,
                    why: told,
                    keys: 1,
                    held: *held,
                };
            }
            Self::Broken {
                key,
                witness,
                why,
                keys,
                ..
            } => {
                *keys += 1;
                if operations.len() < witness.len() {
                    (*key, *witness, *why) = (on, operations, told);
                }
            }
        }
    }
}

/// Judges the session guarantees on every key of a history.
///
/// A key is *not judged* when its versions cannot be told apart for certain.
/// Takes time about proportional to the history, unless a guarantee is broken
/// in many ways at once.
#[must_use]
pub fn judge<S: ReadWrite>(
    specification: &S,
    history: &History<S::Input, S::Output>,
) -> Sessions<S::Key> {
    let mut keys = BTreeMap::<S::Key, Vec<OperationIndex>>::new();
    for (place, operation) in (0..).zip(history.operations()) {
        let key = specification.key(&operation.input);
        keys.entry(key).or_default().push(OperationIndex(place));
    }
    let none = || Finding::Held { keys: 0 };
    let mut sessions = Sessions {
        read_your_writes: none(),
        monotonic_reads: none(),
        monotonic_writes: none(),
        writes_follow_reads: none(),
        together: none(),
        not_judged: Vec::new(),
    };
    for (key, operations) in keys {
        match identify(specification, history, &operations).and_then(orderly) {
            Ok(versions) => {
                let teller = Teller {
                    specification,
                    history,
                    versions: &versions,
                };
                judge_key(&mut sessions, &key, &teller);
            }
            Err(why) => sessions.not_judged.push(NotJudged { key, why }),
        }
    }
    sessions
}

fn judge_key<S: ReadWrite>(sessions: &mut Sessions<S::Key>, key: &S::Key, teller: &Teller<'_, S>) {
    let findings = [
        (Guarantee::ReadYourWrites, &mut sessions.read_your_writes),
        (Guarantee::MonotonicReads, &mut sessions.monotonic_reads),
        (Guarantee::MonotonicWrites, &mut sessions.monotonic_writes),
        (
            Guarantee::WritesFollowReads,
            &mut sessions.writes_follow_reads,
        ),
        (Guarantee::Together, &mut sessions.together),
    ];
    for (guarantee, finding) in findings {
        match circle(teller.versions, guarantee) {
            Some(circle) => finding.break_on(key.clone(), teller.tell(&circle)),
            None => finding.hold(),
        }
    }
}

/// What no order of the versions can have, if a guarantee asks for that.
fn circle<Value>(versions: &Versions<Value>, guarantee: Guarantee) -> Option<Vec<Hop>> {
    if let Some((line, earlier, later)) = guarantee.seen_before_written(versions) {
        let version = versions.sessions[line][later].version;
        let because = Because::Session {
            line,
            earlier,
            later,
        };
        return Some(vec![Hop {
            from: version,
            to: version,
            because,
        }]);
    }
    shortest(&Graph::new(versions, Some(guarantee)))
}

/// The versions, if there is any order of them at all: what contradicts itself
/// whoever did it says nothing about sessions.
fn orderly<Value>(versions: Versions<Value>) -> Result<Versions<Value>, Why> {
    if !versions.facts.swaps.is_empty() && shortest(&Graph::new(&versions, None)).is_some() {
        return Err(Why::Circular);
    }
    Ok(versions)
}
