//! Progress that is demanded and does not come is found, and what is demanded is demanded in time.

use snowglobe_bundled::SYSTEMS;
use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use snowglobe::draw::PerMillion;
use snowglobe::faults::{Fault, Incident, Links, Membership};
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::weather::Weather;
use snowglobe::scenarios::{RecoveryBound, RunReport, Shake, Verdict, Workload};
use snowglobe::seed::Seed;
use snowglobe::time::SimTime;
use snowglobe::world::engine::{self, Finished};
use snowglobe::world::{Blueprint, Broken, World};
use snowglobe_systems::invariants::Violation;
use snowglobe_systems::process::{InvocationId, NodeId};

use super::fragile::{Fragile, Habit};
use super::promises::Promises;
use super::umpire::schedule;

/// A workload that is served after some time, or never.
#[derive(Clone, Debug, Default)]
struct Served {
    after: Option<Duration>,
    since: Option<SimTime>,
    /// What clients saw looks wrong at the last look.
    saw_nonsense: bool,
    looked: u32,
}

type FragileWorld = World<Fragile, Promises>;

impl Workload<Fragile, Promises> for Served {
    fn begin(&mut self, _: &mut FragileWorld) {}
    fn alarm(&mut self, _: &mut FragileWorld, _: u64) {}
    fn returned(&mut self, _: &mut FragileWorld, _: InvocationId, _: u64) {}
    fn settle(&mut self, world: &mut FragileWorld, _: &[NodeId]) {
        self.since = Some(world.now());
    }
    fn last_look(&mut self, world: &mut FragileWorld) {
        self.looked += 1;
        if self.saw_nonsense {
            world.breaks(Broken::Safety(nonsense()));
        }
    }
    fn settled(&mut self, world: &mut FragileWorld) -> bool {
        let since = self.since.expect("progress is demanded first");
        self.after.is_some_and(|after| world.now() >= since + after)
    }
    fn missing(&self, _: &FragileWorld) -> String {
        "somebody is not served".to_owned()
    }
}

fn nonsense() -> Violation {
    Violation::new("sense", [], "sense", "nonsense")
}

const CHAOS: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);

/// A shaken run of three nodes, and whether a majority could recover.
fn shaken<W: Workload<Fragile, Promises>>(
    seed: u64,
    workload: W,
    faults: &[&str],
) -> (Finished, W, bool) {
    let (finished, shake) = shaken_within(seed, workload, faults, 10 * PATIENCE);
    let could_recover = shake.could_recover();
    (finished, shake.into_workload(), could_recover)
}

/// As [`shaken`], with a bound on the time in which it recovers.
fn shaken_within<W: Workload<Fragile, Promises>>(
    seed: u64,
    workload: W,
    faults: &[&str],
    within: Duration,
) -> (Finished, Shake<W>) {
    let faults = schedule(faults);
    let run = move || {
        let scenario = Scenario {
            chaos: CHAOS,
            settle: PATIENCE,
            ..Scenario::calm("fragile", 3, Seed(seed))
        };
        let blueprint = Blueprint {
            seed: scenario.seed,
            configs: vec![(3, Habit::None); 3],
            links: scenario.links.clone(),
            sync: scenario.sync.clone(),
            checkpoint_bytes: scenario.checkpoint_bytes,
            faults,
            batch: 1,
            step_budget: 1_000_000,
        };
        let because = "the test says so".to_owned();
        let shake = Shake::new(&scenario, Membership::one_group(3), workload)
            .bounded_by(RecoveryBound { within, because });
        engine::run::<Fragile, Promises, _>(blueprint, shake)
    };
    thread::spawn(run).join().expect("the world does not panic")
}

/// A workload that is served when two nodes hear each other's newest beats.
#[derive(Clone, Debug, Default)]
struct WhoHears {
    since: Option<SimTime>,
}

impl Workload<Fragile, Promises> for WhoHears {
    fn begin(&mut self, _: &mut FragileWorld) {}
    fn alarm(&mut self, _: &mut FragileWorld, _: u64) {}
    fn returned(&mut self, _: &mut FragileWorld, _: InvocationId, _: u64) {}
    fn settle(&mut self, world: &mut FragileWorld, _: &[NodeId]) {
        self.since = Some(world.now());
        assert!(!pair_hears(world), "nobody hears anybody yet");
    }
    fn missing(&self, _: &FragileWorld) -> String {
        "no two hear each other".to_owned()
    }
    fn settled(&mut self, world: &mut FragileWorld) -> bool {
        pair_hears(world)
    }
}

/// Whether two nodes have heard each other lately.
fn pair_hears(world: &FragileWorld) -> bool {
    let hears = |from: NodeId, to: NodeId| {
        let said = world.process(from).map(|it| it.beats);
        let heard = world
            .process(to)
            .and_then(|it| it.heard.get(&from).copied());
        said.zip(heard)
            .is_some_and(|(said, heard)| said > 0 && said.abs_diff(heard) <= 1)
    };
    let ids = || world.node_ids();
    ids().any(|one| ids().any(|other| one < other && hears(one, other) && hears(other, one)))
}

fn served_after(after: Option<Duration>) -> Served {
    Served {
        after,
        ..Served::default()
    }
}

#[test]
fn who_is_never_served_is_stuck() {
    let (finished, workload, _) = shaken(1, served_after(None), &[]);
    let breakage = finished.breakage.expect("progress is demanded");
    match breakage.broken {
        Broken::Liveness(violation) => {
            assert_eq!(violation.property, "progress");
            assert!(violation.found.contains("wedged"), "{violation}");
            assert!(violation.found.contains("somebody is not served"));
        }
        other => panic!("{other:?}"),
    }
    let due = SimTime::START + CHAOS + 10 * PATIENCE;
    assert!((due..due + Duration::from_millis(5)).contains(&finished.at));
    assert_eq!(workload.looked, 1);
}

#[test]
fn who_is_served_late_is_slow_and_who_is_served_too_late_is_a_finding() {
    let millis = Duration::from_millis;
    let served = |after: Duration| {
        let (finished, shake) = shaken_within(1, served_after(Some(after)), &[], 2 * PATIENCE);
        let slow = shake.recovery().map(|it| it.slow);
        let property = finished.breakage.map(|breakage| match breakage.broken {
            Broken::Liveness(violation) => violation.property,
            other => panic!("{other:?}"),
        });
        assert!(
            finished.at >= SimTime::START + CHAOS,
            "the chaos is not cut short"
        );
        (property, slow)
    };
    assert_eq!(served(PATIENCE - millis(100)), (None, Some(false)));
    assert_eq!(served(PATIENCE + millis(100)), (None, Some(true)));
    let late = (Some("recovers-in-time"), Some(true));
    assert_eq!(served(2 * PATIENCE + millis(100)), late);
    assert_eq!(served(10 * PATIENCE - millis(100)), late);
    assert_eq!(
        served(10 * PATIENCE + millis(100)),
        (Some("progress"), None)
    );
}

/// What clients saw is looked at however the run ends, and goes before what did not come.
#[test]
fn what_clients_saw_is_judged_at_every_end() {
    let rot = [
        "500ms disk n1 rots",
        "500ms disk n2 rots",
        "600ms crash all losing unsynced",
        "700ms restart all",
    ];
    for (after, faults) in [(Some(Duration::ZERO), &[][..]), (None, &[]), (None, &rot)] {
        let saw = Served {
            saw_nonsense: true,
            ..served_after(after)
        };
        let (finished, ..) = shaken(1, saw, faults);
        let broken = finished.breakage.expect("nonsense").broken;
        assert_eq!(broken, Broken::Safety(nonsense()));
    }
}

#[test]
fn progress_is_demanded_unless_a_majority_is_lost() {
    let rotten = |nodes: &[&str]| {
        let rots = nodes.iter().map(|node| format!("500ms disk {node} rots"));
        let restarts = ["600ms crash all losing unsynced", "700ms restart all"];
        let faults: Vec<String> = rots.chain(restarts.map(str::to_owned)).collect();
        let words: Vec<&str> = faults.iter().map(String::as_str).collect();
        let (finished, _, could_recover) = shaken(1, served_after(None), &words);
        (finished.breakage.is_some(), could_recover)
    };
    assert_eq!(rotten(&["n1"]), (true, true));
    assert_eq!(rotten(&["n1", "n2"]), (false, false));
}

/// How one may be left ill, or one link cut, when progress is demanded.
fn ailment(struck: &[Incident]) -> Vec<&'static str> {
    let word = |incident: &Incident| match &incident.fault {
        Fault::Cut {
            links: Links::OneWay { from, to },
            ..
        } => match (from.len(), to.len()) {
            (2, 1) => "deaf",
            (1, 2) => "dumb",
            (1, 1) => "link",
            _ => panic!("{incident}"),
        },
        Fault::Clock { rate, .. } if *rate > PerMillion::ALWAYS => "hurried",
        Fault::Crash { .. } => "dead",
        Fault::Slow { .. } => "slow",
        _ => panic!("{incident}"),
    };
    struck.iter().map(word).collect()
}

/// Whoever is not among the healed keeps its faults, and gets more of them: each kind in some run.
#[test]
fn enough_must_make_progress_while_others_pester_them() {
    let mut counts: BTreeMap<Vec<&str>, u32> = BTreeMap::new();
    for seed in 0..200 {
        let (finished, ..) = shaken(seed, served_after(Some(Duration::ZERO)), &[]);
        *counts.entry(ailment(&finished.struck)).or_default() += 1;
    }
    for ailments in [
        &["deaf"][..],
        &["dumb"],
        &["deaf", "dumb"],
        &["hurried"],
        &["deaf", "hurried"],
        &["dead"],
        &["slow"],
        &["link"],
        &[],
    ] {
        let count = counts.remove(ailments).unwrap_or_default();
        assert!(count >= 5, "{ailments:?} {count} times");
    }
    assert!(counts.is_empty(), "{counts:?}");
}

/// Of three workers all but one may be ill; in some runs none is.
#[test]
fn one_of_a_crowd_is_enough() {
    let left = |seed| {
        let marks = only_demands("mapreduce", 3, seed).marks;
        marks.get("worker.left").copied().unwrap_or_default()
    };
    let left: BTreeSet<u64> = (0..20).map(left).collect();
    assert!(left.contains(&1) && left.contains(&3), "{left:?}");
}

/// Nobody can be served before chaos is over and a majority is healed, and then everybody can.
#[test]
fn a_majority_is_healed_when_chaos_is_over() {
    let harm = [
        "100ms cut all",
        "100ms links loss 100%",
        "200ms crash n1 losing unsynced",
        "200ms pause n2",
        "200ms clock n3 runs at 50%",
        "300ms disk n3 full",
    ];
    let stopped = [
        "100ms cut all",
        "200ms pause n1",
        "200ms pause n2",
        "200ms pause n3",
    ];
    let down = ["100ms cut all", "200ms crash all losing unsynced"];
    for seed in 0..10 {
        for harm in [&harm[..], &stopped, &down] {
            let (finished, _, could_recover) = shaken(seed, WhoHears::default(), harm);
            assert_eq!(finished.breakage, None, "seed {seed}: {harm:?}");
            assert!(could_recover, "seed {seed}: {harm:?}");
        }
    }
}

/// Each system demands that its clients are served: nobody is served in no time.
#[test]
fn every_system_demands_progress() {
    let with_a_clock = Weather {
        timeless_in: 0,
        ..Weather::default()
    };
    for system in SYSTEMS.all() {
        let mut scenario = system.draw_in(Seed(3), &with_a_clock);
        scenario.faults = schedule(&["10ms cut all"]);
        scenario.chaos = Duration::from_millis(500);
        scenario.settle = Duration::from_millis(1);
        let report = SYSTEMS.run(&scenario).expect("it makes sense");
        let recovery = report.recovery.expect("it is demanded, and comes");
        assert!(recovery.slow, "{}: {recovery:?}", system.name());
        assert!(recovery.took < recovery.bound, "{}", system.name());
    }
}

/// A run without chaos: all that clients ask is what is demanded of the system at the end.
fn only_demands(system: &str, nodes: usize, seed: u64) -> RunReport {
    let scenario = Scenario {
        chaos: Duration::ZERO,
        ..Scenario::calm(system, nodes, Seed(seed))
    };
    let report = SYSTEMS.run(&scenario).expect("it makes sense");
    assert_eq!(report.verdict, Verdict::Held, "{system}");
    report
}

/// Marks, and how often each must be reached.
type Marks = &'static [(&'static str, u64)];

/// What three clients of each system are owed at the end, as marks: so many times each, and no fewer.
const OWED: &[(&str, usize, Marks)] = &[
    // Each appends once, under a session, and reads.
    ("raft", 3, &[("raft.read_confirmed", 3)]),
    // Each appends to its own key, gets it, and gets another.
    ("kv", 3, &[("user.answered", 9), ("raft.read_confirmed", 6)]),
    // Each lets a group of its own join, and looks; one divides first.
    (
        "shardctrler",
        3,
        &[
            ("operator.joined", 3),
            ("operator.saw_the_newest", 3),
            ("operator.answered", 7),
        ],
    ),
    // As of kv; and all three groups have come to the newest configuration.
    (
        "shardkv",
        1,
        &[("user.answered", 9), ("group.turned_to_next", 3)],
    ),
    // All parts of the output are there, and whoever is well has left.
    ("mapreduce", 3, &[("reduce.done", 4), ("worker.left", 1)]),
];

#[test]
fn clients_are_served_all_that_they_are_owed() {
    assert_eq!(OWED.len(), SYSTEMS.all().len());
    for (system, nodes, owed) in OWED {
        let marks = only_demands(system, *nodes, 3).marks;
        for (mark, least) in *owed {
            let reached = marks.get(mark).copied().unwrap_or_default();
            assert!(reached >= *least, "{system}: {mark} {reached} times");
        }
    }
}

/// Users may be served long before groups have done what they must.
#[test]
fn groups_must_come_to_the_end_too() {
    for seed in 0..20 {
        let marks = only_demands("shardkv", 1, seed).marks;
        let turned = marks.get("group.turned_to_next").copied();
        assert!(turned >= Some(3), "seed {seed}: {turned:?}");
    }
}
