//! Starting, crashing, pausing and failing: the life of a node.

use std::fmt::Display;
use std::mem;

use snowglobe_checkers::panics::guarded;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{Effect, Effects, NodeId, Process};

use super::disk::{
    CrashMode, DiskError, RecoveryError, RecoveryReport, Storage, site_that_may_rot,
};
use super::inbox::Inbox;
use super::node::{ArmedCrash, Incarnation, Life, Running};
use super::trace::EventKind;
use super::{Broken, Cluster, Order, World};

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// The current life of a node.
    pub(crate) fn incarnation(&self, id: NodeId) -> Incarnation {
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
            self.order(Order::Restart(id));
        }
    }

    /// Whether the process came up.
    fn boot(&mut self, id: NodeId) -> bool {
        let checkpoint_bytes = self.checkpoint_bytes;
        let node = &mut self.nodes[id.position()];
        let first = node.incarnation == Incarnation::default();
        let mut interrupted = None;
        node.incarnation.0 += 1;
        node.paused = false;
        if let Some(armed) = node.armed_crash.take_if(|armed| !armed.exact) {
            // Armed while the node was down: the power goes again while the
            // disk is being repaired, if it needs repair.
            let operations = node.disk.operations() + node.crash_draw.below(3);
            node.disk.cut_power_at(operations);
            interrupted = Some(armed.mode);
        }
        let (storage, recovery) =
            match Storage::<P::Durable>::open(&mut node.disk, checkpoint_bytes) {
                Ok(opened) => opened,
                Err(RecoveryError::Disk(error)) => {
                    if let Some(mode) = interrupted {
                        node.disk.crash(mode, &mut node.crash_draw);
                        self.mark("disk.crash_in_recovery");
                    }
                    // Nothing is damaged: it may start when the disk is well again.
                    let text = format!("cannot start yet: {error}");
                    self.trace.event(
                        self.now,
                        Some(id),
                        EventKind::Disk,
                        Digest::of(&text),
                        || text,
                    );
                    return false;
                }
                Err(error) => {
                    self.refuse(id, &error);
                    return false;
                }
            };
        if interrupted.is_some() {
            // The recovery needed no write, so there was nothing to interrupt.
            self.nodes[id.position()].disk.keep_power();
        }
        self.tell_recovery(id, &recovery);
        let durable = storage.durable().clone();
        let mut effects = Effects::new();
        let config = &self.configs[id.position()];
        let started = guarded(|| P::start(id, config, durable, &mut effects));
        let process = match started {
            Ok(process) => process,
            Err(message) => {
                self.breaks(Broken::Panic { node: id, message });
                return false;
            }
        };
        self.nodes[id.position()].life = Life::Up(Box::new(Running {
            process,
            storage,
            timers: Vec::new(),
            stalled: None,
            sync_done: false,
            inbox: Inbox::default(),
        }));
        self.began(id, first, effects);
        true
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
        let rotted = node.rotted;
        node.life = Life::Refused {
            last,
            why: why.clone(),
        };
        if rotted {
            self.mark("disk.rot_detected");
        } else {
            // Nobody damaged this disk: then its own writer did.
            let expected = format!("{id} to start from a disk that nothing damaged");
            self.violated(Violation::new("sound-disk-starts", [id], expected, why));
        }
    }

    /// Takes a node down at once; its disk keeps what was synced, and of the rest what `mode` says.
    /// One that is down already has its disk struck.
    pub fn crash(&mut self, id: NodeId, mode: CrashMode) {
        let node = &mut self.nodes[id.position()];
        if !matches!(node.life, Life::Up(_)) {
            // Its process is gone already; its machine may lose its power yet.
            node.disk.crash(mode, &mut node.crash_draw);
            return;
        }
        if mode == CrashMode::Leave && node.disk.unsynced() > 0 {
            self.mark("disk.unsynced_outlives_process");
        }
        let node = &mut self.nodes[id.position()];
        node.disk.crash(mode, &mut node.crash_draw);
        self.counters.crashes += 1;
        self.goes_down(id, &format!("crashes, {mode}"));
    }

    /// The disk refused a write: the process stops, as one must that cannot
    /// know any more what its disk holds.
    pub(super) fn disk_failed(&mut self, id: NodeId, error: &DiskError) {
        let node = &mut self.nodes[id.position()];
        node.disk.crash(CrashMode::Tear, &mut node.crash_draw);
        match error {
            DiskError::Full { .. } => self.mark("disk.full"),
            DiskError::Io { .. } => self.mark("disk.io_error"),
            DiskError::Crashed => {}
        }
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
            node.life = Life::Down(running.storage.into_durable());
            prevented.extend(running.stalled.into_iter().flatten());
        }
        node.paused = false;
        node.armed_crash = None;
        let life = node.incarnation.0;
        self.invariants
            .crashed(&Cluster(&self.nodes), id, &prevented);
        for call in &mut self.outstanding {
            call.take_if(|(asked, _)| *asked == id);
        }
        self.trace
            .event(self.now, Some(id), EventKind::Stop, u64::from(life), || {
                text.to_owned()
            });
        self.order(Order::Kill(id));
    }

    /// Stops a node without its noticing; timers and messages wait.
    pub fn pause(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.position()];
        if node.process().is_some() && !node.paused {
            node.paused = true;
            self.mark("world.node_paused");
            self.order(Order::Pause(id));
        }
    }

    /// Lets a paused node go on; what waited is taken at once.
    pub fn resume(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.position()];
        if mem::take(&mut node.paused) {
            self.order(Order::Resume(id));
            self.go_on_after_sync(id);
            self.rearm_timers(id);
            self.drain_inbox(id);
        }
    }

    /// Whether the moment of an armed crash has come.
    pub(super) fn crash_is_due(&mut self, id: NodeId) -> bool {
        match &mut self.nodes[id.position()].armed_crash {
            None => false,
            Some(ArmedCrash { effects: 0, .. }) => true,
            Some(armed) => {
                armed.effects -= 1;
                false
            }
        }
    }

    /// Executes an armed crash. One that falls on a write strikes inside it:
    /// the record is appended and not yet synced.
    pub(super) fn crash_is_here(&mut self, id: NodeId, next: Option<&Effect<P>>) {
        let node = &mut self.nodes[id.position()];
        let Some(ArmedCrash { mode, exact, .. }) = node.armed_crash else {
            return;
        };
        if !exact && let (Some(Effect::Persist(write)), Life::Up(running)) = (next, &mut node.life)
        {
            // A write is two operations, and nine with a checkpoint.
            let operations = node.disk.operations() + node.crash_draw.below(9);
            node.disk.cut_power_at(operations);
            if running.storage.persist(&mut node.disk, write) == Err(DiskError::Crashed) {
                self.mark("disk.crash_inside_a_write");
            }
        }
        self.mark("world.crash_between_effects");
        self.crash(id, mode);
    }

    /// Executes an exact crash that was to come after the last effect of a step.
    pub(super) fn crash_is_here_at_last(&mut self, id: NodeId) {
        let armed = self.nodes[id.position()].armed_crash;
        if let Some(armed) = armed
            && self.breakage.is_none()
            && armed.exact
            && armed.effects == 0
        {
            self.crash(id, armed.mode);
        }
    }

    /// Flips a bit that was synced, where a recovery is sure to find it.
    pub(super) fn rot(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.position()];
        let Some(site) = site_that_may_rot(&node.disk, &mut node.crash_draw) else {
            return;
        };
        node.rotted |= node.disk.rot(&site);
        self.trace.event(
            self.now,
            Some(id),
            EventKind::Disk,
            Digest::of(&site),
            || {
                format!(
                    "rots: bit {} of byte {} of {}",
                    site.bit, site.offset, site.file
                )
            },
        );
    }
}
