//! What an onlooker sees of a job.

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::mapreduce::{
    Coordinator, Durable, Expected, File, Job, Node, Partition, TaskName, WorkerNode,
};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::vec_map::VecMap;

use super::{COORDINATOR, JobWorld, OTHERS, STORE};
use snowglobe::world::Broken;

/// The visible parts of the output.
pub(super) fn files(world: &JobWorld) -> Option<&VecMap<Partition, File>> {
    match world.durable(STORE) {
        Durable::Store(files) => Some(files),
        _ => None,
    }
}

/// The coordinator, while it is up.
pub(super) fn coordinator(world: &JobWorld) -> Option<&Coordinator> {
    world.process(COORDINATOR).and_then(Node::coordinator)
}

/// The workers that are up.
pub(super) fn workers(world: &JobWorld) -> impl Iterator<Item = (NodeId, &WorkerNode)> {
    let nodes = world.node_ids().skip(OTHERS);
    nodes.filter_map(|id| Some((id, world.process(id)?.worker()?)))
}

/// The workers that execute a map, or a reduce, at this moment.
pub(super) fn executing(world: &JobWorld, maps: bool) -> Vec<NodeId> {
    let executes = workers(world).filter(|(id, worker)| {
        let task = worker.executes();
        let is_map = task.map(|(task, _)| matches!(task, TaskName::Map(_)));
        world.is_running(*id) && is_map == Some(maps)
    });
    executes.map(|(id, _)| id).collect()
}

/// Whether all of the output is visible, and the coordinator knows.
pub(super) fn is_done(world: &JobWorld, job: &Job) -> bool {
    let visible = files(world).map_or(0, VecMap::len);
    let knows = coordinator(world).is_some_and(Coordinator::is_done);
    visible == usize::from(job.partitions) && knows
}

/// Whether every one of these workers has left.
pub(super) fn have_left(world: &JobWorld, well: &[NodeId]) -> bool {
    let mut workers = workers(world).filter(|(id, _)| well.contains(id));
    workers.all(|(_, worker)| worker.has_left())
}

/// Whether a job that is done came to what it should.
pub(super) fn compare(world: &JobWorld, expected: &Expected) -> Result<(), Broken> {
    let nothing = VecMap::new();
    let files = files(world).unwrap_or(&nothing);
    for (place, text) in expected.outputs.iter().enumerate() {
        let partition = Partition(place as u16);
        let found = files.get(&partition).map_or("", |file| &*file.text);
        if found != text {
            return Err(differs(partition, text, found));
        }
    }
    let Some(coordinator) = coordinator(world) else {
        return Ok(());
    };
    let counters = coordinator.ledger().counters();
    if counters != expected.counters {
        return Err(Broken::Safety(Violation::new(
            "counters-are-exact",
            [COORDINATOR],
            format!("{:?}", expected.counters),
            format!("{counters:?}"),
        )));
    }
    let skipped = coordinator.ledger().all_skipped().count();
    match skipped == expected.skipped {
        true => Ok(()),
        false => Err(Broken::Safety(Violation::new(
            "bad-records-are-skipped",
            [COORDINATOR],
            format!("{} records to be left out", expected.skipped),
            format!("{skipped}"),
        ))),
    }
}

/// The first line that differs.
fn differs(partition: Partition, expected: &str, found: &str) -> Broken {
    let mut lines = expected.lines().zip(found.lines()).enumerate();
    let (expected, found) = match lines.find(|(_, (expected, found))| expected != found) {
        Some((number, (expected, found))) => (
            format!("{partition} to have {expected:?} as its line {number}"),
            format!("{found:?}"),
        ),
        None => (
            format!("{partition} to have {} lines", expected.lines().count()),
            format!("{} lines", found.lines().count()),
        ),
    };
    Broken::Safety(Violation::new(
        "output-as-if-sequential",
        [STORE],
        expected,
        found,
    ))
}
