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

/// How long a request and its answer take at most, if they are neither lost nor held
/// back: on the slowest link there and back, with a sync at each end and a step of a
/// slow node at one.
#[must_use]
pub(super) fn exchange(scenario: &Scenario) -> Duration {
    2 * (scenario.links.latency.end + scenario.sync.end) + ill::SLOWEST_STEP
}

/// How long a message is held back at most, where any is.
#[must_use]
pub(super) fn held_back(scenario: &Scenario) -> Duration {
    let links = &scenario.links;
    match links.reorder.0 > 0 || links.duplicate.0 > 0 {
        true => links.held_back.end,
        false => Duration::ZERO,
    }
}

/// Of so many steps of somebody who has too much to do, one is for a call.
const STEPS_OF_A_CALL: u32 = 5;

/// What a replicated service and those who call it need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replicated {
    /// The longest that a server waits for a leader.
    pub(super) longest_election: Duration,
    /// How many servers a call may have to try.
    pub(super) servers: u64,
    /// The longest that it waits at one.
    pub(super) patience: Duration,
    /// How many calls of users who still wait for them stand one behind the other.
    pub(super) in_turn: u64,
    /// How many calls there are at most that nobody waits for any more.
    pub(super) left_behind: u64,
}

impl Replicated {
    /// Servers tuned like this, and so many users of each clerk, who do not leave it.
    pub(super) fn new(raft: &raft::Config, clerk: &ClerkConfig, users_per_clerk: u8) -> Self {
        let patience = clerk.patience.end * (1 << clerk.doublings);
        let back_off = clerk.back_off.end * (1 << clerk.back_off_doublings);
        Self {
            longest_election: raft.election_timeout.end.max(raft.quorum_check_interval),
            servers: clerk.servers.len() as u64,
            patience: patience.max(back_off),
            in_turn: u64::from(users_per_clerk.div_ceil(clerk.lanes)),
            left_behind: 0,
        }
    }

    /// The same with so many users who go elsewhere after so long, all through the chaos.
    pub(super) fn left_after(
        self,
        leaves_after: Duration,
        scenario: &Scenario,
        users: u64,
    ) -> Self {
        let each = scenario
            .chaos
            .as_millis()
            .checked_div(leaves_after.as_millis());
        let all = each.map_or(0, |each| u64::try_from(each).unwrap_or(u64::MAX) * users);
        Self {
            left_behind: all,
            ..self
        }
    }

    /// What it takes until there is a leader, everybody has caught up, and everybody was served.
    pub(super) fn parts(self, scenario: &Scenario) -> [(u64, Duration, &'static str); 5] {
        let exchange = exchange(scenario);
        [
            (10, self.longest_election + exchange, "the longest election"),
            (
                30,
                exchange,
                "the longest exchange, for whoever lags behind",
            ),
            (
                10,
                held_back(scenario),
                "the longest that a message is held back",
            ),
            (
                3 * self.servers * self.in_turn,
                self.patience,
                "the longest patience of a call, three times with each server",
            ),
            (
                self.left_behind,
                STEPS_OF_A_CALL * ill::SLOWEST_STEP,
                "the turn of a call that a user left behind, at a slow leader",
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::kv::KvSystem;
    use crate::scenarios::mapreduce::MapReduceSystem;
    use crate::scenarios::raft::RaftSystem;
    use crate::scenarios::shardctrler::ShardctrlerSystem;
    use crate::scenarios::shardkv::ShardkvSystem;
    use crate::scenarios::weather::Weather;
    use crate::scenarios::{System, swarm};
    use crate::seed::Seed;

    /// Of a hundred drawn runs, how many must recover before they count as wedged.
    fn in_time<S: System>() -> usize {
        let bites = |seed: &u64| {
            let scenario = swarm::draw::<S>(Seed(*seed), &Weather::default());
            let options = toml::Value::Table(scenario.options.clone()).try_into();
            let options: S::Options = options.expect("they were drawn");
            let bound = S::recovery_bound(&scenario, &options);
            assert!(!bound.because.is_empty());
            bound.within < RecoveryBound::usual(&scenario).within
        };
        (0..100).filter(bites).count()
    }

    #[test]
    fn most_runs_must_recover_sooner_than_they_count_as_wedged() {
        let all = [
            in_time::<RaftSystem>(),
            in_time::<KvSystem>(),
            in_time::<ShardctrlerSystem>(),
            in_time::<ShardkvSystem>(),
            in_time::<MapReduceSystem>(),
        ];
        assert!(all.iter().all(|many| *many > 70), "{all:?}");
    }

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
