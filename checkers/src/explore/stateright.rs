//! stateright, behind one adapter: a second search through the same states, and a web explorer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model};

use super::search::{Ended, Headway, LOOK_EVERY, Order, Reached, Round};
use super::{Action, Setting, SmallWorld, State};

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

/// Serves the states of a world to web browsers, with stateright's explorer;
/// does not come back.
pub fn serve<S: Setting>(world: &Arc<SmallWorld<S>>, threads: usize, address: SocketAddr) {
    let _ = Explored::new(world)
        .checker()
        .threads(threads)
        .serve(address);
}

impl<S: Setting> Round<'_, S> {
    /// Lets stateright search.
    pub(super) fn run_stateright(&mut self) -> Reached<S> {
        match self.how.order {
            Order::Breadth => self.run(self.builder().spawn_bfs()),
            Order::Depth => self.run(self.builder().spawn_dfs()),
        }
    }

    fn builder(&self) -> CheckerBuilder<Explored<S>> {
        Explored::new(self.world)
            .checker()
            .threads(self.how.threads)
            .finish_when(HasDiscoveries::AnyFailures)
    }

    fn run(&mut self, checker: impl Checker<Explored<S>>) -> Reached<S> {
        while !checker.is_done() {
            if self.ended.is_none() {
                self.look(&self.headway(&checker));
            }
            thread::park_timeout(LOOK_EVERY);
        }
        let checker = checker.join();
        let (headway, account) = (self.headway(&checker), self.world.survey.account());
        // To tell the way to what it found, stateright goes there again.
        self.world.stopped.store(false, Ordering::Relaxed);
        let paths = match self.ended {
            // The way there would not be taken again: messages are kept now that were left
            // out on it.
            Some(Ended::Contradicted) => Vec::new(),
            _ => {
                let discoveries = checker.discoveries().into_values();
                discoveries.map(stateright::Path::into_states).collect()
            }
        };
        Reached {
            headway,
            account,
            paths,
            packing: None,
        }
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
            by_fingerprint: true,
        }
    }
}
