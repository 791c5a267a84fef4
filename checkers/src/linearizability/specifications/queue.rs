//! A queue: what comes in first goes out first.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::queue_machine::QueueMachine;
use super::queue_order;
use crate::linearizability::machine::Numbering;
use crate::linearizability::specification::{
    Claims, Decision, Leaves, Legal, Specification, Timed,
};

/// A queue without bounds, empty at first.
///
/// Accepts `Enqueue(v)` answered by `Done`; and `Dequeue` answered by `Value(v)`,
/// the oldest value, which leaves the queue, or by `Empty`, which says that there
/// was none. A dequeue without an answer may have taken the oldest value away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue<V> {
    /// The type of the values.
    values: std::marker::PhantomData<fn() -> V>,
}

impl<V> Queue<V> {
    /// An empty queue.
    pub const EMPTY: Self = Self {
        values: std::marker::PhantomData,
    };
}

impl<V> Default for Queue<V> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// What a queue can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum QueueInput<V> {
    /// Keep this, behind all others.
    Enqueue(V),
    /// Hand out the oldest value.
    Dequeue,
}

/// What a queue answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum QueueOutput<V> {
    /// To an enqueue: done.
    Done,
    /// To a dequeue: the oldest value.
    Value(V),
    /// To a dequeue: there is none.
    Empty,
}

impl<V: Clone + Eq + Ord + Hash + Debug> Specification for Queue<V> {
    /// The oldest value first.
    type State = VecDeque<V>;
    type Input = QueueInput<V>;
    type Output = QueueOutput<V>;
    type Key = ();
    type Next = Option<VecDeque<V>>;

    fn initial(&self) -> VecDeque<V> {
        VecDeque::new()
    }

    fn key(&self, _: &QueueInput<V>) {}

    fn step(
        &self,
        state: &VecDeque<V>,
        input: &QueueInput<V>,
        output: Option<&QueueOutput<V>>,
    ) -> Option<VecDeque<V>> {
        use QueueOutput::{Done, Empty, Value};
        let without_oldest = || state.iter().skip(1).cloned().collect();
        match (input, output) {
            (QueueInput::Enqueue(value), None | Some(Done)) => {
                let mut longer = VecDeque::with_capacity(state.len() + 1);
                longer.extend(state.iter().cloned());
                longer.push_back(value.clone());
                Some(longer)
            }
            (QueueInput::Dequeue, None) => Some(without_oldest()),
            (QueueInput::Dequeue, Some(Value(seen))) => {
                (state.front() == Some(seen)).then(without_oldest)
            }
            (QueueInput::Dequeue, Some(Empty)) => state.is_empty().then(VecDeque::new),
            // An answer that belongs to another question.
            (QueueInput::Enqueue(_), Some(Value(_) | Empty))
            | (QueueInput::Dequeue, Some(Done)) => None,
        }
    }

    fn decide(&self, operations: &[Timed<'_, QueueInput<V>, QueueOutput<V>>]) -> Decision {
        queue_order::decide(operations)
    }

    fn claims(
        &self,
        input: &QueueInput<V>,
        output: Option<&QueueOutput<V>>,
    ) -> Claims<VecDeque<V>> {
        use QueueOutput::{Done, Empty};
        match (input, output) {
            (QueueInput::Enqueue(_), None | Some(Done)) | (QueueInput::Dequeue, None) => {
                Claims::new(Legal::Everywhere, Leaves::Depends)
            }
            // It is legal in the empty queue alone; but to a machine that is many states.
            (QueueInput::Dequeue, Some(Empty)) => Claims::new(Legal::Depends, Leaves::Same),
            _ => Claims::NONE,
        }
    }

    fn weight(&self, state: &VecDeque<V>) -> usize {
        size_of::<VecDeque<V>>() + state.len() * size_of::<V>()
    }

    fn is_mute(&self, input: &QueueInput<V>) -> bool {
        matches!(input, QueueInput::Enqueue(_))
    }

    fn machine_in_time<'a>(
        &'a self,
        operations: Vec<Timed<'a, QueueInput<V>, QueueOutput<V>>>,
    ) -> Box<dyn Numbering<VecDeque<V>> + 'a> {
        Box::new(QueueMachine::new(&operations))
    }

    fn describe_operation(&self, input: &QueueInput<V>, output: Option<&QueueOutput<V>>) -> String {
        let asked = match input {
            QueueInput::Enqueue(value) => format!("enqueue({value:?})"),
            QueueInput::Dequeue => "dequeue()".to_owned(),
        };
        match output {
            Some(QueueOutput::Value(seen)) => format!("{asked} -> {seen:?}"),
            Some(QueueOutput::Empty) => format!("{asked} -> empty"),
            Some(QueueOutput::Done) | None => asked,
        }
    }
}
