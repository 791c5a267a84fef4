//! A failure in about ten lines, the same wherever it is shown.

use std::fmt::Write as _;
use std::path::PathBuf;

use snowglobe_systems::invariants::Violation;

use crate::scenarios::RunReport;
use crate::scenarios::file::Scenario;
use crate::text::{grouped, program};
use crate::world::breakage::{CHANGED, not_taken};
use crate::world::{Breakage, Broken, Suspicion};

/// How a failing run can be run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// Its scenario is in a file.
    File(PathBuf),
    /// Its seed draws it.
    Seed,
    /// Its seed draws it in the weather of this name, or of this file.
    Weather(String),
    /// From a test, by its seed.
    Test,
}

impl Again {
    fn command(&self, scenario: &Scenario) -> String {
        let Scenario { seed, system, .. } = scenario;
        match self {
            Self::File(path) => format!("{} replay {}", program(), path.display()),
            Self::Seed => format!("{} replay {seed} --system {system}", program()),
            Self::Weather(faults) => {
                format!("{} run {system} --seed {seed} --faults {faults}", program())
            }
            Self::Test => format!("SNOWGLOBE_SEED={seed} cargo test"),
        }
    }
}

/// The failure of a run; ends with a line break.
#[must_use]
pub fn lines(report: &RunReport, breakage: &Breakage, again: &Again) -> String {
    let scenario = &report.scenario;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "FAIL {} {}  step {}  {}",
        scenario.system,
        scenario.seed,
        grouped(breakage.step),
        breakage.at
    );
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<9} {value}");
    };
    seen(&breakage.broken, &mut line);
    if let Some(suspicion) = &breakage.suspicion {
        line("first bad", &first_bad(suspicion));
    }
    line("faults", &faults_before(report, breakage));
    if let Again::File(path) = again {
        line("saved", &path.display().to_string());
    }
    line("replay", &again.command(scenario));
    text
}

/// What broke and what was seen of it, line by line.
fn seen(broken: &Broken, line: &mut impl FnMut(&str, &str)) {
    match broken {
        Broken::Safety(violation) | Broken::Liveness(violation) => {
            line("property", violation.property);
            line("saw", &violation.found);
            line("but", &format!("expected {}", violation.expected));
            if !violation.nodes.is_empty() {
                line("nodes", &names(violation));
            }
        }
        Broken::Illegal(illegal) => {
            line("property", illegal.violation.property);
            line("saw", &illegal.violation.found);
            line("but", &illegal.violation.expected);
            let core = match illegal.minimal {
                true => "core",
                // The budget ended before it was as small as can be.
                false => "part",
            };
            for (place, operation) in illegal.core.iter().enumerate() {
                line(if place == 0 { core } else { "" }, operation);
            }
        }
        Broken::Undecided { why } => {
            line("property", "history-undecided");
            line("saw", why);
        }
        Broken::Panic { node, message } => {
            line("property", "no-panic");
            line("saw", &format!("{node} panicked: {message}"));
        }
        Broken::Script { number, step, why } => {
            line("property", "step-can-be-taken");
            line("saw", &not_taken(*number, step, why));
        }
        Broken::Elsewhere { expected, found } => {
            line("property", "reaches");
            line("saw", &format!("the nodes are at {found}: {CHANGED}"));
            line("but", &format!("expected {expected}"));
        }
        Broken::OutOfSteps { budget } => {
            line("property", "step-budget");
            line(
                "saw",
                &format!("still busy after {} steps", grouped(*budget)),
            );
        }
    }
}

/// The nodes that a violation names.
fn names(violation: &Violation) -> String {
    let nodes: Vec<String> = violation.nodes.iter().map(ToString::to_string).collect();
    nodes.join(", ")
}

/// Where the trouble may have begun.
fn first_bad(suspicion: &Suspicion) -> String {
    let Suspicion {
        violation,
        at,
        step,
    } = suspicion;
    format!(
        "{}; expected {}  step {}  {at}",
        violation.found,
        violation.expected,
        grouped(*step)
    )
}

/// The faults that had struck by then, the last ones first in interest.
fn faults_before(report: &RunReport, breakage: &Breakage) -> String {
    const SHOWN: usize = 4;
    let struck: Vec<String> = report
        .struck
        .iter()
        .filter(|fault| fault.at <= breakage.at)
        .map(ToString::to_string)
        .collect();
    if struck.is_empty() {
        return "none".to_owned();
    }
    let hidden = struck.len().saturating_sub(SHOWN);
    let shown = struck[hidden..].join("; ");
    if hidden == 0 {
        shown
    } else {
        format!("{hidden} earlier; {shown}")
    }
}
