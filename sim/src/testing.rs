//! From `cargo test`: the same as `fuzz` and `check`, in one line.
//!
//! ```ignore
//! #[test]
//! fn it_holds() {
//!     snowglobe::testing::fuzz(&lock_service::SYSTEM, 200);
//! }
//! ```

use std::env;
use std::time::Duration;

use snowglobe_checkers::explore::{Order, Reductions, Scope, SearchEngine};

use crate::campaign::stopwatch::Stopwatch;
use crate::campaign::{Finding, Trial, try_scenario};
use crate::explore::{Exploration, Plan};
use crate::registry::Registered;
use crate::report::failure::{self, Again};
use crate::scenarios::Verdict;
use crate::scenarios::file::Scenario;
use crate::seed::{Seed, SeedRange};
use crate::shrink::{Keep, shrink};
use crate::world::engine::Engine;

/// A run of a test that takes longer hangs.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Runs the first seeds of a system. `SNOWGLOBE_SEEDS=A..B` says which instead, and
/// `SNOWGLOBE_SEED=N` a single one, as the message of a failing test does.
///
/// # Panics
/// When a run breaks something, with what it broke and how to run it again.
pub fn fuzz(system: &'static dyn Registered, seeds: u64) {
    for seed in chosen(seeds) {
        if let Some(found) = broken(system, seed) {
            panic!("{found}");
        }
    }
}

/// Looks for a seed that breaks a property, as a test of a planted bug does, and returns the
/// first. It looks through the same seeds whatever the environment says: what a planted bug
/// breaks is broken by some seeds, not by any.
///
/// # Panics
/// When all hold, or one breaks something else first.
pub fn finds(system: &'static dyn Registered, property: &str, seeds: u64) -> Seed {
    for seed in (0..seeds).map(Seed) {
        let scenario = system.draw(seed);
        match try_scenario(system, &scenario, Engine::default(), WATCHDOG) {
            Trial::Ran(report) if report.verdict == Verdict::Held => {}
            Trial::Ran(report) if report.verdict.property() == Some(property) => return seed,
            other => panic!("{seed} broke something else: {:?}", Finding::of(&other)),
        }
    }
    panic!("no seed of {seeds} broke {property:?}");
}

/// Looks at every schedule of the small worlds of a system.
///
/// # Panics
/// When one breaks something, or is too large to be looked at in full.
pub fn check(system: &'static dyn Registered) {
    for scope in system.scopes() {
        let exploration = explored(system, &scope);
        if let Some(found) = exploration.finding {
            panic!(
                "{} in {}:\n{}",
                found.violation.property,
                scope.name,
                found.scenario.to_toml()
            );
        }
        let (name, scope) = (system.name(), scope.name);
        assert!(
            exploration.exhausted,
            "{name}: {scope} was not looked at in full"
        );
    }
}

/// Looks for a schedule that breaks a property, in the small worlds of a system with a planted
/// bug. The scenario that shows it.
///
/// # Panics
/// When none does, or one breaks something else first.
pub fn check_finds(system: &'static dyn Registered, property: &str) -> Scenario {
    for scope in system.scopes() {
        if let Some(found) = explored(system, &scope).finding {
            assert_eq!(found.violation.property, property, "in {}", scope.name);
            return found.scenario;
        }
    }
    panic!("no schedule of the small worlds broke {property:?}");
}

/// From one in so many states of a small world it is looked whether it recovers.
const RECOVERS_FROM_ONE_IN: u64 = 100;

fn explored(system: &'static dyn Registered, scope: &Scope) -> Exploration {
    let own = scope.options.iter();
    let plan = Plan {
        nodes: scope.nodes,
        bounds: scope.bounds.clone(),
        options: own
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect(),
        order: Order::Breadth,
        walks: None,
        engine: SearchEngine::default(),
        threads: 1,
        reductions: Reductions::default(),
        sample_one_in: Some(RECOVERS_FROM_ONE_IN),
        goes_on: false,
    };
    let explored = system
        .small_world()
        .and_then(|model| model.explore(&plan, &mut |_| true));
    explored.unwrap_or_else(|why| panic!("{}: {why}", system.name()))
}

/// The seeds that the environment asks for, or so many.
fn chosen(seeds: u64) -> Vec<Seed> {
    let asked = |name: &str| env::var(name).ok();
    if let Some(seed) = asked("SNOWGLOBE_SEED") {
        let seed = seed.parse();
        return vec![seed.unwrap_or_else(|why| panic!("SNOWGLOBE_SEED: {why}"))];
    }
    if let Some(range) = asked("SNOWGLOBE_SEEDS") {
        let range: SeedRange = range
            .parse()
            .unwrap_or_else(|why| panic!("SNOWGLOBE_SEEDS: {why}"));
        return range.iter().collect();
    }
    (0..seeds).map(Seed).collect()
}

/// What a seed breaks, in words.
fn broken(system: &'static dyn Registered, seed: Seed) -> Option<String> {
    let scenario = system.draw(seed);
    let trial = try_scenario(system, &scenario, Engine::default(), WATCHDOG);
    let finding = Finding::of(&trial)?;
    let name = system.name();
    let short = || format!("FAIL {name} {finding}\n  replay    SNOWGLOBE_SEED={seed} cargo test");
    Some(match &trial {
        Trial::Ran(report) => match &report.verdict {
            Verdict::Broke(breakage) => {
                let found = failure::lines(report, breakage, &Again::Test);
                found + &in_small(system, &scenario)
            }
            Verdict::Held | Verdict::CannotRecover => short(),
        },
        Trial::Hung { .. } | Trial::ToolPanicked { .. } => short(),
    })
}

/// How long a failure of a test may take to become smaller.
const SHRINKS_FOR: Duration = Duration::from_secs(5);

/// The same failure with as few steps as it takes, if it can be told so.
fn in_small(system: &'static dyn Registered, scenario: &Scenario) -> String {
    let stopwatch = Stopwatch::start();
    let spent = || stopwatch.elapsed().as_secs_f64() / SHRINKS_FOR.as_secs_f64();
    let shrunk = shrink(system, scenario, Keep::Property, &spent);
    let steps = shrunk.ok().and_then(|it| it.steps.ok());
    let script = steps.and_then(|it| it.scenario.scripted);
    script.map_or_else(String::new, |script| {
        let mut text = format!("  in {} steps\n", script.steps.len());
        for step in &script.steps {
            text.push_str(&format!("    {step}\n"));
        }
        text
    })
}

/// A failing seed as steps, with as few of them as it takes: a scenario that replays, to be kept
/// as a story once the mistake is mended.
///
/// # Panics
/// When the seed breaks nothing, or what it breaks cannot be told as steps.
pub fn steps_of(system: &'static dyn Registered, seed: Seed) -> Scenario {
    let shrunk = shrink(system, &system.draw(seed), Keep::Property, &|| 0.0);
    let shrunk = shrunk.unwrap_or_else(|why| panic!("{seed}: {why}"));
    let steps = shrunk.steps;
    steps.unwrap_or_else(|why| panic!("{seed}: {why}")).scenario
}
