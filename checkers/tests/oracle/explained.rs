//! What an explanation says, held against the judge that tries all orders.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use snowglobe_checkers::history::{History, Moment, Operation, OperationIndex};
use snowglobe_checkers::linearizability::{Explanation, Leaves, Options, Specification, explain};

use crate::brute_force::{is_linearizable_for, waits};
use crate::objects::{Input, Object, Output};
use crate::show;

type Key<O> = <<O as Object>::Specification as Specification>::Key;

/// The prefix is the longest that is legal, and the core is illegal and minimal.
pub(crate) fn check<O: Object>(
    object: &O,
    history: &History<Input<O>, Output<O>>,
    key: &Key<O>,
    options: &Options<'_>,
) -> Result<(), TestCaseError> {
    let specification = object.specification();
    let explanation = explain(specification, history, key, options)
        .ok_or_else(|| TestCaseError::fail("an illegal history has an explanation"))?;
    let words = explanation.words();
    let of_key: Vec<OperationIndex> = (0..history.len() as u32)
        .map(OperationIndex)
        .filter(|index| specification.key(&history.operation(*index).input) == *key)
        .collect();
    let prefix = |last: Option<(Moment, OperationIndex)>| {
        part(history, &of_key, |index| {
            let returned = history.operation(index).returned_at();
            returned.is_none_or(|at| Some((at, index)) > last)
        })
    };
    let mut returns: Vec<_> = of_key
        .iter()
        .filter_map(|index| Some((history.operation(*index).returned_at()?, *index)))
        .collect();
    returns.sort_unstable();
    let broken = returns
        .iter()
        .position(|(_, index)| *index == explanation.broken.index);
    prop_assert_eq!(broken, Some(explanation.explained));
    let before = explanation
        .explained
        .checked_sub(1)
        .map(|last| returns[last]);
    let is_legal = |(history, waits): &(History<_, _>, Vec<_>)| {
        is_linearizable_for(specification, history, waits)
    };
    let legal = is_legal(&prefix(before));
    prop_assert!(legal, "before the break: {words}{}", show(object, history));
    let last = returns[explanation.explained];
    prop_assert!(
        !is_legal(&prefix(Some(last))),
        "with the break: {words}{}",
        show(object, history)
    );
    core(object, history, &of_key, &explanation, last)
}

fn core<O: Object>(
    object: &O,
    history: &History<Input<O>, Output<O>>,
    of_key: &[OperationIndex],
    explanation: &Explanation,
    end: (Moment, OperationIndex),
) -> Result<(), TestCaseError> {
    let specification = object.specification();
    let known: Vec<OperationIndex> = of_key
        .iter()
        .copied()
        .filter(|index| history.operation(*index).called <= end.0)
        .collect();
    let core: Vec<OperationIndex> = explanation.core.iter().map(|told| told.index).collect();
    let illegal = |core: &[OperationIndex]| {
        let observes = |index: &OperationIndex| {
            let operation = history.operation(*index);
            // An answer that came later is not known yet.
            let known = operation
                .returned
                .as_ref()
                .filter(|(at, _)| (*at, *index) <= end);
            let output = known.map(|(_, output)| output);
            let claims = specification.claims(&operation.input, output);
            claims.leaves == Leaves::Same
        };
        let kept: Vec<OperationIndex> = known
            .iter()
            .copied()
            .filter(|index| core.contains(index) || !observes(index))
            .collect();
        let (part, waits) = part(history, &kept, |index| !core.contains(&index));
        !is_linearizable_for(specification, &part, &waits)
    };
    let story = || format!("{}{}", explanation.words(), show(object, history));
    prop_assert!(illegal(&core), "the core is not illegal: {}", story());
    prop_assert!(explanation.minimal, "so few can be tried: {}", story());
    for place in 0..core.len() {
        let mut less = core.clone();
        less.remove(place);
        prop_assert!(!illegal(&less), "{place} is not needed: {}", story());
    }
    Ok(())
}

/// These operations, some of them without their answers; and what each waits for.
fn part<I: Clone, O: Clone>(
    history: &History<I, O>,
    indices: &[OperationIndex],
    weakened: impl Fn(OperationIndex) -> bool,
) -> (History<I, O>, Vec<Option<usize>>) {
    let operations = indices
        .iter()
        .map(|index| Operation {
            // One without an answer may have others of its client after it.
            client: snowglobe_checkers::history::ClientId(index.0),
            returned: history
                .operation(*index)
                .returned
                .clone()
                .filter(|_| !weakened(*index)),
            ..history.operation(*index).clone()
        })
        .collect();
    let part = History::new(operations).expect("every operation has a client of its own");
    let client = |index: &OperationIndex| history.operation(*index).client;
    let waits = waits(&part, &indices.iter().map(client).collect::<Vec<_>>());
    (part, waits)
}
