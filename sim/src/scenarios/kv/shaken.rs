//! The users of a shaken run, and an operator who moves the leadership about.

use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::kv::{self, Outcome};
use snowglobe_systems::process::{InvocationId, NodeId};

use super::users::{Errand, Users};
use super::{KvOptions, KvWorld, Watched};
use crate::draw::{Draw, Purpose, Streams};
use crate::scenarios::file::Scenario;
use crate::scenarios::{Settled, Workload, quorum};
use crate::world::Broken;

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
            users: Users::new(scenario, options, Errand::Ordered),
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

/// A user's own key does not hold what the user appended.
pub(super) fn broken_chain(found: String) -> Violation {
    let expected = "each acknowledged append once and in order".to_owned();
    Violation::new("chain-is-whole", [], expected, found)
}

/// Everybody in a few words.
pub(super) fn cluster(world: &KvWorld) -> impl Iterator<Item = String> {
    world.node_ids().map(|id| match world.process(id) {
        Some(process) => format!("{id} {process}"),
        None => format!("{id} down"),
    })
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

    /// Whoever waits goes on waiting, since its clerk still asks; then everybody
    /// appends once more and looks around.
    fn settle(&mut self, world: &mut KvWorld) {
        self.settling = true;
        self.users.turn_to(world, Errand::Ordered);
        for number in 0..self.users.len() {
            self.users.order_append(world, number, None);
            self.users.order_own_get(world, number);
            self.users.order_shared_get(world, number);
        }
    }

    fn last_look(&mut self, world: &mut KvWorld) {
        self.users.book().close(world);
    }

    fn settled(&mut self, world: &mut KvWorld) -> Settled {
        let mut missing: Vec<String> = self.users.who_waits().collect();
        if !missing.is_empty() {
            missing.extend(cluster(world));
            return Settled::NotYet(missing.join("; "));
        }
        let broken = (0..self.users.len()).find_map(|number| self.users.check_chain(number).err());
        if self.users.book().close(world)
            && let Some(why) = broken
        {
            world.breaks(Broken::Safety(broken_chain(why)));
        }
        Settled::Yes
    }
}
