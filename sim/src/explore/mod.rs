//! Every schedule of a small world, and what it came to.

pub mod coverage;
mod look;
mod model;

use std::net::SocketAddr;
use std::sync::Arc;

use snowglobe_checkers::explore::{
    self, Account, ActionKind, Bounds, Certificate, Counterexample, Headway, Order, Outcome,
    Packing, Property, RECOVERS, Reductions, SearchEngine, Setting, SmallWorld, StatesDigest, Step,
    Walks, search_by, walk,
};
use snowglobe_systems::invariants::Violation;

use crate::scenarios::file::{Expectation, Scenario, Scripted};
use crate::scenarios::{CannotRun, Modelled, small_options};
use crate::seed::Seed;

pub use self::model::{Explorable, Model, Watch};
pub(crate) use self::model::{check_configs, check_workload};

/// What is explored, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many nodes the cluster has, clients not counted.
    pub nodes: usize,
    /// How large the world is.
    pub bounds: Bounds,
    /// Options of the system that differ from those of its small worlds.
    pub options: toml::Table,
    /// In which order states are looked at.
    pub order: Order,
    /// Random walks instead of every state.
    pub walks: Option<Walks>,
    /// Who keeps the states.
    pub engine: SearchEngine,
    /// Worker threads.
    pub threads: usize,
    /// What keeps it small.
    pub reductions: Reductions,
    /// From one in so many states the world is run forward, to see whether it recovers.
    pub sample_one_in: Option<u64>,
    /// A broken promise does not end the search.
    pub goes_on: bool,
}

impl Plan {
    /// Tuning and workload of the small world.
    ///
    /// # Errors
    /// When the system has no such option, or not with such a value.
    fn options_of<S: Modelled>(&self) -> Result<S::Options, CannotRun> {
        small_options::<S>(&self.bounds, &self.options)
    }
}

/// Where in a run an exploration begins, and how far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around {
    /// After so many steps of the run.
    pub step: u64,
    /// Nothing more happens after so many steps from there.
    pub depth: u32,
}

/// What an exploration came to.
#[derive(Debug)]
pub struct Exploration {
    /// How large the world is: as planned, or beyond what was found.
    pub bounds: Bounds,
    /// How far it came.
    pub headway: Headway,
    /// Every state within the bounds was looked at.
    pub exhausted: bool,
    /// If not: every state within so many steps was, if that is known.
    pub complete_to: Option<usize>,
    /// What was seen on the way.
    pub account: Account,
    /// All promises that were looked at.
    pub properties: Vec<Property>,
    /// The kinds of action that the bounds allow and that were never taken.
    pub never_taken: Vec<ActionKind>,
    /// The marks that the bounds allow and that were never reached.
    pub never_reached: Vec<&'static str>,
    /// How many different steps of single nodes there are.
    pub local_steps: usize,
    /// In how many ways some nodes were away while it was looked whether the others recover.
    pub absences: usize,
    /// What is broken, if anything is.
    pub finding: Option<Found>,
    /// What else is, if the search went on.
    pub further: Vec<Found>,
    /// Whether any client was answered: else nothing was asked of what clients saw.
    pub answered: bool,
    /// Whether nodes could have booted otherwise than they did, of which nothing was seen.
    pub could_begin_otherwise: bool,
    /// What was left out, and looked at.
    pub certificate: Certificate,
    /// What the states took, where they were packed.
    pub packing: Option<Packing>,
    /// What ended the search without a verdict, if something did.
    pub doubt: Option<Violation>,
}

/// A broken promise, and the way there.
#[derive(Debug)]
pub struct Found {
    /// What is broken.
    pub violation: Violation,
    /// The way there as a scenario.
    pub scenario: Scenario,
    /// The last state, in lines.
    pub end: String,
}

impl Exploration {
    /// All that is broken.
    pub fn findings(&self) -> impl Iterator<Item = &Found> {
        self.finding.iter().chain(&self.further)
    }

    /// Whether it means what it seems to mean: everything that should happen within
    /// the bounds did.
    #[must_use]
    pub fn is_vacuous(&self) -> bool {
        self.exhausted && !(self.never_taken.is_empty() && self.never_reached.is_empty())
    }

    /// The documented exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match &self.finding {
            Some(found) => found.exit_code(),
            None if self.exhausted && !self.is_vacuous() => 0,
            None => 20,
        }
    }
}

impl Found {
    /// The steps that lead there.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        let scripted = self.scenario.scripted.as_ref();
        scripted.map_or(&[], |scripted| &scripted.steps)
    }

    /// The documented exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.violation.property {
            RECOVERS => 11,
            "no-panic" => 12,
            "linearizable" => 13,
            _ => 10,
        }
    }
}

/// Looks at every state of a system's small world.
pub fn explore<S: Modelled>(plan: &Plan, watch: &mut dyn FnMut(&Headway) -> bool) -> Exploration {
    let options = plan.options_of::<S>().expect("the plan was checked");
    let setting = S::setting(plan.nodes, &options, &plan.bounds);
    let mut world = SmallWorld::new(setting, plan.reductions).sampling(plan.sample_one_in);
    if plan.goes_on {
        world = world.going_on();
    }
    let world = Arc::new(world);
    let outcome = match plan.walks {
        Some(walks) => walk(&world, walks, plan.threads, watch),
        None => search_by(plan.engine, &world, plan.order, plan.threads, watch),
    };
    let explored = explored(&world, outcome, |counterexample| {
        scenario::<S>(plan, &options, counterexample)
    });
    let marks = world.setting().marks().into_iter();
    Exploration {
        never_taken: never_taken(&plan.bounds, &explored.account),
        never_reached: marks
            .filter(|mark| !explored.account.marks.contains_key(mark))
            .collect(),
        ..explored
    }
}

/// Looks at every state around one that a run of a scenario, which makes sense, comes to.
///
/// Nothing is expected to happen there, so it is worth what it says however
/// little does.
///
/// # Errors
/// When the run does not come that far, or its state cannot be gone on from.
pub fn explore_around<S: Modelled>(
    scenario: &Scenario,
    around: &Around,
    plan: &Plan,
    watch: &mut dyn FnMut(&Headway) -> bool,
) -> Result<Exploration, CannotRun> {
    let world = Arc::new(world_around::<S>(scenario, around, plan)?);
    let bounds = world.setting().bounds();
    // The depth of a state is that of the shortest way there in this order only.
    let outcome = search_by(plan.engine, &world, Order::Breadth, 1, watch);
    Ok(explored(&world, outcome, |counterexample| {
        let violation = &counterexample.violation;
        let comment = format!(
            "Found by exploring what else could happen after step {}.\n{violation}",
            around.step
        );
        let expect = Expectation::Violates(violation.property.to_owned());
        let (steps, reaches) = (counterexample.steps.clone(), counterexample.reaches);
        Scenario {
            comment,
            expect,
            ..scenario_around(scenario, around.step, bounds, steps, reaches)
        }
    }))
}

/// The small world around a state that a run of a scenario comes to. Its bounds
/// on terms and messages are above what is there already.
///
/// # Errors
/// When the run does not come that far, or its state cannot be gone on from.
pub fn world_around<S: Modelled>(
    scenario: &Scenario,
    around: &Around,
    plan: &Plan,
) -> Result<SmallWorld<S::Setting>, CannotRun> {
    if let Some(why) = S::NOT_ASKED_AROUND.filter(|_| plan.bounds.operations > 0) {
        let name = S::NAME;
        let why = format!("clients of {name} ask for nothing in the middle of a run: {why}");
        return Err(CannotRun::Unfit(why));
    }
    let (found, options) = look::look::<S>(scenario, around.step)?;
    let terms = found.nodes.iter().map(|member| S::term(&member.durable));
    let under_way = u8::try_from(found.under_way.len()).unwrap_or(u8::MAX);
    let bounds = Bounds {
        terms: terms.max().unwrap_or(0).saturating_add(plan.bounds.terms),
        messages: under_way.saturating_add(plan.bounds.messages),
        ..plan.bounds.clone()
    };
    let setting = S::setting_around(scenario.nodes, &options, &bounds);
    let found = found.watched_by(S::promises);
    // Whoever made the calls that are open knows the nodes by their names.
    let reductions = Reductions {
        symmetry: false,
        ..plan.reductions
    };
    Ok(SmallWorld::found(setting, reductions, found).within(around.depth))
}

/// A scenario that goes another way after some step.
#[must_use]
pub fn scenario_around(
    scenario: &Scenario,
    step: u64,
    bounds: &Bounds,
    steps: Vec<Step>,
    reaches: StatesDigest,
) -> Scenario {
    Scenario {
        scripted: Some(Scripted {
            after_step: Some(step),
            steps,
            bounds: bounds.clone(),
            reaches: Some(reaches),
        }),
        ..scenario.clone()
    }
}

/// What a search came to, whatever should have happened in it.
fn explored<S: Setting>(
    world: &SmallWorld<S>,
    outcome: Outcome<S>,
    scenario: impl Fn(&Counterexample<S>) -> Scenario,
) -> Exploration {
    let found = |counterexample: Counterexample<S>| Found {
        scenario: scenario(&counterexample),
        violation: counterexample.violation,
        end: counterexample.end.to_string(),
    };
    Exploration {
        bounds: world.setting().bounds().clone(),
        never_taken: Vec::new(),
        never_reached: Vec::new(),
        headway: outcome.headway,
        exhausted: outcome.exhausted,
        complete_to: outcome.complete_to,
        account: outcome.account,
        properties: world.setting().properties(),
        local_steps: world.local_steps(),
        absences: world.absences(),
        certificate: outcome.certificate,
        packing: outcome.packing,
        doubt: outcome.doubt,
        finding: outcome.counterexample.map(found),
        further: outcome.further.into_iter().map(found).collect(),
        answered: world.answers(),
        could_begin_otherwise: world.could_begin_otherwise(),
    }
}

/// Serves the states of a system's small world to web browsers; does not come back.
pub fn serve<S: Modelled>(plan: &Plan, address: SocketAddr) {
    let options = plan.options_of::<S>().expect("the plan was checked");
    let setting = S::setting(plan.nodes, &options, &plan.bounds);
    // Who looks around sees one state after another, and no whole search has told
    // what may be left out.
    let reductions = Reductions {
        obsolete: false,
        ..plan.reductions
    };
    let world = Arc::new(SmallWorld::new(setting, reductions));
    explore::serve(&world, plan.threads, address);
}

/// The way to a broken promise as a scenario that anybody can replay.
fn scenario<S: Modelled>(
    plan: &Plan,
    options: &S::Options,
    counterexample: &Counterexample<S::Setting>,
) -> Scenario {
    let violation = &counterexample.violation;
    Scenario {
        comment: format!("Found by exploring every schedule of a small world.\n{violation}"),
        expect: Expectation::Violates(violation.property.to_owned()),
        scripted: Some(Scripted {
            after_step: None,
            steps: counterexample.steps.clone(),
            bounds: plan.bounds.clone(),
            reaches: Some(counterexample.reaches),
        }),
        options: toml::Table::try_from(options).expect("options are plain data"),
        ..Scenario::calm(S::NAME, plan.nodes, Seed(0))
    }
}

/// The kinds of action that the bounds allow and that were never taken.
fn never_taken(bounds: &Bounds, account: &Account) -> Vec<ActionKind> {
    let allowed = |kind: ActionKind| match kind {
        ActionKind::Deliver => true,
        ActionKind::Duplicate => bounds.duplicates > 0,
        ActionKind::Timeout => bounds.timeouts > 0,
        ActionKind::Beat => bounds.beats > 0,
        ActionKind::Invoke => bounds.operations > 0,
        ActionKind::Crash | ActionKind::CrashBetweenEffects | ActionKind::Restart => {
            bounds.crashes > 0
        }
        ActionKind::Cut | ActionKind::Hold | ActionKind::Mend => bounds.cuts > 0,
    };
    let taken = |kind: ActionKind| account.actions.get(&kind).is_some_and(|count| *count > 0);
    let kinds = ActionKind::ALL.into_iter();
    kinds
        .filter(|kind| allowed(*kind) && !taken(*kind))
        .collect()
}
