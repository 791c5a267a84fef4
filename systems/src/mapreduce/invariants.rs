//! The invariants of a job over its nodes.

use alloc::format;
use alloc::string::String;

use super::{
    Attempt, Coordinator, DoneMap, Durable, Entry, File, Ledger, Life, MapId, Message, Node, Order,
    Partition, Report, TaskName, Timer, Worker, WorkerNode, Write,
};
use crate::digest::Digest;
use crate::invariants::{ClusterView, Invariants, Violation};
use crate::process::{Effect, NodeId};
use crate::vec_map::VecMap;
use crate::vec_set::VecSet;

/// Watches over all nodes of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MapReduceInvariants {
    /// The visible parts of the output, by a digest of each. None ever changes.
    visible: VecMap<Partition, (Attempt, u64)>,
    /// Who was given which attempt. Nobody else is ever given the same.
    given: VecMap<Attempt, (Worker, TaskName)>,
    /// The last attempt that each worker began to execute, and in which life. It
    /// begins newer ones only.
    begun: VecMap<NodeId, (Life, Attempt)>,
    /// The newest execution of each map that the coordinator took for done.
    newest: VecMap<MapId, Attempt>,
    /// The executions that each record crashed, as their workers say.
    crashed: VecMap<(TaskName, u32), VecSet<Attempt>>,
}

impl Invariants<Node> for MapReduceInvariants {
    fn started(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        match cluster.node(node).durable {
            Durable::Store(files) => self.files_are_as_before(node, files),
            Durable::Coordinator(ledger) => {
                let newest = ledger.newest.iter();
                newest
                    .map(|(map, attempt)| (*map, *attempt))
                    .try_for_each(|(map, attempt)| match self.newest.get(&map) {
                        Some(known) if attempt == *known => Ok(()),
                        _ => self.attempts_rise(node, map, attempt),
                    })
            }
            Durable::Worker(_) | Durable::Nothing => Ok(()),
        }
    }

    fn executed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effect: &Effect<Node>,
    ) -> Result<(), Violation> {
        let view = cluster.node(node);
        match (view.process, effect) {
            (Some(Node::Coordinator(coordinator)), Effect::Send { to, message }) => {
                let Message::Order { life, order } = message else {
                    return Ok(());
                };
                ledger_is_on_disk(node, coordinator.ledger(), view.durable)?;
                let (to, life) = (*to, *life);
                self.ordered(node, coordinator, Worker { node: to, life }, order)
            }
            (Some(Node::Coordinator(coordinator)), Effect::Persist(Write::Entry(entry))) => {
                is_true(cluster, node, entry)?;
                the_dead_have_nothing(node, coordinator.ledger(), entry)?;
                match entry {
                    Entry::Mapped(map, done, _) => self.attempts_rise(node, *map, done.attempt),
                    _ => Ok(()),
                }
            }
            (Some(Node::Worker(_)), Effect::Send { message, .. }) => {
                self.note_crash(message);
                life_is_on_disk(node, view.durable, message)
            }
            (
                Some(Node::Worker(worker)),
                Effect::SetTimer {
                    timer: Timer::Work, ..
                },
            ) => self.begins(node, worker),
            (Some(Node::Store(_)), Effect::Persist(Write::File(partition, _))) => {
                match view.durable {
                    Durable::Store(files) => self.file_is_as_before(node, *partition, files),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn settled(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        let view = cluster.node(node);
        match (view.process, view.durable) {
            (_, Durable::Store(files)) => self.no_file_is_gone(node, files),
            (Some(Node::Worker(worker)), _) if worker.has_left() => {
                self.nobody_leaves_early(node, worker.job().partitions)
            }
            _ => Ok(()),
        }
    }

    /// Its next life begins with an empty disk.
    fn crashed(&mut self, _: &impl ClusterView<Node>, node: NodeId, _: &[Effect<Node>]) {
        self.begun.remove(&node);
    }
}

impl MapReduceInvariants {
    fn note_crash(&mut self, message: &Message) {
        if let Message::Ping { report, .. } = message
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

    /// What is taken for the output of a map is of a newer execution each time: not of
    /// an older one, and not of the one that was lost.
    fn attempts_rise(
        &mut self,
        node: NodeId,
        map: MapId,
        attempt: Attempt,
    ) -> Result<(), Violation> {
        let known = self.newest.insert(map, attempt);
        let property = match known {
            Some(known) if attempt < known => "map-attempts-only-rise",
            Some(known) if attempt == known => "lost-stays-lost",
            _ => return Ok(()),
        };
        let known = known.unwrap_or(attempt);
        Err(Violation::new(
            property,
            [node],
            format!("{map} to be done by a newer execution than {known}"),
            format!("{attempt} counts as done"),
        ))
    }

    /// A worker begins to execute what it was given, and once only.
    fn begins(&mut self, node: NodeId, worker: &WorkerNode) -> Result<(), Violation> {
        let Some((task, attempt)) = worker.executes() else {
            return Ok(());
        };
        let violation = |expected: String, found: String| {
            Violation::new("attempt-is-one-execution", [node], expected, found)
        };
        let life = worker.disk().life;
        let it = Worker { node, life };
        match self.given.get(&attempt) {
            Some(given) if *given == (it, task) => {}
            Some((to, given)) => {
                return Err(violation(
                    format!("{attempt} to be {given} at {to}"),
                    format!("{it} executes it as {task}"),
                ));
            }
            None => {
                return Err(violation(
                    format!("{attempt} to be given to a worker first"),
                    format!("{it} executes it as {task}"),
                ));
            }
        }
        match self.begun.insert(node, (life, attempt)) {
            Some((before, last)) if before == life && attempt <= last => Err(violation(
                format!("{it} to begin executions that are newer than {last}"),
                format!("it begins {attempt}"),
            )),
            _ => Ok(()),
        }
    }

    /// A record is left out once it has crashed two executions (4.6).
    fn only_bad_records_are_skipped(
        &self,
        node: NodeId,
        task: TaskName,
        skipped: &VecSet<u32>,
    ) -> Result<(), Violation> {
        for record in skipped {
            let crashed = self.crashed.get(&(task, *record));
            let crashed = crashed.map_or(0, VecSet::len);
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

    fn no_file_is_gone(
        &self,
        node: NodeId,
        files: &VecMap<Partition, File>,
    ) -> Result<(), Violation> {
        match files.len() < self.visible.len() {
            false => Ok(()),
            true => Err(changed(
                node,
                format!("{} visible parts for ever", self.visible.len()),
                format!("{}", files.len()),
            )),
        }
    }

    fn files_are_as_before(
        &mut self,
        node: NodeId,
        files: &VecMap<Partition, File>,
    ) -> Result<(), Violation> {
        self.no_file_is_gone(node, files)?;
        let mut partitions = files.keys();
        partitions.try_for_each(|partition| self.file_is_as_before(node, *partition, files))
    }

    /// A text is read when it is written, and when the store comes back.
    fn file_is_as_before(
        &mut self,
        node: NodeId,
        partition: Partition,
        files: &VecMap<Partition, File>,
    ) -> Result<(), Violation> {
        let Some(file) = files.get(&partition) else {
            return Ok(());
        };
        let found = (file.attempt, Digest::of(&*file.text));
        let known = *self.visible.entry(partition).or_insert(found);
        if known.0 != found.0 {
            return Err(changed(
                node,
                format!("{partition} of {} for ever", known.0),
                format!("that of {}", found.0),
            ));
        }
        match known == found {
            true => Ok(()),
            false => Err(changed(
                node,
                format!("{partition} to read {:#018x} for ever", known.1),
                format!("it reads {:#018x}", found.1),
            )),
        }
    }

    /// A worker that leaves takes along what others may still need.
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

fn changed(node: NodeId, expected: String, found: String) -> Violation {
    Violation::new("published-once", [node], expected, found)
}

/// No map counts as done whose output is on the disk of a dead worker (3.3). Only what an
/// entry is about can have become so.
fn the_dead_have_nothing(node: NodeId, ledger: &Ledger, entry: &Entry) -> Result<(), Violation> {
    let found = match entry {
        Entry::Mapped(map, done, _) => {
            (!stands_as_alive(ledger, done.by)).then_some((map, done.by))
        }
        Entry::Dead(worker) | Entry::Heard(worker) => {
            let of_node = |done: &DoneMap| done.by.node == worker.node;
            let is_dead = |done: &DoneMap| of_node(done) && !stands_as_alive(ledger, done.by);
            let mut maps = ledger.maps.iter();
            let found = maps.find(|(_, done)| is_dead(done));
            found.map(|(map, done)| (map, done.by))
        }
        _ => None,
    };
    match found {
        None => Ok(()),
        Some((map, by)) => Err(Violation::new(
            "the-dead-have-nothing",
            [node, by.node],
            format!("{map} to be done again, since {by} is dead"),
            "it counts as done",
        )),
    }
}

/// A ledger of so many entries is compared in full; of a longer one only how many
/// entries it has, or to look at an order would take longer than to give it.
const COMPARED_IN_FULL: usize = 512;

/// What the coordinator orders rests on nothing that it would forget in a crash.
fn ledger_is_on_disk(node: NodeId, ledger: &Ledger, durable: &Durable) -> Result<(), Violation> {
    let counts = |ledger: &Ledger| {
        [
            ledger.epoch as usize,
            ledger.workers.len(),
            ledger.maps.len(),
            ledger.newest.len(),
            ledger.reduces.len(),
            ledger.crashes.len(),
        ]
    };
    let nothing = Ledger::default();
    let on_disk = match durable {
        Durable::Coordinator(ledger) => ledger,
        _ => &nothing,
    };
    let broken = |expected: String, found: String| {
        let expected = format!("{expected} on its disk before it gives an order");
        Err(Violation::new("ledger-is-on-disk", [node], expected, found))
    };
    if counts(ledger) != counts(on_disk) {
        let words = |ledger| format!("{:?} entries", counts(ledger));
        return broken(words(ledger), words(on_disk));
    }
    let is_short = counts(ledger)[1..].iter().sum::<usize>() <= COMPARED_IN_FULL;
    match is_short && ledger != on_disk {
        true => broken(format!("{ledger:?}"), format!("{on_disk:?}")),
        false => Ok(()),
    }
}

/// A worker speaks in a life only when its disk will not let it begin that one again.
fn life_is_on_disk(node: NodeId, durable: &Durable, message: &Message) -> Result<(), Violation> {
    let Message::Ping { life, .. } = message else {
        return Ok(());
    };
    let on_disk = match durable {
        Durable::Worker(disk) => disk.life,
        _ => Life::default(),
    };
    match on_disk == *life {
        true => Ok(()),
        false => Err(Violation::new(
            "life-is-on-disk",
            [node],
            format!("life {life} on its disk before it speaks"),
            format!("life {on_disk}"),
        )),
    }
}

/// What the coordinator records must be so on other nodes' disks.
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

/// The very execution of a map that is done is on its worker's disk, unless the
/// worker has begun another life meanwhile.
fn is_on_disk(
    cluster: &impl ClusterView<Node>,
    node: NodeId,
    map: MapId,
    done: &DoneMap,
) -> Result<(), Violation> {
    let is_there = match cluster.node(done.by.node).durable {
        Durable::Worker(disk) => {
            disk.life > done.by.life || disk.outputs.contains_key(&(map, done.attempt))
        }
        _ => false,
    };
    match is_there {
        true => Ok(()),
        false => Err(Violation::new(
            "done-is-on-disk",
            [node, done.by.node],
            format!("{map} of {} on the disk of {}", done.attempt, done.by),
            "it is not there",
        )),
    }
}
