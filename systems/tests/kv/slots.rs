//! A clerk with several slots has several calls under way.

use snowglobe_systems::replica;
use snowglobe_systems::service::{SessionSlot, Timer, marks};
use snowglobe_systems::vec_set::VecSet;

use crate::story::{ANN, N1, World, clerk, is_ask, is_tell, server, world_of};

fn world_with_two_slots() -> World {
    let mut clerk = clerk();
    clerk.lanes = 2;
    let mut world = world_of(&server(), &clerk);
    world.elect(N1);
    world
}

#[test]
fn a_third_call_waits_for_one_of_two_slots() {
    let mut world = world_with_two_slots();
    let first = world.append(ANN, "a");
    let second = world.append(ANN, "b");
    assert!(!world.marks.contains(marks::WAITED_FOR_LANE));
    let third = world.append(ANN, "c");
    assert!(world.marks.contains(marks::WAITED_FOR_LANE));
    let asked: Vec<_> = world.asked().iter().map(|a| a.call.invocation).collect();
    assert_eq!(asked, [first, second]);
    world.settle();
    for call in [first, second, third] {
        world.assert_done(call);
    }
    let slots = world.clerk(ANN).slots();
    let sessions: VecSet<_> = slots.iter().filter_map(SessionSlot::session).collect();
    assert_eq!(sessions.len(), 2, "each slot has its own: {sessions:?}");
    let writes: Vec<_> = sessions.iter().map(|(_, number)| number.0).collect();
    assert_eq!(writes.iter().sum::<u64>(), 3, "each write has one number");
    assert_eq!(world.sessions(N1).len(), 2);
    assert_eq!(world.text(N1).len(), 3);
    world.assert_held();
}

#[test]
fn a_call_that_waits_takes_the_slot_that_is_free_first() {
    let mut world = world_with_two_slots();
    for text in ["a", "b"] {
        world.append(ANN, text);
    }
    world.settle();
    let calls = ["c", "d", "e"].map(|text| world.append(ANN, text));
    // Only the first is heard.
    assert!(world.deliver_first(is_ask));
    world.settle_servers();
    assert!(world.deliver_first(is_tell));
    world.assert_done(calls[0]);
    let asked: Vec<_> = world.asked().iter().map(|a| a.call.invocation).collect();
    assert_eq!(asked, [calls[1], calls[2]]);
    world.settle();
    assert_eq!(world.text(N1).len(), 5);
    world.assert_held();
}

#[test]
fn calls_in_one_slot_keep_their_order() {
    let mut world = world_of(&server(), &clerk());
    world.elect(N1);
    let text = "abcdefgh";
    let calls: Vec<_> = text
        .split_terminator("")
        .filter(|letter| !letter.is_empty())
        .map(|letter| world.append(ANN, letter))
        .collect();
    assert_eq!(world.asked().len(), 1, "one at a time");
    world.settle();
    for call in calls {
        world.assert_done(call);
    }
    assert_eq!(world.text(N1), text);
    assert_eq!(world.sessions(N1).len(), 1);
    world.assert_held();
}

#[test]
fn a_read_in_one_slot_does_not_wait_for_a_write_in_the_other() {
    let mut world = world_with_two_slots();
    world.append_now(ANN, "a");
    let write = world.append(ANN, "b");
    world.lose(is_ask);
    let read = world.get(ANN);
    let asked = world.only_asked();
    assert!(matches!(asked.operation, replica::Operation::Read { .. }));
    world.settle();
    world.assert_read(read, "a");
    assert_eq!(world.outcome(write), None);
    world.lose_patience(ANN);
    world.settle();
    world.assert_done(write);
    world.assert_held();
}

#[test]
fn a_clerk_without_slots_is_refused() {
    let mut clerk = clerk();
    clerk.lanes = 0;
    let error = clerk.check().expect_err("no call could be made");
    assert_eq!(
        error.to_string(),
        "lanes is 0, so that no call would ever be made: give at least 1"
    );
}

#[test]
fn each_slot_asks_a_silent_leader_once_more() {
    let mut world = world_with_two_slots();
    world.append_now(ANN, "a");
    for text in ["b", "c"] {
        world.append(ANN, text);
    }
    world.lose(is_ask);
    for timer in world.timers(ANN).clone() {
        if matches!(timer, Timer::Patience { .. }) {
            world.timeout(ANN, timer);
        }
    }
    let asked: Vec<_> = world.asked().iter().map(|asked| asked.to).collect();
    assert_eq!(asked, [N1, N1], "one message of each was lost");
}

#[test]
fn a_write_takes_the_free_slot_that_has_a_session() {
    let mut world = world_with_two_slots();
    // A read is in the first slot when the session is opened in the second.
    world.get(ANN);
    world.append(ANN, "a");
    world.settle();
    world.append_now(ANN, "b");
    assert_eq!(world.sessions(N1).len(), 1, "one session was enough");
}
