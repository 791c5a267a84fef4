//! A replica with its nodes renamed, for symmetry reduction.

use super::{Operation, Outcome, Replica, Request, StateMachine};
use crate::renaming::{NamesNobody, Renamed, Renaming};

impl<C: NamesNobody> NamesNobody for Request<C> {}

/// Sessions, and calls that wait, name clients by numbers of their own.
impl<M: StateMachine + NamesNobody> Renamed for Replica<M>
where
    M::Command: NamesNobody,
{
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self {
            limits: self.limits,
            raft: self.raft.renamed(renaming),
            machine: self.machine.clone(),
            sessions: self.sessions.clone(),
            session_limits: self.session_limits,
            passed: self.passed.clone(),
            writes: self.writes.clone(),
            reads: self.reads.clone(),
        }
    }
}

impl<M: StateMachine + NamesNobody> Renamed for Operation<M> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        match self {
            Self::TransferLeadership { to } => Self::TransferLeadership {
                to: to.renamed(renaming),
            },
            Self::OpenSession | Self::Write { .. } | Self::Read { .. } => self.clone(),
        }
    }
}

impl<M: StateMachine + NamesNobody> Renamed for Outcome<M> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        match self {
            Self::NotLeader { hint } => Self::NotLeader {
                hint: hint.renamed(renaming),
            },
            Self::SessionOpened { .. }
            | Self::Written { .. }
            | Self::Answered { .. }
            | Self::Unknown
            | Self::SessionExpired
            | Self::StaleSequence
            | Self::Busy
            | Self::TransferStarted
            | Self::TransferRefused => self.clone(),
        }
    }
}
