//! A write that is sent again is applied once.

use snowglobe_systems::ledger::{Ledger, Place, Record};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::raft::{AppendEntries, LogIndex, Message, Round, Term, Timer, marks};
use snowglobe_systems::replica::{Config, Operation, Outcome, Sequence, SessionId};

use crate::cluster::{Cluster, Envelope};
use crate::story::{N1, N2, N3, World, entry, log_id, world};

fn open(world: &mut World, node: NodeId) -> SessionId {
    let call = world.invoke(node, Operation::OpenSession);
    world.settle();
    match world.outcome(call) {
        Some(Outcome::SessionOpened { session }) => *session,
        other => panic!("{other:?}"),
    }
}

fn put(
    world: &mut World,
    node: NodeId,
    session: SessionId,
    sequence: u64,
    value: u64,
) -> InvocationId {
    let command = Record::of(value);
    world.invoke(
        node,
        Operation::Write {
            session: Some((session, Sequence(sequence))),
            command,
        },
    )
}

fn outcome(world: &mut World, call: InvocationId) -> Outcome<Ledger> {
    world.settle();
    world.outcome(call).cloned().expect("answered")
}

#[test]
fn a_repeated_write_is_answered_as_the_first_time() {
    let mut world = world(3);
    world.elect(N1);
    let session = open(&mut world, N1);
    let first = put(&mut world, N1, session, 1, 7);
    let first = outcome(&mut world, first);
    put(&mut world, N1, session, 1, 7);
    // Another leader, and even a crash of all, do not make it forget.
    world.settle();
    world.crash_all();
    world.restart_all();
    world.elect(N2);
    let again = put(&mut world, N2, session, 1, 7);
    assert_eq!(outcome(&mut world, again), first);
    assert!(matches!(
        first,
        Outcome::Written {
            response: Place(1),
            ..
        }
    ));
    assert_eq!(world.count(N2), 1);
    assert!(world.marks.contains(marks::SESSION_DUPLICATE_ANSWERED));
    world.assert_held();
}

#[test]
fn a_write_proposed_by_two_leaders_is_applied_once() {
    let mut world = world(3);
    world.elect(N1);
    let session = open(&mut world, N1);
    let first = put(&mut world, N1, session, 1, 7);
    // It reaches n2, but n1 crashes before it knows.
    while world.bag.iter().any(|e| e.to == N2) {
        let place = world.bag.iter().position(|e| e.to == N2).expect("checked");
        world.deliver(place);
    }
    world.crash(N1);
    world.bag.clear();
    world.elect(N2);
    assert!(world.outcome(first).is_none());
    let second = put(&mut world, N2, session, 1, 7);
    outcome(&mut world, second);
    assert_eq!(world.count(N2), 1);
    assert_eq!(world.node(N2).pending(), 0);
    world.assert_held();
}

#[test]
fn a_lower_number_is_stale_and_a_gap_is_not() {
    let mut world = world(1);
    world.elect(N1);
    let session = open(&mut world, N1);
    let fifth = put(&mut world, N1, session, 5, 1);
    assert!(world.is_written(fifth));
    let fourth = put(&mut world, N1, session, 4, 1);
    assert_eq!(outcome(&mut world, fourth), Outcome::StaleSequence);
    assert!(world.marks.contains(marks::SESSION_STALE_SEQUENCE));
    assert_eq!(world.count(N1), 1);
}

#[test]
fn the_least_recently_used_session_makes_room() {
    let mut config = Config::of(3);
    config.max_sessions = 2;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    let older = open(&mut world, N1);
    let newer = open(&mut world, N1);
    put(&mut world, N1, older, 1, 1);
    world.settle();
    let third = open(&mut world, N1);
    assert!(world.marks.contains(marks::SESSION_EVICTED));
    let call = put(&mut world, N1, newer, 1, 2);
    assert_eq!(outcome(&mut world, call), Outcome::SessionExpired);
    assert!(world.marks.contains(marks::SESSION_EXPIRED));
    world.heartbeat(N1);
    for node in [N1, N2, N3] {
        let open: Vec<_> = world
            .node(node)
            .sessions()
            .iter()
            .map(|(id, _)| id)
            .collect();
        assert_eq!(open, [older, third], "{node}");
        assert_eq!(world.count(node), 1);
    }
    world.assert_held();
}

#[test]
fn sessions_travel_with_the_snapshot() {
    let mut config = Config::of(3);
    config.snapshot_after_entries = Some(3);
    config.raft.compaction_tail_entries = 0;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    let session = open(&mut world, N1);
    world.cut(N3);
    for sequence in 1..=10 {
        put(&mut world, N1, session, sequence, sequence);
        world.settle();
    }
    world.heal();
    world.heartbeat(N1);
    world.heartbeat(N1);
    assert!(world.marks.contains(marks::SNAPSHOT_INSTALLED));
    assert_eq!(world.node(N3).sessions(), world.node(N1).sessions());
    world.elect(N3);
    let again = put(&mut world, N3, session, 10, 10);
    let Outcome::Written { response, .. } = outcome(&mut world, again) else {
        panic!("the tenth write is remembered");
    };
    assert_eq!(response, Place(10));
    assert_eq!(world.count(N3), 10);
    world.assert_held();
}

#[test]
fn an_entry_of_another_leader_at_the_same_index_is_no_answer() {
    let mut world = world(3);
    world.elect(N1);
    let lost = world.write(N1, 1);
    world.bag.clear();
    world.cut(N1);
    world.timeout(N3, Timer::Election);
    world.bag.clear();
    world.timeout(N2, Timer::Election);
    world.settle();
    let other = world.write(N2, 2);
    world.settle();
    assert!(world.is_written(other));
    world.heal();
    world.timeout(N2, Timer::Heartbeat);
    world.lose(|e| !matches!(e.message, Message::AppendEntries(_)));
    world.settle();
    assert_eq!(world.outcome(lost), Some(&Outcome::Unknown));
    assert_eq!(world.count(N1), 1);
    world.assert_held();
}

#[test]
fn one_message_may_depose_replace_and_commit() {
    let mut world = world(3);
    world.elect(N1);
    let lost = world.write(N1, 1);
    world.bag.clear();
    let message = Message::AppendEntries(AppendEntries {
        term: Term(2),
        previous: log_id(1, 1),
        entries: vec![entry(2, 2)],
        commit: LogIndex(2),
        round: Round(0),
    });
    let (from, to) = (N2, N1);
    world.bag.push_back(Envelope { from, to, message });
    world.deliver(0);
    assert_eq!(world.count(N1), 1, "the other leader's entry is applied");
    assert_eq!(world.outcome(lost), Some(&Outcome::Unknown));
    assert_eq!(world.node(N1).pending(), 0);
}

/// Nodes that were told different limits come to the same sessions: each entry
/// that opens one says what holds, whoever replays it, and whatever it is told then.
#[test]
fn session_limits_are_those_of_the_log() {
    let config = |most, idle| {
        let mut config = Config::of(3);
        config.max_sessions = most;
        config.session_idle_entries = Some(idle);
        config
    };
    let mut world: World = Cluster::of(vec![config(2, 50), config(9, 1), config(1, 3)]);
    world.elect(N1);
    let sessions: Vec<_> = (0..4).map(|_| open(&mut world, N1)).collect();
    for value in 0..10 {
        put(&mut world, N1, sessions[3], value + 1, value);
    }
    world.heartbeat(N1);
    let kept = |world: &World, node| world.node(node).sessions().len();
    for node in [N1, N2, N3] {
        assert_eq!(kept(&world, node), 2, "{node}");
    }
    world.crash(N3);
    world.restart(N3);
    world.heartbeat(N1);
    assert_eq!(kept(&world, N3), 2, "n3 replays the same");
    world.assert_held();
}

/// A cluster that is told to keep fewer sessions than it has does so from the next one on.
#[test]
fn a_limit_that_is_lower_than_before_ends_all_that_are_too_many() {
    let mut config = Config::of(3);
    config.max_sessions = 6;
    let mut world: World = Cluster::new(3, config.clone());
    world.elect(N1);
    let sessions: Vec<_> = (0..6).map(|_| open(&mut world, N1)).collect();
    config.max_sessions = 2;
    world.crash_all();
    world.configs = vec![config; 3];
    world.restart_all();
    world.elect(N1);
    assert_eq!(world.node(N1).sessions().len(), 6, "as the log says");
    let last = open(&mut world, N1);
    world.heartbeat(N1);
    for node in [N1, N2, N3] {
        let kept = world.node(node).sessions().iter().map(|(id, _)| id);
        assert_eq!(kept.collect::<Vec<_>>(), [sessions[5], last], "{node}");
    }
    world.assert_held();
}
