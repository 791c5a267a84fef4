//! What a replica is asked, what it answers, and what it writes into the log.

use core::fmt::Debug;
use core::hash::Hash;

use serde::{Deserialize, Serialize};

use super::StateMachine;
use super::session::{Sequence, SessionId, SessionLimits};
use crate::process::NodeId;
use crate::raft::{Command, LogIndex, Term};

/// What the log of a replica carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request<C> {
    /// Open a session, with which others are ended that are too many.
    OpenSession {
        /// How long sessions live from here on.
        limits: SessionLimits,
    },
    /// Apply a command once, however often it arrives.
    SessionWrite {
        /// The client's session.
        session: SessionId,
        /// The number of the write in it.
        sequence: Sequence,
        /// The command.
        command: C,
    },
    /// Apply a command each time it arrives.
    Write {
        /// The command.
        command: C,
    },
}

impl<C: Command> Command for Request<C> {
    fn size(&self) -> usize {
        const TAG: usize = 1;
        const LIMITS: usize = 5;
        const SESSION_AND_SEQUENCE: usize = 6;
        match self {
            Self::OpenSession { .. } => TAG + LIMITS,
            Self::SessionWrite { command, .. } => TAG + SESSION_AND_SEQUENCE + command.size(),
            Self::Write { command } => TAG + command.size(),
        }
    }
}

/// What a client may ask of a replica.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Operation<M: StateMachine> {
    /// Open a session, so that later writes are applied exactly once.
    OpenSession,
    /// Change the machine.
    Write {
        /// The session and the number of the write in it. A client that
        /// repeats a write repeats both. Without them a repeated write is
        /// applied again.
        session: Option<(SessionId, Sequence)>,
        /// The change.
        command: M::Command,
    },
    /// Ask the machine, linearizably.
    Read {
        /// The question.
        query: M::Query,
    },
    /// Hand the leadership to another node.
    TransferLeadership {
        /// The successor.
        to: NodeId,
    },
}

/// What a client may be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Outcome<M: StateMachine> {
    /// The session is open.
    SessionOpened {
        /// Its name.
        session: SessionId,
    },
    /// The write is committed and applied.
    Written {
        /// Where it was applied; for a repeated write, where it was the first time.
        index: LogIndex,
        /// The term of the entry there.
        term: Term,
        /// What the machine answered then.
        response: M::Response,
    },
    /// The read is answered.
    Answered {
        /// The last index that was applied when it was.
        at: LogIndex,
        /// The answer.
        answer: M::Answer,
    },
    /// Ask another node. Nothing happened, and nothing will.
    NotLeader {
        /// Who may lead.
        hint: Option<NodeId>,
    },
    /// The leadership was lost before the answer was known: it may have
    /// happened, may still happen, or may never.
    Unknown,
    /// There is no such session any more. Nothing was applied this time; a
    /// try before the session ended may have been.
    SessionExpired,
    /// A later write of the session was applied already; this one was not applied now.
    StaleSequence,
    /// So much is under way that more would only wait. Nothing happened, and
    /// nothing will: ask again later.
    Busy,
    /// The node hands over. Whether it succeeds shows in who leads next.
    TransferStarted,
    /// The node does not hand over: another transfer is under way, or the
    /// target is not another voter.
    TransferRefused,
}

impl<M: StateMachine> Outcome<M> {
    /// The entry whose commit it acknowledges, with its term if it says so.
    #[must_use]
    pub fn acknowledged(&self) -> Option<(LogIndex, Option<Term>)> {
        match self {
            Self::Written { index, term, .. } => Some((*index, Some(*term))),
            Self::SessionOpened { session } => Some((session.0, None)),
            _ => None,
        }
    }
}
