//! The command line: thin, and exact about what it says and how it exits.

mod arguments;
mod check;
mod fuzz;
mod history;
mod list;
mod merge;
mod promote;
mod replay;
mod shrink;
mod verify;

use std::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use clap::builder::PossibleValue;
use clap::{ArgMatches, CommandFactory, FromArgMatches, ValueEnum};

use self::arguments::{Arguments, Verb, Workers};
use crate::registry::Systems;
use crate::scenarios::CannotRun;
use crate::text::program;
use crate::world::engine::Engine;

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
        Verb::List(printed) => list::list(systems, printed.format),
        Verb::Run(arguments) => replay::run(systems, &arguments),
        Verb::Fuzz(arguments) => fuzz::fuzz(systems, arguments),
        Verb::Merge(arguments) => merge::merged(systems, &arguments),
        Verb::Promote(arguments) => promote::promote(systems, &arguments),
        Verb::Replay(arguments) => replay::replay(systems, &arguments),
        Verb::Shrink(arguments) => shrink::shrink(systems, &arguments),
        Verb::Verify(arguments) => verify::verify(systems, &arguments),
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

/// What the environment says where the command line says nothing.
fn environment<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, Failed> {
    let Ok(text) = std::env::var(name) else {
        return Ok(None);
    };
    let parsed = text.parse().map(Some);
    parsed.map_err(|why| Failed::usage(format!("{name}: {why}")))
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
fn workers(asked: Workers) -> Result<usize, Failed> {
    let asked = match asked.jobs {
        None => environment("SNOWGLOBE_JOBS")?,
        jobs => jobs,
    };
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
