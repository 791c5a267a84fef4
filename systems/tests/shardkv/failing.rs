//! Leaders, groups and the controller fail in the middle of a move.

use snowglobe_systems::process::NodeId;
use snowglobe_systems::shardctrler::{Number, Shard};
use snowglobe_systems::shardkv::{Message, Timer, Transfer, TransferId, marks};

use crate::story::{G1, G2, G3, RULER, is_hand_over, is_hand_over_of, is_within, leader, servers};
use crate::words::{world_in_the_middle, world_of_g1};

#[test]
fn servers_that_name_each_other_do_not_keep_a_shard_running() {
    let mut world = world_in_the_middle();
    world.lose(is_hand_over);
    let (one, other) = (servers(G2)[0], servers(G2)[1]);
    let id = world.owed_to(G2);
    let mut names = |by: NodeId, hint: NodeId| {
        let hint = Some(hint);
        let transfer = Transfer::NotLeader { id, hint };
        world.bring((by, leader(G1)), Message::Shard(transfer));
        let tried = world
            .bag
            .iter()
            .map(|envelope| envelope.to)
            .collect::<Vec<_>>();
        world.bag.clear();
        tried
    };
    assert_eq!(names(one, other), [other]);
    assert_eq!(names(other, one), [], "once is enough");
    assert_eq!(names(other, one), [], "that one is not asked any more");
    world.hand_over_again(G1);
    world.settle();
    world.assert_shared();
}

#[test]
fn the_next_leader_hands_over_what_the_last_one_could_not() {
    let mut world = world_in_the_middle();
    world.lose(is_hand_over);
    world.crash(leader(G1));
    world.elect(servers(G1)[2]);
    world.settle();
    assert!(!world.marks.contains(marks::HANDED_OVER_AGAIN));
    world.restart(leader(G1));
    world.assert_shared();
}

#[test]
fn a_receiver_that_loses_its_leader_is_handed_the_shard_again() {
    let mut world = world_in_the_middle();
    while world.deliver_first(is_hand_over) {}
    world.lose(is_within(G2));
    world.crash(leader(G2));
    world.elect(servers(G2)[1]);
    assert_eq!(world.served_by(G2), 0, "it went down with the leader");
    // The one that G1 takes for the leader is silent: it goes on to the next.
    for _ in 0..3 {
        world.hand_over_again(G1);
        world.settle();
    }
    world.restart(leader(G2));
    world.assert_shared();
}

#[test]
fn a_leader_that_is_deposed_over_a_shard_does_not_say_that_it_has_it() {
    let mut world = world_in_the_middle();
    while world.deliver_first(is_hand_over) {}
    world.lose(is_within(G2));
    // The next one never heard of the shards, and the old one's entries give way to its own.
    world.elect(servers(G2)[1]);
    world.heartbeat(G2);
    assert_eq!(world.leader_of(G2), Some(servers(G2)[1]));
    assert_eq!((world.owes(G1).len(), world.served_by(G2)), (5, 0));
    world.finish_moves();
    world.assert_shared();
}

#[test]
fn a_leader_that_is_deposed_while_a_shard_is_on_its_way_hands_nothing_over_any_more() {
    let mut world = world_in_the_middle();
    let old = leader(G1);
    world.lose(is_hand_over);
    world.elect(servers(G1)[1]);
    world.heartbeat(G1);
    let armed = world.timers(old);
    assert!(!armed.contains(&Timer::HandOver) && !armed.contains(&Timer::Poll));
    let id = TransferId {
        shard: Shard(5),
        number: Number(2),
        to: G2,
    };
    let ready = Message::Shard(Transfer::Ready { id, attempt: 1 });
    world.bring((leader(G2), old), ready);
    let mut sent = world.bag.iter().filter(|envelope| envelope.from == old);
    assert!(!sent.any(|envelope| matches!(envelope.message, Message::Shard(_))));
    world.settle();
    world.assert_shared();
}

#[test]
fn a_group_that_restarts_in_the_middle_knows_what_it_owes_and_what_it_awaits() {
    for group in [G1, G2] {
        let mut world = world_in_the_middle();
        world.lose(is_hand_over);
        world.restart_group(group);
        world.heartbeat(group);
        world.finish_moves();
        world.assert_shared();
    }
}

/// Whoever is next crashes after so many effects of each step on the way from the
/// hand-over to the last message, and then all of the receiver's servers do.
#[test]
fn a_group_that_crashes_over_a_shard_has_it_once() {
    for steps in 0.. {
        for effects in 0..8 {
            if !crash_over_a_shard(steps, effects) {
                assert!(steps >= 10, "a move takes more than that: {steps}");
                return;
            }
        }
    }
}

/// Whether there was a step for somebody to crash over.
fn crash_over_a_shard(steps: usize, effects: usize) -> bool {
    let mut world = world_in_the_middle();
    world.lose(|envelope| !is_hand_over_of(Shard(5), envelope));
    (0..steps).for_each(|_| world.deliver(0));
    let Some(to) = world.bag.front().map(|envelope| envelope.to) else {
        return false;
    };
    world.crash_next_step_after(effects);
    world.deliver(0);
    world.restart(to);
    world.restart_group(G2);
    world.elect_any(G1);
    world.finish_moves();
    world.assert_shared();
    true
}

#[test]
fn while_the_controller_is_cut_off_moves_end_and_clients_are_served() {
    let mut world = world_in_the_middle();
    let early = world.append(Shard(9), "b");
    world.settle_but(is_hand_over);
    assert_eq!(world.clerk().configuration().number, Number(2));
    world.cut(RULER);
    world.finish(early);
    world.assert_written(early);
    world.settle();
    world.assert_handed_over();
    for shard in [Shard(0), Shard(9)] {
        let call = world.append(shard, "c");
        world.finish(call);
        world.assert_written(call);
    }
    world.poll();
    world.heal();
    // Whoever asked the controller in the meantime asks again.
    world.join(&[G3]);
    world.ask_controller_again();
    for _ in 0..3 {
        world.poll();
    }
    assert_eq!(world.served_by(G3), 3);
    world.assert_held();
}

/// The controller knows a question that it has answered, and answers it as it did. What a
/// server asks must not look like what it asked before it crashed.
#[test]
fn a_leader_that_came_back_is_not_told_what_it_was_told_before() {
    let mut world = world_of_g1();
    for _ in 0..20 {
        world.poll();
    }
    world.restart_group(G1);
    world.join(&[G2]);
    for _ in 0..2 {
        world.poll();
    }
    assert_eq!(world.group(G1).configuration().number, Number(2));
    world.finish_moves();
    world.assert_shared();
}

/// Whoever is next crashes after so many effects of each step on the way from the
/// first question for the configuration on, and the others go on without it.
#[test]
fn what_a_server_said_before_it_crashed_holds() {
    for steps in 0.. {
        for effects in 0..8 {
            if !crash_and_go_on(steps, effects) {
                assert!(steps >= 40, "a change takes more than that: {steps}");
                return;
            }
        }
    }
}

/// Whether there was a step for somebody to crash over.
fn crash_and_go_on(steps: usize, effects: usize) -> bool {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.ask_for_next(G2);
    world.ask_for_next(G1);
    (0..steps).for_each(|_| world.deliver(0));
    let Some(to) = world.bag.front().map(|envelope| envelope.to) else {
        return false;
    };
    world.crash_next_step_after(effects);
    world.deliver(0);
    world.settle();
    world.assert_held();
    world.restart(to);
    if to == RULER {
        world.elect_ruler();
        world.ask_controller_again();
    }
    for group in [G1, G2] {
        world.elect_any(group);
    }
    world.finish_moves();
    world.assert_shared();
    true
}
