//! A job that is shaken, and somebody who asks how it stands.

use std::time::Duration;

use snowglobe_systems::mapreduce::invariants::MapReduceInvariants;
use snowglobe_systems::mapreduce::{Expected, Job, Node, Operation, Status, sequentially};
use snowglobe_systems::process::{InvocationId, NodeId};

use super::{COORDINATOR, JobWorld, seen};
use crate::users::every_node;
use snowglobe::scenarios::Workload;

/// The workload of a shaken run: the job does itself.
#[derive(Clone, Debug)]
pub struct Shaken {
    job: Job,
    expected: Expected,
    /// Whether the outcome was compared.
    compared: bool,
    /// Whoever must catch up at the end.
    well: Vec<NodeId>,
}

const LOOK: u64 = 1;
const LOOKS_AFTER: Duration = Duration::from_millis(500);

impl Shaken {
    pub(super) fn new(job: &Job) -> Self {
        Self {
            job: job.clone(),
            expected: sequentially(job),
            compared: false,
            well: Vec::new(),
        }
    }

    /// Compares what the job came to as soon as it is done, and once more at the end.
    fn compare(&mut self, world: &mut JobWorld) {
        self.compared = true;
        if let Err(broken) = seen::compare(world, &self.expected) {
            world.breaks(broken);
        }
    }
}

impl Workload<Node, MapReduceInvariants> for Shaken {
    fn begin(&mut self, world: &mut JobWorld) {
        world.alarm(LOOKS_AFTER, LOOK);
    }

    fn alarm(&mut self, world: &mut JobWorld, _: u64) {
        world.invoke(COORDINATOR, Operation::Status);
        if !self.compared && seen::is_done(world, &self.job) {
            self.compare(world);
        }
        world.alarm(LOOKS_AFTER, LOOK);
    }

    fn returned(&mut self, _: &mut JobWorld, _: InvocationId, _: Option<Status>) {}

    fn settle(&mut self, _: &mut JobWorld, well: &[NodeId]) {
        self.well = well.to_vec();
    }

    fn settled(&mut self, world: &mut JobWorld) -> bool {
        if !seen::is_done(world, &self.job) || !seen::have_left(world, &self.well) {
            return false;
        }
        self.compare(world);
        true
    }

    fn missing(&self, world: &JobWorld) -> String {
        let all: Vec<String> = every_node(world).collect();
        all.join("; ")
    }
}
