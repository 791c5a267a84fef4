//! What a worker stores, and what it is doing.

use crate::vec_map::VecMap;
use crate::vec_set::VecSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::collecting::Collecting;
use super::{Attempt, Counters, Life, MapId, Partition, Report, Run, TaskName};

/// What is on a worker's disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkerDisk {
    /// Its life.
    pub life: Life,
    /// What its maps left in this life. An execution never overwrites what an
    /// earlier one left: reducers may still be sent to that.
    pub outputs: VecMap<(MapId, Attempt), MapOutput>,
}

impl WorkerDisk {
    /// A part of what an execution of a map left here.
    pub(super) fn run(
        &self,
        map: MapId,
        attempt: Attempt,
        partition: Partition,
    ) -> Option<&SharedRun> {
        self.outputs.get(&(map, attempt))?.run(partition)
    }

    /// A part of what each map left here. All executions of a map leave the same,
    /// so that the last one does.
    pub(super) fn runs(&self, partition: Partition) -> VecMap<MapId, SharedRun> {
        let outputs = self.outputs.iter();
        let run = |((map, _), output): (&(MapId, Attempt), &MapOutput)| {
            Some((*map, output.run(partition)?.clone()))
        };
        outputs.filter_map(run).collect()
    }
}

/// What an execution of a map left.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MapOutput {
    /// A run for each part of the output.
    pub runs: Vec<SharedRun>,
}

impl MapOutput {
    fn run(&self, partition: Partition) -> Option<&SharedRun> {
        self.runs.get(usize::from(partition.0))
    }
}

/// A run that a disk and messages share.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SharedRun(#[serde(with = "crate::shared")] pub Arc<Run>);

/// The task that a worker was ordered to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Task {
    pub(super) name: TaskName,
    pub(super) attempt: Attempt,
    pub(super) earlier: u32,
    pub(super) skipped: VecSet<u32>,
}

/// What a worker is at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    /// Nothing.
    Free,
    /// It waits for the text of a split.
    Reading(Task, MapId),
    /// It maps a text.
    Mapping(Task, MapId, Arc<str>),
    /// It collects the runs of its part.
    Collecting(Task, Partition, Collecting),
    /// It reduces them.
    Reducing(Task, Partition, VecMap<MapId, SharedRun>),
    /// It waits until its output is visible.
    Publishing(Task, Partition, Arc<str>, Counters),
    /// It reports its result, until it is given another task.
    Reporting(Report),
    /// The user's code crashed it.
    Down,
    /// The job is done.
    Left,
}

impl Slot {
    /// The attempt that it is at.
    pub(super) fn attempt(&self) -> Option<Attempt> {
        match self {
            Slot::Reading(task, _)
            | Slot::Mapping(task, ..)
            | Slot::Collecting(task, ..)
            | Slot::Reducing(task, ..)
            | Slot::Publishing(task, ..) => Some(task.attempt),
            Slot::Free | Slot::Reporting(_) | Slot::Down | Slot::Left => None,
        }
    }

    /// Short label for logs.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Slot::Free => "free",
            Slot::Reading(..) => "reads",
            Slot::Mapping(..) => "maps",
            Slot::Collecting(..) => "collects",
            Slot::Reducing(..) => "reduces",
            Slot::Publishing(..) => "publishes",
            Slot::Reporting(_) => "reports",
            Slot::Down => "down",
            Slot::Left => "left",
        }
    }
}
