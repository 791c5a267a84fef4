//! The processes inside a node, and how their effects become the node's.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::group::Group;
use super::{Message, Node, Server, Timer};
use crate::part::Part;
use crate::process::{self, Effect, Effects, InvocationId, Process};
use crate::service;
use crate::shardctrler;

/// A node of the controller's service, as part of a node.
pub(super) type ControllerPart = shardctrler::Node;
/// A node of a group's service, as part of a node.
pub(super) type GroupPart = service::Node<Group>;

/// What was answered to calls of a part.
pub(super) type Answers<Q> = Vec<(InvocationId, <Q as Process>::Outcome)>;

/// What a node's disk holds: a server's part is its only one that writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Durable {
    /// Nothing was written yet.
    #[default]
    Nothing,
    /// The disk of a server of the controller.
    Controller(<ControllerPart as Process>::Durable),
    /// The disk of a group's server.
    Group(<GroupPart as Process>::Durable),
}

/// A record of a server's part.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Write {
    /// Of the controller.
    Controller(<<ControllerPart as Process>::Durable as process::Durable>::Write),
    /// Of a group.
    Group(<<GroupPart as Process>::Durable as process::Durable>::Write),
}

impl process::Durable for Durable {
    type Write = Write;

    fn apply(&mut self, write: &Write) {
        if matches!(self, Self::Nothing) {
            *self = match write {
                Write::Controller(_) => Self::Controller(Default::default()),
                Write::Group(_) => Self::Group(Default::default()),
            };
        }
        match (self, write) {
            (Self::Controller(durable), Write::Controller(write)) => durable.apply(write),
            (Self::Group(durable), Write::Group(write)) => durable.apply(write),
            (Self::Nothing | Self::Controller(_) | Self::Group(_), _) => {
                panic!("a node's disk is of one kind: the records of its one server")
            }
        }
    }
}

impl Durable {
    pub(super) fn of_controller(self) -> <ControllerPart as Process>::Durable {
        match self {
            Self::Controller(durable) => durable,
            Self::Nothing | Self::Group(_) => Default::default(),
        }
    }

    pub(super) fn of_group(self) -> <GroupPart as Process>::Durable {
        match self {
            Self::Group(durable) => durable,
            Self::Nothing | Self::Controller(_) => Default::default(),
        }
    }
}

/// How what a part does is said in the words of the node.
pub(super) trait Inside: Process {
    /// Its record.
    fn write(write: <Self::Durable as process::Durable>::Write) -> Write;
    /// Its message.
    fn message(message: Self::Message) -> Message;
}

impl Inside for ControllerPart {
    fn write(write: <Self::Durable as process::Durable>::Write) -> Write {
        Write::Controller(write)
    }
    fn message(message: Self::Message) -> Message {
        Message::Controller(message)
    }
}

impl Inside for GroupPart {
    fn write(write: <Self::Durable as process::Durable>::Write) -> Write {
        Write::Group(write)
    }
    fn message(message: Self::Message) -> Message {
        Message::Group(message)
    }
}

impl Part<Node> for ControllerPart {
    fn of(node: &Node) -> Option<&Self> {
        node.controller()
    }
    fn durable_of(durable: &Durable) -> Option<&Self::Durable> {
        match durable {
            Durable::Controller(durable) => Some(durable),
            Durable::Nothing | Durable::Group(_) => None,
        }
    }
    fn effect_of(effect: &Effect<Node>) -> Option<Effect<Self>> {
        match effect {
            Effect::Persist(Write::Controller(write)) => Some(Effect::Persist(write.clone())),
            Effect::Send {
                to,
                message: Message::Controller(message),
            } => Some(Effect::Send {
                to: *to,
                message: message.clone(),
            }),
            _ => None,
        }
    }
}

impl Part<Node> for GroupPart {
    fn of(node: &Node) -> Option<&Self> {
        node.server().map(Server::service)
    }
    fn durable_of(durable: &Durable) -> Option<&Self::Durable> {
        match durable {
            Durable::Group(durable) => Some(durable),
            Durable::Nothing | Durable::Controller(_) => None,
        }
    }
    fn effect_of(effect: &Effect<Node>) -> Option<Effect<Self>> {
        match effect {
            Effect::Persist(Write::Group(write)) => Some(Effect::Persist(write.clone())),
            Effect::Send {
                to,
                message: Message::Group(message),
            } => Some(Effect::Send {
                to: *to,
                message: message.clone(),
            }),
            _ => None,
        }
    }
}

/// Passes on what a part wants done, in its order: it is the durability
/// contract. What it answers is for the node to judge.
pub(super) fn pass_on<Q: Inside>(
    inner: Effects<Q>,
    effects: &mut Effects<Node>,
    timer_of: impl Fn(Q::Timer) -> Timer,
) -> Answers<Q> {
    let mut inner = inner;
    let mut answers = Vec::new();
    for effect in inner.drain() {
        effects.push(match effect {
            Effect::Persist(write) => Effect::Persist(Q::write(write)),
            Effect::Send { to, message } => Effect::Send {
                to,
                message: Q::message(message),
            },
            Effect::SetTimer(timer) => Effect::SetTimer(timer_of(timer)),
            Effect::CancelTimer(timer) => Effect::CancelTimer(timer_of(timer)),
            Effect::Mark(mark) => Effect::Mark(mark),
            Effect::Return {
                invocation,
                outcome,
            } => {
                answers.push((invocation, outcome));
                continue;
            }
        });
    }
    answers
}
