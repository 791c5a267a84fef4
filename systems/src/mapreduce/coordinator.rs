//! The coordinator: assigns tasks.
//!
//! Workers ping, and each ping is answered with an order; nothing else is ever
//! said. A ping tells all of how far a worker is, so that lost messages, and a
//! coordinator that begins anew, cost time and nothing else.
//!
//! What a ping costs grows with what it says and changes, not with the job: see
//! [`Assignments`].

mod orders;
mod reports;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::assignments::{Assignments, Progress, Running};
use super::ledger::{Entry, Ledger};
use super::{
    Attempt, Config, Durable, Job, Message, Node, Operation, Order, Report, Status, TaskName,
    Timer, Tuning, Worker, Write, marks,
};
use crate::process::{Effect, Effects, Input, NodeId};
use crate::vec_map::VecMap;

/// The coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coordinator {
    job: Arc<Job>,
    check: Duration,
    silent_checks: u32,
    /// What is on its disk.
    ledger: Ledger,
    /// What each live worker is running, as far as is known.
    assignments: Assignments,
    /// How many checks each living worker has been silent.
    silent: VecMap<Worker, u32>,
    /// How many attempts were given out in this life.
    attempts: u32,
    /// How many checks this life has seen.
    checks: u32,
}

impl Coordinator {
    pub(super) fn start(config: &Config, durable: Durable, effects: &mut Effects<Node>) -> Self {
        let Tuning {
            check,
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
            check,
            silent_checks,
            assignments: Assignments::new(config.job.clone(), lag_checks, &ledger),
            ledger,
            silent: VecMap::new(),
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
        effects.set_timer(Timer::Check, check);
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
            // Declaring a worker dead also reschedules its maps.
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
                // A late message of an earlier life.
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

    /// Checks who was silent for too long, and who never heard of its task.
    fn check(&mut self, effects: &mut Effects<Node>) {
        effects.set_timer(Timer::Check, self.check);
        self.checks += 1;
        if self.is_done() {
            return;
        }
        let mut dead = Vec::new();
        for (worker, silent) in self.silent.iter_mut() {
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

    /// Which task each live worker is running, as far as is known.
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
