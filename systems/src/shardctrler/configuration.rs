//! A configuration: who serves what.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Debug, Display};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::process::NodeId;
use crate::short_names::debug_as_display;
use crate::vec_map::VecMap;

/// Names a group of servers; prints as `g2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId(pub u32);

/// A part of all keys, counted from 0; prints as `sh5`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shard(pub u16);

/// Numbers the configurations, from 0; prints as `v3`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Number(pub u64);

impl Number {
    /// The one after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g{}", self.0)
    }
}

impl Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sh{}", self.0)
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

debug_as_display!(GroupId, Shard, Number);

/// How keys are divided into shards. The same on every machine and in every version: a key belongs
/// to one shard for ever.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Partitioner {
    /// By a hash of the whole key: evenly, whatever keys look like.
    #[default]
    Hash,
    /// By the first byte of the key, as the labs do: keys that begin alike stay together.
    FirstByte,
}

impl Partitioner {
    /// The shard of a key, where there are so many; `None` where there are none.
    #[must_use]
    pub fn shard_of(self, key: &str, shards: usize) -> Option<Shard> {
        let spread = match self {
            Self::Hash => Digest::of(key),
            Self::FirstByte => key.bytes().next().map_or(0, u64::from),
        };
        let place = spread.checked_rem(shards as u64)?;
        Some(Shard(place as u16))
    }
}

/// Who serves what, at one moment of the controller's history.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Configuration {
    /// Its place in that history.
    pub number: Number,
    /// The servers of each group. No group is without servers.
    pub groups: VecMap<GroupId, Vec<NodeId>>,
    /// The owner of each shard, by the shard's number: one of the groups, or
    /// nobody, which is so exactly while there is no group.
    pub owners: Vec<Option<GroupId>>,
    /// To which of them a key belongs. Like their number, it is settled once a group has joined.
    pub partitioner: Partitioner,
}

impl Configuration {
    /// The first one: no group, and nobody owns anything.
    #[must_use]
    pub fn first(shards: usize) -> Self {
        Self {
            number: Number::default(),
            groups: VecMap::new(),
            owners: vec![None; shards],
            partitioner: Partitioner::default(),
        }
    }

    /// The shard of a key; `None` while there are no shards.
    #[must_use]
    pub fn shard_of(&self, key: &str) -> Option<Shard> {
        self.partitioner.shard_of(key, self.owners.len())
    }

    /// Who owns a shard; nobody owns one that does not exist.
    #[must_use]
    pub fn owner(&self, shard: Shard) -> Option<GroupId> {
        *self.owners.get(usize::from(shard.0))?
    }

    /// The shards of a group, in ascending order.
    pub fn shards_of(&self, group: GroupId) -> impl Iterator<Item = Shard> + '_ {
        self.shards()
            .filter(move |(_, owner)| *owner == Some(group))
            .map(|(shard, _)| shard)
    }

    /// All shards with their owners, in ascending order.
    pub fn shards(&self) -> impl Iterator<Item = (Shard, Option<GroupId>)> + '_ {
        self.owners
            .iter()
            .enumerate()
            .map(|(number, owner)| (Shard(number as u16), *owner))
    }
}

impl Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)?;
        if self.partitioner != Partitioner::default() {
            write!(f, " {:?}", self.partitioner)?;
        }
        for (group, servers) in &self.groups {
            write!(f, " {group} {servers:?}:")?;
            for shard in self.shards_of(*group) {
                write!(f, " {shard}")?;
            }
        }
        Ok(())
    }
}
