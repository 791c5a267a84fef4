//! A write that is asked again happens once.

use snowglobe_systems::kv::{Message, Outcome, Response};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::raft;
use snowglobe_systems::replica::{self, Sequence};
use snowglobe_systems::service::{Timer, marks};

use crate::story::{
    ANN, BOB, N1, N2, N3, World, append, clerk, is_ask, is_raft, is_tell, server, world_led_by_n1,
    world_of,
};

/// Ann has a session, and n1 leads.
fn world_with_ann_at_work() -> World {
    let mut world = world_led_by_n1();
    world.append_now(ANN, "a");
    world
}

/// Ann's write is done, and the answer is lost.
fn write_with_a_lost_answer(world: &mut World, text: &str) -> InvocationId {
    let call = world.append(ANN, text);
    assert!(world.deliver_first(is_ask));
    world.settle_servers();
    assert!(world.bag.iter().any(is_tell), "n1 answered");
    world.lose(is_tell);
    assert_eq!(world.outcome(call), None);
    call
}

/// Ann asks again until she is answered; it happened once, on all servers.
fn assert_once(world: &mut World, leader: NodeId, call: InvocationId, text: &str) {
    world.lose_patience(ANN);
    world.settle_until_answered(ANN, call);
    world.assert_done(call);
    world.heartbeat(leader);
    world.heartbeat(leader);
    for server in [N1, N2, N3] {
        if world.is_up(server) {
            assert_eq!(world.text(server), text, "{server}");
        }
    }
    let repeated = raft::marks::SESSION_DUPLICATE_ANSWERED;
    assert!(world.marks.contains(repeated));
    world.assert_held();
}

#[test]
fn every_try_names_the_same_session_and_number() {
    let mut world = world_with_ann_at_work();
    let (session, last) = world.session(ANN).expect("a session");
    assert_eq!(last, Sequence(1));
    let call = world.append(ANN, "b");
    for attempt in 1..=5u8 {
        let asked = world.only_asked();
        assert_eq!(asked.call.invocation, call);
        assert_eq!(asked.call.question, 1);
        let write = replica::Operation::Write {
            session: Some((session, Sequence(2))),
            command: append("b"),
        };
        assert_eq!(asked.operation, write, "try {attempt}");
        world.lose(is_ask);
        world.lose_patience(ANN);
    }
    world.settle_until_answered(ANN, call);
    world.append_now(ANN, "c");
    assert_eq!(world.session(ANN), Some((session, Sequence(3))));
    assert_eq!(world.text(N1), "abc");
    world.assert_held();
}

#[test]
fn a_write_whose_answer_was_lost_happens_once() {
    let mut world = world_with_ann_at_work();
    let call = write_with_a_lost_answer(&mut world, "b");
    assert_once(&mut world, N1, call, "ab");
}

#[test]
fn the_first_write_of_a_session_is_no_exception() {
    let mut world = world_led_by_n1();
    let call = world.append(ANN, "a");
    world.deliver_first(is_ask);
    world.settle_servers();
    world.deliver_first(is_tell);
    assert!(world.session(ANN).is_some(), "the session is open");
    assert!(world.deliver_first(is_ask));
    world.settle_servers();
    world.lose(is_tell);
    assert_once(&mut world, N1, call, "a");
}

#[test]
fn a_new_leader_knows_what_the_old_one_did() {
    let mut world = world_with_ann_at_work();
    let call = write_with_a_lost_answer(&mut world, "b");
    world.crash(N1);
    world.elect(N2);
    assert_once(&mut world, N2, call, "ab");
}

#[test]
fn a_write_that_two_leaders_propose_happens_once() {
    let mut world = world_with_ann_at_work();
    let call = world.append(ANN, "b");
    world.deliver_first(is_ask);
    // n2 and n3 have the entry; n1 never hears of that.
    for server in [N2, N3] {
        assert!(world.deliver_first(|e| is_raft(e) && e.to == server));
    }
    world.crash(N1);
    world.lose(is_raft);
    world.elect(N3);
    assert_once(&mut world, N3, call, "ab");
}

#[test]
fn a_crash_of_all_servers_makes_none_forget() {
    let mut world = world_with_ann_at_work();
    let call = write_with_a_lost_answer(&mut world, "b");
    world.crash_servers();
    world.restart_all();
    world.elect(N3);
    assert_once(&mut world, N3, call, "ab");
}

#[test]
fn what_is_only_in_a_snapshot_is_not_forgotten() {
    let mut server = server();
    server.snapshot_after_bytes = Some(1);
    let mut world = world_of(&server, &clerk());
    world.elect(N1);
    world.append_now(ANN, "a");
    world.cut(N3);
    let call = write_with_a_lost_answer(&mut world, "b");
    assert!(world.replica(N1).raft().log().is_empty(), "all compacted");
    world.heal();
    world.heartbeat(N1);
    world.heartbeat(N1);
    assert!(world.marks.contains(raft::marks::SNAPSHOT_INSTALLED));
    world.crash_servers();
    world.restart_all();
    assert_eq!(world.text(N3), "ab", "out of n1's snapshot");
    world.elect(N3);
    assert_once(&mut world, N3, call, "ab");
}

#[test]
fn a_leader_that_is_deposed_over_a_write_is_not_the_last_to_be_asked() {
    let mut world = world_with_ann_at_work();
    let call = world.append(ANN, "b");
    world.deliver_first(is_ask);
    world.lose(is_raft);
    world.cut(N1);
    world.elect(N2);
    world.heal();
    world.heartbeat(N2);
    world.settle();
    assert_eq!(world.outcome(call), None);
    assert!(world.marks.contains(marks::RETRIED_AFTER_UNKNOWN));
    world.settle_until_answered(ANN, call);
    world.assert_done(call);
    assert_eq!(world.text(N2), "ab");
    world.assert_held();
}

#[test]
fn a_late_answer_to_an_earlier_try_is_taken() {
    let mut world = world_with_ann_at_work();
    let call = world.append(ANN, "b");
    world.deliver_first(is_ask);
    world.settle_servers();
    world.lose_patience(ANN);
    world.lose(is_ask);
    world.lose_patience(ANN);
    let second = world.only_asked();
    assert_ne!(second.to, N1);
    assert_eq!(second.call.question, 1, "the same question");
    assert!(world.deliver_first(is_tell), "the answer to the first");
    world.assert_done(call);
    assert!(world.marks.contains(marks::LATE_ANSWER_TAKEN));
    assert!(world.clerk(ANN).slots()[0].call().is_none());
    let late = world.timers(ANN).iter().copied().collect::<Vec<_>>();
    assert_eq!(late, [Timer::Idle { slot: 0 }], "it waits for no second");
    // The second try is answered too, to nobody.
    world.settle();
    assert!(world.marks.contains(marks::ANSWER_IGNORED));
    assert_eq!(world.text(N1), "ab");
    world.assert_held();
}

#[test]
fn an_answer_to_a_call_that_is_over_is_not_taken_for_the_next() {
    let mut world = world_with_ann_at_work();
    let first = world.append(ANN, "b");
    world.deliver_first(is_ask);
    world.settle_servers();
    let place = world.bag.iter().position(is_tell).expect("an answer");
    world.duplicate(place);
    assert!(world.deliver_first(is_tell));
    world.assert_done(first);
    let second = world.append(ANN, "c");
    assert!(world.deliver_first(is_tell), "the copy");
    assert!(world.marks.contains(marks::ANSWER_IGNORED));
    assert_eq!(world.outcome(second), None);
    world.settle();
    world.assert_done(second);
    assert_eq!(world.text(N1), "abc");
    world.assert_held();
}

#[test]
fn what_turned_an_earlier_try_away_says_nothing_of_this_one() {
    let mut world = world_with_ann_at_work();
    world.append(ANN, "b");
    let first = world.only_asked().call;
    world.lose(is_ask);
    world.lose_patience(ANN);
    let waits = world.node(ANN).clone();
    let hint = Some(N3);
    for late in [
        replica::Outcome::NotLeader { hint },
        replica::Outcome::Unknown,
    ] {
        world.forge_tell((N2, ANN), first, late);
        assert_eq!(world.node(ANN), &waits);
    }
    assert!(world.marks.contains(marks::ANSWER_IGNORED));
}

#[test]
fn each_try_may_open_a_session_and_the_first_answer_counts() {
    let mut world = world_led_by_n1();
    let call = world.append(ANN, "a");
    world.deliver_first(is_ask);
    world.settle_servers();
    // The answer is late: she asks n2, who passes it on to n1.
    world.lose_patience(ANN);
    assert_eq!(world.only_asked().to, N2);
    world.deliver_first(is_ask);
    world.settle_servers();
    let opened = world.open_sessions(N1);
    assert_eq!(opened.len(), 2);
    world.settle();
    world.assert_done(call);
    assert_eq!(world.session(ANN), Some((opened[0], Sequence(1))));
    assert!(world.marks.contains(marks::ANSWER_IGNORED));
    assert_eq!(world.text(N1), "a");
    world.assert_held();
}

#[test]
fn a_clerk_that_restarts_opens_a_new_session() {
    let mut world = world_with_ann_at_work();
    let before = world.session(ANN).expect("a session").0;
    world.crash(ANN);
    world.restart(ANN);
    assert_eq!(world.session(ANN), None, "she keeps nothing on disk");
    let call = world.append(ANN, "b");
    assert_eq!(
        world.only_asked().operation,
        replica::Operation::OpenSession
    );
    world.settle();
    world.assert_done(call);
    let after = world.session(ANN).expect("a session").0;
    assert!(after > before, "{after} {before}");
    world.append_now(BOB, "c");
    assert_eq!(world.text(N1), "abc");
    world.assert_held();
}

#[test]
fn an_answer_meant_for_an_earlier_life_is_not_taken() {
    let mut world = world_with_ann_at_work();
    let lost = world.append(ANN, "b");
    world.deliver_first(is_ask);
    world.settle_servers();
    world.crash(ANN);
    world.restart(ANN);
    let call = world.append(ANN, "c");
    assert_ne!(lost, call);
    let asked = world.only_asked();
    assert_eq!(asked.call.question, 1, "as in the life before");
    assert!(world.deliver_first(is_tell), "the answer to the first life");
    assert!(world.marks.contains(marks::ANSWER_IGNORED));
    assert_eq!(world.only_asked(), asked);
    world.settle();
    world.assert_done(call);
    assert_eq!(world.outcome(lost), None, "nobody is there to be told");
    assert_eq!(world.text(N1), "abc", "it happened all the same");
    world.assert_held();
}

#[test]
fn a_duplicated_question_is_answered_as_the_first_time() {
    let mut world = world_with_ann_at_work();
    let call = world.append(ANN, "b");
    world.duplicate(0);
    let mut told = Vec::new();
    while world.bag.iter().any(is_ask) {
        world.deliver_first(is_ask);
        world.settle_servers();
    }
    for envelope in &world.bag {
        let Message::Tell { outcome, .. } = &envelope.message else {
            panic!("{envelope:?}");
        };
        told.push(outcome.clone());
    }
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], told[1]);
    world.settle();
    let done = Outcome::Written(Response::Done);
    assert_eq!(world.outcome(call), Some(&done));
    assert_eq!(world.text(N1), "ab");
    world.assert_held();
}
