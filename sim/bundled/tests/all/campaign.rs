//! A campaign whose pass cannot be trusted says so.

use snowglobe_bundled::SYSTEMS;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use snowglobe::campaign::{
    self, Failure, Finding, MOST_HANGS, OfFamily, Plan, Progress, SeedSource, Summary,
};
use snowglobe::draw::PerMillion;
use snowglobe::faults::FaultFamily;
use snowglobe::scenarios;
use snowglobe::scenarios::weather::Weather;
use snowglobe::seed::{Partition, SeedRange};
use snowglobe::world::engine::Engine;

struct Silent;

impl Progress for Silent {
    fn ran(&self, _: &Summary) {}
    fn failed(&self, _: &Failure) {}
}

fn campaign(seeds: &str, change: impl FnOnce(&mut Plan)) -> Summary {
    let found = tempfile::tempdir().expect("a folder");
    let range: SeedRange = seeds.parse().expect("a range");
    let all: Partition = "slice:1/1".parse().expect("all of it");
    let mut plan = Plan {
        systems: vec![SYSTEMS.find("raft").expect("raft is registered")],
        seeds: SeedSource::range(range, all),
        weather: Weather::default(),
        faults: "default".to_owned(),
        identity: "of a test".to_owned(),
        resumes: false,
        engine: Engine::default(),
        jobs: 2,
        max_fail: Some(100),
        max_distinct: 100,
        shrink: Duration::ZERO,
        known: Default::default(),
        watchdog: Duration::from_secs(60),
        found: found.path().to_owned(),
        double_check: PerMillion::ZERO,
        confirm_with: Some(env!("CARGO_BIN_EXE_snowglobe").into()),
    };
    change(&mut plan);
    campaign::fuzz(&plan, &AtomicBool::new(false), &Silent).expect("the folder is writable")
}

#[test]
fn passing_runs_are_repeated_in_a_second_process() {
    let all = campaign("0..6", |plan| plan.double_check = PerMillion::ALWAYS);
    assert_eq!((all.runs(), all.repeated, all.exit_code()), (6, 6, 0));
    let none = campaign("0..6", |_| {});
    assert_eq!(none.repeated, 0);
    let unasked = campaign("0..3", |plan| {
        plan.double_check = PerMillion::ALWAYS;
        plan.confirm_with = Some("/nowhere/snowglobe".into());
    });
    assert_eq!((unasked.repeated, unasked.exit_code()), (0, 21));
}

#[test]
fn a_handful_of_hangs_ends_a_campaign() {
    let summary = campaign("0..40", |plan| {
        plan.watchdog = Duration::ZERO;
        plan.confirm_with = None;
    });
    // Two workers may be in the middle of a run each.
    assert!((MOST_HANGS..MOST_HANGS + 2).contains(&summary.hangs()));
    let is_hang = |failure: &Failure| matches!(failure.finding, Finding::Hang(_));
    assert!(summary.failures.iter().all(is_hang));
}

#[test]
fn a_watchdog_that_is_too_short_is_no_finding_of_the_system() {
    let summary = campaign("0..1", |plan| plan.watchdog = Duration::ZERO);
    let findings: Vec<&Finding> = summary.failures.iter().map(|it| &it.finding).collect();
    assert!(
        matches!(findings[..], [Finding::TimedOut(_)]),
        "{findings:?}"
    );
    assert_eq!(summary.exit_code(), 20);
}

#[test]
fn a_campaign_is_blind_if_faults_have_no_effect_or_its_canary_is_not_caught() {
    let mut summary = campaign("0..1", |_| {});
    assert_eq!(summary.blind_spots(), Vec::<String>::new());
    let raft = summary.systems.get_mut("raft").expect("it ran");
    let of_family = |runs, effective| OfFamily { runs, effective };
    raft.weather.families = [
        (FaultFamily::Pauses, of_family(29, 0)),
        (FaultFamily::Clocks, of_family(3000, 1)),
    ]
    .into();
    assert_eq!(summary.exit_code(), 0);
    let raft = summary.systems.get_mut("raft").expect("it ran");
    raft.weather
        .families
        .insert(FaultFamily::Cuts, of_family(30, 0));
    assert_eq!(summary.blind_spots().len(), 1);
    assert_eq!(summary.exit_code(), 21);
    let mut summary = campaign("0..1", |_| {});
    summary.canary = Some("it was not caught".to_owned());
    assert_eq!(summary.exit_code(), 21);
}

/// Each family has an effect in some run whose schedule has it, and none without being scheduled.
#[test]
fn families_have_an_effect_only_where_they_are_scheduled() {
    for family in FaultFamily::OF_NODES {
        let alone = Weather {
            families: Some([(family, 1)].into()),
            healthy: true,
            large_in: 0,
            long_in: 0,
            timeless_in: 0,
            ..Weather::default()
        };
        let system = SYSTEMS.find("raft").expect("raft is registered");
        let effective = |seed: u64| {
            let scenario = system.draw_in(snowglobe::seed::Seed(seed), &alone);
            let scheduled: Vec<FaultFamily> =
                scenario.faults.iter().map(|it| it.fault.family()).collect();
            let report = SYSTEMS.run(&scenario).expect("it makes sense");
            for other in FaultFamily::ALL {
                let has = report.effective.contains(other);
                assert!(!has || scheduled.contains(&other), "{family}: {other}");
            }
            report.effective.contains(family)
        };
        assert!((0..60).any(effective), "{family} never has an effect");
    }
}

/// One large and one long run of each system hold, however rarely they are drawn.
#[test]
fn large_and_long_runs_hold() {
    let only = |large_in, long_in| Weather {
        large_in,
        long_in,
        timeless_in: 0,
        ..Weather::default()
    };
    for (system, weather) in [
        ("raft", only(1, 0)),
        ("kv", only(1, 0)),
        ("shardctrler", only(1, 0)),
        ("shardkv", only(1, 0)),
        ("mapreduce", only(1, 0)),
        ("raft", only(0, 1)),
        ("kv", only(0, 1)),
    ] {
        let found = SYSTEMS.find(system).expect("it is registered");
        let usual = found.draw_in(snowglobe::seed::Seed(3), &only(0, 0));
        let scenario = found.draw_in(snowglobe::seed::Seed(3), &weather);
        assert_ne!(scenario, usual, "{system}");
        let report = SYSTEMS.run(&scenario).expect("it makes sense");
        assert_eq!(report.verdict, scenarios::Verdict::Held, "{system}");
    }
}
