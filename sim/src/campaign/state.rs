//! How far a campaign has come, as a file: whoever was killed goes on from there.
//!
//! The file is written anew every few seconds, and at the end, under another name first: it is
//! whole at any moment. What it does not know of is run once more. A failure is written down before
//! its run counts as over, so that none is lost.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirm::Confirmation;
use super::fingerprint::Fingerprint;
use super::recoveries::Recoveries;
use super::summary::{Failure, Finding, Summary, SystemSummary};
use super::weather::{OfFamily, WeatherSummary};
use super::work::Done;
use super::{Interrupted, Plan, SeedSource};
use crate::faults::{FamilySet, FaultFamily};
use crate::registry::Registered;
use crate::scenarios::swarm::Size;
use crate::seed::Seed;
use crate::world::Counters;

/// The version of the file's format.
const VERSION: u32 = 1;
/// The name of the file within the folder of a campaign.
const NAME: &str = "campaign.json";

/// How far a campaign has come.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    identity: String,
    /// The names of its systems, in the order in which a seed visits them.
    order: Vec<String>,
    seeds: SeedSource,
    faults: String,
    took: Duration,
    /// Whether it came to its end, and nobody interrupted it.
    is_over: bool,
    /// Why the canary was not caught, if it was not.
    canary: Option<String>,
    /// All runs of a lower number are over.
    through: u64,
    /// And these.
    beyond: Vec<u64>,
    repeated: u64,
    repeated_in_vain: u64,
    systems: BTreeMap<String, OfSystem>,
    failures: Vec<Stored>,
}

/// What was counted of one system.
#[derive(Debug, Serialize, Deserialize)]
struct OfSystem {
    held: u64,
    failed: u64,
    simulated: Duration,
    events: u64,
    counters: Counters,
    marks: BTreeMap<String, u64>,
    recoveries: Recoveries,
    sizes: BTreeMap<Size, u64>,
    families: BTreeMap<FaultFamily, OfFamily>,
    always: BTreeMap<String, FamilySet>,
}

/// A failure, without the account of its run.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    system: String,
    seed: Seed,
    fingerprint: Fingerprint,
    finding: Finding,
    confirmed: bool,
    saved: Option<PathBuf>,
    smallest: Option<PathBuf>,
    steps: Option<u64>,
    count: u64,
    known: Option<String>,
    runs: Vec<(String, Seed)>,
}

impl State {
    /// Of a campaign of which this is done.
    pub(super) fn of(plan: &Plan, summary: &Summary, done: &Done, is_over: bool) -> Self {
        let systems = summary.systems.iter();
        Self {
            version: VERSION,
            identity: plan.identity.clone(),
            order: plan.systems.iter().map(|it| it.name().to_owned()).collect(),
            faults: plan.faults.clone(),
            seeds: plan.seeds.clone(),
            took: summary.took,
            is_over,
            canary: summary.canary.clone(),
            through: done.through,
            beyond: done.beyond.iter().copied().collect(),
            repeated: summary.repeated,
            repeated_in_vain: summary.repeated_in_vain,
            systems: systems
                .map(|(name, of)| ((*name).to_owned(), OfSystem::of(of)))
                .collect(),
            failures: summary.failures.iter().map(Stored::of).collect(),
        }
    }

    /// Writes it into a folder, in place of the last one.
    ///
    /// # Errors
    /// When it cannot be written; then the last one is still there.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let (path, unfinished) = (folder.join(NAME), folder.join(format!("{NAME}.tmp")));
        let mut file = fs::File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec(self).map_err(io::Error::other)?)?;
        file.sync_data()?;
        fs::rename(unfinished, path)
    }

    /// Reads the one in a folder.
    ///
    /// # Errors
    /// A line that says why there is nothing to go on from.
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join(NAME);
        let text = fs::read(&path).map_err(|error| {
            format!(
                "no campaign is there: {}: {error}; begin one without --resume",
                path.display()
            )
        })?;
        let state: Self = serde_json::from_slice(&text).map_err(|error| {
            format!(
                "{} is not of this version ({error}); begin anew without --resume",
                path.display()
            )
        })?;
        match state.version {
            VERSION => Ok(state),
            other => Err(format!(
                "{} is of version {other} of its format, and this is {VERSION}; begin anew without --resume",
                path.display()
            )),
        }
    }

    /// Whether a plan is that of the campaign.
    ///
    /// # Errors
    /// A line that says what differs.
    pub(super) fn is_of(&self, plan: &Plan) -> Result<(), String> {
        if self.identity != plan.identity {
            return Err(format!(
                "the campaign in {} was another one ({}, and this is {}); begin anew without --resume",
                plan.found.display(),
                self.identity,
                plan.identity
            ));
        }
        if self.seeds.range != plan.seeds.range || self.seeds.partition != plan.seeds.partition {
            return Err(format!(
                "the campaign in {} took other seeds; begin anew without --resume",
                plan.found.display()
            ));
        }
        Ok(())
    }

    pub(super) fn into_interrupted(self) -> Interrupted {
        Interrupted {
            systems: self.order,
            seeds: self.seeds,
            faults: self.faults,
        }
    }

    /// What decides what its seeds do.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether another campaign took seeds that this one took, to the same end.
    pub(super) fn has_runs_of(&self, other: &Self) -> bool {
        let share = |state: &Self| (state.seeds.range, state.seeds.partition);
        self.identity == other.identity && share(self) == share(other)
    }

    /// Whether it ran a system of this name.
    pub(super) fn has(&self, system: &str) -> bool {
        self.systems.contains_key(system)
    }

    /// Which runs are over.
    pub(super) fn done(&self) -> Done {
        Done {
            through: self.through,
            beyond: self.beyond.iter().copied().collect(),
        }
    }

    /// What it adds up to so far, over these systems.
    pub(super) fn summary(&self, systems: &[&'static dyn Registered]) -> Summary {
        let mut summary = Summary::new(systems);
        summary.took = self.took;
        summary.canary = self.canary.clone();
        summary.repeated = self.repeated;
        summary.repeated_in_vain = self.repeated_in_vain;
        for system in systems {
            if let Some(of) = self.systems.get(system.name()) {
                let marks = system.marks();
                summary.systems.insert(system.name(), of.restored(&marks));
            }
        }
        let failures = self.failures.iter();
        summary.failures = failures.map(|it| it.restored(systems)).collect();
        summary
    }
}

impl OfSystem {
    fn of(of: &SystemSummary) -> Self {
        let owned = |mark: &&'static str| (*mark).to_owned();
        Self {
            held: of.held,
            failed: of.failed,
            simulated: of.simulated,
            events: of.events,
            counters: of.counters.clone(),
            marks: of
                .marks
                .iter()
                .map(|(mark, count)| (owned(mark), *count))
                .collect(),
            recoveries: of.recoveries.clone(),
            sizes: of.weather.sizes.clone(),
            families: of.weather.families.clone(),
            always: of
                .weather
                .always
                .iter()
                .map(|(mark, set)| (owned(mark), *set))
                .collect(),
        }
    }

    fn restored(&self, marks: &[&'static str]) -> SystemSummary {
        let known = marks.iter().copied();
        SystemSummary {
            held: self.held,
            failed: self.failed,
            simulated: self.simulated,
            events: self.events,
            counters: self.counters.clone(),
            marks: known
                .clone()
                .map(|mark| (mark, self.marks.get(mark).copied().unwrap_or_default()))
                .collect(),
            recoveries: self.recoveries.clone(),
            weather: WeatherSummary {
                sizes: self.sizes.clone(),
                families: self.families.clone(),
                always: known
                    .filter_map(|mark| Some((mark, *self.always.get(mark)?)))
                    .collect(),
            },
        }
    }
}

impl Stored {
    fn of(failure: &Failure) -> Self {
        let runs = failure.runs.iter();
        Self {
            system: failure.system.clone(),
            seed: failure.seed,
            fingerprint: failure.fingerprint.clone(),
            finding: failure.finding.clone(),
            confirmed: failure.confirmation == Confirmation::Confirmed,
            saved: failure.saved.clone(),
            smallest: failure.smallest.clone(),
            steps: failure.steps,
            count: failure.count,
            known: failure.known.clone(),
            runs: runs
                .map(|(system, seed)| ((*system).to_owned(), *seed))
                .collect(),
        }
    }

    fn restored(&self, systems: &[&'static dyn Registered]) -> Failure {
        let find = |name: &str| systems.iter().find(|it| it.name() == name).copied();
        let runs = self.runs.iter();
        Failure {
            system: self.system.clone(),
            object: find(&self.system).map_or("kv", |system| system.object()),
            seed: self.seed,
            fingerprint: self.fingerprint.clone(),
            finding: self.finding.clone(),
            confirmation: match self.confirmed {
                true => Confirmation::Confirmed,
                false => Confirmation::NotAsked("before the campaign was interrupted".to_owned()),
            },
            saved: self.saved.clone(),
            smallest: self.smallest.clone(),
            steps: self.steps,
            report: None,
            small: None,
            count: self.count,
            known: self.known.clone(),
            runs: runs
                .filter_map(|(system, seed)| Some((find(system)?.name(), *seed)))
                .collect(),
        }
    }
}
