//! Random walks through a world that is too large to be seen in full.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use snowglobe_systems::digest::Digest;

use super::doubt::is_doubt;
use super::search::LOOK_EVERY;
use super::transition::Rules;
use super::{
    Action, Certificate, Counterexample, Headway, Outcome, Script, Setting, SmallWorld, State,
    StatesDigest,
};

/// Walks through a world, each from the beginning until nothing more can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walks {
    /// Feeds every choice.
    pub seed: u64,
    /// How many there are.
    pub count: u64,
}

/// One walk is no longer than this.
const LONGEST_WALK: usize = 1000;

/// Where a walk went.
struct Walk<S: Setting> {
    actions: Vec<Action<S::Process>>,
    end: State<S>,
}

impl<S: Setting> SmallWorld<S> {
    /// One walk: of all that may happen next, something does, each as likely as
    /// any other.
    fn walk(&self, walks: Walks, number: u64, mut visit: impl FnMut(&State<S>)) -> Walk<S> {
        let mut draw = ChaCha8Rng::seed_from_u64(walks.seed);
        draw.set_stream(number);
        let mut walk = Walk {
            actions: Vec::new(),
            end: self.start.clone(),
        };
        while walk.actions.len() < LONGEST_WALK && walk.end.broken.is_none() {
            let mut actions = Vec::new();
            self.actions(&walk.end, &mut actions);
            let next = loop {
                if actions.is_empty() {
                    return walk;
                }
                let place = (draw.next_u64() % actions.len() as u64) as usize;
                let action = actions.swap_remove(place);
                if let Some(next) = self.successor_under(Rules::Bounded, &walk.end, &action) {
                    self.survey.action(self.kind(&action));
                    walk.actions.push(action);
                    break next;
                }
            };
            walk.end = next;
            visit(&walk.end);
        }
        walk
    }

    /// One walk as a script: what happened from the first boot on, and what the
    /// nodes came to.
    #[must_use]
    pub fn walk_in_steps(&self, walks: Walks, number: u64) -> Script {
        let walk = self.walk(walks, number, |_| {});
        Script {
            steps: self.script(&walk.actions),
            reaches: StatesDigest::of(&walk.end),
            broken: walk.end.broken.as_deref().cloned(),
        }
    }
}

/// Walks through a world on several threads. `watch` is called every now and
/// then; once it says `false` no further walk begins.
pub fn walk<S: Setting>(
    world: &Arc<SmallWorld<S>>,
    walks: Walks,
    threads: usize,
    mut watch: impl FnMut(&Headway) -> bool,
) -> Outcome<S> {
    let next = AtomicU64::new(0);
    let (generated, depth) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seen = Mutex::new(BTreeSet::new());
    let found: Mutex<Option<Walk<S>>> = Mutex::new(None);
    let headway = || Headway {
        generated: generated.load(Ordering::Relaxed),
        distinct: seen.lock().expect("only filled under the lock").len(),
        queued: 0,
        depth: depth.load(Ordering::Relaxed),
        rounds: 1,
        by_fingerprint: true,
    };
    let go = || {
        while !world.is_stopped() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= walks.count {
                return;
            }
            let mut visited = Vec::new();
            let walk = world.walk(walks, number, |state| {
                let mut digest = Digest::new();
                // Under all its names a state would take longer than the walk.
                state.hash(&mut digest);
                visited.push(digest.value());
            });
            generated.fetch_add(walk.actions.len(), Ordering::Relaxed);
            depth.fetch_max(walk.actions.len(), Ordering::Relaxed);
            seen.lock()
                .expect("only filled under the lock")
                .extend(visited);
            if walk.end.broken.is_some() {
                found
                    .lock()
                    .expect("only set under the lock")
                    .get_or_insert(walk);
                world.stop();
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(go)).collect();
        while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
            if !watch(&headway()) {
                world.stop();
            }
            thread::park_timeout(LOOK_EVERY);
        }
    });
    let headway = headway();
    let found = found.into_inner().expect("only set under the lock");
    let broken = found.as_ref().and_then(|walk| walk.end.broken.as_deref());
    let doubt = broken.filter(|broken| is_doubt(broken)).cloned();
    let found = found.filter(|_| doubt.is_none());
    Outcome {
        headway,
        exhausted: false,
        complete_to: None,
        account: world.survey.account(),
        certificate: Certificate::default(),
        packing: None,
        further: Vec::new(),
        counterexample: found.map(|walk| {
            let actions = world.shortened(walk.actions);
            Counterexample::along(world, &actions)
        }),
        doubt,
    }
}
