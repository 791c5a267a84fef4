//! What a campaign came to, for a person.

use std::fmt::Write as _;
use std::time::Duration;

use crate::campaign::weather;
use crate::campaign::{self, Failure, Plan, SeedSource, Summary, SystemSummary};
use crate::seed::{Partition, Seed};
use crate::text::{counted, grouped, program};

/// What is said of a campaign beside what it came to.
pub(in crate::cli) struct Header {
    /// Its first line behind the number of its runs.
    title: String,
    /// Its seeds, in words.
    pub(super) seeds: String,
    pub(super) interrupted: bool,
    /// Whether it is several campaigns.
    is_merged: bool,
    /// Failures that are known and did not show.
    unseen: Vec<String>,
    /// The command that takes the same seeds again, if they are not plain to see.
    pub(super) again: Option<String>,
}

impl Header {
    /// Of a campaign that this process went through.
    pub(super) fn of(plan: &Plan, summary: &Summary, interrupted: bool) -> Self {
        let seeds = describe_seeds(&plan.seeds);
        Self {
            title: format!("on {} workers", plan.jobs),
            seeds,
            interrupted,
            is_merged: false,
            unseen: {
                let seen = summary.failures.iter().map(|it| it.fingerprint.clone());
                let unseen = plan.known.unseen(&seen.collect::<Vec<_>>());
                unseen.into_iter().map(str::to_owned).collect()
            },
            again: plan.seeds.by_time.then(|| repeated(summary, plan)),
        }
    }

    /// Of several campaigns.
    pub(in crate::cli) fn merged(campaigns: usize) -> Self {
        Self {
            title: "at most".to_owned(),
            seeds: format!("of {campaigns} campaigns"),
            interrupted: false,
            is_merged: true,
            unseen: Vec::new(),
            again: None,
        }
    }
}

/// The summary of a campaign, for a person.
pub(in crate::cli) fn human(summary: &Summary, header: &Header) -> String {
    let mut text = String::new();
    let Header { seeds, title, .. } = header;
    let _ = writeln!(
        text,
        "fuzz  {} runs  {seeds}  {:.1}s {title}{}",
        grouped(summary.runs()),
        summary.took.as_secs_f64(),
        if header.interrupted {
            "  INTERRUPTED"
        } else {
            ""
        }
    );
    for (name, system) in &summary.systems {
        of_system(&mut text, name, system, summary.took);
    }
    let _ = writeln!(
        text,
        "\n{} of the runs that held were repeated in a second process",
        grouped(summary.repeated)
    );
    if let Some(trouble) = &summary.trouble {
        let _ = writeln!(text, "STOPPED: cannot write what was found: {trouble}");
    }
    if summary.hangs() >= campaign::MOST_HANGS && !header.is_merged {
        let hangs = summary.hangs();
        let _ = writeln!(
            text,
            "STOPPED: {hangs} runs did not finish in time, and each may keep a core busy"
        );
    }
    let blind = summary.blind_spots();
    for spot in &blind {
        let _ = writeln!(text, "BLIND: {spot}");
    }
    let _ = match summary.failures.len() {
        0 if !blind.is_empty() => writeln!(text, "no failures, but this pass cannot be trusted"),
        0 => writeln!(text, "held in every run"),
        _ => {
            distinct(&mut text, summary);
            Ok(())
        }
    };
    for name in &header.unseen {
        let _ = writeln!(text, "known and not seen: {name}");
    }
    if let Some(again) = &header.again {
        let _ = writeln!(text, "{again}");
    }
    text
}

/// The command that takes the same seeds again.
fn repeated(summary: &Summary, plan: &Plan) -> String {
    let systems: Vec<&str> = plan.systems.iter().map(|it| it.name()).collect();
    let (first, partition) = (plan.seeds.range.start().0, plan.seeds.partition);
    let each = summary.runs().div_ceil(systems.len().max(1) as u64);
    let behind = first.saturating_add(each.saturating_mul(partition.parts()));
    let part = match partition {
        Partition::WHOLE => String::new(),
        part => format!(" --partition {part}"),
    };
    format!(
        "the same seeds again: {} fuzz {} --seeds {}..{}{part} --faults {}",
        program(),
        systems.join(" "),
        Seed(first),
        Seed(behind),
        plan.faults
    )
}

/// The seeds of a campaign, in words.
fn describe_seeds(seeds: &SeedSource) -> String {
    let which = match seeds.by_time {
        true => format!("seeds from {}", seeds.range.start()),
        false => format!("seeds {}", seeds.range),
    };
    match seeds.partition {
        Partition::WHOLE => which,
        part => format!("{which}, part {part}"),
    }
}

fn of_system(text: &mut String, name: &str, system: &SystemSummary, took: Duration) {
    let counters = &system.counters;
    let simulated = system.simulated.as_secs_f64();
    let _ = writeln!(text, "\n{name}");
    let _ = writeln!(
        text,
        "  runs       {} held, {} failed",
        grouped(system.held),
        grouped(system.failed),
    );
    let _ = writeln!(
        text,
        "  simulated  {:.1} h, {:.0} s per second",
        simulated / 3600.0,
        simulated / took.as_secs_f64().max(0.001)
    );
    let _ = writeln!(
        text,
        "  events     {}   steps {}   messages {}   crashes {}   calls {}",
        grouped(system.events),
        grouped(counters.steps),
        grouped(counters.sent),
        grouped(counters.crashes),
        grouped(counters.invoked)
    );
    let recoveries = &system.recoveries;
    if let (Some((slowest, seed)), Some(median), Some(late)) = (
        recoveries.slowest(),
        recoveries.quantile(500),
        recoveries.quantile(990),
    ) {
        let [median, late, slowest] = [median, late, slowest].map(|it| it.as_secs_f64());
        let _ = writeln!(
            text,
            "  recovery   {median:.2} s in the median, {late:.2} s in 99 of 100, {slowest:.2} s at most (seed {seed}); {} slow",
            grouped(recoveries.slow())
        );
    }
    if let Some((share, seed)) = recoveries.nearest_to_bound() {
        let percent = share.div_ceil(10);
        let _ = writeln!(
            text,
            "             {percent} % of the time that it may take, at most (seed {seed})"
        );
    }
    text.push_str(&weather::summed_up(&system.weather));
    let never: Vec<_> = system.never_reached().collect();
    let all = system.marks.len();
    let _ = writeln!(text, "  marks      {} of {all} reached", all - never.len());
    for mark in never {
        let _ = writeln!(text, "  never      {mark}");
    }
}

/// The failures that differ, the smallest first: one line each, and one that runs it again.
fn distinct(text: &mut String, summary: &Summary) {
    let distinct = summary.failures.len();
    let _ = writeln!(
        text,
        "{} in {}, the smallest first",
        counted(distinct as u64, "distinct failure"),
        counted(summary.failed(), "failing run")
    );
    for failure in summary.by_size() {
        let Failure {
            system,
            count,
            seed,
            ..
        } = failure;
        let steps = failure.steps.map_or("?".to_owned(), grouped);
        let _ = writeln!(
            text,
            "  {:<44} {system:<11} {:>12} {steps:>9} steps",
            failure.fingerprint.to_string(),
            counted(*count, "run"),
        );
        let again = match &failure.smallest {
            Some(file) => file.display().to_string(),
            None => format!("{seed} --system {system}"),
        };
        let _ = writeln!(text, "    {} replay {again}", program());
        if let Some(reason) = &failure.known {
            let _ = writeln!(text, "    known: {reason}");
        }
    }
}
