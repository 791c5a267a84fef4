//! What becomes of a run: one that failed is written down, confirmed, and made small; of those that
//! held, some are run once more.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use snowglobe_systems::digest::Digest;

use super::confirm::{Confirmation, confirm};
use super::fingerprint::Fingerprint;
use super::folder::save;
use super::history_of;
use super::small::{Patience, made_small};
use super::summary::{Failure, Finding, NO_HANG};
use super::trial::Trial;
use super::worker::{Shared, locked};
use crate::registry::Registered;
use crate::report::small::Small;
use crate::scenarios::Verdict;
use crate::scenarios::file::{Expectation, Scenario};

/// What is known of failures of each kind.
pub(super) type Known = BTreeMap<Fingerprint, Alike>;

/// What is known of failures of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alike {
    /// How many were written down, confirmed and made small.
    looked_at: u32,
    /// How many steps the shortest run of these has.
    shortest: u64,
}

impl Alike {
    /// Of a failure that was known before the campaign was interrupted.
    pub(super) const KNOWN: Self = Self {
        looked_at: 1,
        shortest: 0,
    };

    /// Whether to look at a run of so many steps as well: it may become smaller than the others.
    fn wants(&mut self, steps: u64) -> bool {
        let wants = match self.looked_at {
            0 => true,
            LOOKED_AT.. => false,
            _ => steps < self.shortest / 2,
        };
        if wants {
            self.looked_at += 1;
            self.shortest = steps;
        }
        wants
    }
}

/// At most so many failures of a kind are looked at, of which the smallest stays; the others are
/// counted.
const LOOKED_AT: u32 = 3;

/// Whether a run that held was repeated in a second process.
pub(super) enum Repeated {
    /// It was not chosen.
    Not,
    /// The second process came to a verdict.
    Confirmed,
    /// The second process could not be asked.
    InVain,
}

/// A folder for what nobody is to keep.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> io::Result<Self> {
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

impl Shared<'_> {
    /// Runs some of those that held again, in a process of its own. The failure, if
    /// that came to another end, and whether it was asked.
    pub(super) fn double_check(
        &self,
        system: &'static dyn Registered,
        scenario: &Scenario,
        trial: &Trial,
    ) -> (Option<Failure>, Repeated) {
        // By the seed and the system, so that it is the same whoever takes it.
        let chosen = Digest::of(&(scenario.seed, scenario.system.as_str())) % 1_000_000;
        let Some(program) = &self.plan.confirm_with else {
            return (None, Repeated::Not);
        };
        if chosen >= u64::from(self.plan.double_check.0) {
            return (None, Repeated::Not);
        }
        let confirmation = self.repeated(program, scenario, trial);
        let finding = match &confirmation {
            Confirmation::Differs(_) => Finding::NotDeterministic("held".to_owned()),
            Confirmation::NotInTime(limit) => Finding::TimedOut(*limit),
            Confirmation::Confirmed => return (None, Repeated::Confirmed),
            Confirmation::EndedInTime | Confirmation::NotAsked(_) => {
                return (None, Repeated::InVain);
            }
        };
        let scenario = Scenario {
            comment: format!("Found by fuzzing: {finding}."),
            ..scenario.clone()
        };
        let fingerprint = Fingerprint::of(system.name(), trial, &finding);
        locked(&self.known).insert(fingerprint.clone(), Alike::KNOWN);
        let mut failure = Failure::new(system, scenario.seed, fingerprint, finding);
        failure.confirmation = confirmation;
        failure.saved = self.saved(&scenario);
        failure.became(None);
        (Some(failure), Repeated::Confirmed)
    }

    /// What another process comes to.
    fn repeated(&self, program: &Path, scenario: &Scenario, trial: &Trial) -> Confirmation {
        // Not beside the findings: a campaign that is killed must leave none that is not.
        match save(self.scratch.path(), scenario) {
            Ok(file) => {
                let confirmation = confirm(program, &file, trial, self.patience(trial));
                // What is left of it goes with its folder.
                let _ = fs::remove_file(&file);
                confirmation
            }
            Err(error) => Confirmation::NotAsked(error.to_string()),
        }
    }

    /// Writes a failing scenario down. Where it is, if that could be done.
    fn saved(&self, scenario: &Scenario) -> Option<PathBuf> {
        match save(&self.plan.found, scenario) {
            Ok(path) => Some(path),
            Err(error) => {
                self.must_be_written(Some(error));
                None
            }
        }
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

    /// What a failing run shows. The first of a kind are written down, run again in a process of
    /// their own, and made small.
    pub(super) fn failed(
        &self,
        system: &'static dyn Registered,
        scenario: &Scenario,
        trial: &Trial,
        finding: Finding,
    ) -> Failure {
        let fingerprint = Fingerprint::of(system.name(), trial, &finding);
        let steps = match trial {
            Trial::Ran(report) => report.counters.steps,
            Trial::Hung { .. } | Trial::ToolPanicked { .. } => u64::MAX,
        };
        let is_wanted = {
            let mut known = locked(&self.known);
            known.entry(fingerprint.clone()).or_default().wants(steps)
        };
        let mut failure = Failure::new(system, scenario.seed, fingerprint, finding);
        let reason = self.plan.known.reason(&failure.fingerprint);
        failure.known = reason.map(str::to_owned);
        if !is_wanted {
            return failure;
        }
        let scenario = expecting(scenario, trial, &failure.finding);
        if let Trial::Ran(report) = trial {
            failure.report = Some(report.clone());
        }
        failure.saved = self.saved(&scenario);
        let Some(saved) = failure.saved.clone() else {
            failure.became(None);
            return failure;
        };
        if let Trial::Ran(report) = trial
            && let Some(history) = &report.history
        {
            self.must_be_written(fs::write(history_of(&saved), history).err());
        }
        failure.confirmation = match &self.plan.confirm_with {
            Some(program) => confirm(program, &saved, trial, self.patience(trial)),
            None => Confirmation::NotAsked("no program to ask".to_owned()),
        };
        failure.finding = match failure.confirmation {
            Confirmation::Differs(_) => Finding::NotDeterministic(failure.finding.to_string()),
            Confirmation::EndedInTime => Finding::TimedOut(self.plan.watchdog),
            Confirmation::Confirmed | Confirmation::NotInTime(_) | Confirmation::NotAsked(_) => {
                failure.finding
            }
        };
        let small = self.made_small(system, &scenario, &saved, &failure.finding);
        failure.became(small);
        failure
    }

    /// It as small as the budget allows, if smaller ones may be tried at all.
    fn made_small(
        &self,
        system: &'static dyn Registered,
        scenario: &Scenario,
        saved: &Path,
        finding: &Finding,
    ) -> Option<Result<Small, String>> {
        let may_be = matches!(
            finding,
            Finding::Safety(_) | Finding::Illegal(_) | Finding::Panic(_) | Finding::Liveness(_)
        );
        let patience = Patience {
            budget: self.plan.shrink,
            watchdog: self.plan.watchdog,
        };
        let wanted = may_be && !patience.budget.is_zero();
        wanted.then(|| made_small(system, scenario, saved, patience, self.stop))
    }
}

/// The file of a failing run.
fn expecting(scenario: &Scenario, trial: &Trial, finding: &Finding) -> Scenario {
    let property = match trial {
        Trial::Ran(report) => report.verdict.property(),
        Trial::Hung { .. } => Some(NO_HANG),
        Trial::ToolPanicked { .. } => None,
    };
    let expect = match (property, trial) {
        (Some(property), _) => Expectation::Violates(property.to_owned()),
        (None, Trial::Ran(report)) if report.verdict == Verdict::CannotRecover => {
            Expectation::CannotRecover
        }
        (None, _) => scenario.expect.clone(),
    };
    let mut scenario = Scenario {
        comment: format!("Found by fuzzing: {finding}."),
        expect,
        ..scenario.clone()
    };
    // A walk that was drawn says what its last step would lead to; the run broke before it.
    if let (Some(scripted), Trial::Ran(report)) = (&mut scenario.scripted, trial) {
        scripted.reaches = scripted.reaches.map(|_| report.states);
    }
    scenario
}

#[cfg(test)]
mod tests {
    use snowglobe_checkers::explore::StatesDigest;

    use super::*;
    use crate::campaign::canary;
    use crate::scenarios::file::Scripted;

    /// A walk was drawn in the small world, whose disks do not lie; the run broke on its way.
    #[test]
    fn a_script_that_broke_on_its_way_says_how_far_it_came() {
        let trial = canary::trial(&["300ms..600ms cut n1 -> n2"]);
        let finding = Finding::of(&trial).expect("it is caught");
        let Trial::Ran(report) = &trial else {
            panic!("it ran: {trial:?}");
        };
        let mut scenario = report.scenario.clone();
        let reaches = |reaches| {
            Some(Scripted {
                reaches,
                ..Scripted::default()
            })
        };
        scenario.scripted = reaches(Some(StatesDigest(report.states.0 + 1)));
        let saved = expecting(&scenario, &trial, &finding);
        assert_eq!(saved.scripted, reaches(Some(report.states)));
        scenario.scripted = reaches(None);
        let saved = expecting(&scenario, &trial, &finding);
        assert_eq!(saved.scripted, reaches(None), "nothing was said");
    }
}
