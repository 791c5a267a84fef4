//! Lets the fragile protocol run for a while, and judges at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use snowglobe::faults::{Incident, Membership};
use snowglobe::scenarios::stuck;
use snowglobe::seed::Seed;
use snowglobe::time::SimTime;
use snowglobe::world::engine::{self, Finished};
use snowglobe::world::network::LinkQuality;
use snowglobe::world::{Blueprint, Broken, Director, World};
use snowglobe_systems::process::{InvocationId, NodeId};

use super::fragile::{Fragile, Habit};
use super::promises::{Promise, Promises};

/// How long a run lasts.
pub(crate) const LENGTH: Duration = Duration::from_secs(3);
/// Whoever was not heard for so long is silent: more than ten beats.
const SILENT: Duration = Duration::from_millis(700);
const LOOKS_EVERY: Duration = Duration::from_millis(20);
const LOOK: u64 = 1;
const THE_END: u64 = 2;
/// From here on it is the end that counts.
const TOWARDS_THE_END: SimTime = SimTime::from_millis(2000);

/// Watches links and calls, and ends the run.
#[derive(Clone)]
pub(crate) struct Umpire {
    length: Duration,
    promise: Promise,
    groups: Vec<Vec<NodeId>>,
    /// The last beat that came over each link, and when it was new.
    heard: BTreeMap<(NodeId, NodeId), (u64, SimTime)>,
    /// How full each disk was when its node was last up.
    filled: BTreeMap<NodeId, usize>,
    unanswered: BTreeMap<InvocationId, (NodeId, SimTime)>,
    /// How often anybody was left waiting before the end.
    waited_before: u64,
    over: bool,
}

type FragileWorld = World<Fragile, Promises>;

impl Umpire {
    /// The links over which nothing came lately, in their order.
    fn silent(&self, world: &FragileWorld) -> BTreeSet<(NodeId, NodeId)> {
        let nodes: Vec<NodeId> = world.node_ids().collect();
        let links = nodes
            .iter()
            .flat_map(|from| nodes.iter().map(move |to| (*from, *to)));
        let is_silent = |link: &(NodeId, NodeId)| {
            let last = self.heard.get(link).map_or(SimTime::START, |(_, at)| *at);
            last + SILENT < world.now()
        };
        links
            .filter(|link| link.0 != link.1 && is_silent(link))
            .collect()
    }

    fn look(&mut self, world: &mut FragileWorld) {
        let now = world.now();
        for to in world.node_ids() {
            let Some(process) = world.process(to) else {
                continue;
            };
            self.filled.insert(to, world.disk_bytes(to));
            for (from, beat) in &process.heard {
                let known = self.heard.entry((*from, to)).or_insert((*beat, now));
                if known.0 != *beat {
                    *known = (*beat, now);
                }
            }
        }
        if now < TOWARDS_THE_END {
            self.waited_before = waited(world);
        }
        for id in world.node_ids() {
            if let Some(invocation) = world.invoke(id, ()) {
                self.unanswered.insert(invocation, (id, now));
            }
        }
    }

    /// What is wrong at the end, if anything is.
    fn judge(&self, world: &FragileWorld) -> Option<String> {
        let names = |links: BTreeSet<(NodeId, NodeId)>| {
            let names = links.iter().map(|(from, to)| format!("{from}->{to}"));
            names.collect::<Vec<_>>().join(" ")
        };
        let found = match self.promise {
            Promise::EverybodyIsHeard => names(self.silent(world)),
            Promise::GroupsAreHeard => {
                let silent = self.silent(world);
                let apart = |one: &Vec<NodeId>, other: &Vec<NodeId>| {
                    let mut links = one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b)));
                    one != other && links.all(|link| silent.contains(&link))
                };
                let lost = |one: &&Vec<NodeId>| self.groups.iter().any(|other| apart(one, other));
                let lost = self.groups.iter().filter(lost);
                lost.map(|group| format!("{group:?}")).collect()
            }
            Promise::CallsAreAnswered => {
                let old = |(_, at): &&(NodeId, SimTime)| *at + SILENT < world.now();
                let nodes = self.unanswered.values().filter(old).map(|(node, _)| *node);
                let nodes: BTreeSet<NodeId> = nodes.collect();
                nodes.iter().map(ToString::to_string).collect()
            }
            Promise::NobodyRefuses => {
                let refuses = world.node_ids().filter(|id| world.refusal(*id).is_some());
                refuses.map(|id| id.to_string()).collect()
            }
            Promise::NothingHalfWritten => {
                let changed = self.filled.iter().filter(|(id, bytes)| {
                    world.process(**id).is_none() && world.disk_bytes(**id) != **bytes
                });
                changed.map(|(id, _)| id.to_string()).collect()
            }
            Promise::AnsweredInTimeAtLast => match waited(world) > self.waited_before {
                true => "somebody waits".to_owned(),
                false => String::new(),
            },
            _ => String::new(),
        };
        (!found.is_empty()).then_some(found)
    }
}

fn waited(world: &FragileWorld) -> u64 {
    let processes = world.node_ids().filter_map(|id| world.process(id));
    processes.map(|process| process.left_waiting).sum()
}

impl Director<Fragile, Promises> for Umpire {
    fn begin(&mut self, world: &mut FragileWorld) {
        world.alarm(LOOKS_EVERY, LOOK);
        world.alarm(self.length, THE_END);
    }
    fn alarm(&mut self, world: &mut FragileWorld, token: u64) {
        if token == LOOK {
            self.look(world);
            return world.alarm(LOOKS_EVERY, LOOK);
        }
        self.over = true;
        if let Some(found) = self.judge(world) {
            world.breaks(stuck(self.promise.name(), String::new(), found));
        }
    }
    fn returned(&mut self, _: &mut FragileWorld, invocation: InvocationId, _: u64) {
        self.unanswered.remove(&invocation);
    }
    fn is_over(&mut self, _: &mut FragileWorld) -> bool {
        self.over
    }
}

/// A run of the fragile protocol.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) promise: Promise,
    pub(crate) members: Membership,
    pub(crate) habit: Habit,
    pub(crate) faults: Vec<Incident>,
    pub(crate) length: Duration,
    pub(crate) step_budget: u64,
}

impl Run {
    /// Four nodes of one group, in which nothing goes wrong.
    pub(crate) fn watching(promise: Promise) -> Self {
        Self {
            promise,
            members: Membership::one_group(4),
            habit: Habit::None,
            faults: Vec::new(),
            length: LENGTH,
            step_budget: 1_000_000,
        }
    }

    pub(crate) fn with(self, faults: Vec<Incident>) -> Self {
        Self { faults, ..self }
    }

    pub(crate) fn seeded(self, seed: u64) -> Finished {
        let groups = self.members.each_group().to_vec();
        let invariants = Promises::watching(self.promise, &groups);
        let umpire = Umpire {
            length: self.length,
            promise: self.promise,
            groups,
            heard: BTreeMap::new(),
            filled: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            waited_before: 0,
            over: false,
        };
        let nodes = self.members.size();
        let blueprint = Blueprint {
            seed: Seed(seed),
            configs: vec![(nodes, self.habit); nodes],
            links: LinkQuality::default(),
            sync: Duration::ZERO..Duration::ZERO,
            checkpoint_bytes: 4096,
            faults: self.faults,
            batch: 1,
            step_budget: self.step_budget,
        };
        let run =
            move || engine::run_watched::<Fragile, Promises, _>(blueprint, invariants, umpire);
        let (finished, _) = thread::spawn(run).join().expect("the world does not panic");
        finished
    }

    /// What was found, if the promise was broken; nothing else may break.
    pub(crate) fn broken(self, seed: u64) -> Option<String> {
        let promise = self.promise.name();
        match self.seeded(seed).breakage?.broken {
            Broken::Safety(violation) | Broken::Liveness(violation) => {
                assert_eq!(violation.property, promise);
                Some(violation.found)
            }
            other => panic!("{promise} is watched, and not {other:?}"),
        }
    }
}

/// Faults in the words of a schedule.
pub(crate) fn schedule(words: &[&str]) -> Vec<Incident> {
    let read = |words: &&str| {
        let fault = words.parse();
        fault.unwrap_or_else(|why| panic!("{words}: {why}"))
    };
    words.iter().map(read).collect()
}
