//! Where the search stands, and every move undone as easily as made.

use super::dead_ends::Position;
use crate::linearizability::machine::StateId;
use crate::linearizability::problem::{LeavesAt, Problem, Step};

/// The end of the list of operations that are still to be linearized.
const END: u32 = u32::MAX;

/// A move that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// The operation was linearized.
    Linearized(u32),
    /// It happened unseen, just before the last write.
    Hidden(u32),
    /// The window's return is past.
    Passed,
}

/// How many operations that are still to be linearized are of each kind.
#[derive(Debug, Default)]
struct Left {
    /// By state: operations that are legal in it alone.
    needers: Vec<u32>,
    /// By state: those of them that are required.
    required: Vec<u32>,
    /// By state: operations that leave it.
    makers: Vec<u32>,
    /// Operations that leave a state only known once they happen.
    transformers: u32,
    /// Operations that leave a fixed state.
    fixers: u32,
    /// Operations that may tell a state from another and yet do not claim to need it.
    sensitive: u32,
    /// Those of them that are not legal in every state.
    picky: u32,
}

impl Left {
    fn count(&mut self, step: &Step, by: i32) {
        let add = |count: &mut u32| *count = count.wrapping_add_signed(by);
        if let Some(state) = step.needs() {
            add(&mut self.needers[state.place()]);
            if !step.is_pending() {
                add(&mut self.required[state.place()]);
            }
        }
        if let Some(state) = step.makes() {
            add(&mut self.makers[state.place()]);
            add(&mut self.fixers);
        }
        if step.leaves == LeavesAt::Depends {
            add(&mut self.transformers);
        }
        if step.needs().is_none() && !step.overwrites() {
            add(&mut self.sensitive);
            if !step.is_total() {
                add(&mut self.picky);
            }
        }
    }
}

/// A configuration, and the way that led to it.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    problem: &'a Problem,
    /// The window the search stands in: all returns before its own are past.
    pub(super) window: u32,
    pub(super) state: StateId,
    /// See [`Position::covered`].
    pub(super) covered: u32,
    /// The slots of open operations that were linearized.
    pub(super) mask: Vec<u64>,
    /// Operations still to be linearized, in the order of calls, as a list; the
    /// last place of each vector is the list's head.
    next: Vec<u32>,
    previous: Vec<u32>,
    left: Left,
    pub(super) trail: Vec<Made>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(problem: &'a Problem) -> Self {
        let count = problem.steps.len() as u32;
        let named = problem.named_states as usize;
        let mut left = Left {
            needers: vec![0; named],
            required: vec![0; named],
            makers: vec![0; named],
            ..Left::default()
        };
        for step in &problem.steps {
            left.count(step, 1);
        }
        let mut next: Vec<u32> = (1..=count).collect();
        if let Some(last) = next.last_mut() {
            *last = END;
        }
        next.push(if count == 0 { END } else { 0 });
        let mut previous: Vec<u32> = (0..=count).map(|step| step.wrapping_sub(1)).collect();
        if let Some(first) = previous.first_mut() {
            *first = count;
        }
        Self {
            problem,
            window: 0,
            state: problem.initial,
            covered: 0,
            mask: vec![0; problem.slots.words],
            next,
            previous,
            left,
            trail: Vec::new(),
        }
    }

    pub(super) fn position(&self) -> Position {
        Position {
            window: self.window,
            state: self.state.0,
            covered: self.covered,
        }
    }

    /// How many operations were called before this window's return.
    pub(super) fn called(&self) -> u32 {
        self.problem.called_by(self.window)
    }

    /// The operation whose return ends this window; none when all are past.
    pub(super) fn due(&self) -> Option<u32> {
        self.problem.returns.get(self.window as usize).copied()
    }

    /// The first operation, from this one on, that is still to be linearized and
    /// was called in time.
    pub(super) fn first_open(&self) -> Option<u32> {
        self.in_time(self.next[self.problem.steps.len()])
    }

    pub(super) fn next_open(&self, step: u32) -> Option<u32> {
        self.in_time(self.next[step as usize])
    }

    /// Called before this window's return, and not linearized yet.
    pub(super) fn open(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.first_open(), |step| self.next_open(*step))
    }

    /// Whether a step may be taken that is open: its client's own step before it was.
    pub(super) fn is_ready(&self, step: u32) -> bool {
        let before = self.problem.own_order.before(step);
        before.is_none_or(|before| {
            let is_passed = self.problem.steps[before as usize].returns < self.window;
            is_passed || self.is_linearized(before)
        })
    }

    fn in_time(&self, step: u32) -> Option<u32> {
        (step != END && step < self.called()).then_some(step)
    }

    /// Whether the operation, which is open in this window, is linearized.
    pub(super) fn is_linearized(&self, step: u32) -> bool {
        let slot = self.problem.steps[step as usize].slot;
        self.mask[slot as usize / 64] & (1 << (slot % 64)) != 0
    }

    /// Linearizes an open operation, which leaves this state.
    pub(super) fn linearize(&mut self, step: u32, to: StateId) {
        self.take(step);
        self.state = to;
        if self.problem.steps[step as usize].overwrites() {
            self.covered = self.called();
        }
        self.trail.push(Made::Linearized(step));
    }

    /// Lets a covered operation happen unseen, just before the last write.
    pub(super) fn hide(&mut self, step: u32) {
        self.take(step);
        self.trail.push(Made::Hidden(step));
    }

    /// Goes to the next window, now that the due operation is linearized.
    pub(super) fn pass(&mut self, due: u32) {
        self.flip(due);
        self.window += 1;
        self.trail.push(Made::Passed);
    }

    /// Takes back every move after the first `length`. The state, and what is
    /// covered, are the caller's to put back.
    pub(super) fn undo(&mut self, length: usize) {
        while self.trail.len() > length {
            match self.trail.pop() {
                Some(Made::Linearized(step) | Made::Hidden(step)) => self.put_back(step),
                Some(Made::Passed) => {
                    self.window -= 1;
                    let due = self.problem.returns[self.window as usize];
                    self.flip(due);
                }
                None => return,
            }
        }
    }

    fn flip(&mut self, step: u32) {
        let slot = self.problem.steps[step as usize].slot;
        self.mask[slot as usize / 64] ^= 1 << (slot % 64);
    }

    fn take(&mut self, step: u32) {
        let place = step as usize;
        let (previous, next) = (self.previous[place], self.next[place]);
        self.next[previous as usize] = next;
        if next != END {
            self.previous[next as usize] = previous;
        }
        self.flip(step);
        self.left.count(&self.problem.steps[place], -1);
    }

    fn put_back(&mut self, step: u32) {
        let place = step as usize;
        let (previous, next) = (self.previous[place], self.next[place]);
        self.next[previous as usize] = step;
        if next != END {
            self.previous[next as usize] = step;
        }
        self.flip(step);
        self.left.count(&self.problem.steps[place], 1);
    }

    /// Whether a required operation that is still to come needs this state.
    pub(super) fn is_needed(&self, state: StateId) -> bool {
        is_counted(&self.left.required, state)
    }

    /// Whether any operation that is still to come could tell that this state was there.
    pub(super) fn is_wanted(&self, state: StateId) -> bool {
        self.left.sensitive > 0 || is_counted(&self.left.needers, state)
    }

    /// Whether every operation that is still to come is legal in all states or in one alone.
    pub(super) fn is_easy(&self) -> bool {
        self.left.picky == 0
    }

    /// Whether an operation that is still to come leaves this very state.
    pub(super) fn is_made(&self, state: StateId) -> bool {
        is_counted(&self.left.makers, state)
    }

    /// Whether operations are left whose effect depends on the state they find.
    pub(super) fn has_transformers(&self) -> bool {
        self.left.transformers > 0
    }

    /// Whether operations are left that leave a fixed state.
    pub(super) fn has_fixers(&self) -> bool {
        self.left.fixers > 0
    }

    /// How much memory this takes.
    pub(super) fn bytes(&self) -> usize {
        (self.next.capacity() + self.previous.capacity()) * size_of::<u32>()
            + self.trail.capacity() * size_of::<Made>()
    }
}

/// Whether there is one for this state; states that no claim names have none.
fn is_counted(counts: &[u32], state: StateId) -> bool {
    counts.get(state.place()).is_some_and(|count| *count > 0)
}
