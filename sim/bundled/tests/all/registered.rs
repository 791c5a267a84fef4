//! What commands see of the bundled systems.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use snowglobe::campaign::{Finding, Trial, try_scenario};
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::swarm::Size;
use snowglobe::scenarios::weather::Weather;
use snowglobe::seed::Seed;
use snowglobe::world::engine::Engine;
use snowglobe_bundled::SYSTEMS;

/// Each planted bug names the properties by which it is found.
#[test]
fn whatever_a_planted_bug_breaks_is_known() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../planted-bugs");
    let mut looked_at = 0;
    for file in fs::read_dir(folder).expect("the folder is there") {
        let path = file.expect("a file").path();
        let is_patch = path.extension().is_some_and(|it| it == "patch");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let ways = text.lines().filter(|_| is_patch);
        let ways = ways.filter_map(|line| {
            let way = line
                .strip_prefix("Fuzz: ")
                .or(line.strip_prefix("Check: "))?;
            way.split_once(" by ")
        });
        for (system, properties) in ways {
            let system = SYSTEMS.find(system).expect("a system");
            for property in properties.split(", ") {
                let known = system.check_property(property);
                assert_eq!(known, Ok(()), "{}", path.display());
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 100, "{looked_at}");
}

#[test]
fn what_nobody_promises_is_refused_with_what_there_is() {
    let system = SYSTEMS.find("raft").expect("raft is registered");
    let why = system.check_property("log-matchin").expect_err("a slip");
    assert!(why.contains("log-matching, "), "{why}");
}

/// A number without a range would be taken whatever it is.
#[test]
fn every_number_has_a_range_and_every_draw_keeps_to_it() {
    for system in SYSTEMS.all() {
        for seed in 0..300 {
            let scenario = system.draw(Seed(seed));
            assert_eq!(system.check(&scenario), Ok(()), "{} {seed}", system.name());
            for (name, value) in &scenario.options {
                let known = system
                    .ranges()
                    .iter()
                    .copied()
                    .flatten()
                    .any(|(known, _)| known == name);
                assert!(known || !value.is_integer(), "{} {name}", system.name());
            }
        }
    }
}

#[test]
fn every_size_is_drawn_and_told_from_the_scenario() {
    let weather = Weather::default();
    let raft = SYSTEMS.find("raft").expect("raft is registered");
    let mut sizes: BTreeMap<Size, u32> = BTreeMap::new();
    for seed in 0..2000 {
        let scenario = raft.draw_in(Seed(seed), &weather);
        *sizes.entry(Size::of(&scenario, &weather)).or_default() += 1;
    }
    assert_eq!(sizes.len(), 4, "{sizes:?}");
    assert!(sizes[&Size::Usual] > 1600, "{sizes:?}");
}

#[test]
fn a_run_that_is_given_no_time_hangs() {
    let system = SYSTEMS.find("raft").expect("raft is registered");
    let trial = try_scenario(
        system,
        &system.draw(Seed(1)),
        Engine::default(),
        Duration::ZERO,
    );
    assert!(matches!(trial, Trial::Hung { .. }), "{trial:?}");
    let finding = Finding::of(&trial).expect("a hang is a finding");
    assert_eq!(finding.exit_code(), 11);
}

#[test]
fn a_run_that_cannot_be_is_the_tool_s_failure() {
    let system = SYSTEMS.find("raft").expect("raft is registered");
    let scenario = Scenario::calm("raft", 300, Seed(1));
    let trial = try_scenario(
        system,
        &scenario,
        Engine::default(),
        Duration::from_secs(60),
    );
    let finding = Finding::of(&trial).expect("a finding");
    assert_eq!(finding.exit_code(), 1);
    assert!(finding.to_string().contains("300"), "{finding}");
}
