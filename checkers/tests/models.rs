//! The small worlds of the systems: what they promise is held, what their bounds
//! allow is reached, and a mistake is found.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use snowglobe_checkers::explore::{
    Bounds, Order, Outcome, PropertyKind, Reductions, SearchEngine, Setting, SmallWorld, search_by,
};
use snowglobe_checkers::models::kv::{self, KvSetting};
use snowglobe_checkers::models::mapreduce::{self, JobSetting};
use snowglobe_checkers::models::raft::{self, RaftSetting};
use snowglobe_checkers::models::shardctrler::{self, ControllerSetting};
use snowglobe_checkers::models::shardkv::{self, ShardkvSetting};
use snowglobe_systems::mapreduce::applications::WordCount;
use snowglobe_systems::mapreduce::{App, Application, Crash, Emit, Job, Lines, Record, Values};
use snowglobe_systems::shardctrler::{Configuration, Number, Outcome as Answer, Response};

fn controller(bounds: Bounds) -> ControllerSetting {
    let clerks = usize::from(bounds.clients);
    ControllerSetting::new(bounds, shardctrler::configs(3, clerks))
}

fn groups(bounds: Bounds) -> ShardkvSetting {
    let clerks = usize::from(bounds.clients);
    ShardkvSetting::new(bounds, shardkv::configs(clerks))
}

fn job(bounds: Bounds) -> JobSetting {
    JobSetting::new(bounds, mapreduce::configs(2, 1))
}

/// So much of a scope is looked at here; all of it is what the command is for.
const STATES: usize = 20_000;

fn explore<S: Setting>(setting: S) -> Outcome<S> {
    explore_by(SearchEngine::Packed, setting)
}

fn explore_by<S: Setting>(engine: SearchEngine, setting: S) -> Outcome<S> {
    let world = SmallWorld::new(setting, Reductions::default()).sampling(Some(512));
    search_by(engine, &Arc::new(world), Order::Breadth, 1, |headway| {
        headway.distinct < STATES
    })
}

/// The beginning of each scope, where all that a setting promises to reach is not yet reached.
fn scopes_begin_well<S: Setting>(make: impl Fn(Bounds) -> S) {
    for scope in S::scopes() {
        let outcome = explore(make(scope.bounds));
        if let Some(found) = outcome.counterexample {
            panic!("{} {}: {found:#?}", S::NAME, scope.name);
        }
        assert!(outcome.account.sampled > 0, "{} recovers", scope.name);
    }
}

/// A small world is exhausted, holds, and comes to all that it promises to come to; whoever keeps
/// its states, they are the same.
fn holds<S: Setting>(setting: S) -> Outcome<S> {
    let marks = setting.marks();
    let other = explore_by(SearchEngine::Stateright, setting.clone());
    let outcome = explore(setting);
    assert_eq!(outcome.headway.distinct, other.headway.distinct);
    assert_eq!(outcome.headway.depth, other.headway.depth);
    // How many steps reach a mark is counted under other names, too, in samples that differ.
    let marks_of = |outcome: &Outcome<S>| -> Vec<&'static str> {
        outcome.account.marks.keys().copied().collect()
    };
    assert_eq!(marks_of(&outcome), marks_of(&other));
    if let Some(found) = &outcome.counterexample {
        panic!("{}: {found:#?}", S::NAME);
    }
    assert!(outcome.exhausted, "{}: {:?}", S::NAME, outcome.headway);
    for mark in marks {
        let reached = &outcome.account.marks;
        assert!(reached.contains_key(mark), "{mark} is not in {reached:?}");
    }
    outcome
}

#[test]
fn scopes_of_the_controller_begin_well() {
    scopes_begin_well(controller);
}

#[test]
fn scopes_of_the_groups_begin_well() {
    scopes_begin_well(groups);
}

#[test]
fn scopes_of_a_job_begin_well() {
    scopes_begin_well(job);
}

#[test]
fn a_controller_holds() {
    let small = Bounds {
        terms: 1,
        operations: 2,
        timeouts: 0,
        messages: 2,
        ..Bounds::default()
    };
    holds(controller(small.clone()));
    let two_clerks = Bounds {
        clients: 2,
        ..small
    };
    holds(controller(two_clerks));
}

#[test]
fn a_shard_moves_while_a_client_writes() {
    let small = Bounds {
        terms: 1,
        operations: 2,
        timeouts: 0,
        beats: 1,
        messages: 2,
        ..Bounds::default()
    };
    holds(groups(small));
}

#[test]
fn a_shard_moves_while_its_owners_crash() {
    let small = Bounds {
        terms: 2,
        operations: 1,
        timeouts: 1,
        beats: 1,
        crashes: 1,
        messages: 1,
        ..Bounds::default()
    };
    holds(groups(small));
}

#[test]
fn a_job_is_done() {
    let small = Bounds {
        terms: 2,
        timeouts: 0,
        beats: 2,
        messages: 2,
        operations: 1,
        ..Bounds::default()
    };
    holds(job(small));
}

#[test]
fn a_job_is_done_over_a_crash() {
    let small = Bounds {
        terms: 2,
        timeouts: 0,
        beats: 2,
        crashes: 1,
        messages: 1,
        ..Bounds::default()
    };
    holds(job(small));
}

/// All promises of all models that are not about what clients saw.
fn listed() -> BTreeSet<&'static str> {
    let bounds = Bounds::default;
    let properties = [
        RaftSetting::new(bounds(), raft::configs(3)).properties(),
        KvSetting::new(bounds(), kv::configs(3, 1)).properties(),
        controller(bounds()).properties(),
        groups(bounds()).properties(),
        job(bounds()).properties(),
    ];
    let all = properties.iter().flatten();
    all.filter(|property| property.kind != PropertyKind::History)
        .map(|property| property.name)
        .collect()
}

/// All string literals in the sources of a folder that look like the name of a promise.
fn named_in(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the sources are here") {
        let path = entry.expect("they can be listed").path();
        if path.is_dir() {
            named_in(&path, names);
            continue;
        }
        let text = fs::read_to_string(&path).expect("sources are texts");
        for line in text.lines().filter(|line| !line.trim().starts_with("//")) {
            let literals = line.split('"').skip(1).step_by(2);
            names.extend(literals.filter(|it| is_a_name(it)).map(str::to_owned));
        }
    }
}

/// Small words with hyphens in between, as in `election-safety`.
fn is_a_name(text: &str) -> bool {
    let mut words = text.split('-');
    let is_word = |word: &str| {
        let mut letters = word.chars();
        !word.is_empty() && letters.all(|letter| letter.is_ascii_lowercase())
    };
    text.contains('-') && words.all(is_word)
}

/// A promise that is watched and not listed would be missing from every
/// account, and one that is listed and not watched would seem to be held.
#[test]
fn what_is_watched_is_what_is_listed() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systems/src");
    let mut watched = BTreeSet::new();
    named_in(&sources, &mut watched);
    assert!(watched.len() > 40, "{watched:?}");
    let mut listed = listed();
    // This one the model of a job watches itself.
    assert!(listed.remove("output-is-right"));
    let watched: BTreeSet<&str> = watched.iter().map(String::as_str).collect();
    assert_eq!(watched, listed);
}

/// A combiner that forgets how often it saw a word.
#[derive(Debug)]
struct Forgetful(WordCount);

impl Application for Forgetful {
    fn map(&self, record: &Record<'_>, emit: &mut Emit<'_>) -> Result<(), Crash> {
        self.0.map(record, emit)
    }
    fn reduce(&self, key: &str, values: &Values<'_>, lines: &mut Lines<'_>) -> Result<(), Crash> {
        self.0.reduce(key, values, lines)
    }
    fn combine(&self, _key: &str, _values: &Values<'_>) -> Option<String> {
        Some("0".to_owned())
    }
}

#[test]
fn a_wrong_output_is_found() {
    let mut configs = mapreduce::configs(2, 1);
    let right = configs[0].job.clone();
    let wrong = Arc::new(Job {
        app: App::new("wc", Forgetful(WordCount)),
        ..(*right).clone()
    });
    for config in &mut configs {
        config.job = wrong.clone();
    }
    let bounds = Bounds {
        terms: 1,
        timeouts: 0,
        beats: 2,
        messages: 2,
        ..Bounds::default()
    };
    let outcome = explore(JobSetting::new(bounds, configs));
    let found = outcome.counterexample.expect("the output is wrong");
    assert_eq!(found.violation.property, "output-is-right");
    assert!(!found.steps.is_empty());
}

/// Who was told that a group has joined must see it.
#[test]
fn an_old_configuration_is_found() {
    let bounds = Bounds {
        clients: 2,
        operations: 2,
        ..Bounds::default()
    };
    let setting = controller(bounds);
    let mut judge = Default::default();
    let clients = setting.clients();
    let (divide, join) = (&clients[0].operations[0], &clients[0].operations[1]);
    let look = &clients[1].operations[0];
    let old = Configuration::first(usize::from(shardctrler::SHARDS));
    let told = |number| Answer::Written(Response::Changed(Number(number)));
    setting.called(&mut judge, 0, divide);
    setting.returned(&mut judge, 0, &told(1)).expect("it is so");
    setting.called(&mut judge, 0, join);
    setting.returned(&mut judge, 0, &told(2)).expect("it is so");
    setting.called(&mut judge, 1, look);
    let seen = Answer::Answered(Configuration {
        number: Number(1),
        ..old
    });
    let found = setting
        .returned(&mut judge, 1, &seen)
        .expect_err("it is old");
    assert_eq!(found.property, "linearizable");
}
