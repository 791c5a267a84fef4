//! Any shipped specification as an object: it answers with the first of some
//! answers that its specification allows.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;

use proptest::prelude::*;
use snowglobe_checkers::linearizability::Specification;
use snowglobe_checkers::linearizability::specifications::{
    Counter, CounterInput, CounterOutput, Entry, Lock, LockInput, LockOutput, Mutex, MutexInput,
    MutexOutput, Queue, QueueInput, QueueOutput, Set, SetInput, SetOutput, TextInput, TextOutput,
    Token, Versioned, VersionedInput, VersionedOutput,
};

use crate::objects::Object;

/// A specification, with what it may be asked and what it may answer.
#[derive(Clone, Debug)]
pub(crate) struct AnyObject<S: Specification> {
    specification: S,
    inputs: Vec<S::Input>,
    outputs: Vec<S::Output>,
}

impl<S> Object for AnyObject<S>
where
    S: Specification<Key: Send + Sync, Input: Sync + 'static, Output: Sync + 'static>
        + Sync
        + Clone
        + Debug,
{
    type Specification = S;
    fn specification(&self) -> &S {
        &self.specification
    }
    fn input(&self) -> BoxedStrategy<S::Input> {
        prop::sample::select(self.inputs.clone()).boxed()
    }
    fn output(&self) -> BoxedStrategy<S::Output> {
        prop::sample::select(self.outputs.clone()).boxed()
    }
    fn answer(&self, state: &S::State, input: &S::Input) -> (S::State, S::Output) {
        let answers = self.outputs.iter().find_map(|output| {
            let step = self.specification.step(state, input, Some(output));
            Some((step.into_iter().next()?, output.clone()))
        });
        // Out of answers: a wrong one, which the judges will see.
        answers.unwrap_or_else(|| (state.clone(), self.outputs[0].clone()))
    }
}

pub(crate) fn counters() -> AnyObject<Counter> {
    AnyObject {
        specification: Counter::default(),
        inputs: vec![
            CounterInput::Add(1),
            CounterInput::Add(2),
            CounterInput::AddAndGet(1),
            CounterInput::Read,
            CounterInput::Read,
        ],
        outputs: std::iter::once(CounterOutput::Done)
            .chain((0..17).map(CounterOutput::Value))
            .collect(),
    }
}

pub(crate) fn entries() -> AnyObject<Entry> {
    let cas = |from: &str, to: &str| TextInput::Cas {
        from: from.into(),
        to: to.into(),
    };
    let seen = ["", "a", "b", "aa", "ab", "ba"].map(|text| TextOutput::Value(text.into()));
    AnyObject {
        specification: Entry,
        inputs: vec![
            TextInput::Get,
            TextInput::Get,
            TextInput::Put("".into()),
            TextInput::Put("a".into()),
            TextInput::Append("a".into()),
            TextInput::Append("b".into()),
            TextInput::Append("".into()),
            TextInput::Delete,
            cas("", "a"),
            cas("a", ""),
        ],
        outputs: [TextOutput::Missing, TextOutput::Done]
            .into_iter()
            .chain(seen)
            .chain([TextOutput::Swapped, TextOutput::Kept])
            .collect(),
    }
}

pub(crate) fn mutexes() -> AnyObject<Mutex> {
    AnyObject {
        specification: Mutex,
        inputs: vec![MutexInput::Acquire, MutexInput::Release],
        outputs: vec![MutexOutput::Done, MutexOutput::Busy, MutexOutput::NotHeld],
    }
}

pub(crate) fn queues() -> AnyObject<Queue<u8>> {
    AnyObject {
        specification: Queue::EMPTY,
        inputs: vec![
            QueueInput::Enqueue(1),
            QueueInput::Enqueue(2),
            QueueInput::Dequeue,
            QueueInput::Dequeue,
        ],
        outputs: vec![
            QueueOutput::Done,
            QueueOutput::Value(1),
            QueueOutput::Value(2),
            QueueOutput::Empty,
        ],
    }
}

pub(crate) fn sets() -> AnyObject<Set<u8>> {
    let all = [&[][..], &[1], &[2], &[1, 2]]
        .map(|values| SetOutput::All(values.iter().copied().collect()));
    AnyObject {
        specification: Set::EMPTY,
        inputs: vec![
            SetInput::Add(1),
            SetInput::Add(2),
            SetInput::Remove(1),
            SetInput::Contains(1),
            SetInput::Contains(2),
            SetInput::ReadAll,
        ],
        outputs: [SetOutput::Done, SetOutput::Is(true), SetOutput::Is(false)]
            .into_iter()
            .chain(all)
            .collect(),
    }
}

pub(crate) fn locks() -> AnyObject<Lock> {
    let tokens = || (1..5).map(Token);
    AnyObject {
        specification: Lock,
        inputs: [LockInput::Acquire, LockInput::Acquire, LockInput::Acquire]
            .into_iter()
            .chain(tokens().map(LockInput::Release))
            .collect(),
        outputs: [LockOutput::Done, LockOutput::Stale]
            .into_iter()
            .chain(tokens().map(LockOutput::Granted))
            .chain([LockOutput::Busy])
            .collect(),
    }
}

pub(crate) fn versioned() -> AnyObject<Versioned<u8>> {
    let put = |value, expected| VersionedInput::Put { value, expected };
    let mut outputs = vec![VersionedOutput::Done, VersionedOutput::WrongVersion];
    for value in 0..3 {
        for version in 0..4 {
            outputs.push(VersionedOutput::Value { value, version });
        }
    }
    AnyObject {
        specification: Versioned::default(),
        inputs: vec![
            VersionedInput::Get,
            VersionedInput::Get,
            put(1, 0),
            put(2, 0),
            put(1, 1),
            put(2, 1),
            put(1, 2),
        ],
        outputs,
    }
}

/// A queue whose values are each put in once.
#[derive(Clone, Debug)]
pub(crate) struct UniqueQueues;

impl Object for UniqueQueues {
    type Specification = Queue<u8>;
    fn specification(&self) -> &Queue<u8> {
        &Queue::EMPTY
    }
    fn input(&self) -> BoxedStrategy<QueueInput<u8>> {
        prop_oneof![Just(QueueInput::Enqueue(0)), Just(QueueInput::Dequeue)].boxed()
    }
    fn output(&self) -> BoxedStrategy<QueueOutput<u8>> {
        prop_oneof![
            4 => (0..8u8).prop_map(QueueOutput::Value),
            1 => Just(QueueOutput::Empty)
        ]
        .boxed()
    }
    fn answer(
        &self,
        state: &VecDeque<u8>,
        input: &QueueInput<u8>,
    ) -> (VecDeque<u8>, QueueOutput<u8>) {
        let mut next = state.clone();
        let output = match input {
            QueueInput::Enqueue(value) => {
                next.push_back(*value);
                QueueOutput::Done
            }
            QueueInput::Dequeue => next
                .pop_front()
                .map_or(QueueOutput::Empty, QueueOutput::Value),
        };
        (next, output)
    }
    fn named(&self, input: QueueInput<u8>, place: usize) -> QueueInput<u8> {
        match input {
            QueueInput::Enqueue(_) => QueueInput::Enqueue(place as u8),
            QueueInput::Dequeue => QueueInput::Dequeue,
        }
    }
}

/// A set to which each value is added once, and from which none is removed.
#[derive(Clone, Debug)]
pub(crate) struct GrowingSets;

impl Object for GrowingSets {
    type Specification = Set<u8>;
    fn specification(&self) -> &Set<u8> {
        &Set::EMPTY
    }
    fn input(&self) -> BoxedStrategy<SetInput<u8>> {
        prop_oneof![
            3 => Just(SetInput::Add(0)),
            1 => (0..8u8).prop_map(SetInput::Contains),
            2 => Just(SetInput::ReadAll)
        ]
        .boxed()
    }
    fn output(&self) -> BoxedStrategy<SetOutput<u8>> {
        prop_oneof![
            2 => prop::collection::btree_set(0..5u8, 0..3).prop_map(SetOutput::All),
            1 => any::<bool>().prop_map(SetOutput::Is)
        ]
        .boxed()
    }
    fn answer(&self, state: &BTreeSet<u8>, input: &SetInput<u8>) -> (BTreeSet<u8>, SetOutput<u8>) {
        let mut next = state.clone();
        let output = match input {
            SetInput::Add(value) => {
                next.insert(*value);
                SetOutput::Done
            }
            SetInput::Remove(value) => {
                next.remove(value);
                SetOutput::Done
            }
            SetInput::Contains(value) => SetOutput::Is(state.contains(value)),
            SetInput::ReadAll => SetOutput::All(state.clone()),
        };
        (next, output)
    }
    fn named(&self, input: SetInput<u8>, place: usize) -> SetInput<u8> {
        match input {
            SetInput::Add(_) => SetInput::Add(place as u8),
            other => other,
        }
    }
}
