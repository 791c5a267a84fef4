//! Histories that real systems left behind, with verdicts that are known.
//!
//! They are not part of this project: the folder named by `SNOWGLOBE_HISTORIES`
//! has a table `verdicts.tsv` (file, specification, verdict) and the files. Without
//! the variable these tests say so, and pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use snowglobe_checkers::history::jepsen::{self, FailedSwap, KeyIn, Layout};
use snowglobe_checkers::history::{ClientId, History, Moment, OperationIndex, Value};
use snowglobe_checkers::linearizability::specifications::{CasRegister, KeyValue, Keyed};
use snowglobe_checkers::linearizability::{
    Online, OnlineError, Options, Specification, Verdict, check, explain,
};

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("SNOWGLOBE_HISTORIES").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("SKIPPED: SNOWGLOBE_HISTORIES is not set, so no recorded history was judged");
    }
    folder
}

/// The rows of the table: file, specification, whether it is linearizable.
fn rows(folder: &Path) -> Vec<(PathBuf, String, bool)> {
    let table = fs::read_to_string(folder.join("verdicts.tsv")).expect("the folder has a table");
    let rows: Vec<_> = table
        .lines()
        .skip(1)
        .map(|line| {
            let [file, specification, verdict] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("not three columns: {line}");
            };
            let linearizable = match verdict {
                "linearizable" => true,
                "illegal" => false,
                other => panic!("not a verdict: {other}"),
            };
            (folder.join(file), specification.to_owned(), linearizable)
        })
        .collect();
    assert!(!rows.is_empty(), "the table names no history");
    rows
}

/// The verdict, with its certificate replayed or its explanation read.
fn judge<S>(specification: &S, history: &History<S::Input, S::Output>) -> bool
where
    S: Specification<Key: Send + Sync, Input: Sync, Output: Sync> + Sync,
{
    let options = Options {
        threads: 2,
        ..Options::default()
    };
    match check(specification, history, &options) {
        Verdict::Linearizable(certificate) => {
            replay(specification, history, &certificate.order);
            true
        }
        Verdict::Illegal(illegal) => {
            let explanation = explain(specification, history, &illegal.key, &options)
                .expect("an illegal history has an explanation");
            assert!(explanation.minimal && !explanation.core.is_empty());
            false
        }
        Verdict::Unknown(unknown) => panic!("{unknown:?}"),
    }
}

/// Replays an order: nothing is left out that was answered, nothing comes after
/// what was called only when it had returned, and every answer is right.
fn replay<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    order: &[OperationIndex],
) {
    let mut states = BTreeMap::<S::Key, S::State>::new();
    let mut latest_call = Moment::default();
    let mut left: BTreeSet<usize> = (0..history.len()).collect();
    for index in order {
        let operation = history.operation(*index);
        assert!(left.remove(&index.place()), "nothing happens twice");
        latest_call = latest_call.max(operation.called);
        assert!(operation.returned_at().is_none_or(|at| at >= latest_call));
        let state = states
            .entry(specification.key(&operation.input))
            .or_insert_with(|| specification.initial());
        let next = specification.step(state, &operation.input, operation.output());
        *state = next.into_iter().next().expect("every answer is right");
    }
    let answered = |place: &usize| history.operations()[*place].returned.is_some();
    assert!(!left.iter().any(answered), "every answer is explained");
}

/// The verdict event by event.
fn listen<S: Specification>(specification: &S, history: &History<S::Input, S::Output>) -> bool {
    let operations = history.operations().iter().enumerate();
    let mut events: Vec<_> = operations
        .flat_map(|(place, operation)| {
            let call = (operation.called, false, place);
            let answer = operation.returned_at().map(|at| (at, true, place));
            [Some(call), answer]
        })
        .flatten()
        .collect();
    events.sort_unstable();
    let mut judge = Online::new();
    events.into_iter().all(|(_, answered, place)| {
        let operation = &history.operations()[place];
        let client = ClientId(place as u32);
        let taken = match &operation.returned {
            Some((_, output)) if answered => judge.answer(specification, client, output),
            Some(_) => judge.call(specification, client, operation.input.clone()),
            None => judge
                .call(specification, client, operation.input.clone())
                .and_then(|()| judge.abandon(specification, client)),
        };
        match taken {
            Ok(()) => true,
            Err(OnlineError::Illegal { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    })
}

#[test]
fn every_recorded_history_gets_its_verdict() {
    let Some(folder) = folder() else { return };
    for (path, specification, expected) in rows(&folder) {
        let file = BufReader::new(File::open(&path).expect("the table names files that exist"));
        let verdicts = match specification.as_str() {
            "cas-register" => {
                // These testers record a swap as failed where the register held something else.
                let failed_swap = FailedSwap::NoMatch;
                let log = jepsen::Register { failed_swap };
                let (history, _) = jepsen::read(&log, Layout::Log, KeyIn::Field, file)
                    .expect("a log of a register");
                let initial = Value::Nothing;
                let register = Keyed::new(CasRegister { initial });
                [judge(&register, &history), listen(&register, &history)]
            }
            "kv" => {
                let log = jepsen::Store::default();
                let (history, _) =
                    jepsen::read(&log, Layout::Maps, KeyIn::Field, file).expect("a log of a store");
                let store = KeyValue::EMPTY;
                [judge(&store, &history), listen(&store, &history)]
            }
            other => panic!("no such specification: {other}"),
        };
        assert_eq!(verdicts, [expected; 2], "{}", path.display());
    }
}
