//! What the nodes know before they start.

use alloc::format;
use alloc::sync::Arc;
use core::ops::Range;
use core::time::Duration;

use super::Job;
use crate::process::{ConfigError, Delay, NodeId};

/// What a node is, and its tuning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// What is to be done.
    pub job: Arc<Job>,
    /// What this node is.
    pub role: Role,
    /// The node of the store.
    pub store: NodeId,
    /// The node of the coordinator.
    pub coordinator: NodeId,
    /// The tuning. The same on all nodes.
    pub tuning: Tuning,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It keeps the input and the output.
    Store,
    /// It gives out tasks.
    Coordinator,
    /// It executes them, and takes so many times as long as others.
    Worker {
        /// At least 1.
        slowness: u32,
    },
}

/// The tuning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tuning {
    /// How often a worker pings.
    pub ping: Range<Duration>,
    /// How often the coordinator checks for silent workers.
    pub check: Duration,
    /// After how many of these looks a silent worker is taken for dead, and a
    /// worker that pings and never heard of its task no longer keeps it.
    pub silent_checks: u32,
    /// After how many of these looks a task counts as one that lags, once all
    /// others are given out (3.6). When it goes on lagging, each further execution
    /// comes after twice as many. `None` for no backup tasks.
    pub lag_checks: Option<u32>,
    /// How long a task takes for each kilobyte of its input, beside a
    /// millisecond.
    pub per_kilobyte: Duration,
    /// How long a worker waits for the store or for another worker before it asks again.
    pub retry: Range<Duration>,
    /// How often a worker retries another one, or the store, before it reports it.
    pub tries: u8,
    /// How long a worker that was taken down by the user's code stays away.
    pub down: Range<Duration>,
}

impl Default for Tuning {
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self {
            ping: millis(80)..millis(120),
            check: millis(250),
            silent_checks: 8,
            lag_checks: Some(8),
            per_kilobyte: millis(1),
            retry: millis(200)..millis(400),
            tries: 5,
            down: millis(500)..millis(2000),
        }
    }
}

impl Tuning {
    /// Longer than this no kilobyte takes, or the time of a task could not be counted.
    const MOST_PER_KILOBYTE: Duration = Duration::from_secs(3600);

    fn check(&self) -> Result<(), ConfigError> {
        ConfigError::delays("ping", &self.ping)?;
        ConfigError::delay("check", self.check)?;
        ConfigError::delays("retry", &self.retry)?;
        ConfigError::delays("down", &self.down)?;
        let silent_checks = self.silent_checks as usize;
        let why = "every worker is taken for dead at once";
        ConfigError::positive("silent_checks", silent_checks, why)?;
        let silence = self.check.saturating_mul(self.silent_checks);
        if silence <= self.ping.end {
            let ping = self.ping.end;
            return Err(ConfigError::new(
                "silent_checks",
                format!(
                    "are over after {silence:?}, before a worker pings again, up to {ping:?} \
                     later, so that all are taken for dead: give more, or ping more often"
                ),
            ));
        }
        if let Some(lag_checks) = self.lag_checks {
            let why = "every task lags at once";
            ConfigError::positive("lag_checks", lag_checks as usize, why)?;
        }
        ConfigError::positive("tries", usize::from(self.tries), "nobody is ever asked")?;
        if self.per_kilobyte > Self::MOST_PER_KILOBYTE {
            let (found, most) = (self.per_kilobyte, Self::MOST_PER_KILOBYTE);
            return Err(ConfigError::new(
                "per_kilobyte",
                format!("is {found:?}, so that no task ends: give at most {most:?}"),
            ));
        }
        Ok(())
    }
}

/// The timers of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The coordinator checks for silent workers.
    Check,
    /// A worker pings.
    Ping,
    /// A worker retries a request.
    Retry,
    /// A worker's task is done.
    Work,
    /// A worker that the user's code took down comes back.
    Back,
}

impl Config {
    /// # Errors
    /// What makes no sense in it.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let partitions = usize::from(self.job.partitions);
        ConfigError::positive("partitions", partitions, "a key belongs nowhere")?;
        if u32::try_from(self.job.splits.len()).is_err() {
            return Err(ConfigError::new(
                "splits",
                "are more than maps can be numbered: cut the input into larger ones",
            ));
        }
        if self.store == self.coordinator {
            return Err(ConfigError::new(
                "coordinator",
                "is the node of the store: give it one of its own",
            ));
        }
        if let Role::Worker { slowness } = self.role {
            let slowness = slowness as usize;
            let why = "its tasks take no time at all";
            ConfigError::positive("slowness", slowness, why)?;
        }
        self.tuning.check()
    }

    /// How long work takes this node that takes `usual` on a worker that is not slow, and `more`
    /// on any, since the user's code says so.
    pub(super) fn work_takes(&self, usual: Duration, more: Duration) -> Delay {
        let slowness = match self.role {
            Role::Worker { slowness } => slowness.max(1),
            Role::Store | Role::Coordinator => 1,
        };
        let takes = usual * slowness + more;
        Delay::from(takes..takes + takes / 4)
    }
}
