//! A judge too simple to be wrong, and too slow for anything else.

use std::collections::BTreeMap;

use snowglobe_checkers::history::{ClientId, History, Operation, OperationIndex};
use snowglobe_checkers::linearizability::Specification;

type Call<S> = Operation<<S as Specification>::Input, <S as Specification>::Output>;

/// Tries every order of the operations, key by key together.
pub(crate) fn is_linearizable<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
) -> bool {
    let clients: Vec<_> = (history.operations().iter())
        .map(|operation| (operation.client, specification.key(&operation.input)))
        .collect();
    is_linearizable_for(specification, history, &waits(history, &clients))
}

/// The same, for clients whose own order is given: for each operation, the one that it waits for.
pub(crate) fn is_linearizable_for<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    waits: &[Option<usize>],
) -> bool {
    let all: Vec<_> = (0..history.len()).collect();
    let judge = Judge {
        specification,
        operations: history.operations(),
        waits,
    };
    judge.go_on(&BTreeMap::new(), &all)
}

/// Which operation of the same client, under the same key, each one must wait for, since that
/// returned at the moment of its call: what moments do not say. (Each key is judged alone.)
pub(crate) fn waits<I, O, Client: PartialEq>(
    history: &History<I, O>,
    clients: &[Client],
) -> Vec<Option<usize>> {
    let operations = history.operations();
    (0..operations.len())
        .map(|place| {
            let before = (0..place).rev().find(|before| {
                clients[*before] == clients[place] && operations[*before].returned.is_some()
            })?;
            let at = operations[before].returned_at();
            (at == Some(operations[place].called)).then_some(before)
        })
        .collect()
}

struct Judge<'a, S: Specification> {
    specification: &'a S,
    operations: &'a [Call<S>],
    waits: &'a [Option<usize>],
}

impl<S: Specification> Judge<'_, S> {
    fn go_on(&self, states: &BTreeMap<S::Key, S::State>, rest: &[usize]) -> bool {
        let returned = |place: &usize| self.operations[*place].returned_at();
        let Some(first_return) = rest.iter().filter_map(returned).min() else {
            return true;
        };
        rest.iter().any(|place| {
            let operation = &self.operations[*place];
            let must_wait = self.waits[*place].is_some_and(|before| rest.contains(&before));
            if operation.called > first_return || must_wait {
                return false;
            }
            let others: Vec<_> = rest.iter().copied().filter(|it| it != place).collect();
            let key = self.specification.key(&operation.input);
            let state = states
                .get(&key)
                .cloned()
                .unwrap_or_else(|| self.specification.initial());
            self.specification
                .step(&state, &operation.input, operation.output())
                .into_iter()
                .any(|next| {
                    let mut states = states.clone();
                    states.insert(key.clone(), next);
                    self.go_on(&states, &others)
                })
        })
    }
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
    // Of each key, each client's last.
    let mut last = BTreeMap::<(S::Key, ClientId), OperationIndex>::new();
    // Of each key, the states that it may be in: more than one if an operation may leave several.
    let mut states = BTreeMap::<S::Key, Vec<S::State>>::new();
    for index in order {
        let operation = history.operation(*index);
        if std::mem::replace(&mut seen[index.place()], true) {
            return Err(format!("{index:?} comes twice"));
        }
        let own = (specification.key(&operation.input), operation.client);
        if last.insert(own, *index).is_some_and(|last| last > *index) {
            return Err(format!("{index:?} changed places with its client's next"));
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
