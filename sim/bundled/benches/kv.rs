//! The figures of the key/value service, printed with what they mean.
//!
//! `cargo bench -p snowglobe-bundled --bench kv` prints all of them; a name behind `--`
//! (`faults`, `batching`, `judging`, `overload`) prints one. Nothing here passes or fails:
//! the machine is noisy, and a ratio within one run says more than a time.

use snowglobe_bundled::SYSTEMS;
use std::io::Cursor;
use std::time::Duration;

use snowglobe::campaign::stopwatch::Stopwatch;
use snowglobe::draw::{Purpose, Streams};
use snowglobe::faults::{FaultProfile, Membership, generate};
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::{Histories, How, RunReport, Verdict};
use snowglobe::seed::Seed;
use snowglobe::text::grouped;
use snowglobe::time::SimTime;
use snowglobe_bundled::kv::KvOptions;
use snowglobe_checkers::history::{History, Moment, json_lines};
use snowglobe_checkers::linearizability::specifications::{
    KeyValue, KeyedInput, TextInput, TextOutput,
};
use snowglobe_checkers::linearizability::{Budget, Options, Watch, check};

type Recorded = History<KeyedInput<std::sync::Arc<str>, TextInput>, TextOutput>;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if wants("faults") {
        faults();
    }
    if wants("batching") {
        batching();
    }
    if wants("judging") {
        judging();
    }
    if wants("overload") {
        overload();
    }
}

/// Five servers and ten clients.
fn options() -> KvOptions {
    KvOptions {
        clerks: 10,
        max_raft_state: 4000,
        ..KvOptions::default()
    }
}

/// A shaken run of five servers and ten clients; its faults are drawn from the
/// seed, as a campaign would.
fn shaken(seed: u64, chaos: Duration, profile: Option<FaultProfile>) -> Scenario {
    let mut scenario = calm(5, seed, chaos, &options());
    let mut draw = Streams::new(scenario.seed).open(Purpose::Schedule);
    let members = Membership::groups([5], 10);
    let profile = profile.unwrap_or_else(|| FaultProfile::draw(&mut draw, &members));
    scenario.faults = generate(&mut draw, &members, SimTime::START + chaos, &profile);
    scenario
}

fn calm(nodes: usize, seed: u64, chaos: Duration, options: &KvOptions) -> Scenario {
    Scenario {
        chaos,
        settle: Duration::from_secs(30),
        options: toml::Table::try_from(options).expect("options of plain data are TOML"),
        ..Scenario::calm("kv", nodes, Seed(seed))
    }
}

fn run(scenario: &Scenario) -> RunReport {
    let how = How {
        histories: Histories::All,
        ..How::default()
    };
    let report = SYSTEMS.run_as(scenario, how).expect("it can be run");
    assert!(
        !matches!(report.verdict, Verdict::Broke(_)),
        "seed {} holds: {:?}",
        scenario.seed,
        report.verdict
    );
    report
}

/// Client operations per second of wall clock, under faults.
fn faults() {
    const SEEDS: u64 = 200;
    println!("faults: 5 servers, 10 clients, default faults, {SEEDS} seeds of 10 s, one core");
    println!("  histories are recorded and judged, and every step is checked\n");
    for _ in 0..3 {
        let stopwatch = Stopwatch::start();
        let (mut answered, mut simulated) = (0, Duration::ZERO);
        let mut histories = Vec::new();
        for seed in 0..SEEDS {
            let report = run(&shaken(seed, Duration::from_secs(10), None));
            answered += report.counters.returned;
            simulated += Duration::from_nanos(report.at.0);
            histories.push(report.history.expect("it is kept"));
        }
        let took = stopwatch.elapsed().as_secs_f64();
        let histories: Vec<Recorded> = histories.iter().map(|lines| read(lines)).collect();
        let judged = watched(&histories).as_secs_f64();
        println!(
            "  operations               {:>12.0} per s",
            answered as f64 / took
        );
        println!(
            "  simulated                {:>12.0} s per s",
            simulated.as_secs_f64() / took
        );
        println!(
            "  share spent on judging   {:>12.1} %\n",
            100.0 * judged / took
        );
    }
}

/// What is answered where more is asked than disks can sync: it must not fall
/// as ever more clients wait, and all of it is answered once no more comes.
fn overload() {
    println!(
        "overload: 3 servers whose disks sync in 50 to 80 ms, appends of clients that do not think"
    );
    println!(
        "  a patience of 300 ms, doubled once; 60 clerks; new calls for 300 simulated s, then none\n"
    );
    println!("  clients   answered per simulated s   of the best   the rest answered after");
    let mut best: f64 = 0.0;
    for (clerks, each) in [(5, 1), (15, 1), (60, 1), (60, 2), (60, 4), (60, 10)] {
        let options = KvOptions {
            clerks,
            lanes: each,
            users_per_clerk: each,
            patience_ms: Some(300),
            think_ms: 0,
            own_in_100: 100,
            gets_in_100: 0,
            ..KvOptions::default()
        };
        let load = Duration::from_secs(300);
        let mut scenario = calm(3, 5, load, &options);
        scenario.sync = Duration::from_millis(50)..Duration::from_millis(80);
        scenario.settle = Duration::from_secs(600);
        let report = run(&scenario);
        let took = Duration::from_nanos(report.at.0);
        let per_second = report.counters.returned as f64 / took.as_secs_f64();
        best = best.max(per_second);
        println!(
            "  {:>7}   {:>24.1}   {:>9.0} %   {:>20.1} s",
            u16::from(clerks) * u16::from(each),
            per_second,
            100.0 * per_second / best,
            took.saturating_sub(load).as_secs_f64(),
        );
    }
    println!();
}

/// Operations per simulated second, without faults: many clients share batches.
fn batching() {
    println!("batching: 5 servers, no faults, links of 2 to 5 ms");
    println!("  appends and gets of clients that do not think, over 10 simulated s\n");
    println!(
        "  clients  sync of a disk  batch     operations per simulated s     messages per operation"
    );
    let millis = Duration::from_millis;
    for (sync, words, batch) in [
        (Duration::ZERO..Duration::ZERO, "at once", 1),
        (millis(1)..millis(2), "1 to 2 ms", 1),
        (millis(1)..millis(2), "1 to 2 ms", 64),
        (millis(20)..millis(30), "20 to 30 ms", 1),
        (millis(20)..millis(30), "20 to 30 ms", 64),
    ] {
        for clients in [1, 10, 100] {
            let options = KvOptions {
                clerks: clients,
                think_ms: 0,
                own_in_100: 100,
                gets_in_100: 50,
                max_raft_state: 100_000,
                ..KvOptions::default()
            };
            let mut scenario = calm(5, 1, Duration::from_secs(10), &options);
            scenario.sync = sync.clone();
            scenario.batch = batch;
            let report = run(&scenario);
            let counters = &report.counters;
            let seconds = report.at.0 as f64 / 1e9;
            println!(
                "  {clients:>7}  {words:>14}  {batch:>5}     {:>26.0}     {:>22.1}",
                counters.returned as f64 / seconds,
                counters.sent as f64 / counters.returned as f64
            );
        }
    }
    println!();
}

/// The time it takes to judge a run of a minute.
fn judging() {
    println!("judging: a run of 60 simulated s, 5 servers, 10 clients, default faults");
    for seed in 0..3 {
        let stopwatch = Stopwatch::start();
        let report = run(&shaken(seed, Duration::from_secs(60), None));
        let took = stopwatch.elapsed();
        let history = read(&report.history.expect("it is kept"));
        let stopwatch = Stopwatch::start();
        let verdict = check(&KeyValue::EMPTY, &history, &Options::default());
        let judged = stopwatch.elapsed();
        assert!(verdict.is_linearizable(), "it was judged before");
        println!(
            "  {:>6} operations: run {took:>9.1?}   judged at the end {judged:>9.1?}   judged on the way {:>9.1?}",
            grouped(history.len() as u64),
            watched(&[history])
        );
    }
    println!();
}

fn read(lines: &str) -> Recorded {
    json_lines::read(Cursor::new(lines)).expect("what was written is read")
}

/// What it costs to judge histories while they grow.
fn watched(histories: &[Recorded]) -> Duration {
    let stopwatch = Stopwatch::start();
    for history in histories {
        let mut watch = Watch::new();
        for (at, place, returns) in events(history) {
            let operation = &history.operations()[place];
            let taken = match (&operation.returned, returns) {
                (Some((_, output)), true) => watch.answer(
                    &KeyValue::EMPTY,
                    operation.client,
                    at,
                    output.clone(),
                    &Budget::DEFAULT,
                ),
                _ => watch.call(
                    &KeyValue::EMPTY,
                    operation.client,
                    at,
                    operation.input.clone(),
                ),
            };
            taken.expect("it was judged before");
        }
        watch
            .look(&KeyValue::EMPTY, &Budget::DEFAULT)
            .expect("it was judged before");
    }
    stopwatch.elapsed()
}

fn events(history: &Recorded) -> Vec<(Moment, usize, bool)> {
    let operations = history.operations().iter().enumerate();
    let mut events: Vec<_> = operations
        .flat_map(|(place, operation)| {
            let end = operation.returned_at().map(|at| (at, place, true));
            [Some((operation.called, place, false)), end]
        })
        .flatten()
        .collect();
    events.sort_by_key(|(at, place, returns)| (*at, *returns, *place));
    events
}
