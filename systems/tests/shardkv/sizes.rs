//! How much commands say that they take: batches, logs and what may wait are bounded by it.

use std::sync::Arc;

use snowglobe_systems::kv::{Key, Value};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::LogIndex;
use snowglobe_systems::replica::{Request, Sequence, SessionId, StateMachine as _};
use snowglobe_systems::shardctrler::{self, Configuration, GroupId, Number, Partitioner, Shard};
use snowglobe_systems::shardkv::{Command, Group, Holding, Response, ShardSession};
use snowglobe_systems::{kv, raft};

/// Neither less than the encoding, nor more than twice as much beside a few numbers.
fn assert_is_about_right<C: raft::Command>(command: &C) {
    let bytes = postcard::to_allocvec(command).expect("it is encoded").len();
    let size = command.size();
    assert!(size + 2 >= bytes, "{size} for {bytes}: {command:?}");
    assert!(size <= 2 * bytes + 16, "{size} for {bytes}: {command:?}");
}

fn group_of(servers: u16) -> Vec<NodeId> {
    (1..=servers).map(NodeId).collect()
}

fn long_write() -> kv::Command {
    kv::Command::Append {
        key: Key::from("a key"),
        value: Value::from("text ".repeat(100).as_str()),
    }
}

fn configuration(groups: u32, servers: u16, shards: usize) -> Configuration {
    Configuration {
        partitioner: Partitioner::default(),
        number: Number(1),
        groups: (1..=groups)
            .map(|group| (GroupId(group), group_of(servers)))
            .collect(),
        owners: vec![Some(GroupId(1)); shards],
    }
}

#[test]
fn commands_of_a_group() {
    let session = ShardSession {
        shard: Shard(3),
        session: SessionId(LogIndex(5)),
    };
    assert_is_about_right(&Command::Open { shard: Shard(3) });
    assert_is_about_right(&Command::Write {
        session,
        sequence: Sequence(7),
        change: long_write(),
    });
    for (groups, servers, shards) in [(1, 3, 200), (20, 5, 10), (3, 60, 10)] {
        assert_is_about_right(&Command::ApplyConfig {
            group: GroupId(1),
            configuration: configuration(groups, servers, shards),
        });
    }
}

/// A shard goes to its next owner in one entry.
#[test]
fn whole_shards() {
    let (shard, group) = (Shard(0), GroupId(1));
    let mut machine = Group::default();
    let mut apply = |command| machine.apply(LogIndex(1), &command);
    apply(Command::ApplyConfig {
        group,
        configuration: configuration(1, 3, 1),
    });
    let Response::Opened(session) = apply(Command::Open { shard }) else {
        panic!("it is served");
    };
    for number in 1..=40 {
        let key = format!("a key with a number, which is {number}");
        let change = kv::Command::Put {
            key: Key::from(key.as_str()),
            value: Value::from("a"),
        };
        let sequence = Sequence(number);
        let write = Command::Write {
            session,
            sequence,
            change,
        };
        assert!(matches!(apply(write), Response::Done { .. }));
    }
    let Holding::Serving(state) = &machine.holdings()[&shard] else {
        panic!("it is served");
    };
    for state in [state.clone(), Arc::default()] {
        assert_is_about_right(&Command::Install {
            shard: Shard(u16::MAX),
            number: Number(1 << 27),
            state,
        });
    }
}

#[test]
fn changes_of_the_configuration() {
    use shardctrler::Command;
    for (groups, servers) in [(1, 100), (20, 5), (1, 1)] {
        let groups = configuration(groups, servers, 1).groups;
        assert_is_about_right(&Command::Join { groups });
    }
    let long_names = || (u32::MAX - 100..u32::MAX).map(GroupId);
    let groups = long_names().map(|group| (group, group_of(1))).collect();
    assert_is_about_right(&Command::Join { groups });
    let groups = long_names().collect();
    assert_is_about_right(&Command::Leave { groups });
    assert_is_about_right(&Command::Move {
        shard: Shard(u16::MAX),
        to: GroupId(u32::MAX),
    });
}

#[test]
fn requests_of_clients() {
    let command = long_write();
    assert_is_about_right(&command);
    assert_is_about_right(&Request::Write {
        command: command.clone(),
    });
    assert_is_about_right(&Request::SessionWrite {
        session: SessionId(LogIndex(5)),
        sequence: Sequence(7),
        command,
    });
}
