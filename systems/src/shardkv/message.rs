//! What travels between the nodes, and what clients ask.

use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::ShardState;
use super::group::Group;
use crate::kv;
use crate::process::{InvocationId, NodeId};
use crate::service;
use crate::shardctrler::{self, Configuration, GroupId, Number, Shard};
use crate::short_names::debug_as_display;

/// What travels between nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Between servers of the controller, and to and from all who ask them.
    Controller(shardctrler::Message),
    /// Between servers of a group, and to and from the clerks that ask them.
    Group(service::Message<Group>),
    /// Between two groups.
    Shard(Transfer),
    /// Between the servers of a group, besides what their replicas say.
    Peer(Peer),
}

/// Names a shard that goes from one group to another; prints as `sh3 of v7 to g2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransferId {
    /// Which shard.
    pub shard: Shard,
    /// The configuration that gives it to the receiver.
    pub number: Number,
    /// The receiver. A server may belong to another group than its sender was told.
    pub to: GroupId,
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} to {}", self.shard, self.number, self.to)
    }
}

debug_as_display!(TransferId);

/// What two groups say to each other about a shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Transfer {
    /// Here it is.
    HandOver {
        /// Which one.
        id: TransferId,
        /// The number of this attempt among the sender's hand-overs and offers of it.
        attempt: u32,
        /// Whether the receiver should see to it that its leader gets it, since the
        /// sender cannot reach that one itself.
        relay: bool,
        /// All of the shard.
        #[serde(with = "crate::shared")]
        state: Arc<ShardState>,
    },
    /// Asks for the state of the shard at the receiver's group, and whether to send it.
    Offer {
        /// Which one.
        id: TransferId,
        /// The number of this attempt among the sender's hand-overs and offers of it.
        attempt: u32,
        /// As in [`Self::HandOver`].
        relay: bool,
    },
    /// A majority of the receiver's group has it on its disks.
    Received {
        /// Which one.
        id: TransferId,
    },
    /// It need not be sent again for now: it is in the log of the receiver's
    /// group, or that does not know the configuration yet.
    Wait {
        /// Which one.
        id: TransferId,
        /// Whether it does not know yet that it is to have the shard.
        early: bool,
    },
    /// The receiver's group awaits it, and does not have it in its log.
    Ready {
        /// Which one.
        id: TransferId,
        /// The attempt that this answers. The shard was lost only if none was sent after
        /// it.
        attempt: u32,
    },
    /// Hand it over to the leader of this group, not to me.
    NotLeader {
        /// Which one.
        id: TransferId,
        /// Who may lead.
        hint: Option<NodeId>,
    },
    /// It is not meant for the group of this server.
    Misdirected {
        /// Which one.
        id: TransferId,
        /// The group of this server.
        group: GroupId,
    },
}

/// What the servers of a group do for their leader, where it cannot reach somebody itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Peer {
    /// By the leader, whom the controller does not answer: ask it.
    Ask {
        /// For this configuration.
        number: Number,
        /// Under this name, which nobody in the group has used.
        question: InvocationId,
    },
    /// To the leader: this is what the controller told.
    Tell {
        /// The configuration that it was asked for, or the newest.
        configuration: Configuration,
    },
    /// By the leader: send this to a server of another group.
    Outgoing {
        /// To whom.
        to: NodeId,
        /// What to say.
        transfer: Transfer,
    },
    /// To the leader: a server of another group sent this.
    Incoming {
        /// Who.
        from: NodeId,
        /// What it said.
        transfer: Transfer,
    },
}

impl Transfer {
    /// Which transfer it is about.
    #[must_use]
    pub fn id(&self) -> TransferId {
        match self {
            Self::HandOver { id, .. }
            | Self::Offer { id, .. }
            | Self::Received { id }
            | Self::Wait { id, .. }
            | Self::Ready { id, .. }
            | Self::NotLeader { id, .. }
            | Self::Misdirected { id, .. } => *id,
        }
    }
}

/// What a client may ask of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Of a clerk or a server of the controller.
    Controller(shardctrler::Operation),
    /// Of a clerk of the service. Servers can be asked for a transfer of their
    /// leadership, and for nothing else.
    Keys(kv::Operation),
}

/// What a client may be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// By the controller.
    Controller(shardctrler::Outcome),
    /// By the service.
    Keys(kv::Outcome),
}
