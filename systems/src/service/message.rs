//! What clients ask, what they are told, and what travels in between.

use core::fmt::{self, Debug, Display};

use serde::{Deserialize, Serialize};

use crate::process::{InvocationId, NodeId};
use crate::raft;
use crate::replica::{self, Request, StateMachine};
use crate::short_names::debug_as_display;

/// Names one try of a clerk's call; prints as `o7.2`.
///
/// An engine never uses an invocation twice, not even after a crash, so an
/// answer to an earlier life of a clerk is never mistaken for one to this life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Call {
    /// The client's call of the clerk.
    pub invocation: InvocationId,
    /// Counts what the clerk has asked for its sake, from 1.
    pub attempt: u32,
}

impl Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.invocation, self.attempt)
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
    },
    /// A server answers a clerk.
    Tell {
        /// What it answers.
        call: Call,
        /// What became of it.
        outcome: replica::Outcome<M>,
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
    Maybe,
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
