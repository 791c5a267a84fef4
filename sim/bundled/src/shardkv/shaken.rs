//! The users and operators of a shaken run.

use snowglobe_systems::kv;
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::shardkv::{Node, Operation, Outcome};

use super::layout::Layout;
use super::operators::Operators;
use super::{ShardkvOptions, ShardkvWorld, Watched, habits, seen};
use crate::quorum;
use crate::transfers::Transfers;
use crate::users::{Errand, Users};
use snowglobe::scenarios::Workload;
use snowglobe::scenarios::file::Scenario;

/// The workload of a shaken run.
#[derive(Clone, Debug)]
pub struct Shaken {
    users: Users,
    operators: Operators,
    transfers: Option<Transfers>,
    layout: Layout,
    /// Whoever must catch up at the end.
    well: Vec<NodeId>,
}

impl Shaken {
    pub(super) fn new(scenario: &Scenario, options: &ShardkvOptions) -> Self {
        let layout = Layout::new(scenario.nodes, options);
        Self {
            users: users(scenario, options, &layout),
            operators: Operators::new(scenario.seed, options, &layout),
            transfers: options.transfers.then(|| {
                let groups = layout.groups.values().cloned();
                Transfers::new(scenario.seed, groups.collect())
            }),
            layout,
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
pub(super) fn users(scenario: &Scenario, options: &ShardkvOptions, layout: &Layout) -> Users {
    let clerks = layout.clerks.iter().copied();
    Users::new(scenario.seed, habits(options), clerks, Errand::Ordered)
}

impl Workload<Node, Watched> for Shaken {
    fn begin(&mut self, world: &mut ShardkvWorld) {
        self.users.turn_to(world, Errand::Roaming);
        self.operators.roam(world);
        if let Some(transfers) = &mut self.transfers {
            transfers.begin(world);
        }
    }

    fn alarm(&mut self, world: &mut ShardkvWorld, token: u64) {
        match (token, &mut self.transfers) {
            (Transfers::ALARM, Some(transfers)) => transfers.alarm(world, |to| {
                Operation::Keys(kv::Operation::TransferLeadership { to })
            }),
            _ if Operators::is_theirs(token) => self.operators.alarm(world, token),
            _ => self.users.alarm(world, token),
        }
    }

    fn returned(&mut self, world: &mut ShardkvWorld, invocation: InvocationId, outcome: Outcome) {
        if !self.operators.returned(world, invocation, &outcome) {
            self.users.returned(world, invocation, outcome);
        }
    }

    fn history(&self) -> Option<String> {
        Some(self.users.lines())
    }

    /// Some groups must come together, or nobody could be served.
    fn settle(&mut self, world: &mut ShardkvWorld, well: &[NodeId]) {
        self.well = well.to_vec();
        if let Some(transfers) = &mut self.transfers {
            transfers.end();
        }
        self.operators.gather(world);
        self.users.settle(world);
    }

    fn last_look(&mut self, world: &mut ShardkvWorld) {
        self.users.close(world);
    }

    /// Everybody was served; every group, also one that left, has come to the newest configuration,
    /// has its shards, and has deleted what it handed over.
    fn settled(&mut self, world: &mut ShardkvWorld) -> bool {
        self.users.are_at_rest()
            && seen::unfinished(world, &self.layout, self.operators.stay()).is_none()
            && quorum::lags(world, &self.well).is_none()
            && self.users.settled(world)
    }

    fn missing(&self, world: &ShardkvWorld) -> String {
        let unfinished = seen::unfinished(world, &self.layout, self.operators.stay());
        let lags = quorum::lags(world, &self.well);
        let all = unfinished
            .into_iter()
            .chain(lags)
            .chain(self.operators.who_waits())
            .chain([self.users.how_things_stand(world)]);
        all.collect::<Vec<_>>().join("; ")
    }
}
