//! A small world as the commands see it, whatever its types.

use std::marker::PhantomData;
use std::net::SocketAddr;

use snowglobe_checkers::explore::{Headway, Scope, Setting, Workload};
use snowglobe_systems::process::{NodeId, Process};

use super::coverage::{self, Coverage, GoOn};
use super::{Around, Exploration, Plan};
use crate::scenarios::file::Scenario;
use crate::scenarios::{CannotRun, Modelled, System};

/// Told how an exploration comes along, and says whether it goes on.
pub type Watch<'a> = &'a mut dyn FnMut(&Headway) -> bool;

/// What can be asked of the small world of a system.
pub trait Explorable: Sync {
    /// The small worlds that are explored unless somebody wants another one.
    fn scopes(&self) -> Vec<Scope>;
    /// The scope where somebody begins who wants other bounds; the first, if there is
    /// none of this name.
    fn usual_scope(&self) -> &'static str;
    /// Looks at every state; see [`explore`](super::explore).
    ///
    /// # Errors
    /// When there is no such world.
    fn explore(&self, plan: &Plan, watch: Watch<'_>) -> Result<Exploration, CannotRun>;
    /// Looks at every state around one that a run of a scenario, which makes sense,
    /// comes to; see [`explore_around`](super::explore_around).
    ///
    /// # Errors
    /// When there is no such world, or the run does not come that far.
    fn explore_around(
        &self,
        scenario: &Scenario,
        around: &Around,
        plan: &Plan,
        watch: Watch<'_>,
    ) -> Result<Exploration, CannotRun>;
    /// How much of it fuzzing sees; see [`coverage::measure`].
    ///
    /// # Errors
    /// When there is no such world.
    fn cover(
        &self,
        plan: &Plan,
        seeds: u64,
        go_on: GoOn<'_>,
    ) -> Result<Option<Coverage>, CannotRun>;
    /// Serves its states to web browsers, and does not come back.
    ///
    /// # Errors
    /// When there is no such world.
    fn serve(&self, plan: &Plan, address: SocketAddr) -> Result<(), CannotRun>;
}

/// The small world of a system, as a value.
pub struct Model<S>(PhantomData<fn() -> S>);

/// The most nodes of a small world: more of them have more states than anybody will look at.
const MOST_NODES: usize = 9;

impl<S: Modelled> Model<S> {
    /// It has no parts.
    pub const NEW: Self = Self(PhantomData);

    /// Whether a plan makes sense.
    fn check(plan: &Plan) -> Result<(), CannotRun> {
        let ((least, most), nodes) = (S::NODES, plan.nodes);
        let most = most.min(MOST_NODES);
        if !(least..=most).contains(&nodes) {
            let system = S::NAME;
            return Err(CannotRun::ImpossibleCluster {
                system,
                least,
                most,
                nodes,
            });
        }
        check_workload::<S>(plan.bounds.workload)?;
        let options = plan.options_of::<S>()?;
        S::check_options(&options).map_err(CannotRun::Unfit)?;
        S::check_small_options(&options).map_err(CannotRun::Unfit)?;
        check_configs::<S>(S::setting(nodes, &options, &plan.bounds).configs())
    }
}

impl<S: Modelled> Explorable for Model<S> {
    fn scopes(&self) -> Vec<Scope> {
        S::Setting::scopes()
    }

    fn usual_scope(&self) -> &'static str {
        S::Setting::usual_scope()
    }

    fn explore(&self, plan: &Plan, watch: Watch<'_>) -> Result<Exploration, CannotRun> {
        Self::check(plan)?;
        Ok(super::explore::<S>(plan, watch))
    }

    fn explore_around(
        &self,
        scenario: &Scenario,
        around: &Around,
        plan: &Plan,
        watch: Watch<'_>,
    ) -> Result<Exploration, CannotRun> {
        Self::check(plan)?;
        super::explore_around::<S>(scenario, around, plan, watch)
    }

    fn cover(
        &self,
        plan: &Plan,
        seeds: u64,
        go_on: GoOn<'_>,
    ) -> Result<Option<Coverage>, CannotRun> {
        Self::check(plan)?;
        Ok(coverage::measure::<S>(plan, seeds, go_on))
    }

    fn serve(&self, plan: &Plan, address: SocketAddr) -> Result<(), CannotRun> {
        Self::check(plan)?;
        super::serve::<S>(plan, address);
        Ok(())
    }
}

/// Refuses clients that ask for what those of the system never ask for.
pub(crate) fn check_workload<S: Modelled>(wanted: Workload) -> Result<(), CannotRun> {
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

/// Refuses configurations that the system itself refuses.
pub(crate) fn check_configs<S: System>(
    configs: &[<S::Process as Process>::Config],
) -> Result<(), CannotRun> {
    for (place, config) in configs.iter().enumerate() {
        S::Process::check(config).map_err(|error| {
            let node = NodeId::at(place);
            CannotRun::Unfit(format!("{} cannot run so: on {node}, {error}", S::NAME))
        })?;
    }
    Ok(())
}
