//! Whatever the bounds, a search that leaves things out sees what a search sees
//! that leaves out nothing: the same shapes of states, the same shapes that follow
//! each other, the same marks, and the same verdict.
//!
//! So many settings of each system are drawn as `SNOWGLOBE_SETTINGS` says, else 30.
//! Those are dropped that are too large to be searched in full.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use snowglobe_checkers::explore::{
    Bounds, Order, Reductions, Setting, SmallWorld, Workload, search,
};
use snowglobe_checkers::models::kv::{self, KvSetting};
use snowglobe_checkers::models::mapreduce::{self, JobSetting};
use snowglobe_checkers::models::raft::{self, RaftSetting};
use snowglobe_checkers::models::shardctrler::{self, ControllerSetting};
use snowglobe_checkers::models::shardkv::{self, ShardkvSetting};

/// What a search saw.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    shapes: BTreeSet<u64>,
    pairs: BTreeSet<(u64, u64)>,
    marks: BTreeSet<&'static str>,
    broken: Option<&'static str>,
}

/// A setting with more states than this is too large.
const TOO_LARGE: usize = 12_000;

/// What a search of a setting sees; `None` if it is too large.
fn seen<S: Setting>(setting: S, reductions: Reductions) -> Option<Seen> {
    let world = Arc::new(SmallWorld::new(setting, reductions).surveying_shapes());
    let outcome = search(&world, Order::Breadth, 1, |headway| {
        headway.distinct < TOO_LARGE
    });
    let broken = outcome.counterexample.map(|it| it.violation.property);
    if !outcome.exhausted && broken.is_none() {
        return None;
    }
    let (shapes, pairs) = world.survey().shapes();
    Some(Seen {
        shapes,
        pairs,
        marks: outcome.account.marks.into_keys().collect(),
        broken,
    })
}

/// How many settings of a system are compared.
fn settings() -> u32 {
    let asked = std::env::var("SNOWGLOBE_SETTINGS").ok();
    asked.map_or(30, |asked| {
        asked
            .parse()
            .unwrap_or_else(|_| panic!("SNOWGLOBE_SETTINGS is a number, not {asked:?}"))
    })
}

/// Bounds with a little of everything.
fn bounds(workloads: &'static [Workload]) -> impl Strategy<Value = Bounds> {
    let workload = select(workloads);
    let budgets = (1..=2u64, 1..=2u8, 0..=2u8, workload, 0..=2u8, 0..=1u8);
    let faults = (0..=1u8, 0..=1u8, 0..=1u8, 1..=4u8, 0..=1u8, any::<bool>());
    (budgets, faults).prop_map(
        |(
            (terms, clients, operations, workload, timeouts, beats),
            (crashes, duplicates, cuts, messages, snapshot_after, in_order),
        )| Bounds {
            terms,
            clients,
            operations,
            workload,
            timeouts,
            beats,
            crashes,
            duplicates,
            cuts,
            messages,
            snapshot_after,
            in_order,
        },
    )
}

/// Draws settings, and compares what the searches see.
fn compare<S: Setting>(make: impl Fn(Bounds) -> S) {
    let mut runner = TestRunner::new(Config {
        cases: settings(),
        max_global_rejects: u32::MAX,
        failure_persistence: None,
        ..Config::default()
    });
    let compared = runner.run(&bounds(S::workloads()), |bounds| {
        let Some(full) = seen(make(bounds.clone()), Reductions::NONE) else {
            return Err(TestCaseError::reject("it is too large"));
        };
        let reduced = seen(make(bounds), Reductions::default());
        let reduced = reduced.expect("it has no more states than without reductions");
        let missed = full.shapes.difference(&reduced.shapes).count();
        let invented = reduced.shapes.difference(&full.shapes).count();
        prop_assert!(
            missed == 0 && invented == 0,
            "{missed} shapes are missed and {invented} invented"
        );
        prop_assert_eq!(full, reduced);
        Ok(())
    });
    if let Err(difference) = compared {
        panic!("{}: {difference}", S::NAME);
    }
}

#[test]
fn raft_is_seen_in_full() {
    compare(|bounds| RaftSetting::new(bounds, raft::configs(3)));
}

#[test]
fn a_cluster_of_two_is_seen_in_full() {
    compare(|bounds| RaftSetting::new(bounds, raft::configs(2)));
}

/// Snapshots in chunks, one entry under way, and one that waits.
#[test]
fn raft_with_little_room_is_seen_in_full() {
    compare(|bounds| {
        let mut configs = raft::configs(3);
        for config in &mut configs {
            config.max_pending_entries = 1;
            config.raft.max_in_flight_entries = 1;
            config.raft.snapshot_chunk_bytes = 4;
        }
        RaftSetting::new(bounds, configs)
    });
}

#[test]
fn the_store_is_seen_in_full() {
    compare(|bounds| {
        let clerks = usize::from(bounds.clients);
        KvSetting::new(bounds, kv::configs(2, clerks))
    });
}

#[test]
fn the_controller_is_seen_in_full() {
    compare(|bounds| {
        let clerks = usize::from(bounds.clients);
        ControllerSetting::new(bounds, shardctrler::configs(2, clerks))
    });
}

#[test]
fn the_groups_are_seen_in_full() {
    compare(|bounds| {
        let clerks = usize::from(bounds.clients);
        ShardkvSetting::new(bounds, shardkv::configs(clerks))
    });
}

#[test]
fn a_job_is_seen_in_full() {
    compare(|bounds| JobSetting::new(bounds, mapreduce::configs(2, 1)));
}

/// Two parts of the output, and a task that lags is given to another worker as well.
#[test]
fn a_job_with_backups_is_seen_in_full() {
    compare(|bounds| {
        let mut configs = mapreduce::configs(2, 2);
        for config in &mut configs {
            config.tuning.lag_checks = Some(1);
        }
        JobSetting::new(bounds, configs)
    });
}
