//! The registry's side of a system: every command sees the same few verbs.

use std::net::SocketAddr;
use std::thread;

use snowglobe_checkers::explore::{Bounds, FoundWorld, Headway, Scope, Setting, Workload};
use snowglobe_systems::process::{NodeId, Process};

use super::after::{After, Look};
use super::file::{Expectation, Scenario, Scripted};
use super::opened::{Directed, DirectorOf, Opened, UnderWay};
use super::properties;
use super::ranges::{self, Ranges};
use super::script::Script;
use super::weather::Weather;
use super::{CannotRun, How, Modelled, Registered, RunReport, Shake, System, swarm, timeless};
use crate::campaign::coverage::{self, Coverage};
use crate::campaign::exploration::{self, Around, Exploration, Plan};
use crate::draw::Draw;
use crate::report::failure;
use crate::seed::Seed;
use crate::time::{SimTime, format_duration};
use crate::world::engine;
use crate::world::{Broken, message_of};

/// A [`System`] as a value, as commands see it.
pub struct Entry<S: System> {
    /// How its small world is run, if it has one.
    model: Option<Model<S>>,
}

/// What can be done with a system that has a small world, whatever its types.
struct Model<S: System> {
    size: fn(&Scenario, &S::Options, &Scripted) -> usize,
    open: Open<S>,
    scopes: fn() -> Vec<Scope>,
    properties: fn() -> Vec<&'static str>,
    usual_scope: fn() -> &'static str,
    /// Whether the nodes of a small world can be tuned as its bounds say.
    check: fn(&Plan) -> Result<(), CannotRun>,
    /// Whether its clients can ask for this.
    check_workload: fn(Workload) -> Result<(), CannotRun>,
    /// Whether its small world can be made with these options.
    check_options: fn(&S::Options) -> Result<(), String>,
    explore: fn(&Plan, Watch<'_>) -> Exploration,
    explore_around: ExploreAround,
    serve: fn(&Plan, SocketAddr),
    draw_timeless: fn(Seed, Draw) -> Option<Scenario>,
    cover: fn(&Plan, u64, coverage::GoOn<'_>) -> Option<Coverage>,
}

type Open<S> = fn(&Scenario, &<S as System>::Options, &Scripted) -> Result<Opened<S>, CannotRun>;
type ExploreAround = fn(&Scenario, &Around, &Plan, Watch<'_>) -> Result<Exploration, CannotRun>;

/// Told how an exploration comes along, and says whether it goes on.
type Watch<'a> = &'a mut dyn FnMut(&Headway) -> bool;

impl<S: Modelled> Model<S> {
    const NEW: Self = Self {
        size: Self::size,
        open: Self::open,
        scopes: S::Setting::scopes,
        properties: Self::properties,
        usual_scope: S::Setting::usual_scope,
        check: Self::check,
        check_workload: check_workload::<S>,
        check_options: S::check_small_options,
        explore: exploration::explore::<S>,
        explore_around: exploration::explore_around::<S>,
        serve: exploration::serve::<S>,
        draw_timeless: timeless::draw::<S>,
        cover: coverage::measure::<S>,
    };

    fn check(plan: &Plan) -> Result<(), CannotRun> {
        check_workload::<S>(plan.bounds.workload)?;
        let options = small_options::<S>(plan)?;
        S::check_options(&options).map_err(CannotRun::Unfit)?;
        S::check_small_options(&options).map_err(CannotRun::Unfit)?;
        check_configs::<S>(S::setting(plan.nodes, &options, &plan.bounds).configs())
    }

    fn properties() -> Vec<&'static str> {
        let bounds = Bounds::default();
        let options = S::small_options(&bounds);
        let setting = S::setting(S::NODES.0.max(3), &options, &bounds);
        let properties = setting.properties().into_iter();
        properties.map(|property| property.name).collect()
    }

    fn size(scenario: &Scenario, options: &S::Options, scripted: &Scripted) -> usize {
        let setting = S::setting(scenario.nodes, options, &scripted.bounds);
        setting.configs().len()
    }

    fn open(
        scenario: &Scenario,
        options: &S::Options,
        scripted: &Scripted,
    ) -> Result<Opened<S>, CannotRun> {
        let steps = scripted.steps.clone();
        let (configs, director): (_, Box<DirectorOf<S>>) = if let Some(step) = scripted.after_step {
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
}

/// Who directs a run that is shaken or told.
fn director<S: System>(
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

/// The state that a run came to, and the options of its scenario.
type Seen<S> = (
    FoundWorld<<S as System>::Process, <S as System>::Invariants>,
    <S as System>::Options,
);

/// What a run of a scenario comes to after a step, and what it is tuned with.
///
/// # Errors
/// When the scenario makes no sense, the run does not come that far, or its
/// state cannot be gone on from.
pub(crate) fn look<S: Modelled>(scenario: &Scenario, step: u64) -> Result<Seen<S>, CannotRun> {
    let entry = Entry::<S>::MODELLED;
    if scenario.scripted.is_some() {
        let why = "its steps are all said already; give a scenario with faults or a story";
        return Err(CannotRun::Unfit(why.to_owned()));
    }
    entry.check(scenario)?;
    let options = Entry::<S>::options(scenario)?;
    let blueprint = scenario.blueprint(S::configs(scenario.nodes, &options));
    let director = After::new(
        step,
        director::<S>(scenario, &options)?,
        Look { found: None },
    );
    let run = || engine::run::<S::Process, S::Invariants, _>(blueprint, director);
    let (finished, director) = thread::scope(|scope| scope.spawn(run).join())
        .unwrap_or_else(|panic| panic!("the tool itself panicked: {}", message_of(panic.as_ref())));
    if let Some(breakage) = finished.breakage {
        return Err(CannotRun::Unfit(match breakage.broken {
            Broken::Script { why, .. } => format!("cannot begin after step {step}: {why}"),
            broken => format!(
                "cannot begin after step {step}: the run breaks at step {}: {}",
                breakage.step,
                failure::what(&broken)
            ),
        }));
    }
    let found = director.into_then().found;
    Ok((found.expect("a run that goes on was looked at"), options))
}

impl<S: System> Entry<S> {
    /// Without a small world: it can be run, and not explored.
    pub const NEW: Self = Self { model: None };
}

impl<S: Modelled> Entry<S> {
    /// With its small world.
    pub const MODELLED: Self = Self {
        model: Some(Model::NEW),
    };
}

/// The most nodes of a small world.
const MOST_EXPLORED: usize = 9;

impl<S: System> Entry<S> {
    fn options(scenario: &Scenario) -> Result<S::Options, CannotRun> {
        options_from::<S>(scenario.options.clone())
    }

    /// What a scripted scenario is run with.
    fn model(&self) -> Result<&Model<S>, CannotRun> {
        self.model
            .as_ref()
            .ok_or_else(|| CannotRun::Unfit(format!("{} has no model to take `steps` in", S::NAME)))
    }

    /// What a small world is explored with.
    fn small_world(&self, plan: &Plan) -> Result<&Model<S>, CannotRun> {
        let (least, most) = S::NODES;
        // More of them have more states than anybody will look at.
        let most = most.min(MOST_EXPLORED);
        let nodes = plan.nodes;
        if !(least..=most).contains(&nodes) {
            return Err(CannotRun::ImpossibleCluster {
                system: S::NAME,
                least,
                most,
                nodes,
            });
        }
        let none = || CannotRun::Unfit(format!("{} has no small world to explore", S::NAME));
        let model = self.model.as_ref().ok_or_else(none)?;
        (model.check)(plan)?;
        Ok(model)
    }

    /// A scenario that makes sense.
    fn opened(&self, scenario: &Scenario) -> Result<Opened<S>, CannotRun> {
        self.check(scenario)?;
        let options = Self::options(scenario)?;
        if let Some(scripted) = &scenario.scripted {
            return (self.model()?.open)(scenario, &options, scripted);
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
                Ok((self.model()?.size)(scenario, options, scripted))
            }
            _ => Ok(S::membership(scenario.nodes, options).size()),
        }
    }
}

/// The options of a system, as a file or a plan says them.
fn options_from<S: System>(written: toml::Table) -> Result<S::Options, CannotRun> {
    written.try_into().map_err(|error: toml::de::Error| {
        // The first line says what, and the next one where.
        let text = error.to_string();
        let why: Vec<&str> = text.lines().map(str::trim).collect();
        CannotRun::Unfit(format!("[options] of {}: {}", S::NAME, why.join(" ")))
    })
}

/// Tuning and workload of a system's small world: those of a scope, within some bounds.
pub(crate) fn options_of_scope<S: Modelled>(scope: &Scope, bounds: &Bounds) -> S::Options {
    let usual = S::small_options(bounds);
    let mut options = toml::Table::try_from(usual).expect("options are plain data");
    let own = scope.options.iter();
    options.extend(own.map(|(name, value)| ((*name).to_owned(), (*value).into())));
    options_from::<S>(options).expect("a scope has options that its system knows")
}

/// Tuning and workload of a system's small world: the usual ones, but for what
/// the plan says.
///
/// # Errors
/// When the system has no such option, or not with such a value.
pub(crate) fn small_options<S: Modelled>(plan: &Plan) -> Result<S::Options, CannotRun> {
    let usual = S::small_options(&plan.bounds);
    let mut options = toml::Table::try_from(usual).expect("options are plain data");
    options.extend(plan.options.clone());
    ranges::check_options(&options, S::RANGES)
        .map_err(|why| CannotRun::Unfit(format!("[options] of {}: {why}", S::NAME)))?;
    options_from::<S>(options)
}

/// Refuses clients that ask for what those of the system never ask for.
fn check_workload<S: Modelled>(wanted: Workload) -> Result<(), CannotRun> {
    let known = S::Setting::workloads();
    if known.contains(&wanted) {
        return Ok(());
    }
    let known: Vec<&str> = known.iter().map(|workload| workload.name()).collect();
    Err(CannotRun::Unfit(format!(
        "clients of {} know no workload {:?}; there is {}",
        S::NAME,
        wanted.name(),
        known.join(", ")
    )))
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

/// Refuses configurations that the system itself refuses.
fn check_configs<S: System>(configs: &[<S::Process as Process>::Config]) -> Result<(), CannotRun> {
    for (place, config) in configs.iter().enumerate() {
        S::Process::check(config).map_err(|error| {
            let node = NodeId::at(place);
            CannotRun::Unfit(format!("{} cannot run so: on {node}, {error}", S::NAME))
        })?;
    }
    Ok(())
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
        let of_model = self.model.as_ref().map(|model| (model.properties)());
        let of_model = of_model.unwrap_or_default();
        [properties::EVERYWHERE, S::PROPERTIES, &of_model].concat()
    }

    fn ranges(&self) -> Ranges {
        S::RANGES
    }

    fn draw_in(&self, seed: Seed, weather: &Weather) -> Scenario {
        let timeless = self.model.as_ref().and_then(|model| {
            let draw = swarm::timeless(seed, weather)?;
            (model.draw_timeless)(seed, draw)
        });
        timeless.unwrap_or_else(|| swarm::draw::<S>(seed, weather))
    }

    fn size(&self, scenario: &Scenario) -> Result<usize, CannotRun> {
        let options = Self::options(scenario)?;
        self.size_with(scenario, &options)
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
        ranges::check_scenario(scenario).map_err(CannotRun::Unfit)?;
        if let Expectation::Violates(property) = &scenario.expect {
            properties::check(self, property).map_err(CannotRun::Unfit)?;
        }
        let of_options = |why| CannotRun::Unfit(format!("[options] of {}: {why}", S::NAME));
        ranges::check_options(&scenario.options, S::RANGES).map_err(of_options)?;
        let options = Self::options(scenario)?;
        S::check_options(&options).map_err(of_options)?;
        check_configs::<S>(&S::configs(nodes, &options))?;
        let is_small = |scripted: &&Scripted| scripted.after_step.is_none();
        if scenario.scripted.as_ref().filter(is_small).is_some() {
            (self.model()?.check_options)(&options).map_err(CannotRun::Unfit)?;
        }
        let size = self.size_with(scenario, &options)?;
        if let Some(scripted) = &scenario.scripted {
            let model = self.model()?;
            (model.check_workload)(scripted.bounds.workload)?;
            check_steps(scripted, size)?;
            if scripted.after_step.is_none() {
                return Ok(());
            }
        }
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

    fn scopes(&self) -> Vec<Scope> {
        let model = self.model.as_ref();
        model.map_or_else(Vec::new, |model| (model.scopes)())
    }

    fn usual_scope(&self) -> &'static str {
        let model = self.model.as_ref();
        model.map_or("", |model| (model.usual_scope)())
    }

    fn explore(&self, plan: &Plan, watch: Watch<'_>) -> Result<Exploration, CannotRun> {
        Ok((self.small_world(plan)?.explore)(plan, watch))
    }

    fn explore_around(
        &self,
        scenario: &Scenario,
        around: &Around,
        plan: &Plan,
        watch: Watch<'_>,
    ) -> Result<Exploration, CannotRun> {
        (self.small_world(plan)?.explore_around)(scenario, around, plan, watch)
    }

    fn cover(
        &self,
        plan: &Plan,
        seeds: u64,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Option<Coverage>, CannotRun> {
        Ok((self.small_world(plan)?.cover)(plan, seeds, go_on))
    }

    fn serve(&self, plan: &Plan, address: SocketAddr) -> Result<(), CannotRun> {
        (self.small_world(plan)?.serve)(plan, address);
        Ok(())
    }

    fn run_here(&self, scenario: &Scenario, how: How) -> Result<RunReport, CannotRun> {
        Ok(self.opened(scenario)?.run(how))
    }

    fn open(&self, scenario: &Scenario) -> Result<Box<dyn UnderWay>, CannotRun> {
        Ok(self.opened(scenario)?.begin())
    }
}
