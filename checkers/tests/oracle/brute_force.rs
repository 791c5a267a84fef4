//! A judge too simple to be wrong, and too slow for anything else.

use std::collections::BTreeMap;

use snowglobe_checkers::history::{History, Operation, OperationIndex};
use snowglobe_checkers::linearizability::Specification;

type Call<S> = Operation<<S as Specification>::Input, <S as Specification>::Output>;

/// Tries every order of the operations, key by key together.
pub(crate) fn is_linearizable<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
) -> bool {
    let all: Vec<_> = history.operations().iter().collect();
    go_on(specification, &BTreeMap::new(), &all)
}

fn go_on<S: Specification>(
    specification: &S,
    states: &BTreeMap<S::Key, S::State>,
    rest: &[&Call<S>],
) -> bool {
    if rest.iter().all(|operation| operation.returned.is_none()) {
        return true;
    }
    let first_return = rest
        .iter()
        .filter_map(|operation| operation.returned_at())
        .min();
    (0..rest.len()).any(|place| {
        let operation = rest[place];
        if first_return.is_some_and(|at| operation.called > at) {
            return false;
        }
        let mut others = rest.to_vec();
        others.remove(place);
        let key = specification.key(&operation.input);
        let state = states
            .get(&key)
            .cloned()
            .unwrap_or_else(|| specification.initial());
        specification
            .step(&state, &operation.input, operation.output())
            .into_iter()
            .any(|next| {
                let mut states = states.clone();
                states.insert(key.clone(), next);
                go_on(specification, &states, &others)
            })
    })
}

/// Replays a certificate: every answered operation once, no operation twice,
/// nothing before what had returned when it was called, and every answer right.
pub(crate) fn confirm<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    order: &[OperationIndex],
) -> Result<(), String> {
    let mut seen = vec![false; history.len()];
    let mut latest_call = None;
    // Of each key, the states that it may be in: more than one if an operation may leave several.
    let mut states = BTreeMap::<S::Key, Vec<S::State>>::new();
    for index in order {
        let operation = history.operation(*index);
        if std::mem::replace(&mut seen[index.place()], true) {
            return Err(format!("{index:?} comes twice"));
        }
        latest_call = latest_call.max(Some(operation.called));
        if operation
            .returned_at()
            .is_some_and(|at| Some(at) < latest_call)
        {
            return Err(format!("{index:?} had returned before"));
        }
        let state = states
            .entry(specification.key(&operation.input))
            .or_insert_with(|| vec![specification.initial()]);
        *state = state
            .iter()
            .flat_map(|state| specification.step(state, &operation.input, operation.output()))
            .collect();
        if state.is_empty() {
            return Err(format!("{index:?} cannot give its answer"));
        }
    }
    let missing = history
        .operations()
        .iter()
        .zip(seen)
        .any(|(operation, seen)| operation.returned.is_some() && !seen);
    if missing {
        return Err("an answered operation is missing".to_owned());
    }
    Ok(())
}
