//! A scenario that is opened: its world, whoever directs it, and what its end means.

use snowglobe_checkers::explore::StatesDigest;
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use super::file::Scenario;
use super::script::held_against_its_file;
use super::{CannotRun, Histories, How, RunReport, Shake, System, Verdict};
use crate::time::SimTime;
use crate::world::engine::{self, Finished};
use crate::world::session::Session;
use crate::world::{Blueprint, Director, World};

/// A run that is under way, whatever its types: it goes on without an engine of its own, and
/// can be copied.
pub trait UnderWay: Send {
    /// How many steps its processes have taken.
    fn steps(&self) -> u64;
    /// The simulated time.
    fn at(&self) -> SimTime;
    /// The digest of what all nodes are and have on their disks.
    fn states(&self) -> StatesDigest;
    /// Goes on until so many steps were taken, or the run is over; see
    /// [`Session::run_to_step`]. Whether it is over.
    fn run_to_step(&mut self, step: u64) -> bool;
    /// Another run that has come as far, and goes on as this one does.
    fn fork(&self) -> Box<dyn UnderWay>;
    /// Goes on to the end.
    fn finish(self: Box<Self>, histories: Histories) -> RunReport;
}

/// How a node of a system is configured.
type Config<S> = <<S as System>::Process as Process>::Config;
type WorldOf<S> = World<<S as System>::Process, <S as System>::Invariants>;
/// Somebody who directs a run of a system.
pub(crate) type DirectorOf<S> = dyn Director<<S as System>::Process, <S as System>::Invariants>;

/// Who directs a run.
pub(crate) enum Directed<S: System> {
    /// It is shaken.
    Shaken(Box<Shake<S::Workload>>),
    /// It is told, or all its steps are.
    Told(Box<DirectorOf<S>>),
}

impl<S: System> Clone for Directed<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Shaken(shake) => Self::Shaken(shake.clone()),
            Self::Told(told) => Self::Told(told.clone()),
        }
    }
}

impl<S: System> Directed<S> {
    fn now(&self) -> &DirectorOf<S> {
        match self {
            Self::Shaken(shake) => &**shake,
            Self::Told(told) => &**told,
        }
    }

    fn now_mut(&mut self) -> &mut DirectorOf<S> {
        match self {
            Self::Shaken(shake) => &mut **shake,
            Self::Told(told) => &mut **told,
        }
    }
}

impl<S: System> Director<S::Process, S::Invariants> for Directed<S> {
    fn prepare(&mut self, world: &mut WorldOf<S>) {
        self.now_mut().prepare(world);
    }
    fn begin(&mut self, world: &mut WorldOf<S>) {
        self.now_mut().begin(world);
    }
    fn alarm(&mut self, world: &mut WorldOf<S>, token: u64) {
        self.now_mut().alarm(world, token);
    }
    fn returned(
        &mut self,
        world: &mut WorldOf<S>,
        invocation: InvocationId,
        outcome: <S::Process as Process>::Outcome,
    ) {
        self.now_mut().returned(world, invocation, outcome);
    }
    fn told(
        &mut self,
        world: &mut WorldOf<S>,
        node: NodeId,
        outcome: <S::Process as Process>::Outcome,
    ) {
        self.now_mut().told(world, node, outcome);
    }
    fn is_over(&mut self, world: &mut WorldOf<S>) -> bool {
        self.now_mut().is_over(world)
    }
    fn history(&self) -> Option<String> {
        self.now().history()
    }
}

/// Who directs a run that is shaken or told.
pub(crate) fn director<S: System>(
    scenario: &Scenario,
    options: &S::Options,
) -> Result<Directed<S>, CannotRun> {
    if scenario.story.is_empty() {
        let members = S::membership(scenario.nodes, options);
        let workload = S::workload(scenario, options);
        let bound = S::recovery_bound(scenario, options);
        let shake = Shake::new(scenario, members, workload).bounded_by(bound);
        Ok(Directed::Shaken(Box::new(shake)))
    } else {
        let teller = S::storyteller(scenario, options);
        teller.map(Directed::Told).map_err(CannotRun::Unfit)
    }
}

/// A scenario that makes sense, and has not begun.
pub(crate) struct Opened<S: System> {
    pub(crate) scenario: Scenario,
    pub(crate) blueprint: Blueprint<Config<S>>,
    pub(crate) director: Directed<S>,
}

impl<S: System> Opened<S> {
    /// Runs it to its end.
    pub(crate) fn run(self, how: How) -> RunReport {
        let watching = S::Invariants::default();
        let (finished, director) =
            engine::run_on(how.engine, self.blueprint, watching, self.director);
        report::<S>(self.scenario, finished, &director, how.histories)
    }

    /// Begins it.
    pub(crate) fn begin(self) -> Box<dyn UnderWay> {
        Box::new(Begun::<S> {
            session: Session::open(self.blueprint, S::Invariants::default(), self.director),
            scenario: self.scenario,
        })
    }
}

/// A run of a scenario that has begun.
struct Begun<S: System> {
    scenario: Scenario,
    session: Session<S::Process, S::Invariants, Directed<S>>,
}

impl<S: System> UnderWay for Begun<S> {
    fn steps(&self) -> u64 {
        self.session.world().counters().steps
    }

    fn at(&self) -> SimTime {
        self.session.world().now()
    }

    fn states(&self) -> StatesDigest {
        self.session.world().states()
    }

    fn run_to_step(&mut self, step: u64) -> bool {
        self.session.run_to_step(step)
    }

    fn fork(&self) -> Box<dyn UnderWay> {
        Box::new(Self {
            scenario: self.scenario.clone(),
            session: self.session.clone(),
        })
    }

    fn finish(self: Box<Self>, histories: Histories) -> RunReport {
        let (finished, director) = self.session.finish();
        report::<S>(self.scenario, finished, &director, histories)
    }
}

/// The report of a run that is over.
fn report<S: System>(
    scenario: Scenario,
    mut finished: Finished,
    director: &Directed<S>,
    histories: Histories,
) -> RunReport {
    held_against_its_file(&mut finished, &scenario);
    let history = match (histories, &finished.breakage) {
        (Histories::All, _) | (_, Some(_)) => director.history(),
        (Histories::OfFailures, None) => None,
    };
    let Directed::Shaken(shake) = director else {
        return report_of(scenario, finished, history);
    };
    let (struck, could_recover) = (scenario.faults.clone(), shake.could_recover());
    let mut report = report_of(scenario, finished, history);
    if !could_recover && report.verdict == Verdict::Held {
        report.verdict = Verdict::CannotRecover;
    }
    report.struck = struck;
    report.recovery = shake.recovery().cloned();
    // Who stays ill while it settles is no fault of the schedule.
    report.effective = shake.effective().unwrap_or(report.effective);
    report
}

/// The report of a run of which nobody demanded progress.
pub(crate) fn report_of(
    scenario: Scenario,
    finished: Finished,
    history: Option<String>,
) -> RunReport {
    RunReport {
        scenario,
        history,
        recovery: None,
        effective: finished.effective,
        verdict: match finished.breakage {
            Some(breakage) => Verdict::Broke(breakage),
            None => Verdict::Held,
        },
        digest: finished.digest,
        states: finished.states,
        at: finished.at,
        counters: finished.counters,
        marks: finished.marks,
        events: finished.events,
        struck: finished.struck,
    }
}
