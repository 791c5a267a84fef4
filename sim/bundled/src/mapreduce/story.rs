//! The sentences of stories about jobs.
//!
//! - `job is done within 60s`: all of the output is visible, and it is what a sequential
//!   run comes to, byte for byte; the counters are exact, and the records that crash
//!   the code, and no others, were left out;
//! - `workers leave within 5s`: all that are up;
//! - `maps run on 2 workers within 5s`: at once; `reduces run on 2 workers within 20s`;
//! - `all maps are done within 20s`.
//!
//! `$store`, `$coordinator`, `$workers`; `$mapping` and `$reducing`, those that execute a
//! map or a reduce at this moment; `$holders`, those whose disks hold what maps left;
//! `$left`, those that have left.

#[cfg(test)]
mod tests;

use std::time::Duration;

use snowglobe_systems::mapreduce::invariants::MapReduceInvariants;
use snowglobe_systems::mapreduce::marks::MARKS;
use snowglobe_systems::mapreduce::{Expected, Job, Node, Status, sequentially};
use snowglobe_systems::process::{InvocationId, NodeId};

use super::{COORDINATOR, JobWorld, OTHERS, STORE, seen};
use crate::users::every_node;
use snowglobe::scenarios::story::{Cast, Deed, Teller, read_number, read_time};
use snowglobe::time::SimTime;
use snowglobe::world::Broken;

/// Tells the stories of a job.
#[derive(Clone, Debug)]
pub(super) struct JobTeller {
    job: Job,
    expected: Expected,
    /// When the sentence that is being told must be over.
    until: SimTime,
}

/// One of the job's own sentences.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sentence {
    Done(Duration),
    Leave(Duration),
    AllMapped(Duration),
    Run {
        maps: bool,
        workers: usize,
        within: Duration,
    },
}

impl JobTeller {
    pub(super) fn new(job: &Job) -> Self {
        Self {
            job: job.clone(),
            expected: sequentially(job),
            until: SimTime::START,
        }
    }

    fn unfolds(&self, world: &JobWorld, sentence: Sentence) -> Result<bool, Broken> {
        match sentence {
            Sentence::Done(_) => match seen::is_done(world, &self.job) {
                true => seen::compare(world, &self.expected).map(|()| true),
                false => Ok(false),
            },
            Sentence::Leave(_) => Ok(seen::have_left(
                world,
                &world.node_ids().collect::<Vec<_>>(),
            )),
            Sentence::AllMapped(_) => Ok(seen::coordinator(world)
                .is_some_and(|it| it.ledger().maps.len() == self.job.splits.len())),
            Sentence::Run { maps, workers, .. } => {
                Ok(seen::executing(world, maps).len() >= workers)
            }
        }
    }
}

impl Teller<Node, MapReduceInvariants> for JobTeller {
    type Sentence = Sentence;

    fn names(&self) -> &'static [&'static str] {
        &[
            "store",
            "coordinator",
            "workers",
            "mapping",
            "reducing",
            "holders",
            "left",
        ]
    }

    fn marks(&self) -> Vec<&'static str> {
        MARKS.to_vec()
    }

    fn understand(&self, words: &[&str]) -> Result<Sentence, String> {
        match words {
            ["job", "is", "done", "within", length] => Ok(Sentence::Done(read_time(length)?)),
            ["workers", "leave", "within", length] => Ok(Sentence::Leave(read_time(length)?)),
            ["all", "maps", "are", "done", "within", length] => {
                Ok(Sentence::AllMapped(read_time(length)?))
            }
            [
                what @ ("maps" | "reduces"),
                "run",
                "on",
                workers,
                "workers",
                "within",
                length,
            ] => Ok(Sentence::Run {
                maps: *what == "maps",
                workers: read_number(workers)? as usize,
                within: read_time(length)?,
            }),
            [] => Err("an empty sentence".to_owned()),
            _ => Err("this sentence is not known to mapreduce".to_owned()),
        }
    }

    fn begin(
        &mut self,
        world: &mut JobWorld,
        sentence: &Sentence,
        _: &mut Cast,
    ) -> Result<(), Broken> {
        let length = match sentence {
            Sentence::Done(length)
            | Sentence::Leave(length)
            | Sentence::AllMapped(length)
            | Sentence::Run { within: length, .. } => *length,
        };
        self.until = world.now() + length;
        Ok(())
    }

    fn look(&mut self, world: &mut JobWorld, sentence: &Sentence) -> Deed {
        let late = world.now() >= self.until;
        Deed::of(self.unfolds(world, *sentence), late, || {
            every_node(world).collect::<Vec<_>>().join("; ")
        })
    }

    fn returned(&mut self, _: &mut JobWorld, _: InvocationId, _: Option<Status>) {}

    fn who(&self, world: &JobWorld, name: &str) -> Option<Vec<NodeId>> {
        let workers = |wanted: &dyn Fn(&snowglobe_systems::mapreduce::WorkerNode) -> bool| {
            let all = seen::workers(world).filter(|(_, worker)| wanted(worker));
            all.map(|(id, _)| id).collect()
        };
        Some(match name {
            "store" => vec![STORE],
            "coordinator" => vec![COORDINATOR],
            "workers" => world.node_ids().skip(OTHERS).collect(),
            "mapping" => seen::executing(world, true),
            "reducing" => seen::executing(world, false),
            "holders" => workers(&|worker| !worker.disk().outputs.is_empty()),
            "left" => workers(&|worker| worker.has_left()),
            _ => return None,
        })
    }
}
