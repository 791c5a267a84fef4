//! A write happens once, whichever groups it was asked of.

use snowglobe_systems::kv;
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::raft::LogIndex;
use snowglobe_systems::replica::{self, Sequence, SessionId};
use snowglobe_systems::service::{self, Call};
use snowglobe_systems::shardctrler::{Number, Shard};
use snowglobe_systems::shardkv::{
    Command, Group, MOST_SESSIONS, Message, Node, Outcome, Response, ShardSession, Transfer, marks,
};

use crate::cluster::Envelope;
use crate::story::{
    ANN, G1, G2, G3, World, appending, is_hand_over, is_hand_over_of, is_received, is_tell, leader,
    servers,
};
use crate::words::{world_in_the_middle, world_of_g1};

/// It goes to G2 when that joins.
const SHARD: Shard = Shard(9);

/// G1 wrote what the clerk asked for, and the clerk was not told.
fn append_with_a_lost_answer(world: &mut World, text: &str) -> InvocationId {
    let call = world.append(SHARD, text);
    world.settle_but(is_tell);
    assert!(world.bag.iter().any(is_tell), "G1 answered");
    world.lose(is_tell);
    assert!(!world.is_done(call));
    call
}

#[test]
fn a_write_whose_answer_was_lost_is_found_done_at_the_new_owner() {
    let mut world = world_of_g1();
    let call = append_with_a_lost_answer(&mut world, "b");
    world.join(&[G2]);
    world.poll();
    assert!(world.serves(G2, SHARD));
    // The old owner does not remember what it has answered.
    world.restart_group(G1);
    world.finish(call);
    world.assert_written(call);
    world.assert_marked(marks::FOUND_DONE_ELSEWHERE);
    assert_eq!(world.get(SHARD), "ab");
    world.assert_held();
}

#[test]
fn the_old_owner_may_be_gone_for_good() {
    let mut world = world_of_g1();
    let call = append_with_a_lost_answer(&mut world, "b");
    world.join(&[G2]);
    world.poll();
    world.crash_group(G1);
    world.doubt();
    world.settle();
    world.assert_written(call);
    world.assert_marked(marks::FOUND_DONE_ELSEWHERE);
    assert_eq!(world.get(SHARD), "ab");
    world.assert_held();
}

#[test]
fn a_write_that_the_old_owner_never_saw_is_not_called_found() {
    let mut world = world_of_g1();
    let call = world.append(SHARD, "b");
    world.bag.clear();
    world.join(&[G2]);
    world.poll();
    world.finish(call);
    world.assert_written(call);
    world.assert_marked(marks::MOVED_ON);
    assert!(!world.marks.contains(marks::FOUND_DONE));
    assert_eq!(world.get(SHARD), "ab");
    world.assert_held();
}

#[test]
fn a_session_survives_two_moves() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll();
    let (session, last) = world.session(SHARD).expect("it has written");
    assert_eq!(last, Sequence(1));
    world.append_and_wait(SHARD, "b");
    assert!(world.serves(G2, SHARD));
    world.join(&[G3]);
    world.poll();
    world.poll();
    world.append_and_wait(SHARD, "c");
    assert!(world.serves(G3, SHARD));
    assert_eq!(world.session(SHARD), Some((session, Sequence(3))));
    // What G1 and G2 applied is known at G3.
    for (sequence, answer) in [
        (1, Response::Stale),
        (2, Response::Stale),
        (3, done_again()),
    ] {
        world.ask_directly(G3, write(session, sequence));
        assert_eq!(world.told_directly(), answer, "{sequence}");
    }
    assert_eq!(world.get(SHARD), "abc");
    world.assert_held();
}

fn write(session: SessionId, sequence: u64) -> Command {
    let shard = SHARD;
    Command::Write {
        session: ShardSession { shard, session },
        sequence: Sequence(sequence),
        change: appending(SHARD, "x"),
    }
}

fn done_again() -> Response {
    Response::Done {
        response: kv::Response::Done,
        again: true,
    }
}

#[test]
fn one_session_too_many_ends_the_one_that_rested_longest_wherever_it_was_opened() {
    let mut world = world_of_g1();
    let (session, _) = world.session(SHARD).expect("it has written");
    let open_one = |world: &mut World, group| {
        world.ask_directly(group, Command::Open { shard: SHARD });
        let Response::Opened(_) = world.told_directly() else {
            panic!("a session is opened");
        };
    };
    (1..MOST_SESSIONS).for_each(|_| open_one(&mut world, G1));
    world.join(&[G2]);
    world.poll();
    assert!(world.serves(G2, SHARD));
    let sessions = |world: &World| {
        let state = world.group(G2).holdings()[&SHARD].state();
        let sessions = state.expect("it is served").sessions();
        (sessions.len(), sessions.get(session).is_some())
    };
    assert_eq!(sessions(&world), (MOST_SESSIONS, true));
    open_one(&mut world, G2);
    assert_eq!(sessions(&world), (MOST_SESSIONS, false));
    // Nobody knows any more whether its write happened before.
    let call = world.append(SHARD, "b");
    world.finish(call);
    let maybe = Outcome::Keys(kv::Outcome::Indeterminate);
    assert_eq!(world.outcomes[&call], maybe);
    world.assert_marked(service::marks::SESSION_LOST);
    assert_eq!(world.get(SHARD), "a");
    world.append_and_wait(SHARD, "c");
    assert!(world.session(SHARD).expect("a new one").0 > session);
    assert_eq!(world.get(SHARD), "ac");
    world.assert_held();
}

/// The first message of a kind that is on its way.
fn copy_of(world: &World, kind: impl Fn(&Envelope<Node>) -> bool) -> Message {
    let found = world.bag.iter().find(|envelope| kind(envelope));
    found.expect("it is on its way").message.clone()
}

/// What each server of a group makes of its log.
fn machines(world: &World) -> Vec<Group> {
    let nodes = [G1, G2, G3].into_iter().flat_map(servers);
    nodes
        .map(|node| world.server(node).machine().clone())
        .collect()
}

#[test]
fn all_that_comes_twice_has_an_effect_once() {
    let mut world = world_in_the_middle();
    for kind in [is_hand_over, is_received] {
        world.settle_but(kind);
        let places = 0..world.bag.len();
        assert_eq!(places.len(), 5, "one for each shard");
        places.for_each(|place| world.duplicate(place));
    }
    world.settle();
    world.assert_shared();
}

#[test]
fn a_shard_that_comes_late_sets_nobody_back() {
    let mut world = world_in_the_middle();
    let old = copy_of(&world, is_hand_over);
    let Message::Shard(Transfer::HandOver { id, .. }) = old else {
        panic!("{old:?}");
    };
    let shard = id.shard;
    world.settle();
    world.append_and_wait(shard, "b");
    let before = machines(&world);
    for to in servers(G2) {
        world.bring((leader(G1), to), old.clone());
        world.settle();
    }
    assert_eq!(machines(&world), before);
    assert_eq!(world.get(shard), "ab");
    world.assert_held();
}

#[test]
fn a_shard_of_a_past_move_is_not_taken_for_that_of_a_later_one() {
    let mut world = world_in_the_middle();
    let shard = Shard(5);
    let old = copy_of(&world, |envelope| is_hand_over_of(shard, envelope));
    world.settle();
    world.move_to(shard, G1);
    world.poll();
    world.poll();
    world.append_and_wait(shard, "b");
    assert!(world.serves(G1, shard));
    world.move_to(shard, G2);
    world.poll_but(is_hand_over);
    assert!(world.group(G2).holdings()[&shard].is_awaited());
    world.bring((leader(G1), leader(G2)), old);
    world.settle_but(is_hand_over);
    assert!(world.group(G2).holdings()[&shard].is_awaited());
    assert_eq!(world.owes(G1), [(shard, Number(4))]);
    world.settle();
    assert_eq!(world.get(shard), "ab");
    world.assert_handed_over();
    world.assert_held();
}

#[test]
fn what_is_said_of_an_outgoing_shard_that_is_gone_is_said_in_vain() {
    let mut world = world_in_the_middle();
    let id = world.owed_to(G2);
    world.settle();
    let before = machines(&world);
    for transfer in [
        Transfer::Received { id },
        Transfer::Ready { id, attempt: 1 },
        Transfer::NotLeader {
            id,
            hint: Some(servers(G2)[1]),
        },
    ] {
        let way = (servers(G2)[0], leader(G1));
        let node = world.node(way.1).clone();
        world.bring(way, Message::Shard(transfer));
        assert!(world.bag.is_empty(), "{:?}", world.bag);
        assert_eq!(world.node(way.1), &node);
    }
    assert_eq!(machines(&world), before);
}

#[test]
fn followers_take_and_give_nothing() {
    let mut world = world_in_the_middle();
    let id = world.owed_to(G2);
    let before = machines(&world);
    world.lose(is_hand_over);
    for transfer in [
        Transfer::Received { id },
        Transfer::Ready { id, attempt: 1 },
    ] {
        world.bring((leader(G2), servers(G1)[1]), Message::Shard(transfer));
        // It is for the leader to judge.
        let to: Vec<NodeId> = world.bag.drain(..).map(|envelope| envelope.to).collect();
        assert_eq!(to, [leader(G1)]);
    }
    assert_eq!(machines(&world), before);
    world.finish_moves();
    world.assert_shared();
}

/// Answers to the clerk that are on their way.
fn told(world: &World) -> Vec<(NodeId, Call, replica::Outcome<Group>)> {
    let tells = world.bag.iter().filter(|it| it.to == ANN);
    let tells = tells.filter_map(|envelope| match &envelope.message {
        Message::Group(service::Message::Tell { call, outcome, .. }) => {
            Some((envelope.from, *call, outcome.clone()))
        }
        _ => None,
    });
    tells.collect()
}

#[test]
fn an_answer_to_a_call_that_was_given_up_is_late_and_nothing_else() {
    let mut world = world_of_g1();
    let first = world.append(SHARD, "b");
    world.settle_but(is_tell);
    let (from, call, outcome) = told(&world).remove(0);
    world.lose(is_tell);
    world.join(&[G2]);
    world.poll();
    world.doubt();
    world.settle();
    world.assert_written(first);
    let second = world.append(SHARD, "c");
    let node = world.node(ANN).clone();
    let refused = replica::Outcome::Written {
        index: LogIndex(1),
        term: world.server(leader(G1)).raft().term(),
        response: Response::Expired,
    };
    for late in [outcome, refused] {
        let tell = service::Message::Tell {
            call,
            outcome: late,
            relayed: false,
        };
        world.bring((from, ANN), Message::Group(tell));
        assert_eq!(world.node(ANN), &node);
    }
    world.assert_marked(service::marks::ANSWER_IGNORED);
    assert!(!world.is_done(second));
    world.finish(second);
    assert_eq!(world.get(SHARD), "abc");
    world.assert_held();
}

#[test]
fn an_answer_of_a_group_to_an_earlier_question_is_not_taken_for_that_to_a_later_one() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll();
    world.move_to(SHARD, G1);
    world.poll();
    world.poll();
    // Nobody serves the shard: it goes to G2 and back while the clerk asks.
    let call = world.append(SHARD, "b");
    world.settle_but(is_tell);
    let late = told(&world).remove(0);
    world.lose(is_tell);
    world.move_to(SHARD, G2);
    world.poll();
    world.poll();
    world.doubt();
    world.settle_but(is_tell);
    world.lose(is_tell);
    world.move_to(SHARD, G1);
    world.poll();
    world.poll();
    world.doubt();
    world.settle_but(is_tell);
    world.lose(is_tell);
    let node = world.node(ANN).clone();
    let refused = replica::Outcome::NotLeader { hint: None };
    for outcome in [late.2, refused] {
        let tell = service::Message::Tell {
            call: late.1,
            outcome,
            relayed: false,
        };
        world.bring((late.0, ANN), Message::Group(tell));
        assert_eq!(world.node(ANN), &node);
    }
    world.finish(call);
    world.assert_written(call);
    assert_eq!(world.get(SHARD), "ab");
    world.assert_held();
}
