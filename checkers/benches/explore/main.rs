//! How fast small worlds are explored, how much memory a state takes, and what
//! each reduction is worth.
//!
//! `cargo bench -p snowglobe-checkers --bench explore` prints the table; words behind
//! `--` print the rows that contain one of them. Each row runs in a process of its
//! own, so that its peak memory is its own.

#[allow(dead_code, unused_imports, reason = "its tests are not needed here")]
#[path = "../../tests/known_counts/main.rs"]
mod known_counts;

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use snowglobe_checkers::explore::{
    Bounds, Headway, Order, Reductions, SearchEngine, Setting, SmallWorld, search_by,
};
use snowglobe_checkers::models::raft::{RaftSetting, configs};
use stateright::{Checker, Model};

/// What is measured, and how.
struct Row {
    name: &'static str,
    run: Box<dyn Fn() -> Counts>,
}

/// What a search came to.
struct Counts {
    distinct: usize,
    generated: usize,
    /// Different steps of single nodes, where they are counted.
    local: usize,
}

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [flag, name] = &wanted[..]
        && flag == "--row"
    {
        return run(name);
    }
    println!(
        "| {:<44} | {:>10} | {:>10} | {:>7} | {:>10} | {:>8} | {:>7} |",
        "search", "distinct", "generated", "seconds", "distinct/s", "B/state", "local"
    );
    println!(
        "|{0:-<46}|{0:->12}|{0:->12}|{0:->9}|{0:->12}|{0:->10}|{0:->9}|",
        ""
    );
    for row in rows() {
        let chosen = wanted.is_empty() || wanted.iter().any(|word| row.name.contains(word));
        if chosen {
            let this = std::env::current_exe().expect("a benchmark knows itself");
            let status = Command::new(this).args(["--row", row.name]).status();
            assert!(status.is_ok_and(|status| status.success()), "{}", row.name);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark asks the wall clock")]
fn run(name: &str) {
    let row = rows().into_iter().find(|row| row.name == name);
    let row = row.expect("the parent knows its rows");
    let before = peak();
    let start = Instant::now();
    let counts = (row.run)();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "| {:<44} | {:>10} | {:>10} | {:>7.2} | {:>10.0} | {:>8} | {:>7} |",
        row.name,
        counts.distinct,
        counts.generated,
        seconds,
        counts.distinct as f64 / seconds,
        (peak() - before) / counts.distinct as u64,
        counts.local
    );
}

/// The most bytes that were ever resident.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) << 10
}

/// The first of Raft's scopes: three nodes, one operation, one crash.
fn crash() -> Bounds {
    RaftSetting::scopes().swap_remove(0).bounds
}

/// The same without the crash, small enough to be explored without any reduction.
fn calm() -> Bounds {
    Bounds {
        crashes: 0,
        ..crash()
    }
}

fn explored<S: Setting>(world: SmallWorld<S>, order: Order, threads: usize) -> Counts {
    explored_by(SearchEngine::Packed, world, order, threads)
}

fn explored_by<S: Setting>(
    engine: SearchEngine,
    world: SmallWorld<S>,
    order: Order,
    threads: usize,
) -> Counts {
    let world = Arc::new(world);
    let outcome = search_by(engine, &world, order, threads, |_| true);
    assert!(outcome.exhausted, "it is small enough");
    let Headway {
        distinct,
        generated,
        ..
    } = outcome.headway;
    Counts {
        distinct,
        generated,
        local: world.local_steps(),
    }
}

fn raft(
    name: &'static str,
    bounds: Bounds,
    reductions: Reductions,
    order: Order,
    threads: usize,
) -> Row {
    let run = move || {
        let setting = RaftSetting::new(bounds.clone(), configs(3));
        explored(SmallWorld::new(setting, reductions), order, threads)
    };
    Row {
        name,
        run: Box::new(run),
    }
}

/// The same states, kept by stateright.
fn by_stateright(name: &'static str, order: Order, threads: usize) -> Row {
    let run = move || {
        let setting = RaftSetting::new(crash(), configs(3));
        let world = SmallWorld::new(setting, Reductions::default());
        explored_by(SearchEngine::Stateright, world, order, threads)
    };
    Row {
        name,
        run: Box::new(run),
    }
}

fn rows() -> Vec<Row> {
    let all = Reductions::default();
    let breadth = Order::Breadth;
    let crashing = |name, order, threads| raft(name, crash(), all, order, threads);
    let mut rows = vec![
        crashing("raft, crash: breadth first, 1 thread", breadth, 1),
        crashing("raft, crash: breadth first, 2 threads", breadth, 2),
        crashing("raft, crash: depth first, 1 thread", Order::Depth, 1),
        crashing("raft, crash: depth first, 2 threads", Order::Depth, 2),
        by_stateright("raft, crash: stateright breadth, 1 thread", breadth, 1),
        by_stateright("raft, crash: stateright depth, 1 thread", Order::Depth, 1),
        Row {
            name: "raft, crash: run forward from 1 in 256",
            run: Box::new(|| {
                let setting = RaftSetting::new(crash(), configs(3));
                let world = SmallWorld::new(setting, Reductions::default()).sampling(Some(256));
                explored(world, Order::Breadth, 1)
            }),
        },
        raft("raft, calm: all reductions", calm(), all, breadth, 1),
    ];
    for (name, reductions) in [
        (
            "raft, calm: without symmetry",
            Reductions {
                symmetry: false,
                ..all
            },
        ),
        (
            "raft, calm: without leaving out obsolete messages",
            Reductions {
                obsolete: false,
                ..all
            },
        ),
        (
            "raft, calm: without leaving out steps that change nothing",
            Reductions {
                stuttering: false,
                ..all
            },
        ),
        ("raft, calm: no reduction", Reductions::NONE),
    ] {
        rows.push(raft(name, calm(), reductions, breadth, 1));
    }
    rows.extend(paxos());
    rows
}

/// Single-decree Paxos, 3 servers and 3 clients, as a process and as actors of
/// stateright's own model.
fn paxos() -> Vec<Row> {
    let theirs = |order| {
        let builder = known_counts::paxos_as_actors(3).checker();
        match order {
            Order::Breadth => counts(builder.spawn_bfs().join()),
            Order::Depth => counts(builder.spawn_dfs().join()),
        }
    };
    let ours = || explored(known_counts::paxos_as_process(3), Order::Breadth, 1);
    vec![
        Row {
            name: "paxos, ours: breadth first, 1 thread",
            run: Box::new(ours),
        },
        Row {
            name: "paxos, stateright's actors: breadth, 1 thread",
            run: Box::new(move || theirs(Order::Breadth)),
        },
        Row {
            name: "paxos, stateright's actors: depth, 1 thread",
            run: Box::new(move || theirs(Order::Depth)),
        },
    ]
}

fn counts<M: Model>(checker: impl Checker<M>) -> Counts
where
    M::State: Clone + PartialEq + std::fmt::Debug + std::hash::Hash,
    M::Action: Clone + PartialEq + std::fmt::Debug,
{
    Counts {
        distinct: checker.unique_state_count(),
        generated: checker.state_count(),
        local: 0,
    }
}
