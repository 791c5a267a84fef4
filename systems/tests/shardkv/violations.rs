//! The service's promises can be broken: each story breaks one by hand.

use std::sync::Arc;

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::process::{Durable as _, Effect};
use snowglobe_systems::raft::{self, LogId, LogIndex, Snapshot, Term};
use snowglobe_systems::replica::{
    Applied, Sequence, Session, SessionId, SessionLimits, StateMachine as _,
};
use snowglobe_systems::shardctrler::{Configuration, GroupId, Number, Partitioner, Shard};
use snowglobe_systems::shardkv::{
    Command, Durable, Group, Holding, Message, Response, ShardSession, ShardState, Transfer, Write,
    marks,
};
use snowglobe_systems::vec_map::VecMap;

use crate::story::{
    ANN, G1, G2, G3, RULER, Tuning, World, appending, is_hand_over, leader, servers, world,
    world_without_leaders,
};
use crate::words::{world_in_the_middle, world_of_g1};

/// Goes to G2 when that joins.
pub(crate) const SHARD: Shard = Shard(5);
/// The configuration with which it does.
pub(crate) const NUMBER: Number = Number(2);

fn broken(world: &World) -> &Violation {
    world.violation.as_ref().expect("a broken promise")
}

/// What a shard has taken.
pub(crate) enum Taken {
    Open,
    /// The number of a write of the first session, and its text.
    Write(u64, &'static str),
}

/// A shard that took these, wherever that was.
pub(crate) fn state(entries: &[Taken]) -> Arc<ShardState> {
    let mut group = Group::default();
    let configuration = Configuration {
        number: Number(1),
        groups: VecMap::from([(G1, servers(G1))]),
        owners: vec![Some(G1); 10],
        partitioner: Partitioner::default(),
    };
    let turn = Command::ApplyConfig {
        group: G1,
        configuration,
    };
    assert_eq!(group.apply(LogIndex(1), &turn), Response::Taken);
    for entry in entries {
        let command = match *entry {
            Taken::Open => Command::Open { shard: SHARD },
            Taken::Write(sequence, text) => Command::Write {
                session: ShardSession {
                    shard: SHARD,
                    session: SessionId(LogIndex(1)),
                },
                sequence: Sequence(sequence),
                change: appending(SHARD, text),
            },
        };
        group.apply(LogIndex(1), &command);
    }
    match &group.holdings()[&SHARD] {
        Holding::Serving(state) => state.clone(),
        other => panic!("{other:?}"),
    }
}

/// G2 waits for the shard, to which "a" was written, and is given another.
pub(crate) fn world_where_g2_is_given(state: &Arc<ShardState>) -> World {
    let mut world = world_in_the_middle();
    world.assert_held();
    install_at_g2(&mut world, state);
    world
}

pub(crate) fn install_at_g2(world: &mut World, state: &Arc<ShardState>) {
    let install = Command::Install {
        shard: SHARD,
        number: NUMBER,
        state: state.clone(),
    };
    world.ask_directly(G2, install);
    world.settle_but(is_hand_over);
    assert!(world.serves(G2, SHARD));
}

#[test]
fn a_shard_that_is_given_as_it_was_is_as_promised() {
    let world = world_where_g2_is_given(&state(&[Taken::Open, Taken::Write(1, "a")]));
    world.assert_held();
}

#[test]
fn a_shard_with_two_owners_is_noticed() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    // G1 does not know yet that it has to part with the shard.
    world.ask_for_next(G2);
    world.settle();
    world.assert_held();
    install_at_g2(&mut world, &state(&[Taken::Open, Taken::Write(1, "a")]));
    assert_eq!(
        broken(&world).to_string(),
        "shard-has-one-owner: expected sh5 to have one owner, found g2 has it, and so has g1 on [n5]"
    );
}

#[test]
fn a_shard_that_lost_what_was_written_is_noticed() {
    for short in [&[][..], &[Taken::Open]] {
        let world = world_where_g2_is_given(&state(short));
        let violation = broken(&world);
        assert_eq!(violation.property, "shard-never-goes-back", "{violation}");
    }
    assert_eq!(
        broken(&world_where_g2_is_given(&Arc::default())).to_string(),
        "shard-never-goes-back: expected sh5 with all 2 entries that it took, \
         found n5 has it with 0 on [n5]"
    );
}

#[test]
fn a_shard_in_which_something_else_was_written_is_noticed() {
    let world = world_where_g2_is_given(&state(&[Taken::Open, Taken::Write(1, "b")]));
    assert_eq!(
        broken(&world).to_string(),
        "shard-has-one-state: expected sh5 to be the same wherever it took 2 entries, \
         found n5 has another on [n5]"
    );
}

#[test]
fn a_write_that_happened_in_another_place_is_noticed() {
    // It has one entry more, so it may have another state; but not another past.
    let more = [Taken::Open, Taken::Open, Taken::Write(1, "a")];
    let world = world_where_g2_is_given(&state(&more));
    assert_eq!(
        broken(&world).to_string(),
        "shard-write-applied-once: expected write #1 of s1 with sh5 as its entry 2, \
         found n5 has #1 as its entry 3 on [n5]"
    );
    let further = [Taken::Open, Taken::Write(1, "a"), Taken::Write(2, "b")];
    world_where_g2_is_given(&state(&further)).assert_held();
}

#[test]
fn a_shard_that_is_forgotten_before_it_has_arrived_is_noticed() {
    let mut world = world_in_the_middle();
    let forget = Command::Forget {
        shard: SHARD,
        number: NUMBER,
    };
    world.ask_directly(G1, forget);
    world.settle_but(is_hand_over);
    assert_eq!(
        broken(&world).to_string(),
        "shard-not-lost: expected sh5 with all 2 entries that it took, at a group, \
         found nobody has it on [n2]"
    );
}

#[test]
fn a_forgotten_shard_of_which_an_old_copy_is_left_is_noticed() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll();
    world.move_silently(SHARD, &[G1]);
    assert_eq!(world.owes(G2), [(SHARD, Number(3))]);
    world.append_and_wait(SHARD, "b");
    world.move_to(SHARD, G2);
    world.ask_for_next(G1);
    world.settle_but(is_hand_over);
    world.assert_held();
    let forget = Command::Forget {
        shard: SHARD,
        number: Number(4),
    };
    world.ask_directly(G1, forget);
    world.settle_but(is_hand_over);
    let violation = broken(&world);
    assert_eq!(violation.property, "shard-not-lost");
    assert_eq!(violation.found, "g2 owes it of v3 with 2");
}

#[test]
fn a_group_that_follows_nobody_is_noticed() {
    let mut world = world_of_g1();
    let made_up = Configuration {
        number: Number(2),
        groups: VecMap::from([(G3, servers(G3))]),
        owners: vec![Some(G3); 10],
        partitioner: Partitioner::default(),
    };
    let turn = Command::ApplyConfig {
        group: G1,
        configuration: made_up.clone(),
    };
    // The controller has not made a second one; then it makes another.
    world.ask_directly(G1, turn.clone());
    world.settle_but(is_hand_over);
    let violation = broken(&world);
    assert_eq!(violation.property, "group-follows-controller");
    assert_eq!(violation.expected, "what a controller ruled as v2");
    assert_eq!(violation.found, format!("g1 follows {made_up:?}"));

    let mut world = world_of_g1();
    world.join(&[G2]);
    world.assert_held();
    world.ask_directly(G1, turn);
    world.settle_but(is_hand_over);
    assert_eq!(broken(&world).property, "group-follows-controller");
}

/// The groups' servers are new, and the controller has made two configurations.
pub(crate) fn world_with_two_configurations() -> (World, [Configuration; 2]) {
    let mut world = world_without_leaders(&Tuning::default());
    world.elect_ruler();
    let mut made = |group| {
        world.join(&[group]);
        world.ruling().clone()
    };
    let made = [made(G1), made(G2)];
    (world, made)
}

/// A group's first server starts from a snapshot of a group after these configurations.
pub(crate) fn plant(world: &mut World, group: GroupId, configurations: &[Configuration]) {
    plant_after(world, (group, 7), &turns(group, configurations));
}

/// A group's first server starts from a snapshot at an index, after these commands.
pub(crate) fn plant_after(world: &mut World, (group, index): (GroupId, u64), commands: &[Command]) {
    let mut machine = Group::default();
    for command in commands {
        let response = machine.apply(LogIndex(1), command);
        let is_taken = matches!(
            response,
            Response::Taken | Response::Opened(_) | Response::Done { again: false, .. }
        );
        assert!(is_taken, "{response:?}");
    }
    let sessions: VecMap<SessionId, Session<Applied<Response>>> = VecMap::new();
    let data =
        postcard::to_allocvec(&(machine, sessions, SessionLimits::default())).expect("encodes");
    let last = LogId::new(LogIndex(index), Term(1));
    let node = leader(group);
    world.crash(node);
    let durable: &mut Durable = world.durable_mut(node);
    let (term, vote) = (Term(1), None);
    durable.apply(&Write::Group(raft::Write::HardState { term, vote }));
    let data = data.into();
    durable.apply(&Write::Group(raft::Write::Snapshot {
        snapshot: Snapshot { last, data },
        base: last,
    }));
    world.restart(node);
}

#[test]
fn a_group_that_leaves_a_configuration_out_is_noticed() {
    let (mut world, made) = world_with_two_configurations();
    plant(&mut world, G3, &made[..1]);
    world.assert_held();
    plant(&mut world, G2, &made);
    assert_eq!(
        broken(&world).to_string(),
        "one-configuration-at-a-time: expected v0 or v1, found v2 on [n5]"
    );
}

#[test]
fn a_group_that_starts_from_what_was_never_ruled_is_noticed() {
    let (mut world, [mut first, _]) = world_with_two_configurations();
    first.owners[0] = None;
    plant(&mut world, G1, &[first]);
    assert_eq!(broken(&world).property, "group-follows-controller");
}

#[test]
fn what_each_group_and_the_controller_promise_is_watched_too() {
    let forgets_vote = |durable: &mut Durable| match durable {
        Durable::Controller(durable) => durable.vote = None,
        Durable::Group(durable) => durable.vote = None,
        Durable::Nothing => panic!("it has voted"),
    };
    for node in [RULER, leader(G1), leader(G3)] {
        let mut world = world();
        world.crash(node);
        forgets_vote(world.durable_mut(node));
        world.restart(node);
        let violation = broken(&world);
        assert_eq!(violation.property, "vote-survives-crash");
        assert_eq!(violation.nodes, [node]);
    }
}

#[test]
fn followers_that_lag_and_groups_that_begin_anew_are_as_promised() {
    let mut world = world_of_g1();
    world.cut(servers(G1)[2]);
    world.cut(servers(G2)[2]);
    world.join(&[G2]);
    world.poll();
    world.append_and_wait(SHARD, "b");
    world.heal();
    for group in [G1, G2] {
        world.heartbeat(group);
        world.heartbeat(group);
        world.restart_group(group);
        world.heartbeat(group);
    }
    world.assert_marked(marks::SHARD_FORGOTTEN);
    assert_eq!(world.get(SHARD), "ab");
    world.assert_held();
}

#[test]
fn a_server_that_says_received_of_what_its_group_awaits_is_noticed() {
    let mut world = world_in_the_middle();
    let id = world.owed_to(G2);
    let received = |id| Effect::Send {
        to: leader(G1),
        message: Message::Shard(Transfer::Received { id }),
    };
    world.act(leader(G2), received(id));
    assert_eq!(
        broken(&world).to_string(),
        "received-is-installed: expected sh5 of v2 to g2 to be in the hands of its new owner, \
         found a server of g2 says that it was received on [n5]"
    );
    // Of another group, whatever it has.
    let mut world = world_in_the_middle();
    world.settle();
    world.act(leader(G2), received(id));
    world.assert_held();
    world.act(leader(G3), received(id));
    assert_eq!(broken(&world).property, "received-is-installed");
}

#[test]
fn a_newest_outgoing_shard_that_is_gone_while_an_older_one_looks_the_same_is_noticed() {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll();
    world.move_silently(SHARD, &[G1]);
    world.move_to(SHARD, G2);
    world.poll_but(is_hand_over);
    // G2 still owes what G1 has handed on, and nothing was written in between.
    assert_eq!(world.owes(G2), [(SHARD, Number(3))]);
    world.assert_held();
    let forget = Command::Forget {
        shard: SHARD,
        number: Number(4),
    };
    world.ask_directly(G1, forget);
    world.settle_but(is_hand_over);
    let violation = broken(&world);
    assert_eq!(violation.property, "shard-not-lost", "{violation}");
    assert_eq!(violation.found, "g2 owes it of v3 with 2");
}

/// Turns to configurations as a server of a group does.
pub(crate) fn turns(group: GroupId, configurations: &[Configuration]) -> Vec<Command> {
    let turn = |configuration: &Configuration| Command::ApplyConfig {
        group,
        configuration: configuration.clone(),
    };
    configurations.iter().map(turn).collect()
}

/// Nobody was ever seen with the shard, so that no count of entries tells that it is gone.
#[test]
fn a_shard_that_somebody_awaits_and_nobody_owes_is_noticed() {
    let (mut world, made) = world_with_two_configurations();
    plant_after(&mut world, (G2, 7), &turns(G2, &made[..1]));
    plant_after(&mut world, (G2, 8), &turns(G2, &made));
    // G1 takes itself for a group that has nothing and owes nothing.
    plant_after(&mut world, (G1, 7), &turns(G3, &made[..1]));
    world.assert_held();
    plant_after(&mut world, (G1, 8), &turns(G3, &made));
    assert_eq!(
        broken(&world).to_string(),
        "awaited-shard-is-owed: expected g1 to keep sh5 of v2 for g2, which awaits it, \
         found g1 is at v2, and does not have it on [n2]"
    );
}

#[test]
fn an_outgoing_shard_that_changes_is_noticed() {
    let (mut world, made) = world_with_two_configurations();
    plant_after(&mut world, (G1, 7), &turns(G1, &made[..1]));
    plant_after(&mut world, (G1, 8), &turns(G1, &made));
    world.assert_held();
    let mut commands = turns(G1, &made);
    commands.insert(1, Command::Open { shard: SHARD });
    plant_after(&mut world, (G1, 9), &commands);
    assert_eq!(
        broken(&world).to_string(),
        "parcel-never-changes: expected sh5 of v2 to be owed with 0, \
         found it is owed with 1 on [n2]"
    );
}

#[test]
fn a_shard_that_is_awaited_once_more_is_noticed() {
    let (mut world, made) = world_with_two_configurations();
    let install = Command::Install {
        shard: SHARD,
        number: NUMBER,
        state: Arc::default(),
    };
    let turns = turns(G2, &made);
    plant_after(&mut world, (G2, 7), &turns[..1]);
    plant_after(
        &mut world,
        (G2, 8),
        &[turns.clone(), vec![install]].concat(),
    );
    world.assert_held();
    plant_after(&mut world, (G2, 9), &turns);
    assert_eq!(
        broken(&world).to_string(),
        "arrived-is-not-awaited: expected sh5 of v2 to have arrived for good, \
         found it is awaited from g1 on [n5]"
    );
}

/// A clerk is again what it was when it knew the first configuration, and writes.
pub(crate) fn world_with_a_clerk_that_goes_back() -> World {
    let mut world = world_of_g1();
    let before = world.node(ANN).clone();
    world.join(&[G2]);
    world.poll();
    world.append_and_wait(SHARD, "b");
    world.assert_held();
    world.replace(ANN, before);
    world.append(SHARD, "c");
    world
}

#[test]
fn a_clerk_that_goes_back_to_an_older_configuration_is_noticed() {
    assert_eq!(
        broken(&world_with_a_clerk_that_goes_back()).to_string(),
        "configuration-never-goes-back: expected v2 or later on n12, found v1 on [n12]"
    );
}
