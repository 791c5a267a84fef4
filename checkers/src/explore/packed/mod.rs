//! The search through all states that keeps them as rows of numbers.
//!
//! A step changes one node and a few messages, so states are mostly made of parts that many of
//! them have in common: every part is kept once (`pool`), a state is two rows of numbers of parts
//! (`pack`), and of those two numbers are left (`visited`). States are compared in full, and no
//! odds have to be told. What may happen, and what it leads to, is decided by [`SmallWorld`], as
//! for every other search.

mod frontier;
mod pack;
mod pool;
mod rows;
mod visited;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use self::frontier::{Batch, Frontier};
use self::pack::Pools;
use self::visited::{PackedState, StateNumber, Visited};
use super::search::Order;
use super::{Setting, SmallWorld, State};

pub use self::pack::Parts;

/// What the states of a search take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// All states, the ways that led to them, and what is yet to be looked at, in bytes. What
    /// their parts own is not counted: there are few of them.
    pub bytes: usize,
    /// Different clusters: all nodes, and what is remembered of the past.
    pub clusters: usize,
    /// Different bags of messages.
    pub bags: usize,
    /// What these are made of.
    pub parts: Parts,
}

/// A search under way, which several threads carry on.
pub(super) struct Packed<'a, S: Setting> {
    world: &'a SmallWorld<S>,
    pools: Pools<S>,
    visited: Mutex<Visited>,
    frontier: Frontier,
    /// How many states were reached, each as often as it was.
    generated: AtomicUsize,
    /// The most steps that led to one that was looked at.
    depth: AtomicUsize,
    /// The state that breaks a promise, and the one before it; none before the first.
    found: Mutex<Option<(Option<StateNumber>, State<S>)>>,
}

impl<'a, S: Setting> Packed<'a, S> {
    /// A search that begins now.
    pub(super) fn new(world: &'a SmallWorld<S>, order: Order, threads: usize) -> Self {
        let search = Self {
            world,
            pools: Pools::default(),
            visited: Mutex::default(),
            frontier: Frontier::new(order, threads),
            generated: AtomicUsize::new(1),
            depth: AtomicUsize::new(0),
            found: Mutex::new(None),
        };
        let start = world.canonical(world.beginning());
        if start.broken.is_some() {
            search.found(None, start);
        } else {
            let start = search.pools.pack(&start);
            let start = search.visited().reach(&start, None);
            search
                .frontier
                .begin(start.expect("nothing was reached yet"));
        }
        search
    }

    fn visited(&self) -> MutexGuard<'_, Visited> {
        self.visited.lock().expect("nothing panics under the lock")
    }

    /// Carries it on until nothing is left to look at, or it is over.
    pub(super) fn work(&self) {
        let _guard = EndsOnPanic(&self.frontier);
        while let Some(batch) = self.frontier.take() {
            let mut reached = Vec::new();
            let states = self.states(&batch);
            for (number, state) in states {
                if self.frontier.is_over() || !self.look_at(number, &state, &mut reached) {
                    break;
                }
            }
            let mut visited = self.visited();
            let new = reached
                .iter()
                .filter_map(|(parent, state)| visited.reach(state, Some(*parent)));
            let new = new.collect();
            drop(visited);
            self.frontier.put(&batch, new);
        }
    }

    /// The states of a batch.
    fn states(&self, batch: &Batch) -> Vec<(StateNumber, State<S>)> {
        let visited = self.visited();
        let packed = batch.states.iter().map(|number| visited.state(*number));
        let packed: Vec<PackedState> = packed.collect();
        drop(visited);
        let in_order = self.world.setting().bounds().in_order;
        let unpack = |packed| self.pools.unpack(packed, in_order, batch.depth);
        batch
            .states
            .iter()
            .copied()
            .zip(packed.iter().map(unpack))
            .collect()
    }

    /// Looks at what may follow a state. Whether the search goes on.
    fn look_at(
        &self,
        number: StateNumber,
        state: &State<S>,
        reached: &mut Vec<(StateNumber, PackedState)>,
    ) -> bool {
        let world = self.world;
        if world.is_stopped() {
            world.survey.left(state.depth);
            self.frontier.end();
            return false;
        }
        self.depth
            .fetch_max(state.depth as usize, Ordering::Relaxed);
        world.survey.looked_at();
        let wants_shapes = world.survey.wants_shapes();
        let shape = wants_shapes.then(|| world.shape_digest(state));
        if let Some(shape) = shape {
            world.survey.shape(shape);
        }
        let mut actions = Vec::new();
        world.actions(state, &mut actions);
        for action in &actions {
            let Some(next) = world.explore(state, action) else {
                continue;
            };
            self.generated.fetch_add(1, Ordering::Relaxed);
            if let Some(shape) = shape {
                world
                    .survey
                    .shapes_of_step(shape, world.shape_digest(&next));
            }
            if next.broken.is_some() {
                self.found(Some(number), next);
                return false;
            }
            reached.push((number, self.pools.pack(&next)));
        }
        true
    }

    /// A promise is broken. Of several such states one of the first is kept.
    fn found(&self, before: Option<StateNumber>, state: State<S>) {
        let mut found = self.found.lock().expect("nothing panics under the lock");
        let depth = found.as_ref().map(|(_, found)| found.depth);
        if depth.is_none_or(|depth| state.depth < depth) {
            *found = Some((before, state));
        }
        self.frontier.end();
    }

    /// Whether nothing more will be looked at.
    pub(super) fn is_done(&self) -> bool {
        self.frontier.is_over()
    }

    /// How many states were reached: each as often as it was, and different ones.
    pub(super) fn reached(&self) -> (usize, usize) {
        (self.generated.load(Ordering::Relaxed), self.visited().len())
    }

    /// The most steps that led to a state.
    pub(super) fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    /// The states on the way to one that breaks a promise, if one does.
    pub(super) fn path(&self) -> Option<Vec<State<S>>> {
        let found = self.found.lock().expect("nothing panics under the lock");
        let (before, last) = found.as_ref()?;
        let visited = self.visited();
        let way = before.map_or_else(Vec::new, |before| visited.way_to(before));
        let in_order = self.world.setting().bounds().in_order;
        let states = way.iter().zip(0..);
        let mut path: Vec<State<S>> = states
            .map(|(number, depth)| self.pools.unpack(&visited.state(*number), in_order, depth))
            .collect();
        path.push(last.clone());
        Some(path)
    }

    /// What the states take.
    pub(super) fn packing(&self) -> Packing {
        let visited = self.visited();
        let (clusters, bags) = visited.parts();
        Packing {
            bytes: visited.bytes() + self.frontier.bytes(),
            clusters,
            bags,
            parts: self.pools.parts(),
        }
    }
}

/// A thread that panics will never be done with its batch: without this the others would wait for
/// it for ever, and nobody would hear of the panic.
struct EndsOnPanic<'a>(&'a Frontier);

impl Drop for EndsOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end();
        }
    }
}
