//! The processes inside a node, and how their effects become the node's.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::group::Group;
use super::{Message, Node, Server, Timer};
use crate::embeds::{Embeds, Said, WriteOf};
use crate::process::{self, Effects, InvocationId, Process};
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
    Controller(WriteOf<ControllerPart>),
    /// Of a group.
    Group(WriteOf<GroupPart>),
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

impl Embeds<ControllerPart> for Node {
    fn part(&self) -> Option<&ControllerPart> {
        self.controller()
    }
    fn part_of_disk(durable: &Durable) -> Option<&<ControllerPart as Process>::Durable> {
        match durable {
            Durable::Controller(durable) => Some(durable),
            Durable::Nothing | Durable::Group(_) => None,
        }
    }
    fn message(message: <ControllerPart as Process>::Message) -> Message {
        Message::Controller(message)
    }
    fn as_message(message: &Message) -> Option<&<ControllerPart as Process>::Message> {
        match message {
            Message::Controller(message) => Some(message),
            Message::Group(_) | Message::Shard(_) | Message::Peer(_) => None,
        }
    }
    fn write(write: WriteOf<ControllerPart>) -> Write {
        Write::Controller(write)
    }
    fn as_write(write: &Write) -> Option<&WriteOf<ControllerPart>> {
        match write {
            Write::Controller(write) => Some(write),
            Write::Group(_) => None,
        }
    }
}

impl Embeds<GroupPart> for Node {
    fn part(&self) -> Option<&GroupPart> {
        self.server().map(Server::service)
    }
    fn part_of_disk(durable: &Durable) -> Option<&<GroupPart as Process>::Durable> {
        match durable {
            Durable::Group(durable) => Some(durable),
            Durable::Nothing | Durable::Controller(_) => None,
        }
    }
    fn message(message: <GroupPart as Process>::Message) -> Message {
        Message::Group(message)
    }
    fn as_message(message: &Message) -> Option<&<GroupPart as Process>::Message> {
        match message {
            Message::Group(message) => Some(message),
            Message::Controller(_) | Message::Shard(_) | Message::Peer(_) => None,
        }
    }
    fn write(write: WriteOf<GroupPart>) -> Write {
        Write::Group(write)
    }
    fn as_write(write: &Write) -> Option<&WriteOf<GroupPart>> {
        match write {
            Write::Group(write) => Some(write),
            Write::Controller(_) => None,
        }
    }
}

/// Passes on what a part wants done, and hands back what it answered: the node may let the part
/// take another step upon it.
pub(super) fn pass_on<Q: Process>(
    inner: Effects<Q>,
    effects: &mut Effects<Node>,
    timer: impl Fn(Q::Timer) -> Timer,
) -> Answers<Q>
where
    Node: Embeds<Q>,
{
    let mut answers = Vec::new();
    effects.pass_on(inner, timer, |said, _| match said {
        Said::Returned(invocation, outcome) => answers.push((invocation, outcome)),
        Said::Told(_) => unreachable!("services say nothing unasked"),
    });
    answers
}
