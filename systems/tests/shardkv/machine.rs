//! What a group agrees on, without servers and messages.

use std::sync::Arc;

use snowglobe_systems::kv::{self, Get};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::LogIndex;
use snowglobe_systems::replica::{Sequence, SessionId, StateMachine as _};
use snowglobe_systems::shardctrler::{Configuration, GroupId, Number, Partitioner, Shard};
use snowglobe_systems::shardkv::{
    Answer, Arrival, Command, Group, Holding, Response, ShardSession, ShardState,
};

use crate::story::{G1, G2, G3, appending, key_in, servers};

/// All stories are about this one; there are ten, as `key_in` has it.
const SHARD: Shard = Shard(3);

/// A configuration in which a group owns the shard, and G3 all others; 0 is nobody.
fn owned_by(number: u64, owner: u32) -> Configuration {
    let owner = (owner > 0).then_some(GroupId(owner));
    let groups = owner.map(|_| [G1, G2, G3].map(|group| (group, servers(group))));
    let mut owners = vec![owner.map(|_| G3); 10];
    owners[usize::from(SHARD.0)] = owner;
    Configuration {
        partitioner: Partitioner::default(),
        number: Number(number),
        groups: groups.into_iter().flatten().collect(),
        owners,
    }
}

/// G1, after these configurations were its turn. Whatever it awaits does not arrive.
fn after(owners: &[u32]) -> Group {
    let mut group = Group::default();
    for (owner, number) in owners.iter().zip(1..) {
        assert_eq!(turn(&mut group, &owned_by(number, *owner)), Response::Taken);
    }
    group
}

fn apply(group: &mut Group, command: &Command) -> Response {
    group.apply(LogIndex(1), command)
}

fn turn(machine: &mut Group, configuration: &Configuration) -> Response {
    let (group, configuration) = (G1, configuration.clone());
    apply(
        machine,
        &Command::ApplyConfig {
            group,
            configuration,
        },
    )
}

fn open(group: &mut Group) -> Response {
    apply(group, &Command::Open { shard: SHARD })
}

/// The first session of a shard that was opened before anything was written.
fn write(group: &mut Group, sequence: u64, text: &str) -> Response {
    apply(
        group,
        &Command::Write {
            session: SESSION,
            sequence: Sequence(sequence),
            change: appending(SHARD, text),
        },
    )
}

fn install(group: &mut Group, number: u64, state: &Arc<ShardState>) -> Response {
    apply(
        group,
        &Command::Install {
            shard: SHARD,
            number: Number(number),
            state: state.clone(),
        },
    )
}

fn forget(group: &mut Group, number: u64) -> Response {
    let number = Number(number);
    apply(
        group,
        &Command::Forget {
            shard: SHARD,
            number,
        },
    )
}

fn get(group: &Group) -> Answer {
    group.query(&Get { key: key_in(SHARD) })
}

fn got(text: &str) -> Answer {
    Answer::Got(kv::Answer(Some(text.into())))
}

const DONE: Response = Response::Done {
    response: kv::Response::Done,
    again: false,
};
const DONE_BEFORE: Response = Response::Done {
    response: kv::Response::Done,
    again: true,
};
const FIRST_SESSION: Response = Response::Opened(SESSION);
const SESSION: ShardSession = ShardSession {
    shard: SHARD,
    session: SessionId(LogIndex(1)),
};

/// A shard that somebody wrote "a" to, under its first session.
fn state() -> Arc<ShardState> {
    let mut group = after(&[1]);
    assert_eq!(open(&mut group), FIRST_SESSION);
    assert_eq!(write(&mut group, 1, "a"), DONE);
    match &group.holdings()[&SHARD] {
        Holding::Serving(state) => state.clone(),
        other => panic!("{other:?}"),
    }
}

/// What the configurations did, and how the shard stands with G1 then.
const NOTHING: &[u32] = &[];
const NEVER_OURS: &[u32] = &[2];
const SERVED: &[u32] = &[1];
const AWAITED: &[u32] = &[2, 1];
const KEPT: &[u32] = &[1, 0];
const GONE: &[u32] = &[1, 2];
/// G1 does not know that it was first, and that it is gone again.
const PASSED_BY: &[u32] = &[2, 3];

#[test]
fn clients_are_served_where_the_shard_is_and_nowhere_else() {
    use Response::{NotOurs, NotYet};
    let got_nothing = Answer::Got(kv::Answer(None));
    for (owners, opened, written, read) in [
        (NOTHING, NotOurs, NotOurs, Answer::NotOurs),
        (NEVER_OURS, NotOurs, NotOurs, Answer::NotOurs),
        (SERVED, FIRST_SESSION, DONE, got_nothing),
        (AWAITED, NotYet, NotYet, Answer::NotYet),
        (KEPT, NotOurs, NotOurs, Answer::NotOurs),
        (GONE, NotOurs, NotOurs, Answer::NotOurs),
        (PASSED_BY, NotOurs, NotOurs, Answer::NotOurs),
    ] {
        let mut group = after(owners);
        let before = group.clone();
        assert_eq!(get(&group), read, "{owners:?}");
        assert_eq!(open(&mut group), opened, "{owners:?}");
        assert_eq!(write(&mut group, 1, "a"), written, "{owners:?}");
        let is_served = opened == FIRST_SESSION;
        assert_eq!(group != before, is_served, "{owners:?}");
    }
}

#[test]
fn a_write_says_whether_it_is_new() {
    let mut group = after(SERVED);
    assert_eq!(write(&mut group, 1, "a"), Response::Expired, "no session");
    let mut group = after(SERVED);
    assert_eq!(open(&mut group), FIRST_SESSION);
    for (sequence, answer, text) in [
        (1, DONE, "a"),
        (1, DONE_BEFORE, "a"),
        (3, DONE, "aa"),
        (2, Response::Stale, "aa"),
        (3, DONE_BEFORE, "aa"),
    ] {
        assert_eq!(write(&mut group, sequence, "a"), answer, "{sequence}");
        assert_eq!(get(&group), got(text), "{sequence}");
    }
}

#[test]
fn a_shard_takes_no_notice_of_what_is_done_to_others() {
    let other = Shard(4);
    let mut both = owned_by(1, 1);
    both.owners[usize::from(other.0)] = Some(G1);
    let mut group = Group::default();
    assert_eq!(turn(&mut group, &both), Response::Taken);
    assert_eq!(open(&mut group), FIRST_SESSION);
    let session = ShardSession {
        shard: other,
        ..SESSION
    };
    assert_eq!(
        apply(&mut group, &Command::Open { shard: other }),
        Response::Opened(session)
    );
    // A clerk that takes the key for one of the other shard has a session of the same
    // number there: what it writes is neither done, nor taken for what was done.
    let misled = Command::Write {
        session,
        sequence: Sequence(1),
        change: appending(SHARD, "x"),
    };
    assert_eq!(apply(&mut group, &misled), Response::WrongShard);
    assert_eq!(write(&mut group, 1, "a"), DONE);
    let states = [SHARD, other].map(|shard| group.holdings()[&shard].state());
    let indices = states.map(|state| state.expect("it is served").index());
    assert_eq!(indices, [LogIndex(2), LogIndex(1)]);
    assert_eq!(apply(&mut group, &misled), Response::WrongShard);
    assert_eq!(get(&group), got("a"));
}

#[test]
fn only_the_next_configuration_is_taken() {
    for (number, answer) in [
        (0, Response::OutOfPlace),
        (1, Response::OutOfPlace),
        (2, Response::Taken),
        (3, Response::OutOfPlace),
        (4, Response::OutOfPlace),
    ] {
        let mut group = after(SERVED);
        let before = group.clone();
        let next = owned_by(number, 2);
        assert_eq!(turn(&mut group, &next), answer, "{number}");
        assert_eq!(group != before, answer == Response::Taken, "{number}");
    }
}

#[test]
fn nothing_is_taken_away_that_has_not_arrived() {
    for owner in [0, 2, 3] {
        let mut group = after(AWAITED);
        let next = owned_by(3, owner);
        assert_eq!(turn(&mut group, &next), Response::OutOfPlace, "{owner}");
        assert_eq!(group, after(AWAITED), "{owner}");
        assert_eq!(install(&mut group, 2, &state()), Response::Taken);
        assert_eq!(turn(&mut group, &next), Response::Taken, "{owner}");
    }
}

#[test]
fn what_is_awaited_is_awaited_however_many_configurations_pass() {
    let mut group = after(AWAITED);
    let since = |group: &Group| match &group.holdings()[&SHARD] {
        Holding::Awaited { from, since } => (*from, *since),
        other => panic!("{other:?}"),
    };
    for number in 3..6 {
        assert_eq!(turn(&mut group, &owned_by(number, 1)), Response::Taken);
        assert_eq!(since(&group), (G2, Number(2)));
    }
    assert_eq!(install(&mut group, 5, &state()), Response::OutOfPlace);
    assert_eq!(install(&mut group, 2, &state()), Response::Taken);
    assert_eq!(get(&group), got("a"));
}

#[test]
fn a_shard_is_installed_once_and_at_its_number() {
    let mut group = after(AWAITED);
    for (number, arrival, answer) in [
        (1, Arrival::NotMeant, Response::OutOfPlace),
        (3, Arrival::Early, Response::OutOfPlace),
        (2, Arrival::Awaited, Response::Taken),
        (2, Arrival::Installed, Response::OutOfPlace),
    ] {
        assert_eq!(group.arrival(SHARD, Number(number)), arrival, "{number}");
        assert_eq!(install(&mut group, number, &state()), answer, "{number}");
    }
    // It goes on from where it was; a copy that is late does not set it back.
    assert_eq!(write(&mut group, 1, "a"), DONE_BEFORE);
    assert_eq!(write(&mut group, 2, "b"), DONE);
    assert_eq!(install(&mut group, 2, &state()), Response::OutOfPlace);
    assert_eq!(get(&group), got("ab"));
}

#[test]
fn nobody_is_made_to_take_what_he_does_not_wait_for() {
    for owners in [NOTHING, NEVER_OURS, SERVED, KEPT, GONE, PASSED_BY] {
        for number in 0..4 {
            let mut group = after(owners);
            let answer = install(&mut group, number, &state());
            assert_eq!(answer, Response::OutOfPlace, "{owners:?} {number}");
            assert_eq!(group, after(owners), "{owners:?} {number}");
        }
    }
}

/// G1 had the shard as `state` says, and then it was the turn of these configurations.
fn after_with_state(owners: &[u32]) -> Group {
    let mut group = after(SERVED);
    assert_eq!(open(&mut group), FIRST_SESSION);
    assert_eq!(write(&mut group, 1, "a"), DONE);
    for (owner, number) in owners.iter().zip(2..) {
        assert_eq!(turn(&mut group, &owned_by(number, *owner)), Response::Taken);
    }
    group
}

fn owed(group: &Group) -> Vec<(u64, GroupId)> {
    let owed = group.outgoing().iter();
    let of_shard = owed.filter(|((shard, _), _)| *shard == SHARD);
    of_shard
        .map(|((_, number), owed)| (number.0, owed.to))
        .collect()
}

#[test]
fn what_was_taken_away_is_owed_as_it_was_until_it_is_forgotten() {
    let mut group = after_with_state(&[2]);
    assert_eq!(owed(&group), [(2, G2)]);
    assert_eq!(group.outgoing()[&(SHARD, Number(2))].state, state());
    assert_eq!(forget(&mut group, 1), Response::OutOfPlace);
    assert_eq!(forget(&mut group, 3), Response::OutOfPlace);
    assert_eq!(owed(&group), [(2, G2)]);
    assert_eq!(forget(&mut group, 2), Response::Taken);
    assert_eq!(owed(&group), []);
    let before = group.clone();
    assert_eq!(forget(&mut group, 2), Response::OutOfPlace);
    assert_eq!(group, before);
}

#[test]
fn a_shard_may_come_back_and_leave_again_before_the_first_outgoing_shard_is_gone() {
    let mut group = after_with_state(&[2, 1]);
    assert_eq!(
        get(&group),
        Answer::NotYet,
        "what it owes is not what it has"
    );
    assert_eq!(owed(&group), [(2, G2)]);
    assert_eq!(install(&mut group, 3, &state()), Response::Taken);
    assert_eq!(write(&mut group, 2, "b"), DONE);
    assert_eq!(turn(&mut group, &owned_by(4, 3)), Response::Taken);
    assert_eq!(owed(&group), [(2, G2), (4, G3)]);
    let index = |number| group.outgoing()[&(SHARD, Number(number))].state.index();
    assert_eq!((index(2), index(4)), (LogIndex(2), LogIndex(3)));
    assert_eq!(forget(&mut group, 2), Response::Taken);
    assert_eq!(owed(&group), [(4, G3)]);
}

#[test]
fn an_outgoing_shard_goes_to_where_its_group_is_now_and_to_where_it_was_when_it_has_left() {
    let mut group = after_with_state(&[2]);
    let to = |group: &Group| group.outgoing()[&(SHARD, Number(2))].servers.clone();
    assert_eq!(to(&group), servers(G2));
    let mut elsewhere = owned_by(3, 3);
    elsewhere.groups.insert(G2, vec![NodeId(9)]);
    assert_eq!(turn(&mut group, &elsewhere), Response::Taken);
    assert_eq!(to(&group), [NodeId(9)]);
    let mut without = owned_by(4, 3);
    without.groups.remove(&G2);
    assert_eq!(turn(&mut group, &without), Response::Taken);
    assert_eq!(to(&group), [NodeId(9)]);
}

#[test]
fn who_owned_a_shard_last_keeps_it_while_nobody_owns_it() {
    let mut group = after_with_state(&[0, 0]);
    let is_kept = |group: &Group| matches!(group.holdings()[&SHARD], Holding::Kept(_));
    assert!(is_kept(&group));
    assert_eq!(owed(&group), []);
    // It comes back to its last owner as if nothing had been.
    let mut back = group.clone();
    assert_eq!(turn(&mut back, &owned_by(4, 1)), Response::Taken);
    assert_eq!(get(&back), got("a"));
    assert_eq!(write(&mut back, 1, "a"), DONE_BEFORE);
    // Another one gets it.
    assert_eq!(turn(&mut group, &owned_by(4, 2)), Response::Taken);
    assert_eq!(owed(&group), [(4, G2)]);
    assert_eq!(group.outgoing()[&(SHARD, Number(4))].state, state());
}

#[test]
fn who_takes_a_shard_over_from_nobody_knows_whether_somebody_kept_it() {
    let mut fresh = after(&[0, 1]);
    assert!(!fresh.awaits_any(), "nobody has ever had it");
    assert_eq!(open(&mut fresh), FIRST_SESSION);
    for (owners, last_owner) in [(&[2, 0, 1][..], G2), (&[2, 3, 0, 0, 1], G3)] {
        let group = after(owners);
        let since = Number(owners.len() as u64);
        let awaited = Holding::Awaited {
            from: last_owner,
            since,
        };
        assert_eq!(group.holdings()[&SHARD], awaited, "{owners:?}");
        assert!(group.awaits_any());
    }
}

#[test]
fn a_group_that_is_written_down_and_read_is_the_same() {
    for owners in [NOTHING, NEVER_OURS, AWAITED, PASSED_BY] {
        assert_survives(&after(owners));
    }
    for owners in [&[][..], &[0], &[2], &[2, 1], &[0, 2], &[0, 1]] {
        assert_survives(&after_with_state(owners));
    }
}

fn assert_survives(group: &Group) {
    let bytes = postcard::to_allocvec(group).expect("encodes");
    let read: Group = postcard::from_bytes(&bytes).expect("decodes");
    assert_eq!(&read, group);
    assert_eq!(read.digest(), group.digest());
}

#[test]
fn groups_that_differ_have_other_digests() {
    let mut groups: Vec<Group> = [NOTHING, NEVER_OURS, SERVED, AWAITED, KEPT, GONE, PASSED_BY]
        .iter()
        .map(|owners| after(owners))
        .collect();
    groups.extend([&[][..], &[0], &[2], &[2, 1]].map(after_with_state));
    let mut forgotten = after_with_state(&[2]);
    assert_eq!(forget(&mut forgotten, 2), Response::Taken);
    groups.push(forgotten);
    for (place, one) in groups.iter().enumerate() {
        for other in &groups[..place] {
            assert_ne!(one.digest(), other.digest(), "{one:?} {other:?}");
        }
    }
}
