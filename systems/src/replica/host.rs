//! The replica as the host of a Raft: what goes out, and what is watched.

use alloc::vec::Vec;

use super::{Replica, Request, StateMachine};
use crate::process::{Effect, Effects, NodeId};
use crate::raft::invariants::RaftHost;
use crate::raft::{self, Elector, LogIndex, Output, Raft, Standing, Term, Timer, Write};

impl<M: StateMachine> Output<Request<M::Command>> for Effects<Replica<M>> {
    fn persist(&mut self, write: Write<Request<M::Command>>) {
        self.push(Effect::Persist(write));
    }
    fn send(&mut self, to: NodeId, message: raft::Message<Request<M::Command>>) {
        self.push(Effect::Send { to, message });
    }
    fn set_timer(&mut self, timer: Timer) {
        self.push(Effect::SetTimer(timer));
    }
    fn cancel_timer(&mut self, timer: Timer) {
        self.push(Effect::CancelTimer(timer));
    }
    fn mark(&mut self, mark: &'static str) {
        self.push(Effect::Mark(mark));
    }
}

impl<M: StateMachine> RaftHost for Replica<M> {
    type Command = Request<M::Command>;

    fn raft(&self) -> Option<&Raft<Self::Command>> {
        Some(&self.raft)
    }
    fn state_digest(&self) -> u64 {
        self.digest()
    }
    fn states_passed(&self) -> &[(LogIndex, u64)] {
        self.passed.states()
    }
    fn encode_state(&self) -> Vec<u8> {
        self.encode()
    }
    fn durable(durable: &Self::Durable) -> &raft::Durable<Self::Command> {
        durable
    }
    fn write(write: &Write<Self::Command>) -> Option<&Write<Self::Command>> {
        Some(write)
    }
    fn message(message: &Self::Message) -> Option<&raft::Message<Self::Command>> {
        Some(message)
    }
    fn acknowledged(effect: &Effect<Self>) -> Option<(LogIndex, Option<Term>)> {
        match effect {
            Effect::Return { outcome, .. } => outcome.acknowledged(),
            _ => None,
        }
    }
}

impl<M: StateMachine> Elector for Replica<M> {
    fn standing(&self) -> Option<Standing<'_>> {
        Some(self.raft.standing())
    }
}
