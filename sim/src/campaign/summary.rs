//! What a campaign adds up to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::confirm::Confirmation;
use super::recoveries::Recoveries;
use super::trial::Trial;
use crate::faults::FaultFamily;
use crate::report::failure;
use crate::scenarios::{Registered, RunReport, Verdict};
use crate::seed::Seed;
use crate::world::{Broken, Counters, Marks};

/// The property that a run breaks which does not end in real time.
pub(super) const NO_HANG: &str = "no-hang";

/// What sort of thing a failing run showed, gravest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// Two processes came to different ends: no verdict can be trusted before
    /// that is mended. Holds what the first one showed.
    NotDeterministic(String),
    /// The named safety property is broken.
    Safety(String),
    /// What clients saw breaks the named property.
    Illegal(String),
    /// A process panicked.
    Panic(String),
    /// Demanded progress did not come, or never stopped coming.
    Liveness(String),
    /// The run did not end in real time.
    Hang(String),
    /// Progress could not even be demanded: more disks are damaged than a system
    /// promises to survive. No schedule that is drawn may come to that.
    CannotRecover,
    /// It was not found out whether what clients saw is right.
    Undecided(String),
    /// The run did not end within the watchdog, and did in another process: nothing
    /// is known of it but that the watchdog is too short.
    TimedOut(Duration),
    /// A script does not fit the code, or no longer.
    Script(String),
    /// The tool itself failed.
    Tool(String),
}

impl Finding {
    /// What a run showed, if it failed.
    #[must_use]
    pub fn of(trial: &Trial) -> Option<Self> {
        match trial {
            Trial::Hung { limit } => Some(Self::Hang(format!("no end after {limit:?}"))),
            Trial::ToolPanicked { message } => Some(Self::Tool(message.clone())),
            Trial::Ran(report) => match &report.verdict {
                Verdict::Held => None,
                Verdict::CannotRecover => Some(Self::CannotRecover),
                Verdict::Broke(breakage) => Some(match &breakage.broken {
                    Broken::Safety(violation) => Self::Safety(violation.property.to_owned()),
                    Broken::Illegal(illegal) => {
                        Self::Illegal(illegal.violation.property.to_owned())
                    }
                    Broken::Undecided { why } => Self::Undecided(why.clone()),
                    Broken::Liveness(violation) => Self::Liveness(violation.property.to_owned()),
                    Broken::Panic { message, .. } => Self::Panic(message.clone()),
                    Broken::OutOfSteps { .. } => Self::Liveness("step-budget".to_owned()),
                    Broken::Script { .. } | Broken::Elsewhere { .. } => {
                        Self::Script(failure::what(&breakage.broken))
                    }
                }),
            },
        }
    }

    /// The exit code that stands for it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotDeterministic(_) => 21,
            Self::Safety(_) => 10,
            Self::Illegal(_) => 13,
            Self::Undecided(_) | Self::TimedOut(_) => 20,
            Self::Panic(_) => 12,
            Self::Liveness(_) | Self::Hang(_) | Self::CannotRecover => 11,
            Self::Script(_) => 2,
            Self::Tool(_) => 1,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDeterministic(first) => {
                write!(f, "not deterministic: one process found: {first}")
            }
            Self::Safety(property) => write!(f, "violates {property}"),
            Self::Illegal(property) => write!(f, "history not {property}"),
            Self::CannotRecover => f.write_str("cannot recover: no majority of disks is whole"),
            Self::Undecided(why) => write!(f, "undecided: {why}"),
            Self::Panic(message) => write!(f, "panic: {message}"),
            Self::Liveness(property) => write!(f, "stuck: {property}"),
            Self::Hang(text) => write!(f, "hangs: {text}"),
            Self::TimedOut(limit) => write!(
                f,
                "timed out after {limit:?}, and a second process came to an end; give a longer --watchdog"
            ),
            Self::Script(why) => f.write_str(why),
            Self::Tool(message) => write!(f, "the tool failed: {message}"),
        }
    }
}

/// A failing run.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The system.
    pub system: String,
    /// The seed.
    pub seed: Seed,
    /// What it showed.
    pub finding: Finding,
    /// What another process came to.
    pub confirmation: Confirmation,
    /// Where its scenario was written.
    pub saved: PathBuf,
    /// The account of the run, if it came to a verdict.
    pub report: Option<RunReport>,
}

/// What was counted of one system.
#[derive(Clone, Debug, Default)]
pub struct SystemSummary {
    /// Runs that held.
    pub held: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Simulated time over all runs.
    pub simulated: Duration,
    /// Everything that runs count.
    pub counters: Counters,
    /// Events over all runs.
    pub events: u64,
    /// Every mark, with the number of times it was reached.
    pub marks: Marks,
    /// How long runs took to recover.
    pub recoveries: Recoveries,
    /// What went wrong in how many runs.
    pub families: BTreeMap<FaultFamily, OfFamily>,
}

/// In how many runs a family of faults was in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfFamily {
    /// Runs whose schedule has it.
    pub runs: u64,
    /// Those in which a mark shows that it did something.
    pub bit: u64,
}

impl SystemSummary {
    /// All runs.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.held + self.failed
    }

    fn add_families(&mut self, report: &RunReport) {
        let incidents = report.scenario.faults.iter();
        let families: BTreeSet<FaultFamily> = incidents.map(|it| it.fault.family()).collect();
        for family in families {
            let bit = family
                .bites()
                .iter()
                .any(|it| report.marks.contains_key(it));
            let of_family = self.families.entry(family).or_default();
            of_family.runs += 1;
            of_family.bit += u64::from(bit);
        }
    }

    /// The marks that no run reached.
    pub fn never_reached(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.marks
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(mark, _)| *mark)
    }
}

/// What a campaign adds up to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// By system.
    pub systems: BTreeMap<&'static str, SystemSummary>,
    /// Every failing run, in the order in which they ended.
    pub failures: Vec<Failure>,
    /// Real time.
    pub took: Duration,
    /// Runs that held and were run once more, in a second process.
    pub doubled: u64,
    /// What is wrong with the canary, if anything is.
    pub canary: Option<String>,
}

/// A family that was in force in so many runs must have done something in one of them.
const BITES_WITHIN: u64 = 30;

impl Summary {
    /// Nothing has run yet.
    #[must_use]
    pub fn new(systems: &[&'static dyn Registered]) -> Self {
        let systems = systems
            .iter()
            .map(|system| {
                let marks = system.marks().into_iter().map(|mark| (mark, 0)).collect();
                let empty = SystemSummary {
                    marks,
                    ..SystemSummary::default()
                };
                (system.name(), empty)
            })
            .collect();
        Self {
            systems,
            ..Self::default()
        }
    }

    /// All runs of all systems.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.systems.values().map(SystemSummary::runs).sum()
    }

    /// How many runs did not end.
    #[must_use]
    pub fn hangs(&self) -> usize {
        self.failures
            .iter()
            .filter(|failure| matches!(failure.finding, Finding::Hang(_)))
            .count()
    }

    pub(super) fn add(&mut self, system: &'static str, trial: &Trial, failure: Option<Failure>) {
        let of_system = self.systems.entry(system).or_default();
        if let Trial::Ran(report) = trial {
            of_system.simulated += Duration::from_nanos(report.at.0);
            of_system.counters.add(&report.counters);
            of_system.events += report.events;
            for (mark, count) in &report.marks {
                *of_system.marks.entry(mark).or_default() += count;
            }
            if let Some(recovery) = &report.recovery {
                of_system.recoveries.add(report.scenario.seed, recovery);
            }
            of_system.add_families(report);
        }
        match failure {
            Some(_) => of_system.failed += 1,
            None => of_system.held += 1,
        }
        self.failures.extend(failure);
    }

    /// Why what held may mean nothing, if that is so: the canary lives, or faults were
    /// in force again and again and did nothing.
    #[must_use]
    pub fn blind_spots(&self) -> Vec<String> {
        let mut spots: Vec<String> = self.canary.iter().cloned().collect();
        for (system, of_system) in &self.systems {
            for (family, OfFamily { runs, bit }) in &of_system.families {
                if *bit == 0 && *runs >= BITES_WITHIN {
                    spots.push(format!("{system}: {family} bit in none of {runs} runs"));
                }
            }
        }
        spots
    }

    /// The exit code: that of the gravest failure, or 0; what is blind is the gravest.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if !self.blind_spots().is_empty() {
            return 21;
        }
        self.failures
            .iter()
            .map(|failure| &failure.finding)
            .min()
            .map_or(0, Finding::exit_code)
    }
}
