//! The replica as the host of a Raft: what goes out, and what is watched.

use alloc::vec::Vec;

use super::{Replica, Request, StateMachine};
use crate::embeds::{Embeds, WriteOf};
use crate::process::Effect;
use crate::raft::invariants::RaftHost;
use crate::raft::{HasLeader, LeaderInfo, LogIndex, Raft, Term};

impl<M: StateMachine> Embeds<Raft<Request<M::Command>>> for Replica<M> {
    fn part(&self) -> Option<&Raft<Request<M::Command>>> {
        Some(&self.raft)
    }
    fn part_of_disk(durable: &Self::Durable) -> Option<&Self::Durable> {
        Some(durable)
    }
    fn message(message: Self::Message) -> Self::Message {
        message
    }
    fn as_message(message: &Self::Message) -> Option<&Self::Message> {
        Some(message)
    }
    fn write(write: WriteOf<Self>) -> WriteOf<Self> {
        write
    }
    fn as_write(write: &WriteOf<Self>) -> Option<&WriteOf<Self>> {
        Some(write)
    }
}

impl<M: StateMachine> RaftHost for Replica<M> {
    type Command = Request<M::Command>;

    fn state_digest(&self) -> u64 {
        self.digest()
    }
    fn states_passed(&self) -> &[(LogIndex, u64)] {
        self.passed.states()
    }
    fn encode_state(&self) -> Vec<u8> {
        self.encode()
    }
    fn acknowledged(effect: &Effect<Self>) -> Option<(LogIndex, Option<Term>)> {
        match effect {
            Effect::Return { outcome, .. } => outcome.acknowledged(),
            _ => None,
        }
    }
}

impl<M: StateMachine> HasLeader for Replica<M> {
    fn leader_info(&self) -> Option<LeaderInfo<'_>> {
        Some(self.raft.leader_info())
    }
}
