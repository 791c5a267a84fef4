//! What a group is asked, and what it answers.

use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ShardSession, ShardState};
use crate::kv;
use crate::raft;
use crate::replica::Sequence;
use crate::shardctrler::{Configuration, GroupId, Number, Shard};

/// What the log of a group carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    /// Open a session with a shard.
    Open {
        /// Which shard.
        shard: Shard,
    },
    /// Apply a change once, however often and wherever it arrives.
    Write {
        /// The client's session, with the shard to which the client assigns the key.
        session: ShardSession,
        /// The number of the write in it.
        sequence: Sequence,
        /// The change.
        change: kv::Command,
    },
    /// Apply the next configuration.
    ApplyConfig {
        /// The group that this log is of.
        group: GroupId,
        /// The configuration after the one that it has.
        configuration: Configuration,
    },
    /// Take a shard that has arrived.
    Install {
        /// Which shard.
        shard: Shard,
        /// The configuration that gave it to this group.
        number: Number,
        /// All of it.
        #[serde(with = "crate::shared")]
        state: Arc<ShardState>,
    },
    /// Delete a shard that its new owner has.
    Forget {
        /// Which shard.
        shard: Shard,
        /// The configuration that took it from this group.
        number: Number,
    },
}

impl raft::Command for Command {
    fn size(&self) -> usize {
        const TAG: usize = 1;
        const NUMBER: usize = 5;
        TAG + match self {
            Self::Open { .. } => NUMBER,
            Self::Write { change, .. } => 3 * NUMBER + change.size(),
            Self::ApplyConfig { configuration, .. } => {
                let groups = configuration.groups.values();
                let servers = groups.map(|servers| NUMBER + servers.len());
                2 * NUMBER + servers.sum::<usize>() + 2 * configuration.owners.len()
            }
            Self::Install { state, .. } => 2 * NUMBER + state.size(),
            Self::Forget { .. } => 2 * NUMBER,
        }
    }
}

/// A group's response to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    /// The session is open.
    Opened(ShardSession),
    /// The write is done.
    Done {
        /// What the store answered.
        response: kv::Response,
        /// Whether it was done before, and this is a repetition.
        again: bool,
    },
    /// There is no such session any more: it is unknown whether the write happened.
    Expired,
    /// A later write of the session was applied already; this one was not applied now.
    Stale,
    /// The shard is not this group's. Nothing happened, and nothing will.
    NotOurs,
    /// The shard is this group's, and has not arrived. Nothing happened, and nothing will.
    NotYet,
    /// The key belongs to another shard than the session: the client partitions keys
    /// differently. Nothing happened, and nothing will.
    WrongShard,
    /// A configuration, a shard or a deletion was taken in.
    Taken,
    /// It was not the next configuration, the shard was not awaited, or it was already
    /// deleted.
    OutOfPlace,
}

/// What a group answers to a get.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answer {
    /// The value, if there is one.
    Got(kv::Answer),
    /// The shard is not this group's.
    NotOurs,
    /// The shard is this group's, and has not arrived.
    NotYet,
}
