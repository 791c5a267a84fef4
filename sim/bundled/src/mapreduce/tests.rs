//! Options that nobody gives are the library's, and nonsense is refused.

use std::thread;
use std::time::Duration;

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::mapreduce::invariants::MapReduceInvariants;
use snowglobe_systems::mapreduce::{Expected, Job, Node, Status, Tuning, sequentially};
use snowglobe_systems::process::InvocationId;

use super::{JobWorld, MapReduceOptions, MapReduceSystem, job, seen, tuning};
use snowglobe::scenarios::ranges;
use snowglobe::scenarios::weather::Weather;
use snowglobe::scenarios::{System, swarm};
use snowglobe::seed::Seed;
use snowglobe::world::network::LinkQuality;
use snowglobe::world::{Blueprint, Broken, Director, engine};

#[test]
fn what_is_not_said_is_as_the_library_has_it() {
    assert_eq!(tuning(&MapReduceOptions::default()), Tuning::default());
}

#[test]
fn a_tenth_of_the_drawn_runs_has_the_tuning_of_the_library() {
    let is_default = |seed: u64| {
        let scenario = swarm::draw::<MapReduceSystem>(Seed(seed), &Weather::default());
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

/// A job whose tasks take longer the longer the chaos lasts, and the time that it then needs.
#[test]
fn a_job_lasts_as_long_as_the_chaos_around_it() {
    let drawn = MapReduceOptions {
        per_kilobyte_us: 2000,
        ..MapReduceOptions::default()
    };
    let fitted = |options: &MapReduceOptions, secs| {
        MapReduceSystem::fitted(options.clone(), 5, Duration::from_secs(secs))
    };
    let [short, long] = [6, 60].map(|secs| fitted(&drawn, secs));
    assert!(short.per_kilobyte_us > drawn.per_kilobyte_us);
    assert_eq!(long.per_kilobyte_us, 10 * short.per_kilobyte_us);
    assert!(MapReduceSystem::settle(&long) > MapReduceSystem::settle(&short));
    let of_library = MapReduceOptions::default();
    assert_eq!(fitted(&of_library, 60), of_library);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let refused = |options: MapReduceOptions| {
        let table = toml::Table::try_from(&options).expect("options are plain data");
        ranges::check_options(&table, MapReduceSystem::RANGES)
            .and_then(|()| MapReduceSystem::check_options(&options))
            .expect_err("it makes no sense")
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
        assert!(sentence.contains(" must be "), "{sentence}");
    }
    let no_backups = MapReduceOptions { lag_ms: 0, ..of() };
    assert_eq!(MapReduceSystem::check_options(&no_backups), Ok(()));
}

/// Waits until a job is done, and compares what it came to.
#[derive(Clone)]
struct Onlooker {
    job: Job,
    expected: Expected,
    is_done: bool,
}

impl Director<Node, MapReduceInvariants> for Onlooker {
    fn begin(&mut self, world: &mut JobWorld) {
        world.alarm(Duration::from_millis(100), 1);
    }
    fn alarm(&mut self, world: &mut JobWorld, _: u64) {
        self.is_done = seen::is_done(world, &self.job);
        if self.is_done
            && let Err(broken) = seen::compare(world, &self.expected)
        {
            world.breaks(broken);
        }
        world.alarm(Duration::from_millis(100), 1);
    }
    fn returned(&mut self, _: &mut JobWorld, _: InvocationId, _: Option<Status>) {}
    fn is_over(&mut self, _: &mut JobWorld) -> bool {
        self.is_done
    }
}

/// What is found if something else is expected of a job than it comes to.
fn compared(change: impl FnOnce(&mut Expected)) -> Option<Violation> {
    let options = MapReduceOptions::default();
    let job = job(3, &options);
    let mut expected = sequentially(&job);
    change(&mut expected);
    let blueprint = Blueprint {
        seed: Seed(1),
        configs: MapReduceSystem::configs(3, &options),
        links: LinkQuality::default(),
        sync: Duration::ZERO..Duration::ZERO,
        checkpoint_bytes: 4096,
        faults: Vec::new(),
        batch: 1,
        step_budget: 1_000_000,
    };
    let onlooker = Onlooker {
        job,
        expected,
        is_done: false,
    };
    let run = || engine::run::<Node, MapReduceInvariants, _>(blueprint, onlooker).0;
    let finished = thread::spawn(run).join().expect("the world does not panic");
    match finished.breakage?.broken {
        Broken::Safety(violation) => Some(violation),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_that_comes_to_something_else_is_noticed() {
    assert_eq!(compared(|_| ()), None);
    let found = |change: fn(&mut Expected)| compared(change).expect("it differs").property;
    assert_eq!(
        found(|it| it.outputs[1].push_str("more\n")),
        "output-as-if-sequential"
    );
    assert_eq!(found(|it| it.outputs[0].clear()), "output-as-if-sequential");
    assert_eq!(
        found(|it| it.counters = Default::default()),
        "counters-are-exact"
    );
    assert_eq!(found(|it| it.skipped += 1), "bad-records-are-skipped");
}
