//! The users of a shaken run, and an operator who moves the leadership about.

use snowglobe_systems::kv::{self, Outcome};
use snowglobe_systems::process::{InvocationId, NodeId};

use super::{KvOptions, KvWorld, Watched, clerks, habits};
use crate::quorum;
use crate::transfers::Transfers;
use crate::users::{Errand, Users};
use snowglobe::scenarios::Workload;
use snowglobe::scenarios::file::Scenario;

/// The workload of a shaken run.
#[derive(Clone, Debug)]
pub struct Shaken {
    users: Users,
    transfers: Option<Transfers>,
    /// Whoever must catch up at the end.
    well: Vec<NodeId>,
}

impl Shaken {
    pub(super) fn new(scenario: &Scenario, options: &KvOptions) -> Self {
        Self {
            users: users(scenario, options),
            transfers: options.transfers.then(|| {
                let servers = (0..scenario.nodes).map(NodeId::at).collect();
                Transfers::new(scenario.seed, vec![servers])
            }),
            well: Vec::new(),
        }
    }

    /// Whoever calls the clerks.
    #[cfg(test)]
    pub(crate) fn users(&self) -> &Users {
        &self.users
    }

    /// How many calls were answered.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.users.answers()
    }
}

/// The users of a scenario, who call nothing so far.
pub(super) fn users(scenario: &Scenario, options: &KvOptions) -> Users {
    let clerks = clerks(scenario.nodes, options);
    Users::new(scenario.seed, habits(options), clerks, Errand::Ordered)
}

impl Workload<kv::Node, Watched> for Shaken {
    fn begin(&mut self, world: &mut KvWorld) {
        self.users.turn_to(world, Errand::Roaming);
        if let Some(transfers) = &mut self.transfers {
            transfers.begin(world);
        }
    }

    fn alarm(&mut self, world: &mut KvWorld, token: u64) {
        match (token, &mut self.transfers) {
            (Transfers::ALARM, Some(transfers)) => {
                transfers.alarm(world, |to| kv::Operation::TransferLeadership { to });
            }
            (token, _) => self.users.alarm(world, token),
        }
    }

    fn returned(&mut self, world: &mut KvWorld, invocation: InvocationId, outcome: Outcome) {
        self.users.returned(world, invocation, outcome);
    }

    fn history(&self) -> Option<String> {
        Some(self.users.lines())
    }

    fn settle(&mut self, world: &mut KvWorld, well: &[NodeId]) {
        self.well = well.to_vec();
        if let Some(transfers) = &mut self.transfers {
            transfers.end();
        }
        self.users.settle(world);
    }

    fn last_look(&mut self, world: &mut KvWorld) {
        self.users.close(world);
    }

    fn settled(&mut self, world: &mut KvWorld) -> bool {
        self.users.are_at_rest()
            && quorum::lags(world, &self.well).is_none()
            && self.users.settled(world)
    }

    fn missing(&self, world: &KvWorld) -> String {
        let lags = quorum::lags(world, &self.well);
        let all = lags.into_iter().chain([self.users.how_things_stand(world)]);
        all.collect::<Vec<_>>().join("; ")
    }
}
