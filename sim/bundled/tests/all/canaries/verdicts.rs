//! Whatever breaks a run is a finding with an exit code of its own, and a stored scenario that
//! comes out otherwise than it says is noticed.

use snowglobe_bundled::SYSTEMS;
use std::fs;
use std::time::Duration;

use snowglobe::campaign::corpus::{self, Checked};
use snowglobe::campaign::{Finding, Trial, try_scenario};
use snowglobe::scenarios::file::{Expectation, Scenario};
use snowglobe::scenarios::{RunReport, Verdict};
use snowglobe::seed::Seed;
use snowglobe::time::SimTime;
use snowglobe::world::engine::Engine;
use snowglobe::world::{Breakage, Broken, IllegalHistory};
use snowglobe_systems::invariants::Violation;
use snowglobe_systems::process::NodeId;

const ENOUGH: Duration = Duration::from_secs(60);

/// A story of Raft in which a leader is elected, or in which nobody can be.
fn told(possible: bool) -> Scenario {
    let cut = (!possible).then_some("cut all");
    let story = cut.into_iter().chain(["leader within 2s"]);
    Scenario {
        comment: "A leader, or none.".to_owned(),
        story: story.map(str::to_owned).collect(),
        ..Scenario::calm("raft", 3, Seed(1))
    }
}

/// The exit code of a run that broke so.
fn reported(report: &RunReport, broken: Broken) -> u8 {
    let breakage = Breakage {
        broken,
        at: SimTime::START,
        step: 1,
        suspicion: None,
    };
    let report = RunReport {
        verdict: Verdict::Broke(breakage),
        ..report.clone()
    };
    let finding = Finding::of(&Trial::Ran(report)).expect("it broke");
    finding.exit_code()
}

/// One of each kind of end.
fn every_end(report: &RunReport) -> [Broken; 8] {
    let violation = || Violation::new("p", [], "this", "that");
    let text = || "p".to_owned();
    [
        Broken::Safety(violation()),
        Broken::Liveness(violation()),
        Broken::Panic {
            node: NodeId(1),
            message: text(),
        },
        Broken::Illegal(Box::new(IllegalHistory {
            violation: violation(),
            core: Vec::new(),
            minimal: true,
        })),
        Broken::Undecided { why: text() },
        Broken::Script {
            number: 1,
            step: text(),
            why: text(),
        },
        Broken::Elsewhere {
            expected: report.states,
            found: report.states,
        },
        Broken::OutOfSteps { budget: 1 },
    ]
}

/// A new kind of end does not compile without its exit code.
const fn exit_code(broken: &Broken) -> u8 {
    match broken {
        Broken::Safety(_) => 10,
        Broken::Liveness(_) | Broken::OutOfSteps { .. } => 11,
        Broken::Panic { .. } => 12,
        Broken::Illegal(_) => 13,
        Broken::Undecided { .. } => 20,
        Broken::Script { .. } | Broken::Elsewhere { .. } => 2,
    }
}

#[test]
fn whatever_breaks_a_run_is_a_finding() {
    let report = SYSTEMS.run(&told(true)).expect("it makes sense");
    let trial = |verdict| {
        Trial::Ran(RunReport {
            verdict,
            ..report.clone()
        })
    };
    assert_eq!(Finding::of(&trial(Verdict::Held)), None);
    let lost = Finding::of(&trial(Verdict::CannotRecover)).expect("nobody draws that");
    assert_eq!(lost.exit_code(), 11);
    for end in every_end(&report) {
        let (code, words) = (exit_code(&end), format!("{end:?}"));
        assert_eq!(reported(&report, end), code, "{words}");
    }
}

#[test]
fn a_run_that_fails_is_a_finding_of_its_trial() {
    let finding = |possible| {
        let scenario = told(possible);
        let system = SYSTEMS.find(&scenario.system).expect("it is registered");
        Finding::of(&try_scenario(system, &scenario, Engine::default(), ENOUGH))
    };
    assert_eq!(finding(true), None);
    assert_eq!(finding(false), Some(Finding::Liveness("story".to_owned())));
}

/// A stored scenario, and what it says of itself.
fn stored(possible: bool, expect: Expectation, watchdog: Duration) -> Checked {
    stored_as(
        &Scenario {
            expect,
            ..told(possible)
        },
        watchdog,
    )
}

fn stored_as(scenario: &Scenario, watchdog: Duration) -> Checked {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("told.toml");
    fs::write(&path, scenario.to_toml()).expect("the file is written");
    corpus::check(SYSTEMS, &path, Engine::default(), watchdog)
}

#[test]
fn a_scenario_that_comes_out_otherwise_is_noticed() {
    let stuck = || Expectation::Violates("story".to_owned());
    let right = [(true, Expectation::Held), (false, stuck())];
    for (possible, expect) in right {
        let checked = stored(possible, expect, ENOUGH);
        assert!(matches!(checked, Checked::AsExpected(_)), "{checked:?}");
    }
    let wrong = [
        (false, Expectation::Held),
        (true, stuck()),
        (false, Expectation::Violates("progress".to_owned())),
        (false, Expectation::CannotRecover),
        (true, Expectation::CannotRecover),
    ];
    for (possible, expect) in wrong {
        let checked = stored(possible, expect, ENOUGH);
        assert!(matches!(checked, Checked::Otherwise { .. }), "{checked:?}");
    }
    // Nobody waits at all for a run of several minutes.
    let long = Scenario {
        chaos: Duration::from_secs(300),
        story: Vec::new(),
        ..told(true)
    };
    let hung = stored_as(&long, Duration::ZERO);
    let is_hang = matches!(
        &hung,
        Checked::Otherwise {
            finding: Some(Finding::Hang(_)),
            ..
        }
    );
    assert!(is_hang, "{hung:?}");
}
