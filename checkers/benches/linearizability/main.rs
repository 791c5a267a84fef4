//! How long judging takes, and how much memory.
//!
//! `cargo bench -p snowglobe-checkers --bench linearizability` prints the table; words
//! behind `--` print the rows that contain one of them. Each row runs in a
//! process of its own, on one thread, so that its peak memory is its own. Times
//! are those of the judge alone, the best of three; memory includes the history.

mod generate;
mod rows;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

use rows::rows;
use snowglobe_checkers::history::History;
use snowglobe_checkers::linearizability::{
    Budget, Online, OnlineError, Options, Specification, Verdict, Watch, check,
};

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
        "| {:<60} | {:>10} | {:<20} | {:>10} | {:>9} |",
        "history", "operations", "verdict", "time", "peak"
    );
    println!("|{0:-<62}|{0:->12}|{0:-<22}|{0:->12}|{0:->11}|", "");
    if std::env::var_os("SNOWGLOBE_HISTORIES").is_none() {
        eprintln!("SNOWGLOBE_HISTORIES is not set: no rows of recorded histories");
    }
    for row in rows() {
        let chosen =
            wanted.is_empty() || wanted.iter().any(|word| row.name.contains(word.as_str()));
        if !chosen {
            continue;
        }
        let this = std::env::current_exe().expect("a benchmark knows itself");
        let status = Command::new(this).args(["--row", &row.name]).status();
        if !status.is_ok_and(|status| status.success()) {
            println!("| {:<60} | failed", row.name);
        }
    }
}

fn run(name: &str) {
    let row = rows().into_iter().find(|row| row.name == name);
    (row.expect("the parent knows its rows").run)(name);
}

/// Judges histories three times and prints their row.
pub(crate) fn judge<S>(name: &str, specification: &S, histories: &[History<S::Input, S::Output>])
where
    S: Specification<Key: Send + Sync, Input: Sync, Output: Sync> + Sync,
{
    let options = Options {
        budget: Budget {
            nodes: 50_000_000,
            bytes: 4 << 30,
            stop: None,
        },
        ..Options::default()
    };
    measure(name, histories, |history| {
        match check(specification, history, &options) {
            Verdict::Linearizable(_) => "legal",
            Verdict::Illegal(_) => "illegal",
            Verdict::Unknown(_) => "unknown",
        }
    });
}

/// Tells a history event by event, three times, and prints its row.
pub(crate) fn listen<S: Specification>(
    name: &str,
    specification: &S,
    history: History<S::Input, S::Output>,
) {
    let operations = history.operations().iter().enumerate();
    let mut events: Vec<_> = operations
        .flat_map(|(place, operation)| {
            let call = (operation.called, false, place);
            [
                Some(call),
                operation.returned_at().map(|at| (at, true, place)),
            ]
        })
        .flatten()
        .collect();
    events.sort_unstable();
    let events = &events;
    measure(
        &format!("{name}: watched"),
        std::slice::from_ref(&history),
        |history| {
            let mut watch = Watch::<S>::new();
            let budget = Budget::DEFAULT;
            for (at, answered, place) in events {
                let operation = &history.operations()[*place];
                let client = operation.client;
                let taken = match &operation.returned {
                    Some((_, output)) if *answered => {
                        watch.answer(specification, client, *at, output.clone(), &budget)
                    }
                    _ => watch.call(specification, client, *at, operation.input.clone()),
                };
                if taken.is_err() {
                    return "illegal";
                }
            }
            watch
                .look(specification, &budget)
                .map_or("illegal", |()| "legal")
        },
    );
    measure(
        &format!("{name}: answer by answer"),
        &[history],
        |history| {
            let mut judge = Online::new();
            for (_, answered, place) in events {
                let operation = &history.operations()[*place];
                let taken = match &operation.returned {
                    Some((_, output)) if *answered => {
                        judge.answer(specification, operation.client, output)
                    }
                    _ => judge.call(specification, operation.client, operation.input.clone()),
                };
                match taken {
                    Ok(()) => {}
                    Err(OnlineError::Illegal { .. }) => return "illegal",
                    Err(_) => return "unknown",
                }
            }
            "legal"
        },
    );
}

/// Times a judge over all histories, the best of three.
fn measure<I, O>(
    name: &str,
    histories: &[History<I, O>],
    judge: impl Fn(&History<I, O>) -> &'static str,
) {
    let mut best = f64::MAX;
    let mut verdicts = BTreeMap::new();
    for _ in 0..3 {
        verdicts.clear();
        let start = now();
        for history in histories {
            *verdicts.entry(judge(history)).or_insert(0) += 1;
        }
        best = best.min(start.elapsed().as_secs_f64());
        if best > 10.0 {
            break;
        }
    }
    let words: Vec<String> = verdicts
        .into_iter()
        .map(|(word, count)| match histories.len() {
            1 => word.to_owned(),
            _ => format!("{count} {word}"),
        })
        .collect();
    let operations: usize = histories.iter().map(History::len).sum();
    println!(
        "| {name:<60} | {operations:>10} | {:<20} | {:>7.2} ms | {:>5.0} MiB |",
        words.join(", "),
        best * 1000.0,
        peak_memory()
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// The most memory that this process ever held, in MiB.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}
