//! Faults of whole groups occur where there are several, and nowhere else.

use std::collections::BTreeMap;

use super::*;
use crate::faults::Shape;

fn members() -> Membership {
    Membership::groups([3, 3, 5], 4)
}

fn schedule(seed: u64, members: &Membership, family: FaultFamily) -> Vec<Incident> {
    let profile = FaultProfile::quiet().with(family, 1);
    generate(&mut draw(seed), members, UNTIL, &profile)
}

/// Every shape that is drawn in many schedules.
fn shapes(members: &Membership) -> Vec<Shape> {
    (0..300)
        .flat_map(|seed| schedule(seed, members, FaultFamily::GroupPartitions))
        .filter_map(|fault| match fault.fault {
            Fault::Shape { shape, .. } => Some(shape),
            _ => None,
        })
        .collect()
}

/// Whether a shape lets all nodes of one side reach all of another.
fn joins(shape: &Shape, one: &[NodeId], other: &[NodeId]) -> bool {
    let mut pairs = one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b)));
    pairs.all(|(a, b)| shape.reaches(a, b) && shape.reaches(b, a))
}

/// Whether a shape lets no node of one side reach any of another.
fn parts(shape: &Shape, one: &[NodeId], other: &[NodeId]) -> bool {
    let mut pairs = one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b)));
    !pairs.any(|(a, b)| shape.reaches(a, b) || shape.reaches(b, a))
}

#[test]
fn one_group_has_no_faults_of_groups() {
    for members in [Membership::one_group(5), Membership::groups([5], 4)] {
        for family in FaultFamily::OF_GROUPS {
            assert_eq!(schedule(1, &members, family), []);
        }
    }
}

#[test]
fn one_group_draws_as_if_there_were_no_such_families() {
    for seed in 0..300 {
        let (mut one, mut several) = (draw(seed), draw(seed));
        let profile = FaultProfile::draw(&mut one, &Membership::one_group(5));
        let mut with_groups = FaultProfile::draw(&mut several, &members());
        for family in FaultFamily::OF_GROUPS {
            assert!(!profile.families.contains_key(&family), "seed {seed}");
            with_groups = with_groups.without(family);
        }
        assert_eq!(profile, with_groups, "seed {seed}");
    }
}

#[test]
fn drawn_profiles_have_them() {
    for family in FaultFamily::OF_GROUPS {
        let has = |seed: &u64| {
            let profile = FaultProfile::draw(&mut draw(*seed), &members());
            profile.families.contains_key(&family)
        };
        assert!((270..430).contains(&(0..1000).filter(has).count()));
    }
}

/// Who goes down at each moment at which anybody does.
fn felled(faults: &[Incident]) -> BTreeMap<SimTime, Vec<NodeId>> {
    let mut felled: BTreeMap<SimTime, Vec<NodeId>> = BTreeMap::new();
    for fault in faults {
        if let Fault::Crash { .. } = fault.fault {
            felled
                .entry(fault.at)
                .or_default()
                .extend(fault.fault.nodes());
        }
    }
    felled
}

#[test]
fn a_group_goes_down_as_a_whole_and_comes_back() {
    let members = members();
    let (mut at_once, mut one_by_one) = (0, 0);
    for seed in 0..300 {
        let incidents = schedule(seed, &members, FaultFamily::GroupCrashes);
        for (down, nodes) in felled(&incidents) {
            assert!(members.each_group().contains(&nodes), "{nodes:?} at {down}");
            let crashes = incidents.iter().filter(|incident| incident.at == down);
            match crashes.count() {
                1 => at_once += 1,
                _ => one_by_one += 1,
            }
        }
    }
    assert!(
        at_once > 1000 && one_by_one > 1000,
        "{at_once}, {one_by_one}"
    );
}

#[test]
fn no_group_falls_apart_and_some_lose_each_other() {
    let members = members();
    let groups = members.each_group();
    for shape in shapes(&members) {
        assert!(groups.iter().all(|group| joins(&shape, group, group)));
        let lost = |one: &Vec<NodeId>| groups.iter().any(|other| parts(&shape, one, other));
        assert!(groups.iter().any(lost), "{shape:?}");
        let holds = false;
        let words = Fault::Shape { shape, holds };
        assert_eq!(words.to_string().parse().as_ref(), Ok(&words));
    }
}

#[test]
fn every_way_of_losing_each_other_comes_up() {
    let members = members();
    let [first, second, third] = members.each_group() else {
        panic!("three groups");
    };
    let clients = members.clients();
    let servers: Vec<NodeId> = members.servers().collect();
    let rest = [&second[..], third].concat();
    let shapes = shapes(&members);
    let comes_up = |way: &str, is_so: &dyn Fn(&Shape) -> bool| {
        let times = shapes.iter().filter(|shape| is_so(shape)).count();
        assert!(times >= 10, "{way}: {times} of {}", shapes.len());
    };
    let first_is_alone = |shape: &Shape| parts(shape, first, &rest) && joins(shape, second, third);
    comes_up("clients reach both sides", &|shape| {
        first_is_alone(shape) && joins(shape, clients, &servers)
    });
    comes_up("clients are on one side or the other", &|shape| {
        first_is_alone(shape) && !joins(shape, clients, clients)
    });
    comes_up("clients do not reach the first group", &|shape| {
        first_is_alone(shape) && parts(shape, first, clients)
    });
    comes_up("two lose each other, and reach all else", &|shape| {
        parts(shape, first, third) && joins(shape, second, &servers)
    });
    comes_up("each loses all others", &|shape| {
        parts(shape, first, &rest) && parts(shape, second, third)
    });
}

#[test]
fn two_groups_without_clients_will_do() {
    let members = Membership::groups([1, 3], 0);
    let (one, other) = (&members.each_group()[0], &members.each_group()[1]);
    let shapes = shapes(&members);
    assert!(shapes.iter().all(|shape| parts(shape, one, other)));
    assert!(!schedule(1, &members, FaultFamily::GroupCrashes).is_empty());
}
