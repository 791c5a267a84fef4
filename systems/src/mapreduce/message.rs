//! What travels between the nodes.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Attempt, Counters, Life, MapId, Partition, Run, TaskName};
use crate::process::NodeId;
use crate::vec_set::VecSet;

/// What travels between nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// A worker tells the coordinator that it lives, and how far it is.
    Ping {
        /// The worker's life.
        life: Life,
        /// The newest attempt that it was ordered to make in this life.
        newest: Option<Attempt>,
        /// How far it is.
        report: Report,
    },
    /// The coordinator answers a ping.
    Order {
        /// The life that it is for.
        life: Life,
        /// What to do.
        order: Order,
    },
    /// A worker asks the store for the text of a split.
    Read {
        /// The map whose split it is.
        map: MapId,
    },
    /// The store gives the text of a split.
    Text {
        /// The map whose split it is.
        map: MapId,
        /// The text.
        #[serde(with = "crate::text")]
        text: Arc<str>,
    },
    /// A reducer asks the worker of a map for its part.
    Fetch {
        /// Which execution of the map.
        attempt: Attempt,
        /// Which map.
        map: MapId,
        /// Which part.
        partition: Partition,
    },
    /// A worker gives what a reducer asked for.
    Piece {
        /// Which execution of the map.
        attempt: Attempt,
        /// Which map.
        map: MapId,
        /// Which part.
        partition: Partition,
        /// The part.
        #[serde(with = "crate::shared")]
        run: Arc<Run>,
    },
    /// A worker does not have what a reducer asked for.
    Gone {
        /// Which execution of the map.
        attempt: Attempt,
        /// Which map.
        map: MapId,
    },
    /// A worker asks the store to make a part of the output visible, all of it at once.
    Publish {
        /// Which part.
        partition: Partition,
        /// Which execution of its reduce.
        attempt: Attempt,
        /// The part.
        #[serde(with = "crate::text")]
        text: Arc<str>,
        /// What that execution counted.
        counters: Counters,
    },
    /// The store says whose output is visible, now and for ever.
    Published {
        /// Which part.
        partition: Partition,
        /// The execution whose output it is.
        attempt: Attempt,
        /// What that execution counted.
        counters: Counters,
    },
}

/// How far a worker is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Report {
    /// It has nothing to do.
    Idle,
    /// It is at a task.
    Busy {
        /// Which task.
        task: TaskName,
        /// Which execution of it.
        attempt: Attempt,
        /// The maps whose parts it could not get, each with the execution that it
        /// sought, if it knew of any.
        missing: Vec<(MapId, Option<Attempt>)>,
        /// Whether it cannot reach the store, after so many tries that others should have
        /// the task too.
        store_is_silent: bool,
    },
    /// A map is done, and its output is on the worker's disk.
    Mapped {
        /// Which map.
        map: MapId,
        /// Which execution of it.
        attempt: Attempt,
        /// What it counted.
        counters: Counters,
        /// The bytes that it left.
        bytes: u64,
    },
    /// A part of the output is visible.
    Reduced {
        /// Which part.
        partition: Partition,
        /// The execution that the worker was at.
        attempt: Attempt,
        /// The execution whose output is visible.
        published: Attempt,
        /// What that execution counted.
        counters: Counters,
    },
    /// The user's code crashed (4.6).
    Crashed {
        /// In which task.
        task: TaskName,
        /// Which execution of it.
        attempt: Attempt,
        /// At which record.
        record: u32,
    },
}

/// What a worker is to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Order {
    /// Nothing for now.
    Wait,
    /// A map.
    Map {
        /// Which map.
        map: MapId,
        /// Which execution of it.
        attempt: Attempt,
        /// How often it was given out before.
        earlier: u32,
        /// The records to be left out.
        skipped: VecSet<u32>,
    },
    /// A reduce.
    Reduce {
        /// Which part of the output.
        partition: Partition,
        /// Which execution of it.
        attempt: Attempt,
        /// How often it was given out before.
        earlier: u32,
        /// The keys to be left out.
        skipped: VecSet<u32>,
        /// Where the output of every map is.
        locations: Vec<Location>,
    },
    /// Go on; the output of some maps is elsewhere by now.
    GoOn {
        /// Which execution this is for.
        attempt: Attempt,
        /// Where.
        locations: Vec<Location>,
    },
    /// Drop the task: another worker has done it.
    Drop {
        /// Which execution.
        attempt: Attempt,
    },
    /// You were taken for dead: begin another life, without anything of this one.
    BeginAnew,
    /// The job is done.
    Leave,
}

/// Where the output of a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Location {
    /// Which map.
    pub map: MapId,
    /// Which execution of it.
    pub attempt: Attempt,
    /// On whose disk.
    pub node: NodeId,
}
