//! One call of a clerk at a time, under one session.

use super::Operation;
use crate::process::{InvocationId, NodeId};
use crate::replica::{self, Sequence, SessionId, StateMachine};

/// A session, and the call that is under way in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane<M: StateMachine> {
    /// The session of its writes, once it is open.
    pub(super) session: Option<SessionId>,
    /// The number of the last write under the session. A write keeps its
    /// number for as long as it is asked: two numbers would be two writes.
    pub(super) sequence: Sequence,
    pub(super) errand: Option<Errand<M>>,
}

/// A call that is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Errand<M: StateMachine> {
    pub(super) invocation: InvocationId,
    pub(super) wish: Wish<M>,
    pub(super) stage: Stage,
    /// Which question it is at, counted from 1.
    pub(super) question: u32,
    /// How often it has waited in vain. From the first time on, servers that do
    /// not lead are asked to pass the question on.
    pub(super) waited: u8,
    /// How often in a row it was told that a server is busy.
    pub(super) busy: u8,
    /// Whether it asks a silent server once more.
    pub(super) doubts: bool,
    /// Whether it followed a hint since it last rested.
    pub(super) redirected: bool,
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wish<M: StateMachine> {
    Write(M::Command),
    Read(M::Query),
}

/// What a lane does for its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It waits for an answer of this server.
    Asking(NodeId),
    /// It rests before it asks again.
    Resting,
}

impl<M: StateMachine> Wish<M> {
    /// What a clerk can do for a client.
    pub(super) fn of(operation: Operation<M>) -> Option<Self> {
        match operation {
            Operation::Write(command) => Some(Self::Write(command)),
            Operation::Read(query) => Some(Self::Read(query)),
            Operation::TransferLeadership { .. } => None,
        }
    }
}

impl<M: StateMachine> Default for Lane<M> {
    fn default() -> Self {
        Self {
            session: None,
            sequence: Sequence::default(),
            errand: None,
        }
    }
}

impl<M: StateMachine> Lane<M> {
    /// Takes a call on. A write takes the next number of the session, if there is one.
    pub(super) fn begin(&mut self, invocation: InvocationId, wish: Wish<M>) {
        if matches!(wish, Wish::Write(_)) && self.session.is_some() {
            self.sequence.0 += 1;
        }
        self.errand = Some(Errand {
            invocation,
            wish,
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
        let errand = self.errand.as_ref();
        errand.is_some_and(|errand| matches!(errand.wish, Wish::Write(_)))
    }

    /// A session is open; its writes are numbered from 1.
    pub(super) fn opened(&mut self, session: SessionId) {
        self.session = Some(session);
        self.sequence = Sequence(1);
    }

    /// The session is of no use any more.
    pub(super) fn closed(&mut self) {
        self.session = None;
        self.sequence = Sequence::default();
    }

    /// What it must ask next.
    pub(super) fn operation(&self) -> Option<replica::Operation<M>> {
        let errand = self.errand.as_ref()?;
        Some(match (&errand.wish, self.session) {
            (Wish::Read(query), _) => replica::Operation::Read {
                query: query.clone(),
            },
            (Wish::Write(command), _) if M::KNOWS_REPETITIONS => replica::Operation::Write {
                session: None,
                command: command.clone(),
            },
            (Wish::Write(_), None) => replica::Operation::OpenSession,
            (Wish::Write(command), Some(session)) => replica::Operation::Write {
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
        let errand = self.errand.as_ref()?;
        Some((errand.invocation, errand.stage))
    }
}
