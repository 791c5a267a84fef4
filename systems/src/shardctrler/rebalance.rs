//! Sharing shards out among groups.

use crate::vec_map::VecMap;
use crate::vec_set::VecSet;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::GroupId;

/// Shares shards out evenly: no group has two more than another, and as few
/// shards as possible change their owner. The same on every replica: only
/// numbers decide.
///
/// The groups that have the most keep one more, where the shards cannot be
/// shared out equally; any other choice moves at least as many. A group that
/// has too many gives its highest shards away.
pub fn rebalance(owners: &mut [Option<GroupId>], groups: &VecSet<GroupId>) {
    if groups.is_empty() {
        owners.fill(None);
        return;
    }
    let mut room = shares(owners, groups);
    // Whoever keeps a shard takes it out of its own share; what is left over
    // must go elsewhere.
    let mut homeless = Vec::new();
    for (shard, owner) in owners.iter().enumerate() {
        match owner.and_then(|group| room.get_mut(&group)) {
            Some(left) if *left > 0 => *left -= 1,
            _ => homeless.push(shard),
        }
    }
    let mut takers = room
        .iter()
        .flat_map(|(group, left)| core::iter::repeat_n(*group, *left));
    for shard in homeless {
        owners[shard] = takers.next();
    }
}

/// How many shards each group is to have.
fn shares(owners: &[Option<GroupId>], groups: &VecSet<GroupId>) -> VecMap<GroupId, usize> {
    let mut has: VecMap<GroupId, usize> = groups.iter().map(|group| (*group, 0)).collect();
    for owner in owners.iter().flatten() {
        if let Some(count) = has.get_mut(owner) {
            *count += 1;
        }
    }
    let mut by_wealth: Vec<(GroupId, usize)> = has.into_iter().collect();
    by_wealth.sort_by_key(|(group, count)| (Reverse(*count), *group));
    let (each, more) = (owners.len() / groups.len(), owners.len() % groups.len());
    by_wealth
        .into_iter()
        .enumerate()
        .map(|(rank, (group, _))| (group, each + usize::from(rank < more)))
        .collect()
}
