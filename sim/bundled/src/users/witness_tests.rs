//! What a witness says that servers made explains what users were told, in drawn runs.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;
use crate::kv::{self, KvSystem};
use crate::shardkv::{self, ShardkvSystem};
use snowglobe::scenarios::swarm;
use snowglobe::scenarios::weather::Weather;
use snowglobe::scenarios::{Shake, System, Workload};
use snowglobe::world::engine::{self, Engine};

/// How many keys were asked for, and of how many the witness explains everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Explained {
    asked: usize,
    explained: usize,
}

/// A workload, and somebody who looks at the end.
#[derive(Clone)]
struct Onlooker<W> {
    workload: W,
    users: fn(&W) -> &Users,
    seen: Arc<Mutex<Explained>>,
}

impl<P, I, W> Workload<P, I> for Onlooker<W>
where
    P: TextService,
    I: Watcher<P>,
    W: Workload<P, I>,
{
    fn begin(&mut self, world: &mut World<P, I>) {
        self.workload.begin(world);
    }

    fn alarm(&mut self, world: &mut World<P, I>, token: u64) {
        self.workload.alarm(world, token);
    }

    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome) {
        self.workload.returned(world, invocation, outcome);
    }

    fn settle(&mut self, world: &mut World<P, I>, well: &[NodeId]) {
        self.workload.settle(world, well);
    }

    fn last_look(&mut self, world: &mut World<P, I>) {
        let keys = (self.users)(&self.workload).book.explained(world);
        let mut seen = self.seen.lock().expect("nobody panics here");
        seen.asked += keys.len();
        seen.explained += keys.values().filter(|it| **it).count();
    }

    fn settled(&mut self, world: &mut World<P, I>) -> bool {
        self.workload.settled(world)
    }

    fn missing(&self, world: &World<P, I>) -> String {
        self.workload.missing(world)
    }
}

/// What the witness of a system knows of the runs of some seeds.
fn explained<S>(seeds: Range<u64>, users: fn(&S::Workload) -> &Users) -> Explained
where
    S: System,
    S::Process: TextService,
    S::Invariants: Watcher<S::Process>,
{
    let weather = Weather {
        large_in: 0,
        long_in: 0,
        ..Weather::default()
    };
    let seen = Arc::new(Mutex::new(Explained::default()));
    for seed in seeds {
        let scenario = swarm::draw::<S>(Seed(seed), &weather);
        let options: S::Options = scenario
            .options
            .clone()
            .try_into()
            .expect("they were drawn");
        let onlooker = Onlooker {
            workload: S::workload(&scenario, &options),
            users,
            seen: seen.clone(),
        };
        let run = move || {
            let members = S::membership(scenario.nodes, &options);
            let blueprint = scenario.blueprint(S::configs(scenario.nodes, &options));
            let shake = Shake::new(&scenario, members, onlooker);
            engine::run_on(Engine::Direct, blueprint, S::Invariants::default(), shake).0
        };
        let run = thread::spawn(run).join();
        let breakage = run.expect("the world does not panic").breakage;
        assert_eq!(breakage, None, "seed {seed}");
    }
    let seen = seen.lock().expect("nobody panics here");
    *seen
}

/// Everything is known of every key.
fn explains_all(explained: Explained) {
    let Explained { asked, explained } = explained;
    assert!(asked > 100, "{asked} keys");
    assert_eq!(explained, asked, "of so many keys everything is known");
}

#[test]
fn the_witness_of_the_key_value_service_explains_what_users_were_told() {
    explains_all(explained::<KvSystem>(0..30, kv::Shaken::users));
}

#[test]
fn the_witness_of_the_sharded_service_explains_what_users_were_told() {
    explains_all(explained::<ShardkvSystem>(0..30, shardkv::Shaken::users));
}
