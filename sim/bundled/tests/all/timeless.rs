//! Runs without a clock: drawn from a seed like any other, written down like any other,
//! and the simulation comes to what the walk came to.

use snowglobe::scenarios::Verdict;
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::weather::Weather;
use snowglobe::seed::Seed;
use snowglobe_bundled::SYSTEMS;

fn timeless() -> Weather {
    Weather {
        timeless_in: 1,
        ..Weather::default()
    }
}

fn systems() -> impl Iterator<Item = &'static str> {
    ["raft", "kv", "shardctrler", "shardkv", "mapreduce"].into_iter()
}

fn draw(system: &str, seed: u64) -> Scenario {
    let system = SYSTEMS.find(system).expect("it is registered");
    system.draw_in(Seed(seed), &timeless())
}

#[test]
fn a_walk_is_a_scenario_like_any_other() {
    for system in systems() {
        for seed in 0..20 {
            let scenario = draw(system, seed);
            let scripted = scenario.scripted.as_ref().expect("it is told step by step");
            assert!(scripted.reaches.is_some());
            assert_eq!(scenario, draw(system, seed), "{system} {seed}");
            let text = scenario.to_toml();
            let again: Scenario = text.parse().expect("what is written is read");
            assert_eq!(again, scenario, "{system} {seed}");
        }
    }
}

#[test]
fn the_simulation_comes_to_what_the_walk_came_to() {
    for name in systems() {
        let mut steps = 0;
        for seed in 0..30 {
            let scenario = draw(name, seed);
            let report = SYSTEMS.run(&scenario);
            let report = report.expect("it can be run");
            // Another state at the end than that of the walk is no verdict of `held`.
            assert_eq!(report.verdict, Verdict::Held, "{name} {seed}");
            steps += report.counters.steps;
        }
        assert!(steps > 1500, "{name}: {steps} steps in 30 walks");
    }
}

#[test]
fn some_seeds_are_timeless_and_the_others_are_what_they_were() {
    let system = SYSTEMS.find("raft").expect("it is registered");
    let never = Weather {
        timeless_in: 0,
        ..Weather::default()
    };
    let mut timeless = 0;
    for seed in 0..200 {
        let drawn = system.draw_in(Seed(seed), &Weather::default());
        match drawn.scripted {
            Some(_) => timeless += 1,
            None => assert_eq!(drawn, system.draw_in(Seed(seed), &never)),
        }
    }
    assert!((8..40).contains(&timeless), "{timeless} of 200");
}
