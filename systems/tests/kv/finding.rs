//! A clerk finds the leader.

use std::time::Duration;

use snowglobe_systems::kv::{Operation, Outcome, Store};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::replica;
use snowglobe_systems::service::{Stage, Timer, marks};

use crate::story::{
    ANN, BOB, N1, N2, N3, World, clerk, get, is_ask, is_tell, server, world, world_led_by_n1,
    world_of,
};

fn not_leader(hint: Option<NodeId>) -> replica::Outcome<Store> {
    replica::Outcome::NotLeader { hint }
}

/// Whom a clerk asked, over and over, while nobody was heard.
fn asked_in_silence(world: &mut World, clerk: NodeId, times: usize) -> Vec<NodeId> {
    let asked = (0..times).map(|_| {
        let to = world.only_asked().to;
        world.lose(is_ask);
        world.lose_patience(clerk);
        to
    });
    asked.collect()
}

#[test]
fn a_clerk_follows_a_hint_to_the_leader() {
    let mut world = world_led_by_n1();
    let call = world.append(BOB, "b");
    assert_eq!(world.only_asked().to, N2, "not all clerks start at n1");
    world.deliver_first(is_ask);
    world.deliver_first(is_tell);
    assert!(world.marks.contains(marks::REDIRECTED));
    assert_eq!(world.only_asked().to, N1, "at once");
    assert_eq!(world.clerk(BOB).target(), N1);
    world.settle();
    world.assert_done(call);
    world.append_now(BOB, "c");
    assert_eq!(world.text(N1), "bc");
    world.assert_held();
}

#[test]
fn a_clerk_rests_and_tries_the_next_when_nobody_knows_a_leader() {
    let mut world = world();
    let call = world.append(ANN, "a");
    for (asked, next) in [(N1, N2), (N2, N3), (N3, N1)] {
        assert_eq!(world.only_asked().to, asked);
        world.settle();
        assert!(world.marks.contains(marks::TRIED_NEXT));
        assert_eq!(world.clerk(ANN).target(), next);
        let stages: Vec<_> = world.clerk(ANN).slots().iter().map(|l| l.call()).collect();
        assert_eq!(stages, [Some((call, Stage::Resting))]);
        world.finish_rest(ANN);
    }
    world.elect(N2);
    world.settle();
    world.assert_done(call);
    world.assert_held();
}

#[test]
fn two_servers_that_name_each_other_do_not_keep_a_clerk_running() {
    let mut world = world();
    world.append(ANN, "a");
    let first = world.only_asked();
    world.bag.clear();
    world.forge_tell((N1, ANN), first.call, not_leader(Some(N2)));
    let second = world.only_asked();
    assert_eq!(second.to, N2, "the first hint is followed at once");
    world.bag.clear();
    world.forge_tell((N2, ANN), second.call, not_leader(Some(N1)));
    assert!(world.asked().is_empty(), "the second after a rest");
    world.finish_rest(ANN);
    let third = world.only_asked();
    assert_eq!(third.to, N1);
    world.bag.clear();
    world.forge_tell((N1, ANN), third.call, not_leader(Some(N2)));
    assert_eq!(world.only_asked().to, N2, "one hint after each rest");
}

#[test]
fn a_hint_to_whoever_gives_it_or_to_the_clerk_is_none() {
    for nonsense in [N1, ANN] {
        let mut world = world();
        world.append(ANN, "a");
        let asked = world.only_asked();
        world.bag.clear();
        world.forge_tell((N1, ANN), asked.call, not_leader(Some(nonsense)));
        assert_eq!(world.clerk(ANN).target(), N2, "{nonsense} is no hint");
        assert!(!world.marks.contains(marks::REDIRECTED));
    }
}

#[test]
fn a_silent_server_that_nobody_vouched_for_is_left_at_once() {
    let mut world = world();
    world.append(BOB, "b");
    assert_eq!(asked_in_silence(&mut world, BOB, 4), [N2, N3, N1, N2]);
    assert!(world.marks.contains(marks::GAVE_UP_WAITING));
}

#[test]
fn a_leader_that_falls_silent_is_asked_once_more() {
    let mut world = world_led_by_n1();
    // Nobody named n1: its answer vouches for it. Then all is silence.
    world.append_now(ANN, "a");
    world.append(ANN, "b");
    assert_eq!(asked_in_silence(&mut world, ANN, 4), [N1, N1, N2, N3]);
    assert_eq!(world.clerk(ANN).target(), N1);
}

#[test]
fn a_named_leader_that_is_silent_is_asked_once_more() {
    let mut world = world_led_by_n1();
    let call = world.append(BOB, "b");
    world.deliver_first(is_ask);
    world.deliver_first(is_tell);
    assert_eq!(asked_in_silence(&mut world, BOB, 3), [N1, N1, N2]);
    world.settle_until_answered(BOB, call);
    world.assert_done(call);
    world.assert_held();
}

#[test]
fn patience_doubles_a_few_times_and_no_more() {
    let mut clerk = clerk();
    clerk.doublings = 3;
    let mut world = world_of(&server(), &clerk);
    world.append(ANN, "a");
    let patience = Timer::Patience { slot: 0 };
    for least in [400, 800, 1600, 3200, 3200] {
        assert_eq!(world.timers(ANN).iter().collect::<Vec<_>>(), [&patience]);
        let delay = world.delay(ANN, patience);
        assert_eq!(delay.start, Duration::from_millis(least));
        assert_eq!(delay.end, Duration::from_millis(least / 2 * 3));
        world.lose_patience(ANN);
    }
}

#[test]
fn a_read_needs_no_session() {
    let mut world = world_led_by_n1();
    let call = world.get(ANN);
    let query = get();
    let operation = replica::Operation::Read { query };
    assert_eq!(world.only_asked().operation, operation);
    world.settle();
    assert!(matches!(world.outcome(call), Some(Outcome::Answered(answer)) if answer.0.is_none()));
    assert_eq!(world.session(ANN), None);
    assert!(world.timers(ANN).is_empty(), "there is nothing to let go");
    world.append_now(BOB, "b");
    let call = world.get(ANN);
    world.settle();
    world.assert_read(call, "b");
    assert_eq!(world.open_sessions(N1).len(), 1, "only Bob has one");
    world.assert_held();
}

#[test]
fn a_read_is_asked_again_like_a_write() {
    let mut world = world_led_by_n1();
    world.append_now(BOB, "b");
    let call = world.get(ANN);
    world.lose(is_ask);
    world.lose_patience(ANN);
    world.settle_until_answered(ANN, call);
    world.assert_read(call, "b");
    world.assert_held();
}

#[test]
fn a_clerk_hands_no_leadership_over() {
    let mut world = world_led_by_n1();
    let call = world.invoke(ANN, Operation::TransferLeadership { to: N2 });
    assert_eq!(world.outcome(call), Some(&Outcome::TransferRefused));
    assert!(world.bag.is_empty(), "nobody was asked");
    assert!(world.leads(N1));
}

#[test]
fn a_clerk_can_be_read_in_one_line() {
    let mut world = world();
    assert_eq!(world.node(ANN).to_string(), "clerk of n1");
    let call = world.append(ANN, "a");
    let line = format!("clerk of n1, {call} at n1");
    assert_eq!(world.node(ANN).to_string(), line);
    world.settle();
    let line = format!("clerk of n2, {call} rests");
    assert_eq!(world.node(ANN).to_string(), line);
}

#[test]
fn a_late_answer_vouches_for_the_server_that_gave_it() {
    let mut world = world_led_by_n1();
    world.get(ANN);
    world.deliver_first(is_ask);
    world.settle_servers();
    // While n1's answer is on its way, she has turned to n2.
    world.lose_patience(ANN);
    assert_eq!(world.clerk(ANN).target(), N2);
    world.deliver_first(is_tell);
    assert!(world.marks.contains(marks::LATE_ANSWER_TAKEN));
    world.bag.clear();
    world.get(ANN);
    assert_eq!(asked_in_silence(&mut world, ANN, 3), [N1, N1, N2]);
}

#[test]
fn a_server_that_opened_a_session_is_vouched_for() {
    let mut world = world_led_by_n1();
    world.append(ANN, "a");
    world.deliver_first(is_ask);
    world.settle_servers();
    world.deliver_first(is_tell);
    assert_eq!(asked_in_silence(&mut world, ANN, 3), [N1, N1, N2]);
}
