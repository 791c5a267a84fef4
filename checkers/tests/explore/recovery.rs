//! Whether a world recovers is found out by running it forward, and what is told
//! of one that does not is short.

use std::sync::Arc;
use std::time::Duration;

use snowglobe_checkers::explore::{
    Bounds, Client, Order, Outcome, Property, RECOVERS, Reductions, Setting, SmallWorld, Step,
    TimerKind, Wander, search,
};
use snowglobe_systems::invariants::{ClusterView, Invariants};
use snowglobe_systems::process::{Effect, Effects, Input, NoDisk, NodeId, Process};

/// What becomes of a lamp that somebody broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Broken {
    /// It never does anything again.
    Stops,
    /// It goes on and on, and nothing comes of it.
    Flickers,
    /// The same, and it counts how often.
    Counts,
    /// It works as ever.
    Works,
}

/// How the lamps of a world are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Make {
    broken: Broken,
    /// It is lit when it has heard from so many others.
    needs: u8,
    nodes: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lamp {
    id: NodeId,
    make: Make,
    is_broken: bool,
    count: u32,
    /// One bit for each node.
    heard_of: u8,
    lit: bool,
}

const DELAY: Duration = Duration::ZERO;

impl Process for Lamp {
    type Config = Make;
    type Message = ();
    type Timer = ();
    type Operation = ();
    type Outcome = ();
    type Durable = NoDisk;

    fn start(id: NodeId, make: &Make, _: NoDisk, effects: &mut Effects<Self>) -> Self {
        effects.set_timer((), DELAY);
        Self {
            id,
            make: *make,
            is_broken: false,
            count: 0,
            heard_of: 0,
            lit: false,
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Receive { from, .. } => {
                self.heard_of |= 1 << from.position();
                self.lit |= !self.is_broken && self.has_heard();
            }
            Input::Timeout(()) => self.ring(effects),
            // Somebody breaks it.
            Input::Invoke { invocation, .. } => {
                (self.is_broken, self.lit) = (self.make.broken != Broken::Works, false);
                effects.reply(invocation, ());
            }
        }
    }
}

impl Lamp {
    fn has_heard(&self) -> bool {
        self.heard_of.count_ones() >= u32::from(self.make.needs)
    }

    fn ring(&mut self, effects: &mut Effects<Self>) {
        for other in (0..usize::from(self.make.nodes)).map(NodeId::at) {
            if other != self.id {
                effects.push(Effect::Send {
                    to: other,
                    message: (),
                });
            }
        }
        self.lit |= !self.is_broken && self.has_heard();
        let again = match self.make.broken {
            Broken::Stops => !self.is_broken && !self.lit,
            Broken::Flickers | Broken::Works => true,
            Broken::Counts => {
                self.count += u32::from(self.is_broken);
                true
            }
        };
        if again {
            effects.set_timer((), DELAY);
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Nobody;

impl Invariants<Lamp> for Nobody {}

#[derive(Clone, Debug)]
struct Lamps {
    bounds: Bounds,
    configs: Vec<Make>,
    clients: Vec<Client<()>>,
    dispensable: Vec<Vec<NodeId>>,
    /// Nothing is demanded while a lamp is broken.
    waits_for_repair: bool,
}

impl Lamps {
    fn new(make: Make, bounds: Bounds) -> Self {
        let breaks = Client {
            at: vec![NodeId(1)],
            operations: vec![(); usize::from(bounds.operations)],
            waits: true,
        };
        Self {
            bounds,
            configs: vec![make; usize::from(make.nodes)],
            clients: vec![breaks],
            dispensable: Vec::new(),
            waits_for_repair: false,
        }
    }
}

impl Setting for Lamps {
    type Process = Lamp;
    type Invariants = Nobody;
    type Judge = ();

    const NAME: &'static str = "lamps";

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
    fn configs(&self) -> &[Make] {
        &self.configs
    }
    fn clients(&self) -> &[Client<()>] {
        &self.clients
    }
    fn properties(&self) -> Vec<Property> {
        Vec::new()
    }
    fn timer_kind(&self, (): ()) -> Option<TimerKind> {
        Some(TimerKind::Timeout)
    }
    fn shape(&self, _: &impl ClusterView<Lamp>) -> String {
        String::new()
    }
    fn can_recover(&self, cluster: &impl ClusterView<Lamp>) -> bool {
        let mut lamps = (0..cluster.len()).filter_map(|at| cluster.node(NodeId::at(at)).process);
        !self.waits_for_repair || !lamps.any(|lamp| lamp.is_broken)
    }
    fn dispensable(&self) -> Vec<Vec<NodeId>> {
        self.dispensable.clone()
    }
    fn is_well(&self, cluster: &impl ClusterView<Lamp>, away: &[NodeId]) -> Result<(), String> {
        let there = (0..cluster.len()).map(NodeId::at);
        let mut there = there.filter(|id| !away.contains(id));
        let is_dark = |id: &NodeId| !cluster.node(*id).process.is_some_and(|lamp| lamp.lit);
        match there.find(is_dark) {
            Some(id) => Err(format!("{id} is dark")),
            None => Ok(()),
        }
    }
}

/// Looks from every state whether the world recovers.
fn explore(setting: Lamps) -> Outcome<Lamps> {
    let world = SmallWorld::new(setting, Reductions::default()).sampling(Some(1));
    search(&Arc::new(world), Order::Breadth, 1, |_| true)
}

fn one_call() -> Bounds {
    Bounds {
        operations: 1,
        timeouts: 2,
        ..Bounds::default()
    }
}

#[test]
fn why_it_does_not_recover_is_told_in_a_few_steps() {
    for (broken, says, longest) in [
        (
            Broken::Stops,
            "n1 is dark, and nothing more will happen",
            20,
        ),
        (
            Broken::Flickers,
            "n1 is dark, and the same happens again and again",
            40,
        ),
        (Broken::Counts, "n1 is dark after 4000 steps", 102),
    ] {
        let make = Make {
            broken,
            needs: 0,
            nodes: 2,
        };
        let outcome = explore(Lamps::new(make, one_call()));
        let found = outcome.counterexample.expect("it stays dark");
        assert_eq!(found.violation.property, RECOVERS);
        assert_eq!(found.violation.found, says);
        let words: Vec<String> = found.steps.iter().map(ToString::to_string).collect();
        assert_eq!(words[0], "invoke n1 ()", "{words:#?}");
        assert_eq!(words.last().map(String::as_str), Some("demand recovery"));
        assert!(words.len() <= longest, "{}: {words:#?}", words.len());
    }
    let make = Make {
        broken: Broken::Works,
        needs: 0,
        nodes: 2,
    };
    assert!(explore(Lamps::new(make, one_call())).exhausted);
}

/// A walk without a clock breaks the lamp, and then nothing more happens to it.
#[test]
fn a_walk_must_recover_at_its_end() {
    let walked = |broken| {
        let make = Make {
            broken,
            needs: 0,
            nodes: 2,
        };
        let world = SmallWorld::new(Lamps::new(make, one_call()), Reductions::NONE);
        world.wander(&Wander {
            seed: 1,
            weights: super::wander::EVEN,
            passed_over: 0,
            steps: 50,
        })
    };
    let script = walked(Broken::Stops);
    let broken = script.broken.expect("it stays dark");
    assert_eq!(broken.property, RECOVERS);
    let last = script.steps.last().map(ToString::to_string);
    assert_eq!(last.as_deref(), Some("demand recovery"));
    assert_eq!(walked(Broken::Works).broken, None);
}

#[test]
fn where_it_is_down_to_clients_nothing_is_demanded() {
    let make = Make {
        broken: Broken::Stops,
        needs: 0,
        nodes: 2,
    };
    let setting = Lamps {
        waits_for_repair: true,
        ..Lamps::new(make, one_call())
    };
    let outcome = explore(setting);
    assert!(outcome.exhausted && outcome.counterexample.is_none());
    let states = outcome.headway.distinct as u64;
    assert!(
        (1..states).contains(&outcome.account.sampled),
        "only where it is whole"
    );
}

/// Each lamp needs to hear from all others, so it needs them up, and sees them.
#[test]
fn whoever_is_down_comes_back_and_what_is_cut_is_mended() {
    let make = Make {
        broken: Broken::Works,
        needs: 2,
        nodes: 3,
    };
    let bounds = Bounds {
        crashes: 1,
        cuts: 1,
        timeouts: 1,
        ..Bounds::default()
    };
    let outcome = explore(Lamps::new(make, bounds));
    assert!(outcome.exhausted && outcome.counterexample.is_none());
}

#[test]
fn the_others_must_recover_without_whoever_may_be_away() {
    let with = |needs| {
        let make = Make {
            broken: Broken::Works,
            needs,
            nodes: 3,
        };
        Lamps {
            dispensable: vec![vec![NodeId(3)]],
            ..Lamps::new(make, Bounds::default())
        }
    };
    assert!(explore(with(1)).exhausted, "one other is enough");
    let found = explore(with(2))
        .counterexample
        .expect("two others are too many");
    assert_eq!(found.violation.property, RECOVERS);
    let how = ["with these down: n3", "with these cut off: n3"];
    let expected = &found.violation.expected;
    assert!(how.iter().any(|how| expected.ends_with(how)), "{expected}");
    let demand = Step::DemandRecovery {
        without: vec![NodeId(3)],
    };
    assert_eq!(found.steps.last(), Some(&demand));
}
