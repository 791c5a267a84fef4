//! One partition, made ready for the search: operations as small records,
//! states as numbers, time as windows.
//!
//! Only the order of calls and returns matters, so time is cut into *windows*:
//! window `k` ends with the `k`-th return. An operation is *open* in a window
//! if it was called before the window's return and has not returned before it.
//! Whatever was linearized when the search stands in window `k` is everything
//! that returned earlier, and some of the operations open in `k`: a window and
//! a set of open operations name it exactly.

use super::classes;
use super::cuts::Cuts;
use super::machine::{Numbering, StateId};
use super::own_order::OwnOrder;
use super::slots::Slots;
use super::specification::{Claims, Leaves, Legal, Specification};
use crate::history::{History, Moment, OperationIndex};

/// The return window of an operation that never returned.
pub(super) const NEVER: u32 = u32::MAX;

/// In which states an operation may give its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum LegalIn {
    Everywhere,
    OnlyIn(StateId),
    ExceptIn(StateId),
    Depends,
}

/// Which state an operation leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum LeavesAt {
    Same,
    Fixed(StateId),
    Swaps(StateId, StateId),
    Depends,
}

/// What the search knows of an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The window in which it returns, or [`NEVER`].
    pub returns: u32,
    /// Its bit in the mask of open operations that were linearized.
    pub slot: u32,
    /// Operations of one class do the same in every state.
    pub class: u32,
    pub legal: LegalIn,
    pub leaves: LeavesAt,
}

impl Step {
    pub(super) const fn is_pending(&self) -> bool {
        self.returns == NEVER
    }

    /// Changes no state.
    pub(super) const fn observes(&self) -> bool {
        matches!(self.leaves, LeavesAt::Same)
    }

    /// May happen in every state: nothing can be learnt from its answer.
    pub(super) const fn is_total(&self) -> bool {
        matches!(self.legal, LegalIn::Everywhere)
    }

    /// May happen in every state and leaves the same one whatever was before.
    pub(super) const fn overwrites(&self) -> bool {
        matches!(
            (self.legal, self.leaves),
            (LegalIn::Everywhere, LeavesAt::Fixed(_))
        )
    }

    /// The one state in which it is legal.
    pub(super) const fn needs(&self) -> Option<StateId> {
        match self.legal {
            LegalIn::OnlyIn(state) => Some(state),
            _ => None,
        }
    }

    /// The state that it makes, or may make.
    pub(super) const fn makes(&self) -> Option<StateId> {
        match self.leaves {
            LeavesAt::Fixed(state) | LeavesAt::Swaps(_, state) => Some(state),
            LeavesAt::Same | LeavesAt::Depends => None,
        }
    }
}

/// One partition.
#[derive(Debug)]
pub(super) struct Problem {
    /// By the moment of the call. Pending observers are left out.
    pub steps: Vec<Step>,
    /// Where each step stands in the history.
    pub sources: Vec<OperationIndex>,
    /// For each window, the step whose return ends it.
    pub returns: Vec<u32>,
    /// For each window, the moment at which it ends.
    pub ends: Vec<Moment>,
    /// For each window, how many steps were called before its end.
    pub called: Vec<u32>,
    /// For each class, one of its members: its place among all operations of the partition.
    pub classes: Vec<u32>,
    /// How the bits of the mask are dealt out.
    pub slots: Slots,
    /// What a client's own order says beyond the windows.
    pub own_order: OwnOrder,
    /// The state before any operation.
    pub initial: StateId,
    /// How many states the claims name; their numbers come first.
    pub named_states: u32,
}

impl Problem {
    /// How many steps were called before the end of this window; all of them
    /// when every return is past.
    pub(super) fn called_by(&self, window: u32) -> u32 {
        self.called
            .get(window as usize)
            .copied()
            .unwrap_or(self.steps.len() as u32)
    }
}

/// An operation of a partition, as it is or weakened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub index: OperationIndex,
    /// It counts as pending, whatever was answered: it may have happened, at
    /// any time after its call, or not at all.
    pub weakened: bool,
}

impl Member {
    /// All as they are.
    pub(super) fn all(indices: &[OperationIndex]) -> Vec<Self> {
        let whole = |index: &OperationIndex| Self {
            index: *index,
            weakened: false,
        };
        indices.iter().map(whole).collect()
    }

    /// When it returned, and what was answered, if that counts.
    pub(super) fn returned<'a, I, O>(&self, history: &'a History<I, O>) -> Option<&'a (Moment, O)> {
        let returned = history.operation(self.index).returned.as_ref();
        returned.filter(|_| !self.weakened)
    }

    /// The answer, if it counts.
    pub(super) fn output<'a, I, O>(&self, history: &'a History<I, O>) -> Option<&'a O> {
        self.returned(history).map(|(_, output)| output)
    }
}

/// Puts the operations of one partition into numbers.
pub(super) fn compile<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    members: &[Member],
    machine: &mut dyn Numbering<S::State>,
    cuts: &Cuts,
) -> Problem {
    let initial = machine.number(&specification.initial());
    let mut steps = Vec::with_capacity(members.len());
    // Each step's place among the members.
    let mut places = Vec::with_capacity(members.len());
    for (place, member) in members.iter().enumerate() {
        let operation = history.operation(member.index);
        let output = member.output(history);
        let claims = specification.claims(&operation.input, output);
        // A pending observer changes nothing whether it happened or not.
        if output.is_none() && claims.leaves == Leaves::Same {
            continue;
        }
        let (legal, leaves) = numbered(claims, output.is_none(), machine);
        places.push(place as u32);
        steps.push(Step {
            returns: NEVER,
            slot: 0,
            class: 0,
            legal,
            leaves,
        });
    }
    let named_states = highest_state(&steps, initial) + 1;
    if cuts.unobserved {
        let pending = |place: u32| members[place as usize].returned(history).is_none();
        drop_unobserved(&mut steps, &mut places, pending);
    }
    let classes = classes::assign::<S>(history, members, &mut steps, &places);
    let chosen = || places.iter().map(|place| &members[*place as usize]);
    let sources: Vec<_> = chosen().map(|member| member.index).collect();
    let moments: Vec<_> = chosen()
        .map(|member| {
            let called = history.operation(member.index).called;
            (called, member.returned(history).map(|(at, _)| *at))
        })
        .collect();
    let (ends, called) = windows(&mut steps, &moments);
    let (ends, returns): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
    let clients: Vec<_> = chosen()
        .map(|member| history.operation(member.index).client)
        .collect();
    let own_order = OwnOrder::of(&clients, &moments);
    let slots = Slots::deal(&mut steps, &returns, &called, cuts, &own_order);
    Problem {
        own_order,
        steps,
        sources,
        returns,
        ends,
        called,
        classes,
        slots,
        initial,
        named_states,
    }
}

/// Claims with numbers for states. A pending operation that would leave things
/// as they are need not happen, so one that swaps counts only where it does.
fn numbered<State>(
    claims: Claims<State>,
    pending: bool,
    machine: &mut dyn Numbering<State>,
) -> (LegalIn, LeavesAt) {
    let legal = match claims.legal {
        Legal::Everywhere => LegalIn::Everywhere,
        Legal::OnlyIn(state) => LegalIn::OnlyIn(machine.number(&state)),
        Legal::ExceptIn(state) => LegalIn::ExceptIn(machine.number(&state)),
        Legal::Depends => LegalIn::Depends,
    };
    let leaves = match claims.leaves {
        Leaves::Same => LeavesAt::Same,
        Leaves::Fixed(state) => LeavesAt::Fixed(machine.number(&state)),
        Leaves::Swaps(from, to) => LeavesAt::Swaps(machine.number(&from), machine.number(&to)),
        Leaves::Depends => LeavesAt::Depends,
    };
    match (legal, leaves) {
        (LegalIn::Everywhere, LeavesAt::Swaps(from, to)) if pending => {
            (LegalIn::OnlyIn(from), LeavesAt::Fixed(to))
        }
        other => other,
    }
}

fn highest_state(steps: &[Step], initial: StateId) -> u32 {
    let named = |step: &Step| {
        let legal = match step.legal {
            LegalIn::OnlyIn(state) | LegalIn::ExceptIn(state) => state.0,
            LegalIn::Everywhere | LegalIn::Depends => 0,
        };
        let leaves = match step.leaves {
            LeavesAt::Fixed(state) => state.0,
            LeavesAt::Swaps(from, to) => from.0.max(to.0),
            LeavesAt::Same | LeavesAt::Depends => 0,
        };
        legal.max(leaves)
    };
    steps.iter().map(named).max().unwrap_or(0).max(initial.0)
}

/// Leaves out pending writes whose state no operation needs.
///
/// Sound if every operation is one that overwrites, or claims the one state in
/// which it is legal: then, if such a write happened, the next operation is
/// another that overwrites (nothing else is legal in a state nobody needs), and
/// without it everything else is as it was. An operation that is legal in all
/// states but one could tell the difference, and so could an append, whose
/// result is unlike what it would be without: where there is any, nothing is
/// left out.
fn drop_unobserved(steps: &mut Vec<Step>, places: &mut Vec<u32>, is_pending: impl Fn(u32) -> bool) {
    let plain = |step: &Step| step.overwrites() || step.needs().is_some();
    if !steps.iter().all(plain) {
        return;
    }
    let mut needed: Vec<StateId> = steps.iter().filter_map(Step::needs).collect();
    needed.sort_unstable();
    needed.dedup();
    let keep: Vec<bool> = steps
        .iter()
        .zip(places.iter())
        .map(|(step, place)| {
            let seen = |state: StateId| needed.binary_search(&state).is_ok();
            !is_pending(*place) || step.makes().is_none_or(seen)
        })
        .collect();
    let mut kept = keep.iter();
    steps.retain(|_| kept.next() == Some(&true));
    let mut kept = keep.iter();
    places.retain(|_| kept.next() == Some(&true));
}

/// Cuts time into windows: who returns at the end of each, and how many were
/// called by then. Calls come before returns of the same moment.
fn windows(
    steps: &mut [Step],
    moments: &[(Moment, Option<Moment>)],
) -> (Vec<(Moment, u32)>, Vec<u32>) {
    let mut ends: Vec<(Moment, u32)> = moments
        .iter()
        .enumerate()
        .filter_map(|(step, (_, returned))| returned.map(|at| (at, step as u32)))
        .collect();
    ends.sort_unstable();
    let mut called = Vec::with_capacity(ends.len());
    let mut calls = 0;
    for (window, (at, step)) in ends.iter().enumerate() {
        while moments.get(calls).is_some_and(|(call, _)| call <= at) {
            calls += 1;
        }
        called.push(calls as u32);
        steps[*step as usize].returns = window as u32;
    }
    (ends, called)
}
