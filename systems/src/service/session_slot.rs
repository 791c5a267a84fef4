//! A session of a clerk, with at most one call in flight.

use super::Operation;
use crate::process::{InvocationId, NodeId};
use crate::replica::{self, Sequence, SessionId, StateMachine};

/// A session, and the call that is in flight in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionSlot<M: StateMachine> {
    /// The session of its writes, once it is open.
    pub(super) session: Option<SessionId>,
    /// The sequence number of the last write. A write keeps its number across retries: two
    /// numbers would be two writes.
    pub(super) sequence: Sequence,
    pub(super) pending: Option<PendingCall<M>>,
}

/// A call that is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PendingCall<M: StateMachine> {
    pub(super) invocation: InvocationId,
    pub(super) wanted: Wanted<M>,
    pub(super) stage: Stage,
    /// Which question it is at, counted from 1.
    pub(super) question: u32,
    /// How often it has timed out. From the first time on, servers that do not lead are
    /// asked to relay the question.
    pub(super) waited: u8,
    /// How many times in a row the server was busy.
    pub(super) busy: u8,
    /// Whether it is giving a silent server a second chance.
    pub(super) doubts: bool,
    /// Whether it followed a leader hint since its last back-off.
    pub(super) redirected: bool,
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wanted<M: StateMachine> {
    Write(M::Command),
    Read(M::Query),
}

/// The stage of a slot's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It waits for an answer of this server.
    Asking(NodeId),
    /// It backs off before it asks again.
    Resting,
}

impl<M: StateMachine> Wanted<M> {
    /// The operations that a clerk supports.
    pub(super) fn of(operation: Operation<M>) -> Option<Self> {
        match operation {
            Operation::Write(command) => Some(Self::Write(command)),
            Operation::Read(query) => Some(Self::Read(query)),
            Operation::TransferLeadership { .. } => None,
        }
    }
}

impl<M: StateMachine> Default for SessionSlot<M> {
    fn default() -> Self {
        Self {
            session: None,
            sequence: Sequence::default(),
            pending: None,
        }
    }
}

impl<M: StateMachine> SessionSlot<M> {
    /// Takes a call on. A write takes the next number of the session, if there is one.
    pub(super) fn begin(&mut self, invocation: InvocationId, wanted: Wanted<M>) {
        if matches!(wanted, Wanted::Write(_)) && self.session.is_some() {
            self.sequence.0 += 1;
        }
        self.pending = Some(PendingCall {
            invocation,
            wanted,
            stage: Stage::Resting,
            question: 1,
            waited: 0,
            busy: 0,
            doubts: false,
            redirected: false,
        });
    }

    /// Whether a write is under way.
    pub(super) fn is_writing(&self) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|pending| matches!(pending.wanted, Wanted::Write(_)))
    }

    /// A session is open; its writes are numbered from 1.
    pub(super) fn opened(&mut self, session: SessionId) {
        self.session = Some(session);
        self.sequence = Sequence(1);
    }

    /// The session has ended.
    pub(super) fn closed(&mut self) {
        self.session = None;
        self.sequence = Sequence::default();
    }

    /// What it must ask next.
    pub(super) fn operation(&self) -> Option<replica::Operation<M>> {
        let pending = self.pending.as_ref()?;
        Some(match (&pending.wanted, self.session) {
            (Wanted::Read(query), _) => replica::Operation::Read {
                query: query.clone(),
            },
            (Wanted::Write(command), _) if M::KNOWS_REPETITIONS => replica::Operation::Write {
                session: None,
                command: command.clone(),
            },
            (Wanted::Write(_), None) => replica::Operation::OpenSession,
            (Wanted::Write(command), Some(session)) => replica::Operation::Write {
                session: Some((session, self.sequence)),
                command: command.clone(),
            },
        })
    }

    /// The session of its writes, once it is open, and the number of the last write.
    #[must_use]
    pub fn session(&self) -> Option<(SessionId, Sequence)> {
        Some((self.session?, self.sequence))
    }

    /// The call that is under way, and what it waits for.
    #[must_use]
    pub fn call(&self) -> Option<(InvocationId, Stage)> {
        let pending = self.pending.as_ref()?;
        Some((pending.invocation, pending.stage))
    }
}
