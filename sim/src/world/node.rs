//! One simulated machine: a process, its disk, its timers, its clock.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::process::{Effect, NodeId, Process};

use super::disk::{CrashMode, SimulatedDisk, Storage};
use super::inbox::Inbox;
use crate::draw::{Draw, PerMillion, Purpose, Streams};
use crate::time::SimTime;

/// Counts the lives of a node. What belongs to an earlier life is ignored:
/// madsim may run the last of an old task after the new one has started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u32);

/// A timer of a process, by its place in the node's table.
#[derive(Debug)]
pub(super) struct TimerSlot<T> {
    pub(super) timer: T,
    /// When it fires; `None` while it is not armed.
    pub(super) deadline: Option<SimTime>,
    /// When the agenda will next look at it, never later than the deadline of
    /// an armed timer. Setting a timer anew mostly moves it back, and then the
    /// entry that is already in the agenda serves.
    pub(super) queued: Option<SimTime>,
}

/// A process that is up, with all that dies with it.
#[derive(Debug)]
pub(super) struct Running<P: Process> {
    pub(super) process: P,
    pub(super) storage: Storage<P::Durable>,
    pub(super) timers: Vec<TimerSlot<P::Timer>>,
    /// The effects that were not executed yet, in order: the write that the disk
    /// is at, unless its sync is through, and all behind it. `None` when nothing waits.
    pub(super) stalled: Option<VecDeque<Effect<P>>>,
    /// The sync that they wait for is through, and the process is paused.
    pub(super) sync_done: bool,
    /// What arrived while the process could not take it.
    pub(super) inbox: Inbox<P>,
}

/// Whether a process is up.
#[derive(Debug)]
pub(super) enum Life<P: Process> {
    /// It takes inputs, unless paused.
    Up(Box<Running<P>>),
    /// It is down; the disk keeps this.
    Down(P::Durable),
    /// Its disk is damaged and it refuses to start.
    Refused {
        /// What the disk held before it was damaged.
        last: P::Durable,
        /// What the recovery said.
        why: String,
    },
}

/// A crash that waits for the right moment inside a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArmedCrash {
    /// How many more effects are executed before it.
    pub(super) effects: u32,
    pub(super) mode: CrashMode,
    /// It strikes exactly between two effects of one step, or after the last,
    /// and never inside a write.
    pub(super) exact: bool,
}

/// A machine. It outlives its processes.
pub(super) struct Node<P: Process> {
    pub(super) id: NodeId,
    pub(super) life: Life<P>,
    pub(super) incarnation: Incarnation,
    pub(super) paused: bool,
    pub(super) disk: SimulatedDisk,
    /// How long a sync takes.
    pub(super) sync: Range<Duration>,
    /// What the node's clock shows of each second of the world: above a
    /// million, its timers fire early. Never zero.
    pub(super) clock: PerMillion,
    pub(super) armed_crash: Option<ArmedCrash>,
    /// Rot struck this disk. Only then may a recovery find it damaged.
    pub(super) rotted: bool,
    pub(super) timer_draw: Draw,
    pub(super) disk_draw: Draw,
    pub(super) crash_draw: Draw,
}

impl<P: Process> Node<P> {
    pub(super) fn new(id: NodeId, sync: Range<Duration>, streams: &Streams) -> Self {
        Self {
            id,
            life: Life::Down(P::Durable::default()),
            incarnation: Incarnation::default(),
            paused: false,
            disk: SimulatedDisk::default(),
            sync,
            clock: PerMillion::ALWAYS,
            armed_crash: None,
            rotted: false,
            timer_draw: streams.open(Purpose::Timer(id)),
            disk_draw: streams.open(Purpose::Disk(id)),
            crash_draw: streams.open(Purpose::Crash(id)),
        }
    }

    /// The process, if it is up.
    pub(super) fn process(&self) -> Option<&P> {
        match &self.life {
            Life::Up(running) => Some(&running.process),
            Life::Down(_) | Life::Refused { .. } => None,
        }
    }

    /// What the disk would give back after a crash now.
    pub(super) fn durable(&self) -> &P::Durable {
        match &self.life {
            Life::Up(running) => running.storage.durable(),
            Life::Down(durable) | Life::Refused { last: durable, .. } => durable,
        }
    }

    pub(super) fn running(&mut self) -> Option<&mut Running<P>> {
        match &mut self.life {
            Life::Up(running) => Some(running),
            Life::Down(_) | Life::Refused { .. } => None,
        }
    }

    /// How long a delay of the node's own clock takes in the world's time.
    pub(super) fn by_its_clock(&self, delay: Duration) -> Duration {
        let nanos =
            u128::from(delay.as_nanos() as u64) * 1_000_000 / u128::from(self.clock.0.max(1));
        Duration::from_nanos(nanos as u64)
    }
}

impl<P: Process> fmt::Debug for Node<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.id)
            .field("life", &self.life)
            .field("incarnation", &self.incarnation)
            .field("paused", &self.paused)
            .finish_non_exhaustive()
    }
}
