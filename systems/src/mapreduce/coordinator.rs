//! The coordinator: who does what.
//!
//! Workers ping, and each ping is answered with an order; nothing else is ever
//! said. A ping tells all of how far a worker is, so that lost messages, and a
//! coordinator that begins anew, cost time and nothing else.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::ledger::{DoneMap, DoneReduce, Entry, Ledger};
use super::{
    Attempt, Config, Durable, Job, Location, MapId, Message, Node, Operation, Order, Partition,
    Report, Status, TaskName, Timer, Tuning, Worker, Write, marks,
};
use crate::process::{Effect, Effects, Input, NodeId};

/// The coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coordinator {
    job: Arc<Job>,
    silent_checks: u32,
    lag_checks: Option<u32>,
    /// What is on its disk.
    ledger: Ledger,
    /// What each living worker is at, as far as is known.
    running: BTreeMap<Worker, Running>,
    /// How many checks each living worker has been silent.
    silent: BTreeMap<Worker, u32>,
    /// How often each task was given out in this life.
    given: BTreeMap<TaskName, u32>,
    /// How many attempts were given out in this life.
    attempts: u32,
    /// How many checks this life has seen.
    checks: u32,
}

/// A task in the hands of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Running {
    task: TaskName,
    attempt: Attempt,
    /// How often the task had been given out before.
    earlier: u32,
    /// At which check it was given out.
    since: u32,
    is_backup: bool,
}

impl Coordinator {
    pub(super) fn start(config: &Config, durable: Durable, effects: &mut Effects<Node>) -> Self {
        let Tuning {
            silent_checks,
            lag_checks,
            ..
        } = config.tuning;
        let mut coordinator = Self {
            job: config.job.clone(),
            silent_checks,
            lag_checks,
            ledger: match durable {
                Durable::Coordinator(ledger) => *ledger,
                _ => Ledger::default(),
            },
            running: BTreeMap::new(),
            silent: BTreeMap::new(),
            given: BTreeMap::new(),
            attempts: 0,
            checks: 0,
        };
        coordinator.write(Entry::Began, effects);
        let workers = coordinator.ledger.workers.iter();
        let alive = workers.filter(|(_, standing)| standing.alive);
        let worker = |(node, standing): (&NodeId, &super::Standing)| Worker {
            node: *node,
            life: standing.life,
        };
        coordinator.silent = alive.map(worker).map(|worker| (worker, 0)).collect();
        effects.push(Effect::SetTimer(Timer::Check));
        coordinator
    }

    pub(super) fn step(&mut self, input: Input<Node>, effects: &mut Effects<Node>) {
        match input {
            Input::Receive {
                from,
                message:
                    Message::Ping {
                        life,
                        newest,
                        report,
                    },
            } => {
                let worker = Worker { node: from, life };
                if let Some(order) = self.ping(worker, newest, report, effects) {
                    let message = Message::Order { life, order };
                    effects.push(Effect::Send { to: from, message });
                }
            }
            // Only workers speak to the coordinator, and they only ping.
            Input::Receive { .. } => {}
            Input::Timeout(Timer::Check) => self.check(effects),
            Input::Timeout(_) => {}
            Input::Invoke {
                invocation,
                operation: Operation::Status,
            } => effects.reply(invocation, Some(self.status())),
        }
    }

    fn write(&mut self, entry: Entry, effects: &mut Effects<Node>) {
        self.ledger.apply(&entry);
        effects.push(Effect::Persist(Write::Entry(entry)));
    }

    /// A worker tells how far it is. What it is to do.
    fn ping(
        &mut self,
        worker: Worker,
        newest: Option<Attempt>,
        report: Report,
        effects: &mut Effects<Node>,
    ) -> Option<Order> {
        if self.is_done() {
            return Some(Order::Leave);
        }
        if !self.ledger.is_alive(worker) {
            let known = self.ledger.workers.get(&worker.node).copied();
            match known {
                // A message of an earlier life, come late.
                Some(known) if worker.life < known.life => return None,
                Some(known) if worker.life == known.life => {
                    effects.mark(marks::CAME_BACK);
                    return Some(Order::BeginAnew);
                }
                Some(known) if known.alive => {
                    effects.mark(marks::REBORN);
                    let life = known.life;
                    self.bury(Worker { life, ..worker }, effects);
                }
                Some(_) | None => {}
            }
            self.write(Entry::Heard(worker), effects);
        }
        self.silent.insert(worker, 0);
        self.take(worker, &report, effects);
        self.forget_if_over(worker, newest, &report);
        Some(match self.is_done() {
            true => Order::Leave,
            false => self.order(worker, &report, effects),
        })
    }

    /// Takes in what a living worker reports.
    fn take(&mut self, worker: Worker, report: &Report, effects: &mut Effects<Node>) {
        let (task, attempt) = match report {
            Report::Idle => return,
            Report::Busy { task, attempt, .. } => {
                return self.is_busy(worker, *task, *attempt, report, effects);
            }
            Report::Mapped { map, attempt, .. } => (TaskName::Map(*map), *attempt),
            Report::Reduced {
                partition, attempt, ..
            } => (TaskName::Reduce(*partition), *attempt),
            Report::Crashed { task, attempt, .. } => (*task, *attempt),
        };
        let running = self.running.get(&worker).copied();
        let running = running.filter(|running| running.attempt == attempt);
        if running.is_some() {
            self.running.remove(&worker);
        }
        // After a restart nobody else knows who was at what; but what a worker
        // reports twice must count once.
        let is_old = attempt.epoch < self.ledger.epoch && !matches!(report, Report::Crashed { .. });
        let is_new = running.is_some() || is_old;
        if !is_new {
            return;
        }
        match report {
            Report::Crashed { record, .. } => {
                effects.mark(marks::CRASHED);
                self.write(Entry::Crashed(task, *record, attempt), effects);
                if self.ledger.skipped(task).contains(record) {
                    effects.mark(marks::SKIPPED);
                }
            }
            _ if self.has_done(task) => effects.mark(marks::TOO_LATE),
            Report::Mapped {
                map,
                counters,
                bytes,
                ..
            } => {
                effects.mark(marks::MAPPED);
                let done = DoneMap {
                    attempt,
                    by: worker,
                    bytes: *bytes,
                };
                self.write(Entry::Mapped(*map, done, counters.clone()), effects);
            }
            Report::Reduced {
                partition,
                published,
                counters,
                ..
            } => {
                effects.mark(marks::REDUCED);
                let done = DoneReduce {
                    attempt: *published,
                    counters: counters.clone(),
                };
                self.write(Entry::Reduced(*partition, done), effects);
            }
            Report::Idle | Report::Busy { .. } => {}
        }
        if running.is_some_and(|running| running.is_backup) && self.has_done(task) {
            effects.mark(marks::BACKUP_WON);
        }
    }

    /// A worker is at a task, and may lack the output of some maps.
    fn is_busy(
        &mut self,
        worker: Worker,
        task: TaskName,
        attempt: Attempt,
        report: &Report,
        effects: &mut Effects<Node>,
    ) {
        if !self.running.contains_key(&worker)
            && attempt.epoch < self.ledger.epoch
            && !self.has_done(task)
        {
            effects.mark(marks::ADOPTED);
            let running = Running {
                task,
                attempt,
                earlier: 0,
                since: self.checks,
                is_backup: false,
            };
            self.running.insert(worker, running);
        }
        let Report::Busy { missing, .. } = report else {
            return;
        };
        for (map, sought) in missing {
            let known = self.ledger.maps.get(map);
            // Whoever sought an older one must only learn of the newer.
            if known.is_some_and(|known| Some(known.attempt) == *sought) {
                effects.mark(marks::MAP_MISSED);
                self.write(Entry::Lost(*map), effects);
            }
        }
    }

    /// A worker that was ordered to make an attempt and is not at it will never
    /// be: it dropped it, or what said that it was at it came late.
    fn forget_if_over(&mut self, worker: Worker, newest: Option<Attempt>, report: &Report) {
        let Some(running) = self.running.get(&worker) else {
            return;
        };
        let is_at_it = match report {
            Report::Busy { attempt, .. } => *attempt == running.attempt,
            _ => false,
        };
        if newest >= Some(running.attempt) && !is_at_it {
            self.running.remove(&worker);
        }
    }

    /// What a living worker is to do.
    fn order(&mut self, worker: Worker, report: &Report, effects: &mut Effects<Node>) -> Order {
        let running = self.running.get(&worker).copied();
        if let Report::Busy {
            task,
            attempt,
            missing,
        } = report
        {
            let is_it = running.is_some_and(|running| running.attempt == *attempt);
            if is_it && self.has_done(*task) {
                self.running.remove(&worker);
                effects.mark(marks::TOO_LATE);
                return Order::Drop { attempt: *attempt };
            }
            // Workers that all wait for one map would wait for ever: one of them does it.
            let set_aside = !missing.is_empty() && self.idle_map(worker.node).is_some();
            if is_it && set_aside {
                effects.mark(marks::SET_ASIDE);
                self.running.remove(&worker);
            } else if is_it {
                return self.go_on(*attempt, missing, effects);
            }
        }
        // An order that did not arrive is given again.
        let running = self.running.get(&worker).copied();
        let running = running.or_else(|| self.give(worker, effects));
        match running {
            Some(running) => self.order_for(running),
            None => match report {
                Report::Busy { attempt, .. } => Order::Drop { attempt: *attempt },
                _ => Order::Wait,
            },
        }
    }

    fn go_on(
        &self,
        attempt: Attempt,
        missing: &[(MapId, Option<Attempt>)],
        effects: &mut Effects<Node>,
    ) -> Order {
        let newer = |(map, sought): &(MapId, Option<Attempt>)| {
            let done = self.ledger.maps.get(map)?;
            (Some(done.attempt) != *sought).then(|| location(*map, done))
        };
        let locations: Vec<Location> = missing.iter().filter_map(newer).collect();
        if !locations.is_empty() {
            effects.mark(marks::MOVED);
        }
        Order::GoOn { attempt, locations }
    }

    fn order_for(&self, running: Running) -> Order {
        let Running {
            task,
            attempt,
            earlier,
            ..
        } = running;
        let skipped = self.ledger.skipped(task);
        match task {
            TaskName::Map(map) => Order::Map {
                map,
                attempt,
                earlier,
                skipped,
            },
            TaskName::Reduce(partition) => Order::Reduce {
                partition,
                attempt,
                earlier,
                skipped,
                locations: self
                    .ledger
                    .maps
                    .iter()
                    .map(|(map, done)| location(*map, done))
                    .collect(),
            },
        }
    }

    /// Gives a worker a task, if there is one for it.
    fn give(&mut self, worker: Worker, effects: &mut Effects<Node>) -> Option<Running> {
        let (task, is_backup) = match self.idle_task(worker.node) {
            Some(task) => (task, false),
            None => (self.lagging_task()?, true),
        };
        if is_backup {
            effects.mark(marks::BACKUP);
        }
        if let TaskName::Map(map) = task
            && self.job.split(map).hosts.contains(&worker.node)
        {
            effects.mark(marks::LOCAL);
        }
        let given = self.given.entry(task).or_default();
        let earlier = *given;
        *given += 1;
        self.attempts += 1;
        let running = Running {
            task,
            attempt: Attempt {
                epoch: self.ledger.epoch,
                number: self.attempts,
            },
            earlier,
            since: self.checks,
            is_backup,
        };
        self.running.insert(worker, running);
        Some(running)
    }

    fn is_idle(&self, task: TaskName) -> bool {
        !self.has_done(task) && !self.is_given(task)
    }

    /// A map that nobody is at, before all others one whose split the worker has (3.4).
    fn idle_map(&self, node: NodeId) -> Option<MapId> {
        let idle = || {
            let maps = self.job.maps();
            maps.filter(|map| self.is_idle(TaskName::Map(*map)))
        };
        let is_local = |map: &MapId| self.job.split(*map).hosts.contains(&node);
        idle().find(is_local).or_else(|| idle().next())
    }

    /// A task that nobody is at. Reduces wait until all maps are done.
    fn idle_task(&self, node: NodeId) -> Option<TaskName> {
        let map = self.idle_map(node);
        if map.is_some() || self.ledger.maps.len() < self.job.splits.len() {
            return map.map(TaskName::Map);
        }
        let mut reduces = self.job.all_partitions().map(TaskName::Reduce);
        reduces.find(|reduce| self.is_idle(*reduce))
    }

    /// A task that one worker has had for long, when there is nothing else to do (3.6).
    fn lagging_task(&self) -> Option<TaskName> {
        let lag = self.lag_checks?;
        let lags = |running: &&Running| {
            let others = self.running.values();
            let executions = others.filter(|other| other.task == running.task).count();
            self.checks - running.since >= lag && executions == 1 && !self.has_done(running.task)
        };
        let running = self.running.values().filter(lags);
        let longest = running.min_by_key(|running| (running.since, running.task));
        longest.map(|running| running.task)
    }

    fn is_given(&self, task: TaskName) -> bool {
        self.running.values().any(|running| running.task == task)
    }

    fn has_done(&self, task: TaskName) -> bool {
        match task {
            TaskName::Map(map) => self.ledger.maps.contains_key(&map),
            TaskName::Reduce(partition) => self.ledger.reduces.contains_key(&partition),
        }
    }

    /// Looks who was silent for too long.
    fn check(&mut self, effects: &mut Effects<Node>) {
        effects.push(Effect::SetTimer(Timer::Check));
        self.checks += 1;
        if self.is_done() {
            return;
        }
        let mut dead = Vec::new();
        for (worker, silent) in &mut self.silent {
            *silent += 1;
            if *silent > self.silent_checks {
                dead.push(*worker);
            }
        }
        for worker in dead {
            effects.mark(marks::TAKEN_FOR_DEAD);
            self.bury(worker, effects);
        }
    }

    fn bury(&mut self, worker: Worker, effects: &mut Effects<Node>) {
        self.running.remove(&worker);
        self.silent.remove(&worker);
        let before = self.ledger.maps.len();
        self.write(Entry::Dead(worker), effects);
        if self.ledger.maps.len() < before {
            effects.mark(marks::MAP_LOST);
        }
    }

    /// Whether all of the output is visible.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.ledger.reduces.len() == usize::from(self.job.partitions)
    }

    /// What is to be done.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// What is on its disk.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Which task each living worker is at, as far as is known.
    pub fn at_work(&self) -> impl Iterator<Item = (Worker, TaskName, Attempt)> {
        let running = self.running.iter();
        running.map(|(worker, running)| (*worker, running.task, running.attempt))
    }

    /// How the job stands (4.8).
    #[must_use]
    pub fn status(&self) -> Status {
        let given = |is_map: bool| {
            let tasks = self.running.values().map(|running| running.task);
            let tasks = tasks.filter(|task| matches!(task, TaskName::Map(_)) == is_map);
            let undone = tasks.filter(|task| !self.has_done(*task));
            undone.collect::<alloc::collections::BTreeSet<_>>().len()
        };
        let (maps, partitions) = (self.job.splits.len(), usize::from(self.job.partitions));
        let (mapping, reducing) = (given(true), given(false));
        let (mapped, reduced) = (self.ledger.maps.len(), self.ledger.reduces.len());
        Status {
            maps: (maps - mapped - mapping, mapping, mapped),
            reduces: (partitions - reduced - reducing, reducing, reduced),
            alive: self.silent.len(),
            dead: self.ledger.workers.values().filter(|it| !it.alive).count(),
            bytes_mapped: self.ledger.maps.values().map(|done| done.bytes).sum(),
            at_work: self.at_work().collect(),
            skipped: self.ledger.all_skipped().collect(),
            counters: self.ledger.counters(),
        }
    }
}

fn location(map: MapId, done: &DoneMap) -> Location {
    Location {
        map,
        attempt: done.attempt,
        node: done.by.node,
    }
}

/// A partition's reduce.
impl From<Partition> for TaskName {
    fn from(partition: Partition) -> Self {
        Self::Reduce(partition)
    }
}
