//! Which specification a history is read and judged as.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use serde::de::DeserializeOwned;
use snowglobe_checkers::history::jepsen::{
    self, FailedSwap, KeyIn, Layout, Looks, Tally, Workload,
};
use snowglobe_checkers::history::{
    Format, History, NoSubject, ReadError, Subject, Value, json_lines,
};
use snowglobe_checkers::linearizability::Specification;
use snowglobe_checkers::linearizability::specifications::{
    CasRegister, Counter, Entry, Keyed, KeyedInput, Lock, Mutex, Queue, Register, Set, Text,
    Versioned,
};

use super::super::Failed;
use super::case::Case;
use super::hint::{
    doubt_of_missing, hint_of_cas_register, hint_of_counter, hint_of_missing, hint_of_register,
};
use super::outcome::{News, Outcome};
use super::source::{Source, Start};
use super::watch::Shared;
use super::{Object, name_of};

/// What is to be judged, and how.
pub(super) struct Task {
    pub(super) file: PathBuf,
    pub(super) object: Object,
    /// Guessed if not given.
    pub(super) format: Option<Format>,
    pub(super) reading: Meaning,
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

/// What the user says of the meaning of a history.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    /// What is there at first.
    pub(super) initial: Option<Value>,
    pub(super) failed_cas: FailedSwap,
    /// Found out if not given.
    pub(super) missing_is_empty: Option<bool>,
}

/// Does the whole task.
pub(super) fn judge(task: &Task) -> Result<Outcome, Failed> {
    let start = Start::open(&task.file, &task.shared)?;
    if start.is_blank() {
        return Err(nothing(task));
    }
    let format = task.format.or_else(|| start.guess()).ok_or_else(|| {
        Failed::tool(format!(
            "{}: this looks like no history; if it is one, give --from jsonl, jepsen-maps or \
             jepsen-log",
            name_of(&task.file)
        ))
    })?;
    match format {
        Format::JsonLines => judge_native(task, start),
        Format::Jepsen(layout) => judge_jepsen(task, start, layout),
    }
}

/// The object that the user names, or that the file shows.
fn object_of(
    task: &Task,
    shown: impl FnOnce() -> Result<Subject, NoSubject>,
) -> Result<Object, Failed> {
    let object = match task.object {
        Object::Auto => shown()
            .map_err(|why| Failed::tool(format!("{}: {why}", name_of(&task.file))))?
            .into(),
        named => named,
    };
    let takes_initial = [
        Object::Register,
        Object::CasRegister,
        Object::Versioned,
        Object::Counter,
    ];
    if task.reading.initial.is_some() && !takes_initial.contains(&object) {
        return Err(Failed::usage(format!(
            "--initial says what a register or a counter holds at first, and this is a {}: leave \
             it out",
            object.name()
        )));
    }
    Ok(object)
}

/// A file in the native format.
fn judge_native(task: &Task, start: Start) -> Result<Outcome, Failed> {
    let looks = json_lines::Looks::at(start.first());
    let object = object_of(task, || looks.subject())?;
    let missing_is_empty = (task.reading.missing_is_empty).unwrap_or(looks.missing_is_empty());
    let initial = initial(task);
    match object {
        Object::Auto => unreachable!("it was resolved"),
        Object::Register => keyed(task, Register { initial }, object)
            .of_memory()
            .hinting(hint_of_register)
            .judge(start, untallied),
        Object::CasRegister => keyed(task, CasRegister { initial }, object)
            .of_memory()
            .hinting(hint_of_cas_register)
            .judge(start, untallied),
        Object::Kv if missing_is_empty => keyed(task, Text, object)
            .of_memory()
            .with_missing_as_empty()
            .doubting(doubt_of_missing)
            .judge(start, untallied),
        Object::Kv => keyed(task, Entry, object)
            .of_memory()
            .hinting(hint_of_missing)
            .judge(start, untallied),
        Object::Versioned => keyed(task, Versioned { initial }, object).judge(start, untallied),
        Object::Counter => keyed(task, counter(task)?, object)
            .hinting(hint_of_counter)
            .judge(start, untallied),
        Object::Queue => keyed(task, Queue::<Value>::EMPTY, object).judge(start, untallied),
        Object::Set => keyed(task, Set::<Value>::EMPTY, object).judge(start, untallied),
        Object::Mutex => keyed(task, Mutex, object).judge(start, untallied),
        Object::Lock => keyed(task, Lock, object).judge(start, untallied),
    }
}

/// A file as Jepsen writes it.
fn judge_jepsen(task: &Task, start: Start, layout: Layout) -> Result<Outcome, Failed> {
    let looks = Looks::at(start.first(), layout);
    let object = object_of(task, || looks.subject())?;
    let keys = looks.key_in();
    let missing_is_empty = (task.reading.missing_is_empty).unwrap_or(looks.missing_is_empty());
    let failed_swap = task.reading.failed_cas;
    let case = Jepsen {
        task,
        object,
        layout,
        keys,
    };
    let initial = initial(task);
    match object {
        Object::Auto => unreachable!("it was resolved"),
        Object::Register | Object::CasRegister => case
            .of(CasRegister { initial })
            .of_memory()
            .hinting(hint_of_cas_register)
            .judge(start, case.reader(jepsen::Register { failed_swap })),
        Object::Kv if missing_is_empty => case
            .of(Text)
            .of_memory()
            .with_missing_as_empty()
            .doubting(doubt_of_missing)
            .judge(start, case.reader(jepsen::Store { failed_swap })),
        Object::Kv => case
            .of(Entry)
            .of_memory()
            .hinting(hint_of_missing)
            .judge(start, case.reader(jepsen::Store { failed_swap })),
        Object::Counter => case
            .of(counter(task)?)
            .hinting(hint_of_counter)
            .judge(start, case.reader(jepsen::Counter)),
        Object::Queue => case
            .of(Queue::<Value>::EMPTY)
            .judge(start, |source| jepsen::read_queue(layout, keys, source)),
        Object::Set => case
            .of(Set::<Value>::EMPTY)
            .judge(start, case.reader(jepsen::Set)),
        Object::Mutex => case.of(Mutex).judge(start, case.reader(jepsen::Mutex)),
        Object::Lock => case.of(Lock).judge(start, case.reader(jepsen::Lock)),
        Object::Versioned => Err(Failed::usage(
            "values with versions are read from Snowglobe's own format alone: --from jsonl",
        )),
    }
}

/// A file of Jepsen's, and what is known of it.
struct Jepsen<'a> {
    task: &'a Task,
    object: Object,
    layout: Layout,
    keys: KeyIn,
}

impl<'a> Jepsen<'a> {
    fn of<S: Specification<Key = ()>>(&self, specification: S) -> Case<'a, Keyed<Arc<str>, S>> {
        let format = Format::Jepsen(self.layout);
        let tuples = self.keys == KeyIn::Tuple;
        Case::new(self.task, Keyed::new(specification), format, self.object).with_tuples(tuples)
    }

    /// Reads such a file.
    fn reader<W: Workload>(
        &self,
        workload: W,
    ) -> impl FnOnce(Source) -> Read<KeyedInput<Arc<str>, W::Input>, W::Output> {
        let (layout, keys) = (self.layout, self.keys);
        move |source| jepsen::read(&workload, layout, keys, source)
    }
}

/// What a reader gives.
type Read<Input, Output> = Result<(History<Input, Output>, Tally), ReadError>;

/// The native reader refuses what it does not know, so that there is nothing to count.
fn untallied<Input: DeserializeOwned, Output: DeserializeOwned>(
    source: Source,
) -> Read<KeyedInput<Arc<str>, Input>, Output> {
    json_lines::read(source).map(|history| (history, Tally::default()))
}

/// Such an object under each key of a file in the native format.
fn keyed<S: Specification<Key = ()>>(
    task: &Task,
    specification: S,
    object: Object,
) -> Case<'_, Keyed<Arc<str>, S>> {
    Case::new(task, Keyed::new(specification), Format::JsonLines, object)
}

/// What every register of a file holds at first.
fn initial(task: &Task) -> Value {
    task.reading.initial.clone().unwrap_or_default()
}

fn counter(task: &Task) -> Result<Counter, Failed> {
    match task.reading.initial {
        None => Ok(Counter::default()),
        Some(Value::Number(initial)) => Ok(Counter { initial }),
        Some(_) => Err(Failed::usage(
            "--initial of a counter is a whole number, as in --initial 10",
        )),
    }
}

/// A file without operations.
pub(super) fn nothing(task: &Task) -> Failed {
    Failed::nothing(format!(
        "{}: there is no operation in it, so there is nothing to judge",
        name_of(&task.file)
    ))
}
