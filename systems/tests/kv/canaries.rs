//! A canary for each promise of a service beyond those of Raft.

use snowglobe_systems::invariants::Invariants as _;
use snowglobe_systems::process::Effect;
use snowglobe_systems::raft::{Term, Write};

use crate::canary::{self, Canary, Said};
use crate::story::{N2, World, world_led_by_n1};
use crate::violations::{snapshot, world_where_n1_goes_from_to, world_with_a_write_at_two_places};

fn first(world: &World) -> Said {
    world.violation.clone().map_or(Ok(()), Err)
}

const CANARIES: &[Canary] = &[
    ("write-applied-once", "at two places on two nodes", || {
        first(&world_with_a_write_at_two_places())
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

/// What Raft promises is watched at every moment of a service, too.
#[test]
fn the_promises_of_raft_are_watched_at_every_moment() {
    let world = || {
        let world = world_led_by_n1();
        (world.invariants.clone(), world)
    };
    let vote = |term, vote| Effect::Persist(Write::HardState { term, vote });
    let (mut invariants, led) = world();
    let wants = vote(Term(0), None);
    broken(
        invariants.stepped(&led.nodes, N2, &[wants]),
        "one-vote-per-term",
    );
    let (mut invariants, led) = world();
    let wrote = vote(Term(1), Some(N2));
    broken(
        invariants.executed(&led.nodes, N2, &wrote),
        "one-vote-per-term",
    );
    let (mut invariants, mut led) = world();
    led.durable_mut(N2).vote = None;
    broken(invariants.settled(&led.nodes, N2), "state-is-persisted");
    let (mut invariants, mut led) = world();
    led.durable_mut(N2).vote = None;
    broken(invariants.started(&led.nodes, N2), "state-is-persisted");
}

fn broken(said: Said, promise: &str) {
    assert_eq!(said.expect_err(promise).property, promise);
}

#[test]
fn every_promise_has_a_canary() {
    canary::check(&["service", "kv", "replica"], &[], CANARIES);
}
