//! What Raft keeps on disk (paper, figure 2, "persistent state").

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::log::Log;
use super::types::{Command, Entry, LogIndex, Snapshot, Term};
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
    /// A snapshot in place of the log up to its end. What follows it stays if
    /// the entry at its end has its term.
    Snapshot(Snapshot),
}

/// What the disk holds: the fold over all writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Durable<C> {
    /// The current term.
    pub term: Term,
    /// Who got the vote in it.
    pub vote: Option<NodeId>,
    /// The last snapshot. Its end is the base of the log.
    pub snapshot: Option<Snapshot>,
    /// The log past the snapshot.
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

impl<C: Command> process::Durable for Durable<C> {
    type Write = Write<C>;

    fn apply(&mut self, write: &Write<C>) {
        match write {
            Write::HardState { term, vote } => {
                self.term = *term;
                self.vote = *vote;
            }
            Write::Append { first, entries } => self.log.replace_from(*first, entries),
            Write::Snapshot(snapshot) => {
                self.log.compact_to(snapshot.last);
                self.snapshot = Some(snapshot.clone());
            }
        }
    }
}
