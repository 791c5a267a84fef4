//! Queues that do not come to stand in a wrong order.
//!
//! A value that was put in once and taken out once tells when it was in front.
//! So it must not be put behind a value that was taken out only after it
//! had been taken, nor behind one that nobody takes. A search that finds that out
//! when the value is put in need not find out when it is taken.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;

use super::queue::{Queue, QueueInput, QueueOutput};
use crate::history::Moment;
use crate::linearizability::machine::{Interned, Machine, Numbering, StateId};
use crate::linearizability::specification::Timed;

/// The states of one queue.
pub(super) struct QueueMachine<'a, V: Clone + Eq + Ord + Hash + Debug> {
    states: Interned<'a, Queue<V>>,
    operations: Vec<(&'a QueueInput<V>, Option<&'a QueueOutput<V>>)>,
    /// What is known of values that were put in once.
    values: BTreeMap<&'a V, Taken>,
    /// Whether operations are pending that may take any value.
    thieves: bool,
}

/// When a value was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// Never, as far as answers tell.
    Never,
    /// By an operation that was called and answered then.
    Once(Moment, Moment),
    /// It was put in, or taken out, more than once.
    Unclear,
}

impl<'a, V: Clone + Eq + Ord + Hash + Debug> QueueMachine<'a, V> {
    pub(super) fn new(
        queue: &'a Queue<V>,
        operations: Vec<Timed<'a, QueueInput<V>, QueueOutput<V>>>,
    ) -> Self {
        let mut values = BTreeMap::new();
        for operation in &operations {
            if let QueueInput::Enqueue(value) = operation.input {
                let twice = values.insert(value, Taken::Never).is_some();
                if twice {
                    values.insert(value, Taken::Unclear);
                }
            }
        }
        let mut thieves = false;
        for operation in &operations {
            let QueueInput::Dequeue = operation.input else {
                continue;
            };
            match operation.returned {
                None => thieves = true,
                Some((returned, QueueOutput::Value(value))) => {
                    if let Some(taken) = values.get_mut(value) {
                        *taken = match taken {
                            Taken::Never => Taken::Once(operation.called, returned),
                            Taken::Once(..) | Taken::Unclear => Taken::Unclear,
                        };
                    }
                }
                Some(_) => {}
            }
        }
        let operations: Vec<_> = operations.into_iter().map(Timed::untimed).collect();
        Self {
            states: Interned::new(queue, operations.clone()),
            operations,
            values,
            thieves,
        }
    }

    /// Whether a value that is put behind these is taken out too early for one of them.
    fn is_too_late(&self, queue: &VecDeque<V>, value: &V) -> bool {
        let Some(Taken::Once(_, returned)) = self.values.get(value) else {
            return false;
        };
        queue.iter().any(|ahead| match self.values.get(ahead) {
            Some(Taken::Once(called, _)) => returned < called,
            Some(Taken::Never) => !self.thieves,
            Some(Taken::Unclear) | None => false,
        })
    }
}

impl<V: Clone + Eq + Ord + Hash + Debug> Numbering<VecDeque<V>> for QueueMachine<'_, V> {
    fn number(&mut self, state: &VecDeque<V>) -> StateId {
        self.states.number(state)
    }

    fn state(&self, id: StateId) -> Option<VecDeque<V>> {
        self.states.state(id)
    }
}

impl<V: Clone + Eq + Ord + Hash + Debug> Machine for QueueMachine<'_, V> {
    fn step(&mut self, from: StateId, operation: usize, next: &mut Vec<StateId>) {
        if let (QueueInput::Enqueue(value), _) = self.operations[operation]
            && self.is_too_late(self.states.known(from), value)
        {
            return;
        }
        self.states.step(from, operation, next);
    }

    fn bytes(&self) -> usize {
        self.states.bytes()
    }
}
