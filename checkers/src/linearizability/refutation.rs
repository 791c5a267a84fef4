//! Answers that nothing can have given, found without a search.
//!
//! Where every effect is known in advance (no operation's effect depends on
//! the state it finds), an operation that is legal in one state alone needs an
//! operation that leaves that state, was called before it returned, and was not
//! overwritten for certain before it was called. This is necessary, not enough:
//! a partition that passes may still be illegal.

use super::machine::StateId;
use super::problem::{LeavesAt, NEVER, Problem, Step};

/// Why an answer cannot have been given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Impossible {
    /// No operation leaves the state that it needs.
    NeverMade,
    /// All that leave it were called after the answer.
    MadeLater,
    /// All that leave it had returned before another step was called that
    /// returned before the answer was asked for.
    Overwritten {
        /// That other step.
        by: u32,
        /// Of all that leave it, the one that was called last; none if it was the initial state.
        last: Option<u32>,
    },
}

/// The steps, in the order of returns, whose answers are impossible.
pub(super) fn all(problem: &Problem) -> impl Iterator<Item = (u32, Impossible)> + '_ {
    let unknown = |step: &Step| step.leaves == LeavesAt::Depends;
    let known = !problem.steps.iter().any(unknown);
    known.then(|| all_of_known(problem)).into_iter().flatten()
}

fn all_of_known(problem: &Problem) -> impl Iterator<Item = (u32, Impossible)> + '_ {
    let makers = makers(problem);
    let mut overwriters = Overwriters::default();
    let mut overwritten = Vec::with_capacity(problem.returns.len());
    // For each window, who had certainly overwritten what before it.
    for step in &problem.returns {
        overwritten.push(overwriters);
        overwriters.add(*step, &problem.steps[*step as usize]);
    }
    overwritten.push(overwriters);
    let calls = call_windows(problem);
    problem.returns.iter().filter_map(move |place| {
        let step = &problem.steps[*place as usize];
        let needed = step.needs()?;
        let why = impossible(problem, &makers, &overwritten, &calls, *place, needed)?;
        Some((*place, why))
    })
}

/// Why the step at this place cannot find the state that it needs.
fn impossible(
    problem: &Problem,
    makers: &[Vec<Maker>],
    overwritten: &[Overwriters],
    calls: &[u32],
    place: u32,
    needed: StateId,
) -> Option<Impossible> {
    let made = &makers[needed.place()];
    let before = problem.called_by(problem.steps[place as usize].returns);
    let in_time = made.partition_point(|maker| maker.step < before);
    let initial = needed == problem.initial;
    // A step that makes what it needs itself is no help to itself.
    let helpless = made[..in_time].iter().all(|maker| maker.step == place);
    if helpless && !initial {
        return Some(if made.iter().all(|maker| maker.step == place) {
            Impossible::NeverMade
        } else {
            Impossible::MadeLater
        });
    }
    let latest = made[..in_time].last().map(|maker| maker.latest_return);
    if latest == Some(NEVER) {
        return None;
    }
    let over = overwritten[calls[place as usize] as usize].other_than(needed)?;
    // The initial state was there before all windows.
    let lost = latest.is_none_or(|latest| calls[over as usize] > latest);
    let last = made[..in_time].last().map(|maker| maker.step);
    lost.then_some(Impossible::Overwritten { by: over, last })
}

/// One that leaves a state, with the latest return of those up to it.
struct Maker {
    step: u32,
    latest_return: u32,
}

/// For each named state, who leaves it, in the order of calls.
fn makers(problem: &Problem) -> Vec<Vec<Maker>> {
    let mut makers: Vec<Vec<Maker>> = Vec::new();
    makers.resize_with(problem.named_states as usize, Vec::new);
    for (place, step) in problem.steps.iter().enumerate() {
        if let Some(state) = step.makes() {
            let made = &mut makers[state.place()];
            let before = made.last().map_or(0, |maker| maker.latest_return);
            made.push(Maker {
                step: place as u32,
                latest_return: before.max(step.returns),
            });
        }
    }
    makers
}

/// For each step, the window in which it is called.
fn call_windows(problem: &Problem) -> Vec<u32> {
    let mut windows = Vec::with_capacity(problem.steps.len());
    for (window, called) in problem.called.iter().enumerate() {
        windows.resize(*called as usize, window as u32);
    }
    windows.resize(problem.steps.len(), problem.called.len() as u32);
    windows
}

/// Of the steps that returned before some window, the two of different effect
/// that were called last.
#[derive(Clone, Copy, Debug, Default)]
struct Overwriters {
    last: Option<(u32, StateId)>,
    /// The last that leaves another state than `last`.
    other: Option<(u32, StateId)>,
}

impl Overwriters {
    fn add(&mut self, place: u32, step: &Step) {
        let LeavesAt::Fixed(state) = step.leaves else {
            return;
        };
        let new = Some((place, state));
        match self.last {
            Some((last, known)) if known == state => {
                if place > last {
                    self.last = new;
                }
            }
            Some((last, _)) if place > last => {
                self.other = self.last;
                self.last = new;
            }
            None => self.last = new,
            Some(_) => {
                if self.other.is_none_or(|(other, _)| place > other) {
                    self.other = new;
                }
            }
        }
    }

    /// The one that was called last and leaves another state than this.
    fn other_than(&self, state: StateId) -> Option<u32> {
        [self.last, self.other]
            .into_iter()
            .flatten()
            .find(|(_, left)| *left != state)
            .map(|(place, _)| place)
    }
}
