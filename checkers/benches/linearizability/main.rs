//! How long judging takes, and how much memory.
//!
//! `cargo bench -p snowglobe-checkers --bench linearizability` prints the table; words
//! behind `--` print the rows that contain one of them. Each row runs in a
//! process of its own, on one thread, so that its peak memory is its own. Times
//! are those of the judge alone, the best of three; memory includes the history.

mod generate;
mod rows;

use std::process::Command;
use std::time::Instant;

use rows::rows;
use snowglobe_checkers::history::History;
use snowglobe_checkers::linearizability::{Budget, Options, Specification, Verdict, check};

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
        "| {:<46} | {:>10} | {:<12} | {:>10} | {:>9} |",
        "history", "operations", "verdict", "time", "peak"
    );
    println!("|{0:-<48}|{0:->12}|{0:-<14}|{0:->12}|{0:->11}|", "");
    for row in rows() {
        let chosen =
            wanted.is_empty() || wanted.iter().any(|word| row.name.contains(word.as_str()));
        if !chosen {
            continue;
        }
        let this = std::env::current_exe().expect("a benchmark knows itself");
        let status = Command::new(this).args(["--row", &row.name]).status();
        if !status.is_ok_and(|status| status.success()) {
            println!("| {:<46} | failed", row.name);
        }
    }
}

fn run(name: &str) {
    let row = rows().into_iter().find(|row| row.name == name);
    (row.expect("the parent knows its rows").run)(name);
}

/// Judges a history three times and prints its row.
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
    let mut best = f64::MAX;
    let mut words = String::new();
    for _ in 0..3 {
        let mut verdicts = [0; 3];
        let start = now();
        for history in histories {
            let verdict = check(specification, history, &options);
            verdicts[match verdict {
                Verdict::Linearizable(_) => 0,
                Verdict::Illegal(_) => 1,
                Verdict::Unknown(_) => 2,
            }] += 1;
        }
        best = best.min(start.elapsed().as_secs_f64());
        words = ["legal", "illegal", "unknown"]
            .iter()
            .zip(verdicts)
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| match histories.len() {
                1 => (*word).to_owned(),
                _ => format!("{count} {word}"),
            })
            .collect::<Vec<_>>()
            .join(", ");
        if best > 10.0 {
            break;
        }
    }
    let operations: usize = histories.iter().map(History::len).sum();
    println!(
        "| {name:<46} | {operations:>10} | {words:<12} | {:>7.2} ms | {:>5.0} MiB |",
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
