//! Walks without a clock: what they find, and that they find it again.

use snowglobe_checkers::explore::{
    Bounds, Reductions, Script, Setting, SmallWorld, Step, StepInput, Wander, Weights,
};
use snowglobe_checkers::models::raft::{RaftSetting, configs};
use snowglobe_systems::process::NodeId;

use super::sleeper::{Kind, NOBODY_HEARS, Sleepers};

pub(super) const EVEN: Weights = Weights {
    deliver: 10,
    deliver_late: 10,
    timeout: 10,
    beat: 10,
    invoke: 10,
    crash: 10,
    restart: 10,
    cut: 10,
    crash_inside_in_100: 10,
    stay_in_100: 10,
    passed_over_in_100: 0,
};

fn walk<S: Setting>(setting: S, seed: u64, weights: Weights) -> Script {
    let world = SmallWorld::new(setting, Reductions::NONE);
    world.wander(&Wander {
        seed,
        weights,
        passed_over: 0,
        steps: 400,
    })
}

fn raft() -> RaftSetting {
    let bounds = Bounds {
        terms: 10,
        operations: 4,
        timeouts: 40,
        beats: 40,
        crashes: 4,
        duplicates: 4,
        cuts: 4,
        messages: 20,
        snapshot_after: 1,
        ..Bounds::default()
    };
    RaftSetting::new(bounds, configs(3))
}

#[test]
fn a_walk_is_what_its_seed_says() {
    let steps = |seed| walk(raft(), seed, EVEN).steps;
    assert_eq!(steps(1), steps(1));
    assert_ne!(steps(1), steps(2));
    assert!(steps(1).len() > 100, "{}", steps(1).len());
}

/// A word that matters after half a step is heard on most walks, and told in few steps.
#[test]
fn what_a_walk_finds_is_shortened() {
    let crashes = Bounds {
        crashes: 1,
        ..Bounds::default()
    };
    let often = Weights {
        crash_inside_in_100: 60,
        crash: 1,
        ..EVEN
    };
    let found = (0..400).filter_map(|seed| {
        let script = walk(
            Sleepers::new(2, Kind::AfterHalf, crashes.clone()),
            seed,
            often.clone(),
        );
        let broken = script.broken?;
        assert_eq!(broken.property, NOBODY_HEARS);
        Some(script.steps.len())
    });
    let found: Vec<usize> = found.collect();
    assert!(!found.is_empty(), "nobody ever hears");
    assert!(found.iter().all(|steps| *steps < 10), "{found:?}");
}

/// What has no weight does not happen, and who is passed over has no part in it.
#[test]
fn a_walk_does_what_it_likes() {
    let calm = Weights {
        crash: 0,
        cut: 0,
        crash_inside_in_100: 0,
        stay_in_100: 0,
        passed_over_in_100: 100,
        ..EVEN
    };
    let harmed = |step: &Step| {
        !matches!(
            step,
            Step::Input {
                crash_after: None,
                ..
            }
        )
    };
    let steps = walk(raft(), 3, calm.clone()).steps;
    assert!(!steps.iter().any(harmed), "{steps:#?}");
    let stays = |step: &Step| {
        let Step::Input { input, .. } = step else {
            return false;
        };
        matches!(input, StepInput::Deliver { stays: true, .. })
    };
    assert!(!steps.iter().any(stays), "{steps:#?}");
    let at_first = |steps: &[Step]| {
        let own = steps.iter().filter(|step| match step {
            Step::Input { input, .. } => input.node() == NodeId(1),
            _ => false,
        });
        own.count() * 100 / steps.len()
    };
    let evenly = Weights {
        passed_over_in_100: 0,
        ..calm
    };
    assert!(at_first(&steps) < at_first(&walk(raft(), 3, evenly).steps));
}
