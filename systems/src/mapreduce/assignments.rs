//! Which worker runs what, and which tasks can be assigned.
//!
//! A coordinator of many maps hears a ping of each of many workers ten times a
//! second. So that a ping costs what it changes, the tasks that somebody could
//! be given are kept in order, and only those that a change is about are looked at.

use alloc::sync::Arc;
use core::hash::{Hash, Hasher};

use super::{Attempt, Job, Ledger, MapId, Partition, TaskName, Worker};
use crate::process::NodeId;
use crate::vec_map::VecMap;
use crate::vec_set::VecSet;

/// A task assigned to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Running {
    pub(super) task: TaskName,
    pub(super) attempt: Attempt,
    /// How often the task had been given out before.
    pub(super) earlier: u32,
    /// At which check it was given out.
    pub(super) since: u32,
    pub(super) is_backup: bool,
    /// Since which check it has been told, and does not know, where what it lacks is.
    pub(super) told_in_vain: Option<u32>,
    pub(super) progress: Progress,
}

/// What is known of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Progress {
    /// The worker was told, and may have heard it.
    Ordered,
    /// The worker pings, and has not heard of the task, or of where what it lacks is,
    /// for so long that it may hear nobody. It is told again and again; others may
    /// have the task.
    Unheard,
    /// The worker is at it.
    AtIt,
    /// The worker cannot reach the store. It keeps trying; others may have the task.
    Stuck,
}

impl Progress {
    /// Whether the task stays with this execution, for a while at least.
    fn counts(self) -> bool {
        matches!(self, Self::Ordered | Self::AtIt)
    }
}

/// Who is at what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignments {
    job: Arc<Job>,
    /// After how many checks a task lags, if there are backup tasks.
    lag_checks: Option<u32>,
    /// What each live worker is running, as far as is known.
    running: VecMap<Worker, Running>,
    /// How often each task was given out in this life of the coordinator.
    given: VecMap<TaskName, u32>,
    /// The workers that run each task.
    executions: VecMap<TaskName, VecSet<Worker>>,
    /// The unassigned maps that are not done.
    idle_maps: VecSet<MapId>,
    /// Those of them whose split a node has.
    idle_at: VecMap<NodeId, VecSet<MapId>>,
    /// The unassigned reduces that are not done.
    idle_reduces: VecSet<Partition>,
    /// From which check on each task lags that is left to somebody.
    lags_from: VecMap<TaskName, u32>,
    /// The same, the first to lag first.
    lagging: VecSet<(u32, TaskName)>,
}

/// All else follows from these, from the ledger and from the configuration.
impl Hash for Assignments {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.running, &self.given).hash(state);
    }
}

impl Assignments {
    /// Nothing is assigned.
    pub(super) fn new(job: Arc<Job>, lag_checks: Option<u32>, ledger: &Ledger) -> Self {
        let (maps, reduces) = (job.maps(), job.all_partitions());
        let mut assignments = Self {
            job,
            lag_checks,
            running: VecMap::new(),
            given: VecMap::new(),
            executions: VecMap::new(),
            idle_maps: VecSet::new(),
            idle_at: VecMap::new(),
            idle_reduces: VecSet::new(),
            lags_from: VecMap::new(),
            lagging: VecSet::new(),
        };
        for task in maps.map(TaskName::Map).chain(reduces.map(TaskName::Reduce)) {
            assignments.place(task, ledger);
        }
        assignments
    }

    /// The same assignments, with everything looked up anew.
    pub(super) fn rebuilt(&self, ledger: &Ledger) -> Self {
        let mut rebuilt = Self::new(self.job.clone(), self.lag_checks, ledger);
        for (worker, running) in &self.running {
            rebuilt.begin(*worker, *running, ledger);
        }
        rebuilt.given.clone_from(&self.given);
        rebuilt
    }

    /// What a worker is at.
    pub(super) fn of(&self, worker: Worker) -> Option<Running> {
        self.running.get(&worker).copied()
    }

    /// What each worker is at.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Worker, &Running)> {
        let running = self.running.iter();
        running.map(|(worker, running)| (*worker, running))
    }

    /// How often a task was given out before, counting it as given out once more.
    pub(super) fn count(&mut self, task: TaskName) -> u32 {
        let given = self.given.entry(task).or_default();
        *given += 1;
        *given - 1
    }

    /// An idle worker gets a task.
    pub(super) fn begin(&mut self, worker: Worker, running: Running, ledger: &Ledger) {
        let task = running.task;
        let earlier = self.running.insert(worker, running);
        assert!(earlier.is_none(), "a worker is at one task at a time");
        self.executions.entry(task).or_default().insert(worker);
        self.place(task, ledger);
    }

    /// A worker is idle.
    pub(super) fn end(&mut self, worker: Worker, ledger: &Ledger) {
        let Some(running) = self.running.remove(&worker) else {
            return;
        };
        let task = running.task;
        if let Some(workers) = self.executions.get_mut(&task) {
            workers.remove(&worker);
            if workers.is_empty() {
                self.executions.remove(&task);
            }
        }
        self.place(task, ledger);
    }

    /// More is known of what a worker is at.
    pub(super) fn progress(&mut self, worker: Worker, progress: Progress, ledger: &Ledger) {
        let Some(running) = self.running.get_mut(&worker) else {
            return;
        };
        if running.progress != progress {
            running.progress = progress;
            let task = running.task;
            self.place(task, ledger);
        }
    }

    /// A worker is told something that it has to know before it can go on, or lacks nothing.
    pub(super) fn told(&mut self, worker: Worker, checks: Option<u32>) {
        if let Some(running) = self.running.get_mut(&worker) {
            let since = running.told_in_vain;
            running.told_in_vain = checks.map(|now| since.unwrap_or(now));
        }
    }

    /// Re-indexes a task, after anything about it has changed.
    pub(super) fn place(&mut self, task: TaskName, ledger: &Ledger) {
        let (mut executions, mut since) = (0_u32, 0);
        for worker in self.executions.get(&task).into_iter().flatten() {
            let running = &self.running[worker];
            if running.progress.counts() && ledger.wants(task, running.attempt) {
                executions += 1;
                since = since.max(running.since);
            }
        }
        let is_open = !ledger.has_done(task);
        self.place_idle(task, is_open && executions == 0);
        let lags_from = |lag: u32| {
            // Each further execution waits twice as long as the one before.
            let longer = 1_u32.checked_shl(executions - 1).unwrap_or(u32::MAX);
            since.saturating_add(lag.saturating_mul(longer))
        };
        let lag = self.lag_checks.filter(|_| is_open && executions > 0);
        self.place_lagging(task, lag.map(lags_from));
    }

    fn place_idle(&mut self, task: TaskName, is_idle: bool) {
        match task {
            TaskName::Map(map) => {
                put(&mut self.idle_maps, map, is_idle);
                for host in &self.job.split(map).hosts {
                    put(self.idle_at.entry(*host).or_default(), map, is_idle);
                }
            }
            TaskName::Reduce(partition) => put(&mut self.idle_reduces, partition, is_idle),
        }
    }

    fn place_lagging(&mut self, task: TaskName, from: Option<u32>) {
        if let Some(before) = self.lags_from.remove(&task) {
            self.lagging.remove(&(before, task));
        }
        if let Some(from) = from {
            self.lags_from.insert(task, from);
            self.lagging.insert((from, task));
        }
    }

    pub(super) fn is_idle(&self, map: MapId) -> bool {
        self.idle_maps.contains(&map)
    }

    /// How many maps, and how many reduces, are unassigned and not done.
    pub(super) fn idle(&self) -> (usize, usize) {
        (self.idle_maps.len(), self.idle_reduces.len())
    }

    /// An unassigned map task, local splits first (3.4).
    pub(super) fn idle_map(&self, node: NodeId) -> Option<MapId> {
        let local = self.idle_at.get(&node).and_then(VecSet::first);
        local.or_else(|| self.idle_maps.first()).copied()
    }

    pub(super) fn idle_reduce(&self) -> Option<Partition> {
        self.idle_reduces.first().copied()
    }

    /// Whether a map has been assigned for long.
    pub(super) fn lags(&self, map: MapId, checks: u32) -> bool {
        let from = self.lags_from.get(&TaskName::Map(map));
        from.is_some_and(|from| *from <= checks)
    }

    /// The task that has lagged for longest.
    pub(super) fn lagging(&self, checks: u32) -> Option<TaskName> {
        let (from, task) = self.lagging.first()?;
        (*from <= checks).then_some(*task)
    }
}

fn put<T: Ord>(set: &mut VecSet<T>, value: T, is_in: bool) {
    match is_in {
        true => set.insert(value),
        false => set.remove(&value),
    };
}
