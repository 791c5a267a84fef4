//! `snowglobe history`: is a recorded history linearizable, and if not, why?
//!
//! A thread reads and judges; the one that was called keeps the time, tells how
//! it comes along, and listens for Ctrl-C.

mod account;
mod case;
mod judge;
mod memory;
mod outcome;
mod source;
mod watch;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;

use clap::ValueEnum;
use snowglobe_checkers::history;

use super::arguments::HistoryArguments;
use super::{Failed, Format, catch_interrupts, print, workers};
use judge::Task;
pub(super) use memory::Bytes;
use outcome::{Finding, News, Outcome};
use watch::Shared;

/// What a linearizable history, an illegal one and an undecided one exit with.
const LINEARIZABLE: u8 = 0;
const ILLEGAL: u8 = 13;
const INCONCLUSIVE: u8 = 20;
const INTERRUPTED: u8 = 130;

/// What the calls of a history were made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Object {
    /// Read and write one value.
    Register,
    /// Read, write and compare-and-swap one value.
    CasRegister,
    /// Get, put, append, delete and compare-and-swap texts.
    Kv,
    /// Get a value with its version; put it if the version is right.
    Versioned,
    /// Add, add and get, and read.
    Counter,
    /// Enqueue and dequeue.
    Queue,
    /// Add, remove, ask for one value, and read all.
    Set,
    /// Acquire with a growing token, and release.
    Lock,
}

impl Object {
    /// Its name, as the command line takes it.
    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// The format of a file, as far as the user says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FileFormat {
    /// By the looks of the first lines.
    Auto,
    /// Snowglobe's own: a call or an event per line, in JSON.
    Jsonl,
    /// Jepsen's log of a register with compare-and-set.
    Jepsen,
    /// Porcupine's log of a key/value store.
    Porcupine,
}

impl FileFormat {
    /// The format, unless it is to be guessed.
    const fn known(self) -> Option<history::Format> {
        match self {
            Self::Auto => None,
            Self::Jsonl => Some(history::Format::JsonLines),
            Self::Jepsen => Some(history::Format::Jepsen),
            Self::Porcupine => Some(history::Format::Porcupine),
        }
    }
}

pub(super) fn history(arguments: &HistoryArguments) -> Result<u8, Failed> {
    let json = arguments.printed.format == Format::Json;
    let shared = Arc::new(Shared::default());
    let (sender, receiver) = mpsc::channel();
    let task = Task {
        file: arguments.file.clone(),
        object: arguments.spec,
        format: arguments.from.known(),
        memory: arguments.memory.0,
        threads: workers(arguments.workers)?,
        explain: arguments.explain || json,
        weakness: arguments.explain,
        order: arguments.order,
        shared: Arc::clone(&shared),
        news: sender,
    };
    if let Some(format) = task.format {
        judge::must_suit(format, task.object)?;
    }
    let interrupted = catch_interrupts();
    if arguments.budget.is_zero() {
        shared.stop.store(true, Ordering::Relaxed);
    }
    thread::Builder::new()
        .name("judge".to_owned())
        .spawn(move || {
            // Nobody listens any more after an interrupt.
            let _ = task.news.send(News::Done(judge::judge(&task)));
        })
        .map_err(|error| Failed::tool(format!("no thread for the judge: {error}")))?;
    let outcome = watch::wait(&receiver, &shared, arguments.budget, interrupted)?;
    let interrupted = interrupted.load(Ordering::Relaxed);
    match arguments.printed.format {
        Format::Human => print(&account::human(arguments, &outcome, interrupted))?,
        Format::Json => print(&account::json(arguments, &outcome, interrupted)?)?,
    }
    Ok(exit_code(&outcome, interrupted))
}

/// A verdict that was reached before the interrupt is as good as any.
fn exit_code(outcome: &Outcome, interrupted: bool) -> u8 {
    match outcome.finding {
        Finding::Linearizable { .. } => LINEARIZABLE,
        Finding::Illegal(_) => ILLEGAL,
        Finding::Inconclusive(_) if interrupted => INTERRUPTED,
        Finding::Inconclusive(_) => INCONCLUSIVE,
    }
}

/// The file, as messages name it.
fn name_of(file: &Path) -> String {
    if is_stdin(file) {
        "stdin".to_owned()
    } else {
        file.display().to_string()
    }
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}
