//! What the world itself demands of every process.

use std::time::Duration;

use snowglobe::world::Broken;
use snowglobe::world::engine::Finished;

use crate::fragile::Habit;
use crate::promises::Promise;
use crate::umpire::{Run, schedule};

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
fn steps_without_end_are_noticed() {
    let found = broken(Habit::BeatsWithoutPause);
    assert_eq!(found, Broken::OutOfSteps { budget: 100_000 });
    let few = with(Habit::None, 20).breakage.expect("more than 20 steps");
    assert_eq!(few.broken, Broken::OutOfSteps { budget: 20 });
    assert_eq!(few.step, 21, "it ends at once");
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
