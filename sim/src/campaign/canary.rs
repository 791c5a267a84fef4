//! A bird that must fall silent: a protocol that trusts the network, in a run that
//! loses one of its messages.
//!
//! A campaign that finds nothing is worth something only if it would find something.
//! So each one lets this protocol run first, by the same engine and the same judges
//! as all others: whole, when nothing goes wrong, and broken, when a link is cut.

use std::ops::Range;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Durable, Effect, Effects, Input, InvocationId, NodeId, Process};

use crate::seed::Seed;
use crate::world::network::LinkQuality;
use crate::world::{Blueprint, Broken, Director, World, engine};

/// Counts aloud; whoever hears it expects no number to be left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Canary {
    sings: bool,
    said: u64,
    heard: u64,
    missed: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Nothing;

impl Durable for Nothing {
    type Write = ();
    fn apply(&mut self, (): &()) {}
}

impl Process for Canary {
    type Config = ();
    type Message = u64;
    type Timer = ();
    type Operation = ();
    type Outcome = ();
    type Durable = Nothing;

    fn start(id: NodeId, (): &(), _: Nothing, effects: &mut Effects<Self>) -> Self {
        effects.push(Effect::SetTimer(()));
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
                effects.push(Effect::SetTimer(()));
            }
            Input::Receive { message, .. } => {
                self.missed |= message != self.heard + 1;
                self.heard = message;
            }
            Input::Timeout(()) | Input::Invoke { .. } => {}
        }
    }

    fn delay((): &(), (): ()) -> Range<Duration> {
        Duration::from_millis(20)..Duration::from_millis(20)
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

/// What a run of the canary breaks, if it breaks anything.
fn broken(faults: &[&str]) -> Option<Broken> {
    let faults = faults
        .iter()
        .map(|words| words.parse().expect("the words of a schedule"))
        .collect();
    let blueprint = Blueprint {
        seed: Seed(0),
        configs: vec![(); 2],
        // As slow as the next number is late, or they would overtake each other.
        links: LinkQuality::default(),
        sync: Duration::ZERO..Duration::ZERO,
        checkpoint_bytes: 4096,
        faults,
        step_budget: 10_000,
    };
    let run = || engine::run::<Canary, Whole, _>(blueprint, Listener { over: false }).0;
    let finished = thread::scope(|scope| scope.spawn(run).join());
    let finished = finished.expect("the world does not panic");
    finished.breakage.map(|breakage| breakage.broken)
}

/// Whether what must fail fails, and what must hold holds; what is wrong otherwise.
pub(super) fn sings() -> Result<(), String> {
    if let Some(broken) = broken(&[]) {
        return Err(format!("the canary falls silent by itself: {broken:?}"));
    }
    match broken(&["300ms..600ms cut n1 -> n2"]) {
        Some(Broken::Safety(violation)) if violation.property == SONG => Ok(()),
        Some(other) => Err(format!(
            "the canary falls silent of something else: {other:?}"
        )),
        None => Err("the canary sings on, although a link is cut".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_sings_until_a_message_is_lost() {
        assert_eq!(sings(), Ok(()));
    }
}
