//! Many objects of one kind, told apart by a key.

use std::fmt::Debug;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::history::Operation;
use crate::linearizability::explanation::Reason;
use crate::linearizability::machine::Numbering;
use crate::linearizability::specification::{Claims, Decision, Specification, Timed};

/// One object of the inner kind for each key; each is judged alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyed<K, S> {
    /// What each of them does.
    pub object: S,
    /// The type of the keys.
    keys: std::marker::PhantomData<fn() -> K>,
}

/// What one of them is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyedInput<K, I> {
    /// Which object.
    pub key: K,
    /// What it is asked.
    pub input: I,
}

impl<K, S> Keyed<K, S> {
    /// Objects like this one.
    pub const fn new(object: S) -> Self {
        Self {
            object,
            keys: std::marker::PhantomData,
        }
    }
}

impl<K, S> Specification for Keyed<K, S>
where
    K: Clone + Ord + Hash + Debug,
    S: Specification<Key = ()>,
{
    type State = S::State;
    type Input = KeyedInput<K, S::Input>;
    type Output = S::Output;
    type Key = K;
    type Next = S::Next;

    fn initial(&self) -> S::State {
        self.object.initial()
    }

    fn key(&self, input: &Self::Input) -> K {
        input.key.clone()
    }

    fn step(&self, state: &S::State, input: &Self::Input, output: Option<&S::Output>) -> S::Next {
        self.object.step(state, &input.input, output)
    }

    fn claims(&self, input: &Self::Input, output: Option<&S::Output>) -> Claims<S::State> {
        self.object.claims(&input.input, output)
    }

    fn weight(&self, state: &S::State) -> usize {
        self.object.weight(state)
    }

    fn is_foreseeable(&self, input: &Self::Input) -> bool {
        self.object.is_foreseeable(&input.input)
    }

    fn may_come(&self, state: &S::State, input: &Self::Input, output: &S::Output) -> bool {
        self.object.may_come(state, &input.input, output)
    }

    fn reason(
        &self,
        operations: &[&Operation<Self::Input, S::Output>],
        core: &[&Operation<Self::Input, S::Output>],
    ) -> Option<Reason> {
        let inner = |operation: &&Operation<Self::Input, S::Output>| Operation {
            client: operation.client,
            called: operation.called,
            input: operation.input.input.clone(),
            returned: operation.returned.clone(),
        };
        let operations: Vec<_> = operations.iter().map(inner).collect();
        let core: Vec<_> = core.iter().map(inner).collect();
        self.object.reason(
            &operations.iter().collect::<Vec<_>>(),
            &core.iter().collect::<Vec<_>>(),
        )
    }

    fn decide(&self, operations: &[Timed<'_, Self::Input, Self::Output>]) -> Decision {
        let inner: Vec<_> = operations
            .iter()
            .map(|operation| Timed {
                called: operation.called,
                input: &operation.input.input,
                returned: operation.returned,
            })
            .collect();
        self.object.decide(&inner)
    }

    fn is_mute(&self, input: &Self::Input) -> bool {
        self.object.is_mute(&input.input)
    }

    fn describe_operation(&self, input: &Self::Input, output: Option<&S::Output>) -> String {
        self.object.describe_operation(&input.input, output)
    }

    fn describe_state(&self, state: &S::State) -> String {
        self.object.describe_state(state)
    }

    fn machine<'a>(
        &'a self,
        operations: Vec<(&'a Self::Input, Option<&'a Self::Output>)>,
    ) -> Box<dyn Numbering<S::State> + 'a> {
        let inner = operations
            .into_iter()
            .map(|(input, output)| (&input.input, output))
            .collect();
        self.object.machine(inner)
    }

    fn machine_in_time<'a>(
        &'a self,
        operations: Vec<Timed<'a, Self::Input, Self::Output>>,
    ) -> Box<dyn Numbering<S::State> + 'a> {
        let inner = operations
            .into_iter()
            .map(|operation| Timed {
                called: operation.called,
                input: &operation.input.input,
                returned: operation.returned,
            })
            .collect();
        self.object.machine_in_time(inner)
    }
}
