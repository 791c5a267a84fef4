//! How a search comes along, on stderr.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use snowglobe_checkers::explore::Headway;

use super::CheckArguments;
use crate::campaign::memory;
use crate::campaign::stopwatch::Stopwatch;
use crate::cli::{Format, animated};
use crate::text::grouped;
use crate::time::format_duration;

/// Off a terminal, progress is a line in this interval.
const QUIET_INTERVAL: Duration = Duration::from_secs(30);

/// Tells how a search comes along: a line that lives on a terminal, else one now and then.
pub(super) struct Teller {
    pub(super) bar: ProgressBar,
    pub(super) watch: Stopwatch,
    quiet: bool,
    last: Duration,
    /// Which world is explored, and since when.
    scope: &'static str,
    began: Duration,
}

impl Teller {
    pub(super) fn new(arguments: &CheckArguments) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(if animated() {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        });
        bar.set_style(ProgressStyle::with_template("{msg}").expect("the template is right"));
        Self {
            bar,
            watch: Stopwatch::start(),
            quiet: arguments.printed.format == Format::Json,
            last: Duration::ZERO,
            scope: "",
            began: Duration::ZERO,
        }
    }

    pub(super) fn begin(&mut self, scope: &'static str) {
        self.scope = scope;
        self.began = self.watch.elapsed();
    }

    pub(super) fn tell(&mut self, headway: &Headway) {
        let elapsed = self.watch.elapsed();
        let mut line = String::new();
        let seconds = (elapsed - self.began).as_secs_f64().max(0.001);
        let rate = headway.distinct as f64 / seconds;
        let _ = write!(
            line,
            "{}{}: {} generated  {} distinct  {} queued  depth {}  {}/s  {} MiB",
            self.scope,
            match headway.rounds {
                1 => String::new(),
                rounds => format!(", restarted {}x", rounds - 1),
            },
            grouped(headway.generated as u64),
            grouped(headway.distinct as u64),
            grouped(headway.queued as u64),
            headway.depth,
            grouped(rate as u64),
            memory::resident().unwrap_or(0) >> 20
        );
        if !self.quiet && !animated() && elapsed >= self.last + QUIET_INTERVAL {
            self.last = elapsed;
            let line = format!(
                "{}  {line}\n",
                format_duration(Duration::from_secs(elapsed.as_secs()))
            );
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
        self.bar.set_message(line);
    }
}
