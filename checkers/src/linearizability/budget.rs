//! How much a judge may spend.

use std::sync::atomic::{AtomicBool, Ordering};

/// What one partition may cost, and a flag that stops everything.
///
/// Inside a simulation only nodes and bytes count, so that even an unknown
/// verdict is the same in every run. A program that people wait for raises the
/// flag when their patience ends; this crate asks no clock.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    /// How many configurations may be looked at, in each partition.
    pub nodes: u64,
    /// How many bytes each partition's search may take, apart from the history.
    pub bytes: usize,
    /// Stops the search when it is raised.
    pub stop: Option<&'a AtomicBool>,
}

impl Budget<'_> {
    /// No bound but the default one on memory: 1 GiB for each partition.
    pub const DEFAULT: Budget<'static> = Budget {
        nodes: u64::MAX,
        bytes: 1 << 30,
        stop: None,
    };

    pub(super) fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

impl Default for Budget<'_> {
    fn default() -> Self {
        Budget::DEFAULT
    }
}
