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
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source");
            for system in SYSTEMS {
                for module in ["snowglobe_systems", "snowglobe_checkers::models"] {
                    let named = text.contains(&format!("{module}::{system}"));
                    assert!(!named, "{} names {module}::{system}", path.display());
                }
            }
            looked_at += 1;
        }
    }
    assert!(looked_at > 50, "{looked_at} sources");
}
