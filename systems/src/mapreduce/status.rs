//! How a job stands (4.8).

use alloc::vec::Vec;
use core::fmt;

use super::{Attempt, Counters, TaskName, Worker};

/// How a job stands, as the coordinator sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status {
    /// How many maps are idle, running, and done.
    pub maps: (usize, usize, usize),
    /// How many reduces are idle, running, and done.
    pub reduces: (usize, usize, usize),
    /// How many workers are taken for alive.
    pub alive: usize,
    /// How many are taken for dead.
    pub dead: usize,
    /// How many bytes the maps that are done left on the disks of their workers.
    pub bytes_mapped: u64,
    /// What each worker is at.
    pub at_work: Vec<(Worker, TaskName, Attempt)>,
    /// The records that are left out, since they crashed the code twice.
    pub skipped: Vec<(TaskName, u32)>,
    /// The counters of all tasks that are done.
    pub counters: Counters,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = |(idle, running, done): (usize, usize, usize)| {
            alloc::format!("{done} done, {running} running, {idle} idle")
        };
        write!(
            f,
            "maps {}; reduces {}; workers {} alive, {} dead",
            tasks(self.maps),
            tasks(self.reduces),
            self.alive,
            self.dead
        )
    }
}
