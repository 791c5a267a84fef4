//! Progress that is demanded and does not come is found, and what is demanded is demanded in time.

use std::thread;
use std::time::Duration;

use snowglobe::draw::PerMillion;
use snowglobe::faults::{Fault, Links, Membership, TimedFault};
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::{self, RunReport, Settled, Shake, Verdict, Workload};
use snowglobe::seed::Seed;
use snowglobe::time::SimTime;
use snowglobe::world::engine::{self, Finished};
use snowglobe::world::{Blueprint, Broken, World};
use snowglobe_systems::invariants::Violation;
use snowglobe_systems::process::{InvocationId, NodeId};

use crate::fragile::{Fragile, Habit};
use crate::promises::Promises;
use crate::umpire::schedule;

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
    fn settle(&mut self, world: &mut FragileWorld) {
        self.since = Some(world.now());
    }
    fn last_look(&mut self, world: &mut FragileWorld) {
        self.looked += 1;
        if self.saw_nonsense {
            world.breaks(Broken::Safety(nonsense()));
        }
    }
    fn settled(&mut self, world: &mut FragileWorld) -> Settled {
        let since = self.since.expect("progress is demanded first");
        match self.after {
            Some(after) if world.now() >= since + after => Settled::Yes,
            _ => Settled::NotYet("somebody is not served".to_owned()),
        }
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
            step_budget: 1_000_000,
        };
        let shake = Shake::new(&scenario, Membership::one_group(3), workload);
        let (finished, shake) = engine::run::<Fragile, Promises, _>(blueprint, shake);
        let could_recover = shake.could_recover();
        (finished, shake.into_workload(), could_recover)
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
    fn settle(&mut self, world: &mut FragileWorld) {
        self.since = Some(world.now());
        assert!(!pair_hears(world), "nobody hears anybody yet");
    }
    fn settled(&mut self, world: &mut FragileWorld) -> Settled {
        match pair_hears(world) {
            true => Settled::Yes,
            false => Settled::NotYet("no two hear each other".to_owned()),
        }
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
            assert_eq!(violation.found, "somebody is not served");
        }
        other => panic!("{other:?}"),
    }
    let due = SimTime::START + CHAOS + PATIENCE;
    assert!((due..due + Duration::from_millis(5)).contains(&finished.at));
    assert_eq!(workload.looked, 1);
}

#[test]
fn who_is_served_too_late_is_stuck_and_who_is_served_in_time_is_not() {
    let millis = Duration::from_millis;
    let (in_time, ..) = shaken(1, served_after(Some(PATIENCE - millis(100))), &[]);
    assert_eq!(in_time.breakage, None);
    assert!(
        in_time.at >= SimTime::START + CHAOS,
        "the chaos is not cut short"
    );
    let (late, ..) = shaken(1, served_after(Some(PATIENCE + millis(100))), &[]);
    assert!(late.breakage.is_some());
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

/// Whoever is not of the healed majority keeps its faults, and gets more of them: each kind in
/// some run.
#[test]
fn a_majority_must_make_progress_while_others_pester_it() {
    let (mut deaf, mut dumb, mut hurried) = (0, 0, 0);
    for seed in 0..40 {
        let (finished, ..) = shaken(seed, served_after(Some(Duration::ZERO)), &[]);
        let cuts = finished
            .struck
            .iter()
            .filter_map(|timed| match timed.fault {
                Fault::Cut(Links::One { from, to }) => Some((from, to)),
                _ => None,
            });
        match cuts.collect::<Vec<_>>()[..] {
            [] => {}
            [(_, one), (_, other)] if one == other => deaf += 1,
            [(one, _), (other, _)] if one == other => dumb += 1,
            ref cuts => panic!("{cuts:?}"),
        }
        let is_hurried = |timed: &TimedFault| matches!(timed.fault, Fault::Clock { rate, .. } if rate > PerMillion::ALWAYS);
        hurried += u32::from(finished.struck.iter().any(is_hurried));
    }
    assert!(
        deaf > 5 && dumb > 5 && hurried > 10,
        "{deaf} {dumb} {hurried}"
    );
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
    for system in scenarios::all() {
        let mut scenario = system.draw(Seed(3));
        scenario.faults = schedule(&["10ms cut all"]);
        scenario.chaos = Duration::from_millis(500);
        scenario.settle = Duration::from_millis(20);
        let report = scenarios::run(&scenario).expect("it makes sense");
        let property = report.verdict.property();
        assert_eq!(property, Some("progress"), "{}", system.name());
        assert!(matches!(report.verdict, Verdict::Broke(_)));
    }
}

/// A run without chaos: all that clients ask is what is demanded of the system at the end.
fn only_demands(system: &str, nodes: usize, seed: u64) -> RunReport {
    let scenario = Scenario {
        chaos: Duration::ZERO,
        ..Scenario::calm(system, nodes, Seed(seed))
    };
    let report = scenarios::run(&scenario).expect("it makes sense");
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
    // All parts of the output are there, and all workers have left.
    ("mapreduce", 3, &[("reduce.done", 4), ("worker.left", 3)]),
];

#[test]
fn clients_are_served_all_that_they_are_owed() {
    assert_eq!(OWED.len(), scenarios::all().len());
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
