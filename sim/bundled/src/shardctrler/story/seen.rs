//! What a storyteller sees: in what operators were told, in the chronicle of
//! configurations, and on the servers.

use snowglobe_systems::replica::Replica;
use snowglobe_systems::shardctrler::{
    Configuration, Controller, ControllerInvariants, GroupId, Node, Number, Response, Shard,
};
use snowglobe_systems::vec_set::VecSet;

use super::words::{Found, Way};
use crate::shardctrler::ControllerWorld;
use crate::shardctrler::operators::Operators;
use snowglobe::scenarios::story::unlike;
use snowglobe::world::Broken;

/// Whether a user was told, or shown, what a sentence says.
pub(super) fn found(
    operators: &Operators,
    user: usize,
    what: &Found,
    kept: &VecSet<GroupId>,
) -> Result<(), Broken> {
    let told = operators.response(user);
    let shown = operators.shown(user);
    let is_so = match (what, told, shown) {
        (Found::Made(number), told, _) => told == Some(Response::Changed(*number)),
        (Found::ChangedNothing, told, _) => matches!(told, Some(Response::Unchanged(_))),
        (Found::Refused, told, _) => matches!(told, Some(Response::Refused(_))),
        (what, _, Some(shown)) => shows(operators, shown, what, kept),
        (_, _, None) => false,
    };
    if is_so {
        return Ok(());
    }
    let expected = match what {
        Found::SameAs(other) => format!("what u{other} saw, {:?}", operators.shown(*other)),
        Found::WhatUsersKept => format!("groups {kept:?}"),
        what => format!("{what:?}"),
    };
    let found = match what {
        Found::Made(_) | Found::ChangedNothing | Found::Refused => format!("{told:?}"),
        _ => format!("{shown:?}"),
    };
    Err(unlike(
        format!("u{user} to find: {expected}"),
        format!("u{user} found {found}"),
    ))
}

fn shows(
    operators: &Operators,
    shown: &Configuration,
    what: &Found,
    kept: &VecSet<GroupId>,
) -> bool {
    let has = |groups: &VecSet<GroupId>| shown.groups.keys().eq(groups);
    match what {
        Found::Saw(number) => shown.number == *number,
        Found::Groups(groups) => has(&groups.iter().copied().collect()),
        Found::ManyGroups(many) => shown.groups.len() == *many,
        Found::Owns(group, shards) => shown.shards_of(*group).count() == *shards,
        Found::Owner(shard, group) => shown.owner(*shard) == Some(*group),
        Found::SameAs(other) => operators.shown(*other) == Some(shown),
        Found::WhatUsersKept => !kept.is_empty() && has(kept),
        Found::Made(_) | Found::ChangedNothing | Found::Refused => false,
    }
}

/// Whether so many shards have other owners than in an earlier configuration,
/// and only those that a sentence allows.
pub(super) fn moved(
    chronicle: &ControllerInvariants,
    since: Number,
    shards: usize,
    way: &Way,
) -> Result<(), Broken> {
    let (Some(before), Some(now)) = (chronicle.configuration(since), chronicle.newest()) else {
        let expected = format!("{since} to be there");
        return Err(unlike(expected, format!("{:?}", chronicle.newest())));
    };
    type Move = (Shard, Option<GroupId>, Option<GroupId>);
    let moves: Vec<Move> = now
        .shards()
        .map(|(shard, owner)| (shard, before.owner(shard), owner))
        .filter(|(_, from, to)| from != to)
        .collect();
    let among = |groups: &[GroupId], group: &Option<GroupId>| {
        group.is_some_and(|group| groups.contains(&group))
    };
    let is_allowed = |(_, from, to): &Move| match way {
        Way::Any => true,
        Way::To(groups) => among(groups, to),
        Way::From(groups) => among(groups, from),
    };
    match moves.len() == shards && moves.iter().all(is_allowed) {
        true => Ok(()),
        false => Err(unlike(
            format!("{shards} shards to move since {since}, {way:?}"),
            format!("{moves:?}"),
        )),
    }
}

fn up(world: &ControllerWorld) -> impl Iterator<Item = &Replica<Controller>> {
    world
        .node_ids()
        .filter_map(|id| world.process(id).and_then(Node::replica))
}

/// Whether every server that is up has applied the same, and nothing is left to apply.
pub(super) fn servers_agree(world: &ControllerWorld) -> bool {
    let mut states = up(world).map(|replica| {
        let raft = replica.raft();
        let rest = raft.log().last().index.since(raft.applied());
        (raft.applied(), replica.machine(), rest)
    });
    let Some(first) = states.next() else {
        return false;
    };
    first.2 == 0 && states.all(|state| state == first)
}

/// Whether every server that is up has a snapshot, or none has.
pub(super) fn has_snapshot(world: &ControllerWorld, wanted: bool) -> Result<(), Broken> {
    match up(world).find(|it| it.raft().snapshot().is_some() != wanted) {
        None => Ok(()),
        Some(other) => Err(unlike(
            match wanted {
                true => "a snapshot on every server".to_owned(),
                false => "no snapshot on any server".to_owned(),
            },
            format!("{other}"),
        )),
    }
}
