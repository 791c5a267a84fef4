//! Keeps the time while somebody else judges, and tells how that comes along.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::{Failed, animated};
use super::INTERRUPTED;
use super::outcome::{Counts, News, Outcome};
use crate::campaign::stopwatch::Stopwatch;
use crate::text::grouped;
use crate::time::format_duration;

/// How often the clock, and the user, are looked at.
const GLANCE: Duration = Duration::from_millis(20);
/// What is over sooner says nothing of itself.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Off a terminal, progress is a line in this interval.
const QUIET_INTERVAL: Duration = Duration::from_secs(30);
/// How long a judge that was told to stop may still take: it may be waiting for
/// bytes that never come, or be at work that does not look at the flag.
const GRACE: Duration = Duration::from_millis(500);

const MEBIBYTE: f64 = (1 << 20) as f64;

/// What the judge and its watcher share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Raised when the time for judging is over.
    pub(super) stop: AtomicBool,
    /// How much was read.
    pub(super) bytes: AtomicU64,
    /// How much there is to read; 0 if nobody knows.
    pub(super) size: AtomicU64,
    /// Set once everything was read.
    judging: Mutex<Option<Judging>>,
}

/// What is judged, and since when.
#[derive(Clone, Copy, Debug)]
struct Judging {
    counts: Counts,
    since: Stopwatch,
}

impl Shared {
    /// From now on the budget runs.
    pub(super) fn begin_judging(&self, counts: Counts) {
        let since = Stopwatch::start();
        *self.judging.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Judging { counts, since });
    }

    fn judging(&self) -> Option<Judging> {
        *self.judging.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the judge, and tells it to stop when the budget ends or the user
/// has had enough. If it does not stop soon, what it said until then is all.
pub(super) fn wait(
    judge: &Receiver<News>,
    shared: &Shared,
    budget: Duration,
    interrupted: &AtomicBool,
) -> Result<Outcome, Failed> {
    let mut teller = Teller::new(budget);
    let (mut verdict, mut since_stop) = (None, None);
    loop {
        match judge.recv_timeout(GLANCE) {
            Ok(News::Done(outcome)) => return outcome,
            Ok(News::Verdict(outcome)) => verdict = Some(outcome),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failed::tool(
                    "the judge broke down; its last words are above",
                ));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let judging = shared.judging();
        let interrupted = interrupted.load(Ordering::Relaxed);
        if interrupted || judging.is_some_and(|judging| judging.since.elapsed() >= budget) {
            shared.stop.store(true, Ordering::Relaxed);
            let since = since_stop.get_or_insert_with(Stopwatch::start);
            if since.elapsed() >= GRACE {
                match (verdict.take(), judging) {
                    (Some(verdict), Some(judging)) => return Ok(cut_short(verdict, judging)),
                    _ if interrupted => return Err(left_alone(judging)),
                    _ => {}
                }
            }
        }
        teller.tell(shared, judging);
    }
}

/// What the judge has said already is all that it will say.
fn cut_short(mut outcome: Outcome, judging: Judging) -> Outcome {
    outcome.judging = judging.since.elapsed();
    outcome
}

/// The judge did not stop when the user wanted an end.
fn left_alone(judging: Option<Judging>) -> Failed {
    let what = match judging {
        Some(_) => "judging",
        None => "reading",
    };
    Failed {
        code: INTERRUPTED,
        why: format!("interrupted while {what}"),
    }
}

/// Tells how it comes along: a bar on a terminal, else a line now and then.
struct Teller {
    since: Stopwatch,
    budget: Duration,
    /// Once it has taken long enough.
    bar: Option<ProgressBar>,
    last_line: Duration,
}

impl Teller {
    fn new(budget: Duration) -> Self {
        Self {
            since: Stopwatch::start(),
            budget,
            bar: None,
            last_line: Duration::ZERO,
        }
    }

    fn tell(&mut self, shared: &Shared, judging: Option<Judging>) {
        let elapsed = self.since.elapsed();
        if animated() && elapsed >= PATIENCE {
            let (words, done, all) = progress(shared, judging, self.budget);
            let bar = self.bar.get_or_insert_with(new_bar);
            bar.set_message(words);
            bar.set_length(all);
            bar.set_position(done);
        } else if !animated() && elapsed >= self.last_line + QUIET_INTERVAL {
            self.last_line = elapsed;
            let (words, ..) = progress(shared, judging, self.budget);
            let _ = writeln!(io::stderr(), "{words}");
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn new_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {msg}")
        .expect("the template is right")
        .progress_chars("=> ");
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5)).with_style(style)
}

/// How far it is: in words, and how much of how much.
fn progress(shared: &Shared, judging: Option<Judging>, budget: Duration) -> (String, u64, u64) {
    if let Some(Judging { counts, since }) = judging {
        let elapsed = since.elapsed();
        let words = format!(
            "judging  {} operations  {}s of {}",
            grouped(counts.operations as u64),
            elapsed.as_secs(),
            format_duration(budget)
        );
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        return (words, millis(elapsed), millis(budget));
    }
    let done = shared.bytes.load(Ordering::Relaxed);
    let mebibytes = |bytes: u64| bytes as f64 / MEBIBYTE;
    let words = match shared.size.load(Ordering::Relaxed) {
        0 => format!("reading  {:.1} MiB", mebibytes(done)),
        all => format!(
            "reading  {:.1} of {:.1} MiB",
            mebibytes(done),
            mebibytes(all)
        ),
    };
    (words, done, shared.size.load(Ordering::Relaxed).max(done))
}
