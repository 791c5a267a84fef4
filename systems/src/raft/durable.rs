//! What Raft keeps on disk (paper, figure 2, "persistent state").

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::log::Log;
use super::types::{Command, Entry, LogId, LogIndex, Snapshot, Term};
use crate::process::{self, NodeId};

/// One record of the write-ahead log. Each is atomic: it is on disk in full or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Write<C> {
    /// The current term, and who got this node's vote in it.
    HardState {
        /// The current term.
        term: Term,
        /// Who got the vote in it.
        vote: Option<NodeId>,
    },
    /// Entries from `first` on, in place of everything that was there.
    Append {
        /// The index of the first of them.
        first: LogIndex,
        /// The entries.
        entries: Vec<Entry<C>>,
    },
    /// A snapshot, and up to where it takes the place of the log.
    Snapshot {
        /// The snapshot.
        snapshot: Snapshot,
        /// Where the log begins from now on: at the snapshot's end or before it.
        /// What follows stays if the entry here has this term.
        base: LogId,
    },
}

/// What the disk holds: the fold over all writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Durable<C> {
    /// The current term.
    pub term: Term,
    /// Who got the vote in it.
    pub vote: Option<NodeId>,
    /// The last snapshot.
    pub snapshot: Option<Snapshot>,
    /// The log past the snapshot, and a tail of what it covers.
    pub log: Log<C>,
}

impl<C> Default for Durable<C> {
    fn default() -> Self {
        Self {
            term: Term::ZERO,
            vote: None,
            snapshot: None,
            log: Log::default(),
        }
    }
}

impl<C> Durable<C> {
    /// The last index that the snapshot covers; `i0` without one.
    #[must_use]
    pub fn covered(&self) -> LogIndex {
        let snapshot = self.snapshot.as_ref();
        snapshot.map_or(LogIndex::ZERO, |snapshot| snapshot.last.index)
    }
}

impl<C: Command> process::Durable for Durable<C> {
    type Write = Write<C>;

    fn apply(&mut self, write: &Write<C>) {
        match write {
            Write::HardState { term, vote } => {
                self.term = *term;
                self.vote = *vote;
            }
            Write::Append { first, entries } => self.log.replace_from(*first, entries),
            Write::Snapshot { snapshot, base } => {
                self.log.compact_to(*base);
                self.snapshot = Some(snapshot.clone());
            }
        }
    }
}
