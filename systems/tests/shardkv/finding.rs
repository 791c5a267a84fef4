//! A clerk finds the group of a key, and follows it.

use snowglobe_systems::kv;
use snowglobe_systems::process::{InvocationId, NodeId, Process as _};
use snowglobe_systems::replica;
use snowglobe_systems::service;
use snowglobe_systems::shardctrler::{self, Command, GroupId, Number, Partitioner, Query, Shard};
use snowglobe_systems::shardkv::{Config, Message, Operation, Outcome, Stage, Timer, marks};
use snowglobe_systems::vec_map::VecMap;

use crate::cluster::Cluster;
use crate::story::{
    ANN, G1, G2, G3, OPERATOR, RULER, Tuning, World, appending, is_hand_over, leader, servers,
    world, world_of,
};
use crate::words::world_of_g1;

/// The group that the clerk's only slot waits for.
fn asked(world: &World) -> Option<GroupId> {
    match world.clerk().slots()[0].call()? {
        (_, Stage::Asking { group, .. }) => Some(group),
        (_, Stage::Resting) => None,
    }
}

#[test]
fn a_clerk_that_knows_nothing_asks_the_controller_first() {
    let mut world = world();
    world.join(&[G1]);
    world.poll();
    let call = world.append(Shard(3), "a");
    let to: Vec<NodeId> = world.bag.iter().map(|envelope| envelope.to).collect();
    assert_eq!((asked(&world), to), (None, vec![RULER]));
    world.settle();
    world.assert_marked(marks::CONFIGURATION_LEARNED);
    world.assert_written(call);
    // From now on it knows whom to ask.
    let call = world.append(Shard(4), "a");
    assert_eq!(asked(&world), Some(G1));
    world.settle();
    world.assert_written(call);
    world.assert_held();
}

/// The controller knows a question that it has answered, and answers it as it did. What a
/// clerk asks must not look like what it asked before it crashed.
#[test]
fn a_clerk_that_came_back_is_not_told_what_it_was_told_before() {
    let mut world = world();
    world.append(Shard(3), "a");
    for _ in 0..20 {
        world.settle();
        world.rested();
    }
    world.crash(ANN);
    world.settle();
    world.join(&[G1]);
    world.poll();
    world.restart(ANN);
    let call = world.append(Shard(3), "b");
    world.settle();
    assert_eq!(world.clerk().configuration().number, Number(1));
    world.assert_written(call);
    world.assert_held();
}

#[test]
fn a_clerk_that_is_turned_away_learns_who_owns_the_shard() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll();
    let call = world.append(Shard(9), "b");
    assert_eq!(asked(&world), Some(G1), "it does not know better");
    world.settle();
    world.assert_written(call);
    for mark in [marks::WRONG_GROUP, marks::MOVED_ON] {
        world.assert_marked(mark);
    }
    assert_eq!(world.clerk().configuration().number, Number(2));
    assert_eq!(world.get(Shard(9)), "ab");
    world.assert_held();
}

#[test]
fn a_clerk_that_knows_more_than_the_group_asks_until_that_knows_it_too() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.ask_for_next(G2);
    world.settle();
    world.move_to(Shard(0), G2);
    world.append_and_wait(Shard(9), "b");
    let call = world.append(Shard(0), "b");
    world.settle_but(is_hand_over);
    for _ in 0..3 {
        world.rested();
        world.settle_but(is_hand_over);
    }
    world.finish(call);
    world.assert_written(call);
    assert_eq!(world.get(Shard(0)), "ab");
    world.assert_held();
}

#[test]
fn a_dead_group_is_given_up_when_the_shard_has_moved() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll();
    world.crash_group(G1);
    let call = world.append(Shard(9), "b");
    world.settle();
    for _ in 0..3 {
        world.rested();
        world.settle();
    }
    assert_eq!(asked(&world), Some(G1), "silence says nothing");
    world.doubt();
    world.settle();
    world.assert_marked(marks::GROUP_GIVEN_UP);
    world.assert_written(call);
    let armed = world.timers(ANN).iter();
    let of_g1 = armed.filter(|timer| matches!(timer, Timer::Asking(G1, _)));
    assert_eq!(of_g1.count(), 0, "nothing is left of that");
    assert_eq!(world.get(Shard(9)), "ab");
    world.assert_held();
}

#[test]
fn a_silent_group_that_owns_the_shard_is_not_given_up() {
    let mut world = world_of_g1();
    world.crash_group(G1);
    let call = world.append(Shard(9), "b");
    for _ in 0..3 {
        world.settle();
        world.doubt();
    }
    world.settle();
    assert_eq!(asked(&world), Some(G1));
    assert!(!world.marks.contains(marks::GROUP_GIVEN_UP));
    world.restart_group(G1);
    world.finish(call);
    world.assert_written(call);
    assert_eq!(world.get(Shard(9)), "ab");
    world.assert_held();
}

#[test]
fn a_clerk_waits_while_nobody_owns_the_shard() {
    let mut world = world();
    let call = world.append(Shard(3), "a");
    for _ in 0..3 {
        world.settle();
        world.rested();
    }
    world.settle();
    assert!(!world.is_done(call));
    world.assert_marked(marks::NO_OWNER);
    world.join(&[G3]);
    world.finish(call);
    world.assert_written(call);
    // And again, when all have left.
    world.leave(&[G3]);
    world.poll();
    let call = world.append(Shard(3), "b");
    for _ in 0..3 {
        world.settle();
        world.rested();
    }
    assert!(!world.is_done(call));
    world.join(&[G1]);
    world.finish(call);
    world.assert_written(call);
    assert_eq!(world.get(Shard(3)), "ab");
    world.assert_held();
}

#[test]
fn a_group_that_has_other_servers_is_asked_anew() {
    let mut world = world();
    let [one, other, _] = servers(G1)[..] else {
        panic!("three servers");
    };
    let join = |world: &mut World, server: NodeId| {
        let groups = VecMap::from([(G1, vec![server])]);
        world.command(Command::Join { groups });
        world.ask_for_next(G1);
        world.settle();
    };
    join(&mut world, one);
    world.append_and_wait(Shard(3), "a");
    world.crash(one);
    let call = world.append(Shard(3), "b");
    world.elect(other);
    world.settle();
    world.rested();
    assert_eq!(world.bag[0].to, one, "it knows of no other");
    join(&mut world, other);
    assert!(!world.is_done(call));
    world.doubt();
    world.settle();
    world.assert_marked(marks::GROUP_GIVEN_UP);
    world.assert_written(call);
    assert_eq!(world.get(Shard(3)), "ab");
    world.assert_held();
}

#[test]
fn a_slot_whose_group_is_dead_does_not_hold_up_the_others() {
    let mut world = world_of(&Tuning {
        lanes: 2,
        ..Tuning::default()
    });
    world.join(&[G1, G2]);
    world.poll();
    world.append_and_wait(Shard(9), "a");
    world.append_and_wait(Shard(0), "a");
    world.crash_group(G1);
    let stuck = world.append(Shard(0), "b");
    let others = ["b", "c", "d"].map(|text| world.append(Shard(9), text));
    world.assert_marked(service::marks::WAITED_FOR_LANE);
    for call in others {
        world.finish(call);
        world.assert_written(call);
    }
    assert!(!world.is_done(stuck));
    assert_eq!(world.get(Shard(9)), "abcd");
    world.restart_group(G1);
    world.finish(stuck);
    world.assert_written(stuck);
    assert_eq!(world.get(Shard(0)), "ab");
    world.assert_held();
}

#[test]
fn slots_have_sessions_of_their_own() {
    let mut world = world_of(&Tuning {
        lanes: 3,
        ..Tuning::default()
    });
    world.join(&[G1]);
    world.poll();
    let calls = ["a", "b", "c"].map(|text| world.append(Shard(3), text));
    for call in calls {
        world.finish(call);
        world.assert_written(call);
    }
    let slots = world.clerk().slots().iter();
    let sessions = slots.map(|slot| slot.sessions()[&Shard(3)]);
    let mut ids: Vec<_> = sessions.map(|(id, _)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    let text = world.get(Shard(3));
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    assert_eq!(letters, ['a', 'b', 'c']);
    world.assert_held();
}

#[test]
fn who_asks_the_wrong_node_is_told_so() {
    let mut world = world_of_g1();
    let write = || Operation::Keys(kv::Operation::Write(appending(Shard(3), "b")));
    let transfer = |to| Operation::Keys(kv::Operation::TransferLeadership { to });
    let ruling = || Operation::Controller(shardctrler::Operation::Read(Query::NEWEST));
    let keys = Outcome::Keys;
    let hint = Some(leader(G1));
    let nobody = Outcome::Controller(shardctrler::Outcome::NotHere { hint: None });
    let [first, second, _] = servers(G1)[..] else {
        panic!("three servers");
    };
    for (node, operation, outcome) in [
        (first, write(), keys(kv::Outcome::NotHere { hint })),
        (second, write(), keys(kv::Outcome::NotHere { hint })),
        (second, transfer(first), keys(kv::Outcome::NotHere { hint })),
        (first, transfer(first), keys(kv::Outcome::TransferRefused)),
        (
            first,
            transfer(leader(G2)),
            keys(kv::Outcome::TransferRefused),
        ),
        (first, ruling(), nobody.clone()),
        (ANN, ruling(), nobody),
        (ANN, transfer(first), keys(kv::Outcome::TransferRefused)),
        (RULER, write(), keys(kv::Outcome::NotHere { hint: None })),
        (OPERATOR, write(), keys(kv::Outcome::NotHere { hint: None })),
    ] {
        let call = world.invoke(node, operation.clone());
        assert_eq!(
            world.outcomes.get(&call),
            Some(&outcome),
            "{node} {operation:?}"
        );
    }
    assert_eq!(world.get(Shard(3)), "a");
    world.assert_held();
}

#[test]
fn a_groups_leader_hands_its_leadership_on() {
    let mut world = world_of_g1();
    let [first, second, _] = servers(G1)[..] else {
        panic!("three servers");
    };
    let transfer = kv::Operation::TransferLeadership { to: second };
    let call = world.invoke(first, Operation::Keys(transfer));
    world.settle();
    let started = Outcome::Keys(kv::Outcome::TransferStarted);
    assert_eq!(world.outcomes.get(&call), Some(&started));
    assert_eq!(world.leader_of(G1), Some(second));
    world.join(&[G2]);
    world.poll();
    world.assert_shared();
}

#[test]
fn servers_of_the_controller_keep_no_keys() {
    let config = Config::Controller(service::Config::Server(replica::Config::of(3)));
    let mut world: World = Cluster::new(3, config);
    world.elect_ruler();
    let operation = kv::Operation::Write(appending(Shard(3), "a"));
    let calls: Vec<InvocationId> = (1..4)
        .map(|node| world.invoke(NodeId(node), Operation::Keys(operation.clone())))
        .collect();
    let not_here = Outcome::Keys(kv::Outcome::NotHere { hint: None });
    for call in calls {
        assert_eq!(world.outcomes[&call], not_here);
    }
    world.assert_held();
}

#[test]
fn a_key_has_one_shard_for_ever() {
    let shard = |key: &str, shards| Partitioner::default().shard_of(key, shards);
    // These are on disks: whoever changes them loses what is there.
    let known = ["", "a", "page", "k0"].map(|key| shard(key, 10).expect("one of ten").0);
    assert_eq!(known, [7, 8, 9, 8]);
    assert_eq!(shard("a", 1), Some(Shard(0)));
    assert_eq!(shard("a", 0), None);
    let mut used = [false; 10];
    for number in 0..200 {
        let shard = shard(&format!("key {number}"), 10).expect("one of ten");
        used[usize::from(shard.0)] = true;
    }
    assert_eq!(used, [true; 10], "no shard is left out");
}

/// The world asks, to let faults hit leaders.
#[test]
fn the_controller_and_each_group_have_a_leader_that_the_world_knows() {
    let world = world();
    let names = world.names().into_iter();
    let leaders: Vec<NodeId> = names.filter(|node| world.node(*node).leads()).collect();
    let elected = [G1, G2, G3].map(leader);
    assert_eq!(leaders[0], RULER);
    assert_eq!(leaders[1..], elected);
}

/// No call comes twice, in no life of the clerk: so no question does that is named by a call.
#[test]
fn a_question_to_the_controller_is_named_by_the_call_that_needs_it() {
    let mut world = world();
    let call = world.append(Shard(3), "a");
    for _ in 0..4 {
        let asked = world
            .bag
            .iter()
            .find_map(|envelope| match &envelope.message {
                Message::Controller(service::Message::Ask { call, .. }) => Some(call.invocation),
                _ => None,
            });
        assert_eq!(asked.map(|name| name.0 >> 24), Some(call.0));
        world.settle();
        world.rested();
    }
}

/// A group may have joined with part of its servers, and be led by another.
#[test]
fn a_server_that_no_configuration_lists_answers_too() {
    let mut world = world();
    world.join_with(G1, servers(G1)[1..].to_vec());
    world.poll();
    let first = world.append(Shard(3), "a");
    world.settle();
    world.assert_written(first);
    let second = world.append(Shard(3), "b");
    world.settle();
    world.assert_written(second);
    assert_eq!(world.get(Shard(3)), "ab");
    world.assert_held();
}
