//! The longest prefix that can be explained, and what is stuck after it.

use super::{Blocked, Told, Trial};
use crate::history::{Moment, OperationIndex};
use crate::linearizability::cuts::Cuts;
use crate::linearizability::problem::{Member, compile};
use crate::linearizability::search::{Preference, search};
use crate::linearizability::specification::Specification;

/// How many configurations are looked at to find what is stuck.
const NODES: u64 = 100_000;

/// The shortest prefix that is illegal.
pub(super) struct Prefix {
    /// The operation whose return ends it.
    pub(super) broken: OperationIndex,
    /// How many operations had returned before.
    pub(super) explained: usize,
    /// The operations called by then. Whose answers came later are weakened.
    pub(super) members: Vec<Member>,
}

/// The members in the order of their returns.
fn by_return<S: Specification>(
    trial: &Trial<'_, S>,
    members: &[OperationIndex],
) -> Vec<(Moment, OperationIndex)> {
    let mut returns: Vec<_> = members
        .iter()
        .filter_map(|index| Some((trial.history.operation(*index).returned_at()?, *index)))
        .collect();
    returns.sort_unstable();
    returns
}

/// What was known when the answers up to this one had come.
fn known_at<S: Specification>(
    trial: &Trial<'_, S>,
    members: &[OperationIndex],
    last: (Moment, OperationIndex),
) -> Vec<Member> {
    members
        .iter()
        .filter(|index| trial.history.operation(**index).called <= last.0)
        .map(|index| {
            let returned = trial.history.operation(*index).returned_at();
            Member {
                index: *index,
                weakened: returned.is_none_or(|at| (at, *index) > last),
            }
        })
        .collect()
}

/// Finds the shortest illegal prefix by halving: what is illegal stays illegal,
/// whatever comes after. `None` when the budget ends, or there is no such prefix.
pub(super) fn shortest_illegal<S: Specification>(
    trial: &Trial<'_, S>,
    members: &[OperationIndex],
) -> Option<Prefix> {
    let returns = by_return(trial, members);
    // Up to `low` answers can be explained; with `high` of them it cannot.
    let (mut low, mut high) = (0, returns.len());
    if high == 0 || !trial.is_illegal(&Member::all(members))? {
        return None;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if trial.is_illegal(&known_at(trial, members, returns[middle - 1]))? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(Prefix {
        broken: returns[high - 1].1,
        explained: high - 1,
        members: known_at(trial, members, returns[high - 1]),
    })
}

/// The operations that were open at the end of the prefix and that none of the states
/// it may end in allows, with those states. The broken one comes first.
pub(super) fn blocked<S: Specification>(
    trial: &Trial<'_, S>,
    members: &[OperationIndex],
    prefix: &Prefix,
) -> Vec<Blocked> {
    let states = last_states(trial, prefix);
    let end = trial.history.operation(prefix.broken).returned_at();
    let is_open = |index: &OperationIndex| {
        let operation = trial.history.operation(*index);
        Some(operation.called) <= end && operation.returned_at() > end
    };
    let others = members.iter().copied().filter(is_open);
    std::iter::once(prefix.broken)
        .chain(others)
        .filter_map(|index| {
            let operation = trial.history.operation(index);
            let forbids = |state: &Option<S::State>| {
                state.as_ref().is_some_and(|state| {
                    let step =
                        trial
                            .specification
                            .step(state, &operation.input, operation.output());
                    step.into_iter().next().is_none()
                })
            };
            let broken = index == prefix.broken;
            (broken || (!states.is_empty() && states.iter().all(forbids))).then(|| Blocked {
                operation: Told::of(trial.specification, trial.history, index),
                states: describe(
                    trial,
                    states
                        .iter()
                        .filter(|state| state.is_none() || forbids(state)),
                ),
            })
        })
        .collect()
}

fn describe<'a, S: Specification>(
    trial: &Trial<'_, S>,
    states: impl Iterator<Item = &'a Option<S::State>>,
) -> Vec<String>
where
    S::State: 'a,
{
    let mut words: Vec<String> = states
        .map(|state| match state {
            Some(state) => trial.specification.describe_state(state),
            None => "something that nobody ever saw".to_owned(),
        })
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// States in which a search stands before the broken return. It takes no cut
/// that looks ahead, or it would turn back sooner.
fn last_states<S: Specification>(trial: &Trial<'_, S>, prefix: &Prefix) -> Vec<Option<S::State>> {
    let cuts = Cuts {
        observers: true,
        twins: true,
        pending: true,
        ..Cuts::NONE
    };
    let mut machine = trial.machine(&prefix.members);
    let problem = compile(
        trial.specification,
        trial.history,
        &prefix.members,
        &mut *machine,
        &cuts,
    );
    let mut budget = trial.budget;
    budget.nodes = budget.nodes.min(NODES);
    let outcome = search(&problem, &mut *machine, cuts, Preference::Hints, &budget);
    if outcome.reached as usize + 1 != problem.returns.len() {
        return Vec::new();
    }
    let stuck = outcome.stuck.iter();
    let mut states: Vec<_> = stuck.map(|state| machine.state(*state)).collect();
    if states.iter().all(Option::is_none) {
        states.extend(one_last_state(trial, prefix).map(Some));
        states.retain(Option::is_some);
    }
    states
}

/// A state that the prefix may end in: that of an order of what came before.
fn one_last_state<S: Specification>(trial: &Trial<'_, S>, prefix: &Prefix) -> Option<S::State> {
    let mut members = prefix.members.clone();
    let broken = members
        .iter_mut()
        .find(|member| member.index == prefix.broken)?;
    broken.weakened = true;
    let order = trial.order(&members)?;
    let weakened = |index: OperationIndex| {
        let member = members.iter().find(|member| member.index == index);
        member.is_some_and(|member| member.weakened)
    };
    let mut state = trial.specification.initial();
    for index in order {
        let operation = trial.history.operation(index);
        let output = operation.output().filter(|_| !weakened(index));
        let step = trial.specification.step(&state, &operation.input, output);
        state = step.into_iter().next()?;
    }
    Some(state)
}
