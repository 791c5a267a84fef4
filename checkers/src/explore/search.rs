//! The search through all states: stateright behind one adapter.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Violation;
use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model};

use super::counterexample::Counterexample;
use super::doubt::is_doubt;
use super::{Account, Action, Certificate, Setting, SmallWorld, State};

/// In which order states are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// What is reached in fewer steps first: what is found is short.
    Breadth,
    /// What was reached last first: it needs less memory.
    Depth,
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
    /// How a promise is broken, if one is.
    pub counterexample: Option<Counterexample<S>>,
    /// What ended the search without a verdict, if something did: a judge that gave up
    /// ([`UNDECIDED`](super::UNDECIDED)), or nodes that are taken to be alike and are
    /// not ([`NAMES_MATTER`](super::NAMES_MATTER)).
    pub doubt: Option<Violation>,
}

impl Headway {
    /// The hash-collision probability: with `n` states and 64-bit fingerprints at most
    /// n²/2^64. It would be half of that if a fingerprint were not made of the digests of
    /// the parts. Everything else that is looked up by digest is compared in full.
    #[must_use]
    pub fn collision_odds(&self) -> f64 {
        let states = self.distinct as f64;
        states * states / 2f64.powi(64)
    }
}

/// A small world as stateright sees it.
///
/// States are canonical before it sees them, so that both of its orders make use
/// of symmetry. Its own `symmetry` is honoured by one of them only.
pub struct Explored<S: Setting>(Arc<SmallWorld<S>>);

impl<S: Setting> Explored<S> {
    /// A small world, for stateright.
    #[must_use]
    pub fn new(world: &Arc<SmallWorld<S>>) -> Self {
        Self(Arc::clone(world))
    }
}

impl<S: Setting> Model for Explored<S> {
    type State = State<S>;
    type Action = Action<S::Process>;

    fn init_states(&self) -> Vec<Self::State> {
        vec![self.0.canonical(self.0.beginning())]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        if self.0.is_stopped() {
            // The queue empties itself without another state.
            self.0.survey.left(state.depth);
            return;
        }
        self.0.survey.looked_at();
        self.0.actions(state, actions);
        if self.0.survey.wants_shapes() {
            self.0.survey.shape(self.0.shape_digest(state));
        }
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        let next = self.0.explore(state, &action)?;
        if self.0.survey.wants_shapes() {
            let shapes = (self.0.shape_digest(state), self.0.shape_digest(&next));
            self.0.survey.shapes_of_step(shapes.0, shapes.1);
        }
        Some(next)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        // One for all promises: a state knows which of them it breaks.
        vec![stateright::Property::always(
            "every promise",
            |_, state: &State<S>| state.broken.is_none(),
        )]
    }

    fn format_action(&self, action: &Self::Action) -> String {
        self.0.words(action)
    }

    fn format_step(&self, state: &Self::State, action: Self::Action) -> Option<String> {
        let next = self.next_state(state, action)?;
        Some(next.to_string())
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
    mut watch: impl FnMut(&Headway) -> bool,
) -> Outcome<S> {
    let mut certificate = Certificate::default();
    let outcome = rounds(world, (order, threads), &mut certificate, &mut watch);
    if outcome.counterexample.is_none() || order == Order::Depth || threads == 1 {
        return outcome;
    }
    world.survey.begin_anew();
    // It begins anew, but nothing had to be taken up for that.
    certificate.rounds -= 1;
    let alone = rounds(world, (order, 1), &mut certificate, &mut watch);
    match alone.counterexample {
        Some(_) => alone,
        None => outcome,
    }
}

/// Searches until nothing that was left out has to be taken up.
fn rounds<S: Setting>(
    world: &Arc<SmallWorld<S>>,
    (order, threads): (Order, usize),
    certificate: &mut Certificate,
    watch: &mut dyn FnMut(&Headway) -> bool,
) -> Outcome<S> {
    let mut look_at = FIRST_LOOK;
    loop {
        certificate.rounds += 1;
        let mut round = Round {
            world,
            order,
            threads,
            watch,
            certificate: *certificate,
            look_at,
            ended: None,
        };
        let outcome = match order {
            Order::Breadth => round.run(round.builder().spawn_bfs()),
            Order::Depth => round.run(round.builder().spawn_dfs()),
        };
        (*certificate, look_at) = (round.certificate, round.look_at);
        if let Some(outcome) = outcome {
            return outcome;
        }
        world.survey.begin_anew();
    }
}

/// Serves the states of a world to web browsers, with stateright's explorer;
/// does not come back.
pub fn serve<S: Setting>(world: &Arc<SmallWorld<S>>, threads: usize, address: SocketAddr) {
    let _ = Explored::new(world)
        .checker()
        .threads(threads)
        .serve(address);
}

/// What was left out is looked at when there are so many states for the first
/// time, and then whenever there are twice as many as at the look before.
const FIRST_LOOK: usize = 1 << 12;

/// A search that goes on until it has seen everything, or has left out what is of use.
struct Round<'a, S: Setting> {
    world: &'a Arc<SmallWorld<S>>,
    order: Order,
    threads: usize,
    watch: &'a mut dyn FnMut(&Headway) -> bool,
    certificate: Certificate,
    /// When there are so many states, it looks at what it left out.
    look_at: usize,
    ended: Option<Ended>,
}

/// Why a round ends before it has seen everything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Nobody wants to wait any longer.
    Stopped,
    /// Something that was left out is of use.
    Contradicted,
}

impl<S: Setting> Round<'_, S> {
    fn builder(&self) -> CheckerBuilder<Explored<S>> {
        Explored::new(self.world)
            .checker()
            .threads(self.threads)
            .finish_when(HasDiscoveries::AnyFailures)
    }

    /// What it came to; `None` if the search has to begin anew.
    fn run(&mut self, checker: impl Checker<Explored<S>>) -> Option<Outcome<S>> {
        while !checker.is_done() {
            if self.ended.is_none() {
                self.look(&self.headway(&checker));
            }
            thread::park_timeout(LOOK_EVERY);
        }
        let checker = checker.join();
        let headway = self.headway(&checker);
        let account = self.world.survey.account();
        // To tell the way to what it found, stateright goes there again.
        self.world.stopped.store(false, Ordering::Relaxed);
        if self.ended == Some(Ended::Contradicted) {
            // Whatever it found, the way there would not be taken again: messages
            // are kept now that were left out on it. The next round comes to it.
            return None;
        }
        let discovery = checker.discoveries().into_values().next();
        let path = discovery.map(|path| path.into_states());
        let last = path.as_ref().and_then(|path| path.last());
        let broken = last.and_then(|state| state.broken.as_deref());
        let doubt = broken.filter(|broken| is_doubt(broken)).cloned();
        let path = path.filter(|_| doubt.is_none());
        let counterexample = path.map(|path| Counterexample::of(self.world, &path));
        let is_right = !self.contradicts();
        let is_over = counterexample.is_some() || doubt.is_some();
        if !is_over && !is_right && self.ended.is_none() {
            return None;
        }
        let in_order = self.order == Order::Breadth && self.threads == 1;
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
            counterexample,
            headway,
        })
    }

    /// Looks how the search is going, and whether it goes on.
    fn look(&mut self, headway: &Headway) {
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

    fn headway(&self, checker: &impl Checker<Explored<S>>) -> Headway {
        let distinct = checker.unique_state_count();
        Headway {
            generated: checker.state_count(),
            distinct,
            queued: distinct.saturating_sub(self.world.survey.looked()),
            // Its depths count the first state too.
            depth: checker.max_depth().saturating_sub(1),
            rounds: self.certificate.rounds,
        }
    }
}
