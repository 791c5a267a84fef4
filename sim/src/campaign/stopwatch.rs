//! The wall clock, in the one place that may ask for it.
//!
//! Nothing under simulation may: a run that knows the time of day is not
//! decided by its seed alone.

use std::time::{Duration, Instant, SystemTime};

/// Measures real time for campaigns and benchmarks.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the wall clock of campaigns, outside every simulation"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Lets a few milliseconds of real time pass, while another process works.
#[expect(
    clippy::disallowed_methods,
    reason = "real time of campaigns, outside every simulation"
)]
pub fn wait_a_little() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Today, counted in days.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the date of a campaign, outside every simulation"
)]
pub fn today() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs() / (24 * 3600)
}
