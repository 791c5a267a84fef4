//! One run within a campaign: on a thread of its own, under a watchdog.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::registry::Registered;
use crate::scenarios::file::Scenario;
use crate::scenarios::{CannotRun, How, RunReport};
use crate::world::engine::Engine;
use crate::world::message_of;

/// What became of a run. A hang and a panic of the tool are no verdicts on
/// the system, and neither ends a campaign.
#[derive(Clone, Debug)]
pub enum Trial {
    /// It ran to a verdict.
    Ran(RunReport),
    /// It did not end in time; its thread was left behind.
    Hung {
        /// The time it was given.
        limit: Duration,
    },
    /// The tool itself panicked, or could not run the scenario.
    ToolPanicked {
        /// What it said.
        message: String,
    },
}

/// Runs a scenario on a fresh thread, for no longer than `limit` of real time.
#[must_use]
pub fn try_scenario(
    system: &'static dyn Registered,
    scenario: &Scenario,
    engine: Engine,
    limit: Duration,
) -> Trial {
    let how = How {
        engine,
        ..How::default()
    };
    let (sender, receiver) = mpsc::sync_channel::<Result<RunReport, CannotRun>>(1);
    let own = scenario.clone();
    let spawned = thread::Builder::new()
        .name(format!("seed {}", scenario.seed))
        .spawn(move || {
            let result = system.run_here(&own, how);
            // Nobody listens any more when the watchdog was faster.
            let _ = sender.send(result);
        });
    let handle = match spawned {
        Ok(handle) => handle,
        Err(error) => {
            return Trial::ToolPanicked {
                message: format!("no thread for the run: {error}"),
            };
        }
    };
    match receiver.recv_timeout(limit) {
        Ok(Ok(report)) => {
            // The thread has only its farewells left to do.
            let _ = handle.join();
            Trial::Ran(report)
        }
        Ok(Err(error)) => Trial::ToolPanicked {
            message: error.to_string(),
        },
        Err(mpsc::RecvTimeoutError::Timeout) => Trial::Hung { limit },
        Err(mpsc::RecvTimeoutError::Disconnected) => Trial::ToolPanicked {
            message: match handle.join() {
                Err(panic) => message_of(panic.as_ref()),
                Ok(()) => "the run ended without a result".to_owned(),
            },
        },
    }
}
