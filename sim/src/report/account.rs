//! The account of one run, in a few lines or as JSON.

use std::fmt::Write as _;

use serde_json::json;

use super::failure::{self, Again};
use crate::scenarios::{RunReport, Verdict};
use crate::text::grouped;
use crate::world::Broken;

/// The word for a verdict.
#[must_use]
pub fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::CannotRecover => "unrecoverable: a majority of disks is lost",
        Verdict::Broke(_) => "BROKE",
    }
}

/// The account in words; ends with a line break.
#[must_use]
pub fn human(report: &RunReport, again: &Again) -> String {
    let scenario = &report.scenario;
    let counters = &report.counters;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} {}  {} nodes  {}  {}",
        scenario.system,
        scenario.seed,
        scenario.nodes,
        report.at,
        word(&report.verdict)
    );
    if let Some(recovery) = &report.recovery {
        let slow = if recovery.slow { ", slow" } else { "" };
        let took = recovery.took.as_secs_f64();
        let _ = writeln!(text, "  recovery  {took:.3} s{slow}");
    }
    if matches!(again, Again::File(_)) && !scenario.expect.is_met(&report.verdict) {
        let (expected, found) = (&scenario.expect, report.verdict.word());
        let _ = writeln!(
            text,
            "  expected  {expected}, and it came differently: {found}"
        );
    }
    let _ = writeln!(
        text,
        "  steps     {}   messages {} sent, {} duplicated, {} delivered, {} dropped   bytes {}",
        grouped(counters.steps),
        grouped(counters.sent),
        grouped(counters.duplicated),
        grouped(counters.delivered),
        grouped(counters.dropped),
        grouped(counters.bytes_sent)
    );
    let _ = writeln!(
        text,
        "  clients   {} calls, {} answered   crashes {}   faults {}",
        grouped(counters.invoked),
        grouped(counters.returned),
        counters.crashes,
        report.struck.len()
    );
    let marks: Vec<String> = report
        .marks
        .iter()
        .map(|(mark, count)| format!("{mark} {count}"))
        .collect();
    let _ = writeln!(text, "  marks     {}", marks.join(", "));
    let _ = writeln!(text, "  digest    {}", report.digest);
    if scenario.scripted.is_some() {
        let _ = writeln!(text, "  reaches   {}", report.states);
    }
    if let Verdict::Broke(breakage) = &report.verdict {
        text.push_str(&failure::lines(report, breakage, again));
    }
    text
}

/// The account as JSON.
#[must_use]
pub fn json(report: &RunReport) -> serde_json::Value {
    let counters = &report.counters;
    json!({
        "system": report.scenario.system,
        "seed": report.scenario.seed.to_string(),
        "nodes": report.scenario.nodes,
        "verdict": report.verdict.word(),
        "property": report.verdict.property(),
        "broken": match &report.verdict {
            Verdict::Broke(breakage) => json!({
                "what": breakage.broken.to_string(),
                "step": breakage.step,
                "at_ns": breakage.at.0,
                "core": match &breakage.broken {
                    Broken::Illegal(illegal) => json!(illegal.core),
                    _ => serde_json::Value::Null,
                },
                "first_bad": breakage.suspicion.as_ref().map(|suspicion| json!({
                    "what": suspicion.violation.to_string(),
                    "step": suspicion.step,
                    "at_ns": suspicion.at.0,
                })),
            }),
            _ => serde_json::Value::Null,
        },
        "expected": report.scenario.expect.to_string(),
        "recovery_s": report.recovery.as_ref().map(|it| it.took.as_secs_f64()),
        "digest": report.digest.to_string(),
        "reaches": report.scenario.scripted.as_ref().map(|_| report.states.to_string()),
        "simulated_ns": report.at.0,
        "events": report.events,
        "steps": counters.steps,
        "sent": counters.sent,
        "duplicated": counters.duplicated,
        "delivered": counters.delivered,
        "dropped": counters.dropped,
        "bytes_sent": counters.bytes_sent,
        "invoked": counters.invoked,
        "returned": counters.returned,
        "crashes": counters.crashes,
        "marks": report.marks,
    })
}
