//! What a campaign tells while it goes on.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Printed;
use crate::campaign::{
    Confirmation, Divergence, Failure, Progress, SeedSource, Summary, history_of,
};
use crate::cli::{animated, print};
use crate::report::failure::{self, Again};
use crate::report::small;
use crate::scenarios::Verdict;
use crate::text::{grouped, program};

/// Off a terminal, progress is a line in this interval.
const QUIET_INTERVAL: Duration = Duration::from_secs(30);

/// Tells how a campaign comes along: a bar on a terminal, else a line now and then.
pub(super) struct Live {
    pub(super) bar: ProgressBar,
    /// Whether the bar counts runs; else it counts seconds.
    counts_runs: bool,
    format: Printed,
    last_line: Mutex<Duration>,
}

impl Live {
    pub(super) fn new(seeds: &SeedSource, systems: u64, format: Printed) -> Self {
        let bar = match seeds.span {
            Some(span) => ProgressBar::new(span.as_secs().max(1)),
            None if seeds.by_time => ProgressBar::new_spinner(),
            None => ProgressBar::new(seeds.range.slice(seeds.partition).size() * systems),
        };
        bar.set_draw_target(if animated() {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        });
        let style = ProgressStyle::with_template("{wide_bar:.dim} {msg}")
            .expect("the template is right")
            .progress_chars("=> ");
        bar.set_style(style);
        Self {
            bar,
            counts_runs: !seeds.by_time,
            format,
            last_line: Mutex::new(Duration::ZERO),
        }
    }
}

impl Progress for Live {
    fn ran(&self, summary: &Summary) {
        let runs = summary.runs();
        let per_second = runs as f64 / summary.took.as_secs_f64().max(0.001);
        let words = format!(
            "{} runs  {per_second:.0}/s  {} marks  {} failed  {} distinct  {:.0?}",
            grouped(runs),
            summary.marks_reached(),
            grouped(summary.failed()),
            summary.failures.len(),
            summary.took
        );
        if animated() {
            self.bar.set_message(words);
            self.bar.set_position(match self.counts_runs {
                true => runs,
                false => summary.took.as_secs(),
            });
            return;
        }
        let mut last = self.last_line.lock().expect("nobody panics with it");
        if summary.took >= *last + QUIET_INTERVAL {
            *last = summary.took;
            let _ = writeln!(std::io::stderr(), "{words}");
        }
    }

    fn wrote(&self, line: &serde_json::Value) {
        if self.format == Printed::Jsonl {
            // A reader that has gone away is no reason to end a campaign.
            let _ = print(&format!("{line}\n"));
        }
    }

    fn failed(&self, failure: &Failure) {
        if self.format != Printed::Human {
            return;
        }
        let text = describe(failure);
        self.bar.suspend(|| {
            let _ = print(&text);
        });
    }
}

/// A failure, as it is told at once.
fn describe(failure: &Failure) -> String {
    let breakage = failure
        .report
        .as_ref()
        .and_then(|report| match &report.verdict {
            Verdict::Broke(breakage) => Some((report, breakage)),
            Verdict::Held | Verdict::CannotRecover => None,
        });
    let saved = failure.saved.clone();
    let mut text = match (breakage, saved.clone()) {
        (Some((report, breakage)), Some(saved)) => {
            failure::lines(report, breakage, &Again::File(saved))
        }
        _ => format!(
            "FAIL {} {}\n  {}\n",
            failure.system, failure.seed, failure.finding
        ),
    };
    if let (None, Some(saved)) = (breakage, &saved) {
        let _ = writeln!(text, "  saved     {}", saved.display());
    }
    let history = failure.report.as_ref().and_then(|it| it.history.as_ref());
    if let (Some(_), Some(saved)) = (history, &saved) {
        let path = history_of(saved);
        let path = path.display();
        let _ = writeln!(text, "  history   {path}");
        let _ = writeln!(
            text,
            "  explain   {} history {path} --spec {} --explain",
            program(),
            failure.object
        );
    }
    let _ = match &failure.confirmation {
        Confirmation::Confirmed => writeln!(text, "  confirmed by a second process"),
        Confirmation::Differs(divergence) => writeln!(
            text,
            "  NOT DETERMINISTIC: a second process diverged; fix the nondeterminism first{}",
            first_difference(divergence)
        ),
        Confirmation::EndedInTime => writeln!(text, "  a second process finished in time"),
        Confirmation::NotInTime(limit) => {
            writeln!(text, "  a second process did not finish within {limit:?}")
        }
        Confirmation::NotAsked(why) => writeln!(text, "  unconfirmed: {why}"),
    };
    match &failure.small {
        Some(Ok(small)) => text.push_str(&small::briefly(small)),
        Some(Err(why)) => {
            let _ = writeln!(text, "  not made smaller: {why}");
        }
        None => {}
    }
    text.push('\n');
    text
}

/// The first events that differ, one below the other.
fn first_difference(divergence: &Divergence) -> String {
    let Divergence::At { one, other } = divergence else {
        return "\n  two further processes agreed with each other".to_owned();
    };
    let line = |line: &Option<String>| {
        let line = line.as_deref().unwrap_or("(the run had ended)");
        line.chars().take(200).collect::<String>()
    };
    let (one, other) = (line(one), line(other));
    format!("\n  first difference\n    {one}\n    {other}")
}
