//! `snowglobe check` as a user meets it.

use std::process::{Command, Output};

use serde_json::Value;

fn check(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    Command::new(env!("CARGO_BIN_EXE_snowglobe"))
        .arg("check")
        .args(arguments)
        .arg("--found")
        .arg(folder.path())
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it exits by itself")
}

fn words(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    format!("{out}{err}")
}

/// A world of Raft that is explored in a moment.
const SMALL: [&str; 9] = [
    "raft",
    "--timeouts",
    "2",
    "--crashes",
    "0",
    "--operations",
    "0",
    "--messages",
    "3",
];

#[test]
fn a_small_world_is_exhausted_and_told_of() {
    let output = check(&SMALL);
    let words = words(&output);
    assert_eq!(code(&output), 0, "{words}");
    for says in [
        "held; every state of every scope was looked at",
        "every state",
        "election-safety",
        "raft.leader_elected",
        "reached       everything reachable within the bounds",
        "states        compared in full, ",
        "certificate",
        "searches restarted",
    ] {
        assert!(words.contains(says), "{says:?} is missing:\n{words}");
    }
}

/// Who looks at nothing has seen nothing.
#[test]
fn stateright_looks_at_the_same_and_tells_the_odds() {
    let numbers = |engine: &str| {
        let output = check(
            &[
                &SMALL[..],
                &["--engine", engine, "--format", "json", "-j", "1"],
            ]
            .concat(),
        );
        assert_eq!(code(&output), 0, "{}", words(&output));
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        told["scopes"][0].clone()
    };
    let (packed, other) = (numbers("packed"), numbers("stateright"));
    for key in ["distinct", "generated", "actions", "exhausted"] {
        assert_eq!(packed[key], other[key], "{key}");
    }
    let marks = |told: &Value| -> Vec<String> {
        let marks = told["marks"].as_object().expect("marks");
        marks.keys().cloned().collect()
    };
    assert_eq!(marks(&packed), marks(&other));
    assert!(packed["packing"]["steps_worked_out"].as_u64() > Some(0));
    assert_eq!(packed["collision_odds"], 0.0);
    assert!(packed["packing"]["bytes"].as_u64() > Some(0));
    assert!(other["collision_odds"].as_f64() > Some(0.0));
    assert_eq!(other["packing"], Value::Null);
    let output = check(&[&SMALL[..], &["--engine", "stateright"]].concat());
    assert!(words(&output).contains("hash-collision probability"));
}

#[test]
fn going_on_says_what_became_of_each_promise() {
    let output = check(&[&SMALL[..], &["--continue", "-j", "1"]].concat());
    assert_eq!(code(&output), 0, "{}", words(&output));
    let words_of = words(&output);
    let verdict = |promise: &str| {
        let line = words_of.lines().find(|line| line.contains(promise));
        line.expect(promise).to_owned()
    };
    assert!(verdict("log-matching").ends_with("held"), "{words_of}");
    let history = verdict("read-is-current");
    assert!(history.contains("never tested"), "{words_of}");
    let output = check(&[&SMALL[..], &["--continue", "--engine", "stateright"]].concat());
    assert_eq!(code(&output), 2);
    assert!(
        words(&output).contains("leave out --continue"),
        "{}",
        words(&output)
    );
}

#[test]
fn to_look_at_nothing_is_a_mistake() {
    for nothing in [["--walks", "0"], ["--coverage", "0"]] {
        let output = check(&[&SMALL[..], &nothing[..]].concat());
        assert_eq!(code(&output), 2, "{nothing:?}: {}", words(&output));
    }
}

#[test]
fn programs_are_told_the_same() {
    let output = check(&[&SMALL[..], &["--format", "json", "--jobs", "1"]].concat());
    let told: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(told["exhausted"], true, "{told:#}");
    assert_eq!(told["finding"], Value::Null);
    let scope = &told["scopes"][0];
    assert_eq!(scope["bounds"]["timeouts"], 2);
    let without = check(&[&SMALL[..], &["--format", "json", "--symmetry", "off"]].concat());
    let without: Value = serde_json::from_slice(&without.stdout).expect("it is JSON");
    let states = |told: &Value| told["scopes"][0]["distinct"].as_u64().expect("a number");
    let ratio = states(&without) as f64 / states(&told) as f64;
    assert!((3.0..=6.0).contains(&ratio), "of six names, {ratio}");
}

#[test]
fn a_budget_that_ends_is_no_verdict() {
    for (budget, says) in [
        (["--for", "100ms"], "the time was up"),
        (["--memory", "1MiB"], "the memory was full"),
    ] {
        let output = check(&[&["raft", "--timeouts", "6", "--jobs", "1"], &budget[..]].concat());
        let words = words(&output);
        assert_eq!(code(&output), 20, "{words}");
        assert!(words.contains(says), "{words}");
        assert!(words.contains("every state within"), "{words}");
    }
}

#[test]
fn a_world_in_which_nobody_can_be_elected_is_no_proof() {
    let output = check(&["raft", "--terms", "0", "--crashes", "0"]);
    let words = words(&output);
    assert_eq!(code(&output), 20, "{words}");
    assert!(words.contains("not all that should happen did"), "{words}");
    assert!(words.contains("raft.leader_elected"), "{words}");
}

#[test]
fn walks_promise_nothing() {
    let output = check(&["raft", "--nodes", "5", "--walks", "20", "--timeouts", "4"]);
    let words = words(&output);
    assert_eq!(code(&output), 0, "{words}");
    assert!(words.contains("nothing was exhausted"), "{words}");
}

#[test]
fn fuzzing_is_held_against_what_is_known() {
    let output = check(&[&SMALL[..], &["--coverage", "3"]].concat());
    let words = words(&output);
    assert_eq!(code(&output), 0, "{words}");
    assert!(words.contains("shapes of states"), "{words}");
}

#[test]
fn a_mistake_gets_one_line() {
    for (arguments, says) in [
        (vec!["paxos"], "snowglobe list"),
        (
            vec!["raft", "--scope", "moon"],
            "there is no scope \"moon\"",
        ),
        (vec!["raft", "--messages", "0"], "at least 1"),
        (vec!["raft", "--nodes", "99"], "not 99"),
        (vec!["raft", "--jobs", "0"], "at least 1"),
        (vec!["raft", "--workload", "swaps"], "there is usual, reads"),
        (
            vec!["raft", "--option", "chunks=4"],
            "unknown field `chunks`",
        ),
        (
            vec!["shardkv", "--option", "groups=3"],
            "`groups` must be 2",
        ),
    ] {
        let output = check(&arguments);
        let words = words(&output);
        assert_eq!(code(&output), 2, "{arguments:?}: {words}");
        assert!(words.contains(says), "{words}");
        assert_eq!(words.lines().count(), 1, "{words}");
    }
}
