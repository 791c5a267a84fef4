//! Starting, crashing, pausing and failing: the life of a node.

use std::fmt::Display;
use std::mem;

use snowglobe_checkers::panics::guarded;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{self, Effect, Effects, NodeId, Process};

use super::disk::{
    CrashMode, Damage, DiskError, RecoveryError, RecoveryReport, Storage, site_of_damage,
};
use super::inbox::Inbox;
use super::node::{ArmedCrash, Incarnation, Life, Running};
use super::sockets::Errand;
use super::trace::EventKind;
use super::{Broken, Cluster, World};
use crate::draw::{Draw, Purpose};
use crate::faults::{Fault, FaultFamily};

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// The current life of a node.
    pub fn incarnation(&self, id: NodeId) -> Incarnation {
        self.nodes[id.position()].incarnation
    }

    /// The first boot of every node.
    pub(crate) fn start_all(&mut self) {
        for id in self.node_ids() {
            if let Err(error) = P::check(&self.configs[id.position()]) {
                panic!("configurations make sense: {id}, {error}");
            }
            self.boot(id);
        }
    }

    /// Starts a node that is down: its disk is read, and its process begins
    /// with what was found there. A node that is up stays as it is.
    pub fn start(&mut self, id: NodeId) {
        if self.process(id).is_some() || self.breakage.is_some() {
            return;
        }
        if self.boot(id) {
            self.sockets.ask(|| Errand::Restart(id));
            // What still goes on over the node holds for its new process, too.
            self.recompute(id);
        }
    }

    /// Whether the process came up.
    fn boot(&mut self, id: NodeId) -> bool {
        let node = &mut self.nodes[id.position()];
        let first = node.incarnation == Incarnation::default();
        node.incarnation.0 += 1;
        node.paused = false;
        let Some((storage, recovery)) = self.open_disk(id) else {
            return false;
        };
        self.tell_recovery(id, &recovery);
        let durable = storage.durable().clone();
        let mut effects = Effects::new();
        effects.choose_as(self.source_of_choices(id));
        if let Some(record) = self.record.as_mut().filter(|_| !first) {
            record.restarts(id, &durable);
        }
        let config = &self.configs[id.position()];
        let started = guarded(|| process::boot(id, config, durable, &mut effects));
        let process = match started {
            Ok(process) => process,
            Err(message) => {
                self.breaks(Broken::Panic { node: id, message });
                return false;
            }
        };
        self.chose(id, effects.chosen());
        if let Some(record) = self.record.as_mut().filter(|_| !first) {
            record.worked_out(id, effects.as_slice().len(), effects.chosen());
        }
        self.nodes[id.position()].life = Life::Up(Box::new(Running {
            process,
            storage,
            timers: Vec::new(),
            stalled: None,
            busy: false,
            sync_done: false,
            inbox: Inbox::default(),
            put_off: 0,
        }));
        self.began(id, first, effects);
        true
    }

    /// Reads the disk of a node that starts. `None` if it cannot start from it, now or ever.
    fn open_disk(&mut self, id: NodeId) -> Option<(Storage<P::Durable>, RecoveryReport)> {
        let checkpoint_bytes = self.checkpoint_bytes;
        let mut draw = self.crash_draw(id);
        let node = &mut self.nodes[id.position()];
        let armed = node.armed_crashes.iter().position(|armed| !armed.exact);
        let interrupted = armed.map(|place| node.armed_crashes.remove(place));
        if interrupted.is_some() {
            // Armed while the node was down: the power goes again while the
            // disk is being repaired, if it needs repair.
            let operations = node.disk.operations() + draw.below(12);
            node.disk.cut_power_at(operations);
        }
        match Storage::<P::Durable>::open(&mut node.disk, checkpoint_bytes) {
            Ok(opened) => {
                // Of a recovery that needed no write there was nothing to interrupt. The crash
                // of an incident that is not over may strike this life of the node.
                node.disk.keep_power();
                let waits = interrupted.filter(|armed| armed.incident.is_some());
                node.armed_crashes.extend(waits);
                // Whatever was damaged is there no more, or it would have been noticed.
                node.damage = None;
                Some(opened)
            }
            Err(RecoveryError::Disk(error)) => {
                self.cannot_start_yet(id, interrupted, &error);
                None
            }
            Err(error) => {
                self.nodes[id.position()].disk.keep_power();
                self.refuse(id, &error);
                None
            }
        }
    }

    /// Nothing is damaged: the node may start when the disk is well again.
    fn cannot_start_yet(&mut self, id: NodeId, interrupted: Option<ArmedCrash>, error: &DiskError) {
        match interrupted {
            Some(armed) if *error == DiskError::Crashed => {
                self.keep_down(id, armed.incident);
                let mut draw = self.crash_draw(id);
                self.loses_power(id, armed.mode, &mut draw);
                self.mark("disk.crash_in_recovery");
                self.took_effect(FaultFamily::MidStepCrashes);
            }
            _ => {
                self.nodes[id.position()].disk.keep_power();
                self.stopped_by_disk(id);
            }
        }
        if matches!(error, DiskError::Io { operation, .. } if *operation == "read") {
            self.mark("disk.read_error");
            self.took_effect(FaultFamily::DiskErrors);
        }
        let text = format!("cannot start yet: {error}");
        let content = Digest::of(&text);
        self.trace
            .event(self.now, Some(id), EventKind::Disk, content, || text);
    }

    fn began(&mut self, id: NodeId, first: bool, mut effects: Effects<P>) {
        let life = self.nodes[id.position()].incarnation.0;
        self.trace.event(
            self.now,
            Some(id),
            EventKind::Start,
            u64::from(life),
            || {
                if first {
                    "starts".to_owned()
                } else {
                    format!("restarts, life {life}")
                }
            },
        );
        let cluster = Cluster(&self.nodes);
        if let Err(violation) = self.invariants.started(&cluster, id) {
            self.violated(violation);
            return;
        }
        self.execute(id, &mut effects.drain());
    }

    fn tell_recovery(&mut self, id: NodeId, recovery: &RecoveryReport) {
        if recovery.torn_bytes > 0 {
            self.mark("disk.torn_tail_repaired");
        }
        let content = Digest::of(&(recovery.records, recovery.torn_bytes));
        self.trace
            .event(self.now, Some(id), EventKind::Disk, content, || {
                recovery.to_string()
            });
    }

    fn refuse(&mut self, id: NodeId, error: &dyn Display) {
        let why = error.to_string();
        self.trace.event(
            self.now,
            Some(id),
            EventKind::Disk,
            Digest::of(&why),
            || format!("refuses to start: {why}"),
        );
        let node = &mut self.nodes[id.position()];
        let last = node.durable().clone();
        let damage = node.damage;
        node.life = Life::Refused {
            last,
            why: why.clone(),
        };
        match damage {
            Some(damage) => {
                self.mark(damage.detected());
                self.took_effect(FaultFamily::Damage);
            }
            None => {
                // Nobody damaged this disk: then its own writer did.
                let expected = format!("{id} to start from a disk that nothing damaged");
                self.violated(Violation::new("sound-disk-starts", [id], expected, why));
            }
        }
    }

    /// Takes a node down at once; its disk keeps what was synced, and of the rest what `mode` says.
    /// One that is down already has its disk struck.
    pub fn crash(&mut self, id: NodeId, mode: CrashMode) {
        let node = &mut self.nodes[id.position()];
        if !matches!(node.life, Life::Up(_)) {
            // Its process is gone already; its machine may lose its power yet.
            let mut draw = self.crash_draw(id);
            return self.loses_power(id, mode, &mut draw);
        }
        if mode == CrashMode::Leave && node.disk.unsynced() > 0 {
            self.mark("disk.unsynced_outlives_process");
        }
        if self.network.is_parted(id) {
            self.mark("world.crash_while_parted");
        }
        self.mark("world.node_crashed");
        let mut draw = self.crash_draw(id);
        self.loses_power(id, mode, &mut draw);
        self.counters.crashes += 1;
        self.goes_down(id, &format!("crashes, {mode}"));
    }

    /// What a crash does to the disk of a node.
    fn loses_power(&mut self, id: NodeId, mode: CrashMode, draw: &mut Draw) {
        let disk = &mut self.nodes[id.position()].disk;
        let loss = disk.crash(mode, draw);
        if loss.bytes_lost > 0 || loss.entries_undone > 0 {
            self.mark("disk.crash_lost_a_write");
        }
        if loss.bytes_garbled > 0 {
            self.mark("disk.crash_tore_a_write");
        }
        if loss.bytes_dropped > 0 {
            self.mark("disk.dropped_bytes_gone");
        }
    }

    /// The dice for what a crash, or damage, does to a disk now.
    pub(super) fn crash_draw(&self, id: NodeId) -> Draw {
        let operations = self.nodes[id.position()].disk.operations();
        let purpose = Purpose::Crash(id);
        self.streams.keyed(purpose, self.now.0, operations)
    }

    /// The disk refused a write: the process stops, as one must that cannot
    /// know any more what its disk holds.
    pub(super) fn disk_failed(&mut self, id: NodeId, error: &DiskError) {
        self.took_effect(FaultFamily::DiskErrors);
        match error {
            DiskError::Full { .. } => self.mark("disk.full"),
            DiskError::Io { .. } => self.mark("disk.io_error"),
            DiskError::Crashed | DiskError::BadSector { .. } => {}
        }
        // Its machine goes on, unless whoever looks after it starts that anew as well.
        if self.nodes[id.position()].disk.has_dropped() {
            self.mark("disk.sync_dropped");
        }
        let mut draw = self.crash_draw(id);
        let mode = *draw.pick(&[CrashMode::Leave, CrashMode::Tear]);
        self.loses_power(id, mode, &mut draw);
        self.stopped_by_disk(id);
        self.counters.crashes += 1;
        self.goes_down(id, &format!("stops: {error}"));
    }

    fn goes_down(&mut self, id: NodeId, text: &str) {
        let node = &mut self.nodes[id.position()];
        let down = Life::Down(P::Durable::default());
        let mut prevented = Vec::new();
        if let Life::Up(running) = mem::replace(&mut node.life, down) {
            // The fold holds what was synced; whether an unsynced record
            // survived shows when the disk is read.
            let durable = running.storage.into_durable();
            if let Some(record) = &mut self.record {
                record.goes_down(id, &durable, running.stalled.as_ref());
            }
            node.life = Life::Down(durable);
            prevented.extend(running.stalled.into_iter().flatten());
        }
        node.paused = false;
        // Those of other incidents that are under way may strike its next life.
        node.armed_crashes.retain(|armed| armed.incident.is_some());
        let life = node.incarnation.0;
        self.onlooker.look(&self.nodes);
        self.invariants
            .crashed(&Cluster(&self.nodes), id, &prevented);
        for call in &mut self.outstanding {
            call.take_if(|(asked, _)| *asked == id);
        }
        self.trace
            .event(self.now, Some(id), EventKind::Stop, u64::from(life), || {
                text.to_owned()
            });
        self.sockets.ask(|| Errand::Kill(id));
    }

    /// Stops a node without its noticing; timers and messages wait.
    pub fn pause(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.position()];
        if node.process().is_some() && !node.paused {
            node.paused = true;
            self.mark("world.node_paused");
            self.took_effect(FaultFamily::Pauses);
        }
    }

    /// Lets a paused node go on; what waited is taken at once.
    pub fn resume(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.position()];
        if mem::take(&mut node.paused) {
            self.mix_backlog(id);
            self.go_on_after_sync(id);
            self.rearm_timers(id);
            self.drain_inbox(id);
        }
    }

    /// What waited for a paused process is not always taken in the order in which it
    /// came, and its overdue timers may fire before any of it.
    fn mix_backlog(&mut self, id: NodeId) {
        let mut draw = self.backlog_draw(id, 0);
        let way = *draw.weighted(&[(2, 0), (1, 1), (1, 2)]);
        let Some(running) = self.nodes[id.position()].running() else {
            return;
        };
        if way == 1 && running.inbox.has_several_urgent() {
            running.inbox.shuffle_urgent(&mut draw);
            self.mark("world.backlog_out_of_order");
        } else if way == 2 {
            let waits = running.inbox.has_urgent();
            while self.fire_overdue(id) {
                if waits {
                    self.mark("world.timers_before_backlog");
                }
            }
        }
    }

    /// Whether the moment of an armed crash has come.
    pub(super) fn crash_is_due(&mut self, id: NodeId) -> bool {
        let armed = &mut self.nodes[id.position()].armed_crashes;
        if armed.iter().any(|armed| armed.effects == 0) {
            return true;
        }
        armed.iter_mut().for_each(|armed| armed.effects -= 1);
        false
    }

    /// Takes the armed crash whose moment has come.
    fn take_due_crash(&mut self, id: NodeId, exact: bool) -> Option<ArmedCrash> {
        let armed = &mut self.nodes[id.position()].armed_crashes;
        let is_due = |armed: &ArmedCrash| armed.effects == 0 && (armed.exact || !exact);
        let place = armed.iter().position(is_due)?;
        Some(armed.remove(place))
    }

    /// Executes an armed crash. One that falls on a write strikes inside it:
    /// the record is appended and not yet synced.
    pub(super) fn crash_is_here(&mut self, id: NodeId, next: Option<&Effect<P>>) {
        let Some(armed) = self.take_due_crash(id, false) else {
            return;
        };
        let mut draw = self.crash_draw(id);
        let node = &mut self.nodes[id.position()];
        if !armed.exact
            && let (Some(Effect::Persist(write)), Life::Up(running)) = (next, &mut node.life)
        {
            // A write is two operations, and nine with a checkpoint.
            let operations = node.disk.operations() + draw.below(9);
            node.disk.cut_power_at(operations);
            if running.storage.persist(&mut node.disk, write) == Err(DiskError::Crashed) {
                self.mark("disk.crash_inside_a_write");
            }
        }
        self.mark("world.crash_between_effects");
        self.took_effect(FaultFamily::MidStepCrashes);
        if !armed.exact {
            self.keep_down(id, armed.incident);
        }
        self.crash(id, armed.mode);
    }

    /// Executes an exact crash that was to come after the last effect of a step.
    pub(super) fn crash_is_here_at_last(&mut self, id: NodeId) {
        if self.breakage.is_some() {
            return;
        }
        if let Some(armed) = self.take_due_crash(id, true) {
            self.crash(id, armed.mode);
        }
    }

    /// The disk stopped a process, or keeps it from starting. It starts again when the
    /// incident over its disk is over, and without one only when it is restarted.
    fn stopped_by_disk(&mut self, id: NodeId) {
        let is_over = |place: &usize| {
            let fault = &self.incidents[*place].fault;
            matches!(fault, Fault::Disk { nodes, .. } if nodes.contains(id))
        };
        let will_end = self.active.iter().any(is_over);
        let node = &mut self.nodes[id.position()];
        match will_end {
            true => node.stopped_by_disk = true,
            false => node.kept_down = true,
        }
    }

    /// Damages what was synced, where a recovery is sure to notice.
    pub(super) fn damage(&mut self, id: NodeId, damage: Damage) {
        let mut draw = self.crash_draw(id);
        let node = &mut self.nodes[id.position()];
        let Some(site) = site_of_damage(&node.disk, &mut draw) else {
            return;
        };
        if node.disk.damage(damage, &site) {
            node.damage = Some(damage);
        }
        self.trace.event(
            self.now,
            Some(id),
            EventKind::Disk,
            Digest::of(&site),
            || {
                format!(
                    "{}: bit {} of byte {} of {}",
                    damage.word(),
                    site.bit,
                    site.offset,
                    site.file
                )
            },
        );
    }
}
