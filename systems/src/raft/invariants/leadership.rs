//! What a leader may believe of its followers, and what a candidate of its
//! voters: no more than they said, to it, in this term.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::iter;

use super::said::{Answers, Said};
use crate::invariants::Violation;
use crate::process::NodeId;
use crate::raft::read::ReadProgress;
use crate::raft::role::Leader;
use crate::raft::{Attempt, Command, LogIndex, Message, Progress, Raft, Role, Round, Term};
use crate::renaming::{Renamed, Renaming};
use crate::vec_map::VecMap;
use crate::vec_set::VecSet;

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
    match_index: LogIndex,
    /// Never goes back within a leadership, and never exceeds what the peer echoed.
    round: Round,
}

impl Beliefs {
    /// The term that the leader leads.
    pub(super) fn term(&self) -> Term {
        self.term
    }

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
        let knows = |peer: &&Believed| peer.match_index > LogIndex::ZERO || peer.round > Round(0);
        match self.peers.iter().find(knows) {
            None => Ok(()),
            Some(peer) => Err(violation(
                "leader-begins-anew",
                raft,
                format!("to know nothing of {} when its term begins", peer.id),
                format!("matched {}, {}", peer.match_index, peer.round),
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
            if is.match_index < was.match_index || is.round < was.round {
                return Err(violation(
                    "leader-never-forgets",
                    raft,
                    format!(
                        "to know {} at {} and {} or later",
                        was.id, was.match_index, was.round
                    ),
                    format!("{} and {}", is.match_index, is.round),
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
    let echoes = leader.peers().iter().map(Progress::round);
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
fn was_told<C: Command>(raft: &Raft<C>, peer: &Progress, told: Answers) -> Result<(), Violation> {
    let id = peer.id();
    if peer.match_index() > told.match_index {
        return Err(violation(
            "match-was-acknowledged",
            raft,
            format!(
                "to count {id} up to {}, which it acknowledged",
                told.match_index
            ),
            format!("{}", peer.match_index()),
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
    if peer.next_index() <= peer.match_index() || peer.next_index() > raft.log().last().index.next()
    {
        return Err(violation(
            "next-follows-match",
            raft,
            format!(
                "to send {id} next what is past {} and within its log up to {}",
                peer.match_index(),
                raft.log().last()
            ),
            format!("{}", peer.next_index()),
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
    fn of(peer: &Progress) -> Self {
        Self {
            id: peer.id(),
            match_index: peer.match_index(),
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

/// Granted pre-votes: for each node, those of its last attempt in its term.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct PreVotes(VecMap<NodeId, Try>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Try {
    /// It is still asking, and these would vote for it.
    Asking(Term, Attempt, VecSet<NodeId>),
    /// It has since heard of another leader or candidate.
    Over,
    /// It has crashed since. Attempts are numbered anew in each life, so that a grant of an
    /// earlier one may count; harmless, since a pre-vote promises nothing.
    OfAnotherLife,
}

impl PreVotes {
    /// A node has sent a message.
    pub(super) fn hear<C>(&mut self, node: NodeId, to: NodeId, message: &Message<C>) {
        match message {
            Message::PreVote(question) => {
                let is_new = match self.0.get(&node) {
                    Some(Try::Asking(term, attempt, _)) => {
                        (*term, *attempt) != (question.term, question.attempt)
                    }
                    Some(Try::OfAnotherLife) => false,
                    Some(Try::Over) | None => true,
                };
                if is_new {
                    let (term, attempt) = (question.term, question.attempt);
                    self.0
                        .insert(node, Try::Asking(term, attempt, VecSet::new()));
                }
            }
            Message::PreVoteReply(reply) if reply.granted => {
                if let Some(Try::Asking(term, attempt, granted)) = self.0.get_mut(&to)
                    && (*term, *attempt) == (reply.asked_in, reply.attempt)
                {
                    granted.insert(node);
                }
            }
            _ => {}
        }
    }

    /// A node that was in the term `was` has taken a step: if it stands for
    /// election, a majority would vote for it, unless the last leader wished it
    /// to stand.
    ///
    /// # Errors
    /// If not so many said so.
    pub(super) fn look<C: Command>(&mut self, raft: &Raft<C>, was: Term) -> Result<(), Violation> {
        if raft.term() == was {
            let asks = matches!(raft.role(), Role::PreCandidate { .. });
            if let Some(last @ Try::Asking(..)) = self.0.get_mut(&raft.id())
                && !asks
            {
                *last = Try::Over;
            }
            return Ok(());
        }
        let last = self.0.remove(&raft.id());
        let stands_by_itself = matches!(
            raft.role(),
            Role::Candidate {
                transfer: false,
                ..
            }
        );
        let granted = match last {
            Some(Try::OfAnotherLife) => return Ok(()),
            Some(Try::Asking(_, _, granted)) => granted.len(),
            Some(Try::Over) | None => 0,
        };
        let quorum = raft.voters().quorum();
        match !stands_by_itself || granted + 1 >= quorum {
            true => Ok(()),
            false => Err(violation(
                "stands-after-pre-vote",
                raft,
                format!("to stand when {quorum} would vote for it"),
                format!("{} would", granted + 1),
            )),
        }
    }

    /// A node crashed. It may have been about to become a candidate, with its new term not
    /// yet on disk: then it restarts in the term in which it had asked.
    pub(super) fn crashed(&mut self, node: NodeId) {
        self.0.insert(node, Try::OfAnotherLife);
    }
}

impl Renamed for PreVotes {
    fn renamed(&self, renaming: &Renaming) -> Self {
        let renamed = |(node, last): (&NodeId, &Try)| {
            let last = match last {
                Try::Asking(term, attempt, granted) => {
                    let granted = granted.iter().map(|voter| renaming.of(*voter));
                    Try::Asking(*term, *attempt, granted.collect())
                }
                other => other.clone(),
            };
            (renaming.of(*node), last)
        };
        Self(self.0.iter().map(renamed).collect())
    }
}

#[cfg(test)]
mod tests;
