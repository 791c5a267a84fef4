//! The corpus: scenario files that must come out as they say.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::summary::{Finding, NO_HANG};
use super::trial::{Trial, try_scenario};
use crate::registry::{Registered, Systems};
use crate::scenarios::RunReport;
use crate::scenarios::file::{Expectation, Scenario, ScenarioError};
use crate::world::engine::Engine;

/// What became of one file.
#[derive(Debug)]
pub enum Checked {
    /// It came out as it says.
    AsExpected(RunReport),
    /// It ran, and came out otherwise.
    Otherwise {
        /// What the file expects.
        expected: Expectation,
        /// What it showed; `None` if everything held.
        finding: Option<Finding>,
        /// The account of the run, if it came to a verdict.
        report: Option<RunReport>,
    },
    /// It is not a scenario that can be run.
    Unusable(String),
}

/// All scenario files under a path, in the order of their names. Findings that
/// nobody has looked at yet (`found/`) are not part of the corpus, and neither is the
/// list of failures that are [known](super::KnownFailures).
///
/// # Errors
/// When a folder cannot be read.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "found") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|it| it == "toml")
                && path.file_name().is_none_or(|name| name != "known.toml")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Runs one file of one of these systems, and compares.
#[must_use]
pub fn check(systems: Systems, path: &Path, engine: Engine, watchdog: Duration) -> Checked {
    let (system, scenario) = match read(systems, path) {
        Ok(read) => read,
        Err(why) => return Checked::Unusable(why),
    };
    let trial = try_scenario(system, &scenario, engine, watchdog);
    let finding = Finding::of(&trial);
    let report = match trial {
        Trial::Ran(report) => Some(report),
        Trial::Hung { .. } | Trial::ToolPanicked { .. } => None,
    };
    let as_expected = match (&scenario.expect, &report) {
        (expected, Some(report)) => expected.is_met(&report.verdict),
        (Expectation::Violates(property), None) => {
            property == NO_HANG && matches!(finding, Some(Finding::Hang(_)))
        }
        (_, None) => false,
    };
    match report {
        Some(report) if as_expected => Checked::AsExpected(report),
        report => Checked::Otherwise {
            expected: scenario.expect,
            finding,
            report,
        },
    }
}

/// Reads a scenario that can be run.
fn read(systems: Systems, path: &Path) -> Result<(&'static dyn Registered, Scenario), String> {
    let scenario = Scenario::read(path).map_err(|error: ScenarioError| error.to_string())?;
    let system = systems.find(&scenario.system);
    let system = system
        .and_then(|system| system.check(&scenario).map(|()| system))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((system, scenario))
}
