//! What workers report.

use super::super::assignments::{Progress, Running};
use super::super::ledger::{DoneMap, DoneReduce, Entry};
use super::super::{Attempt, Node, Report, TaskName, Worker, marks};
use super::Coordinator;
use crate::process::Effects;

impl Coordinator {
    /// Takes in what a living worker reports. It says so until it is given
    /// something else to do, and a late ping may say it again at any time.
    pub(super) fn take(&mut self, worker: Worker, report: &Report, effects: &mut Effects<Node>) {
        let (task, attempt) = match report {
            Report::Idle => return,
            Report::Busy { .. } => return self.is_busy(worker, report, effects),
            Report::Mapped { map, attempt, .. } => (TaskName::Map(*map), *attempt),
            Report::Reduced {
                partition, attempt, ..
            } => (TaskName::Reduce(*partition), *attempt),
            Report::Crashed { task, attempt, .. } => (*task, *attempt),
        };
        let running = self.assignments.of(worker);
        let running = running.filter(|running| running.attempt == attempt);
        if running.is_some() {
            self.assignments.end(worker, &self.ledger);
        }
        let entry = match report {
            Report::Crashed { record, .. } => {
                return self.crashed(task, *record, attempt, effects);
            }
            Report::Mapped {
                map,
                counters,
                bytes,
                ..
            } => {
                let done = DoneMap {
                    attempt,
                    by: worker,
                    bytes: *bytes,
                };
                Entry::Mapped(*map, done, counters.clone())
            }
            Report::Reduced {
                partition,
                published,
                counters,
                ..
            } => {
                let done = DoneReduce {
                    attempt: *published,
                    counters: counters.clone(),
                };
                Entry::Reduced(*partition, done)
            }
            Report::Idle | Report::Busy { .. } => return,
        };
        if !self.ledger.wants(task, attempt) {
            if running.is_some() {
                effects.mark(marks::TOO_LATE);
            }
            return;
        }
        effects.mark(match task {
            TaskName::Map(_) => marks::MAPPED,
            TaskName::Reduce(_) => marks::REDUCED,
        });
        if running.is_some_and(|running| running.is_backup) {
            effects.mark(marks::BACKUP_WON);
        }
        self.write(entry, effects);
    }

    /// The user's code crashed. What a worker says twice counts once.
    fn crashed(
        &mut self,
        task: TaskName,
        record: u32,
        attempt: Attempt,
        effects: &mut Effects<Node>,
    ) {
        if !self.ledger.is_news(task, record, attempt) {
            return;
        }
        effects.mark(marks::CRASHED);
        self.write(Entry::Crashed(task, record, attempt), effects);
        if self.ledger.skipped(task).contains(&record) {
            effects.mark(marks::SKIPPED);
        }
    }

    /// A worker is at a task, and may lack the output of some maps.
    fn is_busy(&mut self, worker: Worker, report: &Report, effects: &mut Effects<Node>) {
        let Report::Busy {
            task,
            attempt,
            missing,
            store_is_silent,
        } = report
        else {
            return;
        };
        let mut progress = match store_is_silent {
            true => Progress::Stuck,
            false => Progress::AtIt,
        };
        // Older attempts are obsolete: a report of one came late.
        let running = self.assignments.of(worker);
        if running.is_some_and(|running| running.attempt < *attempt) {
            self.assignments.end(worker, &self.ledger);
        }
        match self.assignments.of(worker) {
            Some(running) if running.attempt == *attempt => {
                let told = running.told_in_vain.filter(|_| !missing.is_empty());
                if told.is_some_and(|since| self.checks - since > self.silent_checks) {
                    progress = Progress::Unheard;
                }
                match progress {
                    same if running.progress == same => {}
                    Progress::Stuck => effects.mark(marks::STUCK),
                    Progress::Unheard => effects.mark(marks::UNHEARD),
                    Progress::Ordered | Progress::AtIt => {}
                }
                self.assignments.progress(worker, progress, &self.ledger);
            }
            None if self.ledger.wants(*task, *attempt) => {
                self.adopt(worker, *task, *attempt, progress);
                effects.mark(marks::ADOPTED);
            }
            // It was given another order, or its result is not needed.
            Some(_) | None => {}
        }
        for (map, sought) in missing {
            let known = self.ledger.maps.get(map);
            // Otherwise a stale request: the answer gives the current location.
            if known.is_some_and(|known| Some(known.attempt) == *sought) {
                effects.mark(marks::MAP_MISSED);
                self.write(Entry::Lost(*map), effects);
            }
        }
    }

    /// After a restart only the worker knows what it runs.
    fn adopt(&mut self, worker: Worker, task: TaskName, attempt: Attempt, progress: Progress) {
        let running = Running {
            task,
            attempt,
            earlier: 0,
            since: self.checks,
            is_backup: false,
            told_in_vain: None,
            progress,
        };
        self.assignments.begin(worker, running, &self.ledger);
    }

    /// A worker that has heard of an attempt and is not at it will never be: it
    /// dropped it, or what said that it was at it came late.
    pub(super) fn end_if_over(&mut self, worker: Worker, newest: Option<Attempt>, report: &Report) {
        let Some(running) = self.assignments.of(worker) else {
            return;
        };
        let is_at_it = match report {
            Report::Busy { attempt, .. } => *attempt == running.attempt,
            _ => false,
        };
        if newest >= Some(running.attempt) && !is_at_it {
            self.assignments.end(worker, &self.ledger);
        }
    }
}
