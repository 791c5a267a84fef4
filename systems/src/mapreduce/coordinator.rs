//! The coordinator: who does what.
//!
//! Workers ping, and each ping is answered with an order; nothing else is ever
//! said. A ping tells all of how far a worker is, so that lost messages, and a
//! coordinator that begins anew, cost time and nothing else.
//!
//! What a ping costs grows with what it says and changes, not with the job: see
//! [`Assignments`].

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::assignments::{Assignments, Progress, Running};
use super::ledger::{DoneMap, DoneReduce, Entry, Ledger};
use super::{
    Attempt, Config, Durable, Job, Location, MapId, Message, Node, Operation, Order, Report,
    Status, TaskName, Timer, Tuning, Worker, Write, marks,
};
use crate::process::{Effect, Effects, Input, NodeId};

/// The coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coordinator {
    job: Arc<Job>,
    silent_checks: u32,
    /// What is on its disk.
    ledger: Ledger,
    /// What each living worker is at, as far as is known.
    assignments: Assignments,
    /// How many checks each living worker has been silent.
    silent: BTreeMap<Worker, u32>,
    /// How many attempts were given out in this life.
    attempts: u32,
    /// How many checks this life has seen.
    checks: u32,
}

/// A task that a worker is given, and how.
struct Given {
    task: TaskName,
    is_backup: bool,
    progress: Progress,
}

impl Coordinator {
    pub(super) fn start(config: &Config, durable: Durable, effects: &mut Effects<Node>) -> Self {
        let Tuning {
            silent_checks,
            lag_checks,
            ..
        } = config.tuning;
        let ledger = match durable {
            Durable::Coordinator(ledger) => *ledger,
            _ => Ledger::default(),
        };
        let mut coordinator = Self {
            job: config.job.clone(),
            silent_checks,
            assignments: Assignments::new(config.job.clone(), lag_checks, &ledger),
            ledger,
            silent: BTreeMap::new(),
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
        let task = match &entry {
            Entry::Mapped(map, ..) | Entry::Lost(map) => Some(TaskName::Map(*map)),
            Entry::Reduced(partition, _) => Some(TaskName::Reduce(*partition)),
            // Whoever buries a worker sees to its maps.
            Entry::Began | Entry::Heard(_) | Entry::Dead(_) | Entry::Crashed(..) => None,
        };
        if let Some(task) = task {
            self.assignments.place(task, &self.ledger);
        }
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
            let known = self.ledger.workers.get(&worker.node);
            match known.map(|known| (known.life, known.alive)) {
                // A message of an earlier life, come late.
                Some((known, _)) if worker.life < known => return None,
                Some((known, _)) if worker.life == known => {
                    effects.mark(marks::CAME_BACK);
                    return Some(Order::BeginAnew);
                }
                Some((life, true)) => {
                    effects.mark(marks::REBORN);
                    self.bury(Worker { life, ..worker }, effects);
                }
                Some(_) | None => {}
            }
            self.write(Entry::Heard(worker), effects);
        }
        self.silent.insert(worker, 0);
        self.take(worker, &report, effects);
        self.end_if_over(worker, newest, &report);
        Some(match self.is_done() {
            true => Order::Leave,
            false => self.order(worker, &report, effects),
        })
    }

    /// Takes in what a living worker reports. It says so until it is given
    /// something else to do, and a late ping may say it again at any time.
    fn take(&mut self, worker: Worker, report: &Report, effects: &mut Effects<Node>) {
        let (task, attempt) = match report {
            Report::Idle => return,
            Report::Busy { .. } => return self.is_busy(worker, report, effects),
            Report::Mapped { map, attempt, .. } => (TaskName::Map(*map), *attempt),
            Report::Reduced {
                partition, attempt, ..
            } => (TaskName::Reduce(*partition), *attempt),
            Report::Crashed { task, attempt, .. } => (*task, *attempt),
        };
        let running = self.assignments.of(worker);
        let running = running.filter(|running| running.attempt == attempt);
        if running.is_some() {
            self.assignments.end(worker, &self.ledger);
        }
        let entry = match report {
            Report::Crashed { record, .. } => {
                return self.crashed(task, *record, attempt, effects);
            }
            Report::Mapped {
                map,
                counters,
                bytes,
                ..
            } => {
                let done = DoneMap {
                    attempt,
                    by: worker,
                    bytes: *bytes,
                };
                Entry::Mapped(*map, done, counters.clone())
            }
            Report::Reduced {
                partition,
                published,
                counters,
                ..
            } => {
                let done = DoneReduce {
                    attempt: *published,
                    counters: counters.clone(),
                };
                Entry::Reduced(*partition, done)
            }
            Report::Idle | Report::Busy { .. } => return,
        };
        if !self.ledger.wants(task, attempt) {
            if running.is_some() {
                effects.mark(marks::TOO_LATE);
            }
            return;
        }
        effects.mark(match task {
            TaskName::Map(_) => marks::MAPPED,
            TaskName::Reduce(_) => marks::REDUCED,
        });
        if running.is_some_and(|running| running.is_backup) {
            effects.mark(marks::BACKUP_WON);
        }
        self.write(entry, effects);
    }

    /// The user's code crashed. What a worker says twice counts once.
    fn crashed(
        &mut self,
        task: TaskName,
        record: u32,
        attempt: Attempt,
        effects: &mut Effects<Node>,
    ) {
        if !self.ledger.is_news(task, record, attempt) {
            return;
        }
        effects.mark(marks::CRASHED);
        self.write(Entry::Crashed(task, record, attempt), effects);
        if self.ledger.skipped(task).contains(&record) {
            effects.mark(marks::SKIPPED);
        }
    }

    /// A worker is at a task, and may lack the output of some maps.
    fn is_busy(&mut self, worker: Worker, report: &Report, effects: &mut Effects<Node>) {
        let Report::Busy {
            task,
            attempt,
            missing,
            store_is_silent,
        } = report
        else {
            return;
        };
        let progress = match store_is_silent {
            true => Progress::Stuck,
            false => Progress::AtIt,
        };
        // It will never be at an older one: what said that it was came late.
        let running = self.assignments.of(worker);
        if running.is_some_and(|running| running.attempt < *attempt) {
            self.assignments.end(worker, &self.ledger);
        }
        match self.assignments.of(worker) {
            Some(running) if running.attempt == *attempt => {
                if running.progress != progress && progress == Progress::Stuck {
                    effects.mark(marks::STUCK);
                }
                self.assignments.progress(worker, progress, &self.ledger);
            }
            None if self.ledger.wants(*task, *attempt) => {
                self.adopt(worker, *task, *attempt, progress);
                effects.mark(marks::ADOPTED);
            }
            // It was ordered to do something else, or has what nobody wants.
            Some(_) | None => {}
        }
        for (map, sought) in missing {
            let known = self.ledger.maps.get(map);
            // Whoever sought another one must only learn of the one that is known.
            if known.is_some_and(|known| Some(known.attempt) == *sought) {
                effects.mark(marks::MAP_MISSED);
                self.write(Entry::Lost(*map), effects);
            }
        }
    }

    /// After a restart nobody else knows who is at what.
    fn adopt(&mut self, worker: Worker, task: TaskName, attempt: Attempt, progress: Progress) {
        let running = Running {
            task,
            attempt,
            earlier: 0,
            since: self.checks,
            is_backup: false,
            progress,
        };
        self.assignments.begin(worker, running, &self.ledger);
    }

    /// A worker that has heard of an attempt and is not at it will never be: it
    /// dropped it, or what said that it was at it came late.
    fn end_if_over(&mut self, worker: Worker, newest: Option<Attempt>, report: &Report) {
        let Some(running) = self.assignments.of(worker) else {
            return;
        };
        let is_at_it = match report {
            Report::Busy { attempt, .. } => *attempt == running.attempt,
            _ => false,
        };
        if newest >= Some(running.attempt) && !is_at_it {
            self.assignments.end(worker, &self.ledger);
        }
    }

    /// What a living worker is to do.
    fn order(&mut self, worker: Worker, report: &Report, effects: &mut Effects<Node>) -> Order {
        let running = self.assignments.of(worker);
        let wanted = running.filter(|it| self.ledger.wants(it.task, it.attempt));
        if running != wanted {
            self.assignments.end(worker, &self.ledger);
        }
        if let Report::Busy {
            attempt, missing, ..
        } = report
            && running.is_some_and(|running| running.attempt == *attempt)
        {
            if wanted.is_none() {
                effects.mark(marks::TOO_LATE);
                return Order::Drop { attempt: *attempt };
            }
            let Some(given) = self.instead_of_waiting(worker.node, missing) else {
                return self.go_on(*attempt, missing, effects);
            };
            effects.mark(marks::SET_ASIDE);
            self.assignments.end(worker, &self.ledger);
            let running = self.give(worker, given, effects);
            return self.order_for(running);
        }
        // An order that did not arrive is given again.
        let hears_nobody = running.is_some_and(|it| it.progress == Progress::Unheard);
        let next = wanted.or_else(|| {
            let given = self.next_task(worker.node, hears_nobody)?;
            Some(self.give(worker, given, effects))
        });
        match next {
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
        let other = |(map, sought): &(MapId, Option<Attempt>)| {
            let done = self.ledger.maps.get(map)?;
            (Some(done.attempt) != *sought).then(|| location(*map, done))
        };
        let locations: Vec<Location> = missing.iter().filter_map(other).collect();
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

    /// Gives a task to a worker that is at nothing.
    fn give(&mut self, worker: Worker, given: Given, effects: &mut Effects<Node>) -> Running {
        let Given {
            task,
            is_backup,
            progress,
        } = given;
        if is_backup {
            effects.mark(marks::BACKUP);
        }
        if let TaskName::Map(map) = task
            && self.job.split(map).hosts.contains(&worker.node)
        {
            effects.mark(marks::LOCAL);
        }
        self.attempts += 1;
        let running = Running {
            task,
            attempt: Attempt {
                epoch: self.ledger.epoch,
                number: self.attempts,
            },
            earlier: self.assignments.count(task),
            since: self.checks,
            is_backup,
            progress,
        };
        self.assignments.begin(worker, running, &self.ledger);
        running
    }

    /// What there is for a worker that is free: a task that is left to nobody, or, when
    /// there is none, one that others have had for long (3.6). Reduces wait until all
    /// maps are done. To a worker that may hear nobody no task is left.
    fn next_task(&self, node: NodeId, hears_nobody: bool) -> Option<Given> {
        let map = self.assignments.idle_map(node).map(TaskName::Map);
        let all_mapped = self.ledger.maps.len() == self.job.splits.len();
        let idle = map.or_else(|| {
            let reduce = self.assignments.idle_reduce();
            reduce.filter(|_| all_mapped).map(TaskName::Reduce)
        });
        let task = idle.or_else(|| self.assignments.lagging(self.checks))?;
        Some(Given {
            task,
            is_backup: idle.is_none(),
            progress: match hears_nobody {
                true => Progress::Unheard,
                false => Progress::Ordered,
            },
        })
    }

    /// A map that a worker can do which lacks the output of some. Workers that all wait
    /// for one map would wait for ever. It does one that it lacks itself, where it can:
    /// what it did stays with it, so that in the end it lacks none, even if it
    /// reaches no other worker.
    fn instead_of_waiting(
        &self,
        node: NodeId,
        missing: &[(MapId, Option<Attempt>)],
    ) -> Option<Given> {
        if missing.is_empty() {
            return None;
        }
        let lacking = || missing.iter().map(|(map, _)| *map);
        let idle = lacking().find(|map| self.assignments.is_idle(*map));
        let idle = idle.or_else(|| self.assignments.idle_map(node));
        let lags = |map: &MapId| self.assignments.lags(*map, self.checks);
        Some(Given {
            task: TaskName::Map(idle.or_else(|| lacking().find(lags))?),
            is_backup: idle.is_none(),
            progress: Progress::Ordered,
        })
    }

    /// Looks who was silent for too long, and who never heard of its task.
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
        let unheard = |(_, running): &(Worker, &Running)| {
            let is_late = self.checks - running.since > self.silent_checks;
            is_late && running.progress == Progress::Ordered
        };
        let unheard = self.assignments.iter().filter(unheard);
        let unheard: Vec<Worker> = unheard.map(|(worker, _)| worker).collect();
        for worker in unheard {
            effects.mark(marks::UNHEARD);
            let progress = Progress::Unheard;
            self.assignments.progress(worker, progress, &self.ledger);
        }
    }

    fn bury(&mut self, worker: Worker, effects: &mut Effects<Node>) {
        self.silent.remove(&worker);
        let standing = self.ledger.workers.get(&worker.node);
        let lost = standing.map(|it| it.maps.clone()).unwrap_or_default();
        self.write(Entry::Dead(worker), effects);
        self.assignments.end(worker, &self.ledger);
        if !lost.is_empty() {
            effects.mark(marks::MAP_LOST);
        }
        for map in lost {
            self.assignments.place(TaskName::Map(map), &self.ledger);
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
        let running = self.assignments.iter();
        running.map(|(worker, running)| (worker, running.task, running.attempt))
    }

    /// Whether the tasks that it keeps in order are those that it would find if it
    /// looked at all of them. It costs as much as the job is large: for tests.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        self.assignments == self.assignments.rebuilt(&self.ledger)
    }

    /// How the job stands (4.8).
    #[must_use]
    pub fn status(&self) -> Status {
        let (idle_maps, idle_reduces) = self.assignments.idle();
        let tasks = |all: usize, idle: usize, done: usize| (idle, all - idle - done, done);
        let partitions = usize::from(self.job.partitions);
        Status {
            maps: tasks(self.job.splits.len(), idle_maps, self.ledger.maps.len()),
            reduces: tasks(partitions, idle_reduces, self.ledger.reduces.len()),
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
