//! One step of one process, and the execution of its effects.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use std::{iter, mem};

use snowglobe_checkers::panics::guarded;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{self, Durable, Effect, Input, InvocationId, NodeId, Process};

use super::agenda::Due;
use super::disk::DiskError;
use super::network::{DropReason, Fate, Flip, LEAST, Parcel, Passage};
use super::node::{Incarnation, Life};
use super::trace::EventKind;
use super::{Broken, Cluster, World};
use crate::draw::Purpose;
use crate::faults::FaultFamily;

/// The most steps that one call of a client makes on each node, from which [`World::step`] tells
/// much to do from a loop: a message of the call and one of its commit, an answer to each, and each
/// of them twice. (A dense run takes 2.5.)
const STEPS_OF_CALL: u64 = 8;

/// What became of an effect.
enum Executed {
    /// It is done.
    Done,
    /// The disk is at it; it and what follows must wait.
    Stalls,
    /// The disk refused it.
    Failed(DiskError),
    /// It broke a promise of the engine's own, and ended the run.
    Broke,
}

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// A parcel arrives.
    pub(super) fn arrive(&mut self, mut parcel: Parcel) {
        let Parcel {
            from, to, number, ..
        } = parcel;
        if self.process(to).is_none() {
            self.dropped(from, to, number, DropReason::ReceiverDown);
        } else if self.network.holds(from, to) {
            self.network.stopped_in_flight(from, to);
            return self.network.wait(parcel);
        } else if self.network.is_cut(from, to) {
            // A message in flight does not cross a partition that came after it was sent.
            self.network.stopped_in_flight(from, to);
            self.dropped(from, to, number, DropReason::CutAtDelivery);
        } else if let Some(message) = self.read(&mut parcel) {
            self.counters.delivered += 1;
            if self.network.overtaken(from, to, number) {
                self.mark("world.message_overtaken");
            }
            self.trace
                .event(self.now, Some(to), EventKind::Deliver, number, || {
                    format!("{from}: {message:?}")
                });
            self.trace.bytes(&parcel.bytes);
            if let Some(record) = &mut self.record {
                record.arrives(from, to, number, &message);
            }
            self.input(to, Input::Receive { from, message });
        }
        self.keep_spare(parcel.bytes);
    }

    /// What a parcel says when it arrives. `None` if a flipped bit shows, which is
    /// the same as a loss then, or if the run is broken by it.
    fn read(&mut self, parcel: &mut Parcel) -> Option<P::Message> {
        let Some(Flip { bit, unchecked }) = parcel.flipped else {
            return self.decode(parcel);
        };
        let place = (bit / 8) as usize;
        if let Some(byte) = Arc::make_mut(&mut parcel.bytes).get_mut(place) {
            *byte ^= 1 << (bit % 8);
        }
        let garbled = || postcard::from_bytes(&parcel.bytes);
        let message = match unchecked {
            true => guarded(garbled).ok().and_then(Result::ok),
            false => None,
        };
        match message {
            None => {
                let (from, to, number) = (parcel.from, parcel.to, parcel.number);
                self.dropped(from, to, number, DropReason::Corrupted);
            }
            Some(_) => self.mark("world.message_corrupted"),
        }
        message
    }

    /// What a parcel says. A message that its own system cannot read ends the run.
    pub(super) fn decode(&mut self, parcel: &Parcel) -> Option<P::Message> {
        let message = match guarded(|| postcard::from_bytes(&parcel.bytes)) {
            Ok(Ok(message)) => return Some(message),
            Ok(Err(error)) => format!("a message does not decode: {error}"),
            Err(message) => message,
        };
        let node = parcel.to;
        self.breaks(Broken::Panic { node, message });
        None
    }

    pub(super) fn dropped(&mut self, from: NodeId, to: NodeId, number: u64, reason: DropReason) {
        self.counters.dropped += 1;
        if let Some(mark) = reason.mark() {
            self.mark(mark);
        }
        let content = number << 8 | u64::from(from.0);
        self.trace
            .event(self.now, Some(to), EventKind::Drop, content, || {
                format!("from {from}: {}", reason.words())
            });
    }

    /// Gives an input to a process, now or when it can take it.
    pub(super) fn input(&mut self, id: NodeId, input: Input<P>) {
        let node = &mut self.nodes[id.position()];
        let paused = node.paused;
        let Some(running) = node.running() else {
            return;
        };
        if paused || running.is_blocked() {
            running.inbox.push(input);
        } else {
            self.step(id, input);
        }
    }

    /// Lets a process take what waited in its inbox, for as long as it can.
    pub(super) fn drain_inbox(&mut self, id: NodeId) {
        loop {
            let node = &mut self.nodes[id.position()];
            if node.paused || self.breakage.is_some() {
                return;
            }
            let Some(running) = node.running() else {
                return;
            };
            if running.is_blocked() {
                return;
            }
            if running.inbox.is_turn_of_deferred() {
                self.step_deferred(id);
                continue;
            }
            running.inbox.goes_before_deferred();
            if let Some(input) = running.inbox.pop_urgent() {
                self.step(id, input);
            } else if self.fire_overdue(id) {
                // New work waits for the timers too: a leader that is busy must
                // still send its heartbeats.
            } else if !self.step_deferred(id) {
                let running = self.nodes[id.position()].running();
                let put_off = running.map_or(0, |running| running.put_off);
                assert_eq!(put_off, 0, "batches-end: {id} was not flushed");
                return;
            }
        }
    }

    /// Takes the next deferred input, if there is one.
    fn step_deferred(&mut self, id: NodeId) -> bool {
        let node = &mut self.nodes[id.position()];
        let Some(input) = node.running().and_then(|it| it.inbox.pop_deferred()) else {
            return false;
        };
        self.step(id, input);
        true
    }

    /// What callers ask for may be worked off, however much it is; a loop is what takes steps
    /// that nobody asked for.
    fn steps_allowed(&self) -> u64 {
        let nodes = self.nodes.len() as u64;
        self.step_budget + STEPS_OF_CALL * nodes * self.counters.invoked
    }

    pub(super) fn step(&mut self, id: NodeId, input: Input<P>) {
        if self.breakage.is_some() {
            return;
        }
        self.counters.steps += 1;
        let budget = self.steps_allowed();
        if self.counters.steps > budget {
            self.breaks(Broken::OutOfSteps { budget });
            return;
        }
        if let Some(record) = &mut self.record {
            record.takes(id, &input);
        }
        let is_frozen = self.frozen.is_some();
        let mut effects = mem::take(&mut self.scratch);
        effects.choose_as(self.source_of_choices(id));
        let Some(running) = self.nodes[id.position()].running() else {
            return;
        };
        // With the last input of a batch comes what all of them put off.
        running.put_off += 1;
        let ends = is_frozen || running.inbox.is_empty() || running.put_off >= self.batch;
        let outcome = guarded(|| match ends {
            true => process::take(&mut running.process, input, &mut effects),
            false => running.process.step(input, &mut effects),
        });
        let batched = if ends {
            mem::take(&mut running.put_off)
        } else {
            0
        };
        if let Err(message) = outcome {
            self.breaks(Broken::Panic { node: id, message });
            return;
        }
        self.chose(id, effects.chosen());
        if let Some(record) = &mut self.record {
            record.worked_out(id, effects.as_slice().len(), effects.chosen());
        }
        if batched > 1 {
            self.mark("world.batch_flushed");
        }
        let cluster = Cluster(&self.nodes);
        if let Err(violation) = self.invariants.stepped(&cluster, id, effects.as_slice()) {
            self.violated(violation);
            return;
        }
        self.note_suspicion();
        self.execute(id, &mut effects.drain());
        effects.clear();
        self.scratch = effects;
        self.takes_its_time(id);
    }

    /// A slow process is busy for a while after a step.
    fn takes_its_time(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.position()];
        let pace = node.effective.pace.clone();
        if pace.end.is_zero() || self.frozen.is_some() {
            return;
        }
        let incarnation = node.incarnation;
        let Some(running) = node.running() else {
            return;
        };
        running.busy = true;
        let purpose = Purpose::Pace(id);
        let occurrence = u64::from(incarnation.0);
        let mut draw = self.streams.keyed(purpose, self.now.0, occurrence);
        let ready = self.now + draw.duration(pace);
        self.mark("world.step_slowed");
        self.took_effect(FaultFamily::SlowNodes);
        self.agenda.put(
            ready,
            Due::Ready {
                node: id,
                incarnation,
            },
        );
    }

    /// A slow process takes what came while it was busy.
    pub(super) fn ready(&mut self, id: NodeId, incarnation: Incarnation) {
        let node = &mut self.nodes[id.position()];
        if node.incarnation != incarnation {
            return;
        }
        let Some(running) = node.running() else {
            return;
        };
        running.busy = false;
        self.rearm_timers(id);
        self.drain_inbox(id);
    }

    pub(super) fn violated(&mut self, violation: Violation) {
        self.breaks(Broken::Safety(violation));
    }

    /// Executes effects in order, until they end, the disk stalls them, or the node goes down.
    pub(super) fn execute(&mut self, id: NodeId, effects: &mut dyn Iterator<Item = Effect<P>>) {
        while let Some(effect) = effects.next() {
            if self.breakage.is_some() {
                return;
            }
            if self.crash_is_due(id) {
                let next = matches!(effect, Effect::Persist(_)).then(|| effect.clone());
                self.wait(id, effect, effects);
                return self.crash_is_here(id, next.as_ref());
            }
            match self.execute_one(id, &effect) {
                Executed::Done => self.executed(id, &effect),
                Executed::Stalls => return self.wait(id, effect, effects),
                Executed::Failed(error) => {
                    self.wait(id, effect, effects);
                    return self.disk_failed(id, &error);
                }
                Executed::Broke => return,
            }
        }
        if self.breakage.is_some() {
            return;
        }
        self.onlooker.look(&self.nodes);
        let cluster = Cluster(&self.nodes);
        if let Err(violation) = self.invariants.settled(&cluster, id) {
            self.violated(violation);
        }
        self.note_suspicion();
        self.crash_is_here_at_last(id);
    }

    /// Tells the invariants that an effect was executed.
    fn executed(&mut self, id: NodeId, effect: &Effect<P>) {
        let cluster = Cluster(&self.nodes);
        if let Err(violation) = self.invariants.executed(&cluster, id, effect) {
            self.violated(violation);
        }
    }

    /// Keeps effects that cannot be executed now: they wait for the disk, or a
    /// crash is about to prevent them.
    fn wait(&mut self, id: NodeId, first: Effect<P>, rest: &mut dyn Iterator<Item = Effect<P>>) {
        if let Some(running) = self.nodes[id.position()].running() {
            running.stalled = Some(iter::once(first).chain(rest).collect());
        }
    }

    fn execute_one(&mut self, id: NodeId, effect: &Effect<P>) -> Executed {
        match effect {
            Effect::Persist(write) => return self.persist(id, write),
            Effect::Send { to, message } => {
                let nodes = self.nodes.len();
                if let Some(message) = process::wrong_receiver(id, *to, nodes) {
                    self.breaks(Broken::Panic { node: id, message });
                    return Executed::Broke;
                }
                self.send(id, *to, message);
            }
            Effect::SetTimer { timer, delay } => self.set_timer(id, *timer, *delay),
            Effect::CancelTimer(timer) => self.cancel_timer(id, *timer),
            Effect::Return {
                invocation,
                outcome,
            } => {
                self.counters.returned += 1;
                let content = Digest::of(&(invocation, outcome));
                self.trace
                    .event(self.now, Some(id), EventKind::Return, content, || {
                        format!("{invocation} {outcome:?}")
                    });
                let life = (id, self.incarnation(id));
                if self.take_call(*invocation) != Some(life) {
                    let expected = "at most one answer to a call, by the node it was made to";
                    let found = format!("{id} answers {invocation} as well");
                    self.violated(Violation::new("one-answer", [id], expected, found));
                    return Executed::Broke;
                }
                self.returns.push((*invocation, outcome.clone()));
            }
            Effect::Tell(outcome) => {
                self.trace.event(
                    self.now,
                    Some(id),
                    EventKind::Tell,
                    Digest::of(outcome),
                    || format!("{outcome:?}"),
                );
                self.tells.push((id, outcome.clone()));
            }
            Effect::Mark(mark) => {
                self.tally.count(mark);
                self.trace.event(
                    self.now,
                    Some(id),
                    EventKind::Mark,
                    Digest::of(mark),
                    || (*mark).to_owned(),
                );
            }
        }
        Executed::Done
    }

    /// Who was to answer a call, if nobody has yet.
    fn take_call(&mut self, invocation: InvocationId) -> Option<(NodeId, Incarnation)> {
        let oldest = self.next_invocation + 1 - self.outstanding.len() as u64;
        let place = invocation.0.checked_sub(oldest)? as usize;
        let asked = self.outstanding.get_mut(place)?.take();
        while let Some(None) = self.outstanding.front() {
            self.outstanding.pop_front();
        }
        asked
    }

    fn persist(&mut self, id: NodeId, write: &<P::Durable as Durable>::Write) -> Executed {
        self.counters.persisted += 1;
        let node = &mut self.nodes[id.position()];
        let Life::Up(running) = &mut node.life else {
            unreachable!("only a node that is up executes effects");
        };
        let slow = match self.frozen {
            None if node.effective.sync.end.is_zero() => Duration::ZERO,
            None => {
                let (written, life) = (node.disk.bytes_written(), u64::from(node.incarnation.0));
                let mut draw = self.streams.keyed(Purpose::Disk(id), written, life);
                draw.duration(node.effective.sync.clone())
            }
            Some(_) => Duration::ZERO,
        };
        let generation = running.storage.generation();
        let result = if slow.is_zero() {
            running.storage.persist(&mut node.disk, write)
        } else {
            running.storage.append(&mut node.disk, write)
        };
        let checkpointed = running.storage.generation() != generation;
        let content = node.disk.bytes_written();
        let incarnation = node.incarnation;
        if let Err(error) = result {
            return Executed::Failed(error);
        }
        self.trace
            .event(self.now, Some(id), EventKind::Disk, content, || {
                format!("persist {write:?}")
            });
        if checkpointed {
            self.mark("disk.checkpoint_written");
        }
        if slow.is_zero() {
            return Executed::Done;
        }
        self.mark("disk.slow_sync");
        if self.nodes[id.position()].effective.sync != self.base_sync {
            self.took_effect(FaultFamily::SlowDisks);
        }
        self.agenda.put(
            self.now + slow,
            Due::Synced {
                node: id,
                incarnation,
            },
        );
        Executed::Stalls
    }

    /// A slow sync is through.
    pub(super) fn synced(&mut self, id: NodeId, incarnation: Incarnation) {
        let node = &mut self.nodes[id.position()];
        if node.incarnation != incarnation {
            return;
        }
        let Life::Up(running) = &mut node.life else {
            return;
        };
        // The disk finishes its work even if the process stands still.
        if let Err(error) = running.storage.commit(&mut node.disk) {
            self.disk_failed(id, &error);
            return;
        }
        running.sync_done = true;
        let synced = running.stalled.as_mut().and_then(VecDeque::pop_front);
        let content = node.disk.bytes_written();
        self.trace
            .event(self.now, Some(id), EventKind::Disk, content, || {
                "synced".to_owned()
            });
        let synced = synced.expect("a write waits for its sync");
        self.executed(id, &synced);
        self.go_on_after_sync(id);
    }

    /// Executes what waited for a sync that is through, unless the process is paused.
    pub(super) fn go_on_after_sync(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.position()];
        if node.paused || self.breakage.is_some() {
            return;
        }
        let Some(running) = node.running() else {
            return;
        };
        if !mem::take(&mut running.sync_done) {
            return;
        }
        let Some(rest) = running.stalled.take() else {
            return;
        };
        self.execute(id, &mut rest.into_iter());
        self.rearm_timers(id);
        self.drain_inbox(id);
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: &P::Message) {
        let bytes = self.encode(message);
        self.next_parcel += 1;
        let number = self.next_parcel;
        if let Some(record) = &mut self.record {
            record.sends(from, to, number);
        }
        self.counters.sent += 1;
        self.counters.bytes_sent += bytes.len() as u64;
        let parcel = |bytes| Parcel::new(from, to, number, bytes);
        let fate = match self.frozen {
            None => self.network.fate(from, to, &bytes),
            Some(_) if self.network.is_cut(from, to) => Fate::Dropped(DropReason::CutAtSend),
            Some(_) => return self.hold(parcel(bytes)),
        };
        self.carry(parcel(bytes), fate);
    }

    /// Sends a parcel on its way, if it has one.
    pub(super) fn carry(&mut self, mut parcel: Parcel, fate: Fate) {
        let Parcel {
            from, to, number, ..
        } = parcel;
        match fate {
            Fate::Dropped(reason) => {
                self.dropped(from, to, number, reason);
                self.keep_spare(parcel.bytes);
            }
            Fate::Waits => self.network.wait(parcel),
            Fate::Arrives(passage) => {
                self.mark_passage(&passage);
                for again in &passage.copies {
                    self.counters.duplicated += 1;
                    self.travels(parcel.clone(), self.now + (*again).max(LEAST));
                }
                parcel.flipped = passage.flipped;
                self.travels(parcel, self.now + passage.after.max(LEAST));
            }
        }
    }

    fn mark_passage(&mut self, passage: &Passage) {
        if passage.slowed {
            self.mark("world.message_slowed");
        }
        if passage.held {
            self.mark("world.message_held");
        }
        if passage.repeated {
            self.mark("world.message_repeated");
        }
        if !passage.copies.is_empty() {
            self.mark("world.message_duplicated");
        }
    }

    fn encode(&mut self, message: &P::Message) -> Arc<Vec<u8>> {
        let mut shared = self.spare_bytes.0.pop().unwrap_or_default();
        let buffer = Arc::get_mut(&mut shared).expect("nobody shares what is spare");
        buffer.clear();
        *buffer = postcard::to_extend(message, mem::take(buffer))
            .expect("a message of plain data always encodes");
        shared
    }

    fn keep_spare(&mut self, mut bytes: Arc<Vec<u8>>) {
        // Enough for a burst; a rare huge message does not stay in memory.
        if self.spare_bytes.0.len() < 64
            && bytes.capacity() <= 4096
            && Arc::get_mut(&mut bytes).is_some()
        {
            self.spare_bytes.0.push(bytes);
        }
    }
}
