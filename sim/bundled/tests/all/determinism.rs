//! The same seed is the same run: in this process, in another, and in any order.

use snowglobe_bundled::SYSTEMS;
use std::process::Command;

use snowglobe::scenarios::{Histories, How};
use snowglobe::seed::Seed;
use snowglobe::world::engine::Engine;

fn digest_here(system: &str, seed: u64, engine: Engine) -> String {
    let system = SYSTEMS.find(system).expect("the system is registered");
    let how = How {
        engine,
        ..How::default()
    };
    let report = system.run_as(&system.draw(Seed(seed)), how);
    report.expect("a drawn scenario runs").digest.to_string()
}

fn digests_elsewhere(system: &str, seeds: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_snowglobe"))
        .args([
            "replay", seeds, "--system", system, "--digest", "--engine", "madsim",
        ])
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .expect("digests are text")
        .lines()
        .map(|line| line.split(' ').nth(2).expect("three words").to_owned())
        .collect()
}

#[test]
fn two_hundred_seeds_come_out_alike_in_two_processes_and_on_both_engines() {
    for system in SYSTEMS.all().iter().map(|system| system.name()) {
        let elsewhere = digests_elsewhere(system, "0..200");
        // Backwards here: no run may depend on what ran before it.
        let mut here: Vec<String> = (0..200)
            .rev()
            .map(|seed| digest_here(system, seed, Engine::Direct))
            .collect();
        here.reverse();
        assert_eq!(here, elsewhere, "{system}");
        let mut different = here.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), here.len(), "seeds differ in what they do");
    }
}

#[test]
fn a_seed_and_its_file_are_the_same_run() {
    for system in SYSTEMS.all() {
        for seed in 200..230 {
            let drawn = system.draw(Seed(seed));
            let read = drawn.to_toml().parse().expect("what is written is read");
            assert_eq!(drawn, read, "seed {seed}");
            if drawn.scripted.is_none() {
                let brief = drawn
                    .to_brief_toml()
                    .parse()
                    .expect("what is written is read");
                assert_eq!(drawn, brief, "seed {seed}: what goes without saying");
            }
            let of_file = SYSTEMS.run(&read).expect("the file runs").digest;
            let of_seed = digest_here(system.name(), seed, Engine::Madsim);
            assert_eq!(of_seed, of_file.to_string(), "seed {seed}");
        }
    }
}

#[test]
fn listening_changes_nothing() {
    let trace = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_snowglobe"))
            .args(arguments)
            .output()
            .expect("the binary runs");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("a timeline is text");
        let digest = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("digest"))
            .expect("a digest is printed")
            .trim()
            .to_owned();
        (digest, text.lines().count())
    };
    let (quiet, few) = trace(&["run", "raft", "--seed", "3"]);
    let (loud, many) = trace(&["run", "raft", "--seed", "3", "--trace"]);
    assert_eq!(quiet, loud);
    assert!(many > few + 100, "the timeline has a line per event");
}

#[test]
fn a_timeline_is_the_same_byte_for_byte() {
    let timeline = || {
        Command::new(env!("CARGO_BIN_EXE_snowglobe"))
            .args(["replay", "11", "--system", "raft", "--trace"])
            .output()
            .expect("the binary runs")
            .stdout
    };
    assert_eq!(timeline(), timeline());
}

#[test]
fn a_copy_goes_on_as_the_original_does() {
    for system in SYSTEMS.all() {
        for seed in 300..320 {
            let scenario = system.draw(Seed(seed));
            let whole = system.run(&scenario).expect("a drawn scenario runs");
            let mut run = system.open(&scenario).expect("it can be run");
            for fifth in 1..5 {
                run.run_to_step(whole.counters.steps * fifth / 5);
                let copy = run.fork();
                assert_eq!((copy.steps(), copy.states()), (run.steps(), run.states()));
                let end = copy.finish(Histories::OfFailures);
                assert_eq!(end.digest, whole.digest, "{} {seed}", system.name());
            }
            let end = run.finish(Histories::OfFailures);
            assert_eq!(end.digest, whole.digest, "{} {seed}", system.name());
            assert_eq!((end.verdict, end.marks), (whole.verdict, whole.marks));
        }
    }
}
