//! A canary for each promise of a service beyond those of Raft.

use crate::canary::{self, Canary, Said};
use crate::story::{N1, N2, World, world};
use crate::violations::{plant, snapshot, world_where_n1_goes_from_to};

fn first(world: &World) -> Said {
    world.violation.clone().map_or(Ok(()), Err)
}

/// The first write of a session was applied at i3 on n1, and at i4 on n2.
fn at_two_places() -> World {
    let mut world = world();
    plant(&mut world, N1, &snapshot(5, 1, 3));
    plant(&mut world, N2, &snapshot(6, 1, 4));
    world.restart(N1);
    world.assert_held();
    world.restart(N2);
    world
}

const CANARIES: &[Canary] = &[
    ("write-applied-once", "at two places on two nodes", || {
        first(&at_two_places())
    }),
    ("write-applied-once", "at two places on one node", || {
        let (old, new) = (snapshot(5, 1, 3), snapshot(9, 1, 8));
        first(&world_where_n1_goes_from_to(&old, &new))
    }),
    ("session-never-goes-back", "it was at #4", || {
        let (old, new) = (snapshot(5, 4, 5), snapshot(9, 3, 8));
        first(&world_where_n1_goes_from_to(&old, &new))
    }),
];

#[test]
fn every_promise_has_a_canary() {
    canary::check(&["service", "kv", "replica"], &[], CANARIES);
}
