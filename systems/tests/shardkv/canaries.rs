//! A canary for each promise of the sharded service beyond those of its parts.

use std::sync::Arc;

use snowglobe_systems::invariants::Invariants as _;
use snowglobe_systems::process::Effect;
use snowglobe_systems::raft::LogIndex;
use snowglobe_systems::replica::{Sequence, SessionId};
use snowglobe_systems::shardctrler::{Configuration, GroupId, Number, Partitioner};
use snowglobe_systems::shardkv::{Command, Message, Peer, ShardSession, Transfer};
use snowglobe_systems::vec_map::VecMap;

use crate::canary::{self, Canary, Said};
use crate::story::{G1, G2, G3, World, appending, is_hand_over, leader, servers};
use crate::violations::{
    NUMBER, SHARD, Taken, install_at_g2, plant, plant_after, state, turns, world_where_g2_is_given,
    world_with_a_clerk_that_goes_back, world_with_two_configurations,
};
use crate::words::{world_in_the_middle, world_of_g1};

fn first(world: &World) -> Said {
    world.violation.clone().map_or(Ok(()), Err)
}

/// G2 is given the shard, to which "a" was written, as if it had taken these.
fn given(taken: &[Taken]) -> Said {
    first(&world_where_g2_is_given(&state(taken)))
}

/// A group's leader is asked for a command that no step of its wants.
fn asked(mut world: World, group: GroupId, command: Command) -> Said {
    world.assert_held();
    world.ask_directly(group, command);
    world.settle_but(is_hand_over);
    first(&world)
}

fn forget(number: u64) -> Command {
    Command::Forget {
        shard: SHARD,
        number: Number(number),
    }
}

fn install() -> Command {
    Command::Install {
        shard: SHARD,
        number: NUMBER,
        state: Arc::default(),
    }
}

/// A session that writes once.
fn written(text: &'static str) -> [Command; 2] {
    let session = ShardSession {
        shard: SHARD,
        session: SessionId(LogIndex(1)),
    };
    let write = Command::Write {
        session,
        sequence: Sequence(1),
        change: appending(SHARD, text),
    };
    [Command::Open { shard: SHARD }, write]
}

/// G2 keeps an older copy of the shard than G1, which has handed it on; sometimes one that looks
/// the same.
fn older_copy(written: bool) -> World {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll();
    world.move_silently(SHARD, &[G1]);
    if written {
        world.append_and_wait(SHARD, "b");
    }
    world.move_to(SHARD, G2);
    world.ask_for_next(G1);
    world.settle_but(is_hand_over);
    world
}

fn made_up() -> Configuration {
    Configuration {
        number: Number(2),
        groups: VecMap::from([(G3, servers(G3))]),
        owners: vec![Some(G3); 10],
        partitioner: Partitioner::default(),
    }
}

/// Servers of groups say that the shard was received, which G2 awaits, or has.
fn received(has_come: bool, by: GroupId, for_its_leader: bool) -> Said {
    let mut world = world_in_the_middle();
    let transfer = Transfer::Received {
        id: world.owed_to(G2),
    };
    if has_come {
        world.settle();
    }
    world.assert_held();
    let message = match for_its_leader {
        true => Message::Peer(Peer::Outgoing {
            to: leader(G1),
            transfer,
        }),
        false => Message::Shard(transfer),
    };
    let to = leader(G1);
    world.act(leader(by), Effect::Send { to, message });
    first(&world)
}

const CONFIGURATIONS: &[Canary] = &[
    ("group-follows-controller", "before there is one", || {
        let configuration = made_up();
        asked(
            world_of_g1(),
            G1,
            Command::ApplyConfig {
                group: G1,
                configuration,
            },
        )
    }),
    ("group-follows-controller", "another", || {
        let mut world = world_of_g1();
        world.join(&[G2]);
        let configuration = made_up();
        asked(
            world,
            G1,
            Command::ApplyConfig {
                group: G1,
                configuration,
            },
        )
    }),
    ("group-follows-controller", "at the start of a life", || {
        let (mut world, [mut first_one, _]) = world_with_two_configurations();
        first_one.owners[0] = None;
        plant(&mut world, G1, &[first_one]);
        first(&world)
    }),
    ("one-configuration-at-a-time", "from v0 to v2", || {
        let (mut world, made) = world_with_two_configurations();
        plant(&mut world, G2, &made);
        first(&world)
    }),
    ("configuration-never-goes-back", "a clerk", || {
        first(&world_with_a_clerk_that_goes_back())
    }),
];

const OWNERS: &[Canary] = &[
    ("shard-has-one-owner", "G1 has it still", || {
        let mut world = world_of_g1();
        world.join(&[G2]);
        world.ask_for_next(G2);
        world.settle();
        world.assert_held();
        install_at_g2(&mut world, &state(&[Taken::Open, Taken::Write(1, "a")]));
        first(&world)
    }),
    ("shard-never-goes-back", "nothing is left", || given(&[])),
    ("shard-never-goes-back", "the last entry is missing", || {
        given(&[Taken::Open])
    }),
    ("shard-has-one-state", "another text", || {
        given(&[Taken::Open, Taken::Write(1, "b")])
    }),
    ("shard-has-one-state", "in a parcel", || {
        let (mut world, made) = world_with_two_configurations();
        let turns = turns(G1, &made);
        let then = |text: &'static str, turns: &[Command]| {
            let mut commands = turns.to_vec();
            commands.splice(1..1, written(text));
            commands
        };
        plant_after(&mut world, (G1, 7), &then("a", &turns[..1]));
        world.assert_held();
        plant_after(&mut world, (G1, 8), &then("b", &turns));
        first(&world)
    }),
    (
        "shard-never-goes-back",
        "in a step that has not come to its end",
        || {
            // The follower has applied what it was told, and its disk is at it still.
            let (mut world, mut later) = (world_in_the_middle(), world_in_the_middle());
            install_at_g2(&mut later, &state(&[]));
            later.heartbeat(G2);
            let follower = servers(G2)[1];
            let mut invariants = world.invariants.clone();
            world.replace(follower, later.node(follower).clone());
            invariants.stepped(&world.nodes, follower, &[])?;
            world
                .durable_mut(follower)
                .clone_from(later.durable(follower));
            invariants.executed(&world.nodes, follower, &Effect::Mark("mark"))
        },
    ),
    ("shard-write-applied-once", "as another entry", || {
        given(&[Taken::Open, Taken::Open, Taken::Write(1, "a")])
    }),
    ("shard-not-lost", "deleted before it has arrived", || {
        asked(world_in_the_middle(), G1, forget(NUMBER.0))
    }),
    ("shard-not-lost", "an older copy is left", || {
        asked(older_copy(true), G1, forget(4))
    }),
    (
        "shard-not-lost",
        "an older copy that looks the same",
        || asked(older_copy(false), G1, forget(4)),
    ),
    ("awaited-shard-is-owed", "G1 owes nothing", || {
        let (mut world, made) = world_with_two_configurations();
        plant_after(&mut world, (G2, 7), &turns(G2, &made[..1]));
        plant_after(&mut world, (G2, 8), &turns(G2, &made));
        // G1 takes itself for a group that has nothing.
        plant_after(&mut world, (G1, 7), &turns(G3, &made[..1]));
        world.assert_held();
        plant_after(&mut world, (G1, 8), &turns(G3, &made));
        first(&world)
    }),
    ("parcel-never-changes", "it has taken one more", || {
        let (mut world, made) = world_with_two_configurations();
        plant_after(&mut world, (G1, 7), &turns(G1, &made[..1]));
        plant_after(&mut world, (G1, 8), &turns(G1, &made));
        world.assert_held();
        let mut commands = turns(G1, &made);
        commands.insert(1, Command::Open { shard: SHARD });
        plant_after(&mut world, (G1, 9), &commands);
        first(&world)
    }),
    ("parcel-never-changes", "it was deleted", || {
        let (mut world, made) = world_with_two_configurations();
        let (giving, taking) = (turns(G1, &made), turns(G2, &made));
        plant_after(&mut world, (G1, 7), &giving[..1]);
        plant_after(&mut world, (G1, 8), &giving);
        plant_after(&mut world, (G2, 7), &taking[..1]);
        let installed = [taking, vec![install()]].concat();
        plant_after(&mut world, (G2, 8), &installed);
        let deleted = [giving.clone(), vec![forget(NUMBER.0)]].concat();
        plant_after(&mut world, (G1, 9), &deleted);
        world.assert_held();
        plant_after(&mut world, (G1, 10), &giving);
        first(&world)
    }),
    ("arrived-is-not-awaited", "it was installed", || {
        let (mut world, made) = world_with_two_configurations();
        let turns = turns(G2, &made);
        plant_after(&mut world, (G2, 7), &turns[..1]);
        let installed = [turns.clone(), vec![install()]].concat();
        plant_after(&mut world, (G2, 8), &installed);
        world.assert_held();
        plant_after(&mut world, (G2, 9), &turns);
        first(&world)
    }),
    ("received-is-installed", "it is awaited", || {
        received(false, G2, false)
    }),
    (
        "received-is-installed",
        "it is awaited, says a follower's leader",
        || received(false, G2, true),
    ),
    ("received-is-installed", "by another group", || {
        received(true, G3, false)
    }),
];

#[test]
fn every_promise_has_a_canary() {
    let all = [CONFIGURATIONS, OWNERS].concat();
    canary::check(&["shardkv"], &[], &all);
}

#[test]
fn what_is_right_is_let_through() {
    assert_eq!(given(&[Taken::Open, Taken::Write(1, "a")]), Ok(()));
    assert_eq!(received(true, G2, false), Ok(()));
    assert_eq!(received(true, G2, true), Ok(()));
}
