//! The systems that a binary knows, as its commands see them.
//!
//! A command asks a system, whatever its types, to open a scenario, to run it, or for its
//! small world.

mod entry;
mod scripted;
mod systems;

use std::thread;

use snowglobe_checkers::explore::Scope;

use crate::explore::Explorable;
use crate::scenarios::file::Scenario;
use crate::scenarios::ranges::Ranges;
use crate::scenarios::transcript::Transcript;
use crate::scenarios::weather::Weather;
use crate::scenarios::{CannotRun, How, RunReport, UnderWay};
use crate::seed::Seed;
use crate::world::message_of;

pub use self::entry::Entry;
pub use self::systems::Systems;

/// A system as the commands see it, whatever its types.
pub trait Registered: Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// What it is, in a line.
    fn about(&self) -> &'static str;
    /// What `snowglobe history --spec` calls the object that its histories are of.
    fn object(&self) -> &'static str;
    /// Every mark that a run can reach.
    fn marks(&self) -> Vec<&'static str>;
    /// Every property that a run can break.
    fn properties(&self) -> Vec<&'static str>;
    /// Which numbers its options may be.
    fn ranges(&self) -> Ranges;
    /// What its options are where nothing is said of them.
    fn default_options(&self) -> toml::Table;
    /// Draws a whole scenario from a seed.
    fn draw_in(&self, seed: Seed, weather: &Weather) -> Scenario;
    /// The same, in the usual weather.
    fn draw(&self, seed: Seed) -> Scenario {
        self.draw_in(seed, &Weather::default())
    }
    /// How many nodes a scenario has, clients included.
    ///
    /// # Errors
    /// When its options make no sense for this system.
    fn size(&self, scenario: &Scenario) -> Result<usize, CannotRun>;
    /// Runs a scenario on this thread; see [`Systems::run`].
    ///
    /// # Errors
    /// When the scenario makes no sense for this system.
    fn run_here(&self, scenario: &Scenario, how: How) -> Result<RunReport, CannotRun>;
    /// Begins a run of a scenario, which then goes on as far as it is told.
    ///
    /// # Errors
    /// When the scenario makes no sense for this system.
    fn open(&self, scenario: &Scenario) -> Result<Box<dyn UnderWay>, CannotRun>;
    /// What happens in a run of a scenario, so that it can be told step by step.
    ///
    /// # Errors
    /// When the scenario makes no sense for this system, or it has no model to take steps in.
    fn transcribe(&self, scenario: &Scenario) -> Result<Box<dyn Transcript>, CannotRun>;
    /// Its small world; none if it can only be run.
    fn model(&self) -> Option<&dyn Explorable>;
    /// Whether the scenario could be run, without running it.
    ///
    /// # Errors
    /// When it makes no sense for this system.
    fn check(&self, scenario: &Scenario) -> Result<(), CannotRun>;
}

impl dyn Registered + '_ {
    /// Runs a scenario on a fresh thread, as determinism demands.
    ///
    /// # Errors
    /// When the scenario makes no sense for this system.
    ///
    /// # Panics
    /// When the tool itself panics; a panic of a system is a verdict.
    pub fn run(&self, scenario: &Scenario) -> Result<RunReport, CannotRun> {
        self.run_as(scenario, How::default())
    }

    /// As [`run`](Self::run), and says how.
    ///
    /// # Errors
    /// When the scenario makes no sense for this system.
    ///
    /// # Panics
    /// When the tool itself panics; a panic of a system is a verdict.
    pub fn run_as(&self, scenario: &Scenario, how: How) -> Result<RunReport, CannotRun> {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let run = || tracing::dispatcher::with_default(&dispatch, || self.run_here(scenario, how));
        thread::scope(|scope| {
            let world = thread::Builder::new().name("world".to_owned());
            let world = world.spawn_scoped(scope, run);
            let world = world.expect("the system has room for a thread").join();
            world.unwrap_or_else(|panic| {
                panic!("the tool itself panicked: {}", message_of(panic.as_ref()))
            })
        })
    }

    /// Its small world.
    ///
    /// # Errors
    /// When it has none.
    pub fn small_world(&self) -> Result<&dyn Explorable, CannotRun> {
        let none = || CannotRun::Unfit(format!("{} has no small world to explore", self.name()));
        self.model().ok_or_else(none)
    }

    /// The small worlds that are explored unless somebody wants another one; none
    /// if the system has no model.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        self.model().map(Explorable::scopes).unwrap_or_default()
    }

    /// Whether it can break a property of this name.
    ///
    /// # Errors
    /// A line that names those that it can break.
    pub fn check_property(&self, name: &str) -> Result<(), String> {
        let mut known = self.properties();
        if known.contains(&name) {
            return Ok(());
        }
        known.sort_unstable();
        known.dedup();
        Err(format!(
            "expect: {} has no property {name:?}; there is {}",
            self.name(),
            known.join(", ")
        ))
    }
}
