//! What the controller makes of joins, leaves and moves.

use std::collections::BTreeSet;

use proptest::prelude::*;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{Command as _, LogIndex};
use snowglobe_systems::replica::StateMachine;
use snowglobe_systems::shardctrler::{
    Command, Configuration, Controller, GroupId, Number, Partitioner, Query, Refusal, Response,
    Shard,
};
use snowglobe_systems::vec_map::VecMap;

fn servers(group: u32) -> Vec<NodeId> {
    (1..=3)
        .map(|server| NodeId(group as u16 * 3 + server))
        .collect()
}

fn join(groups: &[u32]) -> Command {
    let with_servers = |group: &u32| (GroupId(*group), servers(*group));
    Command::Join {
        groups: groups.iter().map(with_servers).collect(),
    }
}

fn leave(groups: &[u32]) -> Command {
    Command::Leave {
        groups: groups.iter().map(|group| GroupId(*group)).collect(),
    }
}

fn shift(shard: u16, to: u32) -> Command {
    let (shard, to) = (Shard(shard), GroupId(to));
    Command::Move { shard, to }
}

fn told(controller: &mut Controller, command: &Command) -> Response {
    controller.apply(LogIndex::ZERO, command)
}

fn after(commands: &[Command]) -> Controller {
    let mut controller = Controller::default();
    for command in commands {
        told(&mut controller, command);
    }
    controller
}

fn count(configuration: &Configuration, group: u32) -> usize {
    configuration.shards_of(GroupId(group)).count()
}

#[test]
fn at_first_nobody_owns_anything() {
    let first = Controller::default().query(&Query::NEWEST);
    assert_eq!(first.number, Number(0));
    assert!(first.groups.is_empty());
    assert_eq!(first.owners, vec![None; 10]);
}

#[test]
fn groups_share_the_shards() {
    let controller = after(&[join(&[1]), join(&[2, 3])]);
    let newest = controller.newest();
    assert_eq!(newest.number, Number(2));
    let counts = [1, 2, 3].map(|group| count(newest, group));
    assert_eq!(counts, [4, 3, 3], "the one that had all keeps one more");
    assert_eq!(newest.groups[&GroupId(2)], servers(2));
}

#[test]
fn a_moved_shard_stays_until_groups_join_or_leave() {
    let mut controller = after(&[join(&[1, 2])]);
    let of_one: Vec<Shard> = controller.newest().shards_of(GroupId(1)).collect();
    for shard in of_one {
        told(&mut controller, &shift(shard.0, 2));
    }
    assert_eq!(count(controller.newest(), 2), 10);
    assert_eq!(controller.newest().number, Number(6));
    // A move to where it is makes no configuration.
    let again = told(&mut controller, &shift(0, 2));
    assert_eq!(again, Response::Unchanged(Number(6)));
    told(&mut controller, &leave(&[9]));
    assert_eq!(count(controller.newest(), 2), 10, "nobody left");
    told(&mut controller, &join(&[3]));
    assert_eq!(count(controller.newest(), 2), 4);
}

#[test]
fn a_group_that_joins_again_brings_new_servers() {
    let mut controller = after(&[join(&[1, 2])]);
    assert_eq!(
        told(&mut controller, &join(&[1])),
        Response::Unchanged(Number(1))
    );
    let before = controller.newest().owners.clone();
    let other: VecMap<_, _> = [(GroupId(1), servers(7))].into();
    let changed = told(&mut controller, &Command::Join { groups: other });
    assert_eq!(changed, Response::Changed(Number(2)));
    assert_eq!(controller.newest().groups[&GroupId(1)], servers(7));
    assert_eq!(controller.newest().owners, before, "no shard moves for it");
    let past = controller.query(&Query::of(Number(1)));
    assert_eq!(past.groups[&GroupId(1)], servers(1));
}

#[test]
fn all_may_leave_and_come_back() {
    let mut controller = after(&[join(&[1, 2]), leave(&[1, 2])]);
    assert_eq!(controller.newest().owners, vec![None; 10]);
    assert_eq!(
        told(&mut controller, &leave(&[1])),
        Response::Unchanged(Number(2))
    );
    told(&mut controller, &join(&[5]));
    assert_eq!(count(controller.newest(), 5), 10);
}

#[test]
fn the_number_of_shards_is_settled_by_the_first_group() {
    let mut controller = Controller::default();
    let divide = |shards| Command::Divide {
        shards,
        partitioner: Partitioner::Hash,
    };
    let refused = Response::Refused;
    assert_eq!(
        told(&mut controller, &divide(0)),
        refused(Refusal::NoShards)
    );
    assert_eq!(
        told(&mut controller, &divide(4)),
        Response::Changed(Number(1))
    );
    assert_eq!(
        told(&mut controller, &divide(25)),
        Response::Changed(Number(2))
    );
    told(&mut controller, &join(&[1, 2]));
    assert_eq!(count(controller.newest(), 1), 13);
    assert_eq!(told(&mut controller, &divide(4)), refused(Refusal::Settled));
    told(&mut controller, &leave(&[1, 2]));
    assert_eq!(told(&mut controller, &divide(4)), refused(Refusal::Settled));
    let past = |number| controller.query(&Query::of(Number(number))).owners.len();
    assert_eq!([0, 1, 2, 3].map(past), [10, 4, 25, 25]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut controller = after(&[join(&[1])]);
    let nobody: VecMap<_, _> = [(GroupId(2), vec![])].into();
    let twice = vec![NodeId(9), NodeId(8), NodeId(9)];
    let twice: VecMap<_, _> = [(GroupId(2), twice)].into();
    // The last of g1's servers, under another name; and two new groups with one in common.
    let shared = servers(1)[2];
    let known: VecMap<_, _> = [(GroupId(2), vec![NodeId(9), shared])].into();
    let both: VecMap<_, _> = [2, 3].map(|group| (GroupId(group), vec![NodeId(9)])).into();
    let again = servers(2);
    let again: VecMap<_, _> = [(GroupId(1), again.clone()), (GroupId(2), again)].into();
    for (command, refusal) in [
        (
            Command::Join { groups: twice },
            Refusal::SharedServer(GroupId(2), NodeId(9)),
        ),
        (
            Command::Join { groups: known },
            Refusal::SharedServer(GroupId(2), shared),
        ),
        (
            Command::Join { groups: both },
            Refusal::SharedServer(GroupId(3), NodeId(9)),
        ),
        (
            Command::Join { groups: again },
            Refusal::SharedServer(GroupId(2), servers(2)[0]),
        ),
        (
            Command::Join { groups: nobody },
            Refusal::NoServers(GroupId(2)),
        ),
        (shift(0, 2), Refusal::NoSuchGroup(GroupId(2))),
        (shift(10, 1), Refusal::NoSuchShard(Shard(10))),
    ] {
        let before = controller.clone();
        assert_eq!(told(&mut controller, &command), Response::Refused(refusal));
        assert_eq!(controller, before);
    }
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let some = || prop::collection::btree_set(1..6u32, 0..4);
    let list = |groups: BTreeSet<u32>| groups.into_iter().collect::<Vec<_>>();
    let command = prop_oneof![
        4 => some().prop_map(move |groups| join(&list(groups))),
        3 => some().prop_map(move |groups| leave(&list(groups))),
        4 => (0..12u16, 1..6u32).prop_map(|(shard, to)| shift(shard, to)),
        1 => (0..14u16).prop_map(|shards| Command::Divide { shards, partitioner: [Partitioner::Hash, Partitioner::FirstByte][usize::from(shards % 2)] }),
    ];
    prop::collection::vec(command, 0..40)
}

proptest! {
    #[test]
    fn every_configuration_is_remembered(commands in commands()) {
        let mut controller = Controller::default();
        let mut all = vec![controller.newest().clone()];
        for command in &commands {
            let response = told(&mut controller, command);
            let newest = controller.newest();
            match response {
                Response::Changed(number) => {
                    prop_assert_eq!(number, Number(all.len() as u64));
                    prop_assert_ne!(&newest.owners.len(), &0);
                    all.push(newest.clone());
                }
                Response::Unchanged(number) => prop_assert_eq!(number, newest.number),
                Response::Refused(_) => {}
            }
            let known = |owner: &Option<GroupId>| match owner {
                Some(group) => newest.groups.contains_key(group),
                None => newest.groups.is_empty(),
            };
            prop_assert!(newest.owners.iter().all(known), "{newest:?}");
            let bytes = postcard::to_allocvec(command).expect("encoded").len();
            prop_assert!(command.size() + 3 >= bytes, "{} for {bytes}", command.size());
        }
        // After a restart from a snapshot, too.
        let bytes = postcard::to_allocvec(&controller).expect("encoded");
        let decoded: Controller = postcard::from_bytes(&bytes).expect("decoded");
        prop_assert_eq!(&decoded, &controller);
        for configuration in &all {
            let query = Query::of(configuration.number);
            prop_assert_eq!(&decoded.query(&query), configuration);
        }
        let beyond = Query::of(Number(1000));
        prop_assert_eq!(&decoded.query(&beyond), controller.newest());
    }

    #[test]
    fn another_past_is_another_digest(one in commands(), other in commands()) {
        let (one, other) = (after(&one), after(&other));
        prop_assert_eq!(one == other, one.digest() == other.digest());
    }
}

#[test]
fn a_key_belongs_to_one_shard_for_ever() {
    // Other shards for the same keys would be another service: these are pinned.
    let shards = |partitioner: Partitioner| {
        ["", "a", "b", "apple", "banana"].map(|key| partitioner.shard_of(key, 10).map(|it| it.0))
    };
    assert_eq!(
        shards(Partitioner::Hash),
        [Some(7), Some(8), Some(1), Some(9), Some(2)]
    );
    let by_first_byte = [Some(0), Some(7), Some(8), Some(7), Some(8)];
    assert_eq!(shards(Partitioner::FirstByte), by_first_byte);
    for partitioner in [Partitioner::Hash, Partitioner::FirstByte] {
        assert_eq!(partitioner.shard_of("a", 0), None);
    }
}
