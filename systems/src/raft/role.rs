//! The role of a node, and the state that only that role has.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::config::Votes;
use super::progress::Progress;
use super::read::Reads;
use super::types::{Attempt, LogId, LogIndex};
use crate::process::NodeId;
use crate::vec_map::VecMap;

/// The roles of a node (paper, figure 4; the pre-candidate is dissertation, 9.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It listens to a leader, or waits for one.
    Follower(Follower),
    /// It asks whether it could win an election.
    PreCandidate {
        /// Who said yes to this try.
        granted: Votes,
        /// Which attempt of this term it is: a grant of an earlier one may be from before a
        /// leader was heard.
        attempt: Attempt,
        /// The votes for it in its current term, if it was a candidate in it: late votes
        /// count while the term lasts.
        votes: Option<Votes>,
    },
    /// It asks for votes in its term.
    Candidate {
        /// Who gave a vote.
        granted: Votes,
        /// Whether the last leader asked it to.
        transfer: bool,
    },
    /// It leads its term.
    Leader(Leader),
}

/// What a follower knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Follower {
    /// The leader of the current term, as long as it is heard: none after the
    /// election timer fired, and none in a new term until its leader speaks.
    pub(super) leader: Option<NodeId>,
}

/// A snapshot that is still arriving. It is not on disk: after a crash it starts anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Incoming {
    /// The last entry that it covers; also names it.
    pub(super) last: LogId,
    /// Its bytes so far, without gaps.
    pub(super) bytes: Vec<u8>,
    /// Chunks that arrived out of order, by offset: all past `bytes`.
    pub(super) ahead: VecMap<usize, Arc<[u8]>>,
    /// How long it is, once its last chunk has come.
    pub(super) length: Option<usize>,
}

/// What a leader knows (paper, figure 2, "volatile state on leaders").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leader {
    /// All other voters, in ascending order.
    pub(super) peers: Vec<Progress>,
    /// The index of the no-op that began the term. Until it is committed, the
    /// leader does not know what is.
    pub(super) term_start: LogIndex,
    /// The reads that wait for an answer.
    pub(super) reads: Reads,
    /// To whom it is handing over, if it is.
    pub(super) transfer: Option<NodeId>,
    /// The first entry that it has appended and not written, between the inputs of a batch.
    /// What follows it is not written either, and neither sent nor counted.
    pub(super) unwritten: Option<LogIndex>,
    /// Whether some peer may be sent more than it was, between the inputs of a batch.
    pub(super) replicates: bool,
}

impl Leader {
    /// All other voters, in ascending order.
    #[must_use]
    pub fn peers(&self) -> &[Progress] {
        &self.peers
    }

    /// To whom it is handing over, if it is.
    #[must_use]
    pub fn transfer(&self) -> Option<NodeId> {
        self.transfer
    }

    /// The place of a node among the peers.
    pub(super) fn place_of(&self, id: NodeId) -> usize {
        self.peers
            .iter()
            .position(|peer| peer.id() == id)
            .expect("every other voter is a peer of the leader")
    }
}

impl Role {
    /// A follower of somebody, or of nobody yet.
    pub(super) fn follower(leader: Option<NodeId>) -> Self {
        Self::Follower(Follower { leader })
    }

    /// Whether it leads.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        matches!(self, Self::Leader(_))
    }

    /// One letter for a table: `F`, `P`, `C` or `L`.
    #[must_use]
    pub fn letter(&self) -> char {
        match self {
            Self::Follower(_) => 'F',
            Self::PreCandidate { .. } => 'P',
            Self::Candidate { .. } => 'C',
            Self::Leader(_) => 'L',
        }
    }
}
