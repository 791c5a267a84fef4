//! What every schedule keeps to, over thousands of seeds.

mod groups;

use super::*;
use crate::draw::{Purpose, Streams};
use crate::faults::DiskFault;
use crate::faults::membership::tolerated_damage;
use crate::seed::Seed;

const UNTIL: SimTime = SimTime::from_millis(20_000);

fn draw(seed: u64) -> Draw {
    Streams::new(Seed(seed)).open(Purpose::Schedule)
}

fn swarm(seed: u64) -> (usize, Vec<Incident>) {
    let mut draw = draw(seed);
    let nodes = draw.index(9) + 1;
    let members = Membership::one_group(nodes);
    let profile = FaultProfile::draw(&mut draw, &members);
    (nodes, generate(&mut draw, &members, UNTIL, &profile))
}

#[test]
fn schedules_are_sorted_known_and_short_enough() {
    for seed in 0..3000 {
        let (nodes, faults) = swarm(seed);
        assert!(faults.is_sorted_by_key(|fault| fault.at));
        for fault in &faults {
            assert!(fault.at < UNTIL && fault.at > SimTime::START, "{fault}");
            assert!(
                fault
                    .fault
                    .nodes()
                    .iter()
                    .all(|node| node.position() < nodes),
                "{fault}"
            );
            assert_eq!(fault.to_string().parse().as_ref(), Ok(fault));
        }
    }
}

#[test]
fn at_most_a_minority_is_damaged_for_good() {
    let mut most = 0;
    for seed in 0..3000 {
        let mut draw = draw(seed);
        let nodes = draw.index(9) + 1;
        let profile = FaultProfile::quiet().with(FaultFamily::Damage, 1);
        let faults = generate(&mut draw, &Membership::one_group(nodes), UNTIL, &profile);
        let rotten: BTreeSet<Vec<NodeId>> = faults
            .iter()
            .filter(|fault| fault.fault.family() == FaultFamily::Damage)
            .map(|fault| fault.fault.nodes())
            .collect();
        assert!(rotten.len() * 2 < nodes || rotten.is_empty());
        most = most.max(rotten.len());
    }
    assert_eq!(most, 4, "the bound is used up in some schedule");
}

#[test]
fn what_lasts_has_an_end_as_long_as_the_profile_says() {
    for seed in 0..1000 {
        let (_, incidents) = swarm(seed);
        for incident in incidents {
            assert_eq!(
                incident.until.is_some(),
                incident.fault.lasts(),
                "{incident}"
            );
            let span = incident.until.unwrap_or(incident.at).since(incident.at);
            assert!(span <= Duration::from_millis(60_500), "{incident}");
        }
    }
}

/// How many incidents begin while another one lasts, of each profile's thousand.
fn overlaps(clusters: Clusters) -> usize {
    let mut overlaps = 0;
    for seed in 0..100 {
        let profile = FaultProfile {
            clusters,
            ..FaultProfile::quiet().with(FaultFamily::Pauses, 1)
        };
        let members = Membership::one_group(5);
        let incidents = generate(&mut draw(seed), &members, UNTIL, &profile);
        overlaps += incidents
            .windows(2)
            .filter(|two| two[0].until.is_some_and(|until| two[1].at < until))
            .count();
    }
    overlaps
}

#[test]
fn incidents_attract_each_other_or_keep_apart() {
    let [free, attracted, apart] =
        [Clusters::Free, Clusters::Attract, Clusters::Apart].map(overlaps);
    assert_eq!(apart, 0);
    assert!(free > 200 && attracted > free, "{free} {attracted}");
}

#[test]
fn every_family_and_every_kind_comes_up() {
    let mut words = BTreeSet::new();
    let mut families = BTreeSet::new();
    for seed in 0..300 {
        let faults = generate(
            &mut draw(seed),
            &Membership::one_group(5),
            UNTIL,
            &FaultProfile::everything(),
        );
        for fault in faults {
            families.insert(fault.fault.family());
            let text = fault.fault.to_string();
            words.extend(text.split_whitespace().map(str::to_owned));
        }
    }
    assert_eq!(families.len(), FaultFamily::OF_NODES.len());
    for word in "partition bridge ring cut holding link links of crash all after losing keeping \
                 tearing leaving pause slow clock runs jumps syncs fails drops-sync full \
                 unreadable rots bad-sector lost-write misdirected-write latency loss over \
                 duplicate reorder corrupt hold repeat 80% 125%"
        .split_whitespace()
    {
        assert!(words.contains(word), "{word} never comes up");
    }
}

#[test]
fn a_family_that_is_off_stays_off() {
    for family in FaultFamily::OF_NODES {
        let profile = FaultProfile::quiet().with(family, 1);
        let faults = generate(&mut draw(1), &Membership::one_group(5), UNTIL, &profile);
        assert!(faults.iter().any(|fault| fault.fault.family() == family));
        let without = profile.without(family);
        assert_eq!(
            generate(&mut draw(1), &Membership::one_group(5), UNTIL, &without),
            []
        );
    }
    assert_eq!(
        generate(
            &mut draw(1),
            &Membership::one_group(0),
            UNTIL,
            &FaultProfile::everything()
        ),
        []
    );
}

/// The nodes whose disks rot.
fn rotten(faults: &[Incident]) -> BTreeSet<NodeId> {
    let rots = |incident: &Incident| match &incident.fault {
        Fault::Disk {
            nodes,
            fault: DiskFault::Damaged(_),
        } => nodes.named().to_vec(),
        _ => Vec::new(),
    };
    faults.iter().flat_map(rots).collect()
}

#[test]
fn the_same_seed_draws_the_same_schedule() {
    assert_eq!(swarm(7), swarm(7));
    assert_ne!(swarm(7), swarm(8));
}

#[test]
fn each_group_keeps_its_majority_and_clients_have_no_disks() {
    let members = Membership::groups([3, 3, 5], 4);
    let clients = members.clients();
    let mut rotten_groups = 0;
    for seed in 0..500 {
        let faults = generate(
            &mut draw(seed),
            &members,
            UNTIL,
            &FaultProfile::everything(),
        );
        let rotten = rotten(&faults);
        for group in members.each_group() {
            let damaged = group.iter().filter(|node| rotten.contains(node)).count();
            assert!(damaged <= tolerated_damage(group.len()), "seed {seed}");
            rotten_groups += usize::from(damaged > 0);
        }
        let on_client = |fault: &Incident| matches!(&fault.fault, Fault::Disk { nodes, .. } if nodes.named().iter().any(|node| clients.contains(node)));
        assert!(!faults.iter().any(on_client), "seed {seed}");
    }
    assert!(rotten_groups > 500, "{rotten_groups}");
}

#[test]
fn disks_of_clients_rot_in_a_minority_and_only_if_they_keep_something() {
    let members = Membership::groups([1, 1], 5).whose_clients_write();
    let mut rotten_in_all = 0;
    for seed in 0..300 {
        let faults = generate(
            &mut draw(seed),
            &members,
            UNTIL,
            &FaultProfile::everything(),
        );
        let rotten = rotten(&faults);
        let of_clients = rotten
            .iter()
            .filter(|node| members.clients().contains(node));
        assert_eq!(of_clients.count(), rotten.len(), "seed {seed}");
        assert!(rotten.len() <= 2, "seed {seed}");
        rotten_in_all += rotten.len();
    }
    assert!(rotten_in_all > 300, "{rotten_in_all}");
}
