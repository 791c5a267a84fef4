//! A replicated state machine that clients reach over the network.
//!
//! Some nodes are [`Server`]s, each with a replica; the others are [`Clerk`]s,
//! which ask them on behalf of clients. A clerk finds the leader, asks again
//! when no answer comes, and names each write by its session and sequence
//! number, so that it happens exactly once (dissertation, 6.3).

mod answers;
mod clerk;
mod config;
mod host;
pub mod invariants;
pub mod marks;
mod message;
mod server;
mod session_slot;

use core::fmt;

pub use clerk::Clerk;
pub use config::{ClerkConfig, Config, Timer};
pub use message::{Call, Message, Operation, Outcome};
pub use server::Server;
pub use session_slot::{SessionSlot, Stage};

use self::clerk::Answer;
use crate::process::{
    ConfigError, Effect, Effects, Input, InvocationId, NodeId, Priority, Process,
};
use crate::replica::{Replica, StateMachine};

/// A node of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node<M: StateMachine> {
    /// It has a replica.
    Server(Server<M>),
    /// It asks servers.
    Clerk(Clerk<M>),
}

impl<M: StateMachine> Process for Node<M> {
    type Config = Config;
    type Message = Message<M>;
    type Timer = Timer;
    type Operation = Operation<M>;
    type Outcome = Outcome<M>;
    /// A clerk writes nothing: a client that crashes does not know what it had asked.
    type Durable = <Replica<M> as Process>::Durable;

    fn start(
        id: NodeId,
        config: &Config,
        durable: Self::Durable,
        effects: &mut Effects<Self>,
    ) -> Self {
        match config {
            Config::Server(config) => Self::Server(Server::start(id, config, durable, effects)),
            Config::Clerk(config) => Self::Clerk(Clerk::start(id, config)),
        }
    }

    fn check(config: &Config) -> Result<(), ConfigError> {
        config.check()
    }

    fn leads(&self) -> bool {
        match self {
            Self::Server(server) => server.replica().leads(),
            Self::Clerk(_) => false,
        }
    }

    /// What clerks ask is new work; what servers say to each other, answers, and
    /// timers are about work under way.
    fn priority(input: &Input<Self>) -> Priority {
        match input {
            Input::Receive {
                message: Message::Ask { .. } | Message::Relay { .. },
                ..
            }
            | Input::Invoke { .. } => Priority::Deferred,
            Input::Receive { .. } | Input::Timeout(_) => Priority::Urgent,
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match self {
            Self::Server(server) => match input {
                Input::Receive { from, message } => match message {
                    Message::Raft(message) => {
                        server.step(Input::Receive { from, message }, effects);
                    }
                    Message::Ask {
                        call,
                        operation,
                        relay,
                    } => server.ask(from, call, operation, relay, effects),
                    Message::Relay {
                        clerk,
                        call,
                        operation,
                    } => server.relay(from, clerk, call, operation, effects),
                    Message::Relayed {
                        clerk,
                        call,
                        outcome,
                    } => effects.push(Effect::Send {
                        to: clerk,
                        message: Message::Tell {
                            call,
                            outcome,
                            relayed: true,
                        },
                    }),
                    // Only clerks ask, so nobody answers a server.
                    Message::Tell { .. } => {}
                },
                Input::Timeout(Timer::Raft(timer)) => server.step(Input::Timeout(timer), effects),
                Input::Timeout(_) => {}
                Input::Invoke {
                    invocation,
                    operation,
                } => server.invoke(invocation, operation, effects),
            },
            Self::Clerk(clerk) => match input {
                Input::Receive {
                    from,
                    message:
                        Message::Tell {
                            call,
                            outcome,
                            relayed,
                        },
                } => clerk.told(
                    Answer {
                        from,
                        call,
                        relayed,
                    },
                    outcome,
                    effects,
                ),
                // Clerks serve nobody.
                Input::Receive { .. } => {}
                Input::Timeout(timer) => clerk.timeout(timer, effects),
                Input::Invoke {
                    invocation,
                    operation,
                } => clerk.invoke(invocation, operation, effects),
            },
        }
    }

    fn flush(&mut self, effects: &mut Effects<Self>) {
        match self {
            Self::Server(server) => server.flush(effects),
            Self::Clerk(_) => {}
        }
    }
}

impl<M: StateMachine> Node<M> {
    /// Drops a call of a clerk, which stays without an answer.
    pub(crate) fn cancel(&mut self, invocation: InvocationId, effects: &mut Effects<Self>) {
        if let Self::Clerk(clerk) = self {
            clerk.cancel(invocation, effects);
        }
    }

    /// The replica, on a server.
    #[must_use]
    pub fn replica(&self) -> Option<&Replica<M>> {
        match self {
            Self::Server(server) => Some(server.replica()),
            Self::Clerk(_) => None,
        }
    }

    /// The clerk, where there is one.
    #[must_use]
    pub fn clerk(&self) -> Option<&Clerk<M>> {
        match self {
            Self::Server(_) => None,
            Self::Clerk(clerk) => Some(clerk),
        }
    }
}

impl<M: StateMachine> fmt::Display for Node<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(server) => server.replica().fmt(f),
            Self::Clerk(clerk) => clerk.fmt(f),
        }
    }
}
