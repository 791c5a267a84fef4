//! MapReduce: a job over a drawn corpus, its workers, its stories.
//!
//! The store is `n1`, the coordinator `n2`, and the workers come behind them.

mod corpus;
mod job_command;
pub mod real;
mod seen;
mod shaken;
mod story;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::Bounds;
use snowglobe_checkers::models::mapreduce::{JobInvariants, JobSetting, tiny_splits};
use snowglobe_systems::mapreduce::applications::{BadRecords, Unruly};
use snowglobe_systems::mapreduce::invariants::MapReduceInvariants;
use snowglobe_systems::mapreduce::marks::MARKS;
use snowglobe_systems::mapreduce::{App, Config, Durable, Job, Node, Role, Tuning};
use snowglobe_systems::process::{NodeId, Process};

use snowglobe::draw::Draw;
use snowglobe::faults::Membership;
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::ranges::{IN_100, Ranges, SOME_MS, UP_TO_AN_HOUR_MS};
use snowglobe::scenarios::story::Story;
use snowglobe::scenarios::{Modelled, System};
use snowglobe::scenarios::{RecoveryBound, recovery};
use snowglobe::world::{Director, World};

pub use self::job_command::JOB;
pub use self::shaken::Shaken;
use self::story::JobTeller;

/// MapReduce after the paper.
#[derive(Debug)]
pub struct MapReduceSystem;

/// The world of a run.
pub type JobWorld = World<Node, MapReduceInvariants>;

/// The node of the store.
pub const STORE: NodeId = NodeId(1);
/// The node of the coordinator.
pub const COORDINATOR: NodeId = NodeId(2);
/// How many nodes are no workers.
const OTHERS: usize = 2;

/// Tuning and job. The tuning is the library's where nothing is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MapReduceOptions {
    /// The application: `wc`, `indexer`, `grep`, `sort` or `hosts`.
    pub app: String,
    /// Decides the text of the corpus, and which executions and records are unruly.
    pub corpus: u32,
    /// How many files the corpus has.
    pub files: u8,
    /// How many lines each file has.
    pub lines: u32,
    /// The bytes of a split, about.
    pub split_bytes: usize,
    /// How many parts the output has.
    pub partitions: u16,
    /// How many workers have a copy of each split.
    pub replicas: u8,
    /// Of a hundred executions, how many take their worker down.
    pub down_in_100: u8,
    /// Of a hundred executions, how many are slow.
    pub slow_in_100: u8,
    /// The longest that a slow one takes beyond its usual time, in milliseconds.
    pub slow_ms: u64,
    /// One record in so many crashes the code; 0 for none.
    pub bad_one_in: u32,
    /// How many workers are slow, the first ones.
    pub slow_workers: u8,
    /// How many times as long as others they take.
    pub slowness: u32,
    /// How long a task takes for each kilobyte, in microseconds.
    pub per_kilobyte_us: u64,
    /// After how many milliseconds of silence, about, a worker is taken for dead;
    /// at least 250.
    pub silence_ms: u64,
    /// After how many milliseconds, about, a task lags; 0 for no backup tasks.
    pub lag_ms: u64,
}

impl Default for MapReduceOptions {
    fn default() -> Self {
        let tuning = Tuning::default();
        Self {
            app: "wc".to_owned(),
            corpus: 1,
            files: 4,
            lines: 60,
            split_bytes: 1024,
            partitions: 4,
            replicas: 0,
            down_in_100: 0,
            slow_in_100: 0,
            slow_ms: 0,
            bad_one_in: 0,
            slow_workers: 0,
            slowness: 10,
            per_kilobyte_us: tuning.per_kilobyte.as_micros() as u64,
            silence_ms: in_millis(tuning.silent_checks),
            lag_ms: tuning.lag_checks.map_or(0, in_millis),
        }
    }
}

/// How long so many checks of the coordinator take, in milliseconds.
fn in_millis(checks: u32) -> u64 {
    u64::from(checks) * Tuning::default().check.as_millis() as u64
}

/// Store and coordinator must be well, and one of the workers.
fn members(workers: usize) -> Membership {
    Membership::groups([1, 1], workers)
        .whose_clients_write()
        .whose_clients_share(1)
}

impl System for MapReduceSystem {
    type Process = Node;
    type Invariants = MapReduceInvariants;
    type Options = MapReduceOptions;
    type Workload = Shaken;

    const NAME: &'static str = "mapreduce";
    const ABOUT: &'static str = "MapReduce on simulated disks, judged by a sequential run";
    const NODES: (usize, usize) = (1, 32);
    const PROPERTIES: &'static [&'static str] = &[
        "bad-records-are-skipped",
        "counters-are-exact",
        "output-as-if-sequential",
    ];
    const RANGES: Ranges = &[&[
        ("corpus", 0..=u32::MAX as u64),
        ("files", 1..=255),
        ("lines", 0..=100_000),
        ("split_bytes", 1..=1 << 30),
        ("partitions", 1..=10_000),
        ("replicas", 0..=255),
        ("down_in_100", IN_100),
        ("slow_in_100", IN_100),
        ("slow_ms", 0..=600_000),
        ("bad_one_in", 0..=u32::MAX as u64),
        ("slow_workers", 0..=255),
        ("slowness", 1..=1000),
        ("per_kilobyte_us", 0..=MOST_PER_KILOBYTE_US),
        ("silence_ms", SOME_MS),
        ("lag_ms", UP_TO_AN_HOUR_MS),
    ]];

    fn marks() -> Vec<&'static str> {
        MARKS.to_vec()
    }

    fn draw_options(draw: &mut Draw, nodes: usize) -> MapReduceOptions {
        let app = *draw.pick(&["wc", "wc", "indexer", "grep", "sort", "hosts"]);
        let (files, lines) = (draw.range(1..6) as u8, *draw.pick(&[5, 40, 120]));
        let (slow_workers, slowness) = (*draw.weighted(&[(3, 0), (1, 1)]), *draw.pick(&[3, 10]));
        // All maps on one worker, and all reduces on a slow one, must be done
        // several times over in the time in which progress is demanded.
        // Each bad record takes two executions.
        let bad_one_in = *draw.pick(&[0, 0, 50]);
        let again = if bad_one_in > 0 { AGAIN } else { 1 };
        let slow_ms = *draw.pick(&[200, 1000, 5000]);
        let work_ms = *draw.pick(&[200, 1000, LONGEST_WORK_MS]);
        let lines_in_all = u64::from(files) * u64::from(lines);
        let kilobytes = lines_in_all * LINE_BYTES / 1024 + 1;
        let slowed = if slow_workers > 0 {
            u64::from(slowness)
        } else {
            1
        };
        let options = MapReduceOptions {
            app: app.to_owned(),
            corpus: draw.below(1 << 31) as u32,
            files,
            lines,
            split_bytes: *draw.pick(if lines > 100 {
                &[1000, 2000, 4000]
            } else {
                &[300, 1000, 4000]
            }),
            partitions: *draw.pick(&[1, 2, 4, 7]),
            replicas: *draw.pick(&[0, 1, 2]),
            // A worker that goes down takes all of its maps along.
            down_in_100: *draw.pick(if nodes > 2 {
                &[0, 0, 10, 30]
            } else {
                &[0, 0, 3, 3]
            }),
            slow_in_100: *draw.pick(if slow_ms > 1000 { &[0, 5] } else { &[0, 30] }),
            slow_ms,
            bad_one_in,
            slow_workers,
            slowness,
            per_kilobyte_us: work_ms * 1000 / kilobytes / slowed / again,
            // Several pings in a row may be lost; who is taken for dead too
            // soon loses all that it has done.
            silence_ms: *draw.pick(&[1000, 2000, 4000]),
            lag_ms: *draw.pick(&[0, 500, 2000]),
        };
        // The last of all draws, so that it shifts no other.
        match draw.below(10) {
            0 => tuned_as_the_library_is(options),
            _ => options,
        }
    }

    /// What takes [`LONGEST_WORK_MS`] of one worker takes as many as there are reduce tasks
    /// for as long as the chaos lasts.
    fn fitted(options: MapReduceOptions, nodes: usize, chaos: Duration) -> MapReduceOptions {
        // Whoever has the library's tuning keeps its pace.
        if options.per_kilobyte_us == MapReduceOptions::default().per_kilobyte_us {
            return options;
        }
        let at_once = nodes.min(usize::from(options.partitions)) as u64;
        let all = at_once * u64::try_from(chaos.as_millis()).unwrap_or(u64::MAX);
        let per_kilobyte_us = options.per_kilobyte_us * all / LONGEST_WORK_MS;
        MapReduceOptions {
            per_kilobyte_us: per_kilobyte_us.clamp(options.per_kilobyte_us, MOST_PER_KILOBYTE_US),
            ..options
        }
    }

    /// All tasks may have to be done by one worker, and twice over, since those that go down
    /// take their maps along; each bad record takes two executions more; and some of
    /// all these executions are slow.
    fn settle(options: &MapReduceOptions) -> Duration {
        let lines = u64::from(options.files) * u64::from(options.lines);
        let maps = u64::from(options.files) + lines * LINE_BYTES / options.split_bytes as u64;
        let tasks = maps + u64::from(options.partitions);
        let bad = lines.checked_div(u64::from(options.bad_one_in));
        let executions = 2 * (tasks + 2 * bad.unwrap_or(0));
        let bytes = lines * LINE_BYTES + 1024;
        let slowed = match options.slow_workers {
            0 => 1,
            _ => u64::from(options.slowness),
        };
        // A worker that goes down takes all of its maps along, and may be the only one.
        let again = if options.bad_one_in > 0 || options.down_in_100 > 0 {
            AGAIN
        } else {
            1
        };
        let work_us = 2 * bytes * options.per_kilobyte_us / 1024 * slowed * again;
        let slow_ms = executions * u64::from(options.slow_in_100) * options.slow_ms / 100;
        Duration::from_secs(30)
            + Duration::from_millis(slow_ms)
            + Duration::from_secs(work_us / 1_000_000)
    }

    fn recovery_bound(scenario: &Scenario, options: &MapReduceOptions) -> RecoveryBound {
        let millis = Duration::from_millis;
        let overlooked = millis(options.silence_ms + options.lag_ms + options.slow_ms);
        RecoveryBound::of(&[
            (
                2,
                scenario.settle,
                "what one worker needs for all of the work, twice over",
            ),
            (
                20,
                overlooked,
                "until a task that nobody does is given to another",
            ),
            (30, recovery::exchange(scenario), "the longest exchange"),
        ])
    }

    fn check_options(options: &MapReduceOptions) -> Result<(), String> {
        let check = in_millis(1);
        let too_short = [
            ("silence_ms", options.silence_ms < check),
            ("lag_ms", (1..check).contains(&options.lag_ms)),
        ];
        if let Some((name, _)) = too_short.iter().find(|(_, is_too_short)| *is_too_short) {
            return Err(format!(
                "`{name}` must be at least {check}: the coordinator looks no more often"
            ));
        }
        let unruly = u64::from(options.down_in_100) + u64::from(options.slow_in_100);
        if unruly > 99 {
            return Err(format!(
                "`down_in_100` and `slow_in_100` must be at most 99 together, not {unruly}"
            ));
        }
        match real::application(&options.app, None) {
            Some(_) => Ok(()),
            None => Err(format!(
                "there is no application {:?}; there are {}",
                options.app,
                APPLICATIONS.join(", ")
            )),
        }
    }

    /// The store and the coordinator must come back; workers may come and go.
    fn membership(nodes: usize, _: &MapReduceOptions) -> Membership {
        members(nodes)
    }

    fn enlarged(
        draw: &mut Draw,
        nodes: usize,
        options: MapReduceOptions,
    ) -> (usize, MapReduceOptions) {
        let larger = MapReduceOptions {
            files: draw.range(10..31) as u8,
            lines: 120,
            per_kilobyte_us: options.per_kilobyte_us.min(20_000),
            slow_in_100: 0,
            ..options
        };
        (nodes.max(draw.range(11..32) as usize), larger)
    }

    fn configs(nodes: usize, options: &MapReduceOptions) -> Vec<Config> {
        let job = job(nodes, options);
        let slow = usize::from(options.slow_workers);
        configs_of(&job, nodes, &tuning(options), |worker| {
            match worker < slow {
                true => options.slowness,
                false => 1,
            }
        })
    }

    fn workload(scenario: &Scenario, options: &MapReduceOptions) -> Shaken {
        Shaken::new(&job(scenario.nodes, options))
    }

    fn storyteller(
        scenario: &Scenario,
        options: &MapReduceOptions,
    ) -> Result<Box<dyn Director<Node, MapReduceInvariants>>, String> {
        let members = Self::membership(scenario.nodes, options);
        let teller = JobTeller::new(&job(scenario.nodes, options));
        Ok(Box::new(Story::new(scenario, &members, teller)?))
    }
}

impl Modelled for MapReduceSystem {
    type Setting = JobSetting;

    fn small_options(_: &Bounds) -> MapReduceOptions {
        MapReduceOptions {
            partitions: 1,
            lag_ms: 0,
            ..MapReduceOptions::default()
        }
    }

    /// The input is not drawn: a few words are enough.
    fn setting(nodes: usize, options: &MapReduceOptions, bounds: &Bounds) -> JobSetting {
        let job = Job {
            splits: tiny_splits(NodeId::at(OTHERS)),
            ..job(nodes, options)
        };
        let configs = configs_of(&job, nodes, &tuning(options), |_| 1);
        JobSetting::new(bounds.clone(), configs)
    }

    fn setting_around(nodes: usize, options: &MapReduceOptions, bounds: &Bounds) -> JobSetting {
        JobSetting::tuned(bounds.clone(), Self::configs(nodes, options))
    }

    fn promises(invariants: &MapReduceInvariants) -> JobInvariants {
        invariants.clone().into()
    }

    fn term(durable: &<Node as Process>::Durable) -> u64 {
        match durable {
            Durable::Nothing | Durable::Store(_) => 0,
            Durable::Coordinator(ledger) => u64::from(ledger.epoch),
            Durable::Worker(disk) => u64::from(disk.life.0),
        }
    }

    const NOT_ASKED_AROUND: Option<&'static str> = Some("they only ask how the job stands");
}

/// How long one worker has for the largest job, at a time when nothing fails.
const LONGEST_WORK_MS: u64 = 3000;
/// How many times the work is done over for bad records and code that takes its worker
/// down, about.
const AGAIN: u64 = 10;
/// The most that a task takes for each kilobyte, in microseconds.
const MOST_PER_KILOBYTE_US: u64 = 10_000_000;

/// About how long a drawn line is.
const LINE_BYTES: u64 = 40;

/// The names of the applications that come with it.
pub const APPLICATIONS: [&str; 5] = ["wc", "indexer", "grep", "sort", "hosts"];

/// What `grep` seeks in a drawn corpus.
const SOUGHT: &str = "snow";

/// The job of a scenario.
fn job(workers: usize, options: &MapReduceOptions) -> Job {
    let mut app = real::application(&options.app, Some(SOUGHT)).expect("options are checked");
    let seed = u64::from(options.corpus);
    if options.bad_one_in > 0 {
        let one_in = u64::from(options.bad_one_in);
        let inner = app;
        app = App::new(
            inner.name(),
            BadRecords {
                inner,
                seed,
                one_in,
            },
        );
    }
    if options.down_in_100 + options.slow_in_100 > 0 {
        let inner = app;
        let unruly = Unruly {
            seed,
            down_in_100: options.down_in_100,
            slow_in_100: options.slow_in_100,
            slow: Duration::from_millis(options.slow_ms),
            executions: 2,
            inner,
        };
        app = App::new(unruly.inner.name(), unruly);
    }
    Job {
        app,
        splits: corpus::splits(workers, options),
        partitions: options.partitions,
    }
}

/// The same job with the tuning that users get who change nothing.
fn tuned_as_the_library_is(options: MapReduceOptions) -> MapReduceOptions {
    let MapReduceOptions {
        per_kilobyte_us,
        silence_ms,
        lag_ms,
        ..
    } = MapReduceOptions::default();
    MapReduceOptions {
        per_kilobyte_us,
        silence_ms,
        lag_ms,
        ..options
    }
}

fn tuning(options: &MapReduceOptions) -> Tuning {
    let tuning = Tuning::default();
    let checks = |millis: u64| (millis / tuning.check.as_millis() as u64).max(1) as u32;
    Tuning {
        silent_checks: checks(options.silence_ms),
        lag_checks: (options.lag_ms > 0).then(|| checks(options.lag_ms)),
        per_kilobyte: Duration::from_micros(options.per_kilobyte_us),
        ..tuning
    }
}

/// One configuration per node, for so many workers.
pub fn configs_of(
    job: &Job,
    workers: usize,
    tuning: &Tuning,
    slowness: impl Fn(usize) -> u32,
) -> Vec<Config> {
    let job = Arc::new(job.clone());
    let config = |role| Config {
        job: job.clone(),
        role,
        store: STORE,
        coordinator: COORDINATOR,
        tuning: tuning.clone(),
    };
    let mut configs = vec![config(Role::Store), config(Role::Coordinator)];
    configs.extend((0..workers).map(|worker| {
        let slowness = slowness(worker);
        config(Role::Worker { slowness })
    }));
    configs
}
