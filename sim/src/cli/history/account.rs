//! What came of a history, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;
use snowglobe_checkers::history::Moment;
use snowglobe_checkers::linearizability::{Ended, Explanation, Found};

use super::super::Failed;
use super::super::arguments::HistoryArguments;
use super::name_of;
use super::outcome::{Counts, Finding, Inconclusive, Outcome, Placed, ReadAs, Wrong};
use crate::text::grouped;
use crate::time::format_duration;

/// How wide sentences may get.
const WIDTH: usize = 90;

/// The account in words; ends with a line break.
pub(super) fn human(arguments: &HistoryArguments, outcome: &Outcome, interrupted: bool) -> String {
    let mut text = format!("{:<14}", word(&outcome.finding));
    if let Some(counts) = &outcome.counts {
        let _ = write!(text, " {}  ", in_words(counts));
    }
    let seconds = (outcome.reading + outcome.judging).as_secs_f64();
    let file = name_of(&arguments.file);
    let _ = writeln!(text, " {seconds:.2}s   {file}");
    read_as(&mut text, outcome);
    match &outcome.finding {
        Finding::Linearizable { order: None } => {}
        Finding::Linearizable { order: Some(order) } => {
            let operations = outcome.counts.map_or(0, |counts| counts.operations);
            in_order(&mut text, order, operations - order.len());
        }
        Finding::Illegal(wrong) => illegal(&mut text, wrong, arguments.explain),
        Finding::Inconclusive(why) => inconclusive(&mut text, why, arguments, interrupted),
    }
    text
}

/// What the file was taken for, where that is not plain; and what of it was not judged.
fn read_as(text: &mut String, outcome: &Outcome) {
    let ReadAs {
        format,
        object,
        was_found,
        has_tuples,
        missing_is_empty,
    } = outcome.read_as;
    if was_found || has_tuples || missing_is_empty {
        let keys = if has_tuples {
            ", each value with its key"
        } else {
            ""
        };
        let missing = if missing_is_empty {
            ", missing keys as empty texts"
        } else {
            ""
        };
        let object = object.name();
        let value = format!("{object}{keys}{missing} ({format}; --spec and --from say otherwise)");
        line(text, "read as", &value);
    }
    let Some(counts) = &outcome.counts else {
        return;
    };
    let tally = counts.tally;
    if tally.refused > 0 {
        let failed = counted_events(tally.refused, "failed operation");
        line(text, "included", &format!("{failed}, each as a mismatch"));
    }
    let left_out = [
        (tally.failed, "failed operation"),
        (tally.nemesis, "nemesis event"),
        (tally.others, "other line"),
    ];
    let left_out: Vec<_> = (left_out.into_iter())
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted_events(count, what))
        .collect();
    if !left_out.is_empty() {
        line(text, "ignored", &left_out.join(", "));
    }
}

fn counted_events(count: u64, what: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), what)
}

const fn word(finding: &Finding) -> &'static str {
    match finding {
        Finding::Linearizable { .. } => "linearizable",
        Finding::Illegal(_) => "illegal",
        Finding::Inconclusive(_) => "inconclusive",
    }
}

fn in_words(counts: &Counts) -> String {
    format!(
        "{}, {}, {} pending",
        counted(counts.operations, "operation"),
        counted(counts.keys, "key"),
        grouped(counts.pending as u64)
    )
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(number as u64))
}

/// One of the lines under the verdict.
fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<9} {value}");
}

/// An operation per line.
fn in_order(text: &mut String, order: &[Placed], left_out: usize) {
    let width = |words: fn(&Placed) -> String| {
        let widths = order.iter().map(|placed| words(placed).chars().count());
        widths.max().unwrap_or(0)
    };
    let clients = width(|placed| placed.client.to_string());
    let keys = width(|placed| placed.key.clone());
    for placed in order {
        let client = placed.client.to_string();
        let _ = write!(text, "  {client:<clients$}  ");
        if keys > 0 {
            let _ = write!(text, "{:<keys$}  ", placed.key);
        }
        let _ = writeln!(text, "{}", placed.words);
    }
    if left_out > 0 {
        let what = counted(left_out, "pending operation");
        let _ = writeln!(text, "  {what} left out, which need not have happened");
    }
}

fn illegal(text: &mut String, wrong: &Wrong, explain: bool) {
    if !wrong.key.is_empty() {
        let operations = counted(wrong.operations, "operation");
        line(text, "key", &format!("{}, {operations}", wrong.key));
    }
    match &wrong.explanation {
        Some(explanation) if explain => {
            text.push('\n');
            text.push_str(&explanation.words());
        }
        _ => {
            line(text, "reason", &wrong.reason);
            let more = match explain {
                true => "there was no time or no memory to explain this; give it more",
                false => "--explain says which operations, and why",
            };
            line(text, "more", more);
        }
    }
    if let Some(hint) = &wrong.hint {
        line(text, "hint", hint);
    }
    if let Some(weak) = &wrong.weakness {
        text.push('\n');
        text.push_str(&wrapped(&weak.words));
    }
}

fn inconclusive(
    text: &mut String,
    why: &Inconclusive,
    arguments: &HistoryArguments,
    interrupted: bool,
) {
    let (memory, budget) = (arguments.memory, format_duration(arguments.budget));
    let stopped = match interrupted {
        true => "by an interrupt".to_owned(),
        false => format!("after the {budget} of --budget; give it more"),
    };
    let ended = match why {
        Inconclusive::TooLarge => {
            format!("the history alone takes more than the {memory} of --memory; give it more")
        }
        Inconclusive::NotBegun => stopped,
        Inconclusive::Unknown {
            key,
            operations,
            until,
            ended,
            nodes,
        } => {
            if !key.is_empty() {
                let operations = counted(*operations, "operation");
                line(text, "key", &format!("{key}, {operations}"));
            }
            let reached = format!("moment {until}: what returned before it can be put in order");
            line(text, "reached", &reached);
            let nodes = grouped(*nodes);
            line(text, "looked", &format!("at {nodes} configurations"));
            match ended {
                Ended::Stopped => stopped,
                Ended::Memory => format!("with the {memory} of --memory used up; give it more"),
                Ended::Nodes => "with as many configurations as it may look at".to_owned(),
            }
        }
    };
    line(text, "ended", &ended);
}

/// Sentences, broken into lines.
fn wrapped(sentences: &str) -> String {
    let mut text = String::with_capacity(sentences.len() + 1);
    let mut width = 0;
    for word in sentences.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
    text
}

/// The account as programs read it. What does not apply is left out.
#[derive(Serialize)]
struct Account<'a> {
    file: String,
    spec: String,
    format: &'static str,
    verdict: &'static str,
    interrupted: bool,
    operations: Option<usize>,
    keys: Option<usize>,
    pending: Option<usize>,
    failed: Option<u64>,
    refused: Option<u64>,
    nemesis_events: Option<u64>,
    other_lines: Option<u64>,
    reading_s: f64,
    judging_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'a [Placed]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    illegal: Option<IllegalKey<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inconclusive: Option<Undecided<'a>>,
}

#[derive(Serialize)]
struct IllegalKey<'a> {
    key: &'a str,
    operations: usize,
    found: Found,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    /// `null` if the budget ended first.
    explanation: Option<&'a Explanation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weakness: Option<&'a serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
enum Undecided<'a> {
    HistoryTooLarge,
    NotBegun,
    BudgetEnded {
        ended: Ended,
        key: &'a str,
        operations: usize,
        until: Moment,
        nodes: u64,
    },
}

/// The account as JSON; ends with a line break.
pub(super) fn json(
    arguments: &HistoryArguments,
    outcome: &Outcome,
    interrupted: bool,
) -> Result<String, Failed> {
    let counts = outcome.counts.as_ref();
    let mut account = Account {
        file: name_of(&arguments.file),
        spec: outcome.read_as.object.name(),
        format: outcome.read_as.format.name(),
        verdict: word(&outcome.finding),
        interrupted,
        operations: counts.map(|counts| counts.operations),
        keys: counts.map(|counts| counts.keys),
        pending: counts.map(|counts| counts.pending),
        failed: counts.map(|counts| counts.tally.failed),
        refused: counts.map(|counts| counts.tally.refused),
        nemesis_events: counts.map(|counts| counts.tally.nemesis),
        other_lines: counts.map(|counts| counts.tally.others),
        reading_s: outcome.reading.as_secs_f64(),
        judging_s: outcome.judging.as_secs_f64(),
        order: None,
        illegal: None,
        inconclusive: None,
    };
    match &outcome.finding {
        Finding::Linearizable { order } => account.order = order.as_deref(),
        Finding::Illegal(wrong) => account.illegal = Some(illegal_key(wrong)),
        Finding::Inconclusive(why) => account.inconclusive = Some(undecided(why)),
    }
    let text = serde_json::to_string_pretty(&account).map_err(Failed::tool)?;
    Ok(text + "\n")
}

fn illegal_key(wrong: &Wrong) -> IllegalKey<'_> {
    IllegalKey {
        key: &wrong.key,
        operations: wrong.operations,
        found: wrong.found,
        reason: &wrong.reason,
        hint: wrong.hint.as_deref(),
        explanation: wrong.explanation.as_ref(),
        weakness: wrong.weakness.as_ref().map(|weak| &weak.data),
    }
}

const fn undecided(why: &Inconclusive) -> Undecided<'_> {
    match why {
        Inconclusive::TooLarge => Undecided::HistoryTooLarge,
        Inconclusive::NotBegun => Undecided::NotBegun,
        Inconclusive::Unknown {
            key,
            operations,
            until,
            ended,
            nodes,
        } => Undecided::BudgetEnded {
            ended: *ended,
            key: key.as_str(),
            operations: *operations,
            until: *until,
            nodes: *nodes,
        },
    }
}
