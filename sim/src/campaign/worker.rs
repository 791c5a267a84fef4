//! The workers of a campaign: they take runs one after the other, and add up what comes of them.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::found::{Alike, Known, Repeated, Scratch};
use super::journal::{self, Journal};
use super::state::State;
use super::stopwatch::Stopwatch;
use super::summary::{Finding, Summary};
use super::trial::try_scenario;
use super::work::{Run, Work};
use super::{MOST_HANGS, Plan, Progress};
use crate::scenarios::swarm::Size;

/// How often it is written down how far the campaign has come; less often where that takes long:
/// no more than one part of its time in so many goes into it.
const STATE_EVERY: Duration = Duration::from_secs(1);
const PART_FOR_STATE: u32 = 50;
/// How often the journal gets a line, whatever happens.
const STATUS_EVERY: Duration = Duration::from_secs(30);

/// What the workers share.
pub(super) struct Shared<'a> {
    pub(super) plan: &'a Plan,
    pub(super) scratch: Scratch,
    stopwatch: Stopwatch,
    /// How long the campaign had gone on before it was interrupted.
    took_before: Duration,
    /// The user wants an end.
    pub(super) stop: &'a AtomicBool,
    /// Enough was found, or something cannot be written.
    enough: AtomicBool,
    work: Mutex<Work>,
    /// Which failures are known already.
    pub(super) known: Mutex<Known>,
    counted: Mutex<Counted>,
    /// What could not be written first.
    trouble: Mutex<Option<String>>,
    journal: Journal,
    progress: &'a dyn Progress,
}

/// What it all adds up to, and when that was written down.
struct Counted {
    summary: Summary,
    /// When the state is written next.
    state_at: Duration,
    status_at: Duration,
    /// When something new was seen last: a failure or a mark.
    new_at: Duration,
    marks: usize,
}

impl<'a> Shared<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        before: Option<State>,
        canary: Option<String>,
        stop: &'a AtomicBool,
        progress: &'a dyn Progress,
    ) -> io::Result<Self> {
        let (mut summary, done) = match before {
            Some(state) => (state.summary(&plan.systems), state.done()),
            None => (Summary::new(&plan.systems), Default::default()),
        };
        summary.canary = canary;
        // One that nobody had looked at when the campaign was interrupted is looked at yet.
        let failures = summary.failures.iter().filter(|it| it.saved.is_some());
        let known = failures.map(|it| (it.fingerprint.clone(), Alike::KNOWN));
        let known = known.collect();
        let took = summary.took;
        let shared = Self {
            plan,
            scratch: Scratch::new()?,
            stopwatch: Stopwatch::start(),
            took_before: took,
            stop,
            enough: AtomicBool::new(false),
            work: Mutex::new(Work::of(plan, done)),
            known: Mutex::new(known),
            trouble: Mutex::default(),
            journal: Journal::open(&plan.found)?,
            progress,
            counted: Mutex::new(Counted {
                summary,
                state_at: took,
                status_at: took,
                new_at: took,
                marks: 0,
            }),
        };
        {
            let counted = locked(&shared.counted);
            shared.write(&journal::begins(plan, counted.summary.runs()), true);
            // Whoever is killed before the first run is over can go on, too.
            shared.write_state(&counted.summary, false);
        }
        Ok(shared)
    }

    fn took(&self) -> Duration {
        self.took_before + self.stopwatch.elapsed()
    }

    /// Takes runs until there are no more.
    pub(super) fn work(&self) {
        while let Some(run) = self.next() {
            self.take(&run);
        }
    }

    fn take(&self, run: &Run) {
        let Run { system, seed, .. } = *run;
        let Plan {
            weather,
            engine,
            watchdog,
            ..
        } = self.plan;
        let scenario = system.draw_in(seed, weather);
        let trial = try_scenario(system, &scenario, *engine, *watchdog);
        let (failure, repeated) = match Finding::of(&trial) {
            Some(finding) => (
                Some(self.failed(system, &scenario, &trial, finding)),
                Repeated::Not,
            ),
            None => self.double_check(system, &scenario, &trial),
        };
        let mut counted = locked(&self.counted);
        let summary = &mut counted.summary;
        summary.took = self.took();
        let size = Size::of(&scenario, weather);
        summary.add(system.name(), size, &trial, failure.is_some());
        match repeated {
            Repeated::Not => {}
            Repeated::Confirmed => summary.repeated += 1,
            Repeated::InVain => summary.repeated_in_vain += 1,
        }
        if let Some(failure) = failure {
            let is_new = summary.found(failure.clone());
            self.write(&journal::failed(&failure, is_new), failure.saved.is_some());
            if is_new {
                counted.new_at = self.took();
                self.progress.failed(&failure);
            }
        }
        // Its failure is on the disk: now it may count as over.
        locked(&self.work).is_over(run.number);
        self.look(&mut counted);
    }

    /// Looks whether it is enough, and writes down how far the campaign has come.
    fn look(&self, counted: &mut Counted) {
        let summary = &counted.summary;
        let marks = summary.marks_reached();
        if marks > counted.marks {
            counted.marks = marks;
            counted.new_at = self.took();
        }
        let Plan {
            max_fail,
            max_distinct,
            ..
        } = *self.plan;
        // A run that hangs keeps its core for good: after a handful of them
        // later runs would seem to hang as well.
        let enough = summary.unknown() >= max_distinct
            || max_fail.is_some_and(|most| summary.failed_unknown() >= most as u64)
            || summary.hangs() >= MOST_HANGS
            || self.is_quiet(counted);
        self.enough.fetch_or(enough, Ordering::Relaxed);
        if summary.took >= counted.status_at + STATUS_EVERY {
            counted.status_at = summary.took;
            self.write(&journal::goes_on(summary), false);
        }
        if summary.took >= counted.state_at {
            self.write_state(summary, false);
            let took = self.took();
            let cost = took.saturating_sub(summary.took);
            counted.state_at = took + STATE_EVERY.max(cost * PART_FOR_STATE);
        }
        self.progress.ran(summary);
    }

    /// Whether nothing new was seen for as long as anybody wants to wait for it.
    fn is_quiet(&self, counted: &Counted) -> bool {
        let quiet = self.plan.seeds.quiet;
        quiet.is_some_and(|quiet| counted.summary.took >= counted.new_at + quiet)
    }

    fn write_state(&self, summary: &Summary, is_over: bool) {
        let done = locked(&self.work).done().clone();
        let state = State::of(self.plan, summary, &done, is_over);
        let written = state.write(&self.plan.found);
        self.must_be_written(written.err());
    }

    fn write(&self, line: &Value, must_stay: bool) {
        self.progress.wrote(line);
        self.must_be_written(self.journal.add(line, must_stay).err());
    }

    /// What cannot be written ends the campaign, and what it found is told.
    pub(super) fn must_be_written(&self, error: Option<io::Error>) {
        if let Some(error) = error {
            locked(&self.trouble).get_or_insert(error.to_string());
            self.enough.store(true, Ordering::Relaxed);
        }
    }

    /// What it all adds up to.
    pub(super) fn finish(self) -> Summary {
        let mut summary = {
            let mut counted = locked(&self.counted);
            counted.summary.took = self.took();
            let interrupted = self.stop.load(Ordering::Relaxed);
            self.write_state(&counted.summary, !interrupted);
            self.write(&journal::ends(&counted.summary, interrupted), true);
            counted.summary.clone()
        };
        summary.trouble = locked(&self.trouble).take();
        summary
    }

    /// The next run, unless the campaign is over.
    fn next(&self) -> Option<Run> {
        let is_over = self.plan.seeds.span.is_some_and(|span| self.took() >= span);
        let is_stopped = self.stop.load(Ordering::Relaxed) || self.enough.load(Ordering::Relaxed);
        match is_over || is_stopped {
            true => None,
            false => locked(&self.work).next(),
        }
    }
}

/// A worker that panics has said so; what it held is right all the same.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
