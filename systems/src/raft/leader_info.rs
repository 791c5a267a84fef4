//! Where a node stands in its cluster, whatever is replicated there.

use super::{Command, LogIndex, Raft, Term, Voters};
use crate::process::{NodeId, Process};

/// What elections came to in the eyes of one node, and how far it has come. It says
/// nothing of what is replicated, so that those who only ask who leads need not know.
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
    /// The leader as far as it knows, possibly itself.
    pub leader: Option<NodeId>,
    /// The last entry of the log that it has applied.
    pub applied: LogIndex,
}

/// A process whose nodes elect leaders. A node is in one cluster at most, and
/// several clusters may share a world.
pub trait HasLeader: Process {
    /// Where this node stands; `None` where it elects nobody, as a client's does not.
    fn leader_info(&self) -> Option<LeaderInfo<'_>>;
}

impl<C: Command> Raft<C> {
    /// Where this node stands in its cluster.
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
