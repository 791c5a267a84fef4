//! Who leads, as one node sees it, whatever is replicated.

use super::{Command, LogIndex, Raft, Term, Voters};
use crate::process::{NodeId, Process};

/// The elections as one node sees them, and how far it has applied. Independent of the
/// command type, so that code that only asks who leads need not know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderInfo<'a> {
    /// All nodes that vote in its cluster.
    pub voters: &'a Voters,
    /// The current term.
    pub term: Term,
    /// Who got the node's vote in that term.
    pub vote: Option<NodeId>,
    /// Whether it leads that term.
    pub leads: bool,
    /// The leader as far as the node knows, possibly itself.
    pub leader: Option<NodeId>,
    /// The last entry of the log that it has applied.
    pub applied: LogIndex,
}

/// A process whose nodes elect leaders. A node is in one cluster at most, and
/// several clusters may share a world.
pub trait HasLeader: Process {
    /// This node's view; `None` where it takes part in no election, like a client.
    fn leader_info(&self) -> Option<LeaderInfo<'_>>;
}

impl<C: Command> Raft<C> {
    /// This node's view of its cluster.
    #[must_use]
    pub fn leader_info(&self) -> LeaderInfo<'_> {
        LeaderInfo {
            voters: self.voters(),
            term: self.term(),
            vote: self.vote(),
            leads: self.role().is_leader(),
            leader: self.leader(),
            applied: self.applied(),
        }
    }
}
