//! A node as the host of a Raft, as Raft's invariants see it.

use alloc::vec::Vec;

use super::server::Write;
use super::{Message, Node};
use crate::process::Effect;
use crate::raft::invariants::RaftHost;
use crate::raft::{self, Elector, LogIndex, Raft, Standing, Term};
use crate::replica::{Replica, Request, StateMachine};

impl<M: StateMachine> RaftHost for Node<M> {
    type Command = Request<M::Command>;

    fn raft(&self) -> Option<&Raft<Self::Command>> {
        self.replica().map(Replica::raft)
    }
    fn state_digest(&self) -> u64 {
        self.replica().map_or(0, RaftHost::state_digest)
    }
    fn states_passed(&self) -> &[(LogIndex, u64)] {
        self.replica().map_or(&[], RaftHost::states_passed)
    }
    fn encode_state(&self) -> Vec<u8> {
        self.replica()
            .map(RaftHost::encode_state)
            .unwrap_or_default()
    }
    fn durable(durable: &Self::Durable) -> &raft::Durable<Self::Command> {
        durable
    }
    fn write(write: &Write<M>) -> Option<&raft::Write<Self::Command>> {
        Some(write)
    }
    fn message(message: &Self::Message) -> Option<&raft::Message<Self::Command>> {
        match message {
            Message::Raft(message) => Some(message),
            Message::Ask { .. }
            | Message::Relay { .. }
            | Message::Relayed { .. }
            | Message::Tell { .. } => None,
        }
    }
    /// What a server tells a clerk is done. Whoever asks a server directly is not told where.
    fn acknowledged(effect: &Effect<Self>) -> Option<(LogIndex, Option<Term>)> {
        match effect {
            Effect::Send {
                message:
                    Message::Tell {
                        outcome,
                        relayed: false,
                        ..
                    }
                    | Message::Relayed { outcome, .. },
                ..
            } => outcome.acknowledged(),
            _ => None,
        }
    }
}

impl<M: StateMachine> Elector for Node<M> {
    fn standing(&self) -> Option<Standing<'_>> {
        self.replica()?.standing()
    }
}
