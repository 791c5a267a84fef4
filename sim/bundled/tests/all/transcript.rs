//! What happened in a run, told step by step in a frozen world, leaves every node and every disk
//! as the run did.

use std::time::Duration;

use snowglobe::faults::{Fault, Incident};
use snowglobe::registry::Registered;
use snowglobe::scenarios::Verdict;
use snowglobe::scenarios::file::Scenario;
use snowglobe::seed::Seed;
use snowglobe_bundled::SYSTEMS;

/// Whether the steps of the nodes show what came of an incident. They do not show a bit that
/// flipped in a message, or on a disk.
fn shows_in_steps(incident: &Incident) -> bool {
    match &incident.fault {
        Fault::Degrade { change, .. } => change.corrupt.is_none(),
        Fault::Disk { .. } => false,
        _ => true,
    }
}

/// What a seed draws, on disks that sync at once, and with nodes that put nothing off: a step
/// that waits for its disk when the run ends is not over.
fn tellable(system: &dyn Registered, seed: u64) -> Option<Scenario> {
    let mut scenario = system.draw(Seed(seed));
    scenario.sync = Duration::ZERO..Duration::ZERO;
    scenario.batch = 1;
    scenario.faults.retain(shows_in_steps);
    let is_short = scenario.chaos < Duration::from_secs(20);
    (scenario.scripted.is_none() && is_short).then_some(scenario)
}

#[test]
fn a_run_that_is_told_step_by_step_leaves_everything_as_it_was() {
    for system in SYSTEMS.all() {
        let (mut told, mut judged) = (0, 0);
        for scenario in (0..40).filter_map(|seed| tellable(*system, seed)) {
            let report = SYSTEMS.run(&scenario).expect("it runs");
            assert_eq!(report.verdict, Verdict::Held);
            if report.counters.steps > 5_000 {
                continue;
            }
            let transcript = system.transcribe(&scenario).expect("it has a model");
            let all: Vec<usize> = (0..transcript.len()).collect();
            let replayed = transcript.replay(&all);
            let name = format!("{} {}", system.name(), scenario.seed);
            // What many clients are told at once may be too much to judge, and is said to be.
            match replayed.report.verdict.word() {
                "held" => judged += 1,
                word => assert_eq!(word, "history-undecided", "{name}"),
            }
            let first = all.iter().find(|it| replayed.taken.get(**it) != Some(it));
            assert_eq!(first, None, "{name}: of {}, all can happen", all.len());
            // A call that no node took has used up a number, by which nodes know those after it.
            if replayed.report.counters.invoked < report.counters.invoked {
                continue;
            }
            assert_eq!(replayed.report.states, report.states, "{name}");
            told += 1;
        }
        let name = system.name();
        assert!(told >= 5, "{name}: {told} were told");
        assert!(judged >= 5, "{name}: {judged} were judged to the end");
    }
}

#[test]
fn what_is_told_is_written_down_and_read_as_the_same() {
    for system in SYSTEMS.all() {
        let mut written = 0;
        for scenario in (0..10).filter_map(|seed| tellable(*system, seed)) {
            let transcript = system.transcribe(&scenario).expect("it has a model");
            // The beginning of it: whoever reads a message looks at all that are under way.
            let first: Vec<usize> = (0..transcript.len().min(300)).collect();
            let name = format!("{} {}", system.name(), scenario.seed);
            let report = transcript
                .script(&first)
                .unwrap_or_else(|why| panic!("{name}: {why}"));
            for text in [report.scenario.to_toml(), report.scenario.to_brief_toml()] {
                let read: Scenario = text.parse().expect("what is written is read");
                let again = SYSTEMS.run(&read).expect("it runs");
                // Too much to judge for the one is too much for the other.
                assert_eq!(again.verdict, report.verdict, "{name}");
                let word = report.verdict.word();
                assert!(
                    ["held", "history-undecided"].contains(&word),
                    "{name}: {word}"
                );
                assert_eq!(again.states, report.states, "{name}");
            }
            written += 1;
        }
        assert!(written > 2, "{}: {written} were written", system.name());
    }
}
