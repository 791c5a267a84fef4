//! Many runs: fuzzing over seeds, and the corpus of stored scenarios.

pub mod corpus;
pub mod stopwatch;
mod summary;
mod trial;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::scenarios::file::{Expectation, Scenario};
use crate::scenarios::{Registered, RunReport, Verdict};
use crate::seed::{Partition, Seed, SeedRange, Seeds};
use stopwatch::Stopwatch;

pub use self::summary::{Failure, Finding, Summary, SystemSummary};
pub use self::trial::{Trial, try_scenario};

/// Which seeds a campaign takes.
#[derive(Clone, Debug)]
pub enum SeedSource {
    /// A range of them, or one machine's share of it.
    Range(SeedRange, Partition),
    /// As many as a span of wall-clock time allows, from a first one on.
    For {
        /// The first.
        from: Seed,
        /// How long to go on.
        span: Duration,
    },
}

/// What to fuzz, and how.
pub struct Plan {
    /// What is shaken; each seed goes to each system.
    pub systems: Vec<&'static dyn Registered>,
    /// With which seeds.
    pub seeds: SeedSource,
    /// On how many worker threads.
    pub jobs: usize,
    /// The campaign stops after this many failures.
    pub max_fail: usize,
    /// A single run that takes longer than this on the wall clock counts as one that hangs.
    pub watchdog: Duration,
    /// Where failing scenarios are written.
    pub found: PathBuf,
    /// The program that replays a failing scenario in a process of its own;
    /// without one, failures are reported unconfirmed.
    pub confirm_with: Option<PathBuf>,
}

/// Is told how a campaign comes along.
pub trait Progress: Sync {
    /// A run is over.
    fn ran(&self, summary: &Summary);
    /// A run failed.
    fn failed(&self, failure: &Failure);
}

/// What the workers share.
struct Shared<'a> {
    plan: &'a Plan,
    stopwatch: Stopwatch,
    stop: &'a AtomicBool,
    work: Mutex<Work>,
    summary: Mutex<Summary>,
    progress: &'a dyn Progress,
}

/// The seeds that are left.
struct Work {
    seeds: Option<Seeds>,
    next: u64,
    /// The systems that the current seed has still to visit.
    seed: Seed,
    system: usize,
}

/// Runs a campaign until its seeds or its time are used up, it has found
/// enough, or `stop` is set.
///
/// # Errors
/// When failing scenarios cannot be written.
pub fn fuzz(plan: &Plan, stop: &AtomicBool, progress: &dyn Progress) -> io::Result<Summary> {
    let (seeds, from) = match &plan.seeds {
        SeedSource::Range(range, partition) => (Some(range.slice(*partition)), Seed(0)),
        SeedSource::For { from, .. } => (None, *from),
    };
    let shared = Shared {
        plan,
        stopwatch: Stopwatch::start(),
        stop,
        work: Mutex::new(Work {
            seeds,
            next: from.0,
            seed: from,
            system: plan.systems.len(),
        }),
        summary: Mutex::new(Summary::new(&plan.systems)),
        progress,
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.jobs.max(1))
            .map(|_| scope.spawn(|| shared.work()))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("a worker catches what its runs throw"))
    })?;
    let mut summary = shared
        .summary
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    summary.took = shared.stopwatch.elapsed();
    Ok(summary)
}

impl Shared<'_> {
    fn work(&self) -> io::Result<()> {
        while let Some((system, seed)) = self.next() {
            let scenario = system.draw(seed);
            let trial = try_scenario(&scenario, self.plan.watchdog);
            let finding = Finding::of(&trial);
            let failure = match finding {
                None => None,
                Some(finding) => Some(self.report(&scenario, &trial, finding)?),
            };
            let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
            summary.took = self.stopwatch.elapsed();
            summary.add(system.name(), &trial, failure.clone());
            if summary.failures.len() >= self.plan.max_fail {
                self.stop.store(true, Ordering::Relaxed);
            }
            if let Some(failure) = &failure {
                self.progress.failed(failure);
            }
            self.progress.ran(&summary);
        }
        Ok(())
    }

    /// The next run, unless the campaign is over.
    fn next(&self) -> Option<(&'static dyn Registered, Seed)> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        if let SeedSource::For { span, .. } = self.plan.seeds
            && self.stopwatch.elapsed() >= span
        {
            return None;
        }
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        if work.system == self.plan.systems.len() {
            work.seed = match &mut work.seeds {
                Some(seeds) => seeds.next()?,
                None => {
                    let seed = Seed(work.next);
                    work.next = work.next.checked_add(1)?;
                    seed
                }
            };
            work.system = 0;
        }
        let system = self.plan.systems[work.system];
        work.system += 1;
        Some((system, work.seed))
    }

    /// Writes the failing scenario, and runs it again in a process of its own.
    fn report(&self, scenario: &Scenario, trial: &Trial, finding: Finding) -> io::Result<Failure> {
        let mut scenario = scenario.clone();
        if let Trial::Ran(report) = trial
            && let Some(property) = report.verdict.property()
        {
            scenario.expect = Expectation::Violates(property.to_owned());
        }
        scenario.comment = format!("Found by fuzzing: {finding}.");
        let path = save(&self.plan.found, &scenario)?;
        let confirmed = match (trial, &self.plan.confirm_with) {
            (Trial::Ran(report), Some(program)) => Some(replays_alike(program, &path, report)),
            _ => None,
        };
        Ok(Failure {
            system: scenario.system.clone(),
            seed: scenario.seed,
            finding: match confirmed {
                Some(false) => Finding::NotDeterministic,
                Some(true) | None => finding,
            },
            confirmed: confirmed == Some(true),
            saved: path,
            report: match trial {
                Trial::Ran(report) => Some(report.clone()),
                Trial::Hung { .. } | Trial::ToolPanicked { .. } => None,
            },
        })
    }
}

/// Writes a scenario under its system and seed.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn save(folder: &Path, scenario: &Scenario) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let name = format!("{}-{:016x}.toml", scenario.system, scenario.seed.0);
    let path = folder.join(name);
    fs::write(&path, scenario.to_toml())?;
    Ok(path)
}

/// Whether another process comes to the same digest and the same verdict.
fn replays_alike(program: &Path, file: &Path, report: &RunReport) -> bool {
    let output = Command::new(program)
        .args(["replay", "--digest"])
        .arg(file)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let property = match &report.verdict {
        Verdict::Broke(_) => report.verdict.property().unwrap_or_default(),
        Verdict::Held | Verdict::CannotRecover => "held",
    };
    output.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        let mut words = text.split_whitespace().skip(2);
        words.next() == Some(report.digest.to_string().as_str()) && words.next() == Some(property)
    })
}
