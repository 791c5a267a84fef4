//! A worker: executes one task at a time, and keeps what its maps left.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::collecting::Collecting;
use super::execute::{self, BadRecord};
use super::slot::{Slot, Task};
use super::{
    Attempt, Config, Counters, Durable, Execution, Job, Location, MapId, MapOutput, Message, Node,
    Operation, Order, Partition, Report, Run, SharedRun, TaskName, Temper, Timer, WorkerDisk,
    Write, marks,
};
use crate::process::{Delay, Effect, Effects, Input, NodeId};
use crate::vec_map::VecMap;

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkerNode {
    id: NodeId,
    config: Config,
    /// Its life, and what its maps left, as on its disk.
    disk: WorkerDisk,
    slot: Slot,
    /// The newest attempt that it was ordered to make. Orders for older ones, and
    /// for this one, come late or twice.
    newest: Option<Attempt>,
    /// How often it has asked the store for what it waits for.
    asked_store: u16,
}

impl WorkerNode {
    pub(super) fn start(
        id: NodeId,
        config: &Config,
        durable: Durable,
        effects: &mut Effects<Node>,
    ) -> Self {
        let disk = match durable {
            Durable::Worker(disk) => *disk,
            _ => WorkerDisk::default(),
        };
        let mut worker = Self {
            id,
            config: config.clone(),
            disk,
            slot: Slot::Free,
            newest: None,
            asked_store: 0,
        };
        worker.begin_life(effects);
        worker
    }

    /// Begins a life without anything of the one before.
    fn begin_life(&mut self, effects: &mut Effects<Node>) {
        self.disk = WorkerDisk {
            life: self.disk.life.next(),
            outputs: VecMap::new(),
        };
        effects.push(Effect::Persist(Write::Life(self.disk.life)));
        self.slot = Slot::Free;
        self.newest = None;
        self.ping(effects);
    }

    pub(super) fn step(&mut self, input: Input<Node>, effects: &mut Effects<Node>) {
        match input {
            // A crashed worker hears nothing, and one that has left does not answer.
            Input::Timeout(Timer::Back) => self.begin_life(effects),
            _ if matches!(self.slot, Slot::Down) => {}
            Input::Receive { from, message } => self.receive(from, message, effects),
            Input::Timeout(Timer::Ping) => self.ping(effects),
            Input::Timeout(Timer::Retry) => self.retry(effects),
            Input::Timeout(Timer::Work) => self.work(effects),
            Input::Timeout(Timer::Check) => {}
            Input::Invoke {
                invocation,
                operation: Operation::Status,
            } => effects.reply(invocation, None),
        }
    }

    fn receive(&mut self, from: NodeId, message: Message, effects: &mut Effects<Node>) {
        match message {
            Message::Order { life, order } if life == self.disk.life => {
                self.ordered(order, effects)
            }
            Message::Fetch {
                attempt,
                map,
                partition,
            } => {
                let message = match self.disk.run(map, attempt, partition) {
                    Some(SharedRun(run)) => Message::Piece {
                        attempt,
                        map,
                        partition,
                        run: run.clone(),
                    },
                    None => Message::Gone { attempt, map },
                };
                effects.push(Effect::Send { to: from, message });
            }
            Message::Text { map, text } => {
                if let Slot::Reading(task, wanted) = &self.slot
                    && *wanted == map
                {
                    let task = task.clone();
                    self.begin_map(task, map, text, effects);
                }
            }
            Message::Piece {
                map,
                partition,
                run,
                ..
            } => {
                if let Slot::Collecting(_, wanted, collecting) = &mut self.slot
                    && *wanted == partition
                {
                    collecting.got(map, SharedRun(run));
                    self.collect(effects);
                }
            }
            Message::Gone { attempt, map } => {
                if let Slot::Collecting(_, _, collecting) = &mut self.slot {
                    collecting.gone(map, attempt);
                    self.ping(effects);
                }
            }
            Message::Published {
                partition,
                attempt,
                counters,
            } => self.published(partition, attempt, counters, effects),
            Message::Order { .. }
            | Message::Ping { .. }
            | Message::Read { .. }
            | Message::Publish { .. } => {}
        }
    }

    fn ordered(&mut self, order: Order, effects: &mut Effects<Node>) {
        match order {
            Order::Wait => {}
            Order::BeginAnew => self.begin_anew(effects),
            Order::Leave => {
                if !matches!(self.slot, Slot::Left) {
                    effects.mark(marks::LEFT);
                }
                self.be(Slot::Left, effects);
                effects.cancel_timer(Timer::Ping);
            }
            Order::Drop { attempt } => {
                if self.slot.attempt() == Some(attempt) {
                    self.be(Slot::Free, effects);
                    self.ping(effects);
                }
            }
            Order::GoOn { attempt, locations } => {
                if self.slot.attempt() == Some(attempt)
                    && let Slot::Collecting(_, _, collecting) = &mut self.slot
                {
                    collecting.moved(&locations);
                    self.collect(effects);
                }
            }
            Order::Map {
                map,
                attempt,
                earlier,
                skipped,
            } => {
                let name = TaskName::Map(map);
                let task = Task {
                    name,
                    attempt,
                    earlier,
                    skipped,
                };
                if self.is_newer(attempt) {
                    self.read(task, map, effects);
                }
            }
            Order::Reduce {
                partition,
                attempt,
                earlier,
                skipped,
                locations,
            } => {
                let name = TaskName::Reduce(partition);
                let task = Task {
                    name,
                    attempt,
                    earlier,
                    skipped,
                };
                if self.is_newer(attempt) {
                    self.begin_collecting(task, partition, &locations, effects);
                }
            }
        }
    }

    /// Whether an attempt is newer than all that this life was ordered to make.
    fn is_newer(&mut self, attempt: Attempt) -> bool {
        let is_newer = self.newest.is_none_or(|newest| newest < attempt);
        self.newest = self.newest.max(Some(attempt));
        is_newer && !matches!(self.slot, Slot::Left)
    }

    fn begin_anew(&mut self, effects: &mut Effects<Node>) {
        self.be(Slot::Free, effects);
        self.begin_life(effects);
    }

    /// Switches to something else, and drops what it waited for.
    fn be(&mut self, slot: Slot, effects: &mut Effects<Node>) {
        self.asked_store = 0;
        effects.cancel_timer(Timer::Retry);
        if self.work_takes().is_some() {
            effects.cancel_timer(Timer::Work);
        }
        self.slot = slot;
    }

    /// Gets the text of a split, from its own disk if it has it (3.4).
    fn read(&mut self, task: Task, map: MapId, effects: &mut Effects<Node>) {
        let split = self.job().split(map);
        if split.hosts.contains(&self.id) {
            let text = split.text.clone();
            return self.begin_map(task, map, text, effects);
        }
        self.be(Slot::Reading(task, map), effects);
        self.ask_store(Message::Read { map }, effects);
    }

    /// Asks the store, and asks again until it answers.
    fn ask_store(&mut self, message: Message, effects: &mut Effects<Node>) {
        // Counting past the threshold makes no difference.
        self.asked_store = (self.asked_store + 1).min(self.most_tries() + 1);
        effects.push(Effect::Send {
            to: self.config.store,
            message,
        });
        effects.set_timer(Timer::Retry, &self.config.tuning.retry);
    }

    fn begin_map(&mut self, task: Task, map: MapId, text: Arc<str>, effects: &mut Effects<Node>) {
        self.be(Slot::Mapping(task, map, text), effects);
        self.begin_work(effects);
    }

    fn begin_collecting(
        &mut self,
        task: Task,
        partition: Partition,
        locations: &[Location],
        effects: &mut Effects<Node>,
    ) {
        let mut collecting = Collecting::new(self.job().maps(), self.config.tuning.tries);
        // What its own maps left it has for good, wherever the coordinator looks for
        // them: a worker that others cannot reach needs nobody once it has done them all.
        for (map, run) in self.disk.runs(partition) {
            collecting.got(map, run);
        }
        collecting.moved(locations);
        self.be(Slot::Collecting(task, partition, collecting), effects);
        effects.set_timer(Timer::Retry, &self.config.tuning.retry);
        self.collect(effects);
    }

    /// Asks for more, or begins to reduce when all is there.
    fn collect(&mut self, effects: &mut Effects<Node>) {
        let Slot::Collecting(task, partition, collecting) = &mut self.slot else {
            return;
        };
        let partition = *partition;
        for location in collecting.next_to_ask() {
            let Location { map, attempt, node } = location;
            if node != self.id {
                let message = Message::Fetch {
                    attempt,
                    map,
                    partition,
                };
                effects.push(Effect::Send { to: node, message });
                continue;
            }
            // All that is here was taken when it began.
            collecting.gone(map, attempt);
        }
        if collecting.is_complete() {
            let (task, runs) = (task.clone(), collecting.take());
            self.be(Slot::Reducing(task, partition, runs), effects);
            self.begin_work(effects);
        } else if collecting.can_ask() {
            // What was here needed no message, and left room for others.
            self.collect(effects);
        }
    }

    fn retry(&mut self, effects: &mut Effects<Node>) {
        match &mut self.slot {
            Slot::Reading(_, map) => {
                let message = Message::Read { map: *map };
                self.ask_store(message, effects);
            }
            Slot::Collecting(_, _, collecting) => {
                effects.set_timer(Timer::Retry, &self.config.tuning.retry);
                collecting.ask_again();
                self.collect(effects);
            }
            Slot::Publishing(..) => self.publish(effects),
            _ => {}
        }
    }

    /// How long the work in hand takes, if there is any.
    fn work_takes(&self) -> Option<Delay> {
        let (task, bytes) = match &self.slot {
            Slot::Mapping(task, _, text) => (task, text.len()),
            Slot::Reducing(task, _, runs) => {
                (task, runs.values().map(|SharedRun(run)| run.bytes()).sum())
            }
            _ => return None,
        };
        let more = match self.temper(task) {
            Temper::Slow(more) => more,
            Temper::Steady | Temper::TakesWorkerDown => Duration::ZERO,
        };
        // To the byte: most tasks of a small job are less than a kilobyte.
        let takes = self.config.tuning.per_kilobyte.as_micros() as u64 * bytes as u64 / 1024;
        let millis = u32::try_from(1 + takes / 1000).unwrap_or(u32::MAX);
        let usual = Duration::from_millis(u64::from(millis));
        Some(self.config.work_takes(usual, more))
    }

    fn temper(&self, task: &Task) -> Temper {
        let execution = Execution {
            task: task.name,
            earlier: task.earlier,
        };
        self.job().app.code().temper(&execution)
    }

    fn begin_work(&mut self, effects: &mut Effects<Node>) {
        if let Some(takes) = self.work_takes() {
            effects.set_timer(Timer::Work, takes);
        }
    }

    /// The work is finished: its result is known at once.
    fn work(&mut self, effects: &mut Effects<Node>) {
        let task = match &self.slot {
            Slot::Mapping(task, ..) | Slot::Reducing(task, ..) => task.clone(),
            _ => return,
        };
        if self.temper(&task) == Temper::TakesWorkerDown {
            return self.go_down(effects);
        }
        match mem::replace(&mut self.slot, Slot::Free) {
            Slot::Mapping(task, map, text) => self.map(task, map, &text, effects),
            Slot::Reducing(task, partition, runs) => self.reduce(task, partition, runs, effects),
            slot => self.slot = slot,
        }
    }

    fn go_down(&mut self, effects: &mut Effects<Node>) {
        effects.mark(marks::WENT_DOWN);
        self.be(Slot::Down, effects);
        effects.cancel_timer(Timer::Ping);
        effects.set_timer(Timer::Back, &self.config.tuning.down);
    }

    fn map(&mut self, task: Task, map: MapId, text: &Arc<str>, effects: &mut Effects<Node>) {
        let job = self.config.job.clone();
        let Task {
            attempt, skipped, ..
        } = &task;
        let split = super::Split {
            text: text.clone(),
            ..job.split(map).clone()
        };
        effects.mark(marks::MAP_EXECUTED);
        let mapped = match execute::map(&job, &split, skipped) {
            Ok(mapped) => mapped,
            Err(bad) => return self.crashed(&task, bad, effects),
        };
        let bytes = mapped.runs.iter().map(Run::bytes).sum::<usize>() as u64;
        let runs = mapped.runs.into_iter().map(Arc::new).map(SharedRun);
        let output = MapOutput {
            runs: runs.collect(),
        };
        effects.push(Effect::Persist(Write::Output(
            map,
            *attempt,
            output.clone(),
        )));
        self.disk.outputs.insert((map, *attempt), output);
        self.reports(
            Report::Mapped {
                map,
                attempt: *attempt,
                counters: mapped.counters,
                bytes,
            },
            effects,
        );
    }

    fn reduce(
        &mut self,
        task: Task,
        partition: Partition,
        runs: VecMap<MapId, SharedRun>,
        effects: &mut Effects<Node>,
    ) {
        let runs = runs.into_iter().map(|(map, SharedRun(run))| (map, run));
        effects.mark(marks::REDUCE_EXECUTED);
        match execute::reduce(&self.config.job, &runs.collect(), &task.skipped) {
            Ok((text, counters)) => {
                self.slot = Slot::Publishing(task, partition, text.into(), counters);
                self.publish(effects);
            }
            Err(bad) => self.crashed(&task, bad, effects),
        }
    }

    /// Asks the store to make the output visible, until it says whose is.
    fn publish(&mut self, effects: &mut Effects<Node>) {
        if let Slot::Publishing(task, partition, text, counters) = &self.slot {
            let message = Message::Publish {
                partition: *partition,
                attempt: task.attempt,
                text: text.clone(),
                counters: counters.clone(),
            };
            self.ask_store(message, effects);
        }
    }

    fn published(
        &mut self,
        partition: Partition,
        published: Attempt,
        counters: Counters,
        effects: &mut Effects<Node>,
    ) {
        if let Slot::Publishing(task, wanted, ..) = &self.slot
            && *wanted == partition
        {
            let report = Report::Reduced {
                partition,
                attempt: task.attempt,
                published,
                counters,
            };
            self.reports(report, effects);
        }
    }

    fn crashed(&mut self, task: &Task, bad: BadRecord, effects: &mut Effects<Node>) {
        let report = Report::Crashed {
            task: task.name,
            attempt: task.attempt,
            record: bad.0,
        };
        self.reports(report, effects);
    }

    fn reports(&mut self, report: Report, effects: &mut Effects<Node>) {
        self.be(Slot::Reporting(report), effects);
        self.ping(effects);
    }

    /// Tells the coordinator how far it is.
    fn ping(&self, effects: &mut Effects<Node>) {
        let report = match &self.slot {
            Slot::Left | Slot::Down => return,
            Slot::Free => Report::Idle,
            Slot::Reporting(report) => report.clone(),
            Slot::Collecting(task, _, collecting) => self.busy(task, collecting.missing()),
            Slot::Reading(task, _)
            | Slot::Mapping(task, ..)
            | Slot::Reducing(task, ..)
            | Slot::Publishing(task, ..) => self.busy(task, Vec::new()),
        };
        effects.push(Effect::Send {
            to: self.config.coordinator,
            message: Message::Ping {
                life: self.disk.life,
                newest: self.newest,
                report,
            },
        });
        effects.set_timer(Timer::Ping, &self.config.tuning.ping);
    }

    fn busy(&self, task: &Task, missing: Vec<(MapId, Option<Attempt>)>) -> Report {
        Report::Busy {
            task: task.name,
            attempt: task.attempt,
            missing,
            store_is_silent: self.asked_store > self.most_tries(),
        }
    }

    fn most_tries(&self) -> u16 {
        u16::from(self.config.tuning.tries)
    }

    /// What is on its disk.
    #[must_use]
    pub fn disk(&self) -> &WorkerDisk {
        &self.disk
    }

    /// What is to be done.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.config.job
    }

    /// Whether it has left, since the job is done.
    #[must_use]
    pub fn has_left(&self) -> bool {
        matches!(self.slot, Slot::Left)
    }

    /// The task that it executes at this moment, not waiting for anybody, and which
    /// execution of it that is.
    #[must_use]
    pub fn executes(&self) -> Option<(TaskName, Attempt)> {
        match &self.slot {
            Slot::Mapping(task, ..) | Slot::Reducing(task, ..) => Some((task.name, task.attempt)),
            _ => None,
        }
    }

    /// What it is doing; a short label for logs.
    #[must_use]
    pub fn at(&self) -> &'static str {
        self.slot.word()
    }
}
