//! Shards are shared out evenly, and as few as possible move.

use proptest::prelude::*;
use snowglobe_systems::shardctrler::{GroupId, rebalance};
use snowglobe_systems::vec_map::VecMap;
use snowglobe_systems::vec_set::VecSet;

type Owners = Vec<Option<GroupId>>;

fn groups(numbers: impl IntoIterator<Item = u32>) -> VecSet<GroupId> {
    numbers.into_iter().map(GroupId).collect()
}

fn owners(numbers: &[u32]) -> Owners {
    let owner = |number: &u32| (*number > 0).then_some(GroupId(*number));
    numbers.iter().map(owner).collect()
}

fn rebalanced(before: &Owners, groups: &VecSet<GroupId>) -> Owners {
    let mut after = before.clone();
    rebalance(&mut after, groups);
    after
}

fn moves(before: &Owners, after: &Owners) -> usize {
    before.iter().zip(after).filter(|(a, b)| a != b).count()
}

fn counts(owners: &Owners, groups: &VecSet<GroupId>) -> VecMap<GroupId, usize> {
    let of = |group: &GroupId| owners.iter().filter(|it| **it == Some(*group)).count();
    groups.iter().map(|group| (*group, of(group))).collect()
}

fn is_even(owners: &Owners, groups: &VecSet<GroupId>) -> bool {
    let counts = counts(owners, groups);
    let (least, most) = (counts.values().min(), counts.values().max());
    let served = owners
        .iter()
        .all(|it| it.is_some_and(|it| groups.contains(&it)));
    served
        && most
            .zip(least)
            .is_some_and(|(most, least)| most - least <= 1)
}

/// The fewest moves to any even sharing, by trying all.
fn fewest(before: &Owners, groups: &VecSet<GroupId>) -> usize {
    let groups_in_order: Vec<GroupId> = groups.iter().copied().collect();
    let ways = groups_in_order.len().pow(before.len() as u32);
    (0..ways)
        .map(|mut way| {
            let mut pick = || {
                let group = groups_in_order[way % groups_in_order.len()];
                way /= groups_in_order.len();
                Some(group)
            };
            before.iter().map(|_| pick()).collect::<Owners>()
        })
        .filter(|after| is_even(after, groups))
        .map(|after| moves(before, &after))
        .min()
        .expect("some sharing is even")
}

proptest! {
    #[test]
    fn no_even_sharing_takes_fewer_moves(
        before in prop::collection::vec(0..5u32, 0..7),
        among in prop::collection::btree_set(1..5u32, 1..4),
    ) {
        let (before, groups) = (owners(&before), groups(among));
        let after = rebalanced(&before, &groups);
        prop_assert!(before.is_empty() || is_even(&after, &groups), "{after:?}");
        prop_assert_eq!(moves(&before, &after), fewest(&before, &groups), "{:?}", after);
        let again = rebalanced(&after, &groups);
        prop_assert_eq!(again, after, "what is even stays");
    }

    #[test]
    fn a_group_that_joins_only_takes_and_one_that_leaves_only_gives(
        shards in 1..60usize,
        among in prop::collection::btree_set(1..20u32, 2..10),
    ) {
        let all = groups(among);
        let newcomer = *all.last().expect("there are two");
        let mut fewer = all.clone();
        fewer.remove(&newcomer);
        let before = rebalanced(&vec![None; shards], &fewer);
        let after = rebalanced(&before, &all);
        for (old, new) in before.iter().zip(&after) {
            prop_assert!(old == new || *new == Some(newcomer), "{before:?} {after:?}");
        }
        prop_assert!(moves(&before, &after) <= shards / all.len() + 1);
        let left = rebalanced(&after, &fewer);
        for (old, new) in after.iter().zip(&left) {
            prop_assert!(old == new || *old == Some(newcomer), "{after:?} {left:?}");
        }
    }
}

#[test]
fn nobody_is_left_with_everything() {
    assert_eq!(
        rebalanced(&owners(&[1, 2, 1]), &groups([])),
        owners(&[0, 0, 0])
    );
    assert_eq!(rebalanced(&owners(&[]), &groups([1])), owners(&[]));
}

#[test]
fn groups_that_have_more_keep_more() {
    // Three groups share ten shards: whoever has four keeps four.
    let before = owners(&[3, 3, 3, 3, 1, 1, 1, 2, 2, 2]);
    assert_eq!(rebalanced(&before, &groups([1, 2, 3])), before);
    // A group gives its highest shards away.
    let before = owners(&[1, 1, 1, 1]);
    let after = owners(&[1, 1, 2, 2]);
    assert_eq!(rebalanced(&before, &groups([1, 2])), after);
}

#[test]
fn more_groups_than_shards_leave_some_without() {
    let after = rebalanced(&owners(&[2, 2]), &groups([1, 2, 3]));
    assert_eq!(after, owners(&[2, 1]));
}

#[test]
fn a_thousand_groups_share_ten_thousand_shards() {
    let all = groups(1..=1000);
    let before = rebalanced(&vec![None; 10_000], &all);
    assert!(is_even(&before, &all));
    let rest = groups((1..=1000).filter(|group| group % 10 > 0));
    let after = rebalanced(&before, &rest);
    assert!(is_even(&after, &rest));
    assert_eq!(
        moves(&before, &after),
        1000,
        "only those of the groups that left"
    );
}
