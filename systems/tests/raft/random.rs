//! Random schedules, with everything that may go wrong, under all invariants.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use snowglobe_systems::ledger::Record;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{LogIndex, MARKS, Timer};
use snowglobe_systems::replica::{Config, Operation, Outcome, Sequence, SessionId};
use snowglobe_systems::vec_set::VecSet;

use crate::cluster::Cluster;
use crate::story::World;

/// One decision of the schedule. Numbers are taken modulo what is there.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Deliver(usize),
    Settle(usize),
    Lose(usize),
    Duplicate(usize),
    Timeout(usize, Timer),
    Write(usize, u64),
    SessionWrite(usize, usize, u64),
    OpenSession(usize),
    Read(usize),
    Transfer(usize, usize),
    Crash(usize),
    CrashAmid(usize),
    Restart(usize),
    Cut(usize),
    Heal,
}

fn timer() -> impl Strategy<Value = Timer> {
    prop_oneof![
        4 => Just(Timer::Election),
        4 => Just(Timer::Heartbeat),
        1 => Just(Timer::QuorumCheck),
        1 => Just(Timer::Transfer),
    ]
}

pub(crate) fn action() -> impl Strategy<Value = Action> {
    let some = || 0..1000usize;
    prop_oneof![
        30 => some().prop_map(Action::Deliver),
        8 => (1..30usize).prop_map(Action::Settle),
        3 => some().prop_map(Action::Lose),
        3 => some().prop_map(Action::Duplicate),
        8 => (some(), timer()).prop_map(|(node, timer)| Action::Timeout(node, timer)),
        5 => (some(), any::<u64>()).prop_map(|(node, value)| Action::Write(node, value)),
        3 => (some(), 0..4usize, 0..4u64).prop_map(|(n, s, q)| Action::SessionWrite(n, s, q)),
        1 => some().prop_map(Action::OpenSession),
        2 => some().prop_map(Action::Read),
        1 => (some(), some()).prop_map(|(from, to)| Action::Transfer(from, to)),
        2 => some().prop_map(Action::Crash),
        2 => (0..6usize).prop_map(Action::CrashAmid),
        5 => some().prop_map(Action::Restart),
        1 => some().prop_map(Action::Cut),
        2 => Just(Action::Heal),
    ]
}

/// Small enough in everything for all of it to matter.
pub(crate) fn config(count: usize, snapshots: Option<usize>) -> Config {
    let mut config = Config::of(count);
    config.max_sessions = 2;
    config.session_idle_entries = snapshots.map(|entries| 10 + entries);
    config.snapshot_after_entries = snapshots;
    config.raft.snapshot_chunk_bytes = 20;
    config.raft.snapshot_window_bytes = 40;
    config.raft.compaction_tail_entries = snapshots.map_or(0, |entries| entries % 3);
    config.max_pending_entries = 6;
    config.raft.max_in_flight_entries = 4;
    config.raft.max_batch_entries = 2;
    config
}

fn run(count: usize, snapshots: Option<usize>, schedule: &[Action]) -> World {
    let mut world: World = Cluster::new(count, config(count, snapshots));
    world.elect(NodeId(1));
    for action in schedule {
        act(&mut world, action);
        if world.violation.is_some() {
            break;
        }
    }
    world
}

fn act(world: &mut World, action: &Action) {
    let count = world.names().len();
    // Calls go to a leader if there is one: the others only say no.
    let leader = |number: usize| {
        let leaders: Vec<_> = world
            .names()
            .into_iter()
            .filter(|n| world.leads(*n))
            .collect();
        match leaders.as_slice() {
            [] => NodeId::at(number % count),
            some => some[number % some.len()],
        }
    };
    let node = |number: usize| NodeId::at(number % count);
    let in_bag = |number: usize| number % world.bag.len().max(1);
    match *action {
        Action::Deliver(number) => world.deliver(in_bag(number)),
        Action::Settle(most) => (0..most).for_each(|_| world.deliver(0)),
        Action::Lose(number) => {
            let _ = world.bag.remove(in_bag(number));
        }
        Action::Duplicate(number) => world.duplicate(in_bag(number)),
        Action::Timeout(number, timer) => {
            world.timeout(node(number), timer);
        }
        Action::Write(number, value) => {
            world.write(leader(number), value);
        }
        Action::SessionWrite(number, session, sequence) => {
            let known: Vec<_> = world
                .outcomes
                .values()
                .filter_map(|outcome| match outcome {
                    Outcome::SessionOpened { session } => Some(*session),
                    _ => None,
                })
                .collect();
            let session = known.iter().rev().nth(session).copied();
            let session = session.unwrap_or(SessionId(LogIndex(99)));
            let command = Record::of(sequence);
            let session = Some((session, Sequence(sequence)));
            world.invoke(leader(number), Operation::Write { session, command });
        }
        Action::OpenSession(number) => {
            world.invoke(leader(number), Operation::OpenSession);
        }
        Action::Read(number) => {
            world.read(leader(number));
        }
        Action::Transfer(from, to) => {
            let to = node(to);
            world.invoke(leader(from), Operation::TransferLeadership { to });
        }
        Action::Crash(number) => world.crash(node(number)),
        Action::CrashAmid(effects) => {
            world.crash_next_step_after(effects);
            world.deliver(0);
            world.crash_no_more();
        }
        Action::Restart(number) => world.restart(node(number)),
        Action::Cut(number) => world.cut(node(number)),
        Action::Heal => world.heal(),
    }
}

/// After all that, a healed cluster elects, commits, and agrees.
fn assert_recovers(world: &mut World) {
    world.heal();
    world.restart_all();
    world.settle();
    for _ in 0..20 {
        let names = world.names();
        for node in &names {
            if !names.iter().any(|name| world.leads(*name)) {
                world.timeout(*node, Timer::Election);
                world.settle();
            }
        }
        for node in &names {
            world.timeout(*node, Timer::Transfer);
            world.timeout(*node, Timer::Heartbeat);
            world.settle();
        }
    }
    let names = world.names();
    let leaders: Vec<_> = names.iter().filter(|node| world.leads(**node)).collect();
    assert_eq!(leaders.len(), 1, "one leader after everything is healed");
    let leader = *leaders[0];
    let write = world.write(leader, 42);
    world.settle();
    assert!(world.is_written(write), "a healed cluster makes progress");
    world.heartbeat(leader);
    for node in names {
        assert_eq!(world.node(node).machine(), world.node(leader).machine());
        assert_eq!(world.node(node).sessions(), world.node(leader).sessions());
    }
    world.assert_held();
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn promises_hold_and_progress_returns(
        count in 1..=5usize,
        snapshots in prop_oneof![Just(None), (0..6usize).prop_map(Some)],
        schedule in prop::collection::vec(action(), 0..400),
    ) {
        let mut world = run(count, snapshots, &schedule);
        world.assert_held();
        assert_recovers(&mut world);
    }
}

#[test]
fn every_mark_is_within_reach() {
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(action(), 400);
    let mut missing: VecSet<_> = MARKS.iter().copied().collect();
    for number in 0..1000 {
        let tree = strategy.new_tree(&mut runner).expect("a schedule");
        let world = run(3 + 2 * (number % 2), Some(number % 5), &tree.current());
        missing.retain(|mark| !world.marks.contains(mark));
        if missing.is_empty() {
            return;
        }
    }
    panic!("never reached: {missing:?}");
}
