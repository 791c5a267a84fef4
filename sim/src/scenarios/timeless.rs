//! Runs without a clock: one seed in some is walked in a frozen world.
//!
//! Any message under way, however old, any armed timer, a crash, a restart, a cut or
//! a call is the next step. The walk is drawn in the small world of the system's
//! model, around one of its scopes with much larger budgets, and what was drawn is a
//! scenario with steps like any other: the simulation takes them with its own
//! network and disks, and must come to the same states.

use snowglobe_checkers::explore::{
    Bounds, Reductions, Scope, Setting, SmallWorld, Wander, Weights,
};

use super::file::{Expectation, Scenario, Scripted};
use super::{Modelled, options_of_scope};
use crate::draw::Draw;
use crate::seed::Seed;

/// Draws such a run. `None` if the system has no scope to begin from.
pub(crate) fn draw<S: Modelled>(seed: Seed, mut draw: Draw) -> Option<Scenario> {
    let scopes = S::Setting::scopes();
    if scopes.is_empty() {
        return None;
    }
    let scope = draw.pick(&scopes).clone();
    let bounds = bounds(&mut draw, &scope);
    let options = options_of_scope::<S>(&scope, &bounds);
    let setting = S::setting(scope.nodes, &options, &bounds);
    let passed_over = draw.index(setting.configs().len());
    let wander = Wander {
        seed: draw.below(u64::MAX),
        weights: weights(&mut draw),
        passed_over,
        steps: draw.range_by_doublings(100..LONGEST_WALK) as usize,
    };
    let script = SmallWorld::new(setting, Reductions::NONE).wander(&wander);
    Some(Scenario {
        expect: Expectation::Held,
        scripted: Some(Scripted {
            after_step: None,
            steps: script.steps,
            bounds,
            reaches: Some(script.reaches),
        }),
        options: toml::Table::try_from(&options).expect("options are plain data"),
        ..Scenario::calm(S::NAME, scope.nodes, seed)
    })
}

/// No walk has more steps.
const LONGEST_WALK: u64 = 3000;

/// Budgets for a long walk of a scope's kind.
fn bounds(draw: &mut Draw, scope: &Scope) -> Bounds {
    let base = &scope.bounds;
    let mut up_to = |most: u64| draw.range_by_doublings(1..most + 1) as u8;
    let (timeouts, beats) = (up_to(250).max(10), up_to(250).max(10));
    let operations = base.operations.max(1) * up_to(12).min(20);
    let (crashes, duplicates, cuts) = (up_to(8), up_to(20), up_to(6));
    let (terms, messages) = (base.terms + u64::from(up_to(20)), up_to(100).max(10));
    let never = |draw: &mut Draw, budget: u8, in_many: u64| match draw.below(in_many) {
        0 => 0,
        _ => budget,
    };
    Bounds {
        terms,
        operations: operations.min(24),
        timeouts,
        beats: never(draw, beats, 3),
        crashes: never(draw, crashes, 3),
        duplicates: never(draw, duplicates, 2),
        cuts: never(draw, cuts, 2),
        messages,
        in_order: draw.below(6) == 0,
        ..base.clone()
    }
}

/// What a walk likes.
fn weights(draw: &mut Draw) -> Weights {
    let mut some = |usual: u32| usual * *draw.pick(&[1, 1, 3, 10]);
    Weights {
        deliver: some(20),
        deliver_late: some(2),
        timeout: some(3),
        beat: some(3),
        invoke: some(2),
        crash: some(1),
        restart: some(2),
        cut: some(1),
        crash_inside_in_100: *draw.pick(&[0, 1, 5]),
        stay_in_100: *draw.pick(&[0, 3, 20]),
        passed_over_in_100: *draw.pick(&[0, 0, 80, 97]),
    }
}
