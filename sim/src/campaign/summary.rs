//! What a campaign adds up to.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirm::Confirmation;
use super::fingerprint::Fingerprint;
use super::recoveries::Recoveries;
use super::trial::Trial;
use super::weather::{OfFamily, WeatherSummary};
use crate::registry::Registered;
use crate::report::small::Small;
use crate::scenarios::swarm::Size;
use crate::scenarios::{RunReport, Verdict};
use crate::seed::Seed;
use crate::world::{Broken, Counters, Marks};

/// The property that a run breaks which does not end in real time.
pub(super) const NO_HANG: &str = "no-hang";

/// What sort of thing a failing run showed, gravest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Unrecoverable: more disks are damaged than a system promises to survive. No
    /// generated schedule may lead there.
    CannotRecover,
    /// It was not found out whether what clients saw is right.
    Undecided(String),
    /// The run did not finish within the watchdog, but did so in a second process:
    /// the watchdog is too short for a verdict.
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
                        Self::Script(breakage.broken.to_string())
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
            Self::CannotRecover => f.write_str("unrecoverable: a majority of disks is lost"),
            Self::Undecided(why) => write!(f, "undecided: {why}"),
            Self::Panic(message) => write!(f, "panic: {message}"),
            Self::Liveness(property) => write!(f, "stuck: {property}"),
            Self::Hang(text) => write!(f, "hangs: {text}"),
            Self::TimedOut(limit) => write!(
                f,
                "timed out after {limit:?}, though a second process finished: give a longer --watchdog"
            ),
            Self::Script(why) => f.write_str(why),
            Self::Tool(message) => write!(f, "the tool failed: {message}"),
        }
    }
}

/// A failure: of all runs that failed alike, the smallest of those that were looked at.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The system.
    pub system: String,
    /// What `history --spec` calls the object that its histories are of.
    pub object: &'static str,
    /// The seed.
    pub seed: Seed,
    /// What it has in common with others of its kind.
    pub fingerprint: Fingerprint,
    /// What it showed.
    pub finding: Finding,
    /// What another process came to.
    pub confirmation: Confirmation,
    /// Where its scenario was written, if it was looked at.
    pub saved: Option<PathBuf>,
    /// The account of the run, if it came to a verdict and was looked at.
    pub report: Option<RunReport>,
    /// How small it became, or why it did not; nothing if that was not tried.
    pub small: Option<Result<Small, String>>,
    /// The file to look at first, if there is one.
    pub smallest: Option<PathBuf>,
    /// How many steps its smallest form has, if that is known.
    pub steps: Option<u64>,
    /// How many runs failed so.
    pub count: u64,
    /// Why it may be, if it is known.
    pub known: Option<String>,
    /// The first of them: their systems and seeds, in the order in which they ended.
    pub runs: Vec<(&'static str, Seed)>,
}

/// Of the runs that failed alike, so many are named.
const MOST_NAMED: usize = 1000;

impl Failure {
    /// One that nobody has looked at.
    pub(super) fn new(
        system: &'static dyn Registered,
        seed: Seed,
        fingerprint: Fingerprint,
        finding: Finding,
    ) -> Self {
        Self {
            system: system.name().to_owned(),
            object: system.object(),
            seed,
            fingerprint,
            finding,
            confirmation: Confirmation::NotAsked("others of its kind were looked at".to_owned()),
            saved: None,
            report: None,
            small: None,
            smallest: None,
            steps: None,
            count: 1,
            known: None,
            runs: vec![(system.name(), seed)],
        }
    }

    /// Whether it is more than counted.
    fn is_looked_at(&self) -> bool {
        self.saved.is_some() || self.report.is_some()
    }

    /// It became as small as this, or did not.
    pub(super) fn became(&mut self, small: Option<Result<Small, String>>) {
        let whole = self.report.as_ref().map(|report| report.counters.steps);
        let smaller = small.as_ref().and_then(|it| it.as_ref().ok());
        self.steps = smaller.map(Small::steps).or(whole);
        self.smallest = smaller.and_then(Small::smallest).map(Path::to_owned);
        self.smallest = self.smallest.take().or_else(|| self.saved.clone());
        self.small = small;
    }
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
    /// What the weather brought.
    pub weather: WeatherSummary,
}

impl SystemSummary {
    /// All runs.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.held + self.failed
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
    /// Failures that differ, in the order in which the first run of each ended.
    pub failures: Vec<Failure>,
    /// Real time.
    pub took: Duration,
    /// Runs that held and were repeated in a second process.
    pub repeated: u64,
    /// Runs that were to be repeated, and the second process could not be asked.
    pub repeated_in_vain: u64,
    /// Why the canary was not caught, if it was not.
    pub canary: Option<String>,
    /// What could not be written, if anything: then the campaign ended.
    pub trouble: Option<String>,
}

/// A family that was scheduled in so many runs must have had an effect in one of them.
const EFFECTIVE_WITHIN: u64 = 30;

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

    /// How many marks were reached, over all systems.
    #[must_use]
    pub fn marks_reached(&self) -> usize {
        let systems = self.systems.values();
        let reached = |it: &SystemSummary| it.marks.values().filter(|count| **count > 0).count();
        systems.map(reached).sum()
    }

    /// All runs that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.systems.values().map(|system| system.failed).sum()
    }

    /// The runs that failed in a way that nobody knew about.
    #[must_use]
    pub fn failed_unknown(&self) -> u64 {
        let unknown = self.failures.iter().filter(|it| it.known.is_none());
        unknown.map(|failure| failure.count).sum()
    }

    /// How many failures there are that nobody knew about.
    #[must_use]
    pub fn unknown(&self) -> usize {
        self.failures.iter().filter(|it| it.known.is_none()).count()
    }

    /// The failures, the smallest first.
    #[must_use]
    pub fn by_size(&self) -> Vec<&Failure> {
        let mut failures: Vec<&Failure> = self.failures.iter().collect();
        failures.sort_by_key(|failure| failure.steps.unwrap_or(u64::MAX));
        failures
    }

    /// How many runs were given up by the watchdog; each may keep a core busy.
    #[must_use]
    pub fn hangs(&self) -> u64 {
        let is_hang = |it: &&Failure| matches!(it.finding, Finding::Hang(_) | Finding::TimedOut(_));
        let hangs = self.failures.iter().filter(is_hang);
        hangs.map(|failure| failure.count).sum()
    }

    /// A run failed. Whether it is the first of its kind that was looked at: another worker may
    /// have counted one meanwhile. Of those alike the smallest stays.
    pub(super) fn found(&mut self, failure: Failure) -> bool {
        let is_looked_at = failure.is_looked_at();
        let mut alike = self.failures.iter_mut();
        let Some(known) = alike.find(|it| it.fingerprint == failure.fingerprint) else {
            self.failures.push(failure);
            return is_looked_at;
        };
        let is_first = is_looked_at && !known.is_looked_at();
        known.count += failure.count;
        let room = MOST_NAMED.saturating_sub(known.runs.len());
        known.runs.extend(failure.runs.iter().take(room));
        // What is not deterministic is graver than anything that one process shows.
        let steps = |failure: &Failure| failure.steps.unwrap_or(u64::MAX);
        let is_graver = failure.finding < known.finding;
        let is_smaller = failure.finding == known.finding && steps(&failure) < steps(known);
        if is_first || is_graver || is_smaller {
            let runs = std::mem::take(&mut known.runs);
            let (count, reason) = (known.count, known.known.take());
            *known = Failure {
                runs,
                count,
                known: reason,
                ..failure
            };
        }
        is_first
    }

    pub(super) fn add(
        &mut self,
        system: &'static str,
        size: Size,
        trial: &Trial,
        has_failed: bool,
    ) {
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
            of_system.weather.add(size, report);
        }
        match has_failed {
            true => of_system.failed += 1,
            false => of_system.held += 1,
        }
    }

    /// Why a pass cannot be trusted, if so: the canary was not caught, or faults were
    /// scheduled many times and never had an effect.
    #[must_use]
    pub fn blind_spots(&self) -> Vec<String> {
        let mut spots: Vec<String> = self.canary.iter().cloned().collect();
        let in_vain = self.repeated_in_vain;
        if in_vain > 0 && self.repeated == 0 {
            spots.push(format!("no second process could be asked, {in_vain} times"));
        }
        for (system, of_system) in &self.systems {
            for (family, OfFamily { runs, effective }) in &of_system.weather.families {
                if *effective == 0 && *runs >= EFFECTIVE_WITHIN {
                    spots.push(format!("{system}: {family} had no effect in {runs} runs"));
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
        let failures = self.failures.iter().filter(|it| it.known.is_none());
        let findings = failures.map(|failure| &failure.finding);
        let without = u8::from(self.trouble.is_some());
        findings.min().map_or(without, Finding::exit_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::canary;

    /// A failing run of the canary, which is looked at or only counted.
    fn failure(steps: Option<u64>, finding: Finding) -> Failure {
        let trial = canary::trial(&["300ms..600ms cut n1 -> n2"]);
        Failure {
            system: "canary".to_owned(),
            object: "kv",
            seed: Seed(steps.unwrap_or_default()),
            fingerprint: Fingerprint::of("canary", &trial, &finding),
            finding,
            confirmation: Confirmation::Confirmed,
            saved: steps.map(|_| PathBuf::from("found")),
            report: None,
            small: None,
            smallest: None,
            steps,
            count: 1,
            known: None,
            runs: vec![("canary", Seed(steps.unwrap_or_default()))],
        }
    }

    fn safety() -> Finding {
        Finding::Safety("song".to_owned())
    }

    #[test]
    fn failures_alike_are_one_and_the_smallest_of_them_stays() {
        let mut summary = Summary::default();
        // Another worker still looks at the first of them.
        assert!(!summary.found(failure(None, safety())));
        assert!(summary.found(failure(Some(90), safety())), "told once");
        assert!(!summary.found(failure(Some(20), safety())));
        assert!(!summary.found(failure(Some(50), safety())));
        let [only] = summary.failures.as_slice() else {
            panic!("{:?}", summary.failures);
        };
        assert_eq!((only.count, only.steps, only.seed), (4, Some(20), Seed(20)));
        assert_eq!(only.runs.len(), 4);
    }

    #[test]
    fn what_is_not_deterministic_is_not_outweighed_by_what_is_smaller() {
        let mut summary = Summary::default();
        summary.found(failure(Some(20), safety()));
        let diverged = Finding::NotDeterministic("violates song".to_owned());
        summary.found(failure(Some(90), diverged));
        summary.found(failure(Some(10), safety()));
        assert_eq!((summary.failures.len(), summary.exit_code()), (1, 21));
    }

    #[test]
    fn a_known_failure_is_counted_and_decides_nothing() {
        let mut summary = Summary::default();
        let mut known = failure(Some(20), safety());
        known.known = Some("ticket 12".to_owned());
        summary.found(known);
        summary.found(failure(Some(10), safety()));
        assert_eq!((summary.exit_code(), summary.unknown()), (0, 0));
        assert_eq!(
            (summary.failed_unknown(), summary.failures[0].count),
            (0, 2)
        );
        summary.failures[0].known = None;
        assert_eq!((summary.exit_code(), summary.failed_unknown()), (10, 2));
    }
}
