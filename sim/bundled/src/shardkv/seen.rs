//! What an onlooker sees of the groups.

use snowglobe_systems::shardctrler::{Configuration, GroupId};
use snowglobe_systems::shardkv::{Durable, Group, Holding, Server};
use snowglobe_systems::vec_set::VecSet;

use super::ShardkvWorld;
use super::layout::Layout;

/// A group as the furthest of its servers that are up shows it.
pub(super) fn group<'a>(
    world: &'a ShardkvWorld,
    layout: &Layout,
    group: GroupId,
) -> Option<&'a Group> {
    let servers = layout.groups.get(&group)?.iter();
    let servers = servers.filter_map(|id| world.process(*id)?.server());
    let furthest = servers.max_by_key(|server| server.raft().applied());
    furthest.map(Server::machine)
}

/// The newest configuration that any server of the controller shows.
pub(super) fn newest<'a>(world: &'a ShardkvWorld, layout: &Layout) -> Option<&'a Configuration> {
    let servers = layout.controllers.iter();
    let replicas = servers.filter_map(|id| world.process(*id)?.controller()?.replica());
    let configurations = replicas.map(|replica| replica.machine().newest());
    configurations.max_by_key(|configuration| configuration.number)
}

/// What is left to do until those groups are there that are to stay, and no
/// others, and each is at the newest configuration, those that left as well,
/// with its shards, and with nothing to hand over.
pub(super) fn unfinished(
    world: &ShardkvWorld,
    layout: &Layout,
    stay: &VecSet<GroupId>,
) -> Option<String> {
    let Some(newest) = newest(world, layout) else {
        return Some("no controller".to_owned());
    };
    layout.groups.keys().find_map(|id| {
        match (newest.groups.contains_key(id), stay.contains(id)) {
            (false, true) => return Some(format!("{id} has not joined, in {newest:?}")),
            (true, false) => return Some(format!("{id} has not left, in {newest:?}")),
            (true, true) | (false, false) => {}
        }
        let Some(group) = group(world, layout, *id) else {
            return Some(format!("{id} is down"));
        };
        not_finished(*id, group, newest)
    })
}

/// What is left to do for one group.
pub(super) fn not_finished(id: GroupId, group: &Group, newest: &Configuration) -> Option<String> {
    let number = group.configuration().number;
    if number != newest.number {
        return Some(format!("{id} is at {number} of {}", newest.number));
    }
    if let Some(((shard, of), owed)) = group.outgoing().first_key_value() {
        return Some(format!("{id} owes {shard} of {of} to {}", owed.to));
    }
    let serves = |shard| matches!(group.holdings().get(&shard), Some(Holding::Serving(_)));
    let missing = newest.shards_of(id).find(|shard| !serves(*shard));
    missing.map(|shard| format!("{id} does not serve {shard}"))
}

/// What a server has persisted, log and snapshot, in encoded bytes.
pub(super) fn bytes(durable: &Durable) -> usize {
    let all = postcard::to_allocvec(durable);
    all.expect("plain data is encoded").len()
}

#[cfg(test)]
mod tests {
    use snowglobe_systems::process::NodeId;
    use snowglobe_systems::raft::LogIndex;
    use snowglobe_systems::replica::StateMachine as _;
    use snowglobe_systems::shardctrler::{Number, Partitioner};
    use snowglobe_systems::shardkv::Command;
    use snowglobe_systems::vec_map::VecMap;

    use super::*;

    /// A configuration in which one group has the only shard.
    fn owned_by(number: u64, owner: u32) -> Configuration {
        let groups = [1, 2].map(|group| (GroupId(group), vec![NodeId(group as u16)]));
        Configuration {
            number: Number(number),
            groups: VecMap::from(groups),
            owners: vec![Some(GroupId(owner))],
            partitioner: Partitioner::default(),
        }
    }

    /// A group after it has turned to these.
    fn turned(group: u32, configurations: &[Configuration]) -> Group {
        let mut machine = Group::default();
        for configuration in configurations {
            let turn = Command::ApplyConfig {
                group: GroupId(group),
                configuration: configuration.clone(),
            };
            machine.apply(LogIndex(1), &turn);
        }
        machine
    }

    #[test]
    fn what_a_group_has_left_to_do_is_seen() {
        let made = [owned_by(1, 1), owned_by(2, 2)];
        let left = |group: u32, turns: usize, newest: usize| {
            let machine = turned(group, &made[..turns]);
            not_finished(GroupId(group), &machine, &made[newest])
        };
        assert_eq!(left(1, 1, 0), None);
        assert_eq!(left(1, 1, 1).as_deref(), Some("g1 is at v1 of v2"));
        assert_eq!(left(1, 2, 1).as_deref(), Some("g1 owes sh0 of v2 to g2"));
        assert_eq!(left(2, 2, 1).as_deref(), Some("g2 does not serve sh0"));
    }
}
