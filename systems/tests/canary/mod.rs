//! Every promise of a system has a canary: a constructed moment that breaks it.
//!
//! The names of the promises are read from the sources, so that none is without a
//! canary, and a canary must break the promise of its row and no other. Whoever
//! blinds a promise, or one of its cases that has a row of its own, fails here.

use std::fs;
use std::path::Path;

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::vec_set::VecSet;

/// What the invariants say of a moment.
pub(crate) type Said = Result<(), Violation>;

/// A promise, which case of it, and the moment that breaks it.
pub(crate) type Canary = (&'static str, &'static str, fn() -> Said);

/// Checks the canaries of a system whose promises are in these files or folders
/// of `src`. Those in `private` are broken by unit tests, which reach what is private.
pub(crate) fn check(sources: &[&str], private: &[&str], canaries: &[Canary]) {
    let unlike = canaries
        .iter()
        .filter_map(|(promise, case, moment)| match moment() {
            Ok(()) => Some(format!("{promise}, {case}: nobody notices")),
            Err(violation) if violation.property == *promise => None,
            Err(other) => Some(format!("{promise}, {case}: {other}")),
        });
    let unlike: Vec<String> = unlike.collect();
    assert!(unlike.is_empty(), "{unlike:#?}");
    let broken = canaries.iter().map(|(promise, ..)| (*promise).to_owned());
    let broken: VecSet<String> = broken
        .chain(private.iter().flat_map(|file| rows_of(file)))
        .collect();
    let mut promised = VecSet::new();
    for source in sources {
        promises_in(&in_sources(source), &mut promised);
    }
    assert_eq!(promised, broken, "promises, and promises with a canary");
}

fn in_sources(path: &str) -> std::path::PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The names of promises in a file, or in all files of a folder but its tests.
fn promises_in(path: &Path, found: &mut VecSet<String>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder can be read");
        for entry in entries {
            promises_in(&entry.expect("it is there").path(), found);
        }
    } else if path.file_name().is_some_and(|name| name != "tests.rs") {
        let text = read(path);
        // What stands between two quotes on one line; comments have none.
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let quoted = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
        found.extend(quoted.filter(|text| is_name(text)).map(str::to_owned));
    }
}

/// Two words or more, joined by hyphens.
fn is_name(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|it| it.is_ascii_lowercase());
    text.contains('-') && text.split('-').all(is_word)
}

/// The rows of the table `CANARIES` in a file of unit tests.
fn rows_of(file: &str) -> Vec<String> {
    let text = read(&in_sources(file));
    let (_, table) = text.split_once("const CANARIES").expect("a table");
    let (table, _) = table.split_once("];").expect("its end");
    let names = table.split('"').skip(1).step_by(2);
    names
        .filter(|text| is_name(text))
        .map(str::to_owned)
        .collect()
}
