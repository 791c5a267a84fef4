//! The figures of the world, printed with what they mean.
//!
//! `cargo bench --bench world` prints all of them; a name behind
//! `--` (`speed`, `forks`, `memory`, `replay`) prints one. Nothing here passes or fails:
//! the machine is noisy, and a ratio within one run says more than a time.

use snowglobe_bundled::SYSTEMS;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use madsim::net::{Endpoint, NetSim};
use madsim::runtime::Runtime;
use snowglobe::campaign::stopwatch::Stopwatch;
use snowglobe::campaign::{self, Failure, Plan, Progress, SeedSource, Summary};
use snowglobe::draw::PerMillion;
use snowglobe::registry::Registered;
use snowglobe::scenarios::How;
use snowglobe::scenarios::weather::Weather;
use snowglobe::seed::{Partition, Seed, SeedRange};
use snowglobe::text::grouped;
use snowglobe::world::Counters;
use snowglobe::world::engine::Engine;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if wants("speed") {
        speed();
    }
    if wants("forks") {
        forks();
    }
    if wants("replay") {
        replay();
    }
    if wants("memory") {
        memory();
    }
}

/// Five-node Raft under the default fault mix, beside the bare sockets it runs on.
fn speed() {
    const SEEDS: u64 = 4000;
    const ROUNDS: usize = 3;
    println!("speed: five-node Raft under the default fault mix, one core");
    println!("  every step is checked against all invariants, and every event is hashed\n");
    for _ in 0..ROUNDS {
        let ping_pong = ping_pongs_per_second();
        println!("  raw Endpoint ping-pong   {:>12.0} messages/s", ping_pong);
        for engine in [Engine::Madsim, Engine::Direct] {
            println!("  {engine:?}");
            of_engine(&raft_run(SEEDS, engine), ping_pong);
        }
        println!();
    }
}

fn of_engine(raft: &RaftRun, ping_pong: f64) {
    let seconds = raft.took.as_secs_f64();
    let messages = raft.counters.sent as f64 / seconds;
    let row = |name: &str, value: f64, unit: &str| println!("    {name:22} {value:>12.0} {unit}");
    row("messages", messages, "messages/s");
    println!("    ratio                  {:>12.2}", messages / ping_pong);
    row("events", raft.events as f64 / seconds, "events/s");
    row("seeds", raft.seeds as f64 / seconds, "seeds/s per core");
    let simulated = raft.simulated.as_secs_f64() / seconds;
    row("simulated", simulated, "s per second");
}

/// Copies of a five-node Raft in the middle of a run.
fn forks() {
    const FORKS: u32 = 2000;
    println!("forks: copies of a five-node Raft in the middle of its run");
    let seeds = (0..).map(Seed);
    let mut scenarios = seeds.map(|seed| raft().draw(seed));
    let scenario = scenarios.find(|it| it.nodes == 5 && it.scripted.is_none());
    let scenario = scenario.expect("seeds do not end");
    let whole = SYSTEMS.run(&scenario).expect("it can be run");
    let mut run = raft().open(&scenario).expect("it can be run");
    run.run_to_step(whole.counters.steps / 2);
    let before = resident();
    let stopwatch = Stopwatch::start();
    let copies: Vec<_> = (0..FORKS).map(|_| run.fork()).collect();
    let took = stopwatch.elapsed();
    let bytes = (resident() - before) * 1024 / u64::from(FORKS);
    println!("  at step                  {:>12}", grouped(run.steps()));
    let per_second = f64::from(FORKS) / took.as_secs_f64();
    println!("  forks                    {per_second:>12.0} forks/s");
    println!("  each                     {:>12.1?}", took / FORKS);
    println!("  each holds               {:>12} bytes\n", grouped(bytes));
    drop(copies);
}

#[derive(Default)]
struct RaftRun {
    seeds: u64,
    took: Duration,
    simulated: Duration,
    events: u64,
    counters: Counters,
}

fn raft_run(seeds: u64, engine: Engine) -> RaftRun {
    let system = raft();
    let scenarios: Vec<_> = (0..seeds)
        .map(|seed| system.draw(Seed(seed)))
        .filter(|scenario| scenario.nodes == 5)
        .collect();
    let stopwatch = Stopwatch::start();
    let mut run = RaftRun::default();
    for scenario in &scenarios {
        let how = How {
            engine,
            ..How::default()
        };
        let report = SYSTEMS.run_as(scenario, how);
        let report = report.expect("a drawn scenario can be run");
        run.seeds += 1;
        run.simulated += Duration::from_nanos(report.at.0);
        run.events += report.events;
        run.counters.add(&report.counters);
    }
    run.took = stopwatch.elapsed();
    run
}

/// Two madsim nodes that send each other the same few bytes, as fast as they can.
fn ping_pongs_per_second() -> f64 {
    const ROUNDS: u64 = 200_000;
    let play = || {
        let runtime = Runtime::with_seed_and_config(1, madsim::Config::default());
        let stopwatch = Stopwatch::start();
        runtime.block_on(async {
            NetSim::current().update_config(|config| {
                config.send_latency = Duration::ZERO..Duration::from_nanos(1);
            });
            let handle = madsim::runtime::Handle::current();
            let addresses: [SocketAddr; 2] =
                ["10.0.0.1:1", "10.0.0.2:1"].map(|address| address.parse().expect("an address"));
            let [one, two] = addresses.map(|address| handle.create_node().ip(address.ip()).build());
            let echo = two.spawn(bounce(addresses[1], addresses[0], ROUNDS, false));
            one.spawn(bounce(addresses[0], addresses[1], ROUNDS, true))
                .await
                .expect("the ball comes back");
            echo.await.expect("the ball comes back");
        });
        2.0 * ROUNDS as f64 / stopwatch.elapsed().as_secs_f64()
    };
    thread::spawn(play).join().expect("the game ends")
}

async fn bounce(own: SocketAddr, other: SocketAddr, rounds: u64, serves: bool) {
    let endpoint = Endpoint::bind(own).await.expect("an address of its own");
    // Both are bound before the first ball.
    madsim::time::sleep(Duration::from_millis(10)).await;
    for _ in 0..rounds {
        if serves {
            throw(&endpoint, other).await;
        }
        endpoint.recv_from_raw(1).await.expect("the ball comes");
        if !serves {
            throw(&endpoint, other).await;
        }
    }
}

async fn throw(endpoint: &Endpoint, to: SocketAddr) {
    let ball = Box::new(vec![0_u8; 16]);
    endpoint.send_to_raw(to, 1, ball).await.expect("it flies");
}

/// From `snowglobe replay` to its exit, for ordinary seeds.
fn replay() {
    const TRIES: u64 = 30;
    println!("replay: from the start of the process to its exit");
    let mut times: Vec<Duration> = (0..TRIES)
        .map(|seed| {
            let stopwatch = Stopwatch::start();
            let status = Command::new(env!("CARGO_BIN_EXE_snowglobe"))
                .args(["replay", &seed.to_string(), "--system", "raft", "--digest"])
                .output()
                .expect("the binary runs")
                .status;
            assert!(status.success(), "seed {seed} holds");
            stopwatch.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "  median                   {:>12.1?}",
        times[times.len() / 2]
    );
    println!(
        "  slowest of {TRIES}            {:>12.1?}\n",
        times[times.len() - 1]
    );
}

/// Resident memory over a long campaign.
fn memory() {
    println!("memory: resident set of one process over a campaign, 2 workers");
    let early = campaign_of(0..1_000);
    let first = resident();
    println!(
        "  after {:>7} seeds       {:>12} MiB",
        grouped(early),
        mebibytes(first)
    );
    let late = campaign_of(1_000..20_000);
    let last = resident();
    println!(
        "  after {:>7} seeds       {:>12} MiB",
        grouped(early + late),
        mebibytes(last)
    );
    println!(
        "  growth                   {:>12} MiB",
        mebibytes(last.saturating_sub(first))
    );
    println!("  peak                     {:>12} MiB\n", mebibytes(peak()));
}

fn campaign_of(seeds: std::ops::Range<u64>) -> u64 {
    let range = SeedRange::new(Seed(seeds.start), Seed(seeds.end)).expect("not empty");
    let plan = Plan {
        double_check: PerMillion::ZERO,
        weather: Weather::default(),
        systems: vec![raft()],
        seeds: SeedSource::range(range, Partition::WHOLE),
        faults: "default".to_owned(),
        identity: "of a benchmark".to_owned(),
        resumes: false,
        engine: Engine::default(),
        jobs: 2,
        max_fail: None,
        max_distinct: usize::MAX,
        shrink: Duration::ZERO,
        known: Default::default(),
        watchdog: Duration::from_secs(60),
        found: PathBuf::from("out/bench"),
        confirm_with: None,
    };
    let summary =
        campaign::fuzz(&plan, &AtomicBool::new(false), &Silent).expect("findings can be written");
    summary.runs()
}

struct Silent;

impl Progress for Silent {
    fn ran(&self, _summary: &Summary) {}
    fn failed(&self, failure: &Failure) {
        println!("  a seed failed: {} {}", failure.system, failure.seed);
    }
}

fn raft() -> &'static dyn Registered {
    SYSTEMS.find("raft").expect("raft is registered")
}

/// A field of `/proc/self/status`, in KiB; 0 where there is no such file.
fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| {
            rest.trim_matches(|c: char| !c.is_ascii_digit())
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

fn resident() -> u64 {
    status("VmRSS:")
}

fn peak() -> u64 {
    status("VmHWM:")
}

fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1}", kibibytes as f64 / 1024.0)
}
