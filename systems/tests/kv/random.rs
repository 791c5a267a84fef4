//! Random schedules, with everything that may go wrong: each write happens
//! once if its clerk says so, and never twice.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use snowglobe_systems::kv::{Operation, Outcome};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::service::marks::MARKS;
use snowglobe_systems::vec_set::VecSet;

use crate::play::{Limits, Play};
use crate::story::{ANN, BOB, cases};

/// One decision of the schedule. Numbers are taken modulo what is there.
#[derive(Clone, Debug)]
enum Action {
    Deliver(usize),
    Settle(usize),
    Lose(usize),
    Duplicate(usize),
    Timeout(usize, usize),
    /// Nobody hears a leader any more; one of the servers stands first.
    Elect(usize),
    Append(usize),
    Get(usize),
    Transfer(usize, usize),
    Crash(usize),
    CrashAmid(usize),
    Restart(usize),
    Cut(usize),
    Heal,
}

fn action() -> impl Strategy<Value = Action> {
    let some = || 0..1000usize;
    prop_oneof![
        25 => some().prop_map(Action::Deliver),
        10 => (1..30usize).prop_map(Action::Settle),
        3 => some().prop_map(Action::Lose),
        3 => some().prop_map(Action::Duplicate),
        12 => (some(), some()).prop_map(|(node, timer)| Action::Timeout(node, timer)),
        3 => some().prop_map(Action::Elect),
        8 => some().prop_map(Action::Append),
        6 => some().prop_map(Action::Get),
        1 => (some(), some()).prop_map(|(from, to)| Action::Transfer(from, to)),
        2 => some().prop_map(Action::Crash),
        2 => (0..6usize).prop_map(Action::CrashAmid),
        5 => some().prop_map(Action::Restart),
        2 => some().prop_map(Action::Cut),
        2 => Just(Action::Heal),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let sessions = prop_oneof![3 => Just(1000), 2 => 1..4usize];
    let idle = prop_oneof![2 => Just(None), 1 => (2..20usize).prop_map(Some)];
    let snapshot = prop_oneof![Just(None), (0..200usize).prop_map(Some)];
    (sessions, idle, snapshot).prop_map(|(sessions, idle, snapshot)| Limits {
        sessions,
        idle,
        snapshot,
    })
}

fn run(limits: Limits, schedule: &[Action]) -> Play {
    let mut play = Play::new(limits);
    for action in schedule {
        act(&mut play, action);
        if play.world.violation.is_some() {
            break;
        }
    }
    play
}

fn act(play: &mut Play, action: &Action) {
    let node = |number: usize| NodeId::at(number % 5);
    let clerk = |number: usize| [ANN, BOB][number % 2];
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
        Action::Elect(number) => play.elect(NodeId::at(number % 3)),
        Action::Append(number) => play.append(clerk(number)),
        Action::Get(number) => play.get(clerk(number)),
        Action::Transfer(from, to) => {
            let to = NodeId::at(to % 3);
            world.invoke(NodeId::at(from % 3), Operation::TransferLeadership { to });
        }
        Action::Crash(number) => world.crash(node(number)),
        Action::CrashAmid(effects) => {
            world.crash_next_step_after(effects);
            world.deliver(0);
            world.crash_no_more();
        }
        Action::Restart(number) => play.restart(node(number)),
        Action::Cut(number) => world.cut(node(number)),
        Action::Heal => world.heal(),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn each_write_happens_once_if_its_clerk_says_so_and_never_twice(
        limits in limits(),
        schedule in prop::collection::vec(action(), 0..400),
    ) {
        let mut play = run(limits, &schedule);
        play.world.assert_held();
        play.heal();
        play.assert_promises();
    }
}

/// The name of what a clerk answered.
fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Written(_) => "written",
        Outcome::Answered(_) => "answered",
        Outcome::Indeterminate => "indeterminate",
        Outcome::Busy => "busy",
        Outcome::NotHere { .. } => "not here",
        Outcome::TransferStarted => "transfer started",
        Outcome::TransferRefused => "transfer refused",
    }
}

#[test]
fn everything_that_a_clerk_can_come_into_is_within_reach() {
    let mut runner = TestRunner::deterministic();
    let strategy = (limits(), prop::collection::vec(action(), 400));
    let outcomes = ["written", "answered", "indeterminate"];
    let mut missing: VecSet<_> = MARKS.iter().chain(&outcomes).copied().collect();
    for _ in 0..1000 {
        let tree = strategy.new_tree(&mut runner).expect("a schedule");
        let (limits, schedule) = tree.current();
        let world = run(limits, &schedule).world;
        let outcomes: VecSet<_> = world.outcomes.values().map(kind).collect();
        missing.retain(|it| !world.marks.contains(it) && !outcomes.contains(it));
        if missing.is_empty() {
            return;
        }
    }
    panic!("never reached: {missing:?}");
}
