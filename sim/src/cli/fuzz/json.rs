//! What a campaign came to, for a program.

use serde_json::json;

use super::summed_up::Header;
use crate::campaign::weather;
use crate::campaign::{Confirmation, Recoveries, Summary};
use crate::report::small;
use crate::text::program;

/// The version of this format.
const VERSION: u32 = 1;
/// Of a failure's runs, the seeds of so many are named.
const SEEDS_TOLD: usize = 20;

fn recovery_as_json(recoveries: &Recoveries) -> serde_json::Value {
    let quantile = |of_thousand| recoveries.quantile(of_thousand).map(|it| it.as_secs_f64());
    let slowest = recoveries.slowest();
    let nearest = recoveries.nearest_to_bound();
    json!({
        "runs": recoveries.count(),
        "slow": recoveries.slow(),
        "median": quantile(500),
        "99_in_100": quantile(990),
        "most": slowest.map(|(took, _)| took.as_secs_f64()),
        "slowest_seed": slowest.map(|(_, seed)| seed.to_string()),
        "most_of_bound": nearest.map(|(share, _)| share as f64 / 1000.0),
        "most_of_bound_seed": nearest.map(|(_, seed)| seed.to_string()),
    })
}

/// The summary of a campaign, for a program.
pub(in crate::cli) fn as_json(summary: &Summary, header: &Header) -> serde_json::Value {
    let systems: Vec<_> = summary
        .systems
        .iter()
        .map(|(name, system)| {
            let (sizes, families) = weather::as_json(&system.weather);
            json!({
                "system": name,
                "held": system.held,
                "failed": system.failed,
                "recovery_s": recovery_as_json(&system.recoveries),
                "sizes": sizes,
                "families": families,
                "simulated_s": system.simulated.as_secs_f64(),
                "events": system.events,
                "steps": system.counters.steps,
                "messages": system.counters.sent,
                "marks": system.marks,
                "never_reached": system.never_reached().collect::<Vec<_>>(),
            })
        })
        .collect();
    let failures: Vec<_> = summary
        .failures
        .iter()
        .map(|failure| {
            let runs = failure
                .runs
                .iter()
                .map(|(system, seed)| format!("{system} {seed}"));
            json!({
                "system": failure.system,
                "seed": failure.seed.to_string(),
                "fingerprint": failure.fingerprint.to_string(),
                "runs": failure.count,
                "known": failure.known,
                "steps": failure.steps,
                "seeds": runs.take(SEEDS_TOLD).collect::<Vec<_>>(),
                "finding": failure.finding.to_string(),
                "property": failure.report.as_ref().map(|report| report.verdict.word()),
                "confirmed": failure.confirmation == Confirmation::Confirmed,
                "replay": failure.smallest.as_ref().map(|it| format!("{} replay {}", program(), it.display())),
                "saved": failure.saved,
                "small": failure.small.as_ref().and_then(|it| it.as_ref().ok()).map(small::json),
            })
        })
        .collect();
    json!({
        "v": VERSION,
        "seeds": header.seeds,
        "trouble": summary.trouble,
        "distinct": summary.failures.len(),
        "failed": summary.failed(),
        "interrupted": header.interrupted,
        "runs": summary.runs(),
        "double_checked": summary.repeated,
        "blind": summary.blind_spots(),
        "seconds": summary.took.as_secs_f64(),
        "systems": systems,
        "failures": failures,
    })
}
