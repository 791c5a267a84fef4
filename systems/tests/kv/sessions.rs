//! Sessions of clerks end: by neglect, or to make room.

use snowglobe_systems::kv::Outcome;
use snowglobe_systems::raft;
use snowglobe_systems::replica::{self, Sequence};
use snowglobe_systems::service::{Timer, marks};

use crate::story::{
    ANN, BOB, N1, N2, World, clerk, is_ask, is_raft, is_tell, server, world_led_by_n1, world_of,
};

const IDLE: Timer = Timer::Idle { slot: 0 };

/// There is room for one session.
fn narrow_world() -> World {
    let mut server = server();
    server.max_sessions = 1;
    let mut world = world_of(&server, &clerk());
    world.elect(N1);
    world
}

/// A session ends that three entries in a row do not name.
fn forgetful_world() -> World {
    let mut server = server();
    server.session_idle_entries = Some(3);
    let mut world = world_of(&server, &clerk());
    world.elect(N1);
    world
}

/// Ann's session is gone, and she does not know it.
fn assert_lost_and_found(world: &mut World) {
    let before = world.session(ANN).expect("a session").0;
    assert!(world.sessions(N1).get(before).is_none(), "{before} ended");
    let lost = world.append(ANN, "x");
    world.settle();
    assert_eq!(world.outcome(lost), Some(&Outcome::Indeterminate));
    assert!(world.marks.contains(marks::SESSION_LOST));
    assert!(world.marks.contains(raft::marks::SESSION_EXPIRED));
    assert_eq!(world.session(ANN), None);
    let next = world.append(ANN, "y");
    let open = replica::Operation::OpenSession;
    assert_eq!(world.only_asked().operation, open);
    world.settle();
    world.assert_done(next);
    let (after, number) = world.session(ANN).expect("a session");
    assert!(after > before, "{after} is not {before}");
    assert_eq!(number, Sequence(1));
    assert!(!world.text(N1).contains('x'), "this one did not happen");
    world.assert_held();
}

#[test]
fn a_write_under_an_evicted_session_may_have_happened() {
    let mut world = narrow_world();
    world.append_now(ANN, "a");
    world.append_now(BOB, "b");
    assert!(world.marks.contains(raft::marks::SESSION_EVICTED));
    assert_lost_and_found(&mut world);
    assert_eq!(world.text(N1), "aby");
}

#[test]
fn a_write_under_a_session_that_idled_out_may_have_happened() {
    let mut world = forgetful_world();
    world.append_now(ANN, "a");
    for text in ["b", "c", "d", "e"] {
        world.append_now(BOB, text);
    }
    assert!(world.marks.contains(raft::marks::SESSION_IDLED_OUT));
    assert_lost_and_found(&mut world);
    assert_eq!(world.text(N1), "abcdey");
}

#[test]
fn a_write_that_did_happen_before_its_session_ended_is_not_done_again() {
    let mut world = narrow_world();
    world.append_now(ANN, "a");
    let call = world.append(ANN, "b");
    world.deliver_first(is_ask);
    world.settle_servers();
    world.lose(is_tell);
    world.append_now(BOB, "c");
    world.lose_patience(ANN);
    world.settle();
    assert_eq!(world.outcome(call), Some(&Outcome::Indeterminate));
    assert_eq!(world.text(N1), "abc", "it had happened, and did once");
    world.assert_held();
}

#[test]
fn a_session_in_use_outlives_any_number_of_entries() {
    let mut world = forgetful_world();
    world.append_now(BOB, "b");
    // Two entries of Bob's between any two of Ann's: one less than it takes.
    for _ in 0..10 {
        world.append_now(ANN, "a");
        world.append_now(BOB, "b");
        world.append_now(BOB, "b");
    }
    assert_eq!(world.sessions(N1).len(), 2);
    assert_eq!(world.session(ANN).map(|(_, n)| n), Some(Sequence(10)));
    assert!(!world.marks.contains(marks::SESSION_LOST));
    world.assert_held();
}

#[test]
fn a_session_that_ended_before_its_first_write_is_lost_too() {
    let mut world = narrow_world();
    let call = world.append(ANN, "a");
    world.deliver_first(is_ask);
    world.settle_servers();
    world.deliver_first(is_tell);
    // Bob comes between Ann's session and her write in it.
    world.lose(is_ask);
    world.append_now(BOB, "b");
    world.lose_patience(ANN);
    world.settle();
    assert_eq!(world.outcome(call), Some(&Outcome::Indeterminate));
    world.append_now(ANN, "c");
    assert_eq!(world.text(N1), "bc");
    world.assert_held();
}

#[test]
fn a_leader_that_has_not_applied_all_denies_no_session() {
    let mut world = world_led_by_n1();
    world.append_now(ANN, "a");
    // n2 has Ann's session in its log, and does not know that it is committed.
    assert_eq!(world.text(N2), "");
    world.crash(N1);
    let call = world.append(ANN, "b");
    world.elect(N2);
    world.lose(is_raft);
    world.settle_until_answered(ANN, call);
    world.assert_done(call);
    assert_eq!(world.text(N2), "ab");
    world.assert_held();
}

#[test]
fn an_idle_clerk_lets_its_session_go() {
    let mut world = world_led_by_n1();
    world.append_now(ANN, "a");
    let before = world.session(ANN).expect("a session").0;
    assert!(world.timeout(ANN, IDLE));
    assert_eq!(world.session(ANN), None);
    assert!(world.marks.contains(marks::SESSION_LET_GO));
    assert!(world.bag.is_empty(), "the servers find out by themselves");
    world.append(ANN, "b");
    let open = replica::Operation::OpenSession;
    assert_eq!(world.only_asked().operation, open);
    world.settle();
    assert!(world.session(ANN).expect("a session").0 > before);
    assert_eq!(world.text(N1), "ab");
    world.assert_held();
}

#[test]
fn a_clerk_at_work_lets_no_session_go() {
    let mut world = world_led_by_n1();
    world.append_now(ANN, "a");
    let before = world.session(ANN).expect("a session");
    let call = world.append(ANN, "b");
    world.timeout(ANN, IDLE);
    assert_eq!(world.session(ANN), Some((before.0, Sequence(2))));
    world.settle();
    world.assert_done(call);
    assert!(world.timers(ANN).contains(&IDLE), "its leisure begins anew");
    assert!(!world.marks.contains(marks::SESSION_LET_GO));
}

#[test]
fn reads_do_not_keep_a_session() {
    let mut server = server();
    server.session_idle_entries = Some(3);
    let mut world = world_of(&server, &clerk());
    world.elect(N1);
    world.append_now(ANN, "a");
    for text in ["1", "2", "3", "4", "5"] {
        world.append_now(BOB, text);
        let read = world.get(ANN);
        world.timeout(ANN, IDLE);
        world.settle();
        assert!(world.outcome(read).is_some(), "{read} is answered");
    }
    // Her session has ended on the servers, and she has let it go herself.
    world.append_now(ANN, "b");
    assert_eq!(world.text(N1), "a12345b");
}
