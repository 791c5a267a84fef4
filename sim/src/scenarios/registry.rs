//! The registry's side of a system: every command sees the same few verbs.

use snowglobe_systems::process::Process;

use super::file::Scenario;
use super::{CannotRun, Histories, Registered, RunReport, Shake, System, Verdict, swarm};
use crate::seed::Seed;
use crate::time::{SimTime, format_duration};
use crate::world::engine::{self, Finished};
use crate::world::{Blueprint, Director as _};

/// Wraps a [`System`] for the registry.
pub(super) struct Entry<S>(std::marker::PhantomData<fn() -> S>);

impl<S> Entry<S> {
    pub(super) const NEW: Self = Self(std::marker::PhantomData);
}

impl<S: System> Entry<S> {
    fn options(scenario: &Scenario) -> Result<S::Options, CannotRun> {
        scenario
            .options
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| {
                // The first line says what, and the next one where.
                let text = error.to_string();
                let why: Vec<&str> = text.lines().map(str::trim).collect();
                CannotRun::Unfit(format!("[options] of {}: {}", S::NAME, why.join(" ")))
            })
    }

    fn blueprint(
        scenario: &Scenario,
        options: &S::Options,
    ) -> Blueprint<<S::Process as Process>::Config> {
        Blueprint {
            seed: scenario.seed,
            configs: S::configs(scenario.nodes, options),
            links: scenario.links.clone(),
            sync: scenario.sync.clone(),
            checkpoint_bytes: scenario.checkpoint_bytes,
            faults: scenario.faults.clone(),
            step_budget: swarm::STEP_BUDGET,
        }
    }
}

impl<S: System> Registered for Entry<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn about(&self) -> &'static str {
        S::ABOUT
    }

    fn object(&self) -> &'static str {
        S::OBJECT
    }

    fn marks(&self) -> Vec<&'static str> {
        let mut marks = S::marks();
        marks.extend(crate::world::MARKS);
        marks.sort_unstable();
        marks
    }

    fn draw(&self, seed: Seed) -> Scenario {
        swarm::draw::<S>(seed)
    }

    fn size(&self, scenario: &Scenario) -> Result<usize, CannotRun> {
        let options = Self::options(scenario)?;
        Ok(S::membership(scenario.nodes, &options).size())
    }

    fn check(&self, scenario: &Scenario) -> Result<(), CannotRun> {
        let (least, most) = S::NODES;
        let nodes = scenario.nodes;
        if !(least..=most).contains(&nodes) {
            return Err(CannotRun::ImpossibleCluster {
                system: S::NAME,
                least,
                most,
                nodes,
            });
        }
        let options = Self::options(scenario)?;
        S::check_options(&options)
            .map_err(|why| CannotRun::Unfit(format!("[options] of {}: {why}", S::NAME)))?;
        let size = S::membership(nodes, &options).size();
        if let Some(stranger) = scenario.faults.iter().find(|fault| {
            fault
                .fault
                .nodes()
                .iter()
                .any(|node| node.position() >= size)
        }) {
            return Err(CannotRun::Unfit(format!(
                "{:?} names a node that a cluster of {size} does not have",
                stranger.to_string()
            )));
        }
        let chaos = SimTime::START + scenario.chaos;
        if scenario.story.is_empty()
            && let Some(late) = scenario.faults.iter().find(|fault| fault.at >= chaos)
        {
            let late = late.to_string();
            let chaos = format_duration(scenario.chaos);
            return Err(CannotRun::Unfit(format!(
                "{late:?} would strike after the chaos of {chaos}; make `chaos` longer"
            )));
        }
        if !scenario.story.is_empty() {
            S::storyteller(scenario, &options).map_err(CannotRun::Unfit)?;
        }
        Ok(())
    }

    fn run_here(&self, scenario: &Scenario, histories: Histories) -> Result<RunReport, CannotRun> {
        self.check(scenario)?;
        let options = Self::options(scenario)?;
        let blueprint = Self::blueprint(scenario, &options);
        if scenario.story.is_empty() {
            let members = S::membership(scenario.nodes, &options);
            let director = Shake::new(scenario, members, S::workload(scenario, &options));
            let (finished, director) = engine::run::<_, S::Invariants, _>(blueprint, director);
            let history = kept(histories, &finished, || director.history());
            let could_recover = director.could_recover();
            Ok(report(scenario, finished, could_recover, history))
        } else {
            let director = S::storyteller(scenario, &options).map_err(CannotRun::Unfit)?;
            let (finished, director) = engine::run::<_, S::Invariants, _>(blueprint, director);
            let history = kept(histories, &finished, || director.history());
            Ok(report(scenario, finished, true, history))
        }
    }
}

/// The history of a run, if it is to be kept.
fn kept(
    histories: Histories,
    finished: &Finished,
    history: impl FnOnce() -> Option<String>,
) -> Option<String> {
    match (histories, &finished.breakage) {
        (Histories::All, _) | (_, Some(_)) => history(),
        (Histories::OfFailures, None) => None,
    }
}

fn report(
    scenario: &Scenario,
    finished: Finished,
    could_recover: bool,
    history: Option<String>,
) -> RunReport {
    RunReport {
        history,
        scenario: scenario.clone(),
        verdict: match finished.breakage {
            Some(breakage) => Verdict::Broke(breakage),
            None if could_recover => Verdict::Held,
            None => Verdict::CannotRecover,
        },
        digest: finished.digest,
        at: finished.at,
        counters: finished.counters,
        marks: finished.marks,
        events: finished.events,
        struck: match scenario.story.is_empty() {
            true => scenario.faults.clone(),
            false => finished.struck,
        },
    }
}
