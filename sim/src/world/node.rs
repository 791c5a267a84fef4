//! One simulated machine: a process, its disk, its timers, its clock.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::process::{Effect, NodeId, Process};

use super::disk::{CrashMode, Damage, SimulatedDisk, Storage};
use super::inbox::Inbox;
use crate::draw::PerMillion;
use crate::faults::{DiskFault, Fault};
use crate::time::SimTime;

/// Counts the lives of a node. What belongs to an earlier life is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u32);

/// A timer of a process, by its place in the node's table.
#[derive(Clone, Debug)]
pub(super) struct TimerSlot<T> {
    pub(super) timer: T,
    /// When it fires; `None` while it is not armed.
    pub(super) deadline: Option<SimTime>,
    /// How often it was set in this life.
    pub(super) set: u32,
    /// When the agenda will next look at it, never later than the deadline of
    /// an armed timer. Setting a timer anew mostly moves it back, and then the
    /// entry that is already in the agenda serves.
    pub(super) queued: Option<SimTime>,
}

/// A process that is up, with all that dies with it.
#[derive(Clone, Debug)]
pub(super) struct Running<P: Process> {
    pub(super) process: P,
    pub(super) storage: Storage<P::Durable>,
    pub(super) timers: Vec<TimerSlot<P::Timer>>,
    /// The effects that were not executed yet, in order: the write that the disk
    /// is at, unless its sync is through, and all behind it. `None` when nothing waits.
    pub(super) stalled: Option<VecDeque<Effect<P>>>,
    /// It needs some more time for its last step.
    pub(super) busy: bool,
    /// The sync that they wait for is through, and the process is paused.
    pub(super) sync_done: bool,
    /// What arrived while the process could not take it.
    pub(super) inbox: Inbox<P>,
    /// How many steps the process took since it was flushed. Not zero only while more waits in
    /// the inbox.
    pub(super) put_off: u64,
}

/// Whether a process is up.
#[derive(Clone, Debug)]
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

/// What a node suffers, all incidents over it together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// How long a sync takes.
    pub(super) sync: Range<Duration>,
    /// What the node's clock shows of each second of the world: above a
    /// million, its timers fire early. Never zero.
    pub(super) clock: PerMillion,
    /// How long a process needs after each step before it takes the next.
    pub(super) pace: Range<Duration>,
    /// The process takes no inputs.
    pub(super) paused: bool,
    /// The disk takes no more bytes.
    pub(super) full: bool,
    /// Every write and every sync fails.
    pub(super) failing: bool,
    /// The next sync fails and gives up what it should have made durable.
    pub(super) drops: bool,
    /// Nothing can be read from the disk.
    pub(super) unreadable: bool,
}

impl Condition {
    /// Nothing is wrong.
    pub(super) fn well(sync: Range<Duration>) -> Self {
        Self {
            sync,
            clock: PerMillion::ALWAYS,
            pace: Duration::ZERO..Duration::ZERO,
            paused: false,
            full: false,
            failing: false,
            drops: false,
            unreadable: false,
        }
    }

    /// Takes a fault in as a layer: times add up, rates multiply.
    pub(super) fn add(&mut self, fault: &Fault) {
        let longer = |time: &mut Range<Duration>, by: &Range<Duration>| {
            *time = time.start + by.start..time.end + by.end;
        };
        match fault {
            Fault::Pause(_) => self.paused = true,
            Fault::Slow { by, .. } => longer(&mut self.pace, by),
            Fault::Clock { rate, .. } => {
                let both = u64::from(self.clock.0) * u64::from(rate.0) / 1_000_000;
                self.clock = PerMillion(u32::try_from(both).unwrap_or(u32::MAX).max(1));
            }
            Fault::Disk { fault, .. } => match fault {
                DiskFault::SyncsIn(by) => longer(&mut self.sync, by),
                DiskFault::Fails => self.failing = true,
                DiskFault::DropsSync => self.drops = true,
                DiskFault::Full => self.full = true,
                DiskFault::Unreadable => self.unreadable = true,
                DiskFault::Damaged(_) | DiskFault::Heals => {}
            },
            _ => {}
        }
    }
}

/// A crash that waits for the right moment inside a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArmedCrash {
    /// The incident that it is of, by its place in the schedule, if that has an end.
    pub(super) incident: Option<usize>,
    /// How many more effects are executed before it.
    pub(super) effects: u32,
    pub(super) mode: CrashMode,
    /// It strikes exactly between two effects of one step, or after the last,
    /// and never inside a write.
    pub(super) exact: bool,
}

/// A machine. It outlives its processes.
#[derive(Clone)]
pub(super) struct Node<P: Process> {
    pub(super) id: NodeId,
    pub(super) life: Life<P>,
    pub(super) incarnation: Incarnation,
    pub(super) paused: bool,
    pub(super) disk: SimulatedDisk,
    /// What words without an end have told.
    pub(super) baseline: Condition,
    /// All layers together.
    pub(super) effective: Condition,
    /// The incidents that have taken the process down and are not over.
    pub(super) held_down: BTreeSet<usize>,
    /// It was taken down without an end: only `restart` brings it up again.
    pub(super) kept_down: bool,
    /// Its disk stopped it, or kept it from starting, in an incident that is not over.
    pub(super) stopped_by_disk: bool,
    /// No incident that has an end is over it any more.
    pub(super) healed: bool,
    /// Crashes that wait for their moment, one for each incident.
    pub(super) armed_crashes: Vec<ArmedCrash>,
    /// How many of its steps, in all its lives, chose anything.
    pub(super) steps_that_chose: u64,
    /// What the schedule did to this disk for good. Only then may a recovery find it damaged.
    pub(super) damage: Option<Damage>,
}

impl<P: Process> Running<P> {
    /// Whether it takes no input now, although it is not paused.
    pub(super) fn is_blocked(&self) -> bool {
        self.stalled.is_some() || self.busy
    }
}

impl<P: Process> Node<P> {
    pub(super) fn new(id: NodeId, sync: Range<Duration>) -> Self {
        Self {
            id,
            life: Life::Down(P::Durable::default()),
            incarnation: Incarnation::default(),
            paused: false,
            disk: SimulatedDisk::default(),
            baseline: Condition::well(sync.clone()),
            effective: Condition::well(sync),
            held_down: BTreeSet::new(),
            kept_down: false,
            healed: false,
            armed_crashes: Vec::new(),
            stopped_by_disk: false,
            steps_that_chose: 0,
            damage: None,
        }
    }

    /// Whether its process would be up if nothing but incidents that are over had struck.
    pub(super) fn may_start(&self) -> bool {
        self.held_down.is_empty() && !self.kept_down && matches!(self.life, Life::Down(_))
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
        let nanos = u128::from(delay.as_nanos() as u64) * 1_000_000
            / u128::from(self.effective.clock.0.max(1));
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
