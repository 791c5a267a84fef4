//! Random schedules, with everything that may go wrong while shards move: each
//! write happens once, and nothing is lost.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::shardctrler::{Command, Shard};
use snowglobe_systems::shardkv::{Timer, marks};
use snowglobe_systems::vec_set::VecSet;

use crate::play::{CLERKS, GROUPS, Play};
use crate::story::cases;

/// One decision of the schedule. Numbers are taken modulo what is there.
#[derive(Clone, Debug)]
enum Action {
    Deliver(usize),
    Settle(usize),
    Lose(usize),
    Duplicate(usize),
    Timeout(usize, usize),
    Elect(usize),
    /// The leaders ask for the next configuration, and shards are handed over again.
    Poll,
    HandOver,
    Append(usize, usize),
    Get(usize, usize),
    Join(usize),
    Leave(usize),
    Move(usize, usize),
    Crash(usize),
    CrashAmid(usize),
    Restart(usize),
    Cut(usize),
    Heal,
}

fn action() -> impl Strategy<Value = Action> {
    let some = || 0..1000usize;
    prop_oneof![
        20 => some().prop_map(Action::Deliver),
        20 => (1..40usize).prop_map(Action::Settle),
        3 => some().prop_map(Action::Lose),
        4 => some().prop_map(Action::Duplicate),
        20 => (some(), some()).prop_map(|(node, timer)| Action::Timeout(node, timer)),
        3 => some().prop_map(Action::Elect),
        8 => Just(Action::Poll),
        3 => Just(Action::HandOver),
        8 => (some(), some()).prop_map(|(clerk, shard)| Action::Append(clerk, shard)),
        5 => (some(), some()).prop_map(|(clerk, shard)| Action::Get(clerk, shard)),
        2 => some().prop_map(Action::Join),
        1 => some().prop_map(Action::Leave),
        3 => (some(), some()).prop_map(|(shard, to)| Action::Move(shard, to)),
        1 => some().prop_map(Action::Crash),
        1 => (0..8usize).prop_map(Action::CrashAmid),
        4 => some().prop_map(Action::Restart),
        1 => some().prop_map(Action::Cut),
        2 => Just(Action::Heal),
    ]
}

/// The slots of a clerk, and when servers take snapshots.
fn limits() -> impl Strategy<Value = (u8, Option<usize>)> {
    let snapshot = prop_oneof![Just(None), (0..400usize).prop_map(Some)];
    (1..3u8, snapshot)
}

fn run(limits: (u8, Option<usize>), schedule: &[Action]) -> Play {
    let mut play = Play::new(limits.0, limits.1);
    for action in schedule {
        act(&mut play, action);
        if play.world.violation.is_some() {
            break;
        }
    }
    play
}

/// Few shards, of all groups, so that much happens to each.
fn shard(number: usize) -> Shard {
    [Shard(0), Shard(4), Shard(9)][number % 3]
}

fn act(play: &mut Play, action: &Action) {
    let group = |number: usize| GROUPS[number % GROUPS.len()];
    let clerk = |number: usize| CLERKS[number % CLERKS.len()];
    match *action {
        Action::Append(number, place) => play.append(clerk(number), shard(place)),
        Action::Get(number, place) => play.get(clerk(number), shard(place)),
        Action::Join(number) => play.join(group(number)),
        Action::Leave(number) => play.leave(group(number)),
        Action::Move(place, to) => play.operate(Command::Move {
            shard: shard(place),
            to: group(to),
        }),
        Action::Elect(number) => play.elect(NodeId::at(1 + number % 9)),
        Action::Restart(number) => play.restart(node(play, number)),
        Action::Poll => fire_at_leaders(play, Timer::Poll),
        Action::HandOver => fire_at_leaders(play, Timer::HandOver),
        _ => disturb(play, action),
    }
}

fn node(play: &Play, number: usize) -> NodeId {
    NodeId::at(number % play.world.names().len())
}

fn fire_at_leaders(play: &mut Play, timer: Timer) {
    for group in GROUPS {
        if let Some(leader) = play.world.leader_of(group) {
            play.world.timeout(leader, timer);
        }
    }
}

fn disturb(play: &mut Play, action: &Action) {
    let names = play.world.names();
    let node = |number: usize| names[number % names.len()];
    let world = &mut play.world;
    let in_bag = |number: usize| number % world.bag.len().max(1);
    match *action {
        Action::Deliver(number) => world.deliver(in_bag(number)),
        Action::Settle(most) => (0..most).for_each(|_| world.deliver(0)),
        Action::Lose(number) => {
            let _ = world.bag.remove(in_bag(number));
        }
        Action::Duplicate(number) => world.duplicate(in_bag(number)),
        Action::Timeout(number, timer) => {
            let armed: Vec<_> = world.timers(node(number)).iter().copied().collect();
            if !armed.is_empty() {
                world.timeout(node(number), armed[timer % armed.len()]);
            }
        }
        Action::Crash(number) => world.crash(node(number)),
        Action::CrashAmid(effects) => {
            world.crash_next_step_after(effects);
            world.deliver(0);
            world.crash_no_more();
        }
        Action::Cut(number) => world.cut(node(number)),
        Action::Heal => world.heal(),
        _ => unreachable!("{action:?} is no disturbance"),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn each_write_happens_once_however_shards_move(
        limits in limits(),
        schedule in prop::collection::vec(action(), 0..300),
    ) {
        let mut play = run(limits, &schedule);
        play.world.assert_held();
        play.heal();
        play.assert_promises();
    }
}

#[test]
fn everything_that_groups_and_clerks_can_come_into_is_within_reach() {
    let mut runner = TestRunner::deterministic();
    let strategy = (limits(), prop::collection::vec(action(), 400));
    let mut missing: VecSet<_> = marks::MARKS.iter().copied().collect();
    // Operators and clerks here are of one mind about who is where.
    missing.retain(|mark| ![marks::SHARD_MISDIRECTED, marks::WRONG_SHARD].contains(mark));
    for _ in 0..1000 {
        let tree = strategy.new_tree(&mut runner).expect("a schedule");
        let (limits, schedule) = tree.current();
        let mut play = run(limits, &schedule);
        play.heal();
        missing.retain(|mark| !play.world.marks.contains(mark));
        if missing.is_empty() {
            return;
        }
    }
    panic!("never reached: {missing:?}");
}
