//! `snowglobe job`: MapReduce on the user's own files.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use snowglobe_systems::mapreduce::{Job, Partition, Split, Status, output_name};

use super::APPLICATIONS;
use super::real::{Order, Outcome, Progress, application, carry_out};
use snowglobe::cli::{ExtraVerb, Failed, Format, animated, must_be_writable, print};
use snowglobe::seed::Seed;
use snowglobe::text::grouped;
use snowglobe::time::SimTime;

/// `job`: MapReduce on one's own files.
pub const JOB: ExtraVerb = ExtraVerb {
    command: JobArguments::command,
    act: |matches| {
        let parsed = JobArguments::from_arg_matches(matches);
        job(&parsed.map_err(Failed::usage)?)
    },
};

/// Does a MapReduce job on your own files, in the simulated world.
#[derive(Debug, clap::Parser)]
#[command(name = "job")]
struct JobArguments {
    /// The application: wc, indexer, grep, sort or hosts.
    app: String,
    /// The files that the job reads.
    #[arg(long, num_args = 1.., required = true)]
    input: Vec<PathBuf>,
    /// The folder that gets the parts of the output.
    #[arg(long)]
    output: PathBuf,
    /// What grep seeks.
    #[arg(long)]
    text: Option<String>,
    /// How many workers there are.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=200))]
    workers: u8,
    /// How many parts the output has.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    reducers: u16,
    /// The bytes of a split, about [default: the input by 8 workers, 4 KiB to 4 MiB].
    #[arg(long)]
    split: Option<usize>,
    /// Draws what goes wrong and when.
    #[arg(long, default_value = "0")]
    seed: Seed,
    /// Faults for 20 seconds of simulated time.
    #[arg(long)]
    faults: bool,
    /// Prints a line whenever the job stands otherwise than before.
    #[arg(long)]
    trace: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// For how much simulated time everything goes wrong.
const CHAOS: Duration = Duration::from_secs(20);

fn job(arguments: &JobArguments) -> Result<u8, Failed> {
    let name = arguments.app.as_str();
    let text = arguments.text.as_deref();
    let app = application(name, text).ok_or_else(|| {
        let known = APPLICATIONS.join(", ");
        Failed::usage(format!(
            "there is no application {name:?}; there are {known}"
        ))
    })?;
    if name == "grep" && text.is_none_or(str::is_empty) {
        return Err(Failed::usage("grep needs --text, what it seeks"));
    }
    let output = arguments.output.as_path();
    must_be_writable(output, "--output")?;
    let splits = read(&arguments.input, arguments.split)?;
    let order = Order {
        job: Job {
            app,
            splits: splits.into(),
            partitions: arguments.reducers,
        },
        workers: usize::from(arguments.workers),
        seed: arguments.seed,
        faults: arguments.faults.then_some(CHAOS),
    };
    let outcome = carry_out(&order, progress(arguments.trace));
    write_out(output, &outcome)?;
    match arguments.format {
        Format::Human => print(&human(&order, &outcome, output))?,
        Format::Json => print(&format!("{:#}\n", as_json(&order, &outcome)))?,
    }
    Ok(if outcome.breakage.is_some() { 11 } else { 0 })
}

/// Reads files in pieces of whole lines, so that no more than the input is in memory.
fn read(files: &[PathBuf], split: Option<usize>) -> Result<Vec<Split>, Failed> {
    let size = |file: &PathBuf| fs::metadata(file).map_or(0, |data| data.len() as usize);
    let all: usize = files.iter().map(size).sum();
    let bytes = split
        .unwrap_or_else(|| (all / 8).clamp(4 << 10, 4 << 20))
        .max(1);
    let mut splits = Vec::new();
    for file in files {
        let unreadable = |error| Failed::usage(format!("cannot read {}: {error}", file.display()));
        let name: Arc<str> = file.display().to_string().into();
        let mut reader = BufReader::new(File::open(file).map_err(unreadable)?);
        let (mut text, mut offset) = (String::new(), 0);
        loop {
            let read = reader.read_line(&mut text).map_err(unreadable)?;
            if text.len() >= bytes || (read == 0 && !text.is_empty()) {
                let length = text.len() as u64;
                splits.push(Split {
                    file: name.clone(),
                    offset,
                    text: text.as_str().into(),
                    hosts: Vec::new(),
                });
                offset += length;
                text.clear();
            }
            if read == 0 {
                break;
            }
        }
    }
    Ok(splits)
}

fn write_out(output: &Path, outcome: &Outcome) -> Result<(), Failed> {
    for (place, text) in outcome.outputs.iter().enumerate() {
        let file = output.join(output_name(Partition(place as u16)));
        fs::write(&file, text.as_bytes())
            .map_err(|error| Failed::tool(format!("cannot write {}: {error}", file.display())))?;
    }
    Ok(())
}

/// How often a line tells how the job stands, where nothing is animated.
const BETWEEN_LINES: SimTime = SimTime::from_millis(10_000);

/// A bar on a terminal; with `--trace` a line whenever the job stands otherwise than before.
fn progress(trace: bool) -> Progress {
    let bar = ProgressBar::new(1);
    bar.set_draw_target(match animated() && !trace {
        true => ProgressDrawTarget::stderr_with_hz(5),
        false => ProgressDrawTarget::hidden(),
    });
    let style = ProgressStyle::with_template("{wide_bar:.dim} {msg}")
        .expect("the template is right")
        .progress_chars("=> ");
    bar.set_style(style);
    let (mut last, mut next_line) = (String::new(), BETWEEN_LINES);
    Arc::new(Mutex::new(move |now, status: &Status| {
        let all = |(idle, running, done): (usize, usize, usize)| (idle + running + done, done);
        let (maps, mapped) = all(status.maps);
        let (reduces, reduced) = all(status.reduces);
        bar.set_length((maps + reduces) as u64);
        bar.set_position((mapped + reduced) as u64);
        bar.set_message(status.to_string());
        let line = status.to_string();
        if trace && line != last {
            let at_work = status.at_work.iter();
            let at_work: Vec<String> = at_work
                .map(|(worker, task, attempt)| format!("{worker} {task} {attempt}"))
                .collect();
            let bytes = grouped(status.bytes_mapped);
            let line = format!(
                "{now}  {line}; {bytes} bytes mapped; {}",
                at_work.join(", ")
            );
            let _ = writeln!(io::stderr(), "{line}");
        } else if !animated() && now >= next_line {
            next_line = now + Duration::from_nanos(BETWEEN_LINES.0);
            let _ = writeln!(io::stderr(), "{now}  {line}");
        }
        last = line;
    }))
}

fn human(order: &Order, outcome: &Outcome, output: &Path) -> String {
    let mut text = String::new();
    let splits = &order.job.splits;
    let bytes: usize = splits.iter().map(|split| split.text.len()).sum();
    let _ = writeln!(
        text,
        "{:?}  {} bytes in {} splits  {} workers  {} of simulated time",
        order.job.app,
        grouped(bytes as u64),
        splits.len(),
        order.workers,
        outcome.at,
    );
    let mark = |name: &str| outcome.marks.get(name).copied().unwrap_or_default();
    let _ = writeln!(
        text,
        "  tasks     {} maps and {} reduces executed, for {} and {}",
        mark("map.executed"),
        mark("reduce.executed"),
        splits.len(),
        order.job.partitions
    );
    let _ = writeln!(
        text,
        "  trouble   {} faults, {} crashes, {} workers taken for dead, {} backups, {} messages lost",
        outcome.faults.len(),
        outcome.world.crashes,
        mark("worker.taken_for_dead"),
        mark("task.backup_given"),
        grouped(outcome.world.dropped)
    );
    let _ = writeln!(
        text,
        "  moved     {} bytes",
        grouped(outcome.world.bytes_sent)
    );
    for (name, amount) in outcome.counters.iter() {
        let _ = writeln!(text, "  counted   {} {name}", grouped(amount));
    }
    for (task, record) in &outcome.skipped {
        let _ = writeln!(
            text,
            "  left out  record {record} of {task}: it crashed the code twice"
        );
    }
    let _ = match &outcome.breakage {
        None => writeln!(
            text,
            "  output    {} files in {}",
            outcome.outputs.len(),
            output.display()
        ),
        Some(breakage) => writeln!(text, "  BROKE     {:?}", breakage.broken),
    };
    text
}

fn as_json(order: &Order, outcome: &Outcome) -> serde_json::Value {
    let counters: serde_json::Map<String, serde_json::Value> = outcome
        .counters
        .iter()
        .map(|(name, amount)| (name.to_owned(), amount.into()))
        .collect();
    json!({
        "app": order.job.app.name(),
        "splits": order.job.splits.len(),
        "workers": order.workers,
        "simulated_seconds": outcome.at.0 as f64 / 1e9,
        "done": outcome.breakage.is_none(),
        "faults": outcome.faults.len(),
        "crashes": outcome.world.crashes,
        "bytes_moved": outcome.world.bytes_sent,
        "skipped": outcome.skipped.len(),
        "counters": counters,
    })
}
