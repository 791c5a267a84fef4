//! What clients are told is judged, in shaken runs and in stories: answers that are not true are
//! found, whichever system gave them.

use std::thread;
use std::time::Duration;

use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::{Shake, System};
use snowglobe::seed::Seed;
use snowglobe::world::{Blueprint, Broken, Director, World, engine};
use snowglobe_bundled::kv::KvSystem;
use snowglobe_bundled::raft::{RaftOptions, RaftSystem};
use snowglobe_bundled::shardctrler::ShardctrlerSystem;
use snowglobe_bundled::shardkv::ShardkvSystem;
use snowglobe_systems::process::{InvocationId, NodeId, Process};
use snowglobe_systems::shardctrler::Configuration;
use snowglobe_systems::{kv, ledger, replica, service, shardkv};

type OutcomeOf<S> = <<S as System>::Process as Process>::Outcome;

/// Hands on everything, but falsifies what clients are told.
struct Forger<S: System, D> {
    director: D,
    forge: fn(&mut OutcomeOf<S>),
}

impl<S: System, D: Clone> Clone for Forger<S, D> {
    fn clone(&self) -> Self {
        Self {
            director: self.director.clone(),
            forge: self.forge,
        }
    }
}

impl<S: System, D> Director<S::Process, S::Invariants> for Forger<S, D>
where
    D: Director<S::Process, S::Invariants> + Clone,
{
    fn begin(&mut self, world: &mut World<S::Process, S::Invariants>) {
        self.director.begin(world);
    }
    fn alarm(&mut self, world: &mut World<S::Process, S::Invariants>, token: u64) {
        self.director.alarm(world, token);
    }
    fn returned(
        &mut self,
        world: &mut World<S::Process, S::Invariants>,
        invocation: InvocationId,
        mut outcome: OutcomeOf<S>,
    ) {
        (self.forge)(&mut outcome);
        self.director.returned(world, invocation, outcome);
    }
    fn told(
        &mut self,
        world: &mut World<S::Process, S::Invariants>,
        node: NodeId,
        outcome: OutcomeOf<S>,
    ) {
        self.director.told(world, node, outcome);
    }
    fn is_over(&mut self, world: &mut World<S::Process, S::Invariants>) -> bool {
        self.director.is_over(world)
    }
}

/// What is found if clients are told what is not true; a run without a story is shaken.
fn forged<S: System>(story: &[&str], forge: fn(&mut OutcomeOf<S>)) -> Option<String> {
    let scenario = Scenario {
        chaos: Duration::from_secs(2),
        story: story.iter().map(|line| (*line).to_owned()).collect(),
        ..Scenario::calm(S::NAME, S::NODES.0.max(3), Seed(3))
    };
    forged_in::<S>(scenario, S::Options::default(), forge)
}

fn forged_in<S: System>(
    scenario: Scenario,
    options: S::Options,
    forge: fn(&mut OutcomeOf<S>),
) -> Option<String> {
    let run = move || {
        let nodes = scenario.nodes;
        let blueprint = Blueprint {
            seed: scenario.seed,
            configs: S::configs(nodes, &options),
            links: scenario.links.clone(),
            sync: scenario.sync.clone(),
            checkpoint_bytes: scenario.checkpoint_bytes,
            faults: Vec::new(),
            batch: 1,
            step_budget: 10_000_000,
        };
        if scenario.story.is_empty() {
            let members = S::membership(nodes, &options);
            let director = Shake::new(&scenario, members, S::workload(&scenario, &options));
            run_forged::<S, _>(blueprint, Forger { director, forge })
        } else {
            let director = S::storyteller(&scenario, &options).expect("it is understood");
            run_forged::<S, _>(blueprint, Forger { director, forge })
        }
    };
    thread::spawn(run).join().expect("the world does not panic")
}

fn run_forged<S: System, D>(
    blueprint: Blueprint<<S::Process as Process>::Config>,
    director: Forger<S, D>,
) -> Option<String>
where
    D: Director<S::Process, S::Invariants> + Clone,
{
    let (finished, _) = engine::run::<S::Process, S::Invariants, _>(blueprint, director);
    finished.breakage.map(|breakage| match breakage.broken {
        Broken::Safety(violation) | Broken::Liveness(violation) => violation.property.to_owned(),
        Broken::Illegal(illegal) => illegal.violation.property.to_owned(),
        other => panic!("{other:?}"),
    })
}

/// Checks that a forgery is found in a shaken run and in a story, and nothing without one.
fn check<S: System>(story: &[&str], forge: fn(&mut OutcomeOf<S>), property: &str) {
    for story in [&[][..], story] {
        assert_eq!(forged::<S>(story, |_| ()), None, "{} {story:?}", S::NAME);
        let found = forged::<S>(story, forge);
        assert_eq!(found.as_deref(), Some(property), "{} {story:?}", S::NAME);
    }
}

type RaftOutcome = replica::Outcome<ledger::Ledger>;

#[test]
fn raft_answers_are_judged() {
    let story = [
        "agree on 3 within 10s",
        "read within 5s",
        "agree on 1 within 5s",
    ];
    let misses = |outcome: &mut RaftOutcome| {
        if let RaftOutcome::Answered { answer, .. } = outcome {
            answer.count = 0;
        }
    };
    check::<RaftSystem>(&story, misses, "stale-read");
    let in_front = |outcome: &mut RaftOutcome| {
        if let RaftOutcome::Written { response, .. } = outcome {
            response.0 = 1;
        }
    };
    check::<RaftSystem>(&story, in_front, "real-time-order");
}

/// One client appends once and reads once, and is told of one value too many.
#[test]
fn what_raft_clients_were_told_must_add_up() {
    let scenario = || Scenario {
        chaos: Duration::ZERO,
        ..Scenario::calm("raft", 3, Seed(3))
    };
    let alone = || RaftOptions {
        clients: 1,
        ..RaftOptions::default()
    };
    let one_more = |outcome: &mut RaftOutcome| {
        if let RaftOutcome::Answered { answer, .. } = outcome {
            answer.count += 1;
        }
    };
    let found = |forge| forged_in::<RaftSystem>(scenario(), alone(), forge);
    assert_eq!(found(|_| ()), None);
    assert_eq!(found(one_more).as_deref(), Some("exactly-once"));
}

/// Where a story fails, and what users saw has no order either, that is the graver finding.
#[test]
fn what_users_saw_goes_before_a_sentence_that_fails() {
    let story = [&TEXTS[..], &["u0 has got 99 from x"]].concat();
    let found = |forge| forged::<KvSystem>(&story, forge);
    assert_eq!(found(|_| ()).as_deref(), Some("story"));
    assert_eq!(found(gets_nothing).as_deref(), Some("linearizable"));
}

fn gets_nothing(outcome: &mut kv::Outcome) {
    if let kv::Outcome::Answered(answer) = outcome {
        answer.0 = None;
    }
}

const TEXTS: [&str; 2] = ["u0 puts 13 to x within 5s", "u0 gets x within 5s"];

#[test]
fn answers_of_the_key_value_service_are_judged() {
    check::<KvSystem>(&TEXTS, gets_nothing, "linearizable");
    check::<KvSystem>(
        &TEXTS,
        |outcome| *outcome = kv::Outcome::Busy,
        "clerk-asks-on",
    );
}

#[test]
fn answers_of_the_controller_are_judged() {
    let story = ["u0 joins g1 within 5s", "u0 looks within 5s"];
    let shows_the_first = |outcome: &mut service::Outcome<_>| {
        if let service::Outcome::Answered(configuration) = outcome {
            *configuration = Configuration::first(10);
        }
    };
    check::<ShardctrlerSystem>(&story, shows_the_first, "linearizable");
    check::<ShardctrlerSystem>(
        &story,
        |outcome| *outcome = service::Outcome::Busy,
        "clerk-asks-on",
    );
}

#[test]
fn answers_of_the_sharded_service_are_judged() {
    let story = [&["operator joins g1 within 10s"][..], &TEXTS].concat();
    let gets_nothing = |outcome: &mut shardkv::Outcome| {
        if let shardkv::Outcome::Keys(outcome) = outcome {
            gets_nothing(outcome);
        }
    };
    check::<ShardkvSystem>(&story, gets_nothing, "linearizable");
}
