//! Which specification a history is read and judged as.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use snowglobe_checkers::history::{Format, Value, jepsen, json_lines, porcupine};
use snowglobe_checkers::linearizability::Specification;
use snowglobe_checkers::linearizability::specifications::{
    CasRegister, Counter, KeyValue, Keyed, Lock, Queue, Register, Set, Text, Versioned,
};

use super::super::Failed;
use super::case::Case;
use super::outcome::{News, Outcome};
use super::source::Start;
use super::watch::Shared;
use super::{Object, name_of};

/// What every register of a file holds at first.
const INITIAL: Value = Value::Nothing;

/// What is to be judged, and how.
pub(super) struct Task {
    pub(super) file: PathBuf,
    pub(super) object: Object,
    /// Guessed if not given.
    pub(super) format: Option<Format>,
    /// How many bytes the history and the search may take together.
    pub(super) memory: u64,
    pub(super) threads: usize,
    /// Whether an illegal history is explained.
    pub(super) explain: bool,
    /// Whether it is said how weak an illegal history is.
    pub(super) weakness: bool,
    /// Whether the order of a linearizable history is told.
    pub(super) order: bool,
    pub(super) shared: Arc<Shared>,
    pub(super) news: Sender<News>,
}

/// Refuses a format whose histories are of another object.
pub(super) fn must_suit(format: Format, object: Object) -> Result<(), Failed> {
    let (log, suits) = match format {
        Format::JsonLines => return Ok(()),
        Format::Jepsen => ("a Jepsen log is of", Object::CasRegister),
        Format::Porcupine => ("a Porcupine log is of", Object::Kv),
    };
    if object == suits {
        return Ok(());
    }
    let what = match suits {
        Object::Kv => "a key/value store",
        _ => "a register with compare-and-swap",
    };
    Err(Failed::usage(format!(
        "{log} {what}: give --spec {} instead of --spec {}",
        suits.name(),
        object.name()
    )))
}

/// Does the whole task.
pub(super) fn judge(task: &Task) -> Result<Outcome, Failed> {
    let start = Start::open(&task.file, &task.shared)?;
    if start.is_blank() {
        return Err(nothing(task));
    }
    let format = task.format.or_else(|| start.guess()).ok_or_else(|| {
        Failed::tool(format!(
            "{}: this looks like no history; if it is one, give --from jsonl, jepsen or porcupine",
            name_of(&task.file)
        ))
    })?;
    must_suit(format, task.object)?;
    match format {
        Format::JsonLines => judge_native(task, start, task.object),
        Format::Jepsen => Case::new(task, CasRegister { initial: INITIAL }, format)
            .of_memory()
            .judge(start, jepsen::read),
        Format::Porcupine => Case::new(task, KeyValue::EMPTY, format)
            .of_memory()
            .judge(start, porcupine::read),
    }
}

/// A file in the native format may be of any object.
fn judge_native(task: &Task, start: Start, object: Object) -> Result<Outcome, Failed> {
    match object {
        Object::Register => keyed(task, Register { initial: INITIAL })
            .of_memory()
            .judge(start, json_lines::read),
        Object::CasRegister => keyed(task, CasRegister { initial: INITIAL })
            .of_memory()
            .judge(start, json_lines::read),
        Object::Kv => keyed(task, Text).of_memory().judge(start, json_lines::read),
        Object::Versioned => {
            keyed(task, Versioned { initial: INITIAL }).judge(start, json_lines::read)
        }
        Object::Counter => keyed(task, Counter::default()).judge(start, json_lines::read),
        Object::Queue => keyed(task, Queue::<Value>::EMPTY).judge(start, json_lines::read),
        Object::Set => keyed(task, Set::<Value>::EMPTY).judge(start, json_lines::read),
        Object::Lock => keyed(task, Lock).judge(start, json_lines::read),
    }
}

/// Such an object under each key of a file in the native format.
fn keyed<S: Specification<Key = ()>>(task: &Task, object: S) -> Case<'_, Keyed<Arc<str>, S>> {
    Case::new(task, Keyed::new(object), Format::JsonLines)
}

/// A file without operations.
pub(super) fn nothing(task: &Task) -> Failed {
    Failed::nothing(format!(
        "{}: there is no operation in it, so there is nothing to judge",
        name_of(&task.file)
    ))
}
