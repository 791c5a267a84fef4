//! Many runs: fuzzing over seeds, and the corpus of stored scenarios.

mod canary;
mod confirm;
pub mod corpus;
mod fingerprint;
mod folder;
mod found;
mod journal;
mod known;
pub mod memory;
mod merge;
mod recoveries;
mod small;
mod state;
pub mod stopwatch;
mod summary;
mod trial;
pub mod weather;
mod work;
mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::draw::PerMillion;
use crate::registry::Registered;
use crate::scenarios::weather::Weather;
use crate::seed::{Partition, SeedRange};
use crate::world::engine::Engine;
use folder::Lock;
use state::State;
use worker::Shared;

pub use self::confirm::{Confirmation, Divergence, confirm};
pub use self::fingerprint::Fingerprint;
pub use self::folder::save;
pub use self::known::KnownFailures;
pub use self::merge::{Merged, merge};
pub use self::recoveries::Recoveries;
pub use self::summary::{Failure, Finding, Summary, SystemSummary};
pub use self::trial::{Trial, try_scenario};
pub use self::weather::{OfFamily, WeatherSummary};

/// Which seeds a campaign takes, and when it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedSource {
    /// From the first to the last.
    pub range: SeedRange,
    /// Which of them are this machine's.
    pub partition: Partition,
    /// The end of the range is none that anybody waits for: it goes by time.
    pub by_time: bool,
    /// It ends after so much wall-clock time.
    pub span: Option<Duration>,
    /// It ends when nothing new was seen for so long: no other failure, and no other mark.
    pub quiet: Option<Duration>,
}

impl SeedSource {
    /// A range, whatever time it takes.
    #[must_use]
    pub const fn range(range: SeedRange, partition: Partition) -> Self {
        Self {
            range,
            partition,
            by_time: false,
            span: None,
            quiet: None,
        }
    }
}

/// What to fuzz, and how.
pub struct Plan {
    /// What is shaken; each seed goes to each system.
    pub systems: Vec<&'static dyn Registered>,
    /// With which seeds.
    pub seeds: SeedSource,
    /// How hard it is shaken.
    pub weather: Weather,
    /// What that is called: a profile, or a file.
    pub faults: String,
    /// Who drives the runs. Those of other processes are driven by the usual engine.
    pub engine: Engine,
    /// On how many worker threads.
    pub jobs: usize,
    /// The campaign stops after this many failing runs, if after any.
    pub max_fail: Option<usize>,
    /// It stops after this many failures that differ.
    pub max_distinct: usize,
    /// Failures that fail no campaign.
    pub known: KnownFailures,
    /// How long a failure may take to become smaller; not at all, if zero.
    pub shrink: Duration,
    /// A single run that takes longer than this on the wall clock counts as one that hangs.
    pub watchdog: Duration,
    /// Where failing scenarios are written, and how far the campaign has come.
    pub found: PathBuf,
    /// What may not have changed when an interrupted campaign goes on: the program, the
    /// weather, and whatever else decides what a seed does.
    pub identity: String,
    /// Whether it goes on where one in the same folder was interrupted.
    pub resumes: bool,
    /// The share of the runs that held which are run once more, in a process of
    /// their own; none without a program.
    pub double_check: PerMillion,
    /// The program that replays a failing scenario in a process of its own;
    /// without one, failures are reported unconfirmed.
    pub confirm_with: Option<PathBuf>,
}

/// Is told how a campaign comes along.
pub trait Progress: Sync {
    /// A run is over.
    fn ran(&self, summary: &Summary);
    /// A failure was looked at, and none like it was before.
    fn failed(&self, failure: &Failure);
    /// A line was added to the journal.
    fn wrote(&self, _line: &serde_json::Value) {}
}

/// After so many runs that hang, a campaign stops: each keeps a core busy.
pub const MOST_HANGS: u64 = 5;

/// What an interrupted campaign was.
#[derive(Clone, Debug)]
pub struct Interrupted {
    /// The names of its systems, in their order.
    pub systems: Vec<String>,
    /// Its seeds.
    pub seeds: SeedSource,
    /// Its fault profile, or the file of it.
    pub faults: String,
}

/// What the campaign was that was interrupted in a folder.
///
/// # Errors
/// A line that says why there is none to go on with.
pub fn interrupted(folder: &Path) -> Result<Interrupted, String> {
    State::read(folder).map(State::into_interrupted)
}

/// Why a campaign did not begin.
#[derive(Debug, Error)]
pub enum CannotBegin {
    /// Its folder cannot be written, or another campaign writes there.
    #[error("{0}")]
    Folder(#[from] io::Error),
    /// There is none to go on with.
    #[error("{0}")]
    Resume(String),
}

/// Runs a campaign until its seeds or its time are used up, it has found
/// enough, or `stop` is set.
///
/// # Errors
/// When its folder cannot be written, or there is nothing to go on with. What cannot be
/// written later is told at the end.
pub fn fuzz(
    plan: &Plan,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<Summary, CannotBegin> {
    let lock = Lock::take(&plan.found)?;
    let canary = canary::check();
    let before = match plan.resumes {
        true => {
            let state = State::read(&plan.found).map_err(CannotBegin::Resume)?;
            state.is_of(plan).map_err(CannotBegin::Resume)?;
            Some(state)
        }
        false => None,
    };
    let shared = Shared::new(plan, before, canary.err(), stop, progress)?;
    thread::scope(|scope| {
        for _ in 0..plan.jobs.max(1) {
            scope.spawn(|| shared.work());
        }
    });
    let summary = shared.finish();
    drop(lock);
    Ok(summary)
}

/// Where the history of a failing run stands: beside its scenario.
#[must_use]
pub fn history_of(scenario: &Path) -> PathBuf {
    scenario.with_extension("history.jsonl")
}
