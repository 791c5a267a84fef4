//! What nodes acknowledge: it must be on disk before it is sent, and must not be taken for
//! more than was sent.

use alloc::format;

use super::{RaftHost, disk_of};
use crate::invariants::{ClusterView, Violation};
use crate::process::NodeId;
use crate::raft::{
    AppendResult, Command, Durable, LogId, LogIndex, Message, Raft, Received, Round, Term,
};
use crate::renaming::{Renamed, Renaming};
use crate::vec_map::VecMap;

/// What a node has acknowledged to the leader of each term, for as long as it leads. A
/// deposed leader that does not know yet may still get an old reply, so terms are kept
/// apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Said(VecMap<Term, Answers>);

/// What a node has said to the leader of one term. Never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Answers {
    /// Up to where it said that its log is the leader's.
    pub(super) match_index: LogIndex,
    /// The newest round that it echoed.
    pub(super) round: Round,
}

impl Said {
    /// Hears one more message of the node, to one that leads a term.
    pub(super) fn hear<C>(&mut self, message: &Message<C>, led: Term) {
        let (asked_in, round) = match message {
            Message::AppendEntriesReply(reply) => (reply.asked_in, reply.round),
            Message::InstallSnapshotReply(reply) => (reply.asked_in, Round::default()),
            _ => return,
        };
        // A refusal of an older term is no answer to its leader.
        if message.term() > asked_in || asked_in != led {
            return;
        }
        let answers = self.0.entry(asked_in).or_default();
        answers.round = answers.round.max(round);
        answers.match_index = answers
            .match_index
            .max(promised(message).unwrap_or_default());
    }

    /// What was said in a term; what was said in another does not count.
    pub(super) fn in_term(&self, term: Term) -> Answers {
        self.0.get(&term).copied().unwrap_or_default()
    }

    /// No node leads this term any more, and none will again.
    pub(super) fn forget(&mut self, term: Term) {
        self.0.remove(&term);
    }
}

/// Names no node: senders are known by their place.
impl Renamed for Said {
    fn renamed(&self, _: &Renaming) -> Self {
        self.clone()
    }
}

/// The message that `node` has just sent claims no term, vote or entry that is
/// not on its disk.
pub(super) fn is_on_disk<C: Command>(
    node: NodeId,
    disk: &Durable<C>,
    to: NodeId,
    message: &Message<C>,
) -> Result<(), Violation> {
    if message.term() > disk.term {
        let term = disk.term;
        let expected = format!("{node} to say nothing of a term after {term}, on its disk");
        return too_early(node, expected, message, to);
    }
    let vote = match message {
        Message::RequestVote(_) => Some(node),
        Message::RequestVoteReply(reply) if reply.granted => Some(to),
        _ => None,
    };
    if vote.is_some() && vote != disk.vote {
        let expected = format!("{node} to grant only the vote on its disk, {:?}", disk.vote);
        return too_early(node, expected, message, to);
    }
    let last = disk.log.last().index;
    if promised(message).is_some_and(|index| index > last) {
        let expected = format!("{node} to acknowledge up to {last}, on its disk");
        return too_early(node, expected, message, to);
    }
    Ok(())
}

/// What is acknowledged is not only as long as the leader's log, but the same:
/// the disk has the leader's term at the acknowledged index.
pub(super) fn is_the_leaders<P: RaftHost>(
    cluster: &impl ClusterView<P>,
    node: NodeId,
    to: NodeId,
    message: &Message<P::Command>,
) -> Result<(), Violation> {
    let leader = cluster.node(to).process.and_then(P::part);
    let Some(leader) = leader.filter(|raft| leads(raft, message.term())) else {
        return Ok(());
    };
    let disk = disk_of::<P>(cluster.node(node).durable);
    let Some(index) = promised(message) else {
        return Ok(());
    };
    match (disk.log.term_at(index), leader.log().term_at(index)) {
        (Some(own), Some(theirs)) if own != theirs => too_early(
            node,
            format!(
                "{node} to acknowledge {}, with that entry on its disk",
                LogId::new(index, theirs)
            ),
            message,
            to,
        ),
        _ => Ok(()),
    }
}

fn leads<C: Command>(raft: &Raft<C>, term: Term) -> bool {
    raft.role().is_leader() && raft.term() == term
}

fn too_early<C>(
    node: NodeId,
    expected: alloc::string::String,
    message: &Message<C>,
    to: NodeId,
) -> Result<(), Violation> {
    let found = format!("{message} to {to}");
    Err(Violation::new(
        "persist-before-send",
        [node],
        expected,
        found,
    ))
}

/// Up to where a message says that the log is the leader's.
fn promised<C>(message: &Message<C>) -> Option<LogIndex> {
    match message {
        Message::AppendEntriesReply(reply) => match reply.result {
            AppendResult::Matched(index) => Some(index),
            AppendResult::Conflict { .. } | AppendResult::StaleTerm => None,
        },
        Message::InstallSnapshotReply(reply) if reply.received == Received::All => {
            Some(reply.last.index)
        }
        _ => None,
    }
}
