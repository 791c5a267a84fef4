use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::Bound;

use proptest::prelude::*;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::vec_map::VecMap;

/// What can be done to a map.
#[derive(Clone, Debug)]
enum Change {
    Insert(u8, u16),
    Remove(u8),
    Add(u8, u16),
    ReplaceIfThere(u8, u16),
    PopFirst,
    PopFirstIfUnder(u8),
    KeepOdd,
    TakeOutOver(u16),
    RemoveBefore(u8),
    DoubleAll,
    Extend(Vec<(u8, u16)>),
    Clear,
}

fn change() -> impl Strategy<Value = Change> {
    let key = || 0..24u8;
    prop_oneof![
        8 => (key(), any::<u16>()).prop_map(|(key, value)| Change::Insert(key, value)),
        4 => key().prop_map(Change::Remove),
        3 => (key(), any::<u16>()).prop_map(|(key, value)| Change::Add(key, value)),
        2 => (key(), any::<u16>()).prop_map(|(key, value)| Change::ReplaceIfThere(key, value)),
        1 => Just(Change::PopFirst),
        1 => key().prop_map(Change::PopFirstIfUnder),
        1 => Just(Change::KeepOdd),
        1 => any::<u16>().prop_map(Change::TakeOutOver),
        1 => key().prop_map(Change::RemoveBefore),
        1 => Just(Change::DoubleAll),
        1 => prop::collection::vec((key(), any::<u16>()), 0..6).prop_map(Change::Extend),
        1 => Just(Change::Clear),
    ]
}

/// Changes both in the same way, and compares what each says.
fn make(change: Change, map: &mut VecMap<u8, u16>, model: &mut BTreeMap<u8, u16>) {
    match change {
        Change::Insert(key, value) => assert_eq!(map.insert(key, value), model.insert(key, value)),
        Change::Remove(key) => assert_eq!(map.remove(&key), model.remove(&key)),
        Change::Add(key, value) => {
            let one = map.entry(key).or_insert(7);
            let other = model.entry(key).or_insert(7);
            assert_eq!(one, other);
            (*one, *other) = (one.wrapping_add(value), other.wrapping_add(value));
        }
        Change::ReplaceIfThere(key, value) => {
            let (one, other) = (map.get_mut(&key), model.get_mut(&key));
            assert_eq!(one, other);
            if let (Some(one), Some(other)) = (one, other) {
                (*one, *other) = (value, value);
            }
        }
        Change::PopFirst => assert_eq!(map.pop_first(), model.pop_first()),
        Change::PopFirstIfUnder(key) => {
            let out = model.first_key_value().is_some_and(|(it, _)| *it < key);
            let popped = out.then(|| model.pop_first().expect("it is there"));
            assert_eq!(map.pop_first_if(|it, _| *it < key), popped);
        }
        Change::KeepOdd => {
            map.retain(|key, value| (u16::from(*key) + *value) % 2 == 1);
            model.retain(|key, value| (u16::from(*key) + *value) % 2 == 1);
        }
        Change::TakeOutOver(most) => {
            let out: Vec<_> = map.extract_if(|_, value| *value > most).collect();
            let expected: Vec<_> = model.extract_if(.., |_, value| *value > most).collect();
            assert_eq!(out, expected);
        }
        Change::RemoveBefore(key) => {
            map.remove_before(&key);
            model.retain(|it, _| *it >= key);
        }
        Change::DoubleAll => {
            let double = |value: &mut u16| *value = value.wrapping_mul(2);
            map.values_mut().for_each(double);
            model.values_mut().for_each(double);
        }
        Change::Extend(pairs) => {
            map.extend(pairs.clone());
            model.extend(pairs);
        }
        Change::Clear => {
            map.clear();
            model.clear();
        }
    }
}

fn digest(value: &impl Hash) -> u64 {
    let mut digest = Digest::default();
    value.hash(&mut digest);
    digest.finish()
}

/// Whatever can be seen of it is the same.
fn compare(map: &VecMap<u8, u16>, model: &BTreeMap<u8, u16>) {
    assert!(map.iter().eq(model));
    assert!(map.iter().rev().eq(model.iter().rev()));
    assert!(map.keys().eq(model.keys()));
    assert!(map.values().eq(model.values()));
    assert_eq!(map.len(), model.len());
    assert_eq!(map.is_empty(), model.is_empty());
    assert_eq!(map.first_key_value(), model.first_key_value());
    assert_eq!(format!("{map:?}"), format!("{model:?}"));
    assert_eq!(digest(map), digest(model));
    let bytes = postcard::to_allocvec(map).expect("plain data");
    assert_eq!(bytes, postcard::to_allocvec(model).expect("plain data"));
    assert_eq!(postcard::from_bytes(&bytes).as_ref(), Ok(map));
    for key in 0..24 {
        assert_eq!(map.get(&key), model.get(&key));
        assert_eq!(map.contains_key(&key), model.contains_key(&key));
        assert!(map.range(key..).eq(model.range(key..)));
        assert!(map.range(..=key).eq(model.range(..=key)));
        assert!(map.range(key / 2..key).eq(model.range(key / 2..key)));
        let after = (Bound::Excluded(key), Bound::Unbounded);
        assert!(map.range(after).eq(model.range(after)));
    }
}

proptest! {
    #[test]
    fn it_is_what_a_tree_is(changes in prop::collection::vec(change(), 0..60)) {
        let (mut map, mut model) = (VecMap::new(), BTreeMap::new());
        for change in changes {
            make(change, &mut map, &mut model);
            compare(&map, &model);
        }
        assert!(map.into_iter().eq(model));
    }

    #[test]
    fn two_are_in_the_order_of_two_trees(
        one in prop::collection::btree_map(0..4u8, 0..3u16, 0..4),
        other in prop::collection::btree_map(0..4u8, 0..3u16, 0..4),
    ) {
        let of = |tree: &BTreeMap<u8, u16>| VecMap::from_iter(tree.clone());
        prop_assert_eq!(of(&one).cmp(&of(&other)), one.cmp(&other));
        prop_assert_eq!(of(&one) == of(&other), one == other);
    }
}

#[test]
fn bytes_in_no_order_are_read_as_a_map() {
    let bytes = postcard::to_allocvec(&[(3u8, 1u16), (1, 2), (3, 3)][..]).expect("plain data");
    let map: VecMap<u8, u16> = postcard::from_bytes(&bytes).expect("three pairs");
    assert_eq!(map, VecMap::from([(1, 2), (3, 3)]));
}

#[test]
fn texts_are_found_without_owning_one() {
    let map: VecMap<String, u8> = [("b".to_owned(), 2), ("a".to_owned(), 1)].into();
    assert_eq!((map["a"], map.get("c")), (1, None));
}
