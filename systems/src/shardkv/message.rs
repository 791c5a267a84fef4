//! What travels between the nodes, and what clients ask.

use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ShardState;
use super::group::Group;
use crate::kv;
use crate::process::NodeId;
use crate::service;
use crate::shardctrler::{self, Number, Shard};

/// What travels between nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Between servers of the controller, and to and from all who ask them.
    Controller(shardctrler::Message),
    /// Between servers of a group, and to and from the clerks that ask them.
    Group(service::Message<Group>),
    /// Between the leaders of two groups.
    Shard(Transfer),
}

/// A shard that goes from one group to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Transfer {
    /// Here it is.
    HandOver {
        /// Which shard.
        shard: Shard,
        /// The configuration that gives it to the receiver.
        number: Number,
        /// All of it.
        #[serde(with = "crate::shared")]
        state: Arc<ShardState>,
    },
    /// A majority of the receiver's group has it on its disks.
    Received {
        /// Which shard.
        shard: Shard,
        /// The configuration that gave it to the sender.
        number: Number,
    },
    /// It came early; now the receiver's group knows the configuration.
    Ready {
        /// Which shard.
        shard: Shard,
        /// The configuration that gives it to this group.
        number: Number,
    },
    /// Hand it over to the leader of this group, not to me.
    NotLeader {
        /// Which shard.
        shard: Shard,
        /// The configuration that gives it to this group.
        number: Number,
        /// Who may lead.
        hint: Option<NodeId>,
    },
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
