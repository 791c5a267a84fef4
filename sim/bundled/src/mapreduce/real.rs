//! A job on somebody's own files, done inside the world.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use snowglobe_systems::mapreduce::applications::{Grep, HostCount, InvertedIndex, Sort, WordCount};
use snowglobe_systems::mapreduce::invariants::MapReduceInvariants;
use snowglobe_systems::mapreduce::{
    App, Coordinator, Counters, Job, Node, Status, TaskName, Tuning,
};
use snowglobe_systems::process::{InvocationId, NodeId};

use super::{APPLICATIONS, JobWorld, configs_of, seen};
use crate::users::every_node;
use snowglobe::draw::{Purpose, Streams};
use snowglobe::faults::{FaultProfile, Incident, generate};
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::{Shake, Workload};
use snowglobe::seed::Seed;
use snowglobe::time::SimTime;
use snowglobe::world::{Blueprint, Breakage, Counters as WorldCounters, Marks, engine};

/// How somebody's own job is done.
#[derive(Clone, Debug)]
pub struct Order {
    /// What is to be done.
    pub job: Job,
    /// How many workers do it.
    pub workers: usize,
    /// Feeds all that is random: links, timers, faults.
    pub seed: Seed,
    /// For how much simulated time faults strike; none without.
    pub faults: Option<Duration>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The parts of the output, if the job was done.
    pub outputs: Vec<Arc<str>>,
    /// The counters of all tasks.
    pub counters: Counters,
    /// The records that were left out, since they crashed the code twice.
    pub skipped: Vec<(TaskName, u32)>,
    /// What broke, if anything did.
    pub breakage: Option<Breakage>,
    /// How much simulated time it took.
    pub at: SimTime,
    /// What was counted in the world.
    pub world: WorldCounters,
    /// The marks that were reached.
    pub marks: Marks,
    /// What struck.
    pub faults: Vec<Incident>,
}

/// The application of a name; `text` is what `grep` seeks.
#[must_use]
pub fn application(name: &str, text: Option<&str>) -> Option<App> {
    let app = match name {
        "wc" => App::new(APPLICATIONS[0], WordCount),
        "indexer" => App::new(APPLICATIONS[1], InvertedIndex),
        "grep" => App::new(
            APPLICATIONS[2],
            Grep {
                text: text.unwrap_or_default().into(),
            },
        ),
        "sort" => App::new(APPLICATIONS[3], Sort),
        "hosts" => App::new(APPLICATIONS[4], HostCount),
        _ => return None,
    };
    Some(app)
}

/// Tells how a job comes along.
pub type Progress = Arc<Mutex<dyn FnMut(SimTime, &Status) + Send>>;

/// Does a job, on a fresh thread, as determinism demands.
///
/// # Panics
/// When the tool itself panics; a panic of a system is a breakage.
#[must_use]
pub fn carry_out(order: &Order, progress: Progress) -> Outcome {
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let work = || tracing::dispatcher::with_default(&dispatch, || here(order, progress));
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("world".to_owned());
        let thread = thread.spawn_scoped(scope, work);
        let thread = thread.expect("the system has room for a thread");
        thread.join().expect("the tool itself does not panic")
    })
}

fn here(order: &Order, progress: Progress) -> Outcome {
    let members = super::members(order.workers);
    let chaos = order.faults.unwrap_or_default();
    let faults = match order.faults {
        None => Vec::new(),
        Some(chaos) => {
            let mut draw = Streams::new(order.seed).open(Purpose::Schedule);
            let profile = FaultProfile::everything();
            generate(&mut draw, &members, SimTime::START + chaos, &profile)
        }
    };
    let scenario = Scenario {
        chaos,
        settle: PATIENCE,
        ..Scenario::calm("mapreduce", order.workers, order.seed)
    };
    let blueprint = Blueprint {
        seed: order.seed,
        configs: configs_of(&order.job, order.workers, &tuning(order), |_| 1),
        links: scenario.links.clone(),
        sync: scenario.sync.clone(),
        // The log is read at a restart only; to fold it while it grows would
        // write all that a worker has again and again.
        checkpoint_bytes: usize::MAX,
        faults: faults.clone(),
        batch: 1,
        step_budget: u64::MAX,
    };
    let errand = Errand {
        job: order.job.clone(),
        progress,
        done: None,
    };
    let director = Shake::new(&scenario, members, errand);
    let (finished, director) = engine::run::<_, MapReduceInvariants, _>(blueprint, director);
    let (outputs, counters, skipped) = director.into_workload().done.unwrap_or_default();
    Outcome {
        outputs,
        counters,
        skipped,
        breakage: finished.breakage,
        at: finished.at,
        world: finished.counters,
        marks: finished.marks,
        faults,
    }
}

/// Longer than any job takes that comes along at all, in simulated time.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// How long tasks take in simulated time: hardly any, but with faults so long that
/// all maps together are at it for half of the chaos, or there would be nothing to strike.
fn tuning(order: &Order) -> Tuning {
    let splits = order.job.splits.iter();
    let kilobytes = splits.map(|split| split.text.len() as u64).sum::<u64>() / 1024 + 1;
    let per_kilobyte = order.faults.map_or(Duration::from_micros(1), |chaos| {
        let all = chaos.as_nanos() as u64 / 2 * order.workers as u64;
        Duration::from_nanos(all / kilobytes)
    });
    Tuning {
        per_kilobyte,
        ..Tuning::default()
    }
}

type Done = (Vec<Arc<str>>, Counters, Vec<(TaskName, u32)>);

/// Somebody who waits for a job.
#[derive(Clone)]
struct Errand {
    job: Job,
    progress: Progress,
    done: Option<Done>,
}

const LOOK: u64 = 1;
const LOOKS_AFTER: Duration = Duration::from_millis(200);

impl Workload<Node, MapReduceInvariants> for Errand {
    fn begin(&mut self, world: &mut JobWorld) {
        world.alarm(LOOKS_AFTER, LOOK);
    }

    fn alarm(&mut self, world: &mut JobWorld, _: u64) {
        if let Some(status) = seen::coordinator(world).map(Coordinator::status) {
            let mut tell = self.progress.lock().expect("nobody panics with it");
            tell(world.now(), &status);
        }
        world.alarm(LOOKS_AFTER, LOOK);
    }

    fn returned(&mut self, _: &mut JobWorld, _: InvocationId, _: Option<Status>) {}

    fn settle(&mut self, _: &mut JobWorld, _: &[NodeId]) {}

    fn settled(&mut self, world: &mut JobWorld) -> bool {
        if !seen::is_done(world, &self.job) {
            return false;
        }
        let files = seen::files(world)
            .into_iter()
            .flat_map(|files| files.values());
        let outputs = files.map(|file| file.text.clone()).collect();
        let ledger = seen::coordinator(world).map(Coordinator::ledger);
        let counters = ledger.map(|it| it.counters()).unwrap_or_default();
        let skipped = ledger.map(|it| it.all_skipped().collect());
        self.done = Some((outputs, counters, skipped.unwrap_or_default()));
        true
    }

    fn missing(&self, world: &JobWorld) -> String {
        every_node(world).collect::<Vec<_>>().join("; ")
    }
}
