//! Users of a service that lies: whatever it does to them is found.

use std::collections::BTreeMap;
use std::fmt;
use std::thread;

use snowglobe_checkers::linearizability::specifications::TextOutput;
use snowglobe_systems::process::{Effects, Input, NoDisk};

use super::*;
use snowglobe::faults::Membership;
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::{Shake, Workload};
use snowglobe::world::engine;
use snowglobe::world::{Blueprint, Breakage};

/// What the service does wrong, from its tenth call on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lie {
    None,
    /// It says that an append is done, and forgets it.
    LosesAppends,
    /// It appends twice.
    AppendsTwice,
    /// It answers gets with what was there before the last write.
    Old,
    /// It does not answer.
    Silence,
    /// It answers what no clerk may.
    Nonsense,
    /// It does not know whether it has done what it did.
    Unsure,
}

/// One node with all texts in its memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Liar {
    lie: Lie,
    calls: u64,
    /// The text under each key, and the one before it.
    texts: BTreeMap<Arc<str>, (String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Said {
    Told(TextOutput),
    Unsure,
    Nonsense,
}

impl Display for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after {} calls", self.lie, self.calls)
    }
}

impl Process for Liar {
    type Config = Lie;
    type Message = ();
    type Timer = ();
    type Operation = (Arc<str>, TextInput);
    type Outcome = Said;
    type Durable = NoDisk;

    fn start(_: NodeId, lie: &Lie, _: NoDisk, _: &mut Effects<Self>) -> Self {
        Self {
            lie: *lie,
            calls: 0,
            texts: BTreeMap::new(),
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        let Input::Invoke {
            invocation,
            operation: (key, input),
        } = input
        else {
            return;
        };
        self.calls += 1;
        let lie = match self.calls > 10 {
            true => self.lie,
            false => Lie::None,
        };
        let done = self.texts.entry(key).or_default();
        let told = done_to(done, &input, lie);
        match lie {
            Lie::Silence => {}
            Lie::Nonsense => effects.reply(invocation, Said::Nonsense),
            Lie::Unsure => effects.reply(invocation, Said::Unsure),
            _ => effects.reply(invocation, Said::Told(told)),
        }
    }
}

/// Does to a text what was asked, but for the lie.
fn done_to((text, before): &mut (String, String), input: &TextInput, lie: Lie) -> TextOutput {
    let (new, told) = match input {
        TextInput::Get if lie == Lie::Old => return TextOutput::Value(before.as_str().into()),
        TextInput::Get => return TextOutput::Value(text.as_str().into()),
        TextInput::Cas { from, .. } if **from != **text => return TextOutput::Kept,
        TextInput::Append(_) if lie == Lie::LosesAppends => return TextOutput::Done,
        TextInput::Put(value) => (value.to_string(), TextOutput::Done),
        TextInput::Delete => (String::new(), TextOutput::Done),
        TextInput::Append(more) if lie == Lie::AppendsTwice => {
            (format!("{text}{more}{more}"), TextOutput::Done)
        }
        TextInput::Append(more) => (format!("{text}{more}"), TextOutput::Done),
        TextInput::Cas { to, .. } => (to.to_string(), TextOutput::Swapped),
    };
    *before = std::mem::replace(text, new);
    told
}

impl TextService for Liar {
    fn ask(key: &Arc<str>, input: &TextInput) -> Self::Operation {
        (key.clone(), input.clone())
    }
    fn answer(outcome: Said) -> Result<Answer, Said> {
        match outcome {
            Said::Told(output) => Ok(Answer::Output(output)),
            Said::Unsure => Ok(Answer::Indeterminate),
            Said::Nonsense => Err(outcome),
        }
    }
}

/// Nobody watches the service itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Unwatched;

impl Invariants<Liar> for Unwatched {}

impl Watcher<Liar> for Unwatched {}

/// Users who call what they like, and are served at the end.
#[derive(Clone)]
struct Lied(Users);

type LiarWorld = World<Liar, Unwatched>;

impl Workload<Liar, Unwatched> for Lied {
    fn begin(&mut self, world: &mut LiarWorld) {
        self.0.turn_to(world, Errand::Roaming);
    }
    fn alarm(&mut self, world: &mut LiarWorld, token: u64) {
        self.0.alarm(world, token);
    }
    fn returned(&mut self, world: &mut LiarWorld, invocation: InvocationId, outcome: Said) {
        self.0.returned(world, invocation, outcome);
    }
    fn settle(&mut self, world: &mut LiarWorld, _: &[NodeId]) {
        self.0.settle(world);
    }
    fn last_look(&mut self, world: &mut LiarWorld) {
        self.0.close(world);
    }
    fn settled(&mut self, world: &mut LiarWorld) -> bool {
        self.0.settled(world)
    }
    fn missing(&self, world: &LiarWorld) -> String {
        self.0.how_things_stand(world)
    }
}

/// What comes of two users, who have so much time before all must be served.
fn served(lie: Lie, chaos: Duration) -> Option<Breakage> {
    let habits = Habits {
        users_per_clerk: 2,
        readers: 0,
        keys: 2,
        hot_in_100: 50,
        own_in_100: 50,
        gets_in_100: 50,
        value_bytes: 0,
        think_ms: 5,
        swaps_same_in_100: 0,
        leaves_after: Duration::ZERO,
        bursts: Duration::ZERO,
    };
    let run = move || {
        let scenario = Scenario {
            chaos,
            settle: Duration::from_secs(1),
            ..Scenario::calm("liar", 1, Seed(3))
        };
        let blueprint = Blueprint {
            seed: scenario.seed,
            configs: vec![lie],
            links: scenario.links.clone(),
            sync: scenario.sync.clone(),
            checkpoint_bytes: scenario.checkpoint_bytes,
            faults: Vec::new(),
            batch: 1,
            step_budget: 100_000,
        };
        let users = Users::new(scenario.seed, habits, [NodeId(1)], Errand::Ordered);
        let shake = Shake::new(&scenario, Membership::one_group(1), Lied(users));
        engine::run::<Liar, Unwatched, _>(blueprint, shake).0
    };
    let finished = thread::spawn(run).join().expect("the world does not panic");
    finished.breakage
}

const CHAOS: Duration = Duration::from_millis(300);

#[test]
fn an_honest_service_is_let_through() {
    assert_eq!(served(Lie::None, CHAOS), None);
}

#[test]
fn what_clients_saw_must_have_an_order() {
    for lie in [Lie::LosesAppends, Lie::AppendsTwice, Lie::Old] {
        let broken = served(lie, CHAOS).expect("it lies").broken;
        match broken {
            Broken::Illegal(illegal) => assert_eq!(illegal.violation.property, "linearizable"),
            other => panic!("{lie:?}: {other:?}"),
        }
    }
}

#[test]
fn a_clerk_that_gives_up_is_noticed() {
    match served(Lie::Nonsense, CHAOS).expect("it lies").broken {
        Broken::Safety(violation) => assert_eq!(violation.property, "clerk-asks-on"),
        other => panic!("{other:?}"),
    }
}

/// Whoever is not answered, or is told nothing for certain, is not served.
#[test]
fn users_must_be_served() {
    for lie in [Lie::Silence, Lie::Unsure] {
        match served(lie, CHAOS).expect("it does not serve").broken {
            Broken::Liveness(violation) => assert_eq!(violation.property, "progress"),
            other => panic!("{lie:?}: {other:?}"),
        }
    }
}
