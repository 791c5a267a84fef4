//! A failure that was made small: what was left out, and what is left.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::failure::{self, Again};
use crate::scenarios::{RunReport, Verdict};
use crate::shrink::Shrunk;
use crate::text::{counted, grouped, program};

/// A failure that was made small, and written down.
#[derive(Clone, Debug)]
pub struct Small {
    /// What it became.
    pub shrunk: Shrunk,
    /// How long that took on the wall clock.
    pub took: Duration,
    /// The smallest run, if it was more than steps to begin with.
    pub run: Option<PathBuf>,
    /// The same as steps, if it can be told so.
    pub steps: Option<PathBuf>,
}

impl Small {
    /// The file that one wants to see first, if there is any.
    #[must_use]
    pub fn smallest(&self) -> Option<&Path> {
        self.steps.as_deref().or(self.run.as_deref())
    }
}

impl Small {
    /// How many steps its smallest form has.
    #[must_use]
    pub fn steps(&self) -> u64 {
        match &self.shrunk.steps {
            Ok(report) => steps(report),
            Err(_) => steps(&self.shrunk.run),
        }
    }
}

/// Writes the small forms of a failure into a folder, under a name that they have in common.
///
/// # Errors
/// When they cannot be written.
pub fn write(mut shrunk: Shrunk, folder: &Path, name: &str, took: Duration) -> io::Result<Small> {
    let whole = size(&shrunk.whole);
    let comment = |form: &str, report: &RunReport| {
        format!(
            "{}: the smallest {form} of {} {} that breaks it.\nOf {whole} there are left {}.",
            report.verdict.word(),
            report.scenario.system,
            shrunk.whole.scenario.seed,
            size(report)
        )
    };
    let of_run = comment("run", &shrunk.run);
    let of_steps = shrunk.steps.as_ref().ok().map(|it| comment("schedule", it));
    let is_script = shrunk.whole.scenario.scripted.is_some();
    let run = (!is_script).then(|| folder.join(format!("{name}.small.toml")));
    if let Some(run) = &run {
        shrunk.run.scenario.comment = of_run;
        fs::write(run, shrunk.run.scenario.to_brief_toml())?;
    }
    let steps = folder.join(format!("{name}.steps.toml"));
    let steps = match (&mut shrunk.steps, of_steps) {
        (Ok(report), Some(comment)) => {
            report.scenario.comment = comment;
            fs::write(&steps, report.scenario.to_brief_toml())?;
            Some(steps)
        }
        _ => None,
    };
    Ok(Small {
        shrunk,
        took,
        run,
        steps,
    })
}

/// How large a run is, in words.
fn size(report: &RunReport) -> String {
    let [nodes, incidents, calls, steps] = numbers(report);
    let things = [
        (nodes, "node"),
        (incidents, "incident"),
        (calls, "call"),
        (steps, "step"),
    ];
    let things = things.map(|(number, thing)| counted(number, thing));
    let [nodes, incidents, calls, steps] = things;
    format!("{nodes}, {incidents}, {calls} and {steps}")
}

/// The steps of its nodes; of a script, those that it says.
fn steps(report: &RunReport) -> u64 {
    match &report.scenario.scripted {
        Some(scripted) if scripted.after_step.is_none_or(|it| it == 0) => {
            scripted.steps.len() as u64
        }
        _ => report.counters.steps,
    }
}

/// Its nodes, incidents, calls and steps.
fn numbers(report: &RunReport) -> [u64; 4] {
    let scenario = &report.scenario;
    let happens = match &scenario.story[..] {
        [] => scenario.faults.len(),
        story => story.len(),
    };
    [
        scenario.nodes as u64,
        happens as u64,
        report.counters.invoked,
        steps(report),
    ]
}

/// The account of it, for a person; ends with an empty line.
#[must_use]
pub fn lines(small: &Small) -> String {
    let shrunk = &small.shrunk;
    let mut text = String::new();
    let scenario = &shrunk.whole.scenario;
    let _ = writeln!(
        text,
        "shrink {} {}  {}\n",
        scenario.system,
        scenario.seed,
        shrunk.whole.verdict.word()
    );
    let mut row = |cells: [&str; 6]| {
        let [name, nodes, incidents, calls, steps, time] = cells;
        let row =
            format!("  {name:<9} {nodes:>6} {incidents:>10} {calls:>8} {steps:>9} {time:>11}");
        let _ = writeln!(text, "{}", row.trim_end());
    };
    row(["", "nodes", "incidents", "calls", "steps", "time"]);
    let rows = [
        ("found", Some(&shrunk.whole)),
        ("as a run", small.run.is_some().then_some(&shrunk.run)),
        ("as steps", shrunk.steps.as_ref().ok()),
    ];
    for (name, report) in rows {
        let Some(report) = report else { continue };
        let [nodes, incidents, calls, steps] = numbers(report).map(grouped);
        let time = match report.scenario.scripted {
            Some(_) => String::new(),
            None => report.at.to_string(),
        };
        row([name, &nodes, &incidents, &calls, &steps, &time]);
    }
    text.push('\n');
    let _ = writeln!(text, "  {}", effort(small));
    if let Err(why) = &shrunk.steps {
        let _ = writeln!(text, "  no steps: {why}");
    }
    if let Ok(report) = &shrunk.steps {
        let scripted = report.scenario.scripted.as_ref();
        text.push('\n');
        for step in scripted.map_or(&[][..], |it| &it.steps) {
            let _ = writeln!(text, "    {step}");
        }
    }
    text.push('\n');
    text.push_str(&broken(small));
    text.push('\n');
    text
}

/// What was done for it.
fn effort(small: &Small) -> String {
    let Shrunk {
        tries, is_complete, ..
    } = small.shrunk;
    let ended = match is_complete {
        true => "no single thing more can be left out",
        false => "the budget ended first; a longer one may leave out more",
    };
    format!(
        "{} smaller ones were tried in {:.1} s: {ended}",
        grouped(tries),
        small.took.as_secs_f64()
    )
}

/// The account of it in a line or two, under that of the failure as it was found.
#[must_use]
pub fn briefly(small: &Small) -> String {
    let [_, incidents, calls, steps] = match &small.shrunk.steps {
        Ok(report) => numbers(report),
        Err(_) => numbers(&small.shrunk.run),
    };
    let form = match small.steps {
        Some(_) => counted(steps, "step"),
        None => format!(
            "a run of {}, {} and {}",
            counted(incidents, "incident"),
            counted(calls, "call"),
            counted(steps, "step")
        ),
    };
    let mut text = format!("  small     {form}\n");
    if let Some(file) = small.smallest() {
        let _ = writeln!(text, "  replay    {} replay {}", program(), file.display());
    }
    text
}

/// How the smallest form fails.
fn broken(small: &Small) -> String {
    let report = small.shrunk.steps.as_ref().unwrap_or(&small.shrunk.run);
    let (Verdict::Broke(breakage), Some(file)) = (&report.verdict, small.smallest()) else {
        return String::new();
    };
    let mut text = failure::lines(report, breakage, &Again::File(file.to_owned()));
    if let (Some(_), Some(run)) = (&small.steps, &small.run) {
        let run = run.display();
        let _ = writeln!(text, "  as a run  {} replay {run}", program());
    }
    text
}

/// The account of it, for a program.
#[must_use]
pub fn json(small: &Small) -> Value {
    let shrunk = &small.shrunk;
    let of = |report: &RunReport| {
        let scenario = &report.scenario;
        json!({
            "nodes": scenario.nodes,
            "incidents": scenario.faults.len(),
            "calls": report.counters.invoked,
            "steps": steps(report),
            "seconds": report.at.0 as f64 / 1e9,
        })
    };
    json!({
        "system": shrunk.whole.scenario.system,
        "seed": shrunk.whole.scenario.seed.to_string(),
        "property": shrunk.whole.verdict.word(),
        "found": of(&shrunk.whole),
        "run": of(&shrunk.run),
        "steps": shrunk.steps.as_ref().ok().map(of),
        "no_steps_because": shrunk.steps.as_ref().err(),
        "tries": shrunk.tries,
        "complete": shrunk.is_complete,
        "took_s": small.took.as_secs_f64(),
        "saved": small.run,
        "saved_steps": small.steps,
    })
}
