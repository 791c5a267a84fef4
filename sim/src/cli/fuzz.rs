//! `snowglobe fuzz`: a progress line, each failure as it is found, an honest summary.

mod json;
mod live;
mod page;
mod summed_up;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::ValueEnum;

pub(super) use self::json::as_json;
use self::live::Live;
pub(super) use self::page::page;
pub(super) use self::summed_up::{Header, human};
use super::arguments::FuzzArguments;
use super::{Failed, catch_interrupts, environment, must_be_writable, print, workers};
use crate::campaign::stopwatch::today;
use crate::campaign::{self, CannotBegin, Failure, KnownFailures, Plan, SeedSource, Summary};
use crate::registry::{Registered, Systems};
use crate::scenarios::weather::Weather;
use crate::seed::{Seed, SeedRange};
use crate::text::program;
use snowglobe_systems::digest::Digest;

/// How to print a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Printed {
    /// For people.
    Human,
    /// For programs, at the end.
    Json,
    /// For programs, line by line as things happen: what the journal gets.
    Jsonl,
}

/// How long a campaign goes on that is told neither seeds nor time.
const DEFAULT_SPAN: Duration = Duration::from_secs(30);
/// The seeds of a day begin at a multiple of this: no campaign takes so many.
const SEEDS_OF_A_DAY: u64 = 1 << 32;

pub(super) fn fuzz(known: Systems, arguments: FuzzArguments) -> Result<u8, Failed> {
    let plan = plan(known, &arguments)?;
    must_be_writable(&plan.found, "--out")?;
    let stop = catch_interrupts();
    let format = arguments.format;
    let live = Live::new(&plan.seeds, plan.systems.len() as u64, format);
    let summary = campaign::fuzz(&plan, stop, &live).map_err(|error| match error {
        CannotBegin::Folder(error) => Failed::tool(format!(
            "cannot fuzz into {}: {error}; give another folder with --out",
            plan.found.display()
        )),
        CannotBegin::Resume(why) => Failed::usage(why),
    })?;
    live.bar.finish_and_clear();
    let interrupted = stop.load(Ordering::Relaxed);
    tell_unwritten(&summary);
    let header = Header::of(&plan, &summary, interrupted);
    write_page(&plan, &page(&summary, &header));
    if summary.runs() == 0 && !interrupted && summary.trouble.is_none() {
        return Err(Failed::nothing(
            "no seed was run; give a wider range or a longer time",
        ));
    }
    match format {
        Printed::Human => print(&human(&summary, &header))?,
        Printed::Json => print(&format!("{:#}\n", as_json(&summary, &header)))?,
        // Its lines were written as they came.
        Printed::Jsonl => {}
    }
    let code = summary.exit_code();
    Ok(match code {
        0 if interrupted => 130,
        0 if arguments.require_marks && lacks_marks(&summary) => 20,
        code => code,
    })
}

/// What the command line asks for.
fn plan(known: Systems, arguments: &FuzzArguments) -> Result<Plan, Failed> {
    for (option, most) in [
        ("--max-fail", arguments.max_fail),
        ("--max-distinct", Some(arguments.max_distinct)),
    ] {
        if most == Some(0) {
            let why = format!("{option} 0 would stop at once; give at least 1");
            return Err(Failed::usage(why));
        }
    }
    let jobs = workers(arguments.workers)?;
    let (systems, seeds, faults) = match arguments.resume {
        true => {
            let before = campaign::interrupted(&arguments.out).map_err(Failed::usage)?;
            (before.systems, before.seeds, before.faults)
        }
        false => (
            arguments.systems.clone(),
            seeds_of(arguments)?,
            arguments.shaken.faults.clone(),
        ),
    };
    let systems = named(known, &systems)?;
    let weather = Weather::read(&faults).map_err(Failed::usage)?;
    Ok(Plan {
        identity: identity(&systems, &weather, &faults),
        systems,
        seeds,
        weather,
        faults,
        engine: arguments.driven.engine,
        jobs,
        max_fail: match arguments.fail_fast {
            true => Some(1),
            false => arguments.max_fail,
        },
        max_distinct: arguments.max_distinct,
        known: KnownFailures::read(&arguments.known).map_err(Failed::usage)?,
        shrink: arguments.shrink,
        watchdog: arguments.watchdog,
        found: arguments.out.clone(),
        resumes: arguments.resume,
        double_check: arguments.double_check,
        confirm_with: std::env::current_exe().ok(),
    })
}

fn named(known: Systems, names: &[String]) -> Result<Vec<&'static dyn Registered>, Failed> {
    let systems: Vec<&'static dyn Registered> = match names {
        [] => known.all().to_vec(),
        named => named
            .iter()
            .map(|name| known.find(name))
            .collect::<Result<_, _>>()?,
    };
    let different: BTreeSet<&str> = systems.iter().map(|system| system.name()).collect();
    match different.len() < systems.len() {
        true => Err(Failed::usage(
            "a system is named twice; name each once, or none for all",
        )),
        false => Ok(systems),
    }
}

/// What decides what a seed does: this very program, its systems, and the weather.
fn identity(systems: &[&'static dyn Registered], weather: &Weather, faults: &str) -> String {
    let names: Vec<&str> = systems.iter().map(|system| system.name()).collect();
    let program = std::env::current_exe().and_then(std::fs::read);
    let build = Digest::of(&program.unwrap_or_default());
    let shaken = Digest::of(format!("{weather:?}").as_str());
    format!(
        "{} in {faults} weather {:08x}, build {:08x}",
        names.join(" "),
        shaken as u32,
        build as u32
    )
}

/// The seeds of a campaign. What the command line says goes before the environment.
fn seeds_of(arguments: &FuzzArguments) -> Result<SeedSource, Failed> {
    let (span, quiet) = (arguments.span, arguments.until_quiet);
    let goes_by_time = span.is_some() || quiet.is_some() || arguments.from.is_some();
    let seeds = match arguments.seeds {
        None if !goes_by_time => environment("SNOWGLOBE_SEEDS")?,
        seeds => seeds,
    };
    let partition = arguments.partition;
    let range = match seeds {
        Some(range) => range,
        None => SeedRange::from(arguments.from.unwrap_or_else(seed_of_today)),
    };
    let by_time = seeds.is_none();
    let without_end = by_time && span.is_none() && quiet.is_none();
    Ok(SeedSource {
        by_time,
        span: without_end.then_some(DEFAULT_SPAN).or(span),
        quiet,
        ..SeedSource::range(range, partition)
    })
}

/// Where seeds begin if nobody says: each day, and each commit, has its own.
fn seed_of_today() -> Seed {
    let git = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    // Without a commit, the date alone.
    let commit = git.map(|output| output.stdout).unwrap_or_default();
    let drawn = Digest::of(&(commit, today()));
    Seed(drawn / SEEDS_OF_A_DAY * SEEDS_OF_A_DAY)
}

/// The page of a campaign, in its folder.
const PAGE: &str = "report.md";

/// Writes the page. A campaign that cannot write it has come to what it has come to.
fn write_page(plan: &Plan, page: &str) {
    let path = plan.found.join(PAGE);
    if let Err(error) = std::fs::write(&path, page) {
        let (name, path) = (program(), path.display());
        let _ = writeln!(std::io::stderr(), "{name}: {path} is not written: {error}");
    }
}

/// A failure that could not be written down is told here, so that it is not lost.
fn tell_unwritten(summary: &Summary) {
    let is_unwritten = |failure: &&Failure| failure.saved.is_none();
    for failure in summary.failures.iter().filter(is_unwritten) {
        let Some(report) = &failure.report else {
            continue;
        };
        let (name, scenario) = (program(), report.scenario.to_toml());
        let why = summary.trouble.as_deref().unwrap_or_default();
        let _ = writeln!(
            std::io::stderr(),
            "{name}: not written ({why}):\n{scenario}"
        );
    }
}

/// Whether a system has a mark that none of its runs reached.
fn lacks_marks(summary: &Summary) -> bool {
    let mut systems = summary.systems.values();
    systems.any(|system| system.never_reached().next().is_some())
}
