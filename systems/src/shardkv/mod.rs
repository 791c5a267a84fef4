//! The sharded key/value service: groups of servers, each of which serves the
//! shards that the controller gives it, and clerks that find them.
//!
//! A [`Group`] is a state machine for [`crate::service`], and a [`Server`] adds
//! to it what a leader does: it asks the controller for the next configuration,
//! hands over the shards that it took away, takes those that arrive, and
//! deletes what the new owner has. Each step is an entry of the group's log. A
//! shard moves with its sessions, so that a write happens once whichever groups
//! it was asked of. The old owner pushes, and keeps what it pushed until the
//! new one says that a majority of it has the shard on its disks.
//!
//! A group serves what it has while it waits for the rest, and each shard as
//! soon as it arrives.

mod api;
mod clerk;
mod config;
mod courier;
mod group;
pub mod invariants;
mod leader_state;
pub mod marks;
mod message;
mod part;
mod peers;
mod server;
mod session_slot;
mod shard;
mod shard_transfer;

use alloc::boxed::Box;
use core::fmt;

pub use api::{Answer, Command, Response};
pub use clerk::Clerk;
pub use config::{ClerkConfig, Config, ServerConfig, Timer};
pub use group::{Arrival, Group, Holding, OutgoingShard};
pub use message::{Message, Operation, Outcome, Peer, Transfer, TransferId};
pub use part::{Durable, Write};
pub use server::Server;
pub use session_slot::{SessionSlot, Stage};
pub use shard::{MOST_SESSIONS, ShardSession, ShardState};

use self::part::{ControllerPart, pass_on};
use crate::kv;
use crate::process::{ConfigError, Effects, Input, InvocationId, NodeId, Priority, Process};
use crate::raft::{HasLeader, LeaderInfo};
use crate::service;
use crate::shardctrler;

/// A node of the sharded service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A server of the controller, or a clerk that asks it for an operator.
    Controller(Box<shardctrler::Node>),
    /// A server of a group.
    Server(Box<Server>),
    /// It asks the groups for a client.
    Clerk(Box<Clerk>),
}

impl Process for Node {
    type Config = Config;
    type Message = Message;
    type Timer = Timer;
    type Operation = Operation;
    type Outcome = Outcome;
    type Durable = Durable;

    fn check(config: &Config) -> Result<(), ConfigError> {
        config.check()
    }

    fn leads(&self) -> bool {
        self.leader_info().is_some_and(|info| info.leads)
    }

    /// New calls are deferred; messages between servers and timers come first.
    fn priority(input: &Input<Self>) -> Priority {
        match input {
            Input::Receive {
                message:
                    Message::Controller(service::Message::Ask { .. } | service::Message::Relay { .. })
                    | Message::Group(service::Message::Ask { .. } | service::Message::Relay { .. }),
                ..
            }
            | Input::Invoke { .. } => Priority::Deferred,
            Input::Receive { .. } | Input::Timeout(_) => Priority::Urgent,
        }
    }

    fn start(id: NodeId, config: &Config, durable: Durable, effects: &mut Effects<Self>) -> Self {
        match config {
            Config::Controller(config) => {
                let mut inner = Effects::new();
                let durable = durable.of_controller();
                let node = ControllerPart::start(id, config, durable, &mut inner);
                pass_on(inner, effects, Timer::Controller);
                Self::Controller(Box::new(node))
            }
            Config::Server(config) => {
                Self::Server(Box::new(Server::start(id, config, durable, effects)))
            }
            Config::Clerk(config) => Self::Clerk(Box::new(Clerk::start(id, config, effects))),
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match self {
            Self::Controller(node) => controller_step(node, input, effects),
            Self::Server(server) => server.step(input, effects),
            Self::Clerk(clerk) => clerk.step(input, effects),
        }
    }

    fn flush(&mut self, effects: &mut Effects<Self>) {
        match self {
            Self::Controller(node) => {
                let mut inner = Effects::new();
                node.flush(&mut inner);
                answer_for_controller(inner, effects);
            }
            Self::Server(server) => server.flush(effects),
            Self::Clerk(_) => {}
        }
    }
}

fn controller_step(node: &mut ControllerPart, input: Input<Node>, effects: &mut Effects<Node>) {
    let input = match input {
        Input::Receive {
            from,
            message: Message::Controller(message),
        } => Input::Receive { from, message },
        Input::Timeout(Timer::Controller(timer)) => Input::Timeout(timer),
        Input::Invoke {
            invocation,
            operation: Operation::Controller(operation),
        } => Input::Invoke {
            invocation,
            operation,
        },
        Input::Invoke {
            invocation,
            operation: Operation::Keys(_),
        } => return not_here(invocation, effects),
        // Never sent to the controller.
        Input::Receive { .. } | Input::Timeout(_) => return,
    };
    let mut inner = Effects::new();
    node.step(input, &mut inner);
    answer_for_controller(inner, effects);
}

fn answer_for_controller(inner: Effects<ControllerPart>, effects: &mut Effects<Node>) {
    for (invocation, outcome) in pass_on(inner, effects, Timer::Controller) {
        effects.reply(invocation, Outcome::Controller(outcome));
    }
}

/// The controller keeps no keys.
fn not_here(invocation: InvocationId, effects: &mut Effects<Node>) {
    let outcome = kv::Outcome::NotHere { hint: None };
    effects.reply(invocation, Outcome::Keys(outcome));
}

impl Node {
    /// The node of the controller's service, where it is one.
    #[must_use]
    pub fn controller(&self) -> Option<&shardctrler::Node> {
        match self {
            Self::Controller(node) => Some(node),
            Self::Server(_) | Self::Clerk(_) => None,
        }
    }

    /// The server of a group, where it is one.
    #[must_use]
    pub fn server(&self) -> Option<&Server> {
        match self {
            Self::Server(server) => Some(server),
            Self::Controller(_) | Self::Clerk(_) => None,
        }
    }

    /// The clerk of the service, where it is one.
    #[must_use]
    pub fn clerk(&self) -> Option<&Clerk> {
        match self {
            Self::Clerk(clerk) => Some(clerk),
            Self::Controller(_) | Self::Server(_) => None,
        }
    }
}

impl HasLeader for Node {
    fn leader_info(&self) -> Option<LeaderInfo<'_>> {
        match self {
            Self::Controller(node) => node.leader_info(),
            Self::Server(server) => server.replica().leader_info(),
            Self::Clerk(_) => None,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Controller(node) => write!(f, "controller {node}"),
            Self::Server(server) => server.fmt(f),
            Self::Clerk(clerk) => clerk.fmt(f),
        }
    }
}
