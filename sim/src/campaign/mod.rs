//! Many runs: fuzzing over seeds, and the corpus of stored scenarios.

mod canary;
mod confirm;
pub mod corpus;
pub mod memory;
mod recoveries;
pub mod stopwatch;
mod summary;
mod trial;
pub mod weather;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::draw::PerMillion;
use crate::registry::Registered;
use crate::scenarios::Verdict;
use crate::scenarios::file::{Expectation, Scenario};
use crate::scenarios::swarm::Size;
use crate::scenarios::weather::Weather;
use crate::seed::{Partition, Seed, SeedRange, Seeds};
use crate::world::engine::Engine;
use snowglobe_systems::digest::Digest;
use stopwatch::Stopwatch;
use summary::NO_HANG;

pub use self::confirm::{Confirmation, Divergence, confirm};
pub use self::recoveries::Recoveries;
pub use self::summary::{Failure, Finding, Summary, SystemSummary};
pub use self::trial::{Trial, try_scenario};
pub use self::weather::{OfFamily, WeatherSummary};

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
    /// How hard it is shaken.
    pub weather: Weather,
    /// Who drives the runs. Those of other processes are driven by the usual engine.
    pub engine: Engine,
    /// On how many worker threads.
    pub jobs: usize,
    /// The campaign stops after this many failures.
    pub max_fail: usize,
    /// A single run that takes longer than this on the wall clock counts as one that hangs.
    pub watchdog: Duration,
    /// Where failing scenarios are written.
    pub found: PathBuf,
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
    /// A run failed.
    fn failed(&self, failure: &Failure);
}

/// After so many runs that hang, a campaign stops: each keeps a core busy.
pub const MOST_HANGS: usize = 5;

/// Whether a run that held was repeated in a second process.
enum Repeated {
    /// It was not chosen.
    Not,
    /// The second process came to a verdict.
    Confirmed,
    /// The second process could not be asked.
    InVain,
}

/// A folder for what nobody is to keep.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("snowglobe-{process}-{count}"));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left there does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the workers share.
struct Shared<'a> {
    plan: &'a Plan,
    scratch: Scratch,
    stopwatch: Stopwatch,
    /// The user wants an end.
    stop: &'a AtomicBool,
    /// Enough was found.
    enough: AtomicBool,
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
    let canary = canary::check();
    let shared = Shared {
        plan,
        scratch: Scratch::new()?,
        stopwatch: Stopwatch::start(),
        stop,
        enough: AtomicBool::new(false),
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
    summary.canary = canary.err();
    Ok(summary)
}

impl Shared<'_> {
    fn work(&self) -> io::Result<()> {
        while let Some((system, seed)) = self.next() {
            let scenario = system.draw_in(seed, &self.plan.weather);
            let trial = try_scenario(system, &scenario, self.plan.engine, self.plan.watchdog);
            let finding = Finding::of(&trial);
            let (failure, repeated) = match finding {
                Some(finding) => {
                    let failure = self.report(system, &scenario, &trial, finding)?;
                    (Some(failure), Repeated::Not)
                }
                None => self.double_check(system, &scenario, &trial)?,
            };
            let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
            summary.took = self.stopwatch.elapsed();
            let size = Size::of(&scenario, &self.plan.weather);
            summary.add(system.name(), size, &trial, failure.clone());
            match repeated {
                Repeated::Not => {}
                Repeated::Confirmed => summary.repeated += 1,
                Repeated::InVain => summary.repeated_in_vain += 1,
            }
            // A run that hangs keeps its core for good: after a handful of them
            // later runs would seem to hang as well.
            if summary.failures.len() >= self.plan.max_fail || summary.hangs() >= MOST_HANGS {
                self.enough.store(true, Ordering::Relaxed);
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
        if self.stop.load(Ordering::Relaxed) || self.enough.load(Ordering::Relaxed) {
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

    /// Runs some of those that held again, in a process of its own. The failure, if
    /// that came to another end, and whether it was asked.
    fn double_check(
        &self,
        system: &dyn Registered,
        scenario: &Scenario,
        trial: &Trial,
    ) -> io::Result<(Option<Failure>, Repeated)> {
        // By the seed and the system, so that it is the same whoever takes it.
        let chosen = Digest::of(&(scenario.seed, scenario.system.as_str())) % 1_000_000;
        let Some(program) = &self.plan.confirm_with else {
            return Ok((None, Repeated::Not));
        };
        if chosen >= u64::from(self.plan.double_check.0) {
            return Ok((None, Repeated::Not));
        }
        // Not beside the findings: a campaign that is killed must leave none that is not.
        let file = save(self.scratch.path(), scenario)?;
        let confirmation = confirm(program, &file, trial, self.patience(trial));
        fs::remove_file(&file)?;
        let finding = match &confirmation {
            Confirmation::Differs(_) => Finding::NotDeterministic("held".to_owned()),
            Confirmation::NotInTime(limit) => Finding::TimedOut(*limit),
            Confirmation::Confirmed => return Ok((None, Repeated::Confirmed)),
            Confirmation::EndedInTime | Confirmation::NotAsked(_) => {
                return Ok((None, Repeated::InVain));
            }
        };
        let mut scenario = scenario.clone();
        scenario.comment = format!("Found by fuzzing: {finding}.");
        let failure = Failure {
            saved: save(&self.plan.found, &scenario)?,
            system: scenario.system,
            object: system.object(),
            seed: scenario.seed,
            finding,
            confirmation,
            report: None,
        };
        Ok((Some(failure), Repeated::Confirmed))
    }

    /// How long a second process has. It begins from nothing, and whether a run hangs
    /// at all shows only if it has more time than the first.
    fn patience(&self, trial: &Trial) -> Duration {
        let longer = 2 * self.plan.watchdog;
        match trial {
            Trial::Hung { .. } => longer.max(Duration::from_secs(10)),
            Trial::Ran(_) | Trial::ToolPanicked { .. } => longer,
        }
    }

    /// Writes the failing scenario, and runs it again in a process of its own.
    fn report(
        &self,
        system: &dyn Registered,
        scenario: &Scenario,
        trial: &Trial,
        finding: Finding,
    ) -> io::Result<Failure> {
        let mut scenario = scenario.clone();
        let property = match trial {
            Trial::Ran(report) if report.verdict == Verdict::CannotRecover => {
                scenario.expect = Expectation::CannotRecover;
                None
            }
            Trial::Ran(report) => report.verdict.property(),
            Trial::Hung { .. } => Some(NO_HANG),
            Trial::ToolPanicked { .. } => None,
        };
        if let Some(property) = property {
            scenario.expect = Expectation::Violates(property.to_owned());
        }
        scenario.comment = format!("Found by fuzzing: {finding}.");
        let saved = save(&self.plan.found, &scenario)?;
        if let Trial::Ran(report) = trial
            && let Some(history) = &report.history
        {
            fs::write(history_of(&saved), history)?;
        }
        let confirmation = match &self.plan.confirm_with {
            Some(program) => confirm(program, &saved, trial, self.patience(trial)),
            None => Confirmation::NotAsked("no program to ask".to_owned()),
        };
        Ok(Failure {
            system: scenario.system,
            object: system.object(),
            seed: scenario.seed,
            finding: match confirmation {
                Confirmation::Differs(_) => Finding::NotDeterministic(finding.to_string()),
                Confirmation::EndedInTime => Finding::TimedOut(self.plan.watchdog),
                Confirmation::Confirmed
                | Confirmation::NotInTime(_)
                | Confirmation::NotAsked(_) => finding,
            },
            confirmation,
            saved,
            report: match trial {
                Trial::Ran(report) => Some(report.clone()),
                Trial::Hung { .. } | Trial::ToolPanicked { .. } => None,
            },
        })
    }
}

/// Where the history of a failing run stands: beside its scenario.
#[must_use]
pub fn history_of(scenario: &Path) -> PathBuf {
    scenario.with_extension("history.jsonl")
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
