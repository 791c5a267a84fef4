//! How a run recovers, and within what time it must.

use std::time::Duration;

use super::file::Scenario;
use super::shake::ill;
use crate::time::format_duration;

/// How a run recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// How long it took until all of the demanded progress was made.
    pub took: Duration,
    /// Whether that was longer than the scenario's `settle`.
    pub slow: bool,
    /// The longest that it may have taken.
    pub bound: Duration,
}

/// Within what time after enough is healed everybody must be served, and why it may
/// take as long. The network still loses what the scenario's links lose, and a minority
/// is still ill, so that it is many times what mostly does: recovery that takes longer
/// does not come from bad luck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryBound {
    /// The time.
    pub within: Duration,
    /// Which of the system's own timeouts it follows from, in words.
    pub because: String,
}

impl RecoveryBound {
    /// What holds where nothing else is said.
    #[must_use]
    pub fn usual(scenario: &Scenario) -> Self {
        Self::of(&[(10, scenario.settle, "the scenario's settle")])
    }

    /// So many times a timeout, for each of the things that must come one after another.
    #[must_use]
    pub fn of(parts: &[(u64, Duration, &str)]) -> Self {
        let times = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let needed = parts
            .iter()
            .filter(|(count, each, _)| *count > 0 && !each.is_zero());
        let within = needed
            .clone()
            .map(|(count, each, _)| each.saturating_mul(times(*count)))
            .fold(Duration::ZERO, Duration::saturating_add);
        let words = needed.map(|(count, each, what)| {
            let each = format_duration(*each);
            format!("{count} times {each}, {what}")
        });
        Self {
            within,
            because: words.collect::<Vec<_>>().join("; "),
        }
    }
}

/// How long a request and its answer take at most, if they are neither lost nor held
/// back: on the slowest link there and back, with a sync at each end and a step of a
/// slow node at one.
#[must_use]
pub fn exchange(scenario: &Scenario) -> Duration {
    2 * (scenario.links.latency.end + scenario.sync.end) + ill::SLOWEST_STEP
}

/// How long a message is held back at most, where any is.
#[must_use]
pub fn held_back(scenario: &Scenario) -> Duration {
    let links = &scenario.links;
    match links.reorder.0 > 0 || links.duplicate.0 > 0 {
        true => links.held_back.end,
        false => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_the_sum_of_its_parts_in_words() {
        let parts = [
            (3, Duration::from_millis(500), "an election"),
            (0, Duration::from_secs(9), "nothing"),
            (2, Duration::from_secs(1), "a call"),
        ];
        let bound = RecoveryBound::of(&parts);
        assert_eq!(bound.within, Duration::from_millis(3500));
        assert_eq!(
            bound.because,
            "3 times 500ms, an election; 2 times 1s, a call"
        );
    }
}
