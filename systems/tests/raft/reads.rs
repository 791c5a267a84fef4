//! Linearizable reads that do not grow the log.

use snowglobe_systems::process::InvocationId;
use snowglobe_systems::raft::{LogIndex, Message, Timer, marks};
use snowglobe_systems::replica::Outcome;

use crate::story::{N1, N2, N3, N4, N5, World, carries_entries, world};

fn answered_at(world: &World, read: InvocationId) -> Option<LogIndex> {
    match world.outcome(read) {
        Some(Outcome::Answered { at, .. }) => Some(*at),
        _ => None,
    }
}

#[test]
fn a_read_is_answered_without_a_log_entry() {
    let mut world = world(3);
    world.elect(N1);
    world.write(N1, 5);
    world.settle();
    let before = world.last(N1);
    let read = world.read(N1);
    assert!(world.outcome(read).is_none(), "not before others confirm");
    world.settle();
    assert_eq!(answered_at(&world, read), Some(LogIndex(2)));
    assert_eq!(world.last(N1), before);
    assert!(world.marks.contains(marks::READ_CONFIRMED));
    world.assert_held();
}

#[test]
fn reads_that_arrive_during_a_round_share_the_next() {
    let mut world = world(3);
    world.elect(N1);
    let first = world.read(N1);
    let in_round = world.bag.len();
    let later: Vec<_> = (0..10).map(|_| world.read(N1)).collect();
    assert_eq!(world.bag.len(), in_round, "no message for each of them");
    world.deliver(0);
    let reply = world.bag.len() - 1;
    world.deliver(reply);
    assert!(answered_at(&world, first).is_some());
    assert!(later.iter().all(|read| world.outcome(*read).is_none()));
    world.settle();
    assert!(
        later
            .iter()
            .all(|read| answered_at(&world, *read).is_some())
    );
}

#[test]
fn an_echo_of_an_older_round_confirms_nothing() {
    let mut world = world(3);
    world.elect(N1);
    world.timeout(N1, Timer::Heartbeat);
    world.deliver(0);
    let read = world.read(N1);
    // Only the reply to the heartbeat that was sent before the read arrives.
    world.lose(|e| !matches!(e.message, Message::AppendEntriesReply(_)));
    world.settle();
    assert!(world.outcome(read).is_none());
    world.heartbeat(N1);
    assert!(
        answered_at(&world, read).is_some(),
        "a heartbeat carries the round on"
    );
}

#[test]
fn a_read_waits_for_the_first_commit_of_the_term() {
    let mut world = world(3);
    world.elect(N1);
    world.write(N1, 1);
    world.settle();
    world.crash(N1);
    world.timeout(N3, Timer::Election);
    world.bag.clear();
    world.timeout(N2, Timer::Election);
    world.deliver_until(|world| world.leads(N2));
    let read = world.read(N2);
    assert!(world.marks.contains(marks::READ_WAITED_FOR_NOOP));
    // All that was sent is answered, but for the no-op: n2 leads, and does not
    // know that the write is committed.
    world.lose(carries_entries);
    world.timeout(N2, Timer::Heartbeat);
    while !world.bag.is_empty() {
        world.lose(carries_entries);
        world.deliver(0);
    }
    assert!(world.outcome(read).is_none());
    world.heartbeat(N2);
    world.heartbeat(N2);
    let at = answered_at(&world, read).expect("answered");
    assert!(
        at >= LogIndex(3),
        "the write and the no-op are applied: {at}"
    );
    world.assert_held();
}

#[test]
fn a_deposed_leader_answers_no_read() {
    let mut world = world(5);
    world.elect(N1);
    world.cut(N1);
    world.cut(N2);
    let read = world.read(N1);
    for node in [N4, N5] {
        world.timeout(node, Timer::Election);
    }
    world.bag.clear();
    world.timeout(N3, Timer::Election);
    world.settle();
    let write = world.write(N3, 1);
    world.settle();
    assert!(world.is_written(write));
    assert!(world.outcome(read).is_none(), "the answer would be stale");
    world.heal();
    world.heartbeat(N3);
    assert_eq!(
        world.outcome(read),
        Some(&Outcome::NotLeader { hint: Some(N3) })
    );
    assert!(world.marks.contains(marks::READ_FAILED));
}

#[test]
fn a_follower_names_the_leader() {
    let mut world = world(3);
    world.elect(N1);
    let read = world.read(N2);
    assert_eq!(
        world.outcome(read),
        Some(&Outcome::NotLeader { hint: Some(N1) })
    );
    assert!(!world.bag.iter().any(carries_entries));
}
