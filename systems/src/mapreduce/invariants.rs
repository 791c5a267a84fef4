//! What a job promises over its nodes.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;

use super::{
    Attempt, Coordinator, DoneMap, Durable, Entry, File, Ledger, MapId, Message, Node, Order,
    Partition, Report, TaskName, Worker, Write,
};
use crate::invariants::{ClusterView, Invariants, Violation};
use crate::process::{Effect, NodeId};

/// Watches over all nodes of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MapReduceInvariants {
    /// The visible parts of the output, by a digest of each. None ever changes.
    visible: BTreeMap<Partition, (Attempt, u64)>,
    /// Who was given which attempt. Nobody else is ever given the same.
    given: BTreeMap<Attempt, (Worker, TaskName)>,
    /// The executions that each record crashed, as their workers say.
    crashed: BTreeMap<(TaskName, u32), BTreeSet<Attempt>>,
}

impl Invariants<Node> for MapReduceInvariants {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effects: &[Effect<Node>],
    ) -> Result<(), Violation> {
        let coordinator = match cluster.node(node).process {
            Some(Node::Coordinator(coordinator)) => coordinator,
            Some(Node::Worker(_)) => {
                self.note_crashes(effects);
                return Ok(());
            }
            _ => return Ok(()),
        };
        for effect in effects {
            match effect {
                Effect::Send {
                    to,
                    message: Message::Order { life, order },
                } => {
                    let worker = Worker {
                        node: *to,
                        life: *life,
                    };
                    self.ordered(node, coordinator, worker, order)?;
                }
                Effect::Persist(Write::Entry(entry)) => {
                    is_true(cluster, node, entry)?;
                    the_dead_have_nothing(node, coordinator.ledger())?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn settled(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        let view = cluster.node(node);
        match view.durable {
            Durable::Store(files) => self.look_at_store(node, files),
            _ => match view.process {
                Some(Node::Worker(worker)) if worker.has_left() => {
                    self.nobody_leaves_early(node, worker.job().partitions)
                }
                _ => Ok(()),
            },
        }
    }

    fn started(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        self.settled(cluster, node)
    }
}

impl MapReduceInvariants {
    fn note_crashes(&mut self, effects: &[Effect<Node>]) {
        for effect in effects {
            if let Effect::Send { message, .. } = effect
                && let Message::Ping { report, .. } = message
                && let Report::Crashed {
                    task,
                    attempt,
                    record,
                } = report
            {
                let attempts = self.crashed.entry((*task, *record)).or_default();
                attempts.insert(*attempt);
            }
        }
    }

    /// A record is left out once it has crashed two executions (4.6).
    fn only_bad_records_are_skipped(
        &self,
        node: NodeId,
        task: TaskName,
        skipped: &BTreeSet<u32>,
    ) -> Result<(), Violation> {
        for record in skipped {
            let crashed = self.crashed.get(&(task, *record));
            let crashed = crashed.map_or(0, BTreeSet::len);
            if crashed < 2 {
                return Err(Violation::new(
                    "skipped-after-two-crashes",
                    [node],
                    format!("record {record} of {task} to crash twice before it is left out"),
                    format!("{crashed} crashes"),
                ));
            }
        }
        Ok(())
    }

    fn ordered(
        &mut self,
        node: NodeId,
        coordinator: &Coordinator,
        worker: Worker,
        order: &Order,
    ) -> Result<(), Violation> {
        let (task, attempt, skipped) = match order {
            Order::Map {
                map,
                attempt,
                skipped,
                ..
            } => (TaskName::Map(*map), *attempt, skipped),
            Order::Reduce {
                partition,
                attempt,
                skipped,
                ..
            } => (TaskName::Reduce(*partition), *attempt, skipped),
            _ => return Ok(()),
        };
        self.only_bad_records_are_skipped(node, task, skipped)?;
        if !stands_as_alive(coordinator.ledger(), worker) {
            return Err(Violation::new(
                "the-dead-get-no-task",
                [node, worker.node],
                format!("{task} to go to a worker that is taken for alive"),
                format!("{worker} gets it"),
            ));
        }
        let known = *self.given.entry(attempt).or_insert((worker, task));
        if known != (worker, task) {
            return Err(Violation::new(
                "attempt-is-one-execution",
                [node],
                format!("{attempt} to be {} at {}", known.1, known.0),
                format!("it is {task} at {worker}"),
            ));
        }
        Ok(())
    }

    fn look_at_store(
        &mut self,
        node: NodeId,
        files: &BTreeMap<Partition, File>,
    ) -> Result<(), Violation> {
        let changed = |expected: String, found: String| {
            Violation::new("published-once", [node], expected, found)
        };
        if files.len() < self.visible.len() {
            return Err(changed(
                format!("{} visible parts for ever", self.visible.len()),
                format!("{}", files.len()),
            ));
        }
        for (partition, file) in files {
            // A text is read once; the attempt tells whether it was replaced.
            let known = self.visible.entry(*partition).or_insert_with(|| {
                let digest = crate::digest::Digest::of(&*file.text);
                (file.attempt, digest)
            });
            if known.0 != file.attempt {
                return Err(changed(
                    format!("{partition} of {} for ever", known.0),
                    format!("that of {}", file.attempt),
                ));
            }
        }
        Ok(())
    }

    /// Whoever leaves takes along what others may still need.
    fn nobody_leaves_early(&self, node: NodeId, partitions: u16) -> Result<(), Violation> {
        match self.visible.len() == usize::from(partitions) {
            true => Ok(()),
            false => Err(Violation::new(
                "nobody-leaves-early",
                [node],
                format!("all {partitions} parts of the output to be visible"),
                format!("a worker leaves when {} are", self.visible.len()),
            )),
        }
    }
}

/// Whether the ledger has this very life of a worker as alive.
fn stands_as_alive(ledger: &Ledger, worker: Worker) -> bool {
    let standing = ledger.workers.get(&worker.node);
    standing.is_some_and(|it| it.alive && it.life == worker.life)
}

/// No map counts as done whose output is on the disk of a dead worker (3.3).
fn the_dead_have_nothing(node: NodeId, ledger: &Ledger) -> Result<(), Violation> {
    let mut maps = ledger.maps.iter();
    match maps.find(|(_, done)| !stands_as_alive(ledger, done.by)) {
        None => Ok(()),
        Some((map, done)) => Err(Violation::new(
            "the-dead-have-nothing",
            [node, done.by.node],
            format!("{map} to be done again, since {} is dead", done.by),
            "it counts as done",
        )),
    }
}

/// What the coordinator writes down must be so on other nodes' disks.
fn is_true(cluster: &impl ClusterView<Node>, node: NodeId, entry: &Entry) -> Result<(), Violation> {
    match entry {
        Entry::Mapped(map, done, _) => is_on_disk(cluster, node, *map, done),
        Entry::Reduced(partition, done) => {
            let mut nodes = (0..cluster.len()).map(NodeId::at);
            let is_visible = nodes.any(|id| match cluster.node(id).durable {
                Durable::Store(files) => files
                    .get(partition)
                    .is_some_and(|file| file.attempt == done.attempt),
                _ => false,
            });
            match is_visible {
                true => Ok(()),
                false => Err(Violation::new(
                    "done-is-visible",
                    [node],
                    format!("{partition} of {} in the store", done.attempt),
                    "it is not there",
                )),
            }
        }
        _ => Ok(()),
    }
}

/// A map that is done is on its worker's disk, unless the worker has begun
/// another life meanwhile.
fn is_on_disk(
    cluster: &impl ClusterView<Node>,
    node: NodeId,
    map: MapId,
    done: &DoneMap,
) -> Result<(), Violation> {
    let Durable::Worker(disk) = cluster.node(done.by.node).durable else {
        return Ok(());
    };
    let is_there = disk.outputs.contains_key(&(map, done.attempt));
    match disk.life != done.by.life || is_there {
        true => Ok(()),
        false => Err(Violation::new(
            "done-is-on-disk",
            [node, done.by.node],
            format!("{map} of {} on the disk of {}", done.attempt, done.by),
            "it is not there",
        )),
    }
}
