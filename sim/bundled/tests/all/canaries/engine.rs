//! What the world itself demands of every process.

use std::thread;
use std::time::Duration;

use snowglobe::seed::Seed;
use snowglobe::world::engine::{self, Finished};
use snowglobe::world::network::LinkQuality;
use snowglobe::world::{Blueprint, Broken, Director, World};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Effect, InvocationId, NodeId};

use super::fragile::{Fragile, Habit};
use super::promises::Promise;
use super::umpire::{Run, schedule};

fn with(habit: Habit, step_budget: u64) -> Finished {
    let run = Run {
        habit,
        step_budget,
        length: Duration::from_secs(1),
        ..Run::watching(Promise::EverybodyIsHeard)
    };
    run.seeded(1)
}

fn broken(habit: Habit) -> Broken {
    let breakage = with(habit, 100_000).breakage;
    breakage
        .unwrap_or_else(|| panic!("{habit:?} is let through"))
        .broken
}

#[test]
fn who_does_nothing_wrong_breaks_nothing() {
    assert_eq!(with(Habit::None, 100_000).breakage, None);
}

#[test]
fn a_second_answer_and_one_of_another_node_are_noticed() {
    for habit in [Habit::AnswersTwice, Habit::AnswersForAnother] {
        match broken(habit) {
            Broken::Safety(violation) => assert_eq!(violation.property, "one-answer"),
            other => panic!("{habit:?}: {other:?}"),
        }
    }
}

#[test]
fn a_panic_in_a_step_or_at_the_start_is_noticed() {
    for habit in [Habit::PanicsWhenCalled, Habit::PanicsAtStart] {
        let found = broken(habit);
        assert!(
            matches!(found, Broken::Panic { .. }),
            "{habit:?}: {found:?}"
        );
    }
}

#[test]
fn a_rule_that_a_process_breaks_is_named() {
    let rules = [
        (Habit::SendsToItself, "messages-go-to-others: n"),
        (Habit::SendsToNobody, "sends to n9, of "),
        (Habit::SetsTimersBackwards, "timers-run-forwards: "),
    ];
    for (habit, says) in rules {
        match broken(habit) {
            Broken::Panic { message, .. } => assert!(message.contains(says), "{message}"),
            other => panic!("{habit:?}: {other:?}"),
        }
    }
}

#[test]
fn steps_without_end_are_noticed() {
    for budget in [100_000, 20] {
        let found = with(Habit::BeatsWithoutPause, budget).breakage;
        let found = found.expect("more steps than that");
        // What clients ask for comes on top.
        let Broken::OutOfSteps { budget: allowed } = found.broken else {
            panic!("{:?}", found.broken);
        };
        assert!((budget..2 * budget + 1000).contains(&allowed), "{allowed}");
        assert_eq!(found.step, allowed + 1, "it ends at once");
    }
}

/// A node answers a call in the life in which it was asked.
#[test]
fn a_call_dies_with_its_node() {
    let run = Run::watching(Promise::CallsAreAnswered);
    let faults = [
        "1s pause n1",
        "1500ms crash n1 losing unsynced",
        "2s restart n1",
    ];
    let found = run.with(schedule(&faults)).broken(1);
    assert_eq!(
        found.as_deref(),
        Some("n1"),
        "what it was asked is never answered"
    );
}

/// What invariants can be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Told {
    #[default]
    Nothing,
    Started,
    Stepped,
    Executed,
    Settled,
}

/// Finds fault with whatever is told of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Objects(Told);

impl Objects {
    fn hears(&self, told: Told) -> Result<(), Violation> {
        match self.0 == told {
            true => Err(Violation::new("told", [], "nothing", format!("{told:?}"))),
            false => Ok(()),
        }
    }
}

impl Invariants<Fragile> for Objects {
    fn started(&mut self, _: &impl ClusterView<Fragile>, _: NodeId) -> Result<(), Violation> {
        self.hears(Told::Started)
    }
    fn stepped(
        &mut self,
        _: &impl ClusterView<Fragile>,
        _: NodeId,
        _: &[Effect<Fragile>],
    ) -> Result<(), Violation> {
        self.hears(Told::Stepped)
    }
    fn executed(
        &mut self,
        _: &impl ClusterView<Fragile>,
        _: NodeId,
        _: &Effect<Fragile>,
    ) -> Result<(), Violation> {
        self.hears(Told::Executed)
    }
    fn settled(&mut self, _: &impl ClusterView<Fragile>, _: NodeId) -> Result<(), Violation> {
        self.hears(Told::Settled)
    }
}

/// Lets a world run for a second.
#[derive(Clone)]
struct Idle(bool);

impl Director<Fragile, Objects> for Idle {
    fn begin(&mut self, world: &mut World<Fragile, Objects>) {
        world.alarm(Duration::from_secs(1), 1);
    }
    fn alarm(&mut self, _: &mut World<Fragile, Objects>, _: u64) {
        self.0 = true;
    }
    fn returned(&mut self, _: &mut World<Fragile, Objects>, _: InvocationId, _: u64) {}
    fn is_over(&mut self, _: &mut World<Fragile, Objects>) -> bool {
        self.0
    }
}

#[test]
fn invariants_are_told_of_everything_and_heeded() {
    let found = |told: Told| {
        let blueprint = Blueprint {
            seed: Seed(1),
            configs: vec![(2, Habit::None); 2],
            links: LinkQuality::default(),
            sync: Duration::ZERO..Duration::ZERO,
            checkpoint_bytes: 4096,
            faults: Vec::new(),
            batch: 1,
            step_budget: 10_000,
        };
        let run = move || engine::run_watched(blueprint, Objects(told), Idle(false)).0;
        let finished = thread::spawn(run).join().expect("the world does not panic");
        finished.breakage.map(|breakage| match breakage.broken {
            Broken::Safety(violation) => violation.found,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(found(Told::Nothing), None);
    for told in [Told::Started, Told::Stepped, Told::Executed, Told::Settled] {
        assert_eq!(found(told), Some(format!("{told:?}")));
    }
}
