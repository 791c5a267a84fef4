//! A claim that is not true would make the search skip what it must look at.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use snowglobe_checkers::linearizability::specifications::*;
use snowglobe_checkers::linearizability::{Specification, claims_hold};

/// Few enough that equal ones often meet.
fn value() -> impl Strategy<Value = u8> + Clone {
    0_u8..3
}

fn register_input() -> impl Strategy<Value = RegisterInput<u8>> {
    prop_oneof![
        Just(RegisterInput::Read),
        value().prop_map(RegisterInput::Write)
    ]
}

fn register_output() -> impl Strategy<Value = RegisterOutput<u8>> {
    prop_oneof![
        Just(RegisterOutput::Written),
        value().prop_map(RegisterOutput::Value)
    ]
}

fn cas_input() -> impl Strategy<Value = CasInput<u8>> {
    prop_oneof![
        Just(CasInput::Read),
        value().prop_map(CasInput::Write),
        (value(), value()).prop_map(|(from, to)| CasInput::Cas { from, to }),
    ]
}

fn cas_output() -> impl Strategy<Value = CasOutput<u8>> {
    prop_oneof![
        value().prop_map(CasOutput::Value),
        Just(CasOutput::Written),
        Just(CasOutput::Swapped),
        Just(CasOutput::Kept),
    ]
}

fn text() -> impl Strategy<Value = Arc<str>> + Clone {
    select(vec!["", "a", "b", "ab"]).prop_map(Arc::from)
}

fn text_input() -> impl Strategy<Value = TextInput> {
    prop_oneof![
        Just(TextInput::Get),
        text().prop_map(TextInput::Put),
        text().prop_map(TextInput::Append),
        Just(TextInput::Delete),
        (text(), text()).prop_map(|(from, to)| TextInput::Cas { from, to }),
    ]
}

fn text_output() -> impl Strategy<Value = TextOutput> {
    prop_oneof![
        text().prop_map(TextOutput::Value),
        Just(TextOutput::Done),
        Just(TextOutput::Swapped),
        Just(TextOutput::Kept),
    ]
}

fn version() -> impl Strategy<Value = u64> + Clone {
    select(vec![0, 1, 2, u64::MAX])
}

fn versioned_input() -> impl Strategy<Value = VersionedInput<u8>> {
    prop_oneof![
        Just(VersionedInput::Get),
        (value(), version()).prop_map(|(value, expected)| VersionedInput::Put { value, expected }),
    ]
}

fn versioned_output() -> impl Strategy<Value = VersionedOutput<u8>> {
    prop_oneof![
        (value(), version()).prop_map(|(value, version)| VersionedOutput::Value { value, version }),
        Just(VersionedOutput::Done),
        Just(VersionedOutput::WrongVersion),
    ]
}

fn number() -> impl Strategy<Value = i64> + Clone {
    select(vec![i64::MIN, -1, 0, 1, 2, i64::MAX])
}

fn counter_input() -> impl Strategy<Value = CounterInput> {
    prop_oneof![
        number().prop_map(CounterInput::Add),
        number().prop_map(CounterInput::AddAndGet),
        Just(CounterInput::Read),
    ]
}

fn counter_output() -> impl Strategy<Value = CounterOutput> {
    prop_oneof![
        Just(CounterOutput::Done),
        number().prop_map(CounterOutput::Value)
    ]
}

fn queue_input() -> impl Strategy<Value = QueueInput<u8>> {
    prop_oneof![
        value().prop_map(QueueInput::Enqueue),
        Just(QueueInput::Dequeue)
    ]
}

fn queue_output() -> impl Strategy<Value = QueueOutput<u8>> {
    prop_oneof![
        Just(QueueOutput::Done),
        value().prop_map(QueueOutput::Value),
        Just(QueueOutput::Empty),
    ]
}

fn some_values() -> impl Strategy<Value = BTreeSet<u8>> {
    btree_set(value(), 0..3)
}

fn set_input() -> impl Strategy<Value = SetInput<u8>> {
    prop_oneof![
        value().prop_map(SetInput::Add),
        value().prop_map(SetInput::Remove),
        value().prop_map(SetInput::Contains),
        Just(SetInput::ReadAll),
    ]
}

fn set_output() -> impl Strategy<Value = SetOutput<u8>> {
    prop_oneof![
        Just(SetOutput::Done),
        any::<bool>().prop_map(SetOutput::Is),
        some_values().prop_map(SetOutput::All),
    ]
}

fn token() -> impl Strategy<Value = Token> + Clone {
    select(vec![0, 1, 2, 3, u64::MAX]).prop_map(Token)
}

fn lock_state() -> impl Strategy<Value = LockState> {
    prop_oneof![
        option::of(token()).prop_map(|last| LockState::Free { last }),
        token().prop_map(|token| LockState::Held { token }),
        (option::of(token()), btree_set(token(), 0..3)).prop_map(|(last, mut not)| {
            // Only greater ones are named.
            not.retain(|token| Some(*token) > last);
            LockState::HeldByUnknown { last, not }
        }),
    ]
}

fn lock_input() -> impl Strategy<Value = LockInput> {
    prop_oneof![
        Just(LockInput::Acquire),
        token().prop_map(LockInput::Release)
    ]
}

fn lock_output() -> impl Strategy<Value = LockOutput> {
    prop_oneof![
        token().prop_map(LockOutput::Granted),
        Just(LockOutput::Busy),
        Just(LockOutput::Done),
        Just(LockOutput::Stale),
    ]
}

/// The claims must be true, and some answer must be possible everywhere.
fn claims_are_true<S: Specification>(
    specification: &S,
    state: &S::State,
    input: &S::Input,
    output: Option<&S::Output>,
) -> Result<(), TestCaseError> {
    let next = |output| -> Vec<_> {
        let next = specification.step(state, input, output);
        next.into_iter().collect()
    };
    prop_assert!(
        claims_hold(specification, state, input, output),
        "{} in {} is said to be {:?} and leads to {:?}",
        specification.describe_operation(input, output),
        specification.describe_state(state),
        specification.claims(input, output),
        next(output),
    );
    prop_assert!(!next(None).is_empty());
    prop_assert!(specification.weight(state) >= size_of::<S::State>());
    Ok(())
}

/// And whatever follows an answer may follow as well if nobody knows the answer:
/// for objects each of whose states is one state and does not stand for many.
fn holds<S: Specification>(
    specification: &S,
    state: &S::State,
    input: &S::Input,
    output: Option<&S::Output>,
) -> Result<(), TestCaseError> {
    claims_are_true(specification, state, input, output)?;
    let unknown: Vec<_> = specification.step(state, input, None).into_iter().collect();
    for after in specification.step(state, input, output) {
        prop_assert!(
            unknown.contains(&after),
            "{after:?} is not among {unknown:?}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn of_a_register(state in value(), input in register_input(), output in option::of(register_output())) {
        holds(&Register::default(), &state, &input, output.as_ref())?;
    }

    #[test]
    fn of_a_cas_register(state in value(), input in cas_input(), output in option::of(cas_output())) {
        holds(&CasRegister::default(), &state, &input, output.as_ref())?;
    }

    #[test]
    fn of_a_text(state in text(), input in text_input(), output in option::of(text_output())) {
        holds(&Text, &state, &input, output.as_ref())?;
    }

    #[test]
    fn of_texts_under_keys(state in text(), key in text(), input in text_input(), output in option::of(text_output())) {
        holds(&KeyValue::EMPTY, &state, &KeyedInput { key, input }, output.as_ref())?;
    }

    #[test]
    fn of_registers_under_keys(state in value(), key in value(), input in cas_input(), output in option::of(cas_output())) {
        let registers = Keyed::new(CasRegister::default());
        holds(&registers, &state, &KeyedInput { key, input }, output.as_ref())?;
    }

    #[test]
    fn of_a_versioned_value(
        (version, value) in (version(), value()),
        input in versioned_input(),
        output in option::of(versioned_output()),
    ) {
        let state = VersionedValue { version, value };
        holds(&Versioned::default(), &state, &input, output.as_ref())?;
    }

    #[test]
    fn of_a_counter(state in number(), input in counter_input(), output in option::of(counter_output())) {
        holds(&Counter::default(), &state, &input, output.as_ref())?;
    }

    #[test]
    fn of_a_queue(state in vec(value(), 0..3), input in queue_input(), output in option::of(queue_output())) {
        holds(&Queue::EMPTY, &VecDeque::from(state), &input, output.as_ref())?;
    }

    #[test]
    fn of_a_set(state in some_values(), input in set_input(), output in option::of(set_output())) {
        holds(&Set::EMPTY, &state, &input, output.as_ref())?;
    }

    #[test]
    fn of_a_lock(state in lock_state(), input in lock_input(), output in option::of(lock_output())) {
        claims_are_true(&Lock, &state, &input, output.as_ref())?;
    }
}

/// What a lock may be, one state for each token that is possible.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PlainLock {
    last: Option<Token>,
    held: bool,
}

impl PlainLock {
    /// What follows, if nobody is told of a token beyond `highest`.
    fn step(self, input: LockInput, output: Option<LockOutput>, highest: u64) -> Vec<Self> {
        let granted = |token| Self {
            last: Some(Token(token)),
            held: true,
        };
        let answers: Vec<(LockOutput, Self)> = match input {
            LockInput::Acquire if self.held => vec![(LockOutput::Busy, self)],
            LockInput::Acquire => (self.last.map_or(0, |last| last.0 + 1)..=highest)
                .map(|token| (LockOutput::Granted(Token(token)), granted(token)))
                .collect(),
            LockInput::Release(token) if self.held && self.last == Some(token) => {
                let free = Self {
                    held: false,
                    ..self
                };
                vec![(LockOutput::Done, free)]
            }
            LockInput::Release(_) => vec![(LockOutput::Stale, self)],
        };
        let given = answers
            .into_iter()
            .filter(|(answer, _)| output.is_none_or(|output| output == *answer));
        given.map(|(_, after)| after).collect()
    }
}

fn small_token() -> impl Strategy<Value = Token> + Clone {
    (0_u64..5).prop_map(Token)
}

/// Operations of a lock, mostly answered as they may be.
fn lock_operation() -> impl Strategy<Value = (LockInput, Option<LockOutput>)> {
    prop_oneof![
        3 => Just((LockInput::Acquire, None)),
        2 => small_token().prop_map(|token| (LockInput::Acquire, Some(LockOutput::Granted(token)))),
        1 => Just((LockInput::Acquire, Some(LockOutput::Busy))),
        2 => small_token().prop_map(|token| (LockInput::Release(token), None)),
        2 => small_token().prop_map(|token| (LockInput::Release(token), Some(LockOutput::Done))),
        3 => small_token().prop_map(|token| (LockInput::Release(token), Some(LockOutput::Stale))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 5_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Naming what a token is not is as good as trying every token.
    #[test]
    fn an_unknown_token_stands_for_every_one(operations in vec(lock_operation(), 0..8)) {
        let mut known = BTreeSet::from([Lock.initial()]);
        let mut plain = BTreeSet::from([PlainLock { last: None, held: false }]);
        for (input, output) in operations {
            known = known
                .iter()
                .flat_map(|state| Lock.step(state, &input, output.as_ref()))
                .collect();
            // At most eight unknown tokens, each greater than the last.
            plain = plain
                .into_iter()
                .flat_map(|state| state.step(input, output, 20))
                .collect();
            prop_assert_eq!(known.is_empty(), plain.is_empty());
        }
    }
}
