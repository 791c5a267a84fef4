//! Shards move from group to group, and clients are served.

use snowglobe_systems::shardctrler::{Number, Shard};
use snowglobe_systems::shardkv::{Node, marks};
use snowglobe_systems::vec_set::VecSet;

use crate::cluster::Envelope;
use crate::story::{
    ANN, G1, G2, G3, Tuning, is_hand_over, is_received, is_within, leader, servers, world, world_of,
};
use crate::words::{world_in_the_middle, world_of_g1};

#[test]
fn the_first_group_has_all_shards_at_once() {
    let mut world = world();
    world.join(&[G1]);
    world.poll();
    assert_eq!(world.served_by(G1), 10);
    world.append_and_wait(Shard(3), "a");
    assert_eq!(world.get(Shard(3)), "a");
    world.assert_held();
}

#[test]
fn a_group_that_joins_gets_its_share_with_all_that_was_written() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll();
    world.assert_shared();
    world.leave(&[G1]);
    world.join(&[G3]);
    world.leave(&[G2]);
    for _ in 0..4 {
        world.poll();
    }
    assert_eq!(world.served_by(G3), 10);
    world.assert_handed_over();
    for shard in 0..10 {
        assert_eq!(world.get(Shard(shard)), "ab", "{shard}");
    }
    world.assert_held();
}

#[test]
fn when_all_groups_leave_the_last_owner_keeps_the_shards_for_the_next() {
    let mut world = world();
    world.join(&[G1]);
    world.append_and_wait(Shard(0), "a");
    world.leave(&[G1]);
    world.poll();
    assert_eq!(world.served_by(G1), 0);
    world.join(&[G2]);
    for _ in 0..4 {
        world.poll();
    }
    assert_eq!(world.served_by(G2), 10);
    assert_eq!(world.get(Shard(0)), "a");
    world.assert_held();
}

#[test]
fn shards_that_stay_are_served_while_others_move() {
    let mut world = world_in_the_middle();
    for shard in (0..5).map(Shard) {
        let call = world.append(shard, "b");
        world.finish_but(call, is_hand_over);
        world.assert_written(call);
    }
    // The new owner serves what it has while it waits for more.
    world.settle();
    world.move_to(Shard(0), G2);
    world.poll_but(is_hand_over);
    assert!(world.group(G2).awaits_any());
    assert!(!world.marks.contains(marks::SERVED_WHILE_AWAITING));
    let call = world.append(Shard(9), "b");
    world.finish_but(call, is_hand_over);
    world.assert_written(call);
    world.assert_marked(marks::SERVED_WHILE_AWAITING);
    world.assert_held();
}

#[test]
fn a_shard_that_has_arrived_is_served_while_others_have_not() {
    let mut world = world_in_the_middle();
    world.deliver_first(is_hand_over);
    world.settle_but(is_hand_over);
    let (here, away): (Vec<u16>, Vec<u16>) =
        (5..10).partition(|shard| world.serves(G2, Shard(*shard)));
    assert_eq!((here.len(), away.len()), (1, 4));
    let call = world.append(Shard(here[0]), "b");
    world.finish_but(call, is_hand_over);
    world.assert_written(call);
    world.assert_marked(marks::SERVED_WHILE_AWAITING);
    let call = world.append(Shard(away[0]), "b");
    for _ in 0..3 {
        world.settle_but(is_hand_over);
        world.rested();
    }
    assert!(!world.is_done(call), "it has not arrived");
    world.assert_marked(marks::NOT_YET);
    world.finish(call);
    world.assert_written(call);
    assert_eq!(world.get(Shard(away[0])), "ab");
    world.assert_held();
}

/// Whoever waits for a shard asks for it again and again, and each time the group must
/// agree that it is not there yet.
#[test]
fn clients_that_wait_for_a_shard_do_not_keep_it_from_arriving() {
    let mut world = world_of(&Tuning {
        max_pending_entries: 1,
        ..Tuning::default()
    });
    world.join(&[G1]);
    world.poll();
    world.append_and_wait(Shard(9), "a");
    world.join(&[G2]);
    world.poll_but(is_hand_over);
    let call = world.append(Shard(9), "b");
    let is_slow = |envelope: &Envelope<Node>| is_within(G2)(envelope) || is_hand_over(envelope);
    for _ in 0..20 {
        world.settle_but(is_hand_over);
        world.rested();
        // G2 has as much under way as it may when the shard comes.
        world.settle_but(is_slow);
        world.hand_over_again(G1);
        world.settle_but(is_within(G2));
    }
    world.settle();
    world.assert_marked(marks::NOT_YET);
    assert_eq!(world.served_by(G2), 5);
    world.finish(call);
    world.assert_written(call);
    assert_eq!(world.get(Shard(9)), "ab");
    world.assert_held();
}

#[test]
fn after_a_move_nobody_but_the_owner_has_the_shard() {
    let mut world = world_in_the_middle();
    world.settle();
    for group in [G1, G2, G3] {
        world.heartbeat(group);
    }
    for (group, owned) in [(G1, 0..5), (G2, 5..10), (G3, 0..0)] {
        let owned: VecSet<Shard> = owned.map(Shard).collect();
        for node in servers(group) {
            let machine = world.server(node).machine();
            assert!(machine.outgoing().is_empty(), "{node}");
            let held: VecSet<Shard> = machine.holdings().keys().copied().collect();
            assert_eq!(held, owned, "{node}");
        }
    }
    world.assert_marked(marks::SHARD_FORGOTTEN);
    world.assert_held();
}

#[test]
fn nothing_is_forgotten_before_a_majority_of_the_receiver_has_it() {
    let mut world = world_in_the_middle();
    while world.deliver_first(is_hand_over) {}
    // G2's leader has the shards on its own disk, and its followers never hear of them.
    world.lose(is_within(G2));
    world.settle();
    assert_eq!(world.served_by(G2), 0);
    assert_eq!(world.owes(G1).len(), 5);
    world.hand_over_again(G1);
    while world.deliver_first(is_hand_over) {}
    assert!(
        !world.bag.iter().any(is_received),
        "not even when asked again"
    );
    world.heartbeat(G2);
    assert_eq!(world.served_by(G2), 5);
    world.assert_shared();
}

#[test]
fn what_nobody_acknowledged_is_owed_and_handed_over_again() {
    let mut world = world_in_the_middle();
    world.settle_but(is_received);
    assert_eq!(world.served_by(G2), 5);
    world.lose(is_received);
    assert_eq!(world.owes(G1).len(), 5);
    world.hand_over_again(G1);
    world.settle();
    world.assert_marked(marks::HANDED_OVER_AGAIN);
    world.assert_marked(marks::SHARD_AGAIN);
    world.assert_shared();
}

#[test]
fn a_shard_that_comes_early_is_called_back() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    // G1 alone knows that G2 has joined.
    world.ask_for_next(G1);
    world.settle();
    world.assert_marked(marks::SHARD_EARLY);
    assert!(!world.marks.contains(marks::HANDED_OVER_AGAIN));
    world.assert_shared();
}

#[test]
fn a_follower_that_is_handed_a_shard_names_its_leader() {
    let mut world = world_of_g1();
    let other = servers(G2)[1];
    world.elect(other);
    world.heartbeat(G2);
    world.join(&[G2]);
    world.poll_but(is_hand_over);
    assert!(world.bag.iter().all(|envelope| envelope.to == leader(G2)));
    world.settle();
    world.assert_marked(marks::SHARD_AT_FOLLOWER);
    assert!(!world.marks.contains(marks::HANDED_OVER_AGAIN));
    assert_eq!(world.leader_of(G2), Some(other));
    world.assert_shared();
}

#[test]
fn a_group_that_left_hands_over() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll();
    world.leave(&[G2]);
    world.poll_but(is_hand_over);
    world.lose(is_hand_over);
    assert!(!world.group(G2).configuration().groups.contains_key(&G2));
    assert_eq!(world.owes(G2).len(), 5);
    world.hand_over_again(G2);
    world.settle();
    world.assert_marked(marks::HANDED_OVER_AFTER_LEAVING);
    assert_eq!(world.served_by(G1), 10);
    world.assert_handed_over();
    assert_eq!(world.get(Shard(9)), "a");
    world.assert_held();
}

#[test]
fn a_shard_is_not_taken_away_before_it_has_arrived() {
    let mut world = world_of_g1();
    world.join(&[G2, G3]);
    world.poll_but(is_hand_over);
    assert!(world.group(G2).holdings()[&Shard(4)].is_awaited());
    world.move_to(Shard(4), G3);
    world.poll_but(is_hand_over);
    world.assert_marked(marks::TURN_HELD_BACK);
    let numbers = [G1, G2, G3].map(|group| world.group(group).configuration().number);
    assert_eq!(numbers, [Number(3), Number(2), Number(3)]);
    world.settle();
    world.finish_moves();
    assert!(world.serves(G3, Shard(4)));
    assert_eq!(world.get(Shard(4)), "a");
    world.assert_held();
}

#[test]
fn a_shard_that_comes_back_before_the_first_outgoing_shard_is_gone_is_owed_twice() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll();
    world.move_silently(Shard(5), &[G1, G2, G1]);
    world.assert_marked(marks::SHARD_LEFT_TWICE);
    let owed = world.owes(G2);
    assert_eq!(owed, [(Shard(5), Number(3)), (Shard(5), Number(5))]);
    assert!(world.serves(G1, Shard(5)));
    world.finish_moves();
    assert_eq!(world.get(Shard(5)), "a");
    world.assert_held();
}

/// Two entries of G1's log come one after the other, and neither is committed
/// before both are there.
#[test]
fn the_log_decides_whether_a_write_comes_before_a_move() {
    for is_written_first in [true, false] {
        let mut world = world_of_g1();
        world.join(&[G2]);
        let mut calls = Vec::new();
        for is_write in [is_written_first, !is_written_first] {
            match is_write {
                true => calls.push(world.append(Shard(9), "b")),
                false => world.ask_for_next(G1),
            }
            world.settle_but(is_within(G1));
        }
        assert!(!world.is_done(calls[0]));
        assert_eq!(world.owes(G1), []);
        world.finish(calls[0]);
        world.assert_written(calls[0]);
        let was_refused = world.marks.contains(marks::WRONG_GROUP);
        assert_eq!(was_refused, !is_written_first);
        world.poll();
        assert!(world.serves(G2, Shard(9)));
        assert_eq!(world.get(Shard(9)), "ab");
        world.assert_held();
    }
}

#[test]
fn servers_and_clerks_show_what_they_wait_for() {
    let mut world = world_in_the_middle();
    world.append(Shard(9), "b");
    assert!(world.node(ANN).to_string().ends_with(" at g1"));
    world.settle_but(is_hand_over);
    assert!(world.node(ANN).to_string().ends_with(" rests"));
    let shown = |group| world.node(leader(group)).to_string();
    assert!(shown(G1).starts_with("g1 "), "{}", shown(G1));
    assert!(
        shown(G1).ends_with(", owes sh9 of v2 to g2"),
        "{}",
        shown(G1)
    );
    assert!(shown(G2).ends_with(" v2, awaits sh5, awaits sh6, awaits sh7, awaits sh8, awaits sh9"));
    assert!(shown(G3).ends_with(" v2"), "{}", shown(G3));
}

#[test]
fn who_missed_many_configurations_learns_them_all_with_one_question() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    for to in [G2, G1, G2] {
        world.move_to(Shard(0), to);
    }
    world.ask_for_next(G3);
    world.settle();
    assert_eq!(world.group(G3).configuration().number, Number(5));
    assert_eq!(world.group(G3).configuration(), world.ruling());
    world.assert_held();
}
