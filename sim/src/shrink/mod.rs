//! Making failures small.
//!
//! A failure can be told in two ways, and both are scenario files. As a *run* it has a seed,
//! incidents and a workload: [`run`] leaves out of it what the broken promise does not need.
//! As *steps* it has no clock and nothing by chance: [`steps`] writes down what happened
//! up to the moment at which the promise broke, takes that in a frozen world, and leaves out
//! what is not needed there. What depends on time has no such form: a promise that something
//! comes in time.
//!
//! Nothing is believed: each smaller failure was run, and broke the same promise.

mod list;
mod run;
mod steps;

use snowglobe_checkers::panics::guarded;
use snowglobe_systems::process::NodeId;
use thiserror::Error;

use crate::registry::Registered;
use crate::scenarios::file::{Expectation, Scenario};
use crate::scenarios::{CannotRun, Histories, RunReport, Verdict};
use crate::world::{Breakage, Broken};

/// What a smaller failure has in common with the whole one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The promise that is broken.
    #[default]
    Property,
    /// The same, and what looked wrong first.
    FirstBad,
}

/// Why there is nothing to make smaller.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CannotShrink {
    /// The scenario makes no sense.
    #[error(transparent)]
    CannotRun(#[from] CannotRun),
    /// It is no failure.
    #[error("it breaks nothing ({0}); only a failure can be made smaller")]
    Held(String),
}

/// A failure, and how small it became.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The run as it was.
    pub whole: RunReport,
    /// The smallest that was found; the whole, if that is a script already.
    pub run: RunReport,
    /// It as steps, or why it cannot be told so.
    pub steps: Result<RunReport, String>,
    /// How many smaller ones were tried.
    pub tries: u64,
    /// Whether all was tried before the budget ended, so that no single thing of what is left can be
    /// missed.
    pub is_complete: bool,
}

/// Makes a failure smaller. `spent` says how much of the budget is used up, from 0 to 1, and is asked
/// before each try; the run gets the first part of it, and its steps the rest.
///
/// # Errors
/// When the scenario cannot be run, or breaks nothing.
pub fn shrink(
    system: &dyn Registered,
    scenario: &Scenario,
    keep: Keep,
    spent: &dyn Fn() -> f64,
) -> Result<Shrunk, CannotShrink> {
    let mut whole = system.open(scenario)?.finish(Histories::OfFailures);
    let Some(property) = whole.verdict.property().map(str::to_owned) else {
        return Err(CannotShrink::Held(whole.verdict.word().to_owned()));
    };
    whole.scenario.expect = Expectation::Violates(property);
    let mut attempts = Attempts::new(system, whole.clone(), keep, spent);
    let run_is_complete = scenario.scripted.is_some() || attempts.shrink_run();
    let steps = attempts.shrink_to_steps();
    let is_complete = run_is_complete && spent() < 1.0;
    Ok(Shrunk {
        whole,
        run: attempts.best,
        steps,
        tries: attempts.tries,
        is_complete,
    })
}

/// So much of the budget may be used up before steps get their turn.
const PART_FOR_RUNS: f64 = 0.4;

/// Runs smaller scenarios, and keeps the smallest that fails in the same way.
struct Attempts<'a> {
    system: &'a dyn Registered,
    goal: Goal,
    spent: &'a dyn Fn() -> f64,
    best: RunReport,
    tries: u64,
}

impl<'a> Attempts<'a> {
    fn new(
        system: &'a dyn Registered,
        whole: RunReport,
        keep: Keep,
        spent: &'a dyn Fn() -> f64,
    ) -> Self {
        Self {
            system,
            goal: Goal::of(&whole, keep),
            spent,
            best: whole,
            tries: 0,
        }
    }

    fn best(&self) -> &Scenario {
        &self.best.scenario
    }

    /// Whether smaller runs may be tried.
    fn goes_on(&self) -> bool {
        (self.spent)() < PART_FOR_RUNS
    }

    /// How the smallest run broke.
    fn breakage(&self) -> &Breakage {
        match &self.best.verdict {
            Verdict::Broke(breakage) => breakage,
            Verdict::Held | Verdict::CannotRecover => panic!("failures-fail: the best one held"),
        }
    }

    /// Changes the smallest scenario, and keeps it so if it still fails in the same way.
    /// Whether it does. A change that changes nothing is none.
    fn attempt(&mut self, change: impl FnOnce(&mut Scenario)) -> bool {
        let mut candidate = self.best().clone();
        change(&mut candidate);
        if candidate == *self.best() || !self.goes_on() {
            return false;
        }
        self.tries += 1;
        let most_steps = self.goal.most_steps(&self.best);
        // A panic of the tool is no failure of the system's.
        let ran = guarded(|| {
            self.fit(&mut candidate);
            let mut run = self.system.open(&candidate).ok()?;
            let is_over = run.run_to_step(most_steps);
            is_over.then(|| run.finish(Histories::OfFailures))
        });
        match ran {
            Ok(Some(report)) if self.goal.is_met(&report) => {
                self.best = report;
                true
            }
            _ => false,
        }
    }

    /// Takes from a schedule whoever is not there any more.
    fn fit(&self, scenario: &mut Scenario) {
        let Ok(size) = self.system.size(scenario) else {
            return;
        };
        let there = |id: NodeId| (id.position() < size).then_some(id);
        let faults = scenario.faults.iter();
        scenario.faults = faults.filter_map(|it| it.renamed(&there)).collect();
    }
}

/// What a run must come to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Goal {
    property: String,
    first_bad: Option<&'static str>,
    /// Whether something did not come, or came too late.
    is_liveness: bool,
}

impl Goal {
    fn of(whole: &RunReport, keep: Keep) -> Self {
        let breakage = match &whole.verdict {
            Verdict::Broke(breakage) => Some(breakage),
            Verdict::Held | Verdict::CannotRecover => None,
        };
        let suspicion = breakage.and_then(|breakage| breakage.suspicion.as_ref());
        Self {
            property: whole.verdict.word().to_owned(),
            first_bad: match keep {
                Keep::Property => None,
                Keep::FirstBad => suspicion.map(|it| it.violation.property),
            },
            is_liveness: breakage.is_some_and(|it| matches!(it.broken, Broken::Liveness(_))),
        }
    }

    /// Whether the same promise is broken.
    fn is_broken(&self, report: &RunReport) -> bool {
        report.verdict.property() == Some(&self.property)
    }

    fn is_met(&self, report: &RunReport) -> bool {
        let Verdict::Broke(breakage) = &report.verdict else {
            return false;
        };
        let suspicion = breakage.suspicion.as_ref();
        self.is_broken(report)
            && (self.first_bad.is_none()
                || suspicion.map(|it| it.violation.property) == self.first_bad)
    }

    /// A run of more steps than this is not smaller, whatever is left out of its scenario.
    fn most_steps(&self, best: &RunReport) -> u64 {
        match self.is_liveness {
            true => u64::MAX,
            false => 2 * best.counters.steps + 1000,
        }
    }
}
