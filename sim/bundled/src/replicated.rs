//! What a replicated service needs to recover.

use std::time::Duration;

use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::recovery::{exchange, held_back};
use snowglobe::scenarios::shake::ill;
use snowglobe_systems::raft;
use snowglobe_systems::service::ClerkConfig;

/// Of so many steps of somebody who has too much to do, one is for a call.
const STEPS_OF_A_CALL: u32 = 5;

/// What a replicated service and those who call it need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replicated {
    /// The longest that a server waits for a leader.
    pub(crate) longest_election: Duration,
    /// How many servers a call may have to try.
    pub(crate) servers: u64,
    /// The longest that it waits at one.
    pub(crate) patience: Duration,
    /// How many calls of users who still wait for them stand one behind the other.
    pub(crate) in_turn: u64,
    /// How many calls there are at most that nobody waits for any more.
    pub(crate) left_behind: u64,
}

impl Replicated {
    /// Servers tuned like this, and so many users of each clerk, who do not leave it.
    pub(crate) fn new(raft: &raft::Config, clerk: &ClerkConfig, users_per_clerk: u8) -> Self {
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
    pub(crate) fn left_after(
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
    pub(crate) fn parts(self, scenario: &Scenario) -> [(u64, Duration, &'static str); 5] {
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
    use snowglobe::scenarios::weather::Weather;
    use snowglobe::scenarios::{RecoveryBound, System, swarm};
    use snowglobe::seed::Seed;

    use crate::kv::KvSystem;
    use crate::mapreduce::MapReduceSystem;
    use crate::raft::RaftSystem;
    use crate::shardctrler::ShardctrlerSystem;
    use crate::shardkv::ShardkvSystem;

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
}
