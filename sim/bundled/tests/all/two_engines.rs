//! What exploration says can happen, happens so in the simulated world: the same
//! steps leave every node and every disk in the same state.

use snowglobe::campaign::stopwatch::Stopwatch;
use snowglobe::scenarios::file::{Expectation, Scenario, Scripted};
use snowglobe::scenarios::{Modelled, Verdict};
use snowglobe::seed::Seed;
use snowglobe_bundled::SYSTEMS;
use snowglobe_bundled::kv::{KvOptions, KvSystem};
use snowglobe_bundled::mapreduce::{MapReduceOptions, MapReduceSystem};
use snowglobe_bundled::raft::{RaftOptions, RaftSystem};
use snowglobe_bundled::shardctrler::{ControllerOptions, ShardctrlerSystem};
use snowglobe_bundled::shardkv::ShardkvSystem;
use snowglobe_checkers::explore::{Bounds, Reductions, SmallWorld, Walks, Workload};

/// Everything that can happen happens in some of the walks.
fn eventful() -> Bounds {
    Bounds {
        terms: 4,
        clients: 2,
        operations: 4,
        workload: Workload::Usual,
        timeouts: 6,
        beats: 6,
        crashes: 3,
        duplicates: 3,
        cuts: 2,
        messages: 8,
        snapshot_after: 2,
        in_order: false,
    }
}

/// Walks through the small world of a system, and takes the same steps in the simulated one.
fn walk_in_both<S: Modelled>(nodes: usize, options: &S::Options, walks: u64) {
    let bounds = eventful();
    let setting = S::setting(nodes, options, &bounds);
    let world = SmallWorld::new(setting, Reductions::default());
    let watch = Stopwatch::start();
    let mut steps = 0;
    for number in 0..walks {
        let script = world.walk_in_steps(
            Walks {
                seed: 7,
                count: walks,
            },
            number,
        );
        assert_eq!(script.broken, None, "the code is right");
        steps += script.steps.len();
        let scenario = Scenario {
            expect: Expectation::Held,
            scripted: Some(Scripted {
                after_step: None,
                steps: script.steps,
                bounds: bounds.clone(),
                reaches: Some(script.reaches),
            }),
            options: toml::Table::try_from(options).expect("options are plain data"),
            ..Scenario::calm(S::NAME, nodes, Seed(0))
        };
        let report = SYSTEMS.run(&scenario).expect("the script makes sense");
        assert_eq!(
            report.verdict,
            Verdict::Held,
            "walk {number}:\n{}",
            scenario.to_toml()
        );
    }
    let account = world.survey().account();
    for (kind, count) in &account.actions {
        assert!(
            *count > 0,
            "no walk takes a step of the kind {}",
            kind.name()
        );
    }
    println!("{steps} steps of {} in {:?}", S::NAME, watch.elapsed());
}

#[test]
fn walks_of_raft_leave_the_same_states() {
    let options = RaftOptions {
        snapshot_chunk_bytes: Some(16),
        ..RaftOptions::default()
    };
    walk_in_both::<RaftSystem>(3, &options, 40);
    walk_in_both::<RaftSystem>(5, &options, 60);
}

#[test]
fn walks_of_the_store_leave_the_same_states() {
    let options = KvOptions {
        clerks: 2,
        ..KvOptions::default()
    };
    walk_in_both::<KvSystem>(3, &options, 40);
}

#[test]
fn walks_of_the_controller_leave_the_same_states() {
    let options = ControllerOptions {
        clerks: 2,
        ..ControllerOptions::default()
    };
    walk_in_both::<ShardctrlerSystem>(3, &options, 40);
}

#[test]
fn walks_of_the_groups_leave_the_same_states() {
    let options = ShardkvSystem::small_options(&eventful());
    walk_in_both::<ShardkvSystem>(1, &options, 80);
    walk_in_both::<ShardkvSystem>(3, &options, 60);
}

#[test]
fn walks_of_a_job_leave_the_same_states() {
    let options = MapReduceOptions {
        partitions: 2,
        ..MapReduceSystem::small_options(&eventful())
    };
    walk_in_both::<MapReduceSystem>(2, &options, 40);
    walk_in_both::<MapReduceSystem>(4, &options, 20);
}
