//! The figures of MapReduce, printed with what they mean.
//!
//! `cargo bench -p snowglobe-bundled --bench mapreduce` prints all of them; a name behind
//! `--` (`words`, `backups`, `pings`) prints one. Nothing here passes or fails: the machine
//! is noisy, and a ratio within one run says more than a time.

use snowglobe_bundled::SYSTEMS;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use snowglobe::campaign::stopwatch::Stopwatch;
use snowglobe::scenarios::Verdict;
use snowglobe::scenarios::file::Scenario;
use snowglobe::seed::Seed;
use snowglobe::time::SimTime;
use snowglobe_bundled::mapreduce::MapReduceOptions;
use snowglobe_bundled::mapreduce::real::{Order, application, carry_out};
use snowglobe_systems::mapreduce::{
    self, Config, Counters, Durable, Job, Life, Message, Node, Report, Role, Split, TaskName,
    Tuning, cut,
};
use snowglobe_systems::process::{Effect, Effects, Input, NodeId, Process};

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if wants("words") {
        words();
    }
    if wants("backups") {
        backups();
    }
    if wants("pings") {
        pings();
    }
}

const MEGABYTES: usize = 100;

/// Words of a large vocabulary, some far more often than others.
fn text() -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = String::with_capacity(MEGABYTES << 20);
    let mut column = 0;
    while text.len() < MEGABYTES << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // The lower the number the more often it is drawn, as with words.
        let spread = (state % 1_000_000) as f64 / 1e6;
        let mut word = (50_000.0_f64.powf(spread)) as u64;
        while word > 0 {
            text.push(char::from(b'a' + (word % 26) as u8));
            word /= 26;
        }
        column += 1;
        text.push(if column % 12 == 0 { '\n' } else { ' ' });
    }
    text.push('\n');
    text
}

/// What anybody would write who has one thread and no world.
#[expect(
    clippy::disallowed_types,
    reason = "a baseline must not be slower than need be, and its order is sorted away"
)]
fn plainly(text: &str) -> usize {
    let mut counts: std::collections::HashMap<&str, u64> = std::collections::HashMap::new();
    for line in text.lines() {
        let words = line.split(|letter: char| !letter.is_alphabetic());
        for word in words.filter(|word| !word.is_empty()) {
            *counts.entry(word).or_default() += 1;
        }
    }
    let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
    counts.sort_unstable();
    let lines = counts
        .iter()
        .map(|(word, count)| format!("{word} {count}\n"));
    lines.collect::<String>().len()
}

/// The most that was ever resident, in MiB.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}

fn words() {
    println!("words: a word count of {MEGABYTES} MB, 8 simulated workers, one core\n");
    let text = text();
    let splits: Vec<Split> = cut("words", &text, 4 << 20);
    let stopwatch = Stopwatch::start();
    let bytes = plainly(&text);
    let plain = stopwatch.elapsed();
    drop(text);
    let rate = |took: Duration| MEGABYTES as f64 / took.as_secs_f64();
    println!("  plain sequential         {:>8.0} MB/s", rate(plain));
    for (name, faults) in [("without faults", None), ("with faults", Some(20))] {
        let app = application("wc", None).expect("it comes with it");
        let order = Order {
            job: Job {
                app,
                splits: splits.clone().into(),
                partitions: 4,
            },
            workers: 8,
            seed: Seed(42),
            faults: faults.map(Duration::from_secs),
        };
        let stopwatch = Stopwatch::start();
        let outcome = carry_out(&order, Arc::new(Mutex::new(|_: SimTime, _: &_| {})));
        let took = stopwatch.elapsed();
        let output: usize = outcome.outputs.iter().map(|part| part.len()).sum();
        assert_eq!(output, bytes, "the outputs are equally long");
        println!(
            "  in the world, {name:<14} {:>5.0} MB/s   ratio {:.2}   {} maps executed for {}   peak {:.0} MiB",
            rate(took),
            plain.as_secs_f64() / took.as_secs_f64(),
            outcome
                .marks
                .get("map.executed")
                .copied()
                .unwrap_or_default(),
            splits.len(),
            peak()
        );
    }
    println!("\n  peak: of the whole process, the generated text twice included\n");
}

/// How much sooner a job is done that one slow worker holds up (3.6).
fn backups() {
    const SEEDS: u64 = 20;
    println!("backups: one worker in ten is ten times slower, {SEEDS} seeds, simulated seconds");
    let took = |lag_ms: u64, slow_workers: u8| -> f64 {
        let options = MapReduceOptions {
            files: 10,
            lines: 300,
            split_bytes: 2048,
            partitions: 10,
            per_kilobyte_us: 200_000,
            slow_workers,
            slowness: 10,
            lag_ms,
            ..MapReduceOptions::default()
        };
        let seconds = (0..SEEDS).map(|seed| {
            let scenario = Scenario {
                story: vec!["job is done within 600s".to_owned()],
                options: toml::Table::try_from(&options).expect("plain data is TOML"),
                ..Scenario::calm("mapreduce", 10, Seed(seed))
            };
            let report = SYSTEMS.run(&scenario).expect("it can be run");
            assert_eq!(report.verdict, Verdict::Held);
            report.at.0 as f64 / 1e9
        });
        seconds.sum::<f64>() / SEEDS as f64
    };
    let (even, without, with) = (took(0, 0), took(0, 1), took(500, 1));
    println!("  no slow worker           {even:>8.1} s");
    println!("  slow one, no backups     {without:>8.1} s");
    println!(
        "  slow one, with backups   {with:>8.1} s   {:.0} % sooner\n",
        100.0 * (without - with) / without
    );
}

/// What a ping costs the coordinator, all workers mapping. A node's name is a byte, so that
/// there are 253 workers at most beside the store and the coordinator.
fn pings() {
    const BUSY: u32 = 9;
    println!("pings: nanoseconds of the coordinator for each ping of the map phase\n");
    println!("    maps  workers   busy pings   pings with a map done, and given the next");
    for maps in [100, 1_000, 10_000] {
        for workers in [16, 64, 253] {
            let (mut busy, mut mapped) = (Duration::ZERO, Duration::ZERO);
            let mut phases = 0;
            while busy + mapped < Duration::from_millis(200) {
                let mut phase = MapPhase::begin(maps, workers);
                while phase.tasks.iter().any(Option::is_some) {
                    busy += phase.round(BUSY, MapPhase::busy);
                    mapped += phase.round(1, MapPhase::mapped);
                }
                phases += 1;
            }
            let nanos = |took: Duration, pings: u32| took.as_nanos() / u128::from(pings);
            println!(
                "  {maps:>6}  {workers:>7}   {:>10}   {:>10}",
                nanos(busy, phases * BUSY * maps),
                nanos(mapped, phases * maps)
            );
        }
    }
    println!();
}

/// A coordinator whose workers have no nodes: they say what the phase wants to hear.
struct MapPhase {
    coordinator: Node,
    effects: Effects<Node>,
    /// The last task that each worker was given, until it is done.
    tasks: Vec<Option<mapreduce::Order>>,
}

impl MapPhase {
    fn begin(maps: u32, workers: usize) -> Self {
        let host = |map: u32, copy: u32| NodeId::at(2 + (map + copy) as usize % workers);
        let split = |map: u32| Split {
            file: "book".into(),
            offset: u64::from(map),
            text: "a\n".into(),
            hosts: vec![host(map, 0), host(map, 7)],
        };
        let job = Job {
            app: application("wc", None).expect("it comes with it"),
            splits: (0..maps).map(split).collect(),
            partitions: 10,
        };
        let config = Config {
            job: job.into(),
            role: Role::Coordinator,
            store: NodeId(1),
            coordinator: NodeId(2),
            tuning: Tuning::default(),
        };
        let mut effects = Effects::new();
        let coordinator = Node::start(NodeId(2), &config, Durable::Nothing, &mut effects);
        effects.clear();
        let mut phase = Self {
            coordinator,
            effects,
            tasks: vec![None; workers],
        };
        for worker in 0..workers {
            phase.ping(worker, Report::Idle);
        }
        phase
    }

    /// All workers that have a task ping so many times.
    fn round(&mut self, times: u32, report: fn(&mapreduce::Order) -> Report) -> Duration {
        let mut took = Duration::ZERO;
        for worker in 0..self.tasks.len() {
            let Some(task) = self.tasks[worker].clone() else {
                continue;
            };
            for _ in 0..times {
                let report = report(&task);
                let stopwatch = Stopwatch::start();
                self.ping(worker, report);
                took += stopwatch.elapsed();
            }
        }
        took
    }

    fn ping(&mut self, worker: usize, report: Report) {
        let newest = match &report {
            Report::Busy { attempt, .. } | Report::Mapped { attempt, .. } => Some(*attempt),
            _ => None,
        };
        let life = Life(1);
        let message = Message::Ping {
            life,
            newest,
            report,
        };
        let from = NodeId::at(2 + worker);
        self.coordinator
            .step(Input::Receive { from, message }, &mut self.effects);
        for effect in self.effects.drain() {
            let Effect::Send { message, .. } = effect else {
                continue;
            };
            match message {
                Message::Order {
                    order: mapreduce::Order::GoOn { .. },
                    ..
                } => {}
                Message::Order { order, .. } => {
                    let is_map = matches!(order, mapreduce::Order::Map { .. });
                    self.tasks[worker] = is_map.then_some(order);
                }
                _ => {}
            }
        }
    }

    fn busy(order: &mapreduce::Order) -> Report {
        match order {
            mapreduce::Order::Map { map, attempt, .. } => Report::Busy {
                task: TaskName::Map(*map),
                attempt: *attempt,
                missing: Vec::new(),
                store_is_silent: false,
            },
            _ => Report::Idle,
        }
    }

    fn mapped(order: &mapreduce::Order) -> Report {
        match order {
            mapreduce::Order::Map { map, attempt, .. } => Report::Mapped {
                map: *map,
                attempt: *attempt,
                counters: Counters::default(),
                bytes: 1,
            },
            _ => Report::Idle,
        }
    }
}
