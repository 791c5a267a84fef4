//! A search that goes on when a promise is broken: the shortest way to each that is, and
//! everything but what lies behind.

use std::sync::Arc;
use std::time::Duration;

use snowglobe_checkers::explore::{
    Bounds, Client, Order, Outcome, Property, PropertyKind, Reductions, Setting, SmallWorld,
    TimerKind, search,
};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Effect, Effects, Input, NoDisk, NodeId, Process};

/// Counts how often its timer fired.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Counter(u8);

impl Process for Counter {
    type Config = ();
    type Message = ();
    type Timer = ();
    type Operation = ();
    type Outcome = ();
    type Durable = NoDisk;

    fn start(_: NodeId, (): &(), _: NoDisk, effects: &mut Effects<Self>) -> Self {
        effects.set_timer((), Duration::ZERO);
        Self(0)
    }

    fn step(&mut self, _: Input<Self>, effects: &mut Effects<Self>) {
        self.0 += 1;
        effects.set_timer((), Duration::ZERO);
    }
}

const FIRST: &str = "first-below-three";
const SECOND: &str = "second-below-two";

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Low;

impl Invariants<Counter> for Low {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Counter>,
        node: NodeId,
        _: &[Effect<Counter>],
    ) -> Result<(), Violation> {
        let (property, below) = match node {
            NodeId(1) => (FIRST, 3),
            _ => (SECOND, 2),
        };
        let counted = cluster.node(node).process.map_or(0, |counter| counter.0);
        match counted < below {
            true => Ok(()),
            false => Err(Violation::new(
                property,
                [node],
                format!("less than {below}"),
                counted.to_string(),
            )),
        }
    }
}

#[derive(Clone, Debug)]
struct Counters(Bounds);

impl Setting for Counters {
    type Process = Counter;
    type Invariants = Low;
    type Judge = ();

    const NAME: &'static str = "counters";

    fn bounds(&self) -> &Bounds {
        &self.0
    }
    fn configs(&self) -> &[()] {
        &[(); 2]
    }
    fn clients(&self) -> &[Client<()>] {
        &[]
    }
    fn properties(&self) -> Vec<Property> {
        let kind = PropertyKind::Step;
        [FIRST, SECOND].map(|name| Property { name, kind }).to_vec()
    }
    fn timer_kind(&self, (): ()) -> Option<TimerKind> {
        Some(TimerKind::Timeout)
    }
    fn shape(&self, _: &impl ClusterView<Counter>) -> String {
        String::new()
    }
    fn is_well(&self, _: &impl ClusterView<Counter>, _: &[NodeId]) -> Result<(), String> {
        Ok(())
    }
}

fn world() -> SmallWorld<Counters> {
    let bounds = Bounds {
        timeouts: 9,
        ..Bounds::default()
    };
    SmallWorld::new(Counters(bounds), Reductions::default())
}

/// What is broken, and after how many steps.
fn broken(outcome: &Outcome<Counters>) -> Vec<(&'static str, usize)> {
    let found = outcome.counterexample.iter().chain(&outcome.further);
    let broken = found.map(|found| (found.violation.property, found.steps.len()));
    broken.collect()
}

#[test]
fn it_tells_the_shortest_way_to_each_broken_promise_and_looks_at_all_else() {
    for (order, threads) in [
        (Order::Breadth, 1),
        (Order::Breadth, 3),
        (Order::Depth, 1),
        (Order::Depth, 3),
    ] {
        let world = Arc::new(world().going_on());
        let outcome = search(&world, order, threads, |_| true);
        assert!(outcome.exhausted);
        // The first counts to two at most, and the second to one.
        assert_eq!(outcome.headway.distinct, 3 * 2);
        let broken = broken(&outcome);
        match order {
            Order::Breadth => assert_eq!(broken, [(SECOND, 2), (FIRST, 3)]),
            Order::Depth => assert_eq!(broken.len(), 2, "{broken:?}"),
        }
    }
}

#[test]
fn else_it_ends_with_the_first() {
    let outcome = search(&Arc::new(world()), Order::Breadth, 1, |_| true);
    assert!(!outcome.exhausted);
    assert_eq!(broken(&outcome), [(SECOND, 2)]);
}
