//! Exploring in the middle of a run: what is found to follow a step of it
//! follows in the simulated world too.

use snowglobe_bundled::SYSTEMS;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use snowglobe::explore::{Around, Plan, scenario_around, world_around};
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::weather::Weather;
use snowglobe::scenarios::{Modelled, Verdict};
use snowglobe::seed::Seed;
use snowglobe::world::Broken;
use snowglobe_bundled::kv::KvSystem;
use snowglobe_bundled::raft::RaftSystem;
use snowglobe_checkers::explore::{Bounds, Order, Reductions, SearchEngine, Setting, Walks};

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../seeds")
}

fn seed_file(name: &str) -> Scenario {
    Scenario::read(&seeds().join(name)).expect("the file is right")
}

/// Everything that can happen happens in some of the walks.
fn plan(nodes: usize, operations: u8) -> Plan {
    Plan {
        nodes,
        bounds: Bounds {
            terms: 3,
            operations,
            timeouts: 6,
            beats: 6,
            crashes: 3,
            duplicates: 3,
            cuts: 2,
            messages: 20,
            ..Bounds::default()
        },
        options: toml::Table::new(),
        order: Order::Breadth,
        walks: None,
        engine: SearchEngine::default(),
        threads: 1,
        reductions: Reductions::default(),
        sample_one_in: None,
        goes_on: false,
    }
}

/// Walks away from a step of a run, and goes the same way in the simulated
/// world. How many steps were taken.
fn walk_in_both<S: Modelled>(scenario: &Scenario, step: u64, operations: u8) -> usize {
    const WALKS: u64 = 12;
    let around = Around { step, depth: 30 };
    let plan = plan(scenario.nodes, operations);
    let world = world_around::<S>(scenario, &around, &plan).expect("the run comes that far");
    let walks = Walks {
        seed: step,
        count: WALKS,
    };
    let mut steps = 0;
    for number in 0..WALKS {
        let script = world.walk_in_steps(walks, number);
        assert_eq!(script.broken, None, "the code is right");
        steps += script.steps.len();
        let bounds = world.setting().bounds();
        let scenario = scenario_around(scenario, step, bounds, script.steps, script.reaches);
        let text = scenario.to_toml();
        let read: Scenario = text.parse().expect("what is written is read");
        assert_eq!(read, scenario);
        let report = SYSTEMS.run(&read).expect("the script makes sense");
        assert_eq!(report.verdict, Verdict::Held, "walk {number}:\n{text}");
    }
    steps
}

#[test]
fn walks_from_a_step_of_a_story_leave_the_same_states() {
    let scenario = seed_file("raft/2b-fast-backup.toml");
    for step in [0, 1, 57, 200, 333] {
        assert!(walk_in_both::<RaftSystem>(&scenario, step, 4) > 100);
    }
    let scenario = seed_file("kv/3a-leader-in-minority.toml");
    for step in [0, 60, 200, 400] {
        assert!(walk_in_both::<KvSystem>(&scenario, step, 0) > 100);
    }
}

/// Somewhere in drawn runs, all but those in which a disk is damaged there.
fn walk_from_drawn_runs<S: Modelled>(operations: u8) {
    let (mut steps, mut begun) = (0, 0);
    // What is under way among very many is more than a walk can look at.
    let usual = Weather {
        large_in: 0,
        long_in: 0,
        timeless_in: 0,
        ..Weather::default()
    };
    for seed in 0..8 {
        let drawn = SYSTEMS
            .find(S::NAME)
            .expect("it is there")
            .draw_in(Seed(seed), &usual);
        let length = SYSTEMS.run(&drawn).expect("it makes sense").counters.steps;
        let step = length * (seed + 1) / 10;
        let around = Around { step, depth: 0 };
        match world_around::<S>(&drawn, &around, &plan(drawn.nodes, operations)) {
            Ok(_) => {
                begun += 1;
                steps += walk_in_both::<S>(&drawn, step, operations);
            }
            Err(why) => assert!(why.to_string().contains("damaged"), "{why}"),
        }
    }
    assert!(begun >= 4 && steps > 1000, "{begun} runs, {steps} steps");
}

#[test]
fn walks_from_a_step_of_a_shaken_run_leave_the_same_states() {
    walk_from_drawn_runs::<RaftSystem>(4);
    walk_from_drawn_runs::<KvSystem>(0);
}

fn check(arguments: &[&str]) -> (Output, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_snowglobe"))
        .arg("check")
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

#[test]
fn what_lies_around_a_step_is_told() {
    let found = tempfile::tempdir().expect("a folder");
    let found = found.path().display().to_string();
    let file = seeds().join("raft/2b-fast-backup.toml");
    let file = file.display().to_string();
    let (output, out, err) = check(&[
        "--from", &file, "--step", "200", "--depth", "4", "--found", &found,
    ]);
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    let says = "held; every state within 4 steps of step 200 was looked at";
    assert!(out.contains(says), "{out}");
    assert!(out.contains("  around "), "{out}");
}

#[test]
fn a_place_where_nothing_can_begin_gets_one_line() {
    let found = tempfile::tempdir().expect("a folder");
    let raft = seeds().join("raft/2a-initial-election.toml");
    let kv = seeds().join("kv/3a-one-client.toml");
    let scripted = found.path().join("scripted.toml");
    let text = "system = \"raft\"\nnodes = 3\nseed = \"1\"\nsteps = []\n";
    fs::write(&scripted, text).expect("the file is written");
    let found = found.path().display().to_string();
    for (file, more, says) in [
        (&raft, vec!["--step", "99999999"], "the run has only"),
        (&scripted, vec!["--step", "3"], "all said already"),
        (
            &kv,
            vec!["--step", "30", "--operations", "1"],
            "is not known",
        ),
    ] {
        let file = file.display().to_string();
        let mut arguments = vec!["--from", &file, "--found", &found];
        arguments.extend(more);
        let (output, out, err) = check(&arguments);
        assert_eq!(output.status.code(), Some(2), "{out}{err}");
        assert_eq!(err.trim_end().lines().count(), 1, "{err}");
        assert!(err.contains(says), "{err:?} should say {says:?}");
    }
}

#[test]
fn a_script_after_a_step_that_never_comes_does_not_hold() {
    let scenario = seed_file("raft/2a-initial-election.toml");
    let around = Around { step: 40, depth: 3 };
    let world = world_around::<RaftSystem>(&scenario, &around, &plan(scenario.nodes, 0))
        .expect("the run comes that far");
    let script = world.walk_in_steps(Walks { seed: 1, count: 1 }, 0);
    let bounds = world.setting().bounds();
    let never = 99_999_999;
    let scenario = scenario_around(&scenario, never, bounds, script.steps, script.reaches);
    let report = SYSTEMS.run(&scenario).expect("the script makes sense");
    let Verdict::Broke(breakage) = report.verdict else {
        panic!("{:?}", report.verdict);
    };
    assert!(
        matches!(&breakage.broken, Broken::Script { number: 0, .. }),
        "{breakage:?}"
    );
}
