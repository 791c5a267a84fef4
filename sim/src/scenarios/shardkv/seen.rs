//! What an onlooker sees of the groups.

use std::collections::BTreeSet;

use snowglobe_systems::shardctrler::{Configuration, GroupId};
use snowglobe_systems::shardkv::{Durable, Group, Holding, Server};

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
    stay: &BTreeSet<GroupId>,
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
    if let Some(((shard, of), parcel)) = group.outgoing().first_key_value() {
        return Some(format!("{id} owes {shard} of {of} to {}", parcel.to));
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
