//! The search through all states, whoever keeps them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Violation;

use super::counterexample::Counterexample;
use super::doubt::is_doubt;
use super::packed::{Packed, Packing};
use super::{Account, Certificate, Setting, SmallWorld, State};

/// In which order states are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// What is reached in fewer steps first: what is found is short.
    Breadth,
    /// What was reached last first: it takes stateright less memory.
    Depth,
}

/// Who keeps the states of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchEngine {
    /// Rows of numbers, compared in full; see `explore/packed`.
    #[default]
    Packed,
    /// stateright: whole states, and fingerprints of 64 bits.
    Stateright,
}

/// How a search is going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headway {
    /// States that were reached, each as often as it was.
    pub generated: usize,
    /// Different ones.
    pub distinct: usize,
    /// Those of them that have yet to be looked at.
    pub queued: usize,
    /// The most steps that led to one.
    pub depth: usize,
    /// How often the search began; see [`Certificate::rounds`].
    pub rounds: u64,
    /// States are told apart by fingerprints, and not in full.
    pub by_fingerprint: bool,
}

/// What a search came to.
#[derive(Debug)]
pub struct Outcome<S: Setting> {
    /// How far it came.
    pub headway: Headway,
    /// Every state within the bounds was looked at.
    pub exhausted: bool,
    /// If not, and if states were looked at in the order of their depth: every
    /// state within so many steps was.
    pub complete_to: Option<usize>,
    /// What was seen on the way.
    pub account: Account,
    /// What was left out, and looked at.
    pub certificate: Certificate,
    /// What its states take, where they are packed.
    pub packing: Option<Packing>,
    /// How a promise is broken, if one is.
    pub counterexample: Option<Counterexample<S>>,
    /// How others are, if the search [went on](SmallWorld::going_on): one for each promise.
    pub further: Vec<Counterexample<S>>,
    /// What ended the search without a verdict, if something did: a judge that gave up
    /// ([`UNDECIDED`](super::UNDECIDED)), or nodes that are taken to be alike and are
    /// not ([`NAMES_MATTER`](super::NAMES_MATTER)).
    pub doubt: Option<Violation>,
}

impl Headway {
    /// The hash-collision probability: none where states are compared in full. With `n` states
    /// and 64-bit fingerprints at most n²/2^64. It would be half of that if a fingerprint were
    /// not made of the digests of the parts. Everything else that is looked up by digest is
    /// compared in full.
    #[must_use]
    pub fn collision_odds(&self) -> f64 {
        if !self.by_fingerprint {
            return 0.0;
        }
        let states = self.distinct as f64;
        states * states / 2f64.powi(64)
    }
}

impl<S: Setting> SmallWorld<S> {
    /// The digest of the shape of a state.
    pub(super) fn shape_digest(&self, state: &State<S>) -> u64 {
        Digest::of(&self.setting.shape(state))
    }
}

/// Between two looks at how a search is going.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks at every state of a world. `watch` is called every now and then; once it
/// says `false` the search stops and says how far it came.
///
/// What the search leaves out it looks at again; see [`Certificate`]. What several threads
/// find in the order of depth, one finds once more, so that the shortest way is
/// told, and the same one every time.
pub fn search<S: Setting>(
    world: &Arc<SmallWorld<S>>,
    order: Order,
    threads: usize,
    watch: impl FnMut(&Headway) -> bool,
) -> Outcome<S> {
    search_by(SearchEngine::default(), world, order, threads, watch)
}

/// As [`search`], and says who keeps the states.
pub fn search_by<S: Setting>(
    engine: SearchEngine,
    world: &Arc<SmallWorld<S>>,
    order: Order,
    threads: usize,
    mut watch: impl FnMut(&Headway) -> bool,
) -> Outcome<S> {
    let mut certificate = Certificate::default();
    let how = How {
        engine,
        order,
        threads,
    };
    let outcome = rounds(world, how, &mut certificate, &mut watch);
    if outcome.counterexample.is_none() || order == Order::Depth || threads == 1 {
        return outcome;
    }
    world.survey.begin_anew();
    // It begins anew, but nothing had to be taken up for that.
    certificate.rounds -= 1;
    let alone = rounds(
        world,
        How { threads: 1, ..how },
        &mut certificate,
        &mut watch,
    );
    match alone.counterexample {
        Some(_) => alone,
        None => outcome,
    }
}

/// How a search goes about it.
#[derive(Clone, Copy)]
pub(super) struct How {
    engine: SearchEngine,
    pub(super) order: Order,
    pub(super) threads: usize,
}

impl How {
    /// Whether all states of one depth are looked at before any of the next.
    fn is_in_order(self) -> bool {
        self.order == Order::Breadth && (self.engine == SearchEngine::Packed || self.threads == 1)
    }
}

/// Searches until nothing that was left out has to be taken up.
fn rounds<S: Setting>(
    world: &Arc<SmallWorld<S>>,
    how: How,
    certificate: &mut Certificate,
    watch: &mut dyn FnMut(&Headway) -> bool,
) -> Outcome<S> {
    let mut look_at = FIRST_LOOK;
    loop {
        certificate.rounds += 1;
        let mut round = Round {
            world,
            how,
            watch,
            certificate: *certificate,
            look_at,
            ended: None,
        };
        let reached = match how.engine {
            SearchEngine::Packed => round.run_packed(),
            SearchEngine::Stateright => round.run_stateright(),
        };
        let outcome = round.outcome(reached);
        (*certificate, look_at) = (round.certificate, round.look_at);
        if let Some(outcome) = outcome {
            return outcome;
        }
        world.survey.begin_anew();
    }
}

/// What was left out is looked at when there are so many states for the first
/// time, and then whenever there are twice as many as at the look before.
const FIRST_LOOK: usize = 1 << 12;

/// A search that goes on until it has seen everything, or has left out what is of use.
pub(super) struct Round<'a, S: Setting> {
    pub(super) world: &'a Arc<SmallWorld<S>>,
    pub(super) how: How,
    watch: &'a mut dyn FnMut(&Headway) -> bool,
    pub(super) certificate: Certificate,
    /// When there are so many states, it looks at what it left out.
    look_at: usize,
    pub(super) ended: Option<Ended>,
}

/// What a round reached.
pub(super) struct Reached<S: Setting> {
    pub(super) headway: Headway,
    pub(super) account: Account,
    /// For each promise that is broken the states on the way to one that breaks it.
    pub(super) paths: Vec<Vec<State<S>>>,
    pub(super) packing: Option<Packing>,
}

/// Why a round ends before it has seen everything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Nobody wants to wait any longer.
    Stopped,
    /// Something that was left out is of use.
    Contradicted,
}

impl<S: Setting> Round<'_, S> {
    /// Searches with packed states.
    fn run_packed(&mut self) -> Reached<S> {
        let How { order, threads, .. } = self.how;
        let world = Arc::clone(self.world);
        let search = Packed::new(&world, order, threads);
        let here = thread::current();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    search.work();
                    here.unpark();
                });
            }
            while !search.is_done() {
                if self.ended.is_none() {
                    self.look(&self.headway_of(&search));
                }
                thread::park_timeout(LOOK_EVERY);
            }
        });
        let (headway, account) = (self.headway_of(&search), self.world.survey.account());
        self.world.stopped.store(false, Ordering::Relaxed);
        Reached {
            headway,
            account,
            paths: search.paths(),
            packing: Some(search.packing()),
        }
    }

    /// What it came to; `None` if the search has to begin anew.
    fn outcome(&mut self, reached: Reached<S>) -> Option<Outcome<S>> {
        let Reached {
            headway,
            account,
            paths,
            packing,
        } = reached;
        if self.ended == Some(Ended::Contradicted) {
            // Whatever it found, the next round comes to it.
            return None;
        }
        let broken = |path: &Vec<State<S>>| path.last()?.broken.as_deref().cloned();
        let doubt = paths.iter().filter_map(broken).find(is_doubt);
        let is_told = |path: &&Vec<State<S>>| broken(path).is_some_and(|it| !is_doubt(&it));
        let most = if self.world.goes_on() { usize::MAX } else { 1 };
        let told = paths.iter().filter(is_told).take(most);
        // Before anything is taken up: the ways there could not be taken again.
        let mut found: VecDeque<_> = told
            .map(|path| Counterexample::of(self.world, path))
            .collect();
        let is_right = !self.contradicts();
        let is_over = doubt.is_some() || !(found.is_empty() || self.world.goes_on());
        if !is_over && !is_right && self.ended.is_none() {
            return None;
        }
        let counterexample = found.pop_front();
        let further = found.into();
        let in_order = self.how.is_in_order();
        let stopped = self.ended.is_some();
        let complete = self.world.survey.left_at();
        // What was left out may have mattered anywhere: only the start is sure then.
        let complete = complete.map(|depth| if is_right { depth } else { 0 });
        let complete = complete.filter(|_| in_order && stopped);
        Some(Outcome {
            exhausted: !is_over && !stopped,
            complete_to: complete.map(|depth| depth as usize),
            doubt,
            account,
            certificate: self.certificate,
            packing,
            counterexample,
            further,
            headway,
        })
    }

    /// Looks how the search is going, and whether it goes on.
    pub(super) fn look(&mut self, headway: &Headway) {
        if !(self.watch)(headway) {
            self.ended = Some(Ended::Stopped);
        } else if headway.distinct >= self.look_at {
            self.look_at = 2 * headway.distinct;
            if self.contradicts() {
                self.look_at = headway.distinct;
                self.ended = Some(Ended::Contradicted);
            }
        }
        if self.ended.is_some() {
            self.world.stop();
        }
    }

    /// Whether something that was left out is of use.
    fn contradicts(&mut self) -> bool {
        if !self.world.leaves_out() {
            return false;
        }
        let look = self.world.look_again();
        self.certificate.left_out = look.left_out;
        self.certificate.looked_at = look.looked_at;
        self.certificate.taken_up += look.taken_up;
        look.is_contradicted
    }

    fn headway_of(&self, search: &Packed<'_, S>) -> Headway {
        let (generated, distinct) = search.reached();
        Headway {
            generated,
            distinct,
            queued: distinct.saturating_sub(self.world.survey.looked()),
            depth: search.depth(),
            rounds: self.certificate.rounds,
            by_fingerprint: false,
        }
    }
}
