//! Options that nobody gives are the library's, and nonsense is refused.

use std::time::Duration;

use snowglobe_systems::mapreduce::Tuning;

use super::{MapReduceOptions, MapReduceSystem, tuning};
use crate::scenarios::{System, swarm};
use crate::seed::Seed;

#[test]
fn what_is_not_said_is_as_the_library_has_it() {
    assert_eq!(tuning(&MapReduceOptions::default()), Tuning::default());
}

#[test]
fn a_tenth_of_the_drawn_runs_has_the_tuning_of_the_library() {
    let is_default = |seed: u64| {
        let scenario = swarm::draw::<MapReduceSystem>(Seed(seed));
        let options = toml::Value::Table(scenario.options).try_into();
        let options: MapReduceOptions = options.expect("they were drawn");
        assert_eq!(MapReduceSystem::check_options(&options), Ok(()));
        tuning(&options) == Tuning::default()
    };
    let defaults = (0..1000).filter(|seed| is_default(*seed)).count();
    assert!((60..140).contains(&defaults), "{defaults} in 1000");
}

#[test]
fn a_job_has_the_time_that_its_slow_executions_may_take() {
    let usual = Duration::from_secs(30);
    let quick = MapReduceOptions::default();
    assert_eq!(MapReduceSystem::settle(&quick), usual);
    let slow = MapReduceOptions {
        slow_in_100: 5,
        slow_ms: 5000,
        ..quick
    };
    let with_bad_records = MapReduceOptions {
        bad_one_in: 1,
        ..slow.clone()
    };
    let longer = MapReduceSystem::settle(&slow);
    assert!(longer > usual);
    assert!(MapReduceSystem::settle(&with_bad_records) > longer);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let refused = |options: MapReduceOptions| {
        MapReduceSystem::check_options(&options).expect_err("it makes no sense")
    };
    let of = MapReduceOptions::default;
    let sentences = [
        refused(MapReduceOptions { files: 0, ..of() }),
        refused(MapReduceOptions {
            split_bytes: 0,
            ..of()
        }),
        refused(MapReduceOptions {
            partitions: 0,
            ..of()
        }),
        refused(MapReduceOptions {
            slowness: 0,
            ..of()
        }),
        refused(MapReduceOptions {
            silence_ms: 249,
            ..of()
        }),
        refused(MapReduceOptions { lag_ms: 1, ..of() }),
        refused(MapReduceOptions {
            slow_ms: 600_001,
            ..of()
        }),
        refused(MapReduceOptions {
            down_in_100: 60,
            slow_in_100: 40,
            ..of()
        }),
    ];
    for sentence in sentences {
        assert!(sentence.contains("must be at "), "{sentence}");
    }
    let no_backups = MapReduceOptions { lag_ms: 0, ..of() };
    assert_eq!(MapReduceSystem::check_options(&no_backups), Ok(()));
}
