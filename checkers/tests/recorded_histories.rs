//! Histories that real systems left behind, with verdicts that are known.
//!
//! They are not part of this project: the folder named by `SNOWGLOBE_HISTORIES`
//! has a table `verdicts.tsv` (file, specification, verdict) and the files. Without
//! the variable these tests say so, and pass.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use snowglobe_checkers::history::{History, Value, jepsen, porcupine};
use snowglobe_checkers::linearizability::specifications::{CasRegister, KeyValue};
use snowglobe_checkers::linearizability::{Cuts, Options, Specification, Verdict, check};

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

fn judge<S>(specification: &S, history: &History<S::Input, S::Output>, cuts: Cuts) -> bool
where
    S: Specification<Key: Send + Sync, Input: Sync, Output: Sync> + Sync,
{
    let options = Options {
        cuts,
        threads: 2,
        ..Options::default()
    };
    match check(specification, history, &options) {
        Verdict::Linearizable(_) => true,
        Verdict::Illegal(_) => false,
        Verdict::Unknown(unknown) => panic!("{unknown:?}"),
    }
}

#[test]
fn every_recorded_history_gets_its_verdict() {
    let Some(folder) = folder() else { return };
    for (path, specification, expected) in rows(&folder) {
        let file = BufReader::new(File::open(&path).expect("the table names files that exist"));
        let verdict = match specification.as_str() {
            "cas-register" => {
                let history = jepsen::read(file).expect("a log of a register");
                judge(
                    &CasRegister {
                        initial: Value::Nothing,
                    },
                    &history,
                    Cuts::ALL,
                )
            }
            "kv" => {
                let history = porcupine::read(file).expect("a log of a store");
                judge(&KeyValue::EMPTY, &history, Cuts::ALL)
            }
            other => panic!("no such specification: {other}"),
        };
        assert_eq!(verdict, expected, "{}", path.display());
    }
}
