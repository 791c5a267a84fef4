//! What a leader may believe of its followers, and what a candidate of its
//! voters: no more than they said, to it, in this term.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::iter;

use super::said::{Answers, Said};
use crate::invariants::Violation;
use crate::process::NodeId;
use crate::raft::read::ReadProgress;
use crate::raft::role::Leader;
use crate::raft::{Attempt, Command, LogIndex, Message, Peer, Raft, Role, Round, Term};
use crate::renaming::{Renamed, Renaming};

/// What a leader believed after its last step. Everything in it belongs to one
/// term, and begins anew with the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Beliefs {
    term: Term,
    /// Ascending by name.
    peers: Vec<Believed>,
    reads: ReadProgress,
}

/// What a leader believes of one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Believed {
    id: NodeId,
    /// Never goes back within a leadership, and never exceeds what the peer acknowledged.
    matched: LogIndex,
    /// Never goes back within a leadership, and never exceeds what the peer echoed.
    round: Round,
}

impl Beliefs {
    /// What a leader believes now, given what each node has said; nothing of a
    /// node that does not lead.
    ///
    /// # Errors
    /// If it believes what nobody said, or forgot what it knew.
    pub(super) fn look<C: Command>(
        before: Option<&Self>,
        raft: &Raft<C>,
        said: &[Said],
    ) -> Result<Option<Self>, Violation> {
        let Role::Leader(leader) = raft.role() else {
            return Ok(None);
        };
        let before = before.filter(|before| before.term == raft.term());
        for peer in leader.peers() {
            let told = said.get(peer.id().position());
            let told = told.map(|said| said.in_term(raft.term()));
            was_told(raft, peer, told.unwrap_or_default())?;
        }
        let now = Self {
            term: raft.term(),
            peers: leader.peers().iter().map(Believed::of).collect(),
            reads: leader.reads.progress(),
        };
        match before {
            Some(before) => before.goes_on_as(&now, raft, leader)?,
            None => now.begins_anew(raft)?,
        }
        Ok(Some(now))
    }

    fn begins_anew<C: Command>(&self, raft: &Raft<C>) -> Result<(), Violation> {
        let knows = |peer: &&Believed| peer.matched > LogIndex::ZERO || peer.round > Round(0);
        match self.peers.iter().find(knows) {
            None => Ok(()),
            Some(peer) => Err(violation(
                "leader-begins-anew",
                raft,
                format!("to know nothing of {} when its term begins", peer.id),
                format!("matched {}, {}", peer.matched, peer.round),
            )),
        }
    }

    fn goes_on_as<C: Command>(
        &self,
        now: &Self,
        raft: &Raft<C>,
        leader: &Leader,
    ) -> Result<(), Violation> {
        for (was, is) in self.peers.iter().zip(&now.peers) {
            if is.matched < was.matched || is.round < was.round {
                return Err(violation(
                    "leader-never-forgets",
                    raft,
                    format!(
                        "to know {} at {} and {} or later",
                        was.id, was.matched, was.round
                    ),
                    format!("{} and {}", is.matched, is.round),
                ));
            }
        }
        let (was, is) = (self.reads, now.reads);
        if is.began > was.began && is.round <= was.round {
            return Err(violation(
                "read-round-follows-read",
                raft,
                format!(
                    "to begin a round after {} for what was asked after it",
                    was.round
                ),
                format!("reads up to {} wait for {}", is.began, is.round),
            ));
        }
        if is.confirmed > was.confirmed {
            let round = match is.confirmed <= was.began {
                true => was.round,
                false => is.round,
            };
            is_confirmed(raft, leader, round)?;
        }
        Ok(())
    }
}

/// Reads are answered once a majority has echoed a round that began after they
/// were asked, and once the leader knows what its predecessors committed
/// (dissertation, 6.4).
fn is_confirmed<C: Command>(
    raft: &Raft<C>,
    leader: &Leader,
    round: Round,
) -> Result<(), Violation> {
    let echoes = leader.peers().iter().map(Peer::round);
    let echoed = raft
        .voters()
        .reached_by_majority(iter::once(round).chain(echoes));
    if echoed < round {
        return Err(violation(
            "read-confirmed-by-majority",
            raft,
            format!("to answer reads when a majority has echoed {round}"),
            format!("a majority is at {echoed}"),
        ));
    }
    if raft.commit() < leader.term_start {
        return Err(violation(
            "read-after-own-commit",
            raft,
            format!("to answer reads when {} is committed", leader.term_start),
            format!("commit {}", raft.commit()),
        ));
    }
    Ok(())
}

/// A leader believes of a peer no more than the peer said in this term, and
/// sends it what follows.
fn was_told<C: Command>(raft: &Raft<C>, peer: &Peer, told: Answers) -> Result<(), Violation> {
    let id = peer.id();
    if peer.matched() > told.matched {
        return Err(violation(
            "match-was-acknowledged",
            raft,
            format!(
                "to count {id} up to {}, which it acknowledged",
                told.matched
            ),
            format!("{}", peer.matched()),
        ));
    }
    if peer.round() > told.round {
        return Err(violation(
            "round-was-echoed",
            raft,
            format!("to credit {id} with {}, which it echoed", told.round),
            format!("{}", peer.round()),
        ));
    }
    if peer.next() <= peer.matched() || peer.next() > raft.log().last().index.next() {
        return Err(violation(
            "next-follows-match",
            raft,
            format!(
                "to send {id} next what is past {} and within its log up to {}",
                peer.matched(),
                raft.log().last()
            ),
            format!("{}", peer.next()),
        ));
    }
    Ok(())
}

fn violation<C: Command>(
    property: &'static str,
    raft: &Raft<C>,
    expected: String,
    found: String,
) -> Violation {
    let expected = format!("{} in {} {expected}", raft.id(), raft.term());
    Violation::new(property, [raft.id()], expected, found)
}

impl Believed {
    fn of(peer: &Peer) -> Self {
        Self {
            id: peer.id(),
            matched: peer.matched(),
            round: peer.round(),
        }
    }
}

impl Renamed for Beliefs {
    fn renamed(&self, renaming: &Renaming) -> Self {
        let renamed = |peer: &Believed| Believed {
            id: renaming.of(peer.id),
            ..*peer
        };
        let mut peers: Vec<Believed> = self.peers.iter().map(renamed).collect();
        peers.sort_unstable_by_key(|peer| peer.id);
        Self {
            peers,
            ..self.clone()
        }
    }
}

/// Who said that it would vote for whom in the term after its own: what each
/// node was granted in the newest term in which it asked, try by try. Tries are
/// numbered anew in each life of a node, and a grant may outlive one: then it
/// counts, which harms nobody, since a pre-vote promises nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct PreVotes(BTreeMap<NodeId, Granted>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Granted {
    term: Term,
    by: BTreeMap<Attempt, BTreeSet<NodeId>>,
}

impl PreVotes {
    /// A node has sent a message.
    pub(super) fn hear<C>(&mut self, node: NodeId, to: NodeId, message: &Message<C>) {
        if let Message::PreVoteReply(reply) = message
            && reply.granted
        {
            let granted = self.0.entry(to).or_default();
            if reply.asked_in < granted.term {
                return;
            }
            if reply.asked_in > granted.term {
                granted.term = reply.asked_in;
                granted.by.clear();
            }
            granted.by.entry(reply.attempt).or_default().insert(node);
        }
    }

    /// A node has taken a step: if it stands for election, a majority would vote
    /// for it, in one try, unless the last leader wished it to stand.
    ///
    /// # Errors
    /// If not so many said so.
    pub(super) fn look<C: Command>(&mut self, raft: &Raft<C>, was: Term) -> Result<(), Violation> {
        if raft.term() == was {
            return Ok(());
        }
        // It has left the term in which it asked.
        let granted = self.0.remove(&raft.id()).filter(|it| it.term == was);
        let Role::Candidate {
            transfer: false, ..
        } = raft.role()
        else {
            return Ok(());
        };
        let tries = granted.iter().flat_map(|granted| granted.by.values());
        let most = 1 + tries.map(BTreeSet::len).max().unwrap_or_default();
        let quorum = raft.voters().quorum();
        match most >= quorum {
            true => Ok(()),
            false => Err(violation(
                "stands-after-pre-vote",
                raft,
                format!("to stand when {quorum} would vote for it"),
                format!("{most} would"),
            )),
        }
    }
}

impl Renamed for PreVotes {
    fn renamed(&self, renaming: &Renaming) -> Self {
        let all = |voters: &BTreeSet<NodeId>| -> BTreeSet<NodeId> {
            voters.iter().map(|voter| renaming.of(*voter)).collect()
        };
        let renamed = |(node, granted): (&NodeId, &Granted)| {
            let by = granted.by.iter();
            let by = by.map(|(attempt, voters)| (*attempt, all(voters)));
            let granted = Granted {
                term: granted.term,
                by: by.collect(),
            };
            (renaming.of(*node), granted)
        };
        Self(self.0.iter().map(renamed).collect())
    }
}
