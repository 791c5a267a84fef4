//! What workers are to do.

use alloc::vec::Vec;

use super::super::assignments::{Progress, Running};
use super::super::ledger::DoneMap;
use super::super::{Attempt, Location, MapId, Node, Order, Report, TaskName, Worker, marks};
use super::Coordinator;
use crate::process::{Effects, NodeId};

/// A task that a worker is given, and how.
struct Given {
    task: TaskName,
    is_backup: bool,
    progress: Progress,
}

impl Coordinator {
    /// The order for a live worker.
    pub(super) fn order(
        &mut self,
        worker: Worker,
        report: &Report,
        effects: &mut Effects<Node>,
    ) -> Order {
        let running = self.assignments.of(worker);
        let wanted = running.filter(|it| self.ledger.wants(it.task, it.attempt));
        if running != wanted {
            self.assignments.end(worker, &self.ledger);
        }
        if let Report::Busy {
            attempt, missing, ..
        } = report
            && running.is_some_and(|running| running.attempt == *attempt)
        {
            if wanted.is_none() {
                effects.mark(marks::TOO_LATE);
                return Order::Drop { attempt: *attempt };
            }
            let Some(given) = self.instead_of_waiting(worker.node, missing) else {
                let locations = self.locations(missing);
                let told = (!locations.is_empty()).then_some(self.checks);
                self.assignments.told(worker, told);
                if told.is_some() {
                    effects.mark(marks::MOVED);
                }
                let attempt = *attempt;
                return Order::GoOn { attempt, locations };
            };
            effects.mark(marks::SET_ASIDE);
            self.assignments.end(worker, &self.ledger);
            let running = self.give(worker, given, effects);
            return self.order_for(running);
        }
        // An order that did not arrive is given again.
        let hears_nobody = running.is_some_and(|it| it.progress == Progress::Unheard);
        let next = wanted.or_else(|| {
            let given = self.next_task(worker.node, hears_nobody)?;
            Some(self.give(worker, given, effects))
        });
        match next {
            Some(running) => self.order_for(running),
            None => match report {
                Report::Busy { attempt, .. } => Order::Drop { attempt: *attempt },
                _ => Order::Wait,
            },
        }
    }

    /// The current locations of the output of some maps.
    fn locations(&self, missing: &[(MapId, Option<Attempt>)]) -> Vec<Location> {
        let other = |(map, sought): &(MapId, Option<Attempt>)| {
            let done = self.ledger.maps.get(map)?;
            (Some(done.attempt) != *sought).then(|| location(*map, done))
        };
        missing.iter().filter_map(other).collect()
    }

    fn order_for(&self, running: Running) -> Order {
        let Running {
            task,
            attempt,
            earlier,
            ..
        } = running;
        let skipped = self.ledger.skipped(task);
        match task {
            TaskName::Map(map) => Order::Map {
                map,
                attempt,
                earlier,
                skipped,
            },
            TaskName::Reduce(partition) => Order::Reduce {
                partition,
                attempt,
                earlier,
                skipped,
                locations: self
                    .ledger
                    .maps
                    .iter()
                    .map(|(map, done)| location(*map, done))
                    .collect(),
            },
        }
    }

    /// Assigns a task to an idle worker.
    fn give(&mut self, worker: Worker, given: Given, effects: &mut Effects<Node>) -> Running {
        let Given {
            task,
            is_backup,
            progress,
        } = given;
        if is_backup {
            effects.mark(marks::BACKUP);
        }
        if let TaskName::Map(map) = task
            && self.job.split(map).hosts.contains(&worker.node)
        {
            effects.mark(marks::LOCAL);
        }
        self.attempts += 1;
        let running = Running {
            task,
            attempt: Attempt {
                epoch: self.ledger.epoch,
                number: self.attempts,
            },
            earlier: self.assignments.count(task),
            since: self.checks,
            is_backup,
            told_in_vain: None,
            progress,
        };
        self.assignments.begin(worker, running, &self.ledger);
        running
    }

    /// A task for a free worker: an unassigned one or, when there is none, one that has
    /// lagged for long (3.6). Reduces wait until all maps are done. A worker that may hear
    /// nobody is assigned no task exclusively.
    fn next_task(&self, node: NodeId, hears_nobody: bool) -> Option<Given> {
        let map = self.assignments.idle_map(node).map(TaskName::Map);
        let all_mapped = self.ledger.maps.len() == self.job.splits.len();
        let idle = map.or_else(|| {
            let reduce = self.assignments.idle_reduce();
            reduce.filter(|_| all_mapped).map(TaskName::Reduce)
        });
        let task = idle.or_else(|| self.assignments.lagging(self.checks))?;
        Some(Given {
            task,
            is_backup: idle.is_none(),
            progress: match hears_nobody {
                true => Progress::Unheard,
                false => Progress::Ordered,
            },
        })
    }

    /// A map for a worker that lacks the output of some. If all workers wait for one map,
    /// none ever does it. It prefers a map that it lacks itself: the result stays with it,
    /// so that in the end it lacks none, even if it reaches no other worker.
    fn instead_of_waiting(
        &self,
        node: NodeId,
        missing: &[(MapId, Option<Attempt>)],
    ) -> Option<Given> {
        if missing.is_empty() {
            return None;
        }
        let lacking = || missing.iter().map(|(map, _)| *map);
        let idle = lacking().find(|map| self.assignments.is_idle(*map));
        let idle = idle.or_else(|| self.assignments.idle_map(node));
        let lags = |map: &MapId| self.assignments.lags(*map, self.checks);
        Some(Given {
            task: TaskName::Map(idle.or_else(|| lacking().find(lags))?),
            is_backup: idle.is_none(),
            progress: Progress::Ordered,
        })
    }
}

fn location(map: MapId, done: &DoneMap) -> Location {
    Location {
        map,
        attempt: done.attempt,
        node: done.by.node,
    }
}
