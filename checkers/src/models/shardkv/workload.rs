//! What the operator and the users of a sharded service ask for.

use snowglobe_systems::kv::{self, Get, Key, Value};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::shardctrler::{self, GroupId, Partitioner, Shard};
use snowglobe_systems::shardkv::{Config, Operation};
use snowglobe_systems::vec_map::VecMap;

use crate::explore::{Bounds, Client, Workload};
use crate::models::kv::KEY;

/// How many shards there are; each of the groups begins with one of them.
const SHARDS: u16 = 2;
/// What the operator asks for before exploration begins: that the keys are
/// divided, and that the groups join.
pub(super) const PREPARED: usize = 2;
/// After what is prepared, so many rulings change the servers of a group.
const REGROUPING: usize = 3;

/// The operator first, at the first server of the controller; then a user at each clerk.
///
/// # Panics
/// If there are not two groups.
pub(super) fn clients(bounds: &Bounds, configs: &[Config]) -> Vec<Client<Operation>> {
    let mut groups: VecMap<GroupId, Vec<NodeId>> = VecMap::new();
    for (place, config) in configs.iter().enumerate() {
        if let Config::Server(server) = config {
            let servers = groups.entry(server.group).or_default();
            servers.push(NodeId::at(place));
        }
    }
    let all = usize::from(bounds.operations);
    let (changes, rulings) = match bounds.workload {
        Workload::Regroups => (all.min(REGROUPING), regroups(groups)),
        _ => (all.div_ceil(3), moves(groups)),
    };
    let operator = Client {
        at: vec![NodeId::at(0)],
        operations: rulings.take(PREPARED + changes).collect(),
        waits: true,
    };
    let is_clerk = |place: &usize| matches!(configs[*place], Config::Clerk(_));
    let clerks: Vec<usize> = (0..configs.len()).filter(is_clerk).collect();
    let users = clerks.iter().enumerate().map(|(user, place)| Client {
        at: vec![NodeId::at(*place)],
        operations: uses(user, clerks.len(), all - changes, bounds.workload),
        waits: true,
    });
    [operator].into_iter().chain(users).collect()
}

/// What the operator asks for.
type Rulings = Box<dyn Iterator<Item = Operation>>;

fn ruling(command: shardctrler::Command) -> Operation {
    Operation::Controller(shardctrler::Operation::Write(command))
}

/// The key's shard, the group that has it first, and the other one.
fn who_has(groups: &VecMap<GroupId, Vec<NodeId>>) -> (Shard, GroupId, GroupId) {
    let names: Vec<GroupId> = groups.keys().copied().collect();
    assert_eq!(names.len(), 2, "a shard moves between two groups");
    let shard = Partitioner::default().shard_of(KEY, usize::from(SHARDS));
    let shard = shard.expect("there are shards");
    // Shards are shared out in the order of their numbers.
    let owner = usize::from(shard.0);
    (shard, names[owner % 2], names[(owner + 1) % 2])
}

/// What is prepared, and moves to and fro.
fn moves(groups: VecMap<GroupId, Vec<NodeId>>) -> Rulings {
    let (shard, first, other) = who_has(&groups);
    let there_and_back = [other, first].into_iter().cycle();
    let moves = there_and_back.map(move |to| shardctrler::Command::Move { shard, to });
    let divide = shardctrler::Command::Divide {
        shards: SHARDS,
        partitioner: Partitioner::default(),
    };
    let join = shardctrler::Command::Join { groups };
    Box::new([divide, join].into_iter().chain(moves).map(ruling))
}

/// What is prepared, but with a server of the other group that is none: the
/// controller's. The shard moves there and finds nobody; the group leaves, and
/// joins with the servers that it has.
fn regroups(mut groups: VecMap<GroupId, Vec<NodeId>>) -> Rulings {
    let (shard, _, other) = who_has(&groups);
    let wrong = vec![NodeId::at(0)];
    let right = groups.insert(other, wrong).expect("it is one of them");
    let commands = [
        shardctrler::Command::Divide {
            shards: SHARDS,
            partitioner: Partitioner::default(),
        },
        shardctrler::Command::Join { groups },
        shardctrler::Command::Move { shard, to: other },
        shardctrler::Command::Leave {
            groups: [other].into(),
        },
        shardctrler::Command::Join {
            groups: [(other, right)].into(),
        },
    ];
    Box::new(commands.into_iter().map(ruling))
}

/// What a user asks for, of so many operations of all users, after it has
/// appended its own name.
fn uses(user: usize, users: usize, all: usize, workload: Workload) -> Vec<Operation> {
    let writes = workload != Workload::Reads;
    let letter = |number: usize| char::from(b'a' + (number % 26) as u8).to_string();
    let append = |text: String| {
        let (key, value) = (Key::from(KEY), Value::from(text.as_str()));
        kv::Operation::Write(kv::Command::Append { key, value })
    };
    let own = (user..all).step_by(users).enumerate();
    let own = own.map(
        |(number, place)| match writes && (user + number).is_multiple_of(2) {
            true => append(letter(place)),
            false => kv::Operation::Read(Get {
                key: Key::from(KEY),
            }),
        },
    );
    let first = append(user.to_string());
    let all = [first].into_iter().chain(own);
    all.map(Operation::Keys).collect()
}
