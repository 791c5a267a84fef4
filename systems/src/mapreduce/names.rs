//! Names of tasks, their executions, and workers.

use core::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::process::NodeId;
use crate::short_names::debug_as_display;

/// A map task, by the number of its split, from 0; prints as `m3`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MapId(pub u32);

/// A part of the output, and the reduce task that makes it, from 0; prints as `r2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Partition(pub u16);

/// A task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaskName {
    /// A map.
    Map(MapId),
    /// A reduce.
    Reduce(Partition),
}

/// One giving out of a task; prints as `a1.7`. Later ones are greater, over
/// restarts of the coordinator too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts the lives of the coordinator, from 1.
    pub epoch: u32,
    /// Counts what it gave out in this life, from 1.
    pub number: u32,
}

/// Counts the lives of a worker, from 1, as its own disk does. A worker that was
/// taken for dead begins another.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Life(pub u32);

/// A worker in one of its lives; prints as `n3/2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Worker {
    /// Its node.
    pub node: NodeId,
    /// Which life.
    pub life: Life,
}

/// A partition's reduce.
impl From<Partition> for TaskName {
    fn from(partition: Partition) -> Self {
        Self::Reduce(partition)
    }
}

impl Life {
    /// The one after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Display for MapId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.0)
    }
}

impl Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(map) => Display::fmt(map, f),
            Self::Reduce(partition) => Display::fmt(partition, f),
        }
    }
}

impl Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}.{}", self.epoch, self.number)
    }
}

impl Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.node, self.life)
    }
}

debug_as_display!(MapId, Partition, TaskName, Attempt, Life, Worker);
