//! Shards move from group to group.

use snowglobe_systems::shardctrler::Shard;

use crate::story::{G1, G2, G3, world};

#[test]
fn the_first_group_has_all_shards_at_once() {
    let mut world = world();
    world.join(&[G1]);
    world.poll();
    assert_eq!(world.served_by(G1), 10);
    world.append_and_wait(Shard(3), "a");
    assert_eq!(world.get(Shard(3)), "a");
    world.assert_held();
}

#[test]
fn a_group_that_joins_gets_its_share_with_all_that_was_written() {
    let mut world = world();
    world.join(&[G1]);
    for shard in 0..10 {
        world.append_and_wait(Shard(shard), "a");
    }
    world.join(&[G2]);
    world.poll();
    world.poll();
    assert_eq!((world.served_by(G1), world.served_by(G2)), (5, 5));
    world.assert_handed_over();
    for shard in 0..10 {
        world.append_and_wait(Shard(shard), "b");
        assert_eq!(world.get(Shard(shard)), "ab", "{shard}");
    }
    world.leave(&[G1]);
    world.join(&[G3]);
    world.leave(&[G2]);
    for _ in 0..4 {
        world.poll();
    }
    assert_eq!(world.served_by(G3), 10);
    world.assert_handed_over();
    for shard in 0..10 {
        assert_eq!(world.get(Shard(shard)), "ab", "{shard}");
    }
    world.assert_held();
}

#[test]
fn when_all_groups_leave_the_last_owner_keeps_the_shards_for_the_next() {
    let mut world = world();
    world.join(&[G1]);
    world.append_and_wait(Shard(0), "a");
    world.leave(&[G1]);
    world.poll();
    assert_eq!(world.served_by(G1), 0);
    world.join(&[G2]);
    for _ in 0..4 {
        world.poll();
    }
    assert_eq!(world.served_by(G2), 10);
    assert_eq!(world.get(Shard(0)), "a");
    world.assert_held();
}
