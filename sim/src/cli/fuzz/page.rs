//! What a campaign came to, as a page in Markdown: for the summary of a CI job, or for a ticket.

use std::fmt::Write as _;
use std::path::Path;

use super::summed_up::Header;
use crate::campaign::{Failure, Summary};
use crate::scenarios::file::Scenario;
use crate::text::{counted, grouped, program};

/// More marks that were never reached are only counted.
const MARKS_NAMED: usize = 12;
/// A script of more steps is not shown whole.
const STEPS_SHOWN: usize = 40;

/// The page.
pub(in crate::cli) fn page(summary: &Summary, header: &Header) -> String {
    let mut text = format!("# {}\n\n", headline(summary));
    let interrupted = if header.interrupted {
        ", interrupted"
    } else {
        ""
    };
    let _ = writeln!(
        text,
        "{}, {}, in {:.0?}{interrupted}.\n",
        counted(summary.runs(), "run"),
        header.seeds,
        summary.took
    );
    for spot in summary.blind_spots() {
        let _ = writeln!(text, "**Blind**: {}\n", escaped(&spot));
    }
    if let Some(trouble) = &summary.trouble {
        let _ = writeln!(text, "**Stopped**: {}\n", escaped(trouble));
    }
    for failure in summary.by_size() {
        of_failure(&mut text, failure);
    }
    text.push_str("## What was covered\n\n");
    text.push_str("| System | Held | Failed | Simulated | Steps | Marks | Never reached |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for (name, system) in &summary.systems {
        let never: Vec<&str> = system.never_reached().collect();
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {:.1} h | {} | {} of {} | {} |",
            grouped(system.held),
            grouped(system.failed),
            system.simulated.as_secs_f64() / 3600.0,
            grouped(system.counters.steps),
            system.marks.len() - never.len(),
            system.marks.len(),
            match never.len() {
                0..=MARKS_NAMED => never.join(", "),
                more => format!("{more} marks"),
            }
        );
    }
    if let Some(again) = &header.again {
        let _ = writeln!(text, "\n{again}");
    }
    text
}

fn headline(summary: &Summary) -> String {
    match summary.failures.len() {
        0 if summary.blind_spots().is_empty() => "Held in every run".to_owned(),
        0 => "No failures, but this pass cannot be trusted".to_owned(),
        1 => "1 failure".to_owned(),
        distinct => format!("{distinct} distinct failures"),
    }
}

fn of_failure(text: &mut String, failure: &Failure) {
    let Failure {
        system,
        seed,
        count,
        ..
    } = failure;
    let _ = writeln!(text, "## {}\n", escaped(&failure.fingerprint.to_string()));
    let _ = writeln!(
        text,
        "{system}, {}, {}.\n",
        counted(*count, "run"),
        escaped(&failure.finding.to_string())
    );
    if let Some(reason) = &failure.known {
        let _ = writeln!(text, "Known: {}\n", escaped(reason));
    }
    let again = match &failure.smallest {
        Some(file) => file.display().to_string(),
        None => format!("{seed} --system {system}"),
    };
    let _ = writeln!(text, "    {} replay {again}\n", program());
    let Some(steps) = failure.smallest.as_deref().and_then(steps_of) else {
        return;
    };
    let _ = writeln!(text, "<details><summary>{} steps</summary>\n", steps.len());
    for step in steps.iter().take(STEPS_SHOWN) {
        let _ = writeln!(text, "    {step}");
    }
    if steps.len() > STEPS_SHOWN {
        let _ = writeln!(text, "    and {} more", steps.len() - STEPS_SHOWN);
    }
    text.push_str("\n</details>\n\n");
}

/// The steps that a file says, if it is a script.
fn steps_of(file: &Path) -> Option<Vec<String>> {
    let script = Scenario::read(file).ok()?.scripted?;
    Some(script.steps.iter().map(ToString::to_string).collect())
}

/// What comes from a system's own words is no markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' => escaped.push(' '),
            '*' | '_' | '`' | '[' | ']' | '|' | '\\' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}
