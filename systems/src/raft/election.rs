//! Pre-votes, votes, and how a leader steps down.

use super::config::{Timer, Votes};
use super::message::{Message, PreVote, PreVoteReply, RequestVote, RequestVoteReply};
use super::progress::Progress;
use super::read::Reads;
use super::role::{Leader, Role};
use super::types::{Attempt, Command, Content};
use super::{Raft, marks};
use crate::process::{Effects, NodeId};

impl<C: Command> Raft<C> {
    pub(super) fn on_election_timeout(&mut self, out: &mut Effects<Self>) {
        let votes = match &self.role {
            Role::Leader(_) => return,
            Role::Candidate { granted, .. } => {
                out.mark(marks::VOTE_SPLIT);
                Some(*granted)
            }
            Role::PreCandidate { votes, .. } => *votes,
            Role::Follower(_) => None,
        };
        self.begin_pre_vote(votes, out);
    }

    /// Asks first whether an election could be won, so that a node that was
    /// cut off does not raise the term of a working cluster (dissertation, 9.6).
    fn begin_pre_vote(&mut self, votes: Option<Votes>, out: &mut Effects<Self>) {
        let granted = self.own_vote();
        let attempt = Attempt(self.pre_votes.0 + 1);
        self.pre_votes = attempt;
        self.role = Role::PreCandidate {
            granted,
            attempt,
            votes,
        };
        self.arm(Timer::Election, out);
        if granted.count() >= self.voters.quorum() {
            self.begin_election(false, out);
            return;
        }
        for peer in self.peers() {
            let question = PreVote {
                term: self.term,
                last: self.log.last(),
                attempt,
            };
            out.send(peer, Message::PreVote(question));
        }
    }

    /// Stands for election in the next term (paper, 5.2).
    pub(super) fn begin_election(&mut self, transfer: bool, out: &mut Effects<Self>) {
        let granted = self.own_vote();
        self.enter(self.term.next());
        self.vote = Some(self.id);
        self.role = Role::Candidate { granted, transfer };
        self.persist_hard_state(out);
        self.arm(Timer::Election, out);
        if granted.count() >= self.voters.quorum() {
            self.become_leader(transfer, out);
            return;
        }
        for peer in self.peers() {
            let question = RequestVote {
                term: self.term,
                last: self.log.last(),
                transfer,
            };
            out.send(peer, Message::RequestVote(question));
        }
    }

    fn own_vote(&self) -> Votes {
        let mut votes = Votes::default();
        votes.add(self.voters.place(self.id).expect("a node is a voter"));
        votes
    }

    pub(super) fn on_pre_vote(
        &mut self,
        from: NodeId,
        question: &PreVote,
        out: &mut Effects<Self>,
    ) {
        // A pre-vote promises nothing: neither the term nor the vote changes. It is refused
        // while a leader is live, that is, until this node's own election timer has fired
        // since it last heard the leader. A request from a term below ours asks about a
        // term that is not new.
        let granted = self.leader().is_none()
            && question.term >= self.term
            && question.last.is_as_up_to_date_as(self.log.last());
        let reply = PreVoteReply {
            term: self.term,
            asked_in: question.term,
            attempt: question.attempt,
            granted,
        };
        out.send(from, Message::PreVoteReply(reply));
    }

    pub(super) fn on_pre_vote_reply(
        &mut self,
        from: NodeId,
        reply: &PreVoteReply,
        out: &mut Effects<Self>,
    ) {
        if self.yields_to(reply.term, out) || reply.asked_in != self.term {
            return;
        }
        let Role::PreCandidate {
            granted, attempt, ..
        } = &mut self.role
        else {
            return;
        };
        if reply.attempt != *attempt {
            return;
        }
        if !reply.granted {
            // Another try comes with the next election timeout.
            out.mark(marks::PRE_VOTE_REJECTED);
            return;
        }
        granted.add(self.voters.place(from).expect("checked on arrival"));
        if granted.count() >= self.voters.quorum() {
            self.begin_election(false, out);
        }
    }

    pub(super) fn on_request_vote(
        &mut self,
        from: NodeId,
        question: &RequestVote,
        out: &mut Effects<Self>,
    ) {
        if question.term < self.term {
            self.answer_vote(from, false, out);
            return;
        }
        let new_term = question.term > self.term;
        // A node that hears a leader does not help to depose it, and ignores even the term,
        // unless that leader asked for the election (dissertation, 4.2.3). In a term that
        // has a leader the election is over.
        if self.leader().is_some() && !(question.transfer && new_term) {
            return;
        }
        if new_term {
            self.become_follower(question.term, None, out);
        }
        // One vote in each term, first come first served (paper, 5.2), and
        // only for a log that holds all that is committed (paper, 5.4.1).
        let granted = self.vote.is_none_or(|vote| vote == from)
            && question.last.is_as_up_to_date_as(self.log.last());
        let new_vote = granted && self.vote.is_none();
        if new_vote {
            self.vote = Some(from);
            // A node that votes for another does not become a candidate meanwhile.
            self.role = Role::follower(None);
        }
        if new_term || new_vote {
            self.persist_hard_state(out);
        }
        if granted {
            self.arm(Timer::Election, out);
        }
        self.answer_vote(from, granted, out);
    }

    fn answer_vote(&self, to: NodeId, granted: bool, out: &mut Effects<Self>) {
        let reply = RequestVoteReply {
            term: self.term,
            granted,
        };
        out.send(to, Message::RequestVoteReply(reply));
    }

    pub(super) fn on_request_vote_reply(
        &mut self,
        from: NodeId,
        reply: &RequestVoteReply,
        out: &mut Effects<Self>,
    ) {
        if self.yields_to(reply.term, out) || reply.term < self.term || !reply.granted {
            return;
        }
        let (votes, transfer) = match &mut self.role {
            Role::Candidate { granted, transfer } => (granted, *transfer),
            Role::PreCandidate {
                votes: Some(votes), ..
            } => (votes, false),
            _ => return,
        };
        votes.add(self.voters.place(from).expect("checked on arrival"));
        if votes.count() >= self.voters.quorum() {
            self.become_leader(transfer, out);
        }
    }

    fn become_leader(&mut self, transfer: bool, out: &mut Effects<Self>) {
        let next = self.log.last().index.next();
        self.role = Role::Leader(Leader {
            peers: self.peers().map(|id| Progress::new(id, next)).collect(),
            term_start: next,
            reads: Reads::default(),
            transfer: None,
            unwritten: None,
            replicates: false,
        });
        out.mark(marks::LEADER_ELECTED);
        if transfer {
            out.mark(marks::TRANSFER_COMPLETED);
        }
        out.cancel_timer(Timer::Election);
        self.arm(Timer::Heartbeat, out);
        self.arm(Timer::QuorumCheck, out);
        self.append_own(Content::Noop);
    }

    /// A leader that a majority no longer answers steps down, so that clients
    /// do not wait for it and pre-voters are not held back by it
    /// (dissertation, 6.2).
    pub(super) fn on_quorum_check(&mut self, out: &mut Effects<Self>) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let heard = leader
            .peers
            .iter_mut()
            .filter_map(|peer| peer.take_heard().then_some(()))
            .count();
        if heard + 1 >= self.voters.quorum() {
            self.arm(Timer::QuorumCheck, out);
        } else {
            out.mark(marks::LEADER_STEPS_DOWN_WITHOUT_QUORUM);
            self.become_follower(self.term, None, out);
        }
    }
}
