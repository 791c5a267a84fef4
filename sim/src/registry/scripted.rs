//! Scenarios whose every step is said, which are taken in the small world of a system.

use snowglobe_checkers::explore::{Bounds, Setting, Workload};

use crate::draw::Draw;
use crate::explore::{Explorable, Model, check_workload};
use crate::scenarios::after::After;
use crate::scenarios::file::{Scenario, Scripted};
use crate::scenarios::script::Script;
use crate::scenarios::transcript::{RunTranscript, Transcript};
use crate::scenarios::{
    CannotRun, Directed, DirectorOf, Modelled, Opened, System, director, timeless,
};
use crate::seed::Seed;
use crate::world::session::Session;

/// What can be done with a system that has a small world, whatever its setting.
pub(super) trait TakesSteps<S: System>: Explorable {
    /// It, as commands ask of it.
    fn explorable(&self) -> &dyn Explorable;
    /// How many nodes such a scenario has, clients included.
    fn size(&self, scenario: &Scenario, options: &S::Options, scripted: &Scripted) -> usize;
    /// Opens such a scenario.
    fn open(
        &self,
        scenario: &Scenario,
        options: &S::Options,
        scripted: &Scripted,
    ) -> Result<Opened<S>, CannotRun>;
    /// What happens in a run, so that it can be told step by step.
    fn transcribe(&self, opened: Opened<S>, options: &S::Options) -> Box<dyn Transcript>;
    /// Every property that its small world watches over.
    fn properties(&self) -> Vec<&'static str>;
    /// Whether its clients can ask for this.
    fn check_workload(&self, workload: Workload) -> Result<(), CannotRun>;
    /// Whether its small world can be made with these options.
    fn check_options(&self, options: &S::Options) -> Result<(), String>;
    /// Draws a run without a clock.
    fn draw_timeless(&self, seed: Seed, draw: Draw) -> Option<Scenario>;
}

impl<S: Modelled> TakesSteps<S> for Model<S> {
    fn explorable(&self) -> &dyn Explorable {
        self
    }

    fn size(&self, scenario: &Scenario, options: &S::Options, scripted: &Scripted) -> usize {
        let setting = S::setting(scenario.nodes, options, &scripted.bounds);
        setting.configs().len()
    }

    fn open(
        &self,
        scenario: &Scenario,
        options: &S::Options,
        scripted: &Scripted,
    ) -> Result<Opened<S>, CannotRun> {
        let steps = scripted.steps.clone();
        let (configs, director): (_, Box<DirectorOf<S>>) = if scripted.after_step == Some(0) {
            let setting = S::setting_around(scenario.nodes, options, &scripted.bounds);
            let script = Script::of_a_run(setting, steps);
            (S::configs(scenario.nodes, options), Box::new(script))
        } else if let Some(step) = scripted.after_step {
            let setting = S::setting_around(scenario.nodes, options, &scripted.bounds);
            let script = Script::new(setting, steps);
            let director = After::new(step, director::<S>(scenario, options)?, script);
            (S::configs(scenario.nodes, options), Box::new(director))
        } else {
            let setting = S::setting(scenario.nodes, options, &scripted.bounds);
            let configs = setting.configs().to_vec();
            (configs, Box::new(Script::new(setting, steps)))
        };
        Ok(Opened {
            scenario: scenario.clone(),
            blueprint: scenario.blueprint(configs),
            director: Directed::Told(director),
        })
    }

    fn transcribe(&self, opened: Opened<S>, options: &S::Options) -> Box<dyn Transcript> {
        let Opened {
            scenario,
            blueprint,
            director,
        } = opened;
        let configs = blueprint.configs.clone();
        let mut run = Session::recorded(blueprint, S::Invariants::default(), director);
        run.run_to_step(u64::MAX);
        let happened = run.world_mut().take_record();
        Box::new(RunTranscript::<S>::new(
            &scenario, options, configs, happened,
        ))
    }

    fn properties(&self) -> Vec<&'static str> {
        let bounds = Bounds::default();
        let options = S::small_options(&bounds);
        let setting = S::setting(S::NODES.0.max(3), &options, &bounds);
        let properties = setting.properties().into_iter();
        properties.map(|property| property.name).collect()
    }

    fn check_workload(&self, workload: Workload) -> Result<(), CannotRun> {
        check_workload::<S>(workload)
    }

    fn check_options(&self, options: &S::Options) -> Result<(), String> {
        S::check_small_options(options)
    }

    fn draw_timeless(&self, seed: Seed, draw: Draw) -> Option<Scenario> {
        timeless::draw::<S>(seed, draw)
    }
}
