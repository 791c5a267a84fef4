//! A protocol that is not ours, in the world: what a user who brings one meets.
//!
//! Two nodes throw a ball. Who catches it writes the number of throws to its
//! disk and throws it back; a timer starts the game again when the ball is lost.
//! The same game is played in the world and explored in full.

use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe::faults::Incident;
use snowglobe::scenarios::script::Script;
use snowglobe::seed::Seed;
use snowglobe::time::SimTime;
use snowglobe::world::engine::{self, Finished};
use snowglobe::world::network::LinkQuality;
use snowglobe::world::{Blueprint, Broken, Director, World};
use snowglobe_checkers::explore::{
    Bounds, Client, Order, Outcome, Property, PropertyKind, Reductions, Setting, SmallWorld,
    TimerKind, search,
};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Durable, Effect, Effects, Input, InvocationId, NodeId, Process};

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Caught(u64);

impl Durable for Caught {
    type Write = u64;
    fn apply(&mut self, write: &u64) {
        self.0 = *write;
    }
}

/// How a player misbehaves, for the tests of the world itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Habit {
    #[default]
    Fair,
    /// Throws before it has written.
    Hasty,
    /// Panics at the third ball.
    Panics,
    /// Throws two balls for one.
    Juggles,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Player {
    partner: NodeId,
    habit: Habit,
    caught: u64,
}

const DELAY: Range<Duration> = Duration::from_millis(300)..Duration::from_millis(500);

impl Process for Player {
    type Config = (usize, Habit);
    type Message = u64;
    type Timer = ();
    type Operation = ();
    type Outcome = u64;
    type Durable = Caught;

    fn start(
        id: NodeId,
        config: &Self::Config,
        durable: Caught,
        effects: &mut Effects<Self>,
    ) -> Self {
        effects.set_timer((), DELAY);
        Self {
            partner: NodeId::at((id.position() + 1) % config.0),
            habit: config.1,
            caught: durable.0,
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        let throw = Effect::Send {
            to: self.partner,
            message: self.caught + 1,
        };
        match input {
            Input::Timeout(()) => {
                effects.push(throw);
                effects.set_timer((), DELAY);
            }
            Input::Receive { message, .. } => {
                assert!(self.habit != Habit::Panics || message < 3, "the third ball");
                self.caught = self.caught.max(message);
                let throw = Effect::Send {
                    to: self.partner,
                    message: self.caught + 1,
                };
                if self.habit == Habit::Hasty {
                    effects.push(throw);
                    effects.push(Effect::Persist(self.caught));
                } else {
                    effects.push(Effect::Persist(self.caught));
                    effects.push(throw.clone());
                    if self.habit == Habit::Juggles {
                        effects.push(throw);
                    }
                }
                effects.set_timer((), DELAY);
            }
            Input::Invoke { invocation, .. } => effects.reply(invocation, self.caught),
        }
    }
}

/// A ball that was thrown was written by its thrower: no number goes back over a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct NothingForgotten {
    /// The highest number that was on its way.
    thrown: u64,
}

impl Invariants<Player> for NothingForgotten {
    fn executed(
        &mut self,
        _cluster: &impl ClusterView<Player>,
        _node: NodeId,
        effect: &Effect<Player>,
    ) -> Result<(), Violation> {
        if let Effect::Send { message, .. } = effect {
            self.thrown = self.thrown.max(*message);
        }
        Ok(())
    }

    fn started(
        &mut self,
        cluster: &impl ClusterView<Player>,
        _node: NodeId,
    ) -> Result<(), Violation> {
        let known = (0..cluster.len())
            .map(|place| cluster.node(NodeId::at(place)).durable.0)
            .max()
            .unwrap_or_default();
        if known + 1 < self.thrown {
            return Err(Violation::new(
                "nothing-forgotten",
                [],
                format!("somebody remembers ball {}", self.thrown - 1),
                format!("the highest on any disk is {known}"),
            ));
        }
        Ok(())
    }
}

/// Lets the world run for a while, then asks everybody for the score.
#[derive(Clone, Default)]
struct Umpire {
    length: Duration,
    /// Moments at which to write down what the second player has caught.
    looks_at: Vec<Duration>,
    seen: Vec<u64>,
    answers: Vec<u64>,
    over: bool,
}

impl<I: Invariants<Player>> Director<Player, I> for Umpire {
    fn begin(&mut self, world: &mut World<Player, I>) {
        world.alarm(self.length, 0);
        for moment in &self.looks_at {
            world.alarm(*moment, 1);
        }
    }
    fn alarm(&mut self, world: &mut World<Player, I>, token: u64) {
        if token == 1 {
            let caught = world.process(NodeId(2)).map(|player| player.caught);
            self.seen.extend(caught);
            return;
        }
        for id in world.node_ids() {
            world.invoke(id, ());
        }
        self.over = true;
    }
    fn returned(&mut self, _world: &mut World<Player, I>, _invocation: InvocationId, outcome: u64) {
        self.answers.push(outcome);
    }
    fn is_over(&mut self, _world: &mut World<Player, I>) -> bool {
        self.over && !self.answers.is_empty()
    }
}

fn play(seed: u64, habit: Habit, faults: &[&str], length: Duration) -> (Finished, Umpire) {
    watch(seed, habit, faults, length, &[])
}

fn watch(
    seed: u64,
    habit: Habit,
    faults: &[&str],
    length: Duration,
    looks_at: &[Duration],
) -> (Finished, Umpire) {
    let looks_at = looks_at.to_vec();
    let faults: Vec<Incident> = faults
        .iter()
        .map(|words| words.parse().expect("the words are right"))
        .collect();
    thread::spawn(move || {
        let blueprint = Blueprint {
            seed: Seed(seed),
            configs: vec![(2, habit); 2],
            links: LinkQuality::default(),
            sync: Duration::ZERO..Duration::ZERO,
            checkpoint_bytes: 256,
            faults,
            batch: 1,
            step_budget: 100_000,
        };
        let umpire = Umpire {
            length,
            looks_at,
            ..Umpire::default()
        };
        engine::run::<Player, NothingForgotten, _>(blueprint, umpire)
    })
    .join()
    .expect("the world does not panic")
}

#[test]
fn the_same_seed_plays_the_same_game() {
    let faults = [
        "1s cut n1 -> n2",
        "2s heal",
        "3s crash n1 tearing unsynced",
        "4s restart n1",
    ];
    let length = Duration::from_secs(6);
    let (first, umpire) = play(7, Habit::Fair, &faults, length);
    let (second, _) = play(7, Habit::Fair, &faults, length);
    let (other, _) = play(8, Habit::Fair, &faults, length);
    assert_eq!(first.breakage, None);
    assert_eq!(first.digest, second.digest);
    assert_eq!(first.events, second.events);
    assert_ne!(first.digest, other.digest);
    assert!(
        umpire.answers[0] > 100,
        "the game went on: {:?}",
        umpire.answers
    );
}

#[test]
fn a_cut_stops_the_ball() {
    let (_, cut) = play(7, Habit::Fair, &["10ms cut n1"], Duration::from_secs(3));
    assert_eq!(cut.answers, [0, 0], "nobody catches anything behind a cut");
}

#[test]
fn a_crash_between_two_effects_shows_a_hasty_player() {
    let mut found = 0;
    for seed in 0..100 {
        let at = 1000 + seed * 7;
        // The ball is still on its way when its thrower is down, and then it is lost.
        let crash = format!("{at}ms crash n1 losing unsynced after 1 effects");
        let cut = format!("{}ms cut n1 -> n2", at + 399);
        let faults = [
            "0s link n1 -> n2 latency 400ms..401ms",
            crash.as_str(),
            cut.as_str(),
            "3s restart all",
        ];
        let (hasty, _) = play(seed, Habit::Hasty, &faults, Duration::from_secs(4));
        if let Some(breakage) = hasty.breakage {
            assert!(matches!(breakage.broken, Broken::Safety(_)), "{breakage:?}");
            found += 1;
        }
        let (fair, _) = play(seed, Habit::Fair, &faults, Duration::from_secs(4));
        assert_eq!(fair.breakage, None, "seed {seed}");
    }
    assert!(found > 0, "no seed showed it");
}

#[test]
fn a_paused_player_stands_still_even_if_its_disk_ends_a_sync() {
    let millis = Duration::from_millis;
    // Every write takes long, so most pauses fall into a sync.
    let faults = [
        "0s disk n1 syncs in 60ms..90ms",
        "1s pause n1",
        "2s resume n1",
    ];
    // What was in flight when the pause began has arrived by the first look.
    let looks_at = [millis(1020), millis(1250), millis(2500)];
    for seed in 0..20 {
        let (_, umpire) = watch(seed, Habit::Fair, &faults, millis(3000), &looks_at);
        let [early, late, after] = umpire.seen[..] else {
            panic!("three looks, not {:?}", umpire.seen);
        };
        assert_eq!(
            early, late,
            "seed {seed}: a ball came out of a paused player"
        );
        assert!(
            after > late,
            "seed {seed}: the game goes on after the pause"
        );
    }
}

#[test]
fn a_panic_is_a_finding() {
    let (finished, _) = play(7, Habit::Panics, &[], Duration::from_secs(3));
    let breakage = finished.breakage.expect("the third ball is thrown");
    match breakage.broken {
        Broken::Panic { message, .. } => assert!(message.contains("the third ball"), "{message}"),
        other => panic!("a panic was expected, not {other:?}"),
    }
}

#[test]
fn a_storm_of_messages_ends_with_the_step_budget() {
    let (finished, _) = play(7, Habit::Juggles, &[], Duration::from_secs(60));
    let breakage = finished.breakage.expect("two become four become eight");
    assert_eq!(breakage.broken, Broken::OutOfSteps { budget: 100_000 });
    assert!(breakage.at > SimTime::START);
}

/// The game with everything that can happen in it, up to the third ball.
#[derive(Clone, Debug)]
struct Game {
    bounds: Bounds,
    configs: Vec<(usize, Habit)>,
}

impl Setting for Game {
    type Process = Player;
    type Invariants = NothingForgotten;
    type Judge = ();
    const NAME: &'static str = "game";

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
    fn configs(&self) -> &[(usize, Habit)] {
        &self.configs
    }
    fn clients(&self) -> &[Client<()>] {
        &[]
    }
    fn properties(&self) -> Vec<Property> {
        vec![Property {
            name: "nothing-forgotten",
            kind: PropertyKind::State,
        }]
    }
    fn is_within(&self, player: &Player) -> bool {
        player.caught <= 3
    }
    fn timer_kind(&self, (): ()) -> Option<TimerKind> {
        Some(TimerKind::Timeout)
    }
    fn shape(&self, cluster: &impl ClusterView<Player>) -> String {
        format!("{:?}", cluster.node(NodeId(1)).durable)
    }
    fn is_well(&self, cluster: &impl ClusterView<Player>, _: &[NodeId]) -> Result<(), String> {
        match cluster.node(NodeId(2)).process {
            Some(player) if player.caught > 0 => Ok(()),
            _ => Err("n2 has caught nothing".to_owned()),
        }
    }
}

fn explored(habit: Habit) -> (Game, Outcome<Game>) {
    let game = Game {
        bounds: Bounds {
            timeouts: 3,
            crashes: 1,
            messages: 2,
            ..Bounds::default()
        },
        configs: vec![(2, habit); 2],
    };
    let world = SmallWorld::new(game.clone(), Reductions::default()).sampling(Some(4));
    let outcome = search(&Arc::new(world), Order::Breadth, 1, |_| true);
    (game, outcome)
}

#[test]
fn every_schedule_of_a_fair_game_is_fine() {
    let (_, outcome) = explored(Habit::Fair);
    assert!(outcome.exhausted, "{outcome:?}");
    assert!(outcome.counterexample.is_none());
    assert!(outcome.headway.distinct > 300, "{:?}", outcome.headway);
    assert!(outcome.account.sampled > 50, "{:?}", outcome.account);
}

#[test]
fn what_exploration_finds_happens_so_in_the_world() {
    for (habit, property) in [
        (Habit::Hasty, "nothing-forgotten"),
        (Habit::Panics, "no-panic"),
    ] {
        let (game, outcome) = explored(habit);
        let found = outcome.counterexample.expect("this habit is a bad one");
        assert_eq!(found.violation.property, property);
        assert!(found.steps.len() <= 4, "{:#?}", found.steps);
        let blueprint = Blueprint {
            seed: Seed(0),
            configs: game.configs.clone(),
            links: LinkQuality::default(),
            sync: Duration::ZERO..Duration::ZERO,
            checkpoint_bytes: 256,
            faults: Vec::new(),
            batch: 1,
            step_budget: 100_000,
        };
        let script = Script::new(game, found.steps);
        let run = || engine::run::<Player, NothingForgotten, _>(blueprint, script);
        let (finished, _) =
            thread::scope(|scope| scope.spawn(run).join()).expect("the world does not panic");
        assert_eq!(finished.states, found.reaches, "the same in both engines");
        let broken = finished
            .breakage
            .expect("the same promise is broken")
            .broken;
        match broken {
            Broken::Safety(violation) => assert_eq!(violation.property, property),
            Broken::Panic { .. } => assert_eq!(property, "no-panic"),
            other => panic!("{other:?}"),
        }
    }
}
