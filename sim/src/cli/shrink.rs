//! `snowglobe shrink`: a failure, as small as it gets.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use super::arguments::ShrinkArguments;
use super::replay::{Source, resolve};
use super::{Failed, Format, catch_interrupts, must_be_writable, print};
use crate::campaign::stopwatch::Stopwatch;
use crate::registry::Systems;
use crate::report::failure::Again;
use crate::report::small::{self, Small};
use crate::shrink::{self, CannotShrink, Keep};
use crate::text::{counted, program};

/// What a smaller failure has in common with the whole one.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Kept {
    /// The property that is broken.
    Property,
    /// The same, and what looked wrong first.
    FirstBad,
}

impl From<Kept> for Keep {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Property => Self::Property,
            Kept::FirstBad => Self::FirstBad,
        }
    }
}

/// Where small failures of seeds are written.
const FOUND: &str = "seeds/found";

pub(super) fn shrink(systems: Systems, arguments: &ShrinkArguments) -> Result<u8, Failed> {
    let mut sources = Vec::new();
    for what in &arguments.what {
        sources.extend(resolve(systems, what, arguments.system.as_deref())?);
    }
    let stop = catch_interrupts();
    let (mut all, mut held) = (Vec::new(), Vec::new());
    for source in &sources {
        let smaller = match one(source, arguments, stop)? {
            Ok(smaller) => smaller,
            Err(why) => {
                held.push(why);
                continue;
            }
        };
        match arguments.printed.format {
            Format::Human => print(&small::lines(&smaller))?,
            Format::Json => {}
        }
        all.push(small::json(&smaller));
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    match (all.is_empty(), held.as_slice()) {
        (true, [only]) => return Err(Failed::nothing(only)),
        (true, [_, ..]) => return Err(Failed::nothing("none of these breaks anything")),
        _ => {}
    }
    if let count @ 1.. = held.len() {
        let (name, held) = (program(), counted(count as u64, "other"));
        let _ = writeln!(std::io::stderr(), "{name}: {held} broke nothing");
    }
    if arguments.printed.format == Format::Json {
        print(&format!("{:#}\n", json!(all)))?;
    }
    Ok(if stop.load(Ordering::Relaxed) { 130 } else { 0 })
}

/// Makes one failure smaller, and writes it down. A line that says so, if it is none.
fn one(
    source: &Source,
    arguments: &ShrinkArguments,
    stop: &AtomicBool,
) -> Result<Result<Small, String>, Failed> {
    let (folder, name) = place(source, arguments.out.as_deref());
    must_be_writable(&folder, "--out")?;
    let stopwatch = Stopwatch::start();
    let spent = || match stop.load(Ordering::Relaxed) {
        true => 1.0,
        false => stopwatch.elapsed().as_secs_f64() / arguments.budget.as_secs_f64(),
    };
    let shrunk = shrink::shrink(
        source.system,
        &source.scenario,
        arguments.keep.into(),
        &spent,
    );
    let shrunk = match shrunk {
        Ok(shrunk) => shrunk,
        Err(CannotShrink::CannotRun(error)) => return Err(Failed::from(error)),
        Err(error @ CannotShrink::Held(_)) => return Ok(Err(format!("{name}: {error}"))),
    };
    let took: Duration = stopwatch.elapsed();
    let written = small::write(shrunk, &folder, &name, took);
    let written = written.map_err(|error| {
        Failed::tool(format!(
            "cannot write to {}: {error}; give another folder with --out",
            folder.display()
        ))
    });
    written.map(Ok)
}

/// The folder for the small forms of a failure, and the name that they have in common.
fn place(source: &Source, out: Option<&Path>) -> (PathBuf, String) {
    let (beside, name) = match &source.again {
        Again::File(path) => {
            let beside = path.parent().filter(|it| !it.as_os_str().is_empty());
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            (
                beside.unwrap_or(Path::new(".")).to_owned(),
                stem.into_owned(),
            )
        }
        _ => {
            let name = format!("{}-{:016x}", source.scenario.system, source.scenario.seed.0);
            (PathBuf::from(FOUND), name)
        }
    };
    (out.map_or(beside, Path::to_owned), name)
}
