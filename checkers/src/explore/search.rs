//! The search through all states: stateright behind one adapter.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use snowglobe_systems::digest::Digest;
use stateright::{Checker, HasDiscoveries, Model};

use super::counterexample::Counterexample;
use super::{Account, Action, Setting, SmallWorld, State};

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
    /// How a promise is broken, if one is.
    pub counterexample: Option<Counterexample<S>>,
}

impl Headway {
    /// The odds that two different states were taken for one: with `n` states and
    /// fingerprints of 64 bits at most n²/2^65.
    #[must_use]
    pub fn collision_odds(&self) -> f64 {
        let states = self.distinct as f64;
        states * states / 2f64.powi(65)
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
        vec![self.0.canonical(self.0.start.clone())]
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
pub fn search<S: Setting>(
    world: &Arc<SmallWorld<S>>,
    order: Order,
    threads: usize,
    mut watch: impl FnMut(&Headway) -> bool,
) -> Outcome<S> {
    let builder = Explored::new(world)
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures);
    match order {
        Order::Breadth => wait(world, order, threads, builder.spawn_bfs(), &mut watch),
        Order::Depth => wait(world, order, threads, builder.spawn_dfs(), &mut watch),
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

fn wait<S: Setting>(
    world: &Arc<SmallWorld<S>>,
    order: Order,
    threads: usize,
    checker: impl Checker<Explored<S>>,
    watch: &mut dyn FnMut(&Headway) -> bool,
) -> Outcome<S> {
    while !checker.is_done() {
        if !watch(&headway(world, &checker)) {
            world.stop();
        }
        thread::park_timeout(LOOK_EVERY);
    }
    let checker = checker.join();
    let headway = headway(world, &checker);
    let account = world.survey.account();
    // To tell the way to what it found, stateright goes there again.
    let stopped = world.stopped.swap(false, Ordering::Relaxed);
    let discovery = checker.discoveries().into_values().next();
    let counterexample = discovery.map(|path| Counterexample::of(world, &path.into_states()));
    let in_order = order == Order::Breadth && threads == 1;
    let complete = world.survey.left_at().filter(|_| in_order && stopped);
    Outcome {
        exhausted: counterexample.is_none() && !stopped,
        complete_to: complete.map(|depth| depth as usize),
        account,
        counterexample,
        headway,
    }
}

fn headway<S: Setting>(world: &SmallWorld<S>, checker: &impl Checker<Explored<S>>) -> Headway {
    let distinct = checker.unique_state_count();
    Headway {
        generated: checker.state_count(),
        distinct,
        queued: distinct.saturating_sub(world.survey.looked()),
        // Its depths count the first state too.
        depth: checker.max_depth().saturating_sub(1),
    }
}
