//! A canary for each promise of the controller beyond those of a service.

use snowglobe_systems::invariants::Invariants as _;
use snowglobe_systems::process::{Effect, NodeId};
use snowglobe_systems::shardctrler::invariants::Chronicle;
use snowglobe_systems::shardctrler::{Configuration, ControllerInvariants, GroupId, Partitioner};

use crate::canary::{self, Canary, Said};
use crate::violations::{N1, N2, Servers, after_first, configuration, forged, look};

/// Groups and owners of configurations after the first.
type Made = &'static [(&'static [u32], &'static [u32])];

/// A controller made these, by itself.
fn made(shards: usize, made: Made) -> Said {
    look(&after_first(shards, made))
}

/// n1 shows one row of configurations, and then some node another.
fn shown(shards: usize, first: Made, node: NodeId, then: Made) -> Said {
    let mut chronicle = Chronicle::default();
    chronicle.look(N1, &after_first(shards, first))?;
    chronicle.look(node, &after_first(shards, then))
}

/// The second configuration differs from the first in a group's servers, and in whatever else.
fn with_other_servers(owners: &[u32]) -> Said {
    let mut next = configuration(2, &[1, 2], owners);
    next.groups.insert(GroupId(1), vec![NodeId(7)]);
    let first = configuration(1, &[1, 2], &[1, 1, 2, 2]);
    look(&forged(&[Configuration::first(4), first, next]))
}

const TWO_GROUPS: (&[u32], &[u32]) = (&[1, 2], &[1, 1, 2, 2]);
const UNEQUAL: (&[u32], &[u32]) = (&[1, 2], &[1, 1, 1, 2, 2]);

const CANARIES: &[Canary] = &[
    ("configurations-agree", "two nodes", || {
        shown(2, &[(&[1, 2], &[1, 2])], N2, &[(&[1, 2], &[2, 1])])
    }),
    ("configurations-agree", "on the way to the same", || {
        let then: Made = &[(&[1, 2], &[2, 1]), (&[1, 2], &[1, 1])];
        shown(2, &[(&[1, 2], &[1, 2]), (&[1, 2], &[1, 1])], N2, then)
    }),
    ("number-never-goes-back", "from v1 to v0", || {
        shown(1, &[(&[1], &[1])], N1, &[])
    }),
    ("numbers-one-by-one", "nothing changes", || {
        made(2, &[(&[1], &[1, 1]), (&[1], &[1, 1])])
    }),
    ("owner-is-a-group", "of no group", || {
        made(2, &[(&[1], &[1, 2])])
    }),
    (
        "owner-is-a-group",
        "nobody, though there is a group",
        || made(2, &[(&[1], &[1, 0])]),
    ),
    ("owner-is-a-group", "a group that has left", || {
        made(1, &[(&[1], &[1]), (&[], &[1])])
    }),
    ("group-has-servers", "none", || {
        let mut joined = configuration(1, &[1], &[1]);
        joined.groups.insert(GroupId(1), Vec::new());
        look(&forged(&[Configuration::first(1), joined]))
    }),
    ("division-is-settled", "as the first group joins", || {
        made(4, &[(&[1], &[1, 1, 1])])
    }),
    ("division-is-settled", "keys go elsewhere", || {
        let mut second = configuration(2, &[1], &[1, 1]);
        second.partitioner = Partitioner::FirstByte;
        let first = configuration(1, &[1], &[1, 1]);
        look(&forged(&[Configuration::first(2), first, second]))
    }),
    ("division-is-settled", "when all have left", || {
        made(1, &[(&[1], &[1]), (&[], &[0]), (&[], &[0, 0])])
    }),
    ("shards-stay", "one moves more than was asked", || {
        made(4, &[TWO_GROUPS, (&[1, 2], &[2, 1, 1, 2])])
    }),
    ("shards-stay", "one moves as servers change", || {
        with_other_servers(&[2, 1, 2, 2])
    }),
    ("shards-are-even", "three and one", || {
        made(4, &[(&[1, 2], &[1, 1, 1, 2])])
    }),
    ("shards-are-even", "two and none", || {
        made(2, &[(&[1], &[1, 1]), (&[1, 2], &[1, 1])])
    }),
    ("fewest-moves", "more than the newcomer needs", || {
        made(5, &[UNEQUAL, (&[1, 2, 3], &[1, 3, 3, 2, 2])])
    }),
    ("fewest-moves", "a swap", || {
        made(5, &[UNEQUAL, (&[1, 2, 3], &[2, 1, 3, 1, 2])])
    }),
    ("fewest-moves", "who stays loses some", || {
        made(5, &[UNEQUAL, (&[2, 3], &[2, 2, 2, 3, 3])])
    }),
];

#[test]
fn every_promise_has_a_canary() {
    canary::check(&["shardctrler"], &[], CANARIES);
}

/// A replica is looked at when it starts, after each effect, and at the end of a step.
#[test]
fn replicas_are_looked_at_at_every_moment() {
    let (one, other): (Made, Made) = (&[(&[1, 2], &[1, 2])], &[(&[1, 2], &[2, 1])]);
    let view = Servers::of(&[after_first(2, one), after_first(2, other)]);
    let seen = || {
        let mut invariants = ControllerInvariants::default();
        assert_eq!(invariants.started(&view, N1), Ok(()));
        invariants
    };
    for said in [
        seen().started(&view, N2),
        seen().executed(&view, N2, &Effect::Mark("mark")),
    ] {
        let violation = said.expect_err("they disagree");
        assert_eq!(violation.property, "configurations-agree");
    }
}

/// What is right passes: each of these differs in one thing from a row above.
#[test]
fn what_is_right_is_let_through() {
    assert_eq!(shown(2, &[TWO_OF_TWO], N2, &[TWO_OF_TWO]), Ok(()));
    assert_eq!(with_other_servers(&[1, 1, 2, 2]), Ok(()));
    assert_eq!(made(5, &[UNEQUAL, (&[1, 2, 3], &[1, 1, 3, 2, 2])]), Ok(()));
}

const TWO_OF_TWO: (&[u32], &[u32]) = (&[1, 2], &[1, 2]);
