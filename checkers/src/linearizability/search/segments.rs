//! Moments at which nothing is open.
//!
//! What comes before such a *cut* reaches what comes after it only through the
//! state. So once the search has failed from one state at a cut, it looks
//! what would follow from the other states that may stand there, before it tries
//! again what came before. If none of them leads further than the search has
//! come already, the history is illegal, and nothing before the cut needs to be tried.
//!
//! Sound wherever all effects are known in advance: then the state at the cut was
//! left by an operation after which no other can have been for certain, and
//! those are few.

use std::collections::BTreeSet;

use super::walk::Walk;
use crate::linearizability::machine::StateId;
use crate::linearizability::problem::{LeavesAt, Problem, Step};

/// A cut at which the walk has stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// How many moves led to it.
    pub(super) trail: usize,
    pub(super) state: StateId,
    pub(super) window: u32,
}

/// Which windows begin with nothing open, and which of them were looked at.
pub(super) struct Segments<'a> {
    problem: &'a Problem,
    /// Whether every effect is known in advance.
    known: bool,
    /// The cuts behind the walk, the last one last.
    passed: Vec<Cut>,
    /// The windows before which it was asked already.
    asked: BTreeSet<u32>,
    /// How many questions are being answered, one within another.
    depth: u32,
}

/// At more states than these, a cut is no help.
const MANY: usize = 8;

/// More questions are never asked within one another.
const DEEP: u32 = 16;

impl<'a> Segments<'a> {
    pub(super) fn new(problem: &'a Problem, wanted: bool) -> Self {
        let known = |step: &Step| {
            matches!(step.leaves, LeavesAt::Same | LeavesAt::Fixed(_)) && !step.is_pending()
        };
        Self {
            problem,
            known: wanted && problem.steps.iter().all(known),
            passed: Vec::new(),
            asked: BTreeSet::new(),
            depth: 0,
        }
    }

    /// The walk has come to a new window.
    pub(super) fn pass(&mut self, walk: &Walk<'_>) {
        let window = walk.window;
        // As many as were called have returned.
        if self.known && window > 0 && self.problem.called_by(window - 1) == window {
            self.passed.push(Cut {
                trail: walk.trail.len(),
                state: walk.state,
                window,
            });
        }
    }

    /// The last cut that the walk leaves when it goes back to so many moves.
    pub(super) fn leave(&mut self, trail: usize) -> Option<Cut> {
        self.passed.pop_if(|cut| cut.trail > trail)
    }

    /// Begins to ask what follows from the other states that may stand at a cut,
    /// and names them; `None` if it was asked before, or there are too many.
    pub(super) fn ask(&mut self, cut: Cut) -> Option<Vec<StateId>> {
        if self.depth >= DEEP {
            return None;
        }
        if !self.asked.insert(cut.window) {
            return None;
        }
        let mut states = self.possible(cut.window)?;
        states.retain(|state| *state != cut.state);
        self.depth += 1;
        Some(states)
    }

    /// Whether a question is being answered, so that where the walk stands proves nothing.
    pub(super) const fn is_asking(&self) -> bool {
        self.depth > 0
    }

    /// The question is answered.
    pub(super) fn answered(&mut self) {
        self.depth -= 1;
    }

    /// The states that may stand at the cut before this window: those left by operations
    /// that returned no earlier than the last one that leaves a state was called.
    fn possible(&self, window: u32) -> Option<Vec<StateId>> {
        let steps = &self.problem.steps;
        let Some(last) = (0..window)
            .rev()
            .find(|step| steps[*step as usize].makes().is_some())
        else {
            return Some(vec![self.problem.initial]);
        };
        let called = self
            .problem
            .called
            .partition_point(|called| *called <= last);
        let mut states = Vec::new();
        for step in &self.problem.returns[called..window as usize] {
            let Some(state) = steps[*step as usize].makes() else {
                continue;
            };
            if !states.contains(&state) {
                states.push(state);
            }
            if states.len() > MANY {
                return None;
            }
        }
        Some(states)
    }
}
