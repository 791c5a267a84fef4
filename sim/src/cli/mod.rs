//! The command line: thin, and exact about what it says and how it exits.

mod check;
mod fuzz;
mod history;
mod list;
mod replay;
mod verify;

use std::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::draw::PerMillion;
use crate::report::program;
use crate::scenarios::{CannotRun, Systems};
use crate::seed::{Partition, Seed, SeedRange};
use crate::time::{SimTime, parse_duration};
use crate::world::engine::Engine;

const EXIT_CODES: &str = "\
Exit codes:
  0    held: every property that was checked
  1    the tool itself failed, or a history cannot be read
  2    usage: the command, a file or a seed makes no sense, or a script does not fit the code
  4    nothing selected
  10   a safety property is broken
  11   stuck: demanded progress did not come, or a run did not end
  12   a panic in a system
  13   a history is not linearizable
  20   inconclusive: the budget ended first, a run timed out, or a required mark was never reached
  21   not trustworthy: two processes diverged, or the campaign is blind
  130  interrupted";

/// A sealed little world for distributed systems: shake it with a seed, and
/// every flake falls the same way twice.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

impl ValueEnum for Engine {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()).help(self.about()))
    }
}

/// Who drives a run, and how its account is printed.
#[derive(Clone, Copy, Debug)]
struct Show {
    engine: Engine,
    format: Format,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Names the systems, the kinds of faults, and the marks.
    List {
        /// How to print.
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
    },
    /// Runs one seed of one system.
    Run {
        /// The system; `snowglobe list` names them.
        system: String,
        /// Draws everything: cluster, links, faults, workload.
        #[arg(long, default_value = "0")]
        seed: Seed,
        /// Prints a live timeline: a line per event, a column per node.
        #[arg(long)]
        trace: bool,
        /// Prints the scenario that the seed draws, as a file, and runs nothing.
        #[arg(long, conflicts_with = "trace")]
        scenario: bool,
        /// The fault profile: calm, default, harsh, or a file.
        #[arg(
            long,
            default_value = "default",
            value_name = "calm|default|harsh|FILE"
        )]
        faults: String,
        /// Which engine drives the run; both produce the same digest.
        #[arg(long, value_enum, default_value_t)]
        engine: Engine,
        /// How to print.
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
    },
    /// Runs randomized fault-injection tests over many seeds.
    Fuzz(FuzzArguments),
    /// Runs scenario files or seeds again, to the same trace.
    Replay(ReplayArguments),
    /// Runs the corpus: every scenario must come out as it says.
    Verify {
        /// Files, or folders of them.
        #[arg(default_value = "seeds")]
        paths: Vec<PathBuf>,
        /// Worker threads.
        #[arg(short, long)]
        jobs: Option<usize>,
        /// Which engine drives the run; both produce the same digest.
        #[arg(long, value_enum, default_value_t)]
        engine: Engine,
        /// How to print.
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
    },
    /// Looks at every schedule of a small cluster.
    Check(check::CheckArguments),
    /// Judges a recorded history: is it linearizable, and if not, why?
    History(HistoryArguments),
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, clap::Args)]
struct FuzzArguments {
    /// The systems; all of them if none is named.
    systems: Vec<String>,
    /// The seeds, as A..B; B is the first that is left out.
    #[arg(long, conflicts_with_all = ["span", "from"])]
    seeds: Option<SeedRange>,
    /// This machine's share of the seeds, as slice:1/3.
    #[arg(long, requires = "seeds", default_value = "slice:1/1")]
    partition: Partition,
    /// How long to go on, on the wall clock [default: 30s].
    #[arg(long = "for", value_parser = duration)]
    span: Option<Duration>,
    /// The first seed of a campaign that goes by time.
    #[arg(long, default_value = "0")]
    from: Seed,
    /// Worker threads [default: one per core].
    #[arg(short, long)]
    jobs: Option<usize>,
    /// Stops after this many failures.
    #[arg(long, default_value_t = 10)]
    max_fail: usize,
    /// A single run that takes longer on the wall clock counts as one that hangs.
    #[arg(long, default_value = "60s", value_parser = duration)]
    watchdog: Duration,
    /// Repeats this share of the passing runs in a second process; any divergence is a
    /// finding.
    #[arg(long, default_value = "1", value_name = "PERCENT", value_parser = percent)]
    double_check: PerMillion,
    /// Exits with 20 if any mark was never reached.
    #[arg(long)]
    require_marks: bool,
    /// The fault profile: calm, default, harsh, or a file.
    #[arg(
        long,
        default_value = "default",
        value_name = "calm|default|harsh|FILE"
    )]
    faults: String,
    /// Which engine drives the run; both produce the same digest.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// Where failing scenarios are written.
    #[arg(long, default_value = "seeds/found")]
    found: PathBuf,
    /// How to print.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct ReplayArguments {
    /// Scenario files, seeds, or ranges of seeds as A..B.
    #[arg(required = true)]
    what: Vec<String>,
    /// The system that seeds belong to; needed once there is more than one.
    #[arg(long)]
    system: Option<String>,
    /// Prints the whole timeline; without it, the end of a failing one.
    #[arg(long)]
    trace: bool,
    /// Ends the timeline at this simulated time.
    #[arg(long)]
    until: Option<SimTime>,
    /// Shows one node's events, as in n2.
    #[arg(long)]
    node: Option<String>,
    /// Prints one line per run: system, seed, digest, verdict.
    #[arg(long, conflicts_with_all = ["trace", "until", "node"])]
    digest: bool,
    /// Writes what clients asked and were told into this file, for `snowglobe
    /// history`; for a single run.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["trace", "until", "node", "digest"])]
    history: Option<PathBuf>,
    /// Which engine drives the run; both produce the same digest.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// How to print.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct HistoryArguments {
    /// The file; - is standard input.
    file: PathBuf,
    /// What the calls were made to. In Snowglobe's own format there may be many of
    /// it, each under a key of its own.
    #[arg(long, value_enum)]
    spec: history::Object,
    /// The format of the file.
    #[arg(long, value_enum, default_value = "auto")]
    from: history::FileFormat,
    /// How long to judge, on the wall clock; reading does not count.
    #[arg(long, default_value = "60s", value_parser = duration)]
    budget: Duration,
    /// How much memory to take, about.
    #[arg(long, default_value = "2GiB")]
    memory: history::Bytes,
    /// Worker threads; each takes a key at a time [default: one per core].
    #[arg(short, long)]
    jobs: Option<usize>,
    /// Explains why a history is not linearizable, and how weak it is.
    #[arg(long)]
    explain: bool,
    /// Prints an order that shows that a history is linearizable.
    #[arg(long)]
    order: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

fn percent(text: &str) -> Result<PerMillion, String> {
    let words = format!("{}%", text.trim_end_matches('%'));
    match words.parse() {
        Ok(share) if share <= PerMillion::ALWAYS => Ok(share),
        _ => Err("give 0 to 100 percent, as in 1 or 0.5".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// Why a command could not do its work, with the exit code that says so.
#[derive(Debug)]
pub struct Failed {
    code: u8,
    why: String,
}

impl Failed {
    /// The user asked for something that makes no sense.
    #[must_use]
    pub fn usage(why: impl Display) -> Self {
        Self {
            code: 2,
            why: why.to_string(),
        }
    }

    /// The tool could not do what it should.
    #[must_use]
    pub fn tool(why: impl Display) -> Self {
        Self {
            code: 1,
            why: why.to_string(),
        }
    }

    /// There is nothing to work on.
    #[must_use]
    pub fn nothing(why: impl Display) -> Self {
        Self {
            code: 4,
            why: why.to_string(),
        }
    }
}

impl From<CannotRun> for Failed {
    fn from(error: CannotRun) -> Self {
        Self::usage(error)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::tool(format!("cannot write the output: {error}"))
    }
}

/// A verb that a binary has beside the common ones.
#[derive(Clone, Copy, Debug)]
pub struct ExtraVerb {
    /// Its name, its help and its arguments.
    pub command: fn() -> clap::Command,
    /// Does what it says. Returns the exit code.
    pub act: fn(&ArgMatches) -> Result<u8, Failed>,
}

/// Parses the command line, does what it says with these systems, and returns the exit code.
///
/// # Panics
/// When there is no system, or two have one name.
#[must_use]
pub fn main(systems: Systems, extra: &[ExtraVerb]) -> ExitCode {
    systems.must_be_named();
    let matches = match command(extra).try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are no errors; clap knows where each belongs.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(systems, extra, &matches) {
        Ok(code) => ExitCode::from(code),
        Err(Failed { code, why }) => {
            let _ = writeln!(io::stderr(), "{}: {why}", program());
            ExitCode::from(code)
        }
    }
}

/// The whole command line, under the name of this program.
fn command(extra: &[ExtraVerb]) -> clap::Command {
    let common = Arguments::command().name(program());
    let verbs = extra.iter().map(|verb| (verb.command)());
    common.subcommands(verbs)
}

fn dispatch(systems: Systems, extra: &[ExtraVerb], matches: &ArgMatches) -> Result<u8, Failed> {
    let of_extra = matches.subcommand().and_then(|(name, own)| {
        let verb = extra
            .iter()
            .find(|verb| (verb.command)().get_name() == name)?;
        Some((verb, own))
    });
    match of_extra {
        Some((verb, own)) => (verb.act)(own),
        None => {
            let parsed = Arguments::from_arg_matches(matches);
            let arguments = parsed.unwrap_or_else(|error| error.exit());
            act(systems, extra, arguments.verb)
        }
    }
}

fn act(systems: Systems, extra: &[ExtraVerb], verb: Verb) -> Result<u8, Failed> {
    match verb {
        Verb::List { format } => list::list(systems, format),
        Verb::Run {
            system,
            seed,
            trace,
            scenario,
            faults,
            engine,
            format,
        } => {
            let show = Show { engine, format };
            replay::run(systems, &system, seed, &faults, (trace, scenario), show)
        }
        Verb::Fuzz(arguments) => fuzz::fuzz(systems, arguments),
        Verb::Replay(arguments) => replay::replay(systems, &arguments),
        Verb::Verify {
            paths,
            jobs,
            engine,
            format,
        } => verify::verify(systems, &paths, jobs, Show { engine, format }),
        Verb::Check(arguments) => check::check(systems, &arguments),
        Verb::History(arguments) => history::history(&arguments),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command(extra), program(), &mut script);
            print(&String::from_utf8_lossy(&script))?;
            Ok(0)
        }
    }
}

/// The gravest of several exit codes: what makes every verdict doubtful first,
/// then safety, histories, panics, liveness, and what could not be judged.
fn gravest(codes: impl IntoIterator<Item = u8>) -> u8 {
    const ORDER: [u8; 8] = [21, 10, 13, 12, 11, 20, 2, 1];
    let rank = |code: u8| ORDER.iter().position(|known| *known == code);
    codes
        .into_iter()
        .filter(|code| *code != 0)
        .min_by_key(|code| rank(*code).unwrap_or(ORDER.len()))
        .unwrap_or(0)
}

/// Writes a whole result to stdout. A reader that has gone away is no error.
///
/// # Errors
/// When it cannot be written.
pub fn print(text: &str) -> Result<(), Failed> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// No machine has more cores that would be of use.
const MOST_WORKERS: usize = 1024;

/// As many workers as there are cores, unless told otherwise.
fn workers(asked: Option<usize>) -> Result<usize, Failed> {
    match asked {
        Some(0) => Err(Failed::usage("no worker would do nothing; give at least 1")),
        Some(jobs) if jobs > MOST_WORKERS => Err(Failed::usage(format!(
            "{jobs} workers are more than make sense; give at most {MOST_WORKERS}"
        ))),
        Some(jobs) => Ok(jobs),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

/// Better to fail before the work than at its first finding.
///
/// # Errors
/// When nothing can be written there; `option` gives another folder.
pub fn must_be_writable(folder: &Path, option: &str) -> Result<(), Failed> {
    let refused = |error| {
        Failed::tool(format!(
            "cannot write to {}: {error}; give another folder with {option}",
            folder.display()
        ))
    };
    fs::create_dir_all(folder).map_err(refused)?;
    let probe = folder.join(".probe.tmp");
    fs::write(&probe, b"").map_err(refused)?;
    fs::remove_file(&probe).map_err(refused)
}

/// Set by Ctrl-C: whoever works stops soon, and says what was done until then.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Catches Ctrl-C once for the rest of the process.
fn catch_interrupts() -> &'static AtomicBool {
    // A second handler is refused; then the first one serves.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, std::sync::atomic::Ordering::Relaxed) {
            // The second time, the user means it.
            std::process::exit(130);
        }
    });
    &INTERRUPTED
}

/// Whether progress may be animated.
#[must_use]
pub fn animated() -> bool {
    io::stderr().is_terminal()
}
