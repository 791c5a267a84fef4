//! The house has three floors, and dependencies go one way.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// The packages of ours that a package depends on, for any purpose.
fn ours_under(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages
        .iter()
        .find(|candidate| candidate["name"] == package)
        .expect("the package is in the workspace");
    let mut ours: Vec<String> = package["dependencies"]
        .as_array()
        .expect("dependencies")
        .iter()
        .filter_map(|dependency| dependency["name"].as_str())
        .filter(|name| name.starts_with("snowglobe"))
        .map(str::to_owned)
        .collect();
    ours.sort();
    ours.dedup();
    ours
}

#[test]
fn each_floor_stands_on_those_below_it() {
    assert!(ours_under("snowglobe-systems").is_empty());
    assert_eq!(ours_under("snowglobe-checkers"), ["snowglobe-systems"]);
    assert_eq!(
        ours_under("snowglobe"),
        ["snowglobe-checkers", "snowglobe-systems"]
    );
    assert_eq!(
        ours_under("snowglobe-bundled"),
        ["snowglobe", "snowglobe-checkers", "snowglobe-systems"]
    );
}

/// All sources of this package, by their path.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).expect("a source");
                sources.push((path, text));
            }
        }
    }
    assert!(sources.len() > 50, "{} sources", sources.len());
    sources
}

/// The rooms of this floor, from the lowest on. A room names only those before it; faults and
/// the world that they strike are one.
const ROOMS: [&[&str]; 13] = [
    &["text"],
    &["time"],
    &["seed"],
    &["draw"],
    &["faults", "world"],
    &["scenarios"],
    &["explore"],
    &["registry"],
    &["shrink"],
    &["report"],
    &["campaign"],
    &["testing", "prelude"],
    &["cli"],
];

#[test]
fn each_room_stands_on_those_below_it() {
    let rank = |room: &str| ROOMS.iter().position(|rooms| rooms.contains(&room));
    let mut named = 0;
    for (path, text) in sources() {
        let place = path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
        let place = place.expect("a source of ours");
        let first = place.iter().next().expect("a name").to_string_lossy();
        let room = first.trim_end_matches(".rs");
        if room == "lib" {
            continue;
        }
        let own = rank(room).unwrap_or_else(|| panic!("{room} has no place among the rooms"));
        // What a comment points at is not used.
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let code: Vec<&str> = text.lines().filter(is_code).collect();
        for rest in code.join("\n").split("crate::").skip(1) {
            let other: String = rest.chars().take_while(|it| it.is_alphanumeric()).collect();
            let Some(below) = rank(&other) else { continue };
            assert!(below <= own, "{} names {other}", place.display());
            named += 1;
        }
    }
    assert!(named > 100, "{named} names");
}

/// The bundled systems come in by the door that is everybody's.
#[test]
fn the_framework_names_no_system() {
    const SYSTEMS: [&str; 7] = [
        "raft",
        "kv",
        "replica",
        "service",
        "shardctrler",
        "shardkv",
        "mapreduce",
    ];
    for (path, text) in sources() {
        for system in SYSTEMS {
            for module in ["snowglobe_systems", "snowglobe_checkers::models"] {
                let named = text.contains(&format!("{module}::{system}"));
                assert!(!named, "{} names {module}::{system}", path.display());
            }
        }
    }
}
