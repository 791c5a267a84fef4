//! A letter to somebody who falls asleep while another node counts; and somebody who listens, and
//! minds at one count that it rustles under the door.

use std::time::Duration;

use snowglobe_checkers::explore::{Bounds, Client, Property, PropertyKind, Setting, TimerKind};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::Effect;
use snowglobe_systems::process::{Effects, Input, NoDisk, NodeId, Process};

const COUNTER: NodeId = NodeId(1);
const READER: NodeId = NodeId(2);
const RUSTLES: &str = "letter.rustles";
pub(crate) const TOO_LOUD: &str = "too-loud";

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Neighbour {
    id: NodeId,
    counted: u8,
    asleep: bool,
    has_read: bool,
}

const DELAY: Duration = Duration::ZERO;

impl Process for Neighbour {
    type Config = ();
    type Message = ();
    type Timer = ();
    type Operation = ();
    type Outcome = ();
    type Durable = NoDisk;

    fn start(id: NodeId, (): &(), _: NoDisk, effects: &mut Effects<Self>) -> Self {
        effects.set_timer((), DELAY);
        if id == COUNTER {
            effects.send(READER, ());
        }
        Self {
            id,
            counted: 0,
            asleep: false,
            has_read: false,
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Timeout(()) if self.id == COUNTER => {
                self.counted += 1;
                effects.set_timer((), DELAY);
            }
            Input::Timeout(()) => self.asleep = true,
            Input::Receive { .. } if self.asleep => effects.mark(RUSTLES),
            Input::Receive { .. } => self.has_read = true,
            Input::Invoke { .. } => {}
        }
    }
}

/// At which count who listens minds.
pub(crate) const MINDS_AT: u8 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Listens;

impl Invariants<Neighbour> for Listens {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Neighbour>,
        node: NodeId,
        effects: &[Effect<Neighbour>],
    ) -> Result<(), Violation> {
        let counter = cluster.node(COUNTER).process;
        let minds = counter.is_some_and(|counter| counter.counted == MINDS_AT);
        match minds && effects.contains(&Effect::Mark(RUSTLES)) {
            true => Err(Violation::new(TOO_LOUD, [node], "silence", "a letter")),
            false => Ok(()),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Letters(Bounds);

impl Letters {
    pub(crate) fn new() -> Self {
        Self(Bounds {
            timeouts: 1,
            beats: 3,
            ..Bounds::default()
        })
    }
}

impl Setting for Letters {
    type Process = Neighbour;
    type Invariants = Listens;
    type Judge = ();

    const NAME: &'static str = "letters";

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
        vec![Property {
            name: TOO_LOUD,
            kind: PropertyKind::Step,
        }]
    }
    /// Time passes as often as the reader needs.
    fn timer_kind(&self, (): ()) -> Option<TimerKind> {
        Some(TimerKind::Beat)
    }
    fn shape(&self, _: &impl ClusterView<Neighbour>) -> String {
        String::new()
    }
    fn is_well(&self, _: &impl ClusterView<Neighbour>, _: &[NodeId]) -> Result<(), String> {
        Ok(())
    }
}
