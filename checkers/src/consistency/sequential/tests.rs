//! The search against one that tries every order, and orders against a replay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::*;
use crate::consistency::drawn::{self, operations};
use crate::history::ClientId;
use crate::linearizability::specifications::{
    CasInput, CasOutput, CasRegister, KeyValue, Keyed, KeyedInput, TextInput, TextOutput,
};

/// Whether this order is one that a sequentially consistent history may have.
fn replays<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    order: &[OperationIndex],
) -> bool {
    let mut left: BTreeMap<ClientId, Vec<OperationIndex>> = BTreeMap::new();
    for place in (0..history.len() as u32).rev() {
        let index = OperationIndex(place);
        let client = history.operation(index).client;
        left.entry(client).or_default().push(index);
    }
    // These specifications leave at most one state.
    let mut states: BTreeMap<S::Key, S::State> = BTreeMap::new();
    for index in order {
        let operation = history.operation(*index);
        let line = left.get_mut(&operation.client).expect("a client");
        // A pending observer may be left out; it is the last of its client.
        if line.pop() != Some(*index) {
            return false;
        }
        let state = states
            .entry(specification.key(&operation.input))
            .or_insert_with(|| specification.initial());
        let next = specification.step(state, &operation.input, operation.output());
        let Some(next) = next.into_iter().next() else {
            return false;
        };
        *state = next;
    }
    left.values()
        .flatten()
        .all(|index| history.operation(*index).output().is_none())
}

/// Every order of every choice of pending operations, one after the other.
fn any_order<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    order: &mut Vec<OperationIndex>,
) -> bool {
    if replays(specification, history, order) {
        return true;
    }
    for place in 0..history.len() as u32 {
        let index = OperationIndex(place);
        if order.contains(&index) {
            continue;
        }
        order.push(index);
        if any_order(specification, history, order) {
            return true;
        }
        order.pop();
    }
    false
}

fn word() -> impl Strategy<Value = Arc<str>> {
    prop::sample::select(vec!["", "a", "b"]).prop_map(Arc::from)
}

fn text() -> impl Strategy<Value = (TextInput, TextOutput)> {
    let longer = prop::sample::select(vec!["", "a", "b", "ab", "ba"]).prop_map(Arc::<str>::from);
    prop_oneof![
        4 => longer.prop_map(|seen| (TextInput::Get, TextOutput::Value(seen))),
        3 => word().prop_map(|text| (TextInput::Put(text), TextOutput::Done)),
        2 => word().prop_map(|more| (TextInput::Append(more), TextOutput::Done)),
        1 => Just((TextInput::Delete, TextOutput::Done)),
        2 => (word(), word(), any::<bool>()).prop_map(|(from, to, swapped)| {
            let output = if swapped { TextOutput::Swapped } else { TextOutput::Kept };
            (TextInput::Cas { from, to }, output)
        }),
    ]
}

fn register() -> impl Strategy<Value = (CasInput<u8>, CasOutput<u8>)> {
    prop_oneof![
        3 => (0u8..3).prop_map(|seen| (CasInput::Read, CasOutput::Value(seen))),
        3 => (0u8..3).prop_map(|value| (CasInput::Write(value), CasOutput::Written)),
        2 => (0u8..3, 0u8..3, any::<bool>()).prop_map(|(from, to, swapped)| {
            let output = if swapped { CasOutput::Swapped } else { CasOutput::Kept };
            (CasInput::Cas { from, to }, output)
        }),
    ]
}

fn same_as_every_order<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
) -> Result<(), TestCaseError> {
    let expected = any_order(specification, history, &mut Vec::new());
    match check(specification, history, &Budget::DEFAULT) {
        SequentialVerdict::Consistent { order } => {
            prop_assert!(expected && replays(specification, history, &order));
        }
        SequentialVerdict::Inconsistent { .. } => prop_assert!(!expected),
        SequentialVerdict::Unknown { .. } => prop_assert!(false, "there was no budget to end"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 30_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn texts_are_judged_as_by_trying_every_order(drawn in operations(text())) {
        let history = drawn::history(drawn, |key| Arc::<str>::from(["x", "y"][usize::from(key)]));
        same_as_every_order(&KeyValue::EMPTY, &history)?;
    }

    #[test]
    fn registers_are_judged_as_by_trying_every_order(drawn in operations(register())) {
        let registers = Keyed::<u8, _>::new(CasRegister { initial: 0u8 });
        same_as_every_order(&registers, &drawn::history(drawn, |key| key))?;
    }
}

/// Clients that each put two values of their own, and a reader who saw none of
/// what was put: no order, but many to try.
fn hopeless() -> History<KeyedInput<Arc<str>, TextInput>, TextOutput> {
    let done = |client, value: String| {
        let put = TextInput::Put(value.into());
        (client, 0, put, TextOutput::Done, true)
    };
    let mut drawn: Vec<_> = (0..12)
        .map(|number| done(number % 6, format!("v{number}")))
        .collect();
    let never = TextOutput::Value("never".into());
    drawn.push((6, 0, TextInput::Get, never, true));
    drawn::history(drawn, |_| "x".into())
}

#[test]
fn a_budget_ends_a_search_and_says_which() {
    let history = hopeless();
    let told = |budget| check(&KeyValue::EMPTY, &history, &budget);
    let ended = |ended, nodes| SequentialVerdict::Unknown { ended, nodes };
    let free = Budget::DEFAULT;
    assert!(told(free).is_inconsistent());
    let few = told(Budget { nodes: 100, ..free });
    assert_eq!(few, ended(Ended::Nodes, 100));
    let small = told(Budget {
        bytes: 10_000,
        ..free
    });
    let SequentialVerdict::Unknown {
        ended: Ended::Memory,
        nodes,
    } = small
    else {
        panic!("{small:?}");
    };
    assert!(nodes > 10);
    let stop = AtomicBool::new(true);
    let stopped = told(Budget {
        stop: Some(&stop),
        ..free
    });
    assert_eq!(stopped, ended(Ended::Stopped, 0));
}
