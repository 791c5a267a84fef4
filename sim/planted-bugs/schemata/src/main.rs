//! Plants many small changes in one copy of a tree, so that one build has them all. Which of them
//! is there in a run is a question to the environment: `SNOWGLOBE_MUTANT=17`.
//!
//!   schemata plant LIST FROM TO    plants all of a list; prints a line for each: its number,
//!                                  "planted" or "alone", and its name
//!   schemata alone LIST N FROM TO  makes the N-th change of a list, and no other
//!   schemata pick LIST NAMES       prints the part of a list that has one of these names; the lines
//!                                  and columns in them do not count, for sources grow
//!
//! LIST is what `cargo mutants --list --json` printed. Numbers begin with 1. "alone" is what cannot
//! be planted beside others: in a `const fn`, in a chain with `let`, and what does not compile.

mod blame;
mod list;
#[cfg(test)]
mod meaning;
mod places;
mod planting;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use list::Mutant;
use planting::Planted;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// The package whose code is changed, and its root.
const PACKAGE: &str = "snowglobe-systems";
const CRATE_ROOT: &str = "systems/src/lib.rs";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["plant", list, from, to] => plant_all(Path::new(list), Path::new(from), Path::new(to)),
        ["alone", list, number, from, to] => {
            plant_alone(Path::new(list), number, Path::new(from), Path::new(to))
        }
        ["pick", list, names] => pick(Path::new(list), Path::new(names)),
        _ => {
            eprintln!("schemata plant LIST FROM TO | alone LIST N FROM TO | pick LIST NAMES");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("schemata: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read_list(path: &Path) -> Fallible<Vec<Mutant>> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

/// Leaves out what does not compile, until the rest does.
fn plant_all(list: &Path, from: &Path, to: &Path) -> Fallible<()> {
    let mutants = read_list(list)?;
    let mut left_out = BTreeSet::new();
    loop {
        let files = plant(&mutants, &mut left_out, from, to)?;
        let culprits = compile(to, &files)?;
        if culprits.is_empty() {
            break;
        }
        eprintln!("schemata: {} do not compile beside others", culprits.len());
        left_out.extend(culprits);
    }
    for (number, mutant) in (1..).zip(&mutants) {
        let how = if left_out.contains(&number) {
            "alone"
        } else {
            "planted"
        };
        println!("{number}\t{how}\t{}", mutant.name);
    }
    Ok(())
}

/// Writes all files that something is planted in. Those without a place are left out, too.
fn plant(
    mutants: &[Mutant],
    left_out: &mut BTreeSet<usize>,
    from: &Path,
    to: &Path,
) -> Fallible<BTreeMap<PathBuf, Planted>> {
    let mut by_file: BTreeMap<&str, Vec<(usize, &Mutant)>> = BTreeMap::new();
    by_file.insert(CRATE_ROOT, Vec::new());
    for (number, mutant) in (1..).zip(mutants) {
        let of_file = by_file.entry(&mutant.file).or_default();
        if !left_out.contains(&number) {
            of_file.push((number, mutant));
        }
    }
    let mut files = BTreeMap::new();
    for (name, mutants) in by_file {
        let whole = fs::read_to_string(from.join(name))?;
        let mut planted = planting::plant(&whole, &mutants)?;
        if name == CRATE_ROOT {
            // The values that functions return instead are written with the names of std. And the
            // environment has to be read.
            planted.text = planted.text.replace("#![no_std]", "          ") + planting::QUESTION;
        }
        write(&to.join(name), &planted.text)?;
        left_out.extend(&planted.left_out);
        files.insert(PathBuf::from(name), planted);
    }
    Ok(files)
}

/// The changes that keep the tree from being compiled.
fn compile(tree: &Path, files: &BTreeMap<PathBuf, Planted>) -> Fallible<BTreeSet<usize>> {
    let output = Command::new("cargo")
        .args(["check", "--quiet", "--message-format=json", "-p", PACKAGE])
        .current_dir(tree)
        .output()?;
    let messages = String::from_utf8(output.stdout)?;
    let culprits = blame::culprits(&messages, |file| {
        files
            .get(Path::new(file))
            .map(|planted| &planted.regions[..])
    })?;
    if culprits.is_empty() && !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(culprits)
}

fn plant_alone(list: &Path, number: &str, from: &Path, to: &Path) -> Fallible<()> {
    let mutants = read_list(list)?;
    let number: usize = number.parse()?;
    let mutant = number.checked_sub(1).and_then(|at| mutants.get(at));
    let mutant = mutant.ok_or_else(|| format!("the list has no number {number}"))?;
    let whole = fs::read_to_string(from.join(&mutant.file))?;
    write(&to.join(&mutant.file), &planting::alone(&whole, mutant))
}

/// Writes what differs, so that only that is compiled anew.
fn write(path: &Path, text: &str) -> Fallible<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    Ok(fs::write(path, text)?)
}

fn pick(list: &Path, names: &Path) -> Fallible<()> {
    let all: Vec<serde_json::Value> = serde_json::from_str(&fs::read_to_string(list)?)?;
    let names = fs::read_to_string(names)?;
    let wanted: BTreeSet<_> = names.lines().map(list::lasting).collect();
    let picked = all.iter().filter(|mutant| {
        let name = mutant["name"].as_str().map(list::lasting);
        name.is_some_and(|name| wanted.contains(&name))
    });
    println!("{}", serde_json::to_string(&picked.collect::<Vec<_>>())?);
    Ok(())
}
