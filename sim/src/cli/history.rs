//! `snowglobe history`: is a recorded history linearizable, and if not, why?
//!
//! A thread reads and judges; the one that was called keeps the time, tells how
//! it comes along, and listens for Ctrl-C.

mod account;
mod case;
mod hint;
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
use snowglobe_checkers::history::jepsen::{FailedSwap, Layout};
use snowglobe_checkers::history::{self, Subject, Value};

use super::arguments::HistoryArguments;
use super::{Failed, Format, catch_interrupts, print, workers};
use judge::{Meaning, Task};
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
    /// Whatever the first calls and answers fit.
    Auto,
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
    /// Acquire and release.
    Mutex,
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

impl From<Subject> for Object {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Register => Self::CasRegister,
            Subject::Store => Self::Kv,
            Subject::Versioned => Self::Versioned,
            Subject::Queue => Self::Queue,
            Subject::Set => Self::Set,
            Subject::Counter => Self::Counter,
            Subject::Mutex => Self::Mutex,
            Subject::Lock => Self::Lock,
        }
    }
}

/// The format of a file, as far as the user says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FileFormat {
    /// By its looks.
    Auto,
    /// Snowglobe's own: a call or an event per line, in JSON.
    Jsonl,
    /// Jepsen's maps, in EDN or JSON; Porcupine's too.
    #[value(aliases = ["jepsen", "porcupine", "edn", "json"])]
    JepsenMaps,
    /// Lines of Jepsen's history.txt or jepsen.log.
    #[value(aliases = ["txt", "log"])]
    JepsenLog,
}

impl FileFormat {
    /// The format, unless it is to be guessed.
    const fn known(self) -> Option<history::Format> {
        match self {
            Self::Auto => None,
            Self::Jsonl => Some(history::Format::JsonLines),
            Self::JepsenMaps => Some(history::Format::Jepsen(Layout::Maps)),
            Self::JepsenLog => Some(history::Format::Jepsen(Layout::Log)),
        }
    }
}

/// What it says of a compare-and-swap of a Jepsen history that it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailedCas {
    /// Nothing: it did not happen, for whatever reason.
    DidNotHappen,
    /// That the object was asked, and held something else.
    NoMatch,
}

impl From<FailedCas> for FailedSwap {
    fn from(failed: FailedCas) -> Self {
        match failed {
            FailedCas::DidNotHappen => Self::DidNotHappen,
            FailedCas::NoMatch => Self::NoMatch,
        }
    }
}

/// A value that an object holds at first, as files write it.
pub(super) fn initial(text: &str) -> Result<Value, String> {
    if text == "nil" {
        return Ok(Value::Nothing);
    }
    Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

pub(super) fn history(arguments: &HistoryArguments) -> Result<u8, Failed> {
    let json = arguments.printed.format == Format::Json;
    let shared = Arc::new(Shared::default());
    let (sender, receiver) = mpsc::channel();
    let task = Task {
        file: arguments.file.clone(),
        object: arguments.spec,
        reading: Meaning {
            initial: arguments.initial.clone(),
            failed_cas: arguments.failed_cas.into(),
            missing_is_empty: arguments.missing_is_empty,
        },
        format: arguments.from.known(),
        memory: arguments.memory.0,
        threads: workers(arguments.workers)?,
        explain: arguments.explain || json,
        weakness: arguments.explain,
        order: arguments.order,
        shared: Arc::clone(&shared),
        news: sender,
    };
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
