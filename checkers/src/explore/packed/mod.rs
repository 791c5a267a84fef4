//! The search through all states that keeps them as rows of numbers.
//!
//! A step changes one node and a few messages, so states are mostly made of parts that many of
//! them have in common: every part is kept once (`pool`), a state is two rows of numbers of parts
//! (`pack`), and of those two numbers are left (`visited`). States are compared in full, and no
//! odds have to be told. What may happen, and what it leads to, is decided by [`SmallWorld`], as
//! for every other search; but what it decided for the cluster of one state is remembered for all
//! that have the same cluster (`outcomes`), and so are names (`names`). In a sample of the states
//! everything is worked out anew, and must come to the same (`explorer`).

mod bag;
mod explorer;
mod frontier;
mod names;
mod outcomes;
mod pack;
mod pool;
mod rows;
mod table;
mod visited;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, RwLock};

use self::explorer::Explorer;
use self::frontier::Frontier;
use self::pack::Pools;
use self::pool::Number;
use self::rows::Rows;
use self::visited::{PackedState, StateNumber, Visited};
use super::doubt::is_doubt;
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
    /// How many steps were worked out, however often they were taken.
    pub worked_out: usize,
}

/// A state that breaks a promise, and the one before it; none before the first.
type Found<S> = (Option<StateNumber>, State<S>);

/// A search under way, which several threads carry on.
pub(super) struct Packed<'a, S: Setting> {
    world: &'a SmallWorld<S>,
    pools: Pools<S>,
    clusters: RwLock<Rows>,
    visited: Mutex<Visited>,
    frontier: Frontier,
    /// How many states were reached, each as often as it was.
    generated: AtomicUsize,
    /// How many steps were worked out.
    worked_out: AtomicUsize,
    /// The most steps that led to one that was looked at.
    depth: AtomicUsize,
    /// For each promise that is broken: a state that breaks it, of the first ones.
    found: Mutex<BTreeMap<&'static str, Found<S>>>,
}

impl<'a, S: Setting> Packed<'a, S> {
    /// A search that begins now.
    pub(super) fn new(world: &'a SmallWorld<S>, order: Order, threads: usize) -> Self {
        let search = Self {
            world,
            pools: Pools::default(),
            clusters: RwLock::default(),
            visited: Mutex::default(),
            frontier: Frontier::new(order, threads),
            generated: AtomicUsize::new(1),
            worked_out: AtomicUsize::new(0),
            depth: AtomicUsize::new(0),
            found: Mutex::default(),
        };
        let start = world.canonical(world.beginning());
        if start.broken.is_some() {
            search.found(None, start);
            search.frontier.end();
        } else {
            let start = Explorer::new(&search).packed(&start);
            let number = search.visited().begin(&start);
            search.frontier.begin((start.cluster, number));
        }
        search
    }

    fn visited(&self) -> MutexGuard<'_, Visited> {
        self.visited.lock().expect("nothing panics under the lock")
    }

    /// The number of a cluster.
    fn cluster(&self, row: &[Number]) -> Number {
        let known = self.clusters.read().expect("nothing panics under the lock");
        if let Some(number) = known.find(row) {
            return number;
        }
        drop(known);
        let mut clusters = self.clusters.write();
        let clusters = clusters.as_mut().expect("nothing panics under the lock");
        clusters.number(row)
    }

    /// The cluster with this number.
    fn row(&self, cluster: Number) -> Vec<Number> {
        let clusters = self.clusters.read().expect("nothing panics under the lock");
        clusters.row(cluster).to_vec()
    }

    /// The state with these numbers, in its form, so many steps from the start.
    fn state(&self, packed: &PackedState, depth: u32) -> State<S> {
        let in_order = self.world.setting().bounds().in_order;
        let row = self.row(packed.cluster);
        let state = self.pools.unpack(&row, &packed.bag, in_order, depth);
        self.world.canonical(state)
    }

    /// Carries it on until nothing is left to look at, or it is over.
    pub(super) fn work(&self) {
        let _guard = EndsOnPanic(&self.frontier);
        let mut explorer = Explorer::new(self);
        while let Some(batch) = self.frontier.take() {
            let reached = explorer.look_at(&batch);
            let new = self.visited().reach_all(reached);
            let waiting = new.iter();
            let waiting = waiting.map(|(place, number)| (reached.cluster(*place), *number));
            let waiting = waiting.collect();
            explorer.look_closely(&batch, new.iter().map(|(place, _)| *place));
            self.frontier.put(&batch, waiting);
        }
    }

    /// A promise is broken. Of several states that break one, one of the first is kept. Whether
    /// the search goes on.
    fn found(&self, before: Option<StateNumber>, state: State<S>) -> bool {
        let broken = state.broken.as_deref().expect("a promise is broken");
        let goes_on = self.world.goes_on() && !is_doubt(broken);
        let mut found = self.found.lock().expect("nothing panics under the lock");
        let known = found.get(broken.property).map(|(_, state)| state.depth);
        if known.is_none_or(|depth| state.depth < depth) {
            found.insert(broken.property, (before, state));
        }
        if !goes_on {
            self.frontier.end();
        }
        goes_on
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

    /// For each promise that is broken the states on the way to one that breaks it, the shortest
    /// way first.
    pub(super) fn paths(&self) -> Vec<Vec<State<S>>> {
        let found = self.found.lock().expect("nothing panics under the lock");
        let mut paths: Vec<_> = found.values().map(|found| self.path(found)).collect();
        paths.sort_by_key(Vec::len);
        paths
    }

    fn path(&self, (before, last): &Found<S>) -> Vec<State<S>> {
        let visited = self.visited();
        let way = before.map_or_else(Vec::new, |before| visited.way_to(before));
        let states = way.iter().zip(0..);
        let mut path: Vec<State<S>> = states
            .map(|(number, depth)| self.state(&visited.state(*number), depth))
            .collect();
        path.push(last.clone());
        path
    }

    /// What the states take.
    pub(super) fn packing(&self) -> Packing {
        let visited = self.visited();
        let clusters = self.clusters.read().expect("nothing panics under the lock");
        Packing {
            bytes: clusters.bytes() + visited.bytes() + self.frontier.bytes(),
            clusters: clusters.len(),
            bags: visited.bags(),
            parts: self.pools.parts(),
            worked_out: self.worked_out.load(Ordering::Relaxed),
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
