//! The canary: a protocol that trusts the network and must be caught when a message
//! is lost.
//!
//! A campaign without findings is evidence only if it would have found something. So
//! each one first runs this protocol on the same engine and under the same checks as
//! all others: it must hold without faults, and break its invariant when a link is cut.

use std::thread;
use std::time::Duration;

use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Effect, Effects, Input, InvocationId, NoDisk, NodeId, Process};

use super::{Finding, Trial};
use crate::scenarios;
use crate::scenarios::file::Scenario;
use crate::seed::Seed;
use crate::world::network::LinkQuality;
use crate::world::{Blueprint, Director, World, engine};

/// Counts aloud; whoever hears it expects no number to be left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Canary {
    sings: bool,
    said: u64,
    heard: u64,
    missed: bool,
}

const DELAY: Duration = Duration::from_millis(20);

impl Process for Canary {
    type Config = ();
    type Message = u64;
    type Timer = ();
    type Operation = ();
    type Outcome = ();
    type Durable = NoDisk;

    fn start(id: NodeId, (): &(), _: NoDisk, effects: &mut Effects<Self>) -> Self {
        effects.set_timer((), DELAY);
        Self {
            sings: id == NodeId(1),
            said: 0,
            heard: 0,
            missed: false,
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Timeout(()) if self.sings => {
                self.said += 1;
                let (to, message) = (NodeId(2), self.said);
                effects.push(Effect::Send { to, message });
                effects.set_timer((), DELAY);
            }
            Input::Receive { message, .. } => {
                self.missed |= message != self.heard + 1;
                self.heard = message;
            }
            Input::Timeout(()) | Input::Invoke { .. } => {}
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Whole;

impl Invariants<Canary> for Whole {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Canary>,
        node: NodeId,
        _: &[Effect<Canary>],
    ) -> Result<(), Violation> {
        match cluster.node(node).process {
            Some(Canary { missed: true, .. }) => {
                let expected = "no number is left out";
                Err(Violation::new(SONG, [node], expected, "one is"))
            }
            _ => Ok(()),
        }
    }
}

/// The promise that the canary makes.
const SONG: &str = "song-is-whole";

/// Ends the run.
#[derive(Clone)]
struct Listener {
    over: bool,
}

impl Director<Canary, Whole> for Listener {
    fn begin(&mut self, world: &mut World<Canary, Whole>) {
        world.alarm(Duration::from_secs(1), 0);
    }
    fn alarm(&mut self, _: &mut World<Canary, Whole>, _: u64) {
        self.over = true;
    }
    fn returned(&mut self, _: &mut World<Canary, Whole>, _: InvocationId, (): ()) {}
    fn is_over(&mut self, _: &mut World<Canary, Whole>) -> bool {
        self.over
    }
}

/// What a campaign would find in a run of the canary.
fn finding(faults: &[&str]) -> Option<Finding> {
    Finding::of(&trial(faults))
}

/// A run of the canary.
pub(super) fn trial(faults: &[&str]) -> Trial {
    let faults = faults
        .iter()
        .map(|words| words.parse().expect("the words of a schedule"))
        .collect();
    let blueprint = Blueprint {
        seed: Seed(0),
        configs: vec![(); 2],
        // Much faster than the pace of the numbers, so that none overtakes another.
        links: LinkQuality::default(),
        sync: Duration::ZERO..Duration::ZERO,
        checkpoint_bytes: 4096,
        faults,
        batch: 1,
        step_budget: 10_000,
    };
    let run = || engine::run::<Canary, Whole, _>(blueprint, Listener { over: false }).0;
    let finished = thread::scope(|scope| scope.spawn(run).join());
    let finished = finished.expect("the world does not panic");
    let scenario = Scenario::calm("canary", 2, Seed(0));
    Trial::Ran(scenarios::report_of(scenario, finished, None))
}

/// Whether the canary holds without faults and is caught with one; otherwise what went wrong.
pub(super) fn check() -> Result<(), String> {
    if let Some(found) = finding(&[]) {
        return Err(format!("the canary breaks without a fault: {found}"));
    }
    let expected = Some(Finding::Safety(SONG.to_owned()));
    match finding(&["300ms..600ms cut n1 -> n2"]) {
        found if found == expected => Ok(()),
        Some(other) => Err(format!(
            "the canary breaks otherwise than it should: {other}"
        )),
        None => Err("the canary was not caught although a link was cut".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canary_is_caught_when_a_message_is_lost() {
        assert_eq!(check(), Ok(()));
    }
}
