//! What fuzzing sees of what there is to see.
//!
//! Of a small world it is known, by exploration, which shapes its states can have
//! and which of them follow each other. Seeds of the simulation shake a cluster
//! of the same size whose clients ask for the same few things; how much of what
//! is known do they come by?

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use snowglobe_checkers::explore::{Headway, Setting, SmallWorld, search_by};
use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{InvocationId, Process};

use super::Plan;
use crate::draw::{Draw, Purpose, Streams};
use crate::scenarios::weather::Weather;
use crate::scenarios::{Modelled, swarm};
use crate::seed::Seed;
use crate::world::{Blueprint, Director, World, engine};

/// How much of what is known was seen after so many seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// How many runs there were.
    pub seeds: u64,
    /// How many of the known shapes of states were seen.
    pub states: usize,
    /// How many of the known pairs of shapes that follow each other were.
    pub steps: usize,
}

/// What fuzzing sees of what there is to see.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// How many shapes states can have within the bounds.
    pub states: usize,
    /// How many pairs of them follow each other.
    pub steps: usize,
    /// After 1, 10, 100... seeds.
    pub rows: Vec<Row>,
}

/// The shapes of states, and of steps from one to another.
#[derive(Debug, Default)]
struct Seen {
    states: BTreeSet<u64>,
    steps: BTreeSet<(u64, u64)>,
}

impl Seen {
    fn sees(&mut self, last: Option<u64>, shape: u64) {
        if let Some(last) = last
            && last != shape
        {
            self.steps.insert((last, shape));
        }
        self.states.insert(shape);
    }
}

/// Told after so many seeds, and says whether it goes on.
pub type GoOn<'a> = &'a mut dyn FnMut(u64) -> bool;

/// Explores a small world in full, and fuzzes a cluster of the same size with so many seeds.
///
/// `None` if it was stopped before it was done.
pub fn measure<S: Modelled>(plan: &Plan, seeds: u64, go_on: GoOn<'_>) -> Option<Coverage> {
    let options = plan.options_of::<S>().expect("the plan was checked");
    let setting = S::setting(plan.nodes, &options, &plan.bounds);
    let world = Arc::new(SmallWorld::new(setting, plan.reductions).surveying_shapes());
    let watch = |_: &Headway| go_on(0);
    let outcome = search_by(plan.engine, &world, plan.order, plan.threads, watch);
    if !outcome.exhausted {
        return None;
    }
    let (states, steps) = world.survey().shapes();
    let mut seen = Seen::default();
    let mut rows = Vec::new();
    let mut next = 0;
    for number in 1..=seeds {
        let seed = seed_of_size::<S>(plan.nodes, &mut next);
        let log = shake::<S>(plan, seed);
        seen.states.extend(log.states.intersection(&states));
        seen.steps.extend(log.steps.intersection(&steps));
        if number.ilog10() > (number - 1).checked_ilog10().unwrap_or(0)
            || number == 1
            || number == seeds
        {
            rows.push(Row {
                seeds: number,
                states: seen.states.len(),
                steps: seen.steps.len(),
            });
        }
        if !go_on(number) {
            return None;
        }
    }
    Some(Coverage {
        states: states.len(),
        steps: steps.len(),
        rows,
    })
}

/// The next seed that draws a cluster of this size.
fn seed_of_size<S: Modelled>(nodes: usize, next: &mut u64) -> Seed {
    loop {
        let seed = Seed(*next);
        *next += 1;
        if swarm::draw::<S>(seed, &Weather::default()).nodes == nodes {
            return seed;
        }
    }
}

/// Shakes a cluster as the seed says, with the few clients of the small world.
fn shake<S: Modelled>(plan: &Plan, seed: Seed) -> Seen {
    let drawn = swarm::draw::<S>(seed, &Weather::default());
    let step_budget = swarm::step_budget(&drawn);
    let options = plan.options_of::<S>().expect("the plan was checked");
    let setting = S::setting(plan.nodes, &options, &plan.bounds);
    let blueprint = Blueprint {
        seed,
        configs: setting.configs().to_vec(),
        links: drawn.links,
        sync: drawn.sync,
        checkpoint_bytes: drawn.checkpoint_bytes,
        batch: drawn.batch,
        step_budget,
        faults: drawn.faults,
    };
    let log = Arc::new(Mutex::new(Seen::default()));
    let few = Few {
        asked: vec![0; setting.clients().len()],
        setting,
        log: Arc::clone(&log),
        draw: Streams::new(seed).open(Purpose::Workload(0)),
        chaos: drawn.chaos,
        over: false,
    };
    std::thread::scope(|scope| {
        let run = scope.spawn(|| engine::run::<S::Process, S::Invariants, _>(blueprint, few));
        run.join().expect("the tool does not panic");
    });
    let mut log = log.lock().expect("the run is over");
    std::mem::take(&mut log)
}

/// The few clients of a small world: each asks for its things, at any time, and
/// does not wait.
#[derive(Clone)]
struct Few<S: Setting> {
    setting: S,
    log: Arc<Mutex<Seen>>,
    /// By client: how many of its operations it asked for.
    asked: Vec<usize>,
    draw: Draw,
    chaos: Duration,
    over: bool,
}

/// The alarm that ends a run.
const OVER: u64 = u64::MAX;

type WorldOf<S, I> = World<<S as Setting>::Process, I>;

impl<S: Setting, I: Invariants<S::Process>> Director<S::Process, I> for Few<S> {
    fn begin(&mut self, world: &mut WorldOf<S, I>) {
        let (setting, log) = (self.setting.clone(), Arc::clone(&self.log));
        let mut last = None;
        world.attach_onlooker(move |cluster| {
            let shape = Digest::of(&setting.shape(cluster));
            let mut log = log.lock().expect("one thread runs the world");
            log.sees(last.replace(shape), shape);
        });
        world.alarm(self.chaos, OVER);
        for (client, who) in self.setting.clients().iter().enumerate() {
            for _ in &who.operations {
                let after = self.draw.duration(Duration::ZERO..self.chaos);
                world.alarm(after, client as u64);
            }
        }
    }

    fn alarm(&mut self, world: &mut WorldOf<S, I>, token: u64) {
        if token == OVER {
            self.over = true;
            return;
        }
        let client = token as usize;
        let who = &self.setting.clients()[client];
        let node = *self.draw.pick(&who.at);
        if world
            .invoke(node, who.operations[self.asked[client]].clone())
            .is_some()
        {
            self.asked[client] += 1;
        }
    }

    fn returned(
        &mut self,
        _: &mut WorldOf<S, I>,
        _: InvocationId,
        _: <S::Process as Process>::Outcome,
    ) {
    }

    fn is_over(&mut self, _: &mut WorldOf<S, I>) -> bool {
        self.over
    }
}
