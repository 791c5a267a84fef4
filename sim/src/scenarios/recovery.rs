//! How a run recovers, and within what time it must.

use std::time::Duration;

use snowglobe_systems::raft;
use snowglobe_systems::service::ClerkConfig;

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

/// How long a request and its answer take at most, once they are not lost: on the
/// slowest link there and back, with a sync at each end and a step of a slow node at one.
#[must_use]
pub(super) fn exchange(scenario: &Scenario) -> Duration {
    let links = &scenario.links;
    let is_held_back = links.reorder.0 > 0 || links.duplicate.0 > 0;
    let held_back = if is_held_back {
        links.held_back.end
    } else {
        Duration::ZERO
    };
    2 * (links.latency.end + held_back + scenario.sync.end) + ill::SLOWEST_STEP
}

/// What a replicated service and those who call it need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replicated {
    /// The longest that a server waits for a leader.
    pub(super) longest_election: Duration,
    /// How many users call it.
    pub(super) users: u64,
    /// How many servers they may have to try.
    pub(super) servers: u64,
    /// The longest that they wait for one.
    pub(super) patience: Duration,
}

impl Replicated {
    /// Servers tuned like this, and `users` who call clerks like this one.
    pub(super) fn new(raft: &raft::Config, clerk: &ClerkConfig, users: u64) -> Self {
        let patience = clerk.patience.end * (1 << clerk.doublings);
        let back_off = clerk.back_off.end * (1 << clerk.back_off_doublings);
        Self {
            longest_election: raft.election_timeout.end.max(raft.quorum_check_interval),
            users,
            servers: clerk.servers.len() as u64,
            patience: patience.max(back_off),
        }
    }

    /// What it takes until there is a leader, everybody has caught up, and everybody was served.
    pub(super) fn parts(self, scenario: &Scenario) -> [(u64, Duration, &'static str); 3] {
        let exchange = exchange(scenario);
        let calls = self.users.max(1) * self.servers;
        [
            (10, self.longest_election + exchange, "the longest election"),
            (
                100,
                exchange,
                "the longest exchange, for whoever lags behind",
            ),
            (
                calls,
                self.patience,
                "the longest patience of users, each with each server",
            ),
        ]
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
