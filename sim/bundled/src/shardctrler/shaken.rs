//! The operators of a shaken run, and one who moves the leadership about.

use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::shardctrler::{
    Command, ControllerInvariants, GroupId, Node, Operation, Outcome, Partitioner, Query,
};

use super::object::Ask;
use super::operators::{Errand, Operators, join_own};
use super::{ControllerOptions, ControllerWorld};
use crate::quorum;
use snowglobe::draw::{Draw, Purpose, Streams};
use snowglobe::scenarios::Workload;
use snowglobe::scenarios::file::Scenario;
use snowglobe::world::Broken;

/// The workload of a shaken run.
#[derive(Clone, Debug)]
pub struct Shaken {
    operators: Operators,
    shards: u16,
    transfers: bool,
    servers: usize,
    /// The dice of whoever moves the leadership about.
    mover: Draw,
    end: End,
    /// Whoever must catch up at the end.
    well: Vec<NodeId>,
}

/// What everybody must come to when the chaos is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is not over yet.
    Chaos,
    /// Everybody is answered, and lets a group of its own join.
    Joining,
    /// Everybody looks at what came of it.
    Looking,
}

const MOVER: u64 = 1;
const BETWEEN_TRANSFERS: Range<Duration> = Duration::from_millis(300)..Duration::from_secs(4);

/// The first group of an operator's own; nobody else lets it leave.
pub(super) fn own_group(number: usize, place: usize) -> GroupId {
    GroupId((number as u32 + 1) * 100 + place as u32 + 1)
}

/// Everybody in a few words.
pub(super) fn cluster(world: &ControllerWorld) -> impl Iterator<Item = String> {
    world.node_ids().map(|id| match world.process(id) {
        Some(process) => format!("{id} {process}"),
        None => format!("{id} down"),
    })
}

impl Shaken {
    pub(super) fn new(scenario: &Scenario, options: &ControllerOptions) -> Self {
        Self {
            operators: Operators::new(scenario, options),
            shards: options.shards,
            transfers: options.transfers,
            servers: scenario.nodes,
            mover: Streams::new(scenario.seed).open(Purpose::Workload(u16::MAX)),
            end: End::Chaos,
            well: Vec::new(),
        }
    }

    fn ask_for_transfer(&mut self, world: &mut ControllerWorld) {
        let to = NodeId::at(self.mover.below(self.servers as u64) as usize);
        let leads = |id: &NodeId| *id != to && quorum::leads(world, *id);
        if let Some(leader) = world.node_ids().find(leads) {
            world.mark("operator.transfer_asked");
            world.invoke(leader, Operation::TransferLeadership { to });
        }
        self.ring_mover(world);
    }

    fn ring_mover(&mut self, world: &mut ControllerWorld) {
        let pause = self.mover.duration(BETWEEN_TRANSFERS);
        world.alarm(pause, MOVER);
    }

    /// Whether everybody saw the groups that everybody let join.
    fn all_are_there(&self) -> Result<(), Violation> {
        for number in 0..self.operators.len() {
            let shown = self.operators.shown(number);
            let is_there =
                |group: &GroupId| shown.is_some_and(|shown| shown.groups.contains_key(group));
            let mut own = (0..self.operators.len()).map(|number| own_group(number, 0));
            if let Some(lost) = own.find(|group| !is_there(group)) {
                return Err(Violation::new(
                    "joined-groups-are-there",
                    [],
                    format!("{lost}, which joined and never left"),
                    format!("u{number} was shown {shown:?}"),
                ));
            }
        }
        Ok(())
    }
}

impl Workload<Node, ControllerInvariants> for Shaken {
    fn begin(&mut self, world: &mut ControllerWorld) {
        let shards = self.shards;
        let divide = Ask::Change(Command::Divide {
            shards,
            partitioner: Partitioner::default(),
        });
        self.operators.order(world, 0, divide);
        self.operators.turn_to(world, Errand::Roaming);
        if self.transfers {
            self.ring_mover(world);
        }
    }

    fn alarm(&mut self, world: &mut ControllerWorld, token: u64) {
        match token {
            MOVER if self.end != End::Chaos => {}
            MOVER => self.ask_for_transfer(world),
            token => self.operators.alarm(world, token),
        }
    }

    fn returned(
        &mut self,
        world: &mut ControllerWorld,
        invocation: InvocationId,
        outcome: Outcome,
    ) {
        self.operators.returned(world, invocation, outcome);
    }

    /// Whoever waits goes on waiting, since its clerk still asks; then everybody
    /// lets a group of its own join.
    fn settle(&mut self, world: &mut ControllerWorld, well: &[NodeId]) {
        self.well = well.to_vec();
        self.end = End::Joining;
        self.operators.turn_to(world, Errand::Ordered);
        for number in 0..self.operators.len() {
            let own = join_own([(number, 0)], self.operators.len());
            self.operators.order(world, number, Ask::Change(own));
        }
    }

    fn last_look(&mut self, world: &mut ControllerWorld) {
        self.operators.book().close(world);
    }

    fn settled(&mut self, world: &mut ControllerWorld) -> bool {
        if self.operators.who_waits().next().is_some() {
            return false;
        }
        if self.end == End::Joining {
            self.end = End::Looking;
            for number in 0..self.operators.len() {
                self.operators
                    .order(world, number, Ask::Look(Query::NEWEST));
            }
            return false;
        }
        if quorum::lags(world, &self.well).is_some() {
            return false;
        }
        if self.operators.book().close(world)
            && let Err(lost) = self.all_are_there()
        {
            world.breaks(Broken::Safety(lost));
        }
        true
    }

    fn missing(&self, world: &ControllerWorld) -> String {
        let waits = self.operators.who_waits();
        let lags = quorum::lags(world, &self.well);
        let all: Vec<String> = waits.chain(lags).chain(cluster(world)).collect();
        all.join("; ")
    }
}
