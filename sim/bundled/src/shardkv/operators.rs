//! Operators, who change the configuration through clerks of the controller.

use std::collections::VecDeque;
use std::time::Duration;

use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::shardctrler::{
    self, Command, Configuration, GroupId, Partitioner, Query, Response, Shard,
};
use snowglobe_systems::shardkv::{Operation, Outcome};
use snowglobe_systems::vec_set::VecSet;

use super::layout::Layout;
use super::{ShardkvOptions, ShardkvWorld};
use snowglobe::draw::{Draw, Purpose, Streams};
use snowglobe::seed::Seed;
use snowglobe::world::Incarnation;

/// Marks that operators reach.
pub(super) const MARKS: &[&str] = &[
    "operator.answered",
    "operator.lost_its_clerk",
    "operator.moved_a_shard",
    "operator.named_other_servers",
    "operator.sent_all_away",
];

/// What an operator is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    /// It changes what it likes.
    Roaming,
    /// It does what it was ordered to, and nothing else.
    Ordered,
    /// It sees to it that those groups are there that are to stay, and no
    /// others, and looks until it is so.
    Gathering,
}

/// A call that is not answered.
#[derive(Clone, Debug)]
struct Busy {
    invocation: InvocationId,
    life: Incarnation,
}

#[derive(Clone, Debug)]
struct Operator {
    draw: Draw,
    clerk: NodeId,
    orders: VecDeque<Command>,
    busy: Option<Busy>,
    errand: Errand,
    /// How many changes it will still make by itself.
    changes_left: u16,
    /// Whether it has said how keys are divided, if not as usual.
    has_divided: bool,
    /// Tells the alarm that counts from those that were overtaken.
    alarm: u32,
    /// What it was last told.
    told: Option<shardctrler::Outcome>,
}

/// All operators.
#[derive(Clone, Debug)]
pub(super) struct Operators {
    all: Vec<Operator>,
    layout: Layout,
    /// The groups that are there at the end.
    stay: VecSet<GroupId>,
    shards: u16,
    partitioner: Partitioner,
    change_ms: u64,
    /// Whether they name other servers for a group now and then.
    regroup: bool,
    /// Whether every group was named with its own servers since the last time.
    is_repaired: bool,
}

/// How often an operator looks whether its clerk is still there.
const LOOKS_AFTER: Duration = Duration::from_millis(50);
/// Where the alarms of operators begin, beyond all users'.
const FIRST_ALARM: u64 = 1 << 48;
/// The first stream of operators, beyond all users'.
const FIRST_STREAM: u16 = 60_000;

impl Operators {
    /// The operators of a world, and the second controller's behind them.
    pub(super) fn new(seed: Seed, options: &ShardkvOptions, layout: &Layout) -> Self {
        let streams = Streams::new(seed);
        let clerks = layout.operators.iter().chain(&layout.rogue_operators);
        let all = clerks.enumerate().map(|(number, clerk)| Operator {
            draw: streams.open(Purpose::Workload(FIRST_STREAM + number as u16)),
            clerk: *clerk,
            orders: VecDeque::new(),
            busy: None,
            errand: Errand::Ordered,
            changes_left: options.changes,
            has_divided: false,
            alarm: 0,
            told: None,
        });
        Self {
            all: all.collect(),
            layout: layout.clone(),
            stay: layout.groups.keys().copied().collect(),
            shards: options.shards,
            partitioner: options.partitioner,
            change_ms: options.change_ms,
            regroup: options.regroup,
            is_repaired: !options.regroup,
        }
    }

    /// Whether an alarm is one of an operator's.
    pub(super) fn is_theirs(token: u64) -> bool {
        (FIRST_ALARM..1 << 63).contains(&token)
    }

    /// The first operator settles how many shards there are and lets some group
    /// join; then all change what they like.
    pub(super) fn roam(&mut self, world: &mut ShardkvWorld) {
        let first = GroupId(1 + self.all[0].draw.below(self.layout.groups.len() as u64) as u32);
        let join = self.join([first]);
        self.order(world, 0, join);
        for number in 0..self.all.len() {
            self.all[number].errand = Errand::Roaming;
            self.ring_after_pause(world, number);
        }
    }

    /// From now on the first one sees to it that those groups are there that
    /// are to stay, often all; the others rest.
    pub(super) fn gather(&mut self, world: &mut ShardkvWorld) {
        let known: Vec<GroupId> = self.stay.iter().copied().collect();
        let draw = &mut self.all[0].draw;
        if draw.below(2) == 0 {
            let many = 1 + draw.below(known.len() as u64) as usize;
            let chosen = draw.sample(many, known.len());
            self.stay = chosen.into_iter().map(|place| known[place]).collect();
        }
        for number in 0..self.all.len() {
            self.all[number].orders.clear();
            self.all[number].errand = match number {
                0 => Errand::Gathering,
                _ => Errand::Ordered,
            };
            self.ring_for(world, number, LOOKS_AFTER);
        }
    }

    /// From now on they do what they are ordered to, and nothing else.
    pub(super) fn rest(&mut self) {
        for operator in &mut self.all {
            operator.errand = Errand::Ordered;
        }
    }

    /// An operator must do this, when it has done all that it was ordered to before.
    pub(super) fn order(&mut self, world: &mut ShardkvWorld, number: usize, command: Command) {
        let operator = &mut self.all[number];
        let (shards, partitioner) = (self.shards, self.partitioner);
        let is_usual = (shards, partitioner) == (USUAL_SHARDS, Partitioner::default());
        if !is_usual && !std::mem::replace(&mut operator.has_divided, true) {
            operator.orders.push_back(Command::Divide {
                shards,
                partitioner,
            });
        }
        operator.orders.push_back(command);
        if self.all[number].busy.is_none() {
            self.ring_for(world, number, Duration::from_millis(1));
        }
    }

    /// Whether an operator waits for an answer, or has orders left.
    pub(super) fn is_busy(&self, number: usize) -> bool {
        let operator = &self.all[number];
        operator.busy.is_some() || !operator.orders.is_empty()
    }

    /// Everybody who waits, in a few words.
    pub(super) fn who_waits(&self) -> impl Iterator<Item = String> {
        let waits = |(number, operator): (usize, &Operator)| {
            let busy = operator.busy.as_ref()?;
            Some(format!(
                "operator {number} waits for {} at {}",
                busy.invocation, operator.clerk
            ))
        };
        self.all.iter().enumerate().filter_map(waits)
    }

    /// How many there are, without the second controller's.
    pub(super) fn len(&self) -> usize {
        self.layout.operators.len()
    }

    /// What an operator was told to its last order.
    pub(super) fn told(&self, number: usize) -> Option<&shardctrler::Outcome> {
        self.all[number].told.as_ref()
    }

    /// A command that lets groups join.
    pub(super) fn join(&self, groups: impl IntoIterator<Item = GroupId>) -> Command {
        let servers = |group| self.layout.groups.get(&group).cloned();
        Command::Join {
            groups: groups
                .into_iter()
                .filter_map(|group| Some((group, servers(group)?)))
                .collect(),
        }
    }

    /// What an operator likes to change.
    fn whim(&mut self, world: &mut ShardkvWorld, number: usize) -> Command {
        let known: Vec<GroupId> = self.layout.groups.keys().copied().collect();
        let shards = u64::from(self.shards);
        let draw = &mut self.all[number].draw;
        let kind = *draw.weighted(&[(5, 0), (4, 1), (3, 2), (1, 3)]);
        let several = *draw.weighted(&[(3, 1), (1, 2)]);
        let (many, shard) = (several.min(known.len()), Shard(draw.below(shards) as u16));
        let chosen = draw.sample(many, known.len());
        let chosen: VecSet<GroupId> = chosen.into_iter().map(|place| known[place]).collect();
        let first = *chosen.first().expect("at least one is chosen");
        match kind {
            0 if self.regroup && draw.below(2) == 0 => {
                world.mark("operator.named_other_servers");
                self.join_with_other_servers(number, first)
            }
            0 => self.join(chosen),
            1 => Command::Leave { groups: chosen },
            2 => {
                world.mark("operator.moved_a_shard");
                Command::Move { shard, to: first }
            }
            _ => {
                world.mark("operator.sent_all_away");
                Command::Leave {
                    groups: known.into_iter().collect(),
                }
            }
        }
    }

    /// A command that lets a group join, or changes its servers to some of them, and rarely
    /// to another group's: those find themselves in a group of another name.
    fn join_with_other_servers(&mut self, number: usize, group: GroupId) -> Command {
        let draw = &mut self.all[number].draw;
        let whose = match draw.below(4) {
            0 => GroupId(1 + draw.below(self.layout.groups.len() as u64) as u32),
            _ => group,
        };
        let known = &self.layout.groups[&whose];
        let many = 1 + draw.below(known.len() as u64) as usize;
        let chosen = draw.sample(many, known.len());
        let servers = chosen.into_iter().map(|place| known[place]).collect();
        Command::Join {
            groups: [(group, servers)].into(),
        }
    }

    fn ring_for(&mut self, world: &mut ShardkvWorld, number: usize, after: Duration) {
        let operator = &mut self.all[number];
        operator.alarm += 1;
        let token = FIRST_ALARM + ((number as u64) << 32 | u64::from(operator.alarm));
        world.alarm(after, token);
    }

    fn ring_after_pause(&mut self, world: &mut ShardkvWorld, number: usize) {
        let longest = Duration::from_millis(2 + self.change_ms);
        let pause = self.all[number]
            .draw
            .duration(Duration::from_millis(1)..longest);
        self.ring_for(world, number, pause);
    }

    /// An alarm of an operator rang.
    pub(super) fn alarm(&mut self, world: &mut ShardkvWorld, token: u64) {
        let (number, alarm) = (((token - FIRST_ALARM) >> 32) as usize, token as u32);
        if self.all[number].alarm == alarm {
            self.act(world, number);
        }
    }

    /// Lets an operator act, or find out that its call is lost.
    fn act(&mut self, world: &mut ShardkvWorld, number: usize) {
        let operator = &mut self.all[number];
        if let Some(busy) = &operator.busy {
            if world.incarnation(operator.clerk) == busy.life {
                return self.ring_for(world, number, LOOKS_AFTER);
            }
            // What it had asked may happen yet, or not.
            world.mark("operator.lost_its_clerk");
            operator.busy = None;
        }
        let order = operator.orders.front().cloned();
        let operation = match (order, operator.errand) {
            (Some(order), _) => shardctrler::Operation::Write(order),
            (None, Errand::Roaming) if operator.changes_left > 0 => {
                operator.changes_left -= 1;
                shardctrler::Operation::Write(self.whim(world, number))
            }
            (None, Errand::Gathering) => shardctrler::Operation::Read(Query::NEWEST),
            (None, Errand::Roaming | Errand::Ordered) => return,
        };
        let operator = &mut self.all[number];
        let asked = world.invoke(operator.clerk, Operation::Controller(operation));
        operator.busy = asked.map(|invocation| Busy {
            invocation,
            life: world.incarnation(operator.clerk),
        });
        self.ring_for(world, number, LOOKS_AFTER);
    }

    /// A call was answered; whether it was one of an operator's.
    pub(super) fn returned(
        &mut self,
        world: &mut ShardkvWorld,
        invocation: InvocationId,
        outcome: &Outcome,
    ) -> bool {
        let waits = |operator: &Operator| {
            let busy = operator.busy.as_ref();
            busy.is_some_and(|busy| busy.invocation == invocation)
        };
        let (Some(number), Outcome::Controller(outcome)) =
            (self.all.iter().position(waits), outcome)
        else {
            // The answer to a call that was given up is nobody's.
            return matches!(outcome, Outcome::Controller(_));
        };
        world.mark("operator.answered");
        let operator = &mut self.all[number];
        operator.busy = None;
        match (outcome, operator.errand) {
            (shardctrler::Outcome::Answered(newest), Errand::Gathering) => {
                self.looked(world, number, newest);
            }
            // A clerk whose session is gone does not know; to join again does no harm.
            (shardctrler::Outcome::Indeterminate, _) => {}
            _ => drop(operator.orders.pop_front()),
        }
        let operator = &mut self.all[number];
        operator.told = Some(outcome.clone());
        match (operator.errand, operator.orders.is_empty()) {
            (_, false) => self.ring_for(world, number, Duration::from_millis(2)),
            (Errand::Gathering, true) => self.ring_for(world, number, LOOKS_AFTER),
            (_, true) => self.ring_after_pause(world, number),
        }
        true
    }

    /// Whoever gathers the groups has looked. What others had asked before may
    /// still send one away, or let one join.
    fn looked(&mut self, world: &mut ShardkvWorld, number: usize, newest: &Configuration) {
        let there: VecSet<GroupId> = newest.groups.keys().copied().collect();
        let right = |group: &GroupId| newest.groups.get(group) == self.layout.groups.get(group);
        if !self.is_repaired {
            self.is_repaired = self.layout.groups.keys().all(right);
        }
        if !self.is_repaired {
            let wrong: VecSet<GroupId> = there.into_iter().filter(|group| !right(group)).collect();
            return self.repair(world, number, wrong);
        }
        if !self.stay.iter().all(right) {
            let join = self.join(self.stay.iter().copied());
            self.order(world, number, join);
        }
        let leaves = |group: &GroupId| !self.stay.contains(group);
        let groups: VecSet<GroupId> = there.into_iter().filter(leaves).collect();
        if !groups.is_empty() {
            self.order(world, number, Command::Leave { groups });
        }
    }

    /// What is owed to a group that was named with the wrong servers can be handed over
    /// once the right ones are known: all join, and whoever would be in their way leaves.
    fn repair(&mut self, world: &mut ShardkvWorld, number: usize, wrong: VecSet<GroupId>) {
        if !wrong.is_empty() {
            self.order(world, number, Command::Leave { groups: wrong });
        }
        let all: Vec<GroupId> = self.layout.groups.keys().copied().collect();
        let join = self.join(all);
        self.order(world, number, join);
    }

    /// The groups that are there at the end.
    pub(super) fn stay(&self) -> &VecSet<GroupId> {
        &self.stay
    }
}

/// So many there are unless somebody says otherwise.
const USUAL_SHARDS: u16 = 10;

/// Whether a command changed something, or found it as it was to be.
pub(super) fn is_done(outcome: &shardctrler::Outcome) -> bool {
    matches!(
        outcome,
        shardctrler::Outcome::Written(Response::Changed(_) | Response::Unchanged(_))
    )
}
