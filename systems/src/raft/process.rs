//! Raft as a process by itself.

use alloc::sync::Arc;

use super::Raft;
use super::config::{Config, Timer, Voters};
use super::durable::Durable;
use super::message::Message;
use super::output::{Event, NotLeader, TransferError};
use super::types::{Command, LogId, LogIndex, ReadId};
use crate::process::{ConfigError, Effects, Input, NodeId, Process};

/// What a node knows before it starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// All nodes of the cluster.
    pub voters: Voters,
    /// The tuning.
    pub config: Config,
}

/// What a host may ask of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation<C> {
    /// See [`Raft::propose`].
    Propose(C),
    /// See [`Raft::read`].
    Read,
    /// See [`Raft::transfer`].
    TransferLeadership {
        /// The peer that is to lead.
        to: NodeId,
    },
    /// See [`Raft::compact`].
    Compact {
        /// The last index that the snapshot covers.
        index: LogIndex,
        /// The state after it.
        data: Arc<[u8]>,
    },
}

/// What a host is told: answers to what it asks, and, unasked, what happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome<C> {
    /// An event; answers no operation.
    Event(Event<C>),
    /// Where the command may be committed, or why not.
    Proposed(Result<LogId, NotLeader>),
    /// The name of the read, or why there is none.
    Reads(Result<ReadId, NotLeader>),
    /// Whether the leader hands over.
    Transfers(Result<(), TransferError>),
    /// Whether the snapshot was taken.
    Compacted(bool),
}

impl<C: Command> Process for Raft<C> {
    type Config = Setup;
    type Message = Message<C>;
    type Timer = Timer;
    type Operation = Operation<C>;
    type Outcome = Outcome<C>;
    type Durable = Durable<C>;

    fn check(setup: &Setup) -> Result<(), ConfigError> {
        setup.config.check()
    }

    fn leads(&self) -> bool {
        self.role().is_leader()
    }

    fn start(
        id: NodeId,
        setup: &Setup,
        durable: Self::Durable,
        effects: &mut Effects<Self>,
    ) -> Self {
        Self::start(id, setup.voters.clone(), &setup.config, durable, effects)
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Receive { from, message } => self.receive(from, message, effects),
            Input::Timeout(timer) => self.timeout(timer, effects),
            Input::Invoke {
                invocation,
                operation,
            } => {
                let outcome = match operation {
                    Operation::Propose(command) => Outcome::Proposed(self.propose(command)),
                    Operation::Read => Outcome::Reads(self.read(effects)),
                    Operation::TransferLeadership { to } => {
                        Outcome::Transfers(self.transfer(to, effects))
                    }
                    Operation::Compact { index, data } => {
                        Outcome::Compacted(self.compact(index, data, effects))
                    }
                };
                effects.reply(invocation, outcome);
            }
        }
    }

    fn flush(&mut self, effects: &mut Effects<Self>) {
        self.flush(effects);
    }
}
