//! Applications that test the system, and not the other way round.

use alloc::string::String;
use core::time::Duration;

use crate::digest::Digest;
use crate::mapreduce::{
    App, Application, Crash, Emit, Execution, Lines, Partition, Record, Temper, Values,
};

/// Another application whose executions are slow, or take their worker down, as
/// a number decides that the seed of a run gives.
#[derive(Clone, Debug)]
pub struct Unruly {
    /// What it really does.
    pub inner: App,
    /// Decides what happens to which execution.
    pub seed: u64,
    /// Of a hundred executions, how many take the worker down.
    pub down_in_100: u8,
    /// Of a hundred executions, how many are slow.
    pub slow_in_100: u8,
    /// The longest that a slow one takes.
    pub slow: Duration,
    /// How often a task may be unruly: it must be done some time.
    pub executions: u32,
}

impl Application for Unruly {
    fn map(&self, record: &Record<'_>, emit: &mut Emit<'_>) -> Result<(), Crash> {
        self.inner.code().map(record, emit)
    }

    fn reduce(&self, key: &str, values: &Values<'_>, lines: &mut Lines<'_>) -> Result<(), Crash> {
        self.inner.code().reduce(key, values, lines)
    }

    fn combine(&self, key: &str, values: &Values<'_>) -> Option<String> {
        self.inner.code().combine(key, values)
    }

    fn partition(&self, key: &str, partitions: u16) -> Partition {
        self.inner.code().partition(key, partitions)
    }

    fn temper(&self, execution: &Execution) -> Temper {
        if execution.earlier >= self.executions {
            return Temper::Steady;
        }
        let drawn = Digest::of(&(self.seed, execution.task, execution.earlier));
        let (share, rest) = (drawn % 100, drawn / 100);
        let down = u64::from(self.down_in_100);
        match share {
            share if share < down => Temper::TakesWorkerDown,
            share if share < down + u64::from(self.slow_in_100) => {
                let millis = rest % (self.slow.as_millis() as u64).max(1);
                Temper::Slow(Duration::from_millis(millis))
            }
            _ => Temper::Steady,
        }
    }
}

/// Another application that crashes at every record and key which a number decides.
#[derive(Clone, Debug)]
pub struct BadRecords {
    /// What it really does.
    pub inner: App,
    /// Decides which.
    pub seed: u64,
    /// One record in so many crashes it; at least 1.
    pub one_in: u64,
}

impl BadRecords {
    fn is_bad(&self, text: &str) -> bool {
        Digest::of(&(self.seed, text)).is_multiple_of(self.one_in.max(1))
    }
}

impl Application for BadRecords {
    fn map(&self, record: &Record<'_>, emit: &mut Emit<'_>) -> Result<(), Crash> {
        match self.is_bad(record.line) {
            true => Err(Crash),
            false => self.inner.code().map(record, emit),
        }
    }

    fn reduce(&self, key: &str, values: &Values<'_>, lines: &mut Lines<'_>) -> Result<(), Crash> {
        match self.is_bad(key) {
            true => Err(Crash),
            false => self.inner.code().reduce(key, values, lines),
        }
    }

    fn combine(&self, key: &str, values: &Values<'_>) -> Option<String> {
        self.inner.code().combine(key, values)
    }

    fn partition(&self, key: &str, partitions: u16) -> Partition {
        self.inner.code().partition(key, partitions)
    }

    fn temper(&self, execution: &Execution) -> Temper {
        self.inner.code().temper(execution)
    }
}
