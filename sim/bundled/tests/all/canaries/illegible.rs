//! A system that cannot read its own handwriting: what it wrote, or what it said.

use std::thread;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use snowglobe::seed::Seed;
use snowglobe::world::engine;
use snowglobe::world::network::LinkQuality;
use snowglobe::world::{Blueprint, Broken, Director, World};
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{Durable, Effect, Effects, Input, InvocationId, NodeId, Process};

use super::umpire::schedule;

/// Can be written, and not read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
struct Scrawl(u8);

impl<'de> Deserialize<'de> for Scrawl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        u8::deserialize(from)?;
        Err(D::Error::custom("a scrawl"))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Nothing;

impl Durable for Nothing {
    type Write = Scrawl;
    fn apply(&mut self, _: &Scrawl) {}
}

/// Says a scrawl to the other node, or writes one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scribe;

impl Process for Scribe {
    type Config = bool;
    type Message = Scrawl;
    type Timer = ();
    type Operation = ();
    type Outcome = ();
    type Durable = Nothing;

    fn start(id: NodeId, says: &bool, _: Nothing, effects: &mut Effects<Self>) -> Self {
        let to = NodeId(3 - id.0);
        effects.push(match says {
            true => Effect::Send {
                to,
                message: Scrawl(7),
            },
            false => Effect::Persist(Scrawl(7)),
        });
        Self
    }
    fn step(&mut self, _: Input<Self>, _: &mut Effects<Self>) {}
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Unwatched;

impl Invariants<Scribe> for Unwatched {}

/// Lets the world run for a second.
#[derive(Clone)]
struct Idle(bool);

impl Director<Scribe, Unwatched> for Idle {
    fn begin(&mut self, world: &mut World<Scribe, Unwatched>) {
        world.alarm(Duration::from_secs(1), 1);
    }
    fn alarm(&mut self, _: &mut World<Scribe, Unwatched>, _: u64) {
        self.0 = true;
    }
    fn returned(&mut self, _: &mut World<Scribe, Unwatched>, _: InvocationId, (): ()) {}
    fn is_over(&mut self, _: &mut World<Scribe, Unwatched>) -> bool {
        self.0
    }
}

fn broken(says: bool) -> Broken {
    let blueprint = Blueprint {
        seed: Seed(1),
        configs: vec![says; 2],
        links: LinkQuality::default(),
        sync: Duration::ZERO..Duration::ZERO,
        checkpoint_bytes: 4096,
        faults: schedule(&["100ms crash n1 losing unsynced", "200ms restart n1"]),
        batch: 1,
        step_budget: 1000,
    };
    let run = move || engine::run::<Scribe, Unwatched, _>(blueprint, Idle(false)).0;
    let finished = thread::spawn(run).join().expect("the world does not panic");
    finished.breakage.expect("nobody can read it").broken
}

#[test]
fn a_message_that_its_own_system_cannot_read_is_noticed() {
    let found = broken(true);
    assert!(matches!(found, Broken::Panic { .. }), "{found:?}");
}

/// Nothing has damaged the disk: then its writer did.
#[test]
fn a_disk_that_its_own_writer_has_spoilt_is_noticed() {
    match broken(false) {
        Broken::Safety(violation) => assert_eq!(violation.property, "sound-disk-starts"),
        other => panic!("{other:?}"),
    }
}
