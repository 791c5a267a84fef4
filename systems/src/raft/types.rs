//! Terms, indices, log ids, entries, snapshots.

use alloc::sync::Arc;
use core::fmt::{self, Debug, Display};
use core::hash::Hash;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::short_names::debug_as_display;

/// A term, counted from 1; prints as `t3`. `t0` is before any election.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Term(pub u64);

impl Term {
    /// Before any election.
    pub const ZERO: Self = Self(0);

    /// The term after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// An index in the log, counted from 1; prints as `i7`. `i0` is before the first entry.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogIndex(pub u64);

impl LogIndex {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);

    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The place before this one.
    ///
    /// # Panics
    /// If this is `i0`: nothing is before it.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.checked_sub(1).expect("no log index before i0"))
    }

    /// The place `count` entries later.
    #[must_use]
    pub fn plus(self, count: usize) -> Self {
        Self(self.0 + count as u64)
    }

    /// How many places this one is after `earlier`; 0 if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> usize {
        usize::try_from(self.0.saturating_sub(earlier.0)).expect("a log fits into memory")
    }
}

/// An index with the term of the entry there. By log matching (paper, 5.3) it
/// names the entry and everything before it. Prints as `i7@t3`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LogId {
    /// Where.
    pub index: LogIndex,
    /// The term in which the entry there was made.
    pub term: Term,
}

impl LogId {
    /// Before the first entry.
    pub const ZERO: Self = Self {
        index: LogIndex::ZERO,
        term: Term::ZERO,
    };

    /// An index with the term of its entry.
    #[must_use]
    pub fn new(index: LogIndex, term: Term) -> Self {
        Self { index, term }
    }

    /// Whether a log that ends here is at least as up to date as one that ends
    /// at `other`: the later last term wins, then the longer log (paper, 5.4.1).
    #[must_use]
    pub fn is_as_up_to_date_as(self, other: Self) -> bool {
        (self.term, self.index) >= (other.term, other.index)
    }
}

/// What can be replicated.
pub trait Command:
    Clone + Eq + Hash + Debug + Send + Sync + Serialize + DeserializeOwned + 'static
{
    /// About how many bytes it takes when encoded: it bounds batches and log sizes.
    fn size(&self) -> usize;
}

/// The content of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Content<C> {
    /// Nothing. A leader begins its term with one, because it may count
    /// replicas only of entries of its own term (paper, 5.4.2 and 8).
    Noop,
    /// A command; shared, so that a batch to each peer does not copy it.
    Command(Arc<C>),
}

/// One entry of the log. Its index is its place there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry<C> {
    /// The term of the leader that made it.
    pub term: Term,
    /// What it says.
    pub content: Content<C>,
}

/// The bytes an entry takes besides its command: term and tag.
const ENTRY_OVERHEAD: usize = 4;

impl<C: Command> Entry<C> {
    /// The no-op with which a leader begins its term.
    #[must_use]
    pub fn noop(term: Term) -> Self {
        Self {
            term,
            content: Content::Noop,
        }
    }

    /// An entry that holds a command.
    #[must_use]
    pub fn command(term: Term, command: C) -> Self {
        Self {
            term,
            content: Content::Command(Arc::new(command)),
        }
    }

    /// About how many bytes it takes when encoded.
    #[must_use]
    pub fn size(&self) -> usize {
        ENTRY_OVERHEAD
            + match &self.content {
                Content::Noop => 0,
                Content::Command(command) => command.size(),
            }
    }
}

/// The state machine's state after an entry, in place of the log up to it (paper, 7).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last entry whose effect the state holds.
    pub last: LogId,
    /// The state, encoded by the host. Raft does not look inside.
    #[serde(with = "crate::bytes")]
    pub data: Arc<[u8]>,
}

/// Names one read of the current leadership; prints as `r2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// Numbers the rounds in which a leader proves that it still leads
/// (dissertation, 6.4); prints as `round 2`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Round(pub u64);

/// Numbers the pre-vote attempts of a node in one term and one life; prints as `try 2`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attempt(pub u32);

impl Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "try {}", self.0)
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

impl Display for LogIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "i{}", self.0)
    }
}

impl Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

impl Display for ReadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "round {}", self.0)
    }
}

impl Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "snapshot {} of {} bytes", self.last, self.data.len())
    }
}

debug_as_display!(Attempt, Term, LogIndex, LogId, ReadId, Round, Snapshot);
