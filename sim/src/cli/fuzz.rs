//! `snowglobe fuzz`: many seeds, a quiet progress line, an honest summary.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::arguments::FuzzArguments;
use super::{
    Failed, Format, animated, catch_interrupts, environment, must_be_writable, print, workers,
};
use crate::campaign::weather;
use crate::campaign::{
    self, Confirmation, Divergence, Failure, Plan, Progress, Recoveries, SeedSource, Summary,
    SystemSummary, history_of,
};
use crate::registry::Systems;
use crate::report::failure::{self, Again};
use crate::scenarios::Verdict;
use crate::scenarios::weather::Weather;
use crate::seed::{Partition, Seed, SeedRange};
use crate::text::{grouped, program};

/// How long a campaign goes on that is told neither seeds nor time.
const DEFAULT_SPAN: Duration = Duration::from_secs(30);
/// Off a terminal, progress is a line in this interval.
const QUIET_INTERVAL: Duration = Duration::from_secs(30);

pub(super) fn fuzz(known: Systems, arguments: FuzzArguments) -> Result<u8, Failed> {
    let systems = match arguments.systems.as_slice() {
        [] => known.all().to_vec(),
        named => named
            .iter()
            .map(|name| known.find(name))
            .collect::<Result<_, _>>()?,
    };
    let names: BTreeSet<&str> = systems.iter().map(|system| system.name()).collect();
    if names.len() < systems.len() {
        return Err(Failed::usage(
            "a system is named twice; name each once, or none for all",
        ));
    }
    let jobs = workers(arguments.workers)?;
    if arguments.max_fail == 0 {
        return Err(Failed::usage(
            "--max-fail 0 would stop at once; give at least 1",
        ));
    }
    must_be_writable(&arguments.found, "--found")?;
    let seeds = seeds_of(&arguments)?;
    let plan = Plan {
        systems,
        seeds: seeds.clone(),
        jobs,
        max_fail: arguments.max_fail,
        watchdog: arguments.watchdog,
        double_check: arguments.double_check,
        engine: arguments.driven.engine,
        weather: Weather::read(&arguments.shaken.faults).map_err(Failed::usage)?,
        found: arguments.found,
        confirm_with: std::env::current_exe().ok(),
    };
    let stop = catch_interrupts();
    let teller = Teller::new(&seeds, plan.systems.len() as u64, arguments.printed.format);
    let summary = campaign::fuzz(&plan, stop, &teller).map_err(|error| {
        Failed::tool(format!(
            "cannot write a scenario to {}: {error}; give another folder with --found",
            plan.found.display()
        ))
    })?;
    teller.bar.finish_and_clear();
    let interrupted = stop.load(Ordering::Relaxed);
    if summary.runs() == 0 && !interrupted {
        return Err(Failed::nothing(
            "no seed was run; give a wider range or a longer time",
        ));
    }
    match arguments.printed.format {
        Format::Human => print(&human(&summary, &seeds, jobs, interrupted))?,
        Format::Json => print(&format!("{:#}\n", as_json(&summary, &seeds, interrupted)))?,
    }
    let code = summary.exit_code();
    Ok(match code {
        0 if interrupted => 130,
        0 if arguments.require_marks && lacks_marks(&summary) => 20,
        code => code,
    })
}

/// The seeds of a campaign. What the command line says goes before the environment.
fn seeds_of(arguments: &FuzzArguments) -> Result<SeedSource, Failed> {
    let goes_by_time = arguments.span.is_some() || arguments.from.is_some();
    let seeds = match arguments.seeds {
        None if !goes_by_time => environment("SNOWGLOBE_SEEDS")?,
        seeds => seeds,
    };
    Ok(match seeds {
        Some(range) => SeedSource::Range(range, arguments.partition),
        None if arguments.partition != Partition::WHOLE => {
            return Err(Failed::usage(
                "--partition is a share of seeds; name them with --seeds A..B",
            ));
        }
        None => SeedSource::For {
            from: arguments.from.unwrap_or(Seed(0)),
            span: arguments.span.unwrap_or(DEFAULT_SPAN),
        },
    })
}

/// Whether a system has a mark that none of its runs reached.
fn lacks_marks(summary: &Summary) -> bool {
    let mut systems = summary.systems.values();
    systems.any(|system| system.never_reached().next().is_some())
}

/// Tells how a campaign comes along: a bar on a terminal, else a line now and then.
struct Teller {
    bar: ProgressBar,
    /// Whether the bar counts runs; else it counts seconds.
    counts_runs: bool,
    format: Format,
    last_line: Mutex<Duration>,
}

impl Teller {
    fn new(seeds: &SeedSource, systems: u64, format: Format) -> Self {
        let bar = match seeds {
            SeedSource::Range(range, partition) => {
                ProgressBar::new(share(range, *partition) * systems)
            }
            SeedSource::For { span, .. } => ProgressBar::new(span.as_secs().max(1)),
        };
        bar.set_draw_target(if animated() {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        });
        let style = ProgressStyle::with_template("{wide_bar:.dim} {msg}")
            .expect("the template is right")
            .progress_chars("=> ");
        bar.set_style(style);
        Self {
            bar,
            counts_runs: matches!(seeds, SeedSource::Range(..)),
            format,
            last_line: Mutex::new(Duration::ZERO),
        }
    }
}

fn share(range: &SeedRange, partition: Partition) -> u64 {
    range.slice(partition).size()
}

impl Progress for Teller {
    fn ran(&self, summary: &Summary) {
        let runs = summary.runs();
        let words = format!(
            "{} runs  {} failed  {:.0?}",
            grouped(runs),
            summary.failures.len(),
            summary.took
        );
        if animated() {
            self.bar.set_message(words);
            self.bar.set_position(match self.counts_runs {
                true => runs,
                false => summary.took.as_secs(),
            });
            return;
        }
        let mut last = self.last_line.lock().expect("nobody panics with it");
        if summary.took >= *last + QUIET_INTERVAL {
            *last = summary.took;
            let _ = writeln!(std::io::stderr(), "{words}");
        }
    }

    fn failed(&self, failure: &Failure) {
        if self.format == Format::Json {
            return;
        }
        let text = describe(failure);
        self.bar.suspend(|| {
            let _ = print(&text);
        });
    }
}

/// A failure, as it is told at once.
fn describe(failure: &Failure) -> String {
    let breakage = failure
        .report
        .as_ref()
        .and_then(|report| match &report.verdict {
            Verdict::Broke(breakage) => Some((report, breakage)),
            Verdict::Held | Verdict::CannotRecover => None,
        });
    let mut text = match breakage {
        Some((report, breakage)) => {
            failure::lines(report, breakage, &Again::File(failure.saved.clone()))
        }
        None => format!(
            "FAIL {} {}\n  {}\n  saved     {}\n",
            failure.system,
            failure.seed,
            failure.finding,
            failure.saved.display()
        ),
    };
    let history = failure.report.as_ref().and_then(|it| it.history.as_ref());
    if history.is_some() {
        let path = history_of(&failure.saved);
        let path = path.display();
        let _ = writeln!(text, "  history   {path}");
        let _ = writeln!(
            text,
            "  explain   {} history {path} --spec {} --explain",
            program(),
            failure.object
        );
    }
    let _ = match &failure.confirmation {
        Confirmation::Confirmed => writeln!(text, "  confirmed by a second process"),
        Confirmation::Differs(divergence) => writeln!(
            text,
            "  NOT DETERMINISTIC: a second process diverged; fix the nondeterminism first{}",
            first_difference(divergence)
        ),
        Confirmation::EndedInTime => writeln!(text, "  a second process finished in time"),
        Confirmation::NotInTime(limit) => {
            writeln!(text, "  a second process did not finish within {limit:?}")
        }
        Confirmation::NotAsked(why) => writeln!(text, "  unconfirmed: {why}"),
    };
    text.push('\n');
    text
}

fn human(summary: &Summary, seeds: &SeedSource, jobs: usize, interrupted: bool) -> String {
    let mut text = String::new();
    let which = describe_seeds(seeds);
    let _ = writeln!(
        text,
        "fuzz  {} runs  {which}  {:.1}s on {jobs} workers{}",
        grouped(summary.runs()),
        summary.took.as_secs_f64(),
        if interrupted { "  INTERRUPTED" } else { "" }
    );
    for (name, system) in &summary.systems {
        of_system(&mut text, name, system, summary.took);
    }
    let _ = writeln!(
        text,
        "\n{} of the runs that held were repeated in a second process",
        grouped(summary.repeated)
    );
    if summary.hangs() >= campaign::MOST_HANGS {
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
        failures => writeln!(text, "{failures} failures; the scenario of each is saved"),
    };
    text
}

/// The first events that differ, one below the other.
fn first_difference(divergence: &Divergence) -> String {
    let Divergence::At { one, other } = divergence else {
        return "\n  two further processes agreed with each other".to_owned();
    };
    let line = |line: &Option<String>| {
        let line = line.as_deref().unwrap_or("(the run had ended)");
        line.chars().take(200).collect::<String>()
    };
    let (one, other) = (line(one), line(other));
    format!("\n  first difference\n    {one}\n    {other}")
}

fn describe_seeds(seeds: &SeedSource) -> String {
    match seeds {
        SeedSource::Range(range, _) => format!("seeds {range}"),
        SeedSource::For { from, .. } => format!("seeds from {from}"),
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

fn recovery_as_json(recoveries: &Recoveries) -> serde_json::Value {
    let quantile = |of_thousand| recoveries.quantile(of_thousand).map(|it| it.as_secs_f64());
    let slowest = recoveries.slowest();
    let nearest = recoveries.nearest_to_bound();
    json!({
        "runs": recoveries.count(),
        "slow": recoveries.slow(),
        "median": quantile(500),
        "99_in_100": quantile(990),
        "most": slowest.map(|(took, _)| took.as_secs_f64()),
        "slowest_seed": slowest.map(|(_, seed)| seed.to_string()),
        "most_of_bound": nearest.map(|(share, _)| share as f64 / 1000.0),
        "most_of_bound_seed": nearest.map(|(_, seed)| seed.to_string()),
    })
}

fn as_json(summary: &Summary, seeds: &SeedSource, interrupted: bool) -> serde_json::Value {
    let systems: Vec<_> = summary
        .systems
        .iter()
        .map(|(name, system)| {
            let (sizes, families) = weather::as_json(&system.weather);
            json!({
                "system": name,
                "held": system.held,
                "failed": system.failed,
                "recovery_s": recovery_as_json(&system.recoveries),
                "sizes": sizes,
                "families": families,
                "simulated_s": system.simulated.as_secs_f64(),
                "events": system.events,
                "steps": system.counters.steps,
                "messages": system.counters.sent,
                "marks": system.marks,
                "never_reached": system.never_reached().collect::<Vec<_>>(),
            })
        })
        .collect();
    let failures: Vec<_> = summary
        .failures
        .iter()
        .map(|failure| {
            json!({
                "system": failure.system,
                "seed": failure.seed.to_string(),
                "finding": failure.finding.to_string(),
                "property": failure.report.as_ref().map(|report| report.verdict.word()),
                "confirmed": failure.confirmation == Confirmation::Confirmed,
                "replay": format!("{} replay {}", program(), failure.saved.display()),
                "saved": failure.saved,
            })
        })
        .collect();
    json!({
        "seeds": describe_seeds(seeds),
        "interrupted": interrupted,
        "runs": summary.runs(),
        "double_checked": summary.repeated,
        "blind": summary.blind_spots(),
        "seconds": summary.took.as_secs_f64(),
        "systems": systems,
        "failures": failures,
    })
}
