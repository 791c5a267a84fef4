use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use proptest::prelude::*;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::vec_set::VecSet;

fn digest(value: &impl Hash) -> u64 {
    let mut digest = Digest::default();
    value.hash(&mut digest);
    digest.finish()
}

/// Whatever can be seen of it is the same.
fn compare(set: &VecSet<u8>, model: &BTreeSet<u8>) {
    assert!(set.iter().eq(model));
    assert!(set.iter().rev().eq(model.iter().rev()));
    assert_eq!(set.len(), model.len());
    assert_eq!(set.is_empty(), model.is_empty());
    assert_eq!((set.first(), set.last()), (model.first(), model.last()));
    assert_eq!(format!("{set:?}"), format!("{model:?}"));
    assert_eq!(digest(set), digest(model));
    let bytes = postcard::to_allocvec(set).expect("plain data");
    assert_eq!(bytes, postcard::to_allocvec(model).expect("plain data"));
    assert_eq!(postcard::from_bytes(&bytes).as_ref(), Ok(set));
    for value in 0..12 {
        assert_eq!(set.contains(&value), model.contains(&value));
    }
}

proptest! {
    #[test]
    fn it_is_what_a_tree_is(changes in prop::collection::vec((0..6u8, 0..12u8), 0..60)) {
        let (mut set, mut model) = (VecSet::new(), BTreeSet::new());
        for (change, value) in changes {
            match change {
                0..=2 => assert_eq!(set.insert(value), model.insert(value)),
                3 => assert_eq!(set.remove(&value), model.remove(&value)),
                4 => assert_eq!(set.pop_first(), model.pop_first()),
                _ => {
                    set.retain(|it| *it != value && *it != value + 1);
                    model.retain(|it| *it != value && *it != value + 1);
                }
            }
            compare(&set, &model);
        }
        assert!(set.into_iter().eq(model));
    }
}
