//! The state that a run comes to, to explore from there.

use std::thread;

use snowglobe_checkers::explore::FoundWorld;

use crate::scenarios::after::{After, Look};
use crate::scenarios::file::Scenario;
use crate::scenarios::{CannotRun, Modelled, System, director, options_from};
use crate::world::{Broken, engine, message_of};

/// The state that a run came to, and the options of its scenario.
type Seen<S> = (
    FoundWorld<<S as System>::Process, <S as System>::Invariants>,
    <S as System>::Options,
);

/// What a run of a scenario comes to after a step, and what it is tuned with.
///
/// # Errors
/// When the run does not come that far, or its state cannot be gone on from.
pub(super) fn look<S: Modelled>(scenario: &Scenario, step: u64) -> Result<Seen<S>, CannotRun> {
    if scenario.scripted.is_some() {
        let why = "its steps are all said already; give a scenario with faults or a story";
        return Err(CannotRun::Unfit(why.to_owned()));
    }
    let options = options_from::<S>(scenario.options.clone())?;
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
                breakage.step, broken
            ),
        }));
    }
    let found = director.into_then().found;
    Ok((found.expect("a run that goes on was looked at"), options))
}
