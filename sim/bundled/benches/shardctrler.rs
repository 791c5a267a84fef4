//! The figures of the shard controller, printed with what they mean.
//!
//! `cargo bench -p snowglobe-bundled --bench shardctrler` prints all of them. Nothing here
//! passes or fails: the machine is noisy.

use std::time::Duration;

use snowglobe::campaign::stopwatch::Stopwatch;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::LogIndex;
use snowglobe_systems::replica::StateMachine as _;
use snowglobe_systems::shardctrler::{
    Command, Configuration, Controller, GroupId, Number, Partitioner, Query, Response,
};

const GROUPS: u32 = 1_000;
const SHARDS: u16 = 10_000;
/// The same change is made so often, and the quickest and the slowest are told.
const TIMES: u32 = 20;

fn main() {
    let full = joined();
    println!("rebalancing: {GROUPS} groups of 3 servers share {SHARDS} shards");
    println!(
        "  a change made {TIMES} times, with what it takes to remember the last configuration\n"
    );
    println!(
        "  {:<34} {:>9}   {:>10} {:>10}",
        "change", "moved", "quickest", "slowest"
    );
    row(
        "one more group joins",
        &full,
        &join(GROUPS + 1..=GROUPS + 1),
    );
    row("a group leaves", &full, &leave(500..=500));
    row(
        "every tenth group leaves",
        &full,
        &leave((10..=GROUPS).step_by(10)),
    );
    row("all groups leave", &full, &leave(1..=GROUPS));
    row("all groups join", &divided(), &join(1..=GROUPS));
    println!();
    remembering(full);
}

fn row(what: &str, before: &Controller, command: &Command) {
    let mut after = before.clone();
    told(&mut after, command);
    let moved = moved(before.newest(), after.newest());
    let took = (0..TIMES).map(|_| {
        let mut controller = before.clone();
        timed(|| told(&mut controller, command))
    });
    print_row(what, &moved.to_string(), took.collect());
}

fn print_row(what: &str, count: &str, took: Vec<Duration>) {
    let (quickest, slowest) = (took.iter().min(), took.iter().max());
    let millis = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    let (quickest, slowest) = (millis(quickest), millis(slowest));
    println!("  {what:<34} {count:>9}   {quickest:>7.2} ms {slowest:>7.2} ms");
}

/// What it takes to look far back: the changes since then are undone one by one.
fn remembering(mut controller: Controller) {
    const CHANGES: u64 = 1_000;
    let before = controller.newest().number;
    for number in 0..CHANGES {
        let group = number as u32 % GROUPS + 1;
        let command = match number % 2 {
            0 => leave(group..=group),
            _ => join(group - 1..=group - 1),
        };
        told(&mut controller, &command);
    }
    let back = controller.newest().number.0 - before.0;
    println!("the past: {back} changes later, each a group that leaves or comes back\n");
    println!(
        "  {:<34} {:>9}   {:>10} {:>10}",
        "query", "undone", "quickest", "slowest"
    );
    for (what, number) in [
        ("the newest", controller.newest().number),
        ("the one from before all that", before),
    ] {
        let undone = (controller.newest().number.0 - number.0).to_string();
        let query = Query::of(number);
        let took = (0..TIMES).map(|_| timed(|| controller.query(&query)));
        print_row(what, &undone, took.collect());
    }
    println!();
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let stopwatch = Stopwatch::start();
    let result = work();
    let took = stopwatch.elapsed();
    drop(result);
    took
}

fn told(controller: &mut Controller, command: &Command) {
    let response = controller.apply(LogIndex::ZERO, command);
    assert!(matches!(response, Response::Changed(_)), "{response:?}");
}

fn divided() -> Controller {
    let mut controller = Controller::default();
    told(
        &mut controller,
        &Command::Divide {
            shards: SHARDS,
            partitioner: Partitioner::default(),
        },
    );
    controller
}

fn joined() -> Controller {
    let mut controller = divided();
    told(&mut controller, &join(1..=GROUPS));
    assert_eq!(controller.newest().number, Number(2));
    controller
}

fn join(groups: impl IntoIterator<Item = u32>) -> Command {
    let with_servers = |group: u32| {
        let server = |place: u32| NodeId((group * 3 + place) as u16);
        (GroupId(group), (0..3).map(server).collect())
    };
    Command::Join {
        groups: groups.into_iter().map(with_servers).collect(),
    }
}

fn leave(groups: impl IntoIterator<Item = u32>) -> Command {
    Command::Leave {
        groups: groups.into_iter().map(GroupId).collect(),
    }
}

fn moved(before: &Configuration, after: &Configuration) -> usize {
    let owners = before.owners.iter().zip(&after.owners);
    owners.filter(|(before, after)| before != after).count()
}
