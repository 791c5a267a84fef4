//! Two nodes that count, and invariants that remember something else each time they are asked:
//! no function of what they are shown.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use snowglobe_checkers::explore::{Bounds, Client, Property, Setting, TimerKind};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Effect, Effects, Input, NoDisk, NodeId, Process};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Counter(u8);

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

/// How often any was asked.
static ASKED: AtomicU8 = AtomicU8::new(0);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Fickle {
    remembers: u8,
}

impl Invariants<Counter> for Fickle {
    fn stepped(
        &mut self,
        _: &impl ClusterView<Counter>,
        _: NodeId,
        _: &[Effect<Counter>],
    ) -> Result<(), Violation> {
        self.remembers = ASKED.fetch_add(1, Ordering::Relaxed) % 5;
        Ok(())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Counters(Bounds);

impl Counters {
    /// Of thousands of states some are in the sample.
    pub(crate) fn new() -> Self {
        Self(Bounds {
            beats: 120,
            ..Bounds::default()
        })
    }
}

impl Setting for Counters {
    type Process = Counter;
    type Invariants = Fickle;
    type Judge = ();

    const NAME: &'static str = "fickle";

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
        Vec::new()
    }
    fn timer_kind(&self, (): ()) -> Option<TimerKind> {
        Some(TimerKind::Beat)
    }
    fn shape(&self, _: &impl ClusterView<Counter>) -> String {
        String::new()
    }
    fn is_well(&self, _: &impl ClusterView<Counter>, _: &[NodeId]) -> Result<(), String> {
        Ok(())
    }
}
