//! Making a campaign's failures small, in the background of the campaign.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::stopwatch::Stopwatch;
use crate::registry::Registered;
use crate::report::small::{self, Small};
use crate::scenarios::file::Scenario;
use crate::shrink::{Keep, shrink};

/// How long a failure may take to become smaller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// No smaller one is tried after this.
    pub(super) budget: Duration,
    /// A try that takes longer than this hangs.
    pub(super) watchdog: Duration,
}

/// Makes a failure small and writes that down beside its file.
///
/// # Errors
/// Why there is nothing smaller: a line for the user.
pub(super) fn made_small(
    system: &'static dyn Registered,
    scenario: &Scenario,
    saved: &Path,
    patience: Patience,
    stop: &AtomicBool,
) -> Result<Small, String> {
    let stopwatch = Stopwatch::start();
    let shrunk = {
        let (sender, receiver) = mpsc::sync_channel(1);
        let scenario = scenario.clone();
        let given_up = Arc::new(AtomicBool::new(false));
        let is_over = given_up.clone();
        let work = move || {
            let spent = || match is_over.load(Ordering::Relaxed) {
                true => 1.0,
                false => stopwatch.elapsed().as_secs_f64() / patience.budget.as_secs_f64(),
            };
            let _ = sender.send(shrink(system, &scenario, Keep::Property, &spent));
        };
        let worker = thread::Builder::new().name(format!("shrinks {}", saved.display()));
        worker.spawn(work).map_err(|error| error.to_string())?;
        let limit = patience.budget + patience.watchdog;
        loop {
            match receiver.recv_timeout(LOOK_EVERY) {
                Ok(shrunk) => break shrunk.map_err(|error| error.to_string())?,
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err("the tool panicked while it made it smaller".to_owned());
                }
                Err(mpsc::RecvTimeoutError::Timeout) if stopwatch.elapsed() > limit => {
                    given_up.store(true, Ordering::Relaxed);
                    return Err("a smaller run hangs".to_owned());
                }
                // Who wants an end gets what there is by now.
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    given_up.fetch_or(stop.load(Ordering::Relaxed), Ordering::Relaxed);
                }
            }
        }
    };
    let folder = saved.parent().unwrap_or(Path::new("."));
    let name = saved.file_stem().unwrap_or_default().to_string_lossy();
    small::write(shrunk, folder, &name, stopwatch.elapsed()).map_err(|error| error.to_string())
}

/// How often whoever waits looks whether the user wants an end.
const LOOK_EVERY: Duration = Duration::from_millis(50);
