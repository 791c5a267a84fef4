//! What a search looks at itself is looked at: in a small protocol, each look that
//! is switched off turns what it finds into "held".

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::{
    Alike, Bounds, Client, NAMES_MATTER, Order, Outcome, Property, PropertyKind, Reductions,
    Setting, SmallWorld, Symmetry, TimerKind, UNDECIDED, search,
};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Durable, Effect, Effects, Input, NodeId, Process};
use snowglobe_systems::renaming::{Renamed, Renaming};

/// A node that counts, and that hears nothing before it was woken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sleeper {
    awake: bool,
    heard: bool,
    rung: u8,
    id: NodeId,
    /// Else it counts by its own name.
    alike: bool,
}

/// What the first node says to the second, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Word {
    Hear,
    Wake,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct NoDisk;

impl Durable for NoDisk {
    type Write = ();
    fn apply(&mut self, (): &()) {}
}

impl Process for Sleeper {
    /// Whether nodes count alike.
    type Config = bool;
    type Message = Word;
    type Timer = ();
    type Operation = ();
    type Outcome = ();
    type Durable = NoDisk;

    fn start(id: NodeId, alike: &bool, _: NoDisk, effects: &mut Effects<Self>) -> Self {
        effects.push(Effect::SetTimer(()));
        if id == NodeId(1) {
            for message in [Word::Hear, Word::Wake] {
                let to = NodeId(2);
                effects.push(Effect::Send { to, message });
            }
        }
        Self {
            awake: false,
            heard: false,
            rung: 0,
            id,
            alike: *alike,
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Receive { message, .. } => match message {
                Word::Wake => self.awake = true,
                Word::Hear => self.heard |= self.awake,
            },
            Input::Timeout(()) => {
                self.rung += if self.alike { 1 } else { self.id.0 };
                effects.push(Effect::SetTimer(()));
            }
            Input::Invoke { invocation, .. } => effects.reply(invocation, ()),
        }
    }

    fn delay(_: &bool, (): ()) -> Range<Duration> {
        Duration::ZERO..Duration::from_secs(1)
    }
}

impl Renamed for Sleeper {
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self {
            id: renaming.of(self.id),
            ..self.clone()
        }
    }
}

impl Renamed for Word {
    fn renamed(&self, _: &Renaming) -> Self {
        *self
    }
}

impl Renamed for NoDisk {
    fn renamed(&self, _: &Renaming) -> Self {
        Self
    }
}

/// Nobody hears anything, which is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct NobodyHears;

const NOBODY_HEARS: &str = "nobody-hears";

impl Renamed for NobodyHears {
    fn renamed(&self, _: &Renaming) -> Self {
        Self
    }
}

impl Invariants<Sleeper> for NobodyHears {
    fn settled(
        &mut self,
        cluster: &impl ClusterView<Sleeper>,
        node: NodeId,
    ) -> Result<(), Violation> {
        match cluster.node(node).process {
            Some(sleeper) if sleeper.heard => {
                Err(Violation::new(NOBODY_HEARS, [node], "silence", "a word"))
            }
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Debug)]
struct Sleepers {
    bounds: Bounds,
    configs: Vec<bool>,
    alike: Option<Alike>,
    clients: Vec<Client<()>>,
}

impl Sleepers {
    fn new(nodes: usize, bounds: Bounds) -> Self {
        Self {
            bounds,
            configs: vec![true; nodes],
            alike: None,
            clients: Vec::new(),
        }
    }
}

impl Setting for Sleepers {
    type Process = Sleeper;
    type Invariants = NobodyHears;
    type Judge = ();

    const NAME: &'static str = "sleepers";

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
    fn configs(&self) -> &[bool] {
        &self.configs
    }
    fn clients(&self) -> &[Client<()>] {
        &self.clients
    }
    fn properties(&self) -> Vec<Property> {
        vec![Property {
            name: NOBODY_HEARS,
            kind: PropertyKind::State,
        }]
    }
    fn timer_kind(&self, (): ()) -> Option<TimerKind> {
        Some(TimerKind::Timeout)
    }
    fn symmetry(&self) -> Option<&dyn Symmetry<Sleeper, NobodyHears>> {
        let alike = self.alike.as_ref();
        alike.map(|alike| alike as &dyn Symmetry<Sleeper, NobodyHears>)
    }
    fn returned(&self, (): &mut (), _: usize, (): &()) -> Result<(), Violation> {
        Err(Violation::new(UNDECIDED, [], "a verdict", "none"))
    }
    fn shape(&self, _: &impl ClusterView<Sleeper>) -> String {
        String::new()
    }
    fn is_well(&self, _: &impl ClusterView<Sleeper>, _: &[NodeId]) -> Result<(), String> {
        Ok(())
    }
}

fn explore(setting: Sleepers, threads: usize) -> Outcome<Sleepers> {
    let world = Arc::new(SmallWorld::new(setting, Reductions::default()));
    search(&world, Order::Breadth, threads, |_| true)
}

/// Without a step of its own a node never comes to hear, so nothing that can be
/// told ahead says that the word matters: only what it is sent wakes it.
fn asleep() -> Bounds {
    Bounds {
        timeouts: 0,
        ..Bounds::default()
    }
}

#[test]
fn a_word_that_comes_too_early_is_taken_up_again() {
    let outcome = explore(Sleepers::new(2, asleep()), 1);
    let found = outcome.counterexample.expect("the word is heard");
    assert_eq!(found.violation.property, NOBODY_HEARS);
    assert_eq!(found.steps.len(), 2, "{:?}", found.steps);
    assert!(outcome.certificate.taken_up > 0);
    assert!(outcome.certificate.rounds > 1);
}

/// Several threads find it in some order; told is always the same.
#[test]
fn whoever_finds_it_the_same_is_told() {
    let told = |threads| {
        let outcome = explore(Sleepers::new(2, asleep()), threads);
        let found = outcome.counterexample.expect("the word is heard");
        found.steps.iter().map(ToString::to_string).collect()
    };
    let ways: BTreeSet<Vec<String>> = (0..20).map(|number| told(1 + number % 2)).collect();
    assert_eq!(ways.len(), 1, "{ways:#?}");
}

/// Three nodes count, each as far as the budget goes: some thousand states.
fn counting(alike: bool) -> Sleepers {
    let nodes = (2..=4).map(NodeId).collect();
    Sleepers {
        configs: vec![alike; 4],
        alike: Some(Alike(nodes)),
        ..Sleepers::new(
            4,
            Bounds {
                timeouts: 24,
                messages: 0,
                ..Bounds::default()
            },
        )
    }
}

#[test]
fn nodes_that_are_not_alike_are_found_out() {
    let doubt = explore(counting(false), 1).doubt.expect("they differ");
    assert_eq!(doubt.property, NAMES_MATTER);
}

#[test]
fn a_judge_that_gives_up_is_no_verdict() {
    let asks = Client {
        at: vec![NodeId(1)],
        operations: vec![()],
        waits: true,
    };
    let setting = Sleepers {
        clients: vec![asks],
        ..counting(true)
    };
    let outcome = explore(setting, 1);
    let doubt = outcome.doubt.expect("the judge gives up");
    assert_eq!(doubt.property, UNDECIDED);
    assert!(!outcome.exhausted && outcome.counterexample.is_none());
}
