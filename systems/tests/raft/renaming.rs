//! Two clusters in lockstep, in one of which all nodes have traded names: what
//! happens to a node of the one happens to its namesake of the other, and
//! neither can tell.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::ForReport;
use snowglobe_systems::ledger::{Ledger, Record, Total};
use snowglobe_systems::process::{self, Effect, Effects, Input, InvocationId, NodeId, Process};
use snowglobe_systems::raft::{LogIndex, MARKS, Timer};
use snowglobe_systems::renaming::{Renamed, Renaming};
use snowglobe_systems::replica::{Config, Operation, Outcome, Sequence, SessionId};
use snowglobe_systems::vec_set::VecSet;

use crate::cluster::{Cluster, Envelope};
use crate::random::{Action, action, config};
use crate::story::{N1, N2, N3, N4, Node, World, world};

/// A cluster, and the same under other names.
struct Twins {
    renaming: Renaming,
    config: Config,
    one: World,
    other: World,
    /// How many calls there were.
    calls: u64,
}

/// Whether an effect may trade places with its neighbours that are such, too.
///
/// A node visits its peers in the order of their names, so the order of sends
/// to different peers is the one thing that names decide. It decides nothing
/// further: messages are under way all at once, and marks in between are only
/// counted. What is said to one peer stays in order, and no send overtakes what
/// is persisted, answered, or done to a timer: that order is a promise.
fn is_loose(effect: &Effect<Node>) -> bool {
    matches!(effect, Effect::Send { .. } | Effect::Mark(_))
}

/// The same effects, with each run of loose ones in one order of all that are
/// as good: by receiver, and for one receiver as they were.
fn in_one_order(mut effects: Vec<Effect<Node>>) -> Vec<Effect<Node>> {
    for run in effects.chunk_by_mut(|one, next| is_loose(one) && is_loose(next)) {
        run.sort_by_key(|effect| match effect {
            Effect::Send { to, .. } => (Some(*to), ""),
            Effect::Mark(mark) => (None, *mark),
            _ => (None, ""),
        });
    }
    effects
}

fn effects_of(node: &Node, input: Input<Node>) -> Vec<Effect<Node>> {
    let mut effects = Effects::new();
    process::take(&mut node.clone(), input, &mut effects);
    effects.drain().collect()
}

impl Twins {
    fn new(config: Config, renaming: Renaming) -> Self {
        let count = config.voters.len();
        Self {
            renaming,
            one: Cluster::new(count, config.clone()),
            other: Cluster::new(count, config.clone()),
            config,
            calls: 0,
        }
    }

    fn of(&self, node: NodeId) -> NodeId {
        self.renaming.of(node)
    }

    fn assert_same_effects(&self, mine: Vec<Effect<Node>>, others: Vec<Effect<Node>>) {
        let mine = mine.iter().map(|effect| effect.renamed(&self.renaming));
        assert_eq!(in_one_order(mine.collect()), in_one_order(others));
    }

    /// What an input would come to: the same on both sides.
    fn foresee(&self, node: NodeId, input: &Input<Node>) -> Vec<Effect<Node>> {
        if !self.one.is_up(node) {
            return Vec::new();
        }
        let effects = effects_of(self.one.node(node), input.clone());
        let other = self.other.node(self.of(node));
        let others = effects_of(other, input.renamed(&self.renaming));
        self.assert_same_effects(effects.clone(), others);
        effects
    }

    /// Where the other side has what is at this place of the bag.
    fn place_in_other(&self, place: usize) -> Option<usize> {
        let Envelope { from, to, message } = self.one.bag.get(place)?;
        let (from, to) = (self.of(*from), self.of(*to));
        let message = message.renamed(&self.renaming);
        let is_it = |it: &Envelope<Node>| (it.from, it.to, &it.message) == (from, to, &message);
        let found = self.other.bag.iter().position(is_it);
        Some(found.expect("what is under way is so on both sides"))
    }

    /// Delivers a message; the receiver may crash amid what it does about it.
    fn deliver(&mut self, place: usize, crash_after: Option<usize>) {
        let Some(place_in_other) = self.place_in_other(place) else {
            return;
        };
        let Envelope { from, to, message } = self.one.bag[place].clone();
        let effects = self.foresee(to, &Input::Receive { from, message });
        if let Some(most) = crash_after {
            // Amid sends a crash parts those that go first by their names from
            // those that do not. What it loses, a network may lose as well.
            let is_within = |at: usize| effects[at - 1..=at].iter().all(is_loose);
            let is_right = |at: &usize| *at == 0 || *at >= effects.len() || !is_within(*at);
            let after = (0..=most).rev().find(is_right).expect("0 is right");
            self.one.crash_next_step_after(after);
            self.other.crash_next_step_after(after);
        }
        self.one.deliver(place);
        self.other.deliver(place_in_other);
        self.one.crash_no_more();
        self.other.crash_no_more();
    }

    fn timeout(&mut self, node: NodeId, timer: Timer) {
        if self.one.timers(node).contains(&timer) {
            self.foresee(node, &Input::Timeout(timer));
        }
        let fired = self.one.timeout(node, timer);
        assert_eq!(fired, self.other.timeout(self.of(node), timer));
    }

    fn invoke(&mut self, node: NodeId, operation: Operation<Ledger>) {
        let input = Input::Invoke {
            invocation: InvocationId(self.calls),
            operation: operation.clone(),
        };
        self.calls += 1;
        self.foresee(node, &input);
        let other = self.of(node);
        self.other.invoke(other, operation.renamed(&self.renaming));
        self.one.invoke(node, operation);
    }

    fn restart(&mut self, node: NodeId) {
        if !self.one.is_up(node) {
            let start = |world: &World, node| {
                let mut effects = Effects::new();
                Node::start(
                    node,
                    &self.config,
                    world.durable(node).clone(),
                    &mut effects,
                );
                effects.drain().collect()
            };
            let others = start(&self.other, self.of(node));
            self.assert_same_effects(start(&self.one, node), others);
        }
        self.one.restart(node);
        self.other.restart(self.of(node));
    }

    fn both(&mut self, node: NodeId, what: fn(&mut World, NodeId)) {
        what(&mut self.one, node);
        what(&mut self.other, self.renaming.of(node));
    }

    fn elect(&mut self, node: NodeId) {
        for other in self.one.names() {
            self.timeout(other, Timer::Election);
        }
        self.one.bag.clear();
        self.other.bag.clear();
        self.timeout(node, Timer::Election);
        while !self.one.bag.is_empty() {
            self.deliver(0, None);
        }
        assert!(self.one.leads(node));
    }

    /// One that leads if there is any: the others only say no.
    fn leader(&self, number: usize) -> NodeId {
        let names = self.one.names();
        let leads = |node: &NodeId| self.one.leads(*node);
        let leaders: Vec<_> = names.iter().copied().filter(leads).collect();
        let some = if leaders.is_empty() { names } else { leaders };
        some[number % some.len()]
    }

    fn a_session(&self, number: usize) -> SessionId {
        let opened = |outcome: &Outcome<_>| match outcome {
            Outcome::SessionOpened { session } => Some(*session),
            _ => None,
        };
        let mut known = self.one.outcomes.values().rev().filter_map(opened);
        known.nth(number).unwrap_or(SessionId(LogIndex(99)))
    }

    fn ask(&mut self, action: &Action) {
        let write = |session, value| Operation::Write {
            session,
            command: Record::of(value),
        };
        let (number, operation) = match *action {
            Action::Write(number, value) => (number, write(None, value)),
            Action::SessionWrite(number, session, sequence) => {
                let session = (self.a_session(session), Sequence(sequence));
                (number, write(Some(session), sequence))
            }
            Action::OpenSession(number) => (number, Operation::OpenSession),
            Action::Read(number) => (number, Operation::Read { query: Total }),
            Action::Transfer(number, to) => {
                let to = NodeId::at(to % self.one.names().len());
                (number, Operation::TransferLeadership { to })
            }
            _ => unreachable!("not a call: {action:?}"),
        };
        // Now and then of somebody who does not lead, for a hint.
        let node = match number % 10 {
            0 => NodeId::at(number % self.one.names().len()),
            _ => self.leader(number),
        };
        self.invoke(node, operation);
    }

    fn act(&mut self, action: &Action) {
        let count = self.one.names().len();
        let node = |number: usize| NodeId::at(number % count);
        let place = |number: usize| number % self.one.bag.len().max(1);
        match *action {
            Action::Deliver(number) => self.deliver(place(number), None),
            Action::Settle(most) => (0..most).for_each(|_| self.deliver(0, None)),
            Action::CrashAmid(effects) => self.deliver(0, Some(effects)),
            Action::Lose(number) => {
                let place = place(number);
                if let Some(in_other) = self.place_in_other(place) {
                    self.one.bag.remove(place);
                    self.other.bag.remove(in_other);
                }
            }
            Action::Duplicate(number) => {
                let place = place(number);
                if let Some(in_other) = self.place_in_other(place) {
                    self.one.duplicate(place);
                    self.other.duplicate(in_other);
                }
            }
            Action::Timeout(number, timer) => self.timeout(node(number), timer),
            Action::Crash(number) => self.both(node(number), World::crash),
            Action::Restart(number) => self.restart(node(number)),
            Action::Cut(number) => self.both(node(number), World::cut),
            Action::Heal => self.both(N1, |world, _| world.heal()),
            Action::Write(..)
            | Action::SessionWrite(..)
            | Action::OpenSession(..)
            | Action::Read(..)
            | Action::Transfer(..) => self.ask(action),
        }
    }

    /// Under other names the one is the other, with all that it consists of.
    fn assert_alike(&self) {
        for node in self.one.names() {
            let other = self.of(node);
            assert_eq!(self.one.is_up(node), self.other.is_up(other));
            if self.one.is_up(node) {
                self.assert_is(self.one.node(node), self.other.node(other));
            }
            self.assert_is(self.one.durable(node), self.other.durable(other));
            assert_eq!(self.one.timers(node), self.other.timers(other));
        }
        self.assert_is(&self.one.invariants, &self.other.invariants);
        assert_eq!(self.one.outcomes.len(), self.other.outcomes.len());
        for (call, outcome) in &self.one.outcomes {
            self.assert_is(outcome, &self.other.outcomes[call]);
        }
        assert_eq!(self.one.bag.len(), self.other.bag.len());
        assert_eq!(self.one.marks, self.other.marks);
        self.one.assert_held();
        self.other.assert_held();
    }

    /// What is the other under other names, and comes back under its own.
    fn assert_is<T: Renamed + Eq + std::fmt::Debug + std::hash::Hash>(&self, one: &T, other: &T) {
        let renamed = one.renamed(&self.renaming);
        assert_eq!(&renamed, other);
        assert_eq!(Digest::of(&renamed), Digest::of(other));
        assert_eq!(&renamed.renamed(&self.renaming.inverse()), one);
        let unchanged = Renaming::new((0..self.renaming.len()).map(NodeId::at).collect());
        assert_eq!(&one.renamed(&unchanged), one);
    }
}

fn run(renaming: Vec<NodeId>, snapshots: Option<usize>, schedule: &[Action]) -> Twins {
    let config = config(renaming.len(), snapshots);
    let mut twins = Twins::new(config, Renaming::new(renaming));
    twins.assert_alike();
    twins.elect(N1);
    for action in schedule {
        twins.act(action);
        twins.assert_alike();
    }
    twins
}

fn names() -> impl Strategy<Value = Vec<NodeId>> {
    prop_oneof![Just(3), Just(5)]
        .prop_flat_map(|count| Just((0..count).map(NodeId::at).collect()).prop_shuffle())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nobody_is_told_apart_by_a_name(
        renaming in names(),
        snapshots in prop_oneof![Just(None), (0..6usize).prop_map(Some)],
        schedule in prop::collection::vec(action(), 0..400),
    ) {
        run(renaming, snapshots, &schedule);
    }
}

/// Whatever a replica can come into is renamed in some schedule.
#[test]
fn every_mark_is_reached_under_two_names() {
    let mut runner = TestRunner::deterministic();
    let strategy = (names(), prop::collection::vec(action(), 400));
    let mut missing: VecSet<_> = MARKS.iter().copied().collect();
    for number in 0..1000 {
        let tree = strategy.new_tree(&mut runner).expect("a schedule");
        let (renaming, schedule) = tree.current();
        let twins = run(renaming, Some(number % 5), &schedule);
        missing.retain(|mark| !twins.other.marks.contains(mark));
        if missing.is_empty() {
            return;
        }
    }
    panic!("never reached: {missing:?}");
}

#[test]
#[should_panic(expected = "voters may be renamed only to voters")]
fn a_stranger_gets_no_voters_name() {
    let world = world(3);
    let strange = Renaming::new(vec![N1, N2, N4, N3]);
    let _ = world.node(N1).renamed(&strange);
}

#[test]
fn what_is_only_reported_tells_nothing_apart() {
    let (one, other) = ((1u64, ForReport(N1)), (1u64, ForReport(N2)));
    assert_eq!(one, other);
    assert_eq!(Digest::of(&one), Digest::of(&other));
    assert_ne!(one, (2, ForReport(N1)));
}
