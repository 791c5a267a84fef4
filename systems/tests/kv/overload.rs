//! What is asked again costs nothing, what is too much is turned away, and what
//! does not reach the leader is passed on.

use std::time::Duration;

use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft;
use snowglobe_systems::replica;
use snowglobe_systems::service::{Message, Timer, marks};

use crate::cluster::Envelope;
use crate::story::{
    ANN, BOB, N1, N2, N3, World, clerk, is_ask, is_tell, server, world_led_by_n1, world_of,
};

fn last(world: &World, node: NodeId) -> u64 {
    world.replica(node).raft().log().last().index.0
}

#[test]
fn a_repetition_joins_the_call_that_is_under_way() {
    let mut world = world_led_by_n1();
    world.append_now(ANN, "a");
    let call = world.append(ANN, "b");
    world.duplicate(0);
    world.duplicate(0);
    let before = last(&world, N1);
    while world.deliver_first(is_ask) {}
    assert_eq!(
        last(&world, N1),
        before + 1,
        "one entry, however often it is asked"
    );
    assert!(world.marks.contains(marks::JOINED));
    world.settle();
    world.assert_done(call);
    assert_eq!(world.text(N1), "ab");
    world.assert_held();
}

#[test]
fn a_repetition_of_what_is_answered_is_answered_again() {
    let mut server = server();
    server.remembered_answers = 8;
    let mut world = world_of(&server, &clerk());
    world.elect(N1);
    world.append_now(ANN, "a");
    let call = world.append(ANN, "b");
    world.duplicate(0);
    world.deliver_first(is_ask);
    world.settle_servers();
    let before = last(&world, N1);
    world.deliver_first(is_ask);
    assert_eq!(last(&world, N1), before);
    assert!(world.marks.contains(marks::ANSWERED_AGAIN));
    world.settle();
    world.assert_done(call);
    world.assert_held();
}

/// A server that remembers one answer only.
fn forgetful() -> World {
    let mut server = server();
    server.remembered_answers = 1;
    let mut world = world_of(&server, &clerk());
    world.elect(N1);
    world
}

#[test]
fn a_repetition_of_a_write_costs_no_entry_however_long_ago_it_was_answered() {
    let mut world = forgetful();
    world.append_now(ANN, "a");
    world.append_now(BOB, "b");
    let call = world.append(ANN, "c");
    world.duplicate(0);
    let repetition = world.bag.pop_back().expect("it was duplicated");
    world.settle_until_answered(ANN, call);
    world.append_now(BOB, "d");
    let before = last(&world, N1);
    world.bag.push_back(repetition);
    world.deliver(0);
    assert_eq!(last(&world, N1), before, "the session knows it");
    assert!(world.marks.contains(marks::ANSWERED_AGAIN));
    world.settle();
    assert_eq!(world.text(N1), "abcd");
    world.assert_held();
}

#[test]
fn a_repetition_of_an_opening_opens_no_second_session_while_the_first_lives() {
    let mut world = forgetful();
    world.append_now(BOB, "a");
    let call = world.append(ANN, "b");
    world.duplicate(0);
    let repetition = world.bag.pop_back().expect("it was duplicated");
    world.settle_until_answered(ANN, call);
    world.append_now(BOB, "c");
    let before = last(&world, N1);
    world.bag.push_back(repetition);
    world.deliver(0);
    assert_eq!(last(&world, N1), before, "her session is open");
    assert_eq!(world.replica(N1).sessions().len(), 2);
    world.settle();
    world.assert_held();
}

#[test]
fn a_leader_with_too_much_under_way_is_busy_and_its_clerk_waits_longer_each_time() {
    let mut server = server();
    server.max_pending_entries = 1;
    let mut world: World = world_of(&server, &clerk());
    world.elect(N1);
    world.append_now(ANN, "a");
    world.append_now(BOB, "b");
    // Ann's write is under way, and nobody acknowledges it.
    let first = world.append(ANN, "c");
    world.deliver_first(is_ask);
    world.bag.clear();
    let second = world.append(BOB, "d");
    let mut rests = Vec::new();
    for _ in 0..3 {
        world.deliver_first(is_ask);
        world.deliver_first(is_tell);
        let is_rest = |timer: &&Timer| matches!(timer, Timer::BackOff { .. });
        let rest = *world.timers(BOB).iter().find(is_rest).expect("he rests");
        rests.push(world.delay(BOB, rest).start);
        world.finish_rest(BOB);
    }
    assert!(world.marks.contains(raft::marks::BUSY));
    // From 5 ms on, and twice as long each time.
    assert_eq!(rests, [10, 20, 40].map(Duration::from_millis));
    for _ in 0..3 {
        world.timeout(N1, Timer::Raft(raft::Timer::Heartbeat));
        world.settle_servers();
    }
    world.settle_until_answered(ANN, first);
    world.settle_until_answered(BOB, second);
    assert_eq!(world.text(N1), "abcd");
    world.assert_held();
}

#[test]
fn a_clerk_that_does_not_reach_the_leader_is_served_through_another() {
    let mut world = world_led_by_n1();
    world.append_now(ANN, "a");
    let call = world.append(ANN, "b");
    // Nothing that Ann says reaches n1, and nothing that n1 says reaches her.
    let is_cut = |from: NodeId, to: NodeId| (from, to) == (ANN, N1) || (from, to) == (N1, ANN);
    for _ in 0..4 {
        world.lose(|envelope| is_cut(envelope.from, envelope.to));
        if world.bag.is_empty() && world.outcome(call).is_none() {
            world.lose_patience(ANN);
            world.lose(|envelope| is_cut(envelope.from, envelope.to));
        }
        world.settle();
    }
    world.assert_done(call);
    assert!(world.marks.contains(marks::RELAYED));
    assert_ne!(
        world.clerk(ANN).target(),
        N1,
        "she stays where she was served"
    );
    let next = world.append(ANN, "c");
    assert!(world.asked().iter().all(|asked| asked.to != N1));
    world.settle();
    world.assert_done(next);
    assert_eq!(world.text(N1), "abc");
    world.assert_held();
}

#[test]
fn a_question_is_passed_on_once() {
    let mut world = world_led_by_n1();
    let call = world.append(ANN, "a");
    let asked = world.only_asked();
    world.bag.clear();
    // n3 is taken for the leader by somebody, and is none.
    world.bag.push_back(Envelope {
        from: N2,
        to: N3,
        message: Message::Relay {
            clerk: ANN,
            call: asked.call,
            operation: replica::Operation::OpenSession,
        },
    });
    world.deliver(0);
    assert_eq!(world.bag.len(), 1);
    let back = &world.bag[0];
    assert_eq!((back.from, back.to), (N3, N2));
    assert!(matches!(
        back.message,
        Message::Relayed {
            outcome: replica::Outcome::NotLeader { hint: Some(N1) },
            ..
        }
    ));
    world.bag.clear();
    world.settle_until_answered(ANN, call);
    world.assert_held();
}
