//! A node as the host of a Raft, as Raft's invariants see it.

use alloc::vec::Vec;

use super::server::Write;
use super::{Message, Node};
use crate::embeds::Embeds;
use crate::process::Effect;
use crate::raft::invariants::RaftHost;
use crate::raft::{self, HasLeader, LeaderInfo, LogIndex, Raft, Term};
use crate::replica::{Replica, Request, StateMachine};

impl<M: StateMachine> Embeds<Replica<M>> for Node<M> {
    fn part(&self) -> Option<&Replica<M>> {
        self.replica()
    }
    fn part_of_disk(durable: &Self::Durable) -> Option<&Self::Durable> {
        Some(durable)
    }
    fn message(message: RaftMessage<M>) -> Self::Message {
        Message::Raft(message)
    }
    fn as_message(message: &Self::Message) -> Option<&RaftMessage<M>> {
        match message {
            Message::Raft(message) => Some(message),
            Message::Ask { .. }
            | Message::Relay { .. }
            | Message::Relayed { .. }
            | Message::Tell { .. } => None,
        }
    }
    fn write(write: Write<M>) -> Write<M> {
        write
    }
    fn as_write(write: &Write<M>) -> Option<&Write<M>> {
        Some(write)
    }
}

/// The Raft of its replica.
impl<M: StateMachine> Embeds<Raft<Request<M::Command>>> for Node<M> {
    fn part(&self) -> Option<&Raft<Request<M::Command>>> {
        self.replica().map(Replica::raft)
    }
    fn part_of_disk(durable: &Self::Durable) -> Option<&Self::Durable> {
        Some(durable)
    }
    fn message(message: RaftMessage<M>) -> Self::Message {
        <Self as Embeds<Replica<M>>>::message(message)
    }
    fn as_message(message: &Self::Message) -> Option<&RaftMessage<M>> {
        <Self as Embeds<Replica<M>>>::as_message(message)
    }
    fn write(write: Write<M>) -> Write<M> {
        write
    }
    fn as_write(write: &Write<M>) -> Option<&Write<M>> {
        Some(write)
    }
}

type RaftMessage<M> = raft::Message<Request<<M as StateMachine>::Command>>;

impl<M: StateMachine> RaftHost for Node<M> {
    type Command = Request<M::Command>;

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

impl<M: StateMachine> HasLeader for Node<M> {
    fn leader_info(&self) -> Option<LeaderInfo<'_>> {
        self.replica()?.leader_info()
    }
}
