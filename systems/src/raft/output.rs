//! What Raft says to its host.

use super::types::{Entry, LogIndex, ReadId, Snapshot};
use crate::process::NodeId;

/// What Raft tells its host, in this order after a step: what to restore, what to apply, which
/// reads to answer, and that it no longer leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event<C> {
    /// Replace the state machine's state with this one.
    Restore(Snapshot),
    /// Apply a committed entry. Indices come in order, each once, and right
    /// after that of the last [`Event::Restore`]. The no-ops with which leaders begin their
    /// terms are entries like any other: they have indices, and hosts see them.
    Apply {
        /// Its index.
        index: LogIndex,
        /// The entry.
        entry: Entry<C>,
    },
    /// Answer a read from the state as it is now: everything that was
    /// committed when the read arrived has been applied.
    ReadReady(ReadId),
    /// This node no longer leads. Its pending reads fail; its pending
    /// proposals may or may not be committed by others.
    LostLeadership,
}

/// The node does not lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotLeader {
    /// Who may lead.
    pub hint: Option<NodeId>,
}

/// Why a transfer of leadership did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferError {
    /// The node does not lead.
    NotLeader {
        /// Who may lead.
        hint: Option<NodeId>,
    },
    /// The target is the leader itself, or not a voter.
    NotAPeer,
    /// Another transfer is under way.
    Busy,
}
