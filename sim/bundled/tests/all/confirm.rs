//! What another process comes to.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use std::path::Path;
use std::time::Duration;

use snowglobe::campaign::{Confirmation, Divergence, Trial, confirm, try_scenario};
use snowglobe::seed::Seed;
use snowglobe::world::engine::Engine;
use snowglobe_bundled::SYSTEMS;

const LIMIT: Duration = Duration::from_secs(60);

/// A program that says what a script says, and a folder that holds it.
fn program(script: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snowglobe");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("the script is written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it may be run");
    (folder, path)
}

fn trial() -> Trial {
    let system = SYSTEMS.find("raft").expect("raft is registered");
    try_scenario(system, &system.draw(Seed(1)), Engine::default(), LIMIT)
}

#[test]
fn a_process_that_comes_to_another_end_is_asked_where_it_went_apart() {
    let script = "case $2 in --trace) echo start; echo $$;; *) echo raft 1 ab held;; esac";
    let (_folder, program) = program(script);
    let found = confirm(&program, Path::new("run.toml"), &trial(), LIMIT);
    let Confirmation::Differs(Divergence::At { one, other }) = found else {
        panic!("{found:?}");
    };
    assert_ne!(one, other);
}

#[test]
fn a_process_that_differs_only_from_this_one_says_so() {
    let (_folder, program) = program("echo raft 1 ab held");
    let found = confirm(&program, Path::new("run.toml"), &trial(), LIMIT);
    assert_eq!(found, Confirmation::Differs(Divergence::NotSeenAgain));
}

#[test]
fn whoever_is_too_slow_differs_in_nothing() {
    let (_folder, slow) = program("sleep 5");
    let short = Duration::from_millis(20);
    let found = confirm(&slow, Path::new("run.toml"), &trial(), short);
    assert_eq!(found, Confirmation::NotInTime(short));
    let hung = Trial::Hung { limit: short };
    assert_eq!(
        confirm(&slow, Path::new("run.toml"), &hung, short),
        Confirmation::Confirmed
    );
    let (_folder, quick) = program("echo raft 1 ab held");
    assert_eq!(
        confirm(&quick, Path::new("run.toml"), &hung, LIMIT),
        Confirmation::EndedInTime
    );
}
