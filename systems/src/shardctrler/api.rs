//! What the controller is asked, and what it answers.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{GroupId, Number, Partitioner, Shard};
use crate::process::NodeId;
use crate::raft;
use crate::vec_map::VecMap;
use crate::vec_set::VecSet;

/// Changes the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Command {
    /// Let there be so many shards, and keys be divided so. Refused once a group has joined: a key
    /// belongs to the same shard for ever.
    Divide {
        /// At least one.
        shards: u16,
        /// Which keys belong to which.
        partitioner: Partitioner,
    },
    /// Groups join, and take their part of the shards. One that is known
    /// already gets these servers in place of its own, and no shard moves for it.
    /// A server is in one group: what it is handed for another it could not keep.
    Join {
        /// The servers of each.
        groups: VecMap<GroupId, Vec<NodeId>>,
    },
    /// Groups leave, and the others take their shards. Unknown ones are ignored.
    Leave {
        /// Which.
        groups: VecSet<GroupId>,
    },
    /// A shard goes to a group, and stays there until groups join or leave.
    Move {
        /// Which shard.
        shard: Shard,
        /// Its new owner.
        to: GroupId,
    },
}

impl raft::Command for Command {
    fn size(&self) -> usize {
        const TAG: usize = 1;
        const NUMBER: usize = 5;
        TAG + match self {
            Self::Divide { .. } => NUMBER + TAG,
            Self::Join { groups } => {
                let servers = groups.values().map(|servers| NUMBER + 1 + servers.len());
                NUMBER + servers.sum::<usize>()
            }
            Self::Leave { groups } => NUMBER + NUMBER * groups.len(),
            Self::Move { .. } => 2 * NUMBER,
        }
    }
}

/// What a change answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    /// It made this configuration.
    Changed(Number),
    /// Things are as they were asked to be, in this configuration.
    Unchanged(Number),
    /// It makes no sense, and nothing changed.
    Refused(Refusal),
}

/// Why a change makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// There would be no shard.
    NoShards,
    /// The number of shards is settled: a group has joined.
    Settled,
    /// A group would have no servers.
    NoServers(GroupId),
    /// A server would be twice in a group, or in this one and another.
    SharedServer(GroupId, NodeId),
    /// There is no such group.
    NoSuchGroup(GroupId),
    /// There is no such shard.
    NoSuchShard(Shard),
}

/// Asks for a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Query {
    /// Which one; the newest without a number, or if it is not there yet.
    pub number: Option<Number>,
}

impl Query {
    /// Asks for the newest.
    pub const NEWEST: Self = Self { number: None };

    /// Asks for one by its number.
    #[must_use]
    pub fn of(number: Number) -> Self {
        Self {
            number: Some(number),
        }
    }
}
