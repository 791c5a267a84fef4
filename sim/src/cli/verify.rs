//! `snowglobe verify`: the corpus must come out as it says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::arguments::VerifyArguments;
use super::{Failed, Format, catch_interrupts, gravest, print, workers};
use crate::campaign::corpus::{self, Checked};
use crate::registry::Systems;
use crate::report::failure::{self, Again};
use crate::scenarios::Verdict;
use crate::scenarios::file::Expectation;
use crate::world::engine::Engine;

const WATCHDOG: Duration = Duration::from_secs(120);

pub(super) fn verify(systems: Systems, arguments: &VerifyArguments) -> Result<u8, Failed> {
    let (engine, format) = (arguments.driven.engine, arguments.printed.format);
    let jobs = workers(arguments.workers)?;
    let mut files = Vec::new();
    for path in &arguments.paths {
        let found = corpus::files(path).map_err(|error| {
            Failed::usage(format!(
                "cannot read {}: {error}; check the path",
                path.display()
            ))
        })?;
        files.extend(found);
    }
    if files.is_empty() {
        return Err(Failed::nothing("no scenario file there; they end in .toml"));
    }
    let results = check_all(systems, &files, engine, jobs);
    let interrupted = results.iter().any(Option::is_none);
    let code = gravest(results.iter().flatten().map(code_of));
    match format {
        Format::Human => print(&human(&files, &results))?,
        Format::Json => print(&format!("{:#}\n", as_json(&files, &results)))?,
    }
    Ok(if interrupted { 130 } else { code })
}

/// Checks every file; one that was not reached before an interrupt stays `None`.
fn check_all(
    systems: Systems,
    files: &[PathBuf],
    engine: Engine,
    jobs: usize,
) -> Vec<Option<Checked>> {
    let stop = catch_interrupts();
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Checked>>> = files.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed)
                    && let place = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(file) = files.get(place)
                {
                    let checked = corpus::check(systems, file, engine, WATCHDOG);
                    *results[place].lock().expect("nobody panics with it") = Some(checked);
                }
            });
        }
    });
    results
        .into_iter()
        .map(|result| result.into_inner().expect("nobody panics with it"))
        .collect()
}

fn code_of(checked: &Checked) -> u8 {
    match checked {
        Checked::AsExpected(_) => 0,
        Checked::Unusable(_) => 2,
        Checked::Otherwise { finding, .. } => {
            // A planted failure that no longer shows is a failure of the tester.
            finding
                .as_ref()
                .map_or(10, crate::campaign::Finding::exit_code)
        }
    }
}

fn human(files: &[PathBuf], results: &[Option<Checked>]) -> String {
    let mut text = String::new();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (file, result) in files.iter().zip(results) {
        match result {
            None => skipped += 1,
            Some(checked @ Checked::AsExpected(_)) => {
                passed += 1;
                of_file(&mut text, file, checked);
            }
            Some(checked) => {
                failed += 1;
                of_file(&mut text, file, checked);
            }
        }
    }
    let _ = write!(text, "\n{passed} as expected, {failed} otherwise");
    if skipped > 0 {
        let _ = write!(text, ", {skipped} not run");
    }
    text.push('\n');
    text
}

fn of_file(text: &mut String, file: &Path, checked: &Checked) {
    let name = file.display();
    let _ = match checked {
        Checked::AsExpected(report) => {
            writeln!(text, "ok    {name}  {}  {}", report.at, report.digest)
        }
        Checked::Unusable(why) => writeln!(text, "FAIL  {why}"),
        Checked::Otherwise {
            expected,
            finding,
            report,
        } => {
            let expected = match expected {
                Expectation::Held => "held".to_owned(),
                Expectation::CannotRecover => "cannot-recover".to_owned(),
                Expectation::Violates(property) => format!("a violation of {property}"),
            };
            let found = finding
                .as_ref()
                .map_or_else(|| "held".to_owned(), ToString::to_string);
            let first = writeln!(
                text,
                "FAIL  {name}\n  expected  {expected}\n  found     {found}"
            );
            if let Some(report) = report
                && let Verdict::Broke(breakage) = &report.verdict
            {
                text.push_str(&failure::lines(
                    report,
                    breakage,
                    &Again::File(file.to_owned()),
                ));
            }
            first
        }
    };
}

fn as_json(files: &[PathBuf], results: &[Option<Checked>]) -> serde_json::Value {
    let files: Vec<_> = files
        .iter()
        .zip(results)
        .map(|(file, result)| {
            let (outcome, detail) = match result {
                None => ("not-run", None),
                Some(Checked::AsExpected(report)) => {
                    ("as-expected", Some(report.digest.to_string()))
                }
                Some(Checked::Unusable(why)) => ("unusable", Some(why.clone())),
                Some(Checked::Otherwise { finding, .. }) => {
                    ("otherwise", finding.as_ref().map(ToString::to_string))
                }
            };
            json!({ "file": file, "outcome": outcome, "detail": detail })
        })
        .collect();
    json!({ "files": files })
}
