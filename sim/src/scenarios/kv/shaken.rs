//! The users of a shaken run, and an operator who moves the leadership about.

use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::kv::{self, Outcome};
use snowglobe_systems::process::{InvocationId, NodeId};

use super::{KvOptions, KvWorld, Watched, clerks, habits};
use crate::draw::{Draw, Purpose, Streams};
use crate::scenarios::file::Scenario;
use crate::scenarios::users::{Errand, Users};
use crate::scenarios::{Settled, Workload, quorum};

/// The workload of a shaken run.
#[derive(Debug)]
pub struct Shaken {
    users: Users,
    transfers: bool,
    servers: usize,
    operator: Draw,
    settling: bool,
}

const OPERATOR: u64 = 1;
const BETWEEN_TRANSFERS: Range<Duration> = Duration::from_millis(300)..Duration::from_secs(4);

impl Shaken {
    pub(super) fn new(scenario: &Scenario, options: &KvOptions) -> Self {
        Self {
            users: users(scenario, options),
            transfers: options.transfers,
            servers: scenario.nodes,
            operator: Streams::new(scenario.seed).open(Purpose::Workload(u16::MAX)),
            settling: false,
        }
    }

    /// How many calls were answered.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.users.answers()
    }

    fn ask_for_transfer(&mut self, world: &mut KvWorld) {
        let to = NodeId::at(self.operator.below(self.servers as u64) as usize);
        let leads = |id: &NodeId| *id != to && quorum::leads(world, *id);
        if let Some(leader) = world.node_ids().find(leads) {
            world.mark("user.transfer_asked");
            world.invoke(leader, kv::Operation::TransferLeadership { to });
        }
        self.ring_operator(world);
    }

    fn ring_operator(&mut self, world: &mut KvWorld) {
        let pause = self.operator.duration(BETWEEN_TRANSFERS);
        world.alarm(pause, OPERATOR);
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
        if self.transfers {
            self.ring_operator(world);
        }
    }

    fn alarm(&mut self, world: &mut KvWorld, token: u64) {
        match token {
            OPERATOR if self.settling => {}
            OPERATOR => self.ask_for_transfer(world),
            token => self.users.alarm(world, token),
        }
    }

    fn returned(&mut self, world: &mut KvWorld, invocation: InvocationId, outcome: Outcome) {
        self.users.returned(world, invocation, outcome);
    }

    fn history(&self) -> Option<String> {
        Some(self.users.lines())
    }

    fn settle(&mut self, world: &mut KvWorld) {
        self.settling = true;
        self.users.settle(world);
    }

    fn last_look(&mut self, world: &mut KvWorld) {
        self.users.close(world);
    }

    fn settled(&mut self, world: &mut KvWorld) -> Settled {
        self.users.settled(world)
    }
}
