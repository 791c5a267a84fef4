//! One link is cut, one way, or an operator names the wrong servers: who does what a
//! leader cannot, and who learns of it.

use snowglobe_systems::process::NodeId;
use snowglobe_systems::service;
use snowglobe_systems::shardctrler::{GroupId, Number, Shard};
use snowglobe_systems::shardkv::{Config, Message, Node, Timer, Transfer, marks};

use crate::cluster::Envelope;
use crate::story::{G1, G2, G3, RULER, World, is_hand_over, is_within, leader, servers};
use crate::words::{world_in_the_middle, world_of_g1};

/// A group that nobody has started.
const G9: GroupId = GroupId(9);

fn is_from_to(from: NodeId, to: NodeId) -> impl Fn(&Envelope<Node>) -> bool {
    move |envelope| (envelope.from, envelope.to) == (from, to)
}

/// The leaders ask for configurations and offer what they owe, for a while.
fn go_on_losing(world: &mut World, lost: impl Fn(&Envelope<Node>) -> bool) {
    for _ in 0..20 {
        for group in [G1, G2] {
            world.ask_for_next(group);
            world.hand_over_again(group);
            world.settle_losing(&lost);
        }
    }
}

#[test]
fn a_leader_that_cannot_reach_the_controller_lets_another_server_ask() {
    for is_deaf in [false, true] {
        let mut world = world_of_g1();
        let (one, other) = match is_deaf {
            false => (leader(G1), RULER),
            true => (RULER, leader(G1)),
        };
        world.join(&[G2]);
        go_on_losing(&mut world, is_from_to(one, other));
        for mark in [marks::HELP_SOUGHT, marks::HELPED] {
            world.assert_marked(mark);
        }
        assert_eq!(world.group(G1).configuration().number, Number(2));
        world.assert_shared();
    }
}

#[test]
fn a_leader_that_is_told_by_others_asks_for_what_comes_next() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    for to in [G2, G1, G2, G1, G2] {
        world.move_to(Shard(0), to);
    }
    go_on_losing(&mut world, is_from_to(leader(G1), RULER));
    assert_eq!(world.group(G1).configuration(), world.ruling());
    world.assert_handed_over();
    world.assert_held();
}

/// The controller knows a question that it has answered, and answers it as it did. What a
/// server asks for its leader must not look like what it asked before it crashed.
#[test]
fn a_server_that_came_back_tells_its_leader_what_is_new() {
    let mut world = world_of_g1();
    let cut = is_from_to(leader(G1), RULER);
    let (helper, other) = (servers(G1)[1], servers(G1)[2]);
    world.crash(other);
    for _ in 0..40 {
        world.ask_for_next(G1);
        world.settle_losing(&cut);
    }
    world.assert_marked(marks::HELPED);
    let term = world.server(helper).raft().term();
    world.crash(helper);
    world.restart(helper);
    world.join(&[G2]);
    for _ in 0..8 {
        world.ask_for_next(G1);
        world.settle_losing(&cut);
    }
    assert_eq!(world.server(helper).raft().term(), term);
    assert_eq!(world.group(G1).configuration().number, Number(2));
    world.assert_held();
}

#[test]
fn nobody_asks_for_a_leader_whom_the_controller_answers() {
    let mut world = world_of_g1();
    for _ in 0..5 {
        world.poll();
    }
    assert!(!world.marks.contains(marks::HELP_SOUGHT));
}

/// A lost question must not make a group wait longer than a poll, however many were lost.
#[test]
fn a_lost_question_is_asked_again_at_the_pace_of_polls() {
    let world = world_of_g1();
    let config = world.config(leader(G1));
    let Config::Server(server) = config else {
        panic!("{config:?}");
    };
    let patience = Timer::Controller(service::Timer::Patience { slot: 0 });
    let poll = server.poll.clone();
    let mut world = world_of_g1();
    for _ in 0..6 {
        world.ask_for_next(G1);
        world.lose(|_| true);
        assert_eq!(world.delay(leader(G1), patience), poll);
        world.timeout(leader(G1), patience);
        assert!(world.bag.iter().any(|envelope| envelope.to == RULER));
    }
}

#[test]
fn a_shard_reaches_a_leader_that_its_giver_cannot_reach() {
    let mut world = world_in_the_middle();
    let cut = is_from_to(leader(G1), leader(G2));
    world.settle_losing(&cut);
    go_on_losing(&mut world, cut);
    world.assert_marked(marks::PASSED_TO_LEADER);
    world.assert_shared();
}

#[test]
fn an_answer_reaches_a_leader_that_the_receiver_cannot_reach() {
    let mut world = world_in_the_middle();
    let cut = is_from_to(leader(G2), leader(G1));
    world.settle_losing(&cut);
    assert_eq!((world.served_by(G2), world.owes(G1).len()), (5, 5));
    go_on_losing(&mut world, cut);
    world.assert_shared();
}

#[test]
fn a_leader_that_reaches_no_server_of_a_group_lets_another_server_send() {
    for is_deaf in [false, true] {
        let mut world = world_in_the_middle();
        let cut = move |envelope: &Envelope<Node>| {
            let (from, to) = match is_deaf {
                false => (envelope.from, envelope.to),
                true => (envelope.to, envelope.from),
            };
            from == leader(G1) && servers(G2).contains(&to)
        };
        world.settle_losing(cut);
        go_on_losing(&mut world, cut);
        world.assert_marked(marks::SENT_THROUGH_MEMBER);
        world.assert_shared();
    }
}

fn hand_overs(world: &World) -> usize {
    world.bag.iter().filter(|it| is_hand_over(it)).count()
}

#[test]
fn a_shard_that_the_receiver_is_at_is_not_sent_again() {
    let mut world = world_in_the_middle();
    while world.deliver_first(is_hand_over) {}
    // The receiver's followers are slow.
    for _ in 0..5 {
        world.hand_over_again(G1);
        world.settle_but(is_within(G2));
        assert_eq!(hand_overs(&world), 0);
    }
    assert_eq!(world.served_by(G2), 0);
    world.settle();
    world.assert_shared();
}

#[test]
fn a_shard_for_a_silent_group_is_sent_again_less_and_less_often() {
    let mut world = world_in_the_middle();
    world.lose(is_hand_over);
    for again in [1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1] {
        world.hand_over_again(G1);
        assert_eq!(hand_overs(&world), again * 5);
        world.bag.clear();
    }
    world.finish_moves();
    world.assert_shared();
}

#[test]
fn a_shard_that_was_lost_is_sent_once_for_all_offers() {
    let mut world = world_in_the_middle();
    while world.deliver_first(is_hand_over) {}
    world.settle_but(is_within(G2));
    for _ in 0..3 {
        world.hand_over_again(G1);
    }
    world.lose(|envelope| !is_within(G2)(envelope));
    // The receiver's next leader lacks it, whichever offer it got first.
    let id = world.owed_to(G2);
    let mut sent = Vec::new();
    for attempt in [2, 3, 4, 2, 4] {
        let ready = Message::Shard(Transfer::Ready { id, attempt });
        world.bring((servers(G2)[1], leader(G1)), ready);
        sent.push(hand_overs(&world));
    }
    assert_eq!(sent, [1, 1, 1, 1, 1]);
    world.settle();
    world.assert_shared();
}

#[test]
fn a_group_that_joined_with_part_of_its_servers_is_found() {
    for known in 0..3 {
        let mut world = world_of_g1();
        let known = servers(G2)[known];
        world.join_with(G2, vec![known]);
        for _ in 0..4 {
            world.poll();
            world.hand_over_again(G1);
            world.settle();
        }
        world.assert_shared();
    }
}

#[test]
fn a_shard_for_servers_of_another_group_stays_where_it_is() {
    let mut world = world_of_g1();
    world.join_with(G9, servers(G3));
    go_on_losing(&mut world, |_| false);
    world.assert_marked(marks::SHARD_MISDIRECTED);
    assert_eq!(world.owes(G1).len(), 5);
    world.assert_held();
}

#[test]
fn a_shard_for_the_servers_of_its_giver_stays_where_it_is() {
    let mut world = world_of_g1();
    world.leave(&[G1]);
    world.join_with(G9, servers(G1));
    go_on_losing(&mut world, |_| false);
    assert_eq!(world.owes(G1).len(), 10);
    // Whatever reaches the others of its servers by mistake.
    let id = world.owed_to(G9);
    let transfer = Transfer::Offer {
        id,
        attempt: 1,
        relay: true,
    };
    for server in servers(G1) {
        world.bring((leader(G3), server), Message::Shard(transfer.clone()));
        let said = world.bag.drain(..).map(|envelope| envelope.message);
        let group = G1;
        let misdirected = Message::Shard(Transfer::Misdirected { id, group });
        assert_eq!(said.collect::<Vec<_>>(), [misdirected]);
    }
    world.assert_held();
}

#[test]
fn a_group_does_not_claim_what_it_was_never_given() {
    let mut world = world_in_the_middle();
    let mut id = world.owed_to(G2);
    world.settle();
    // The number is of the past, and the shard was never to come with it.
    id.number = Number(1);
    id.shard = Shard(0);
    let (attempt, relay) = (1, false);
    let offer = Transfer::Offer { id, attempt, relay };
    world.bring((leader(G3), leader(G2)), Message::Shard(offer));
    let said = world.bag.pop_front().map(|envelope| envelope.message);
    let group = G2;
    let misdirected = Message::Shard(Transfer::Misdirected { id, group });
    assert_eq!(said, Some(misdirected));
}

/// Whoever owes a shard may wait for one itself, and so not turn to the configuration in
/// which the operator names the right servers.
#[test]
fn servers_that_are_named_too_late_get_what_they_are_owed() {
    for is_cut in [false, true] {
        let mut world = world_of_g1();
        let lost = |envelope: &Envelope<Node>| is_cut && is_from_to(leader(G1), RULER)(envelope);
        world.join_with(G2, servers(G3));
        // The shard is to come back to G1, and to go once more, before it has ever left.
        world.poll();
        world.move_to(Shard(9), G1);
        world.poll();
        world.move_to(Shard(9), G2);
        go_on_losing(&mut world, lost);
        assert_eq!(world.group(G1).configuration().number, Number(3));
        assert_eq!(world.group(G2).configuration().number, Number(2));
        world.join_with(G2, servers(G2));
        go_on_losing(&mut world, lost);
        assert_eq!(world.group(G1).configuration(), world.ruling());
        world.assert_shared();
    }
}
