//! The house has three floors, and dependencies go one way.

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
}
