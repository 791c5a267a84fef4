//! What clients ask, what they are told, and what travels in between.

use core::fmt::{self, Debug, Display};

use serde::{Deserialize, Serialize};

use crate::process::{InvocationId, NodeId};
use crate::raft;
use crate::replica::{self, Request, StateMachine};
use crate::short_names::debug_as_display;

/// Names one question of a clerk's call; prints as `o7.2`.
///
/// However often a question is asked, and of whom, it keeps its name: a server
/// that is at it already takes the next try for the same question, and does it once.
/// An engine never uses an invocation twice, not even after a crash, so an
/// answer to an earlier life of a clerk is never mistaken for one to this life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Call {
    /// The client's call of the clerk.
    pub invocation: InvocationId,
    /// Counts the questions that the clerk has asked for its sake, from 1: the
    /// second is the write itself, if a session had to be opened first.
    pub question: u32,
}

impl Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.invocation, self.question)
    }
}

debug_as_display!(Call);

/// What travels between the nodes of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Message<M: StateMachine> {
    /// Between servers.
    Raft(raft::Message<Request<M::Command>>),
    /// A clerk asks a server.
    Ask {
        /// Comes back with the answer.
        call: Call,
        /// What it asks of the replica there.
        operation: replica::Operation<M>,
        /// Whether a server that does not lead passes it on to the leader: the
        /// clerk cannot reach the leader itself.
        relay: bool,
    },
    /// A server passes a clerk's question on to the leader.
    Relay {
        /// The clerk.
        clerk: NodeId,
        /// Comes back with the answer.
        call: Call,
        /// What the clerk asks.
        operation: replica::Operation<M>,
    },
    /// The answer to a question that was passed on, to whoever passed it on.
    Relayed {
        /// The clerk.
        clerk: NodeId,
        /// What it answers.
        call: Call,
        /// What became of it.
        outcome: replica::Outcome<M>,
    },
    /// A server answers a clerk.
    Tell {
        /// What it answers.
        call: Call,
        /// What became of it.
        outcome: replica::Outcome<M>,
        /// Whether the answer is another server's, which this one passed the
        /// question on to.
        relayed: bool,
    },
}

/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation<M: StateMachine> {
    /// Change the machine. A clerk does it exactly once; a server that is
    /// asked directly proposes it, and does not know it again.
    Write(M::Command),
    /// Ask the machine, linearizably.
    Read(M::Query),
    /// Hand the leadership to another server. Clerks refuse it.
    TransferLeadership {
        /// The successor.
        to: NodeId,
    },
}

/// What a client may be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome<M: StateMachine> {
    /// The write is done.
    Written(M::Response),
    /// The read is answered.
    Answered(M::Answer),
    /// It may have happened, may still happen, or may never.
    Indeterminate,
    /// So much is under way at the server that more would only wait; nothing
    /// happened, and nothing will. Clerks never say so: they wait, and ask again.
    Busy,
    /// This server does not lead; nothing happened, and nothing will. Clerks never say so.
    NotHere {
        /// Who may lead.
        hint: Option<NodeId>,
    },
    /// The server hands over. Whether it succeeds shows in who leads next.
    TransferStarted,
    /// Nobody hands over.
    TransferRefused,
}
