//! What is counted in a run, and the marks that the world itself reaches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What was counted in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Inputs that processes took.
    pub steps: u64,
    /// Messages that processes sent.
    pub sent: u64,
    /// Copies of messages that the network made.
    pub duplicated: u64,
    /// Messages that reached a process.
    pub delivered: u64,
    /// Messages that never did.
    pub dropped: u64,
    /// Encoded bytes of the messages that were sent.
    pub bytes_sent: u64,
    /// Client calls.
    pub invoked: u64,
    /// Client calls that were answered.
    pub returned: u64,
    /// Processes that went down by a fault.
    pub crashes: u64,
    /// Records written to disks.
    pub persisted: u64,
}

impl Counters {
    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.sent += other.sent;
        self.duplicated += other.duplicated;
        self.delivered += other.delivered;
        self.dropped += other.dropped;
        self.bytes_sent += other.bytes_sent;
        self.invoked += other.invoked;
        self.returned += other.returned;
        self.crashes += other.crashes;
        self.persisted += other.persisted;
    }
}

/// The marks that the world itself reaches.
pub const MARKS: &[&str] = &[
    "disk.bad_sector_detected",
    "disk.checkpoint_written",
    "disk.crash_in_recovery",
    "disk.crash_inside_a_write",
    "disk.crash_lost_a_write",
    "disk.crash_tore_a_write",
    "disk.dropped_bytes_gone",
    "disk.full",
    "disk.io_error",
    "disk.lost_write_detected",
    "disk.misdirected_write_detected",
    "disk.read_error",
    "disk.rot_detected",
    "disk.slow_sync",
    "disk.sync_dropped",
    "disk.torn_tail_repaired",
    "disk.unsynced_outlives_process",
    "world.backlog_out_of_order",
    "world.batch_flushed",
    "world.clock_jumped",
    "world.clock_off",
    "world.crash_between_effects",
    "world.crash_while_parted",
    "world.large_message_lost",
    "world.machines_down_together",
    "world.message_corrupted",
    "world.message_cut_off",
    "world.message_cut_on_the_way",
    "world.message_duplicated",
    "world.message_held",
    "world.message_lost",
    "world.message_overtaken",
    "world.message_repeated",
    "world.message_slowed",
    "world.message_waited_for_heal",
    "world.node_crashed",
    "world.node_paused",
    "world.step_slowed",
    "world.timers_before_backlog",
    "world.timers_out_of_order",
];

/// How often each mark was reached.
pub type Marks = BTreeMap<&'static str, u64>;
