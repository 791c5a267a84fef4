//! Raft with its nodes renamed, for symmetry reduction.
//!
//! Voters differ in nothing but their term, log and vote, so they are interchangeable.
//! Entries, snapshots, terms and indices name no node. Three things are kept by place
//! rather than by name, and places are in the order of names: the voters themselves, votes,
//! and the peers of a leader.

use alloc::vec::Vec;

use super::config::Votes;
use super::progress::Progress;
use super::role::{Follower, Leader, Role};
use super::{Durable, LogIndex, Message, Raft, Term, Voters, Write};
use crate::renaming::{NamesNobody, Renamed, Renaming};

impl NamesNobody for Term {}

impl NamesNobody for LogIndex {}

impl NamesNobody for (LogIndex, Term) {}

impl<C: Clone + NamesNobody> Renamed for Raft<C> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        self.voters.assert_stay(renaming);
        Self {
            id: renaming.of(self.id),
            voters: self.voters.clone(),
            config: self.config.clone(),
            term: self.term,
            vote: self.vote.renamed(renaming),
            log: self.log.clone(),
            snapshot: self.snapshot.clone(),
            commit: self.commit,
            applied: self.applied,
            applied_bytes: self.applied_bytes,
            tail_bytes: self.tail_bytes,
            pre_votes: self.pre_votes,
            role: self.role.renamed(&self.voters, renaming),
            incoming: self.incoming.clone(),
            restored: self.restored,
            lost_leadership: self.lost_leadership,
        }
    }
}

impl Voters {
    /// A cluster stays the same nodes, in the same places.
    fn assert_stay(&self, renaming: &Renaming) {
        let stays = |voter| self.place(renaming.of(voter)).is_some();
        assert!(
            self.nodes().iter().copied().all(stays),
            "voters may be renamed only to voters: {self:?} under {renaming:?}"
        );
    }
}

impl Votes {
    fn renamed(self, voters: &Voters, renaming: &Renaming) -> Self {
        let mut renamed = Self::default();
        for (place, voter) in voters.nodes().iter().enumerate() {
            if self.has(place) {
                let place = voters.place(renaming.of(*voter));
                renamed.add(place.expect("voters are renamed to voters"));
            }
        }
        renamed
    }
}

impl Role {
    fn renamed(&self, voters: &Voters, renaming: &Renaming) -> Self {
        match self {
            Self::Follower(Follower { leader }) => Self::follower(leader.renamed(renaming)),
            Self::PreCandidate {
                granted,
                attempt,
                votes,
            } => Self::PreCandidate {
                granted: granted.renamed(voters, renaming),
                attempt: *attempt,
                votes: votes.map(|votes| votes.renamed(voters, renaming)),
            },
            Self::Candidate { granted, transfer } => Self::Candidate {
                granted: granted.renamed(voters, renaming),
                transfer: *transfer,
            },
            Self::Leader(leader) => Self::Leader(leader.renamed(renaming)),
        }
    }
}

impl Renamed for Leader {
    fn renamed(&self, renaming: &Renaming) -> Self {
        let mut peers: Vec<Progress> = self.peers.renamed(renaming);
        peers.sort_unstable_by_key(Progress::id);
        Self {
            peers,
            term_start: self.term_start,
            reads: self.reads.clone(),
            transfer: self.transfer.renamed(renaming),
            unwritten: self.unwritten,
            replicates: self.replicates,
        }
    }
}

impl<C: Clone + NamesNobody> Renamed for Durable<C> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self {
            term: self.term,
            vote: self.vote.renamed(renaming),
            snapshot: self.snapshot.clone(),
            log: self.log.clone(),
        }
    }
}

impl<C: Clone + NamesNobody> Renamed for Write<C> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        match self {
            Self::HardState { term, vote } => Self::HardState {
                term: *term,
                vote: vote.renamed(renaming),
            },
            Self::Append { .. } | Self::Snapshot { .. } => self.clone(),
        }
    }
}

/// No message names a node, not even its sender: that is in the envelope.
impl<C: Clone + NamesNobody> Renamed for Message<C> {
    fn renamed(&self, _: &Renaming) -> Self {
        match self {
            Self::PreVote(_)
            | Self::PreVoteReply(_)
            | Self::RequestVote(_)
            | Self::RequestVoteReply(_)
            | Self::AppendEntries(_)
            | Self::AppendEntriesReply(_)
            | Self::InstallSnapshot(_)
            | Self::InstallSnapshotReply(_)
            | Self::TimeoutNow(_) => self.clone(),
        }
    }
}
