//! A frozen world: nothing happens by itself, and what is asked for happens exactly.

use std::ops::Range;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe::seed::Seed;
use snowglobe::world::disk::CrashMode;
use snowglobe::world::engine::{self, Finished};
use snowglobe::world::network::LinkQuality;
use snowglobe::world::{Blueprint, Director, World};
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{Durable, Effect, Effects, Input, InvocationId, NodeId, Process};

const ONE: NodeId = NodeId(1);
const OTHER: NodeId = NodeId(2);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Page(Vec<u64>);

impl Durable for Page {
    type Write = u64;
    fn apply(&mut self, write: &u64) {
        self.0.push(*write);
    }
}

/// Writes, tells the other, and writes again, whenever its timer fires; writes
/// down what it is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scribe {
    other: NodeId,
    next: u64,
}

const DELAY: Range<Duration> = Duration::from_millis(5)..Duration::from_millis(9);

impl Process for Scribe {
    type Config = ();
    type Message = u64;
    type Timer = ();
    type Operation = ();
    type Outcome = ();
    type Durable = Page;

    fn start(id: NodeId, (): &(), page: Page, effects: &mut Effects<Self>) -> Self {
        let other = NodeId::at(1 - id.position());
        effects.set_timer((), DELAY);
        effects.push(Effect::Send {
            to: other,
            message: 0,
        });
        let next = page.0.last().map_or(1, |last| last + 1);
        Self { other, next }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Timeout(()) => {
                effects.push(Effect::Persist(self.next));
                effects.push(Effect::Send {
                    to: self.other,
                    message: self.next,
                });
                effects.push(Effect::Persist(self.next + 1));
                effects.set_timer((), DELAY);
                self.next += 2;
            }
            Input::Receive { message, .. } => effects.push(Effect::Persist(100 + message)),
            Input::Invoke { invocation, .. } => effects.reply(invocation, ()),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Nothing;

impl Invariants<Scribe> for Nothing {}

type Game = World<Scribe, Nothing>;
type Deed = fn(&mut Game);

/// Does one thing after the other, each after a pause.
#[derive(Clone)]
struct Hand {
    deeds: Vec<(Duration, Deed)>,
    next: usize,
}

impl Hand {
    fn rest(&self, world: &mut Game) {
        if let Some((pause, _)) = self.deeds.get(self.next) {
            world.alarm(*pause, 0);
        }
    }
}

impl Director<Scribe, Nothing> for Hand {
    fn begin(&mut self, world: &mut Game) {
        self.rest(world);
    }
    fn alarm(&mut self, world: &mut Game, _token: u64) {
        (self.deeds[self.next].1)(world);
        self.next += 1;
        self.rest(world);
    }
    fn returned(&mut self, _world: &mut Game, _invocation: InvocationId, (): ()) {}
    fn is_over(&mut self, _world: &mut Game) -> bool {
        self.next == self.deeds.len()
    }
}

/// Plays on a fresh thread; the first deed comes a millisecond after the start.
fn play(deeds: &[Deed]) -> Finished {
    let soon = Duration::from_millis(1);
    let pauses = std::iter::once(soon).chain(std::iter::repeat(Duration::from_millis(10)));
    run(pauses.zip(deeds.iter().copied()).collect())
}

fn run(deeds: Vec<(Duration, Deed)>) -> Finished {
    let told = thread::spawn(move || {
        let blueprint = Blueprint {
            seed: Seed(7),
            configs: vec![(); 2],
            links: LinkQuality::default(),
            sync: Duration::ZERO..Duration::ZERO,
            checkpoint_bytes: 256,
            faults: vec!["30s crash n1 losing unsynced".parse().expect("a fault")],
            batch: 1,
            step_budget: 100_000,
        };
        engine::run::<Scribe, Nothing, _>(blueprint, Hand { deeds, next: 0 })
    });
    let (finished, hand) = told.join().expect("no deed finds anything amiss");
    assert_eq!(finished.breakage, None);
    assert_eq!(hand.next, hand.deeds.len());
    finished
}

fn page(world: &Game, id: NodeId) -> Vec<u64> {
    world.durable(id).0.clone()
}

/// Who is told what, of all that is under way.
fn under_way(world: &Game) -> Vec<(NodeId, u64)> {
    world.held().map(|held| (held.to, held.message)).collect()
}

fn deliver_first(world: &mut Game, stays: bool) {
    let number = world.held().next().expect("something is held").number;
    assert!(world.deliver_held(number, stays));
}

#[test]
fn nothing_happens_by_itself() {
    // Frozen at the start, and in the middle of things.
    for begins in [1, 1001, 1004] {
        let until_frozen: Deed = Game::freeze;
        let frozen = run(vec![(Duration::from_millis(begins), until_frozen)]);
        let later = run(vec![
            (Duration::from_millis(begins), until_frozen),
            (Duration::from_mins(1), |world| {
                assert!(!under_way(world).is_empty(), "something was under way");
                assert_eq!(world.armed_timers(ONE), [()]);
                assert_eq!(world.armed_timers(OTHER), [()]);
            }),
        ]);
        assert!(later.at > frozen.at + Duration::from_secs(59));
        assert_eq!(later.events, frozen.events, "frozen after {begins}ms");
        assert_eq!(later.counters, frozen.counters);
    }
}

#[test]
fn what_was_under_way_in_the_sockets_is_held_as_well() {
    run(vec![
        (Duration::from_millis(1007), Game::freeze),
        (Duration::from_millis(10), |world| {
            let counters = world.counters();
            let held = world.held().count() as u64;
            assert!(held > 0);
            assert_eq!(counters.sent, counters.delivered + held);
            let numbers: Vec<u64> = world.held().map(|held| held.number).collect();
            assert!(numbers.is_sorted(), "{numbers:?}");
        }),
    ]);
}

#[test]
fn a_message_arrives_when_it_is_delivered_and_a_copy_may_stay() {
    play(&[
        Game::freeze,
        |world| deliver_first(world, true),
        |world| {
            assert_eq!(page(world, OTHER), [100]);
            assert_eq!(under_way(world), [(OTHER, 0), (ONE, 0)]);
            deliver_first(world, false);
        },
        |world| {
            assert_eq!(page(world, OTHER), [100, 100]);
            assert_eq!(under_way(world), [(ONE, 0)]);
            assert!(!world.deliver_held(1, false), "it is not there any more");
        },
    ]);
}

#[test]
fn a_timer_fires_when_it_is_told_to() {
    play(&[Game::freeze, |world| {
        assert!(world.fire(ONE, ()));
        assert_eq!(page(world, ONE), [1, 2]);
        assert_eq!(under_way(world), [(OTHER, 0), (ONE, 0), (OTHER, 1)]);
        assert_eq!(world.armed_timers(ONE), [()], "its last effect armed it");
        world.crash(ONE, CrashMode::Lose);
        assert!(!world.fire(ONE, ()), "no timer outlives its process");
    }]);
}

#[test]
fn a_crash_between_two_effects_keeps_the_first_and_loses_the_second() {
    // The third effect is a write: a crash before it leaves nothing of it.
    let tell: [Deed; 3] = [
        |world| {
            world.crash_after(ONE, 1);
            world.fire(ONE, ());
            assert!(world.process(ONE).is_none());
            assert_eq!(page(world, ONE), [1], "what comes before is on disk");
            assert_eq!(under_way(world).len(), 2, "and nobody was told");
            world.start(ONE);
        },
        |world| {
            world.crash_after(OTHER, 2);
            world.fire(OTHER, ());
            assert!(world.process(OTHER).is_none());
            assert_eq!(under_way(world).last(), Some(&(ONE, 1)));
            world.start(OTHER);
            assert_eq!(
                page(world, OTHER),
                [1],
                "nothing of the second write is left"
            );
        },
        |world| {
            world.crash_after(ONE, 4);
            world.fire(ONE, ());
            assert!(world.process(ONE).is_none(), "after the last effect");
            assert_eq!(page(world, ONE), [1, 2, 3]);
        },
    ];
    play(&[Game::freeze, tell[0], tell[1], tell[2]]);
}

#[test]
fn a_start_is_interrupted_as_exactly() {
    play(&[Game::freeze, |world| {
        world.crash(ONE, CrashMode::Lose);
        world.crash_after(ONE, 1);
        world.start(ONE);
        assert!(world.process(ONE).is_none());
        assert_eq!(
            under_way(world).len(),
            2,
            "it armed its timer and spoke to nobody"
        );
        world.start(ONE);
        assert_eq!(under_way(world).len(), 3);
    }]);
}

#[test]
fn a_crash_that_asks_for_more_effects_than_there_are_does_not_strike_later() {
    play(&[Game::freeze, |world| {
        world.crash_after(ONE, 6);
        world.fire(ONE, ());
        assert_eq!(world.disarm(ONE), Some(2));
        world.fire(ONE, ());
        assert!(world.process(ONE).is_some());
    }]);
}

#[test]
fn a_cut_takes_what_is_under_way_and_what_is_sent_meanwhile() {
    play(&[Game::freeze, |world| {
        world.cut(ONE, OTHER);
        assert_eq!(under_way(world), []);
        world.fire(ONE, ());
        assert_eq!(under_way(world), []);
        world.mend(OTHER, ONE);
        world.fire(ONE, ());
        assert_eq!(under_way(world), [(OTHER, 3)]);
        assert_eq!(world.counters().dropped, 3);
    }]);
}
