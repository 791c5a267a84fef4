//! A system as a value.

use snowglobe_systems::process::NodeId;

use super::Registered;
use super::scripted::TakesSteps;
use crate::explore::{Explorable, Model, check_configs};
use crate::scenarios::file::{Expectation, Scenario, Scripted};
use crate::scenarios::ranges::{self, Ranges};
use crate::scenarios::transcript::Transcript;
use crate::scenarios::weather::Weather;
use crate::scenarios::{
    CannotRun, How, Modelled, Opened, RunReport, System, UnderWay, director, options_from,
    properties, swarm,
};
use crate::seed::Seed;
use crate::time::{SimTime, format_duration};

/// A [`System`] as a value, as commands see it.
pub struct Entry<S: System> {
    /// How its small world is explored, and its steps are taken, if it has one.
    model: Option<&'static dyn TakesSteps<S>>,
}

impl<S: System> Entry<S> {
    /// Without a small world: it can be run, and not explored.
    pub const NEW: Self = Self { model: None };
}

impl<S: Modelled> Entry<S> {
    /// With its small world.
    pub const MODELLED: Self = Self {
        model: Some(&Model::<S>::NEW),
    };
}

impl<S: System> Entry<S> {
    fn options(scenario: &Scenario) -> Result<S::Options, CannotRun> {
        options_from::<S>(scenario.options.clone())
    }

    /// What a scripted scenario is run with.
    fn takes_steps(&self) -> Result<&dyn TakesSteps<S>, CannotRun> {
        self.model
            .ok_or_else(|| CannotRun::Unfit(format!("{} has no model to take `steps` in", S::NAME)))
    }

    /// A scenario that makes sense.
    fn opened(&self, scenario: &Scenario) -> Result<Opened<S>, CannotRun> {
        self.check(scenario)?;
        let options = Self::options(scenario)?;
        if let Some(scripted) = &scenario.scripted {
            return self.takes_steps()?.open(scenario, &options, scripted);
        }
        Ok(Opened {
            scenario: scenario.clone(),
            blueprint: scenario.blueprint(S::configs(scenario.nodes, &options)),
            director: director::<S>(scenario, &options)?,
        })
    }

    /// How many nodes a scenario has, clients included.
    fn size_with(&self, scenario: &Scenario, options: &S::Options) -> Result<usize, CannotRun> {
        match &scenario.scripted {
            Some(scripted) if scripted.after_step.is_none() => {
                Ok(self.takes_steps()?.size(scenario, options, scripted))
            }
            _ => Ok(S::membership(scenario.nodes, options).size()),
        }
    }

    /// Whether a model can take the steps of a scenario with nodes of this number.
    fn check_scripted(
        &self,
        scripted: &Scripted,
        options: &S::Options,
        size: usize,
    ) -> Result<(), CannotRun> {
        let model = self.takes_steps()?;
        model.check_workload(scripted.bounds.workload)?;
        if scripted.after_step.is_none() {
            model.check_options(options).map_err(CannotRun::Unfit)?;
        }
        check_steps(scripted, size)
    }
}

/// Whether a cluster can have so many nodes.
fn check_size<S: System>(nodes: usize) -> Result<(), CannotRun> {
    let (least, most) = S::NODES;
    if (least..=most).contains(&nodes) {
        return Ok(());
    }
    Err(CannotRun::ImpossibleCluster {
        system: S::NAME,
        least,
        most,
        nodes,
    })
}

/// Whether everybody is there whom faults name, and all of them begin before the chaos is over.
fn check_faults(scenario: &Scenario, size: usize) -> Result<(), CannotRun> {
    let is_strange = |node: &NodeId| node.position() >= size;
    let mut faults = scenario.faults.iter();
    if let Some(stranger) = faults.find(|it| it.fault.nodes().iter().any(is_strange)) {
        return Err(CannotRun::Unfit(format!(
            "{:?} names a node that a cluster of {size} does not have",
            stranger.to_string()
        )));
    }
    let chaos = SimTime::START + scenario.chaos;
    let late = scenario.faults.iter().find(|fault| fault.at >= chaos);
    match late.filter(|_| scenario.story.is_empty()) {
        None => Ok(()),
        Some(late) => {
            let late = late.to_string();
            let chaos = format_duration(scenario.chaos);
            Err(CannotRun::Unfit(format!(
                "{late:?} would strike after the chaos of {chaos}; make `chaos` longer"
            )))
        }
    }
}

/// Whether everybody is there whom a script names.
fn check_steps(scripted: &Scripted, size: usize) -> Result<(), CannotRun> {
    let mut steps = scripted.steps.iter().zip(1..);
    let stranger = steps.find(|(step, _)| step.nodes().iter().any(|node| node.position() >= size));
    match stranger {
        None => Ok(()),
        Some((step, number)) => Err(CannotRun::Unfit(format!(
            "step {number}, {:?}, names a node that a cluster of {size} does not have",
            step.to_string()
        ))),
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

    fn properties(&self) -> Vec<&'static str> {
        let of_model = self.model.map(TakesSteps::properties).unwrap_or_default();
        [properties::EVERYWHERE, S::PROPERTIES, &of_model].concat()
    }

    fn ranges(&self) -> Ranges {
        S::RANGES
    }

    fn default_options(&self) -> toml::Table {
        toml::Table::try_from(S::Options::default()).expect("options are plain data")
    }

    fn draw_in(&self, seed: Seed, weather: &Weather) -> Scenario {
        let timeless = self.model.and_then(|model| {
            let draw = swarm::timeless(seed, weather)?;
            model.draw_timeless(seed, draw)
        });
        timeless.unwrap_or_else(|| swarm::draw::<S>(seed, weather))
    }

    fn size(&self, scenario: &Scenario) -> Result<usize, CannotRun> {
        let options = Self::options(scenario)?;
        self.size_with(scenario, &options)
    }

    fn check(&self, scenario: &Scenario) -> Result<(), CannotRun> {
        check_size::<S>(scenario.nodes)?;
        ranges::check_scenario(scenario).map_err(CannotRun::Unfit)?;
        if let Expectation::Violates(property) = &scenario.expect {
            let system: &dyn Registered = self;
            system.check_property(property).map_err(CannotRun::Unfit)?;
        }
        let of_options = |why| CannotRun::Unfit(format!("[options] of {}: {why}", S::NAME));
        ranges::check_options(&scenario.options, S::RANGES).map_err(of_options)?;
        let options = Self::options(scenario)?;
        S::check_options(&options).map_err(of_options)?;
        check_configs::<S>(&S::configs(scenario.nodes, &options))?;
        let size = self.size_with(scenario, &options)?;
        if let Some(scripted) = &scenario.scripted {
            self.check_scripted(scripted, &options, size)?;
            if scripted.after_step.is_none() {
                return Ok(());
            }
        }
        check_faults(scenario, size)?;
        if !scenario.story.is_empty() {
            S::storyteller(scenario, &options).map_err(CannotRun::Unfit)?;
        }
        Ok(())
    }

    fn model(&self) -> Option<&dyn Explorable> {
        self.model.map(TakesSteps::explorable)
    }

    fn run_here(&self, scenario: &Scenario, how: How) -> Result<RunReport, CannotRun> {
        Ok(self.opened(scenario)?.run(how))
    }

    fn open(&self, scenario: &Scenario) -> Result<Box<dyn UnderWay>, CannotRun> {
        Ok(self.opened(scenario)?.begin())
    }

    fn transcribe(&self, scenario: &Scenario) -> Result<Box<dyn Transcript>, CannotRun> {
        let opened = self.opened(scenario)?;
        let options = Self::options(scenario)?;
        Ok(self.takes_steps()?.transcribe(opened, &options))
    }
}
