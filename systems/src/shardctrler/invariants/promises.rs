//! The invariants of each configuration, by itself and after the one before it.

use alloc::format;
use alloc::string::String;

use crate::invariants::Violation;
use crate::process::NodeId;
use crate::shardctrler::{Configuration, GroupId, Number};
use crate::vec_map::VecMap;

/// Whether a configuration that a node shows at a number is sound, and follows
/// the last one.
pub(super) fn kept(
    node: NodeId,
    number: Number,
    last: Option<&Configuration>,
    next: &Configuration,
    is_settled: bool,
) -> Result<(), Violation> {
    let broken =
        |property, expected: String, found| Violation::new(property, [node], expected, found);
    if next.number != number {
        let found = format!("{} in its place", next.number);
        return Err(broken("numbers-one-by-one", format!("{number}"), found));
    }
    owners_are_groups(node, next)?;
    let Some(last) = last else {
        return Ok(());
    };
    let division = |it: &Configuration| (it.owners.len(), it.partitioner);
    let divided_otherwise = division(next) != division(last);
    if next.groups == last.groups && next.owners == last.owners && !divided_otherwise {
        let expected = format!("{number} to change something");
        let found = format!("the same as {}", last.number);
        return Err(broken("numbers-one-by-one", expected, found));
    }
    if divided_otherwise && (is_settled || !next.groups.is_empty()) {
        let words =
            |it: &Configuration| format!("{} shards by {:?}", it.owners.len(), it.partitioner);
        let expected = format!("{} for ever", words(last));
        let found = format!("{} in {number}", words(next));
        return Err(broken("division-is-settled", expected, found));
    }
    match last.groups.keys().eq(next.groups.keys()) {
        true => shards_stay(node, last, next),
        false if next.groups.is_empty() => Ok(()),
        false => is_rebalanced(node, last, next),
    }
}

/// Each shard is owned by one of the groups, and by nobody while there is none.
fn owners_are_groups(node: NodeId, next: &Configuration) -> Result<(), Violation> {
    let is_right = |owner: Option<GroupId>| match owner {
        Some(owner) => next.groups.contains_key(&owner),
        None => next.groups.is_empty(),
    };
    let wrong = next.shards().find(|(_, owner)| !is_right(*owner));
    if let Some((shard, owner)) = wrong {
        return Err(Violation::new(
            "owner-is-a-group",
            [node],
            match next.groups.is_empty() {
                true => format!("nobody to own {shard} in {:?}", next.number),
                false => format!("one of {:?} to own {shard}", next.groups.keys()),
            },
            format!("{owner:?} in {next:?}"),
        ));
    }
    match next.groups.iter().find(|(_, servers)| servers.is_empty()) {
        None => Ok(()),
        Some((group, _)) => Err(Violation::new(
            "group-has-servers",
            [node],
            format!("servers of {group} in {}", next.number),
            "none",
        )),
    }
}

/// The same groups: at most one shard was moved, and none if servers changed.
fn shards_stay(node: NodeId, last: &Configuration, next: &Configuration) -> Result<(), Violation> {
    let most = usize::from(last.groups == next.groups);
    let moved = moved(last, next);
    if moved <= most {
        return Ok(());
    }
    Err(Violation::new(
        "shards-stay",
        [node],
        format!("at most {most} moved, since the groups of {last:?} are as they were"),
        format!("{moved} moved, to {next:?}"),
    ))
}

/// Groups joined or left: the shards are shared out evenly, and as few as
/// possible changed hands.
fn is_rebalanced(
    node: NodeId,
    last: &Configuration,
    next: &Configuration,
) -> Result<(), Violation> {
    let has = counts(next, next);
    let (least, most) = (has.values().min(), has.values().max());
    if least
        .zip(most)
        .is_some_and(|(least, most)| most - least > 1)
    {
        return Err(Violation::new(
            "shards-are-even",
            [node],
            "no group to have two shards more than another",
            format!("{has:?} in {}", next.number),
        ));
    }
    let (fewest, moved) = (fewest_moves(last, next), moved(last, next));
    if moved == fewest {
        return Ok(());
    }
    Err(Violation::new(
        "fewest-moves",
        [node],
        format!("{fewest} shards to move from {last:?}"),
        format!("{moved} moved, to {next:?}"),
    ))
}

/// How many shards have another owner than before.
fn moved(last: &Configuration, next: &Configuration) -> usize {
    let owners = last.owners.iter().zip(&next.owners);
    owners.filter(|(before, after)| before != after).count()
}

/// How many shards each group of one configuration has in another.
fn counts(groups: &Configuration, owners: &Configuration) -> VecMap<GroupId, usize> {
    let mut has: VecMap<GroupId, usize> = groups.groups.keys().map(|it| (*it, 0)).collect();
    for owner in owners.owners.iter().flatten() {
        if let Some(count) = has.get_mut(owner) {
            *count += 1;
        }
    }
    has
}

/// The fewest moves to any even sharing, by counting alone, since what shares
/// them out is what is under test. A group may keep as many as everybody gets; some
/// groups get one more, and only one that has more can keep that one, too.
fn fewest_moves(last: &Configuration, next: &Configuration) -> usize {
    let shards = last.owners.len();
    let has = counts(next, last);
    let (each, more) = (shards / has.len(), shards % has.len());
    let keep: usize = has.values().map(|has| (*has).min(each)).sum();
    let have_more = has.values().filter(|has| **has > each).count();
    shards - keep - more.min(have_more)
}
