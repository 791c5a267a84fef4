//! What the coordinator keeps on its disk: who is dead, and what is done.

use core::mem;

use serde::{Deserialize, Serialize};

use super::{Attempt, Counters, Life, MapId, Partition, TaskName, Worker};
use crate::process::NodeId;
use crate::vec_map::VecMap;
use crate::vec_set::VecSet;

/// What a coordinator needs to go on after a restart. The paper gives the job up
/// then (3.3, master failure).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ledger {
    /// How many lives the coordinator has begun. Attempts of a later one are greater.
    pub epoch: u32,
    /// The newest life of each worker, and whether it is taken for alive.
    pub workers: VecMap<NodeId, Standing>,
    /// The maps whose output is on the disk of a worker that is not dead.
    pub maps: VecMap<MapId, DoneMap>,
    /// The newest execution of each map that was ever taken for done. It only
    /// rises: an output that was lost is replaced by that of a newer execution,
    /// however often its worker says that it has it.
    pub newest: VecMap<MapId, Attempt>,
    /// What each map counted that was ever done. It stays when the output is
    /// lost: reducers may have had it by then.
    pub counted: VecMap<MapId, Counters>,
    /// The parts of the output that are visible.
    pub reduces: VecMap<Partition, DoneReduce>,
    /// The executions that each record crashed: a worker says so until it is
    /// answered, and may be heard twice. From two on it is left out.
    pub crashes: VecMap<(TaskName, u32), VecSet<Attempt>>,
}

/// A worker's status.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// The newest life that was heard of.
    pub life: Life,
    /// Whether it is taken for alive.
    pub alive: bool,
    /// The maps that are done and whose output is on its disk: those of
    /// [`Ledger::maps`] that are lost with it.
    pub maps: VecSet<MapId>,
}

/// A map that is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DoneMap {
    /// Which execution.
    pub attempt: Attempt,
    /// On whose disk its output is.
    pub by: Worker,
    /// The bytes that it left.
    pub bytes: u64,
}

/// A reduce that is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DoneReduce {
    /// The execution whose output is visible.
    pub attempt: Attempt,
    /// What it counted.
    pub counters: Counters,
}

/// A record of the coordinator's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Entry {
    /// A coordinator began a life.
    Began,
    /// A worker was heard of for the first time in this life of its.
    Heard(Worker),
    /// A worker is taken for dead, and its disk for lost.
    Dead(Worker),
    /// A map is done.
    Mapped(MapId, DoneMap, Counters),
    /// The output of a map cannot be had any more.
    Lost(MapId),
    /// A part of the output is visible.
    Reduced(Partition, DoneReduce),
    /// The user's code crashed at a record.
    Crashed(TaskName, u32, Attempt),
}

/// How often a record may crash the code before it is left out (4.6).
pub(super) const CRASHES: usize = 2;

impl Ledger {
    pub(super) fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Began => self.epoch += 1,
            Entry::Heard(worker) => {
                self.bury(worker.node);
                let standing = Standing {
                    life: worker.life,
                    alive: true,
                    maps: VecSet::new(),
                };
                self.workers.insert(worker.node, standing);
            }
            Entry::Dead(worker) => self.bury(worker.node),
            Entry::Mapped(map, done, counters) => {
                self.lose(*map);
                if let Some(standing) = self.workers.get_mut(&done.by.node) {
                    standing.maps.insert(*map);
                }
                self.maps.insert(*map, done.clone());
                self.newest.insert(*map, done.attempt);
                self.counted.insert(*map, counters.clone());
            }
            Entry::Lost(map) => self.lose(*map),
            Entry::Reduced(partition, done) => {
                self.reduces
                    .entry(*partition)
                    .or_insert_with(|| done.clone());
            }
            Entry::Crashed(task, record, attempt) => {
                let crashes = self.crashes.entry((*task, *record)).or_default();
                crashes.insert(*attempt);
            }
        }
    }

    fn lose(&mut self, map: MapId) {
        let Some(done) = self.maps.remove(&map) else {
            return;
        };
        if let Some(standing) = self.workers.get_mut(&done.by.node) {
            standing.maps.remove(&map);
        }
    }

    /// What was on a dead worker's disk is lost, maps that were done included (3.3).
    fn bury(&mut self, node: NodeId) {
        let Some(standing) = self.workers.get_mut(&node) else {
            return;
        };
        standing.alive = false;
        for map in mem::take(&mut standing.maps) {
            self.maps.remove(&map);
        }
    }

    /// Whether a task needs no worker, for now at least: a map that is done may be lost.
    #[must_use]
    pub fn has_done(&self, task: TaskName) -> bool {
        match task {
            TaskName::Map(map) => self.maps.contains_key(&map),
            TaskName::Reduce(partition) => self.reduces.contains_key(&partition),
        }
    }

    /// Whether the result of an execution would be accepted. That of a map must be newer
    /// than all accepted before.
    #[must_use]
    pub fn wants(&self, task: TaskName, attempt: Attempt) -> bool {
        let is_newer = match task {
            TaskName::Map(map) => self.newest.get(&map).is_none_or(|known| *known < attempt),
            TaskName::Reduce(_) => true,
        };
        is_newer && !self.has_done(task)
    }

    /// Whether a worker is taken for alive, in this very life.
    #[must_use]
    pub fn is_alive(&self, worker: Worker) -> bool {
        let standing = self.workers.get(&worker.node);
        standing.is_some_and(|it| it.alive && it.life == worker.life)
    }

    /// Whether a crash is to be counted: each execution once, and only until the
    /// record is left out.
    pub(super) fn is_news(&self, task: TaskName, record: u32, attempt: Attempt) -> bool {
        let crashes = self.crashes.get(&(task, record));
        crashes.is_none_or(|it| it.len() < CRASHES && !it.contains(&attempt))
    }

    /// The records of a task that are left out.
    #[must_use]
    pub fn skipped(&self, task: TaskName) -> VecSet<u32> {
        let of_task = self.crashes.range((task, 0)..=(task, u32::MAX));
        of_task
            .filter(|(_, crashes)| crashes.len() >= CRASHES)
            .map(|((_, record), _)| *record)
            .collect()
    }

    /// All records that are left out.
    pub fn all_skipped(&self) -> impl Iterator<Item = (TaskName, u32)> {
        let crashes = self.crashes.iter();
        crashes
            .filter(|(_, crashes)| crashes.len() >= CRASHES)
            .map(|(record, _)| *record)
    }

    /// The counters of all tasks that are done, each once. Exact when the job is done.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        let maps = self.counted.values();
        let reduces = self.reduces.values().map(|done| &done.counters);
        maps.chain(reduces).for_each(|it| counters.add_all(it));
        counters
    }
}
