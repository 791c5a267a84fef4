//! What a node says to others must be on its disk before it is said.

use alloc::format;

use crate::invariants::Violation;
use crate::process::NodeId;
use crate::raft::{AppendResult, Command, Durable, LogIndex, Message, Received};

/// The message that `node` has just sent claims no term, vote or entry that is
/// not on its disk.
pub(super) fn is_on_disk<C: Command>(
    node: NodeId,
    disk: &Durable<C>,
    to: NodeId,
    message: &Message<C>,
) -> Result<(), Violation> {
    let violation = |expected| {
        let found = format!("{message} to {to}");
        Err(Violation::new(
            "persist-before-send",
            [node],
            expected,
            found,
        ))
    };
    if message.term() > disk.term {
        return violation(format!(
            "{node} to say nothing of a term after {}, on its disk",
            disk.term
        ));
    }
    let vote = match message {
        Message::RequestVote(_) => Some(node),
        Message::RequestVoteReply(reply) if reply.granted => Some(to),
        _ => None,
    };
    if vote.is_some() && vote != disk.vote {
        return violation(format!(
            "{node} to grant only the vote on its disk, {:?}",
            disk.vote
        ));
    }
    let last = disk.log.last().index;
    if promised(message).is_some_and(|index| index > last) {
        return violation(format!("{node} to acknowledge up to {last}, on its disk"));
    }
    Ok(())
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
