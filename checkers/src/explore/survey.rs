//! What was seen on the way, by all threads together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ActionKind;

/// What steps count beside themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Messages that were lost to the cap.
    pub(super) lost: u64,
    /// Steps that were not taken, since they lead beyond the bounds.
    pub(super) beyond: u64,
    /// Messages that were left out.
    pub(super) obsolete: u64,
    /// Steps that were not taken, since they change nothing.
    pub(super) stuttering: u64,
}

/// What was seen on the way. Counts are of steps as they were taken, so a step
/// that leads to a known state counts too.
#[derive(Debug, Default)]
pub struct Survey {
    actions: [AtomicU64; ActionKind::ALL.len()],
    /// The marks that some step reached, each with the number of different steps of a node.
    marks: Mutex<BTreeMap<&'static str, u64>>,
    lost: AtomicU64,
    beyond: AtomicU64,
    obsolete: AtomicU64,
    stuttering: AtomicU64,
    sampled: AtomicU64,
    orbits: AtomicU64,
    worked_out_again: AtomicU64,
    looked: AtomicU64,
    /// The depths of states that were left unexplored when the search was stopped.
    left_at: AtomicU64,
    shapes: Option<Shapes>,
}

/// The shapes of all states and steps, where they are asked for.
#[derive(Debug, Default)]
struct Shapes {
    states: Mutex<BTreeSet<u64>>,
    steps: Mutex<BTreeSet<(u64, u64)>>,
}

/// What a survey came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// How often each kind of action was taken.
    pub actions: BTreeMap<ActionKind, u64>,
    /// The marks that were reached, with the number of different steps of a node that do.
    pub marks: BTreeMap<&'static str, u64>,
    /// Messages that were lost because there were as many under way as may be.
    pub lost: u64,
    /// Steps that were not taken because they lead beyond the bounds of the setting.
    pub beyond: u64,
    /// Messages that were left out because they are obsolete.
    pub obsolete: u64,
    /// Steps that were not taken because they change nothing.
    pub stuttering: u64,
    /// States from which the world was run forward.
    pub sampled: u64,
    /// States of which it was looked whether the names in them matter.
    pub orbits: u64,
    /// States of which all that may follow was worked out once more, without what was
    /// remembered of their clusters, and came to the same.
    pub worked_out_again: u64,
}

impl Survey {
    pub(super) fn with_shapes() -> Self {
        Self {
            shapes: Some(Shapes::default()),
            left_at: AtomicU64::new(u64::MAX),
            ..Self::default()
        }
    }

    pub(super) fn new() -> Self {
        Self {
            left_at: AtomicU64::new(u64::MAX),
            ..Self::default()
        }
    }

    /// A search begins anew. Marks and shapes that were reached are reached.
    pub(super) fn begin_anew(&self) {
        let Self {
            actions,
            marks: _,
            lost,
            beyond,
            obsolete,
            stuttering,
            sampled,
            orbits,
            worked_out_again,
            looked,
            left_at,
            shapes: _,
        } = self;
        let counters = [
            lost,
            beyond,
            obsolete,
            stuttering,
            sampled,
            orbits,
            worked_out_again,
            looked,
        ];
        for counter in actions.iter().chain(counters) {
            counter.store(0, Ordering::Relaxed);
        }
        left_at.store(u64::MAX, Ordering::Relaxed);
    }

    pub(super) fn action(&self, kind: ActionKind) {
        self.actions[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn mark(&self, mark: &'static str) {
        *lock(&self.marks).entry(mark).or_default() += 1;
    }

    /// So many steps of a kind were taken.
    pub(super) fn actions(&self, kind: ActionKind, times: u64) {
        self.actions[kind as usize].fetch_add(times, Ordering::Relaxed);
    }

    /// What steps counted beside themselves.
    pub(super) fn tally(&self, tally: Tally) {
        let add = |counter: &AtomicU64, more: u64| {
            if more > 0 {
                counter.fetch_add(more, Ordering::Relaxed);
            }
        };
        add(&self.lost, tally.lost);
        add(&self.beyond, tally.beyond);
        add(&self.obsolete, tally.obsolete);
        add(&self.stuttering, tally.stuttering);
    }

    pub(super) fn sampled(&self) {
        self.sampled.fetch_add(1, Ordering::Relaxed);
    }

    /// All that may follow a state was worked out once more.
    pub(super) fn worked_out_again(&self) {
        self.worked_out_again.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn orbit(&self) {
        self.orbits.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody looks at what may follow a state.
    pub(super) fn looked_at(&self) {
        self.looked.fetch_add(1, Ordering::Relaxed);
    }

    /// How many states were looked at.
    pub(super) fn looked(&self) -> usize {
        self.looked.load(Ordering::Relaxed) as usize
    }

    /// A state is left unexplored, since the search was stopped.
    pub(super) fn left(&self, depth: u32) {
        self.left_at.fetch_min(u64::from(depth), Ordering::Relaxed);
    }

    /// The least depth at which a state was left unexplored.
    pub(super) fn left_at(&self) -> Option<u32> {
        u32::try_from(self.left_at.load(Ordering::Relaxed)).ok()
    }

    pub(super) fn wants_shapes(&self) -> bool {
        self.shapes.is_some()
    }

    pub(super) fn shape(&self, state: u64) {
        if let Some(shapes) = &self.shapes {
            lock(&shapes.states).insert(state);
        }
    }

    pub(super) fn shapes_of_step(&self, from: u64, to: u64) {
        if let Some(shapes) = &self.shapes
            && from != to
        {
            lock(&shapes.steps).insert((from, to));
        }
    }

    /// The shapes of all states, and of all steps from one shape to another.
    #[must_use]
    pub fn shapes(&self) -> (BTreeSet<u64>, BTreeSet<(u64, u64)>) {
        self.shapes
            .as_ref()
            .map_or_else(Default::default, |shapes| {
                (lock(&shapes.states).clone(), lock(&shapes.steps).clone())
            })
    }

    /// What it came to so far.
    #[must_use]
    pub fn account(&self) -> Account {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let actions = ActionKind::ALL.iter();
        Account {
            actions: actions
                .map(|kind| (*kind, count(&self.actions[*kind as usize])))
                .collect(),
            marks: lock(&self.marks).clone(),
            lost: count(&self.lost),
            beyond: count(&self.beyond),
            obsolete: count(&self.obsolete),
            stuttering: count(&self.stuttering),
            sampled: count(&self.sampled),
            orbits: count(&self.orbits),
            worked_out_again: count(&self.worked_out_again),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it counts")
}
