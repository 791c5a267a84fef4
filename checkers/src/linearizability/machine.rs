//! States as numbers: the search compares and keeps no others.

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;

use super::specification::Specification;

/// The number of a state among those met in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateId(pub u32);

impl StateId {
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

/// Takes steps between numbered states of one partition. The search sees no more of an object,
/// and is the same code for all of them.
pub trait Machine {
    /// Appends to `next` the states that may follow when the operation at this
    /// place (of those the machine was made for) happens in state `from`. Asked
    /// only where the operation's claims do not tell already.
    fn step(&mut self, from: StateId, operation: usize, next: &mut Vec<StateId>);

    /// Whether operations that claim nothing of what they leave may lead from
    /// one state to another. `true` is always right.
    fn may_lead(&self, _from: StateId, _to: StateId) -> bool {
        true
    }

    /// Whether this state is one that nobody ever saw, nor any that operations
    /// of unknown effect can make of it. `false` is always right.
    fn is_unseen(&self, _state: StateId) -> bool {
        false
    }

    /// How much memory the machine takes, in bytes.
    fn bytes(&self) -> usize;
}

/// A machine that numbers states.
///
/// Equal numbers must mean states with the same futures, *given the outputs of
/// the partition's operations*: a machine may use one number for all states
/// that no remaining answer could tell apart.
pub trait Numbering<State>: Machine {
    /// The number of a state.
    fn number(&mut self, state: &State) -> StateId;

    /// The state behind a number; `None` for a number that stands for many.
    fn state(&self, id: StateId) -> Option<State>;
}

/// Remembers every state it met, and every step it took.
pub struct Interned<'a, S: Specification> {
    specification: &'a S,
    operations: Vec<(&'a S::Input, Option<&'a S::Output>)>,
    /// By number.
    states: Vec<S::State>,
    /// The numbers, found by the digest of their state.
    numbers: HashTable<u32>,
    /// From a state and an operation to a range of `followers`.
    steps: HashTable<Step>,
    followers: Vec<StateId>,
    /// What the states own, in bytes.
    weight: usize,
}

#[derive(Clone, Copy)]
struct Step {
    from: StateId,
    operation: u32,
    start: u32,
    end: u32,
}

impl Step {
    fn digest(from: StateId, operation: u32) -> u64 {
        let mut digest = Digest::new();
        digest.word(u64::from(from.0) << 32 | u64::from(operation));
        digest.value()
    }
}

impl<'a, S: Specification> Interned<'a, S> {
    /// For these operations, with their outputs where they have one.
    #[must_use]
    pub fn new(
        specification: &'a S,
        operations: Vec<(&'a S::Input, Option<&'a S::Output>)>,
    ) -> Self {
        Self {
            specification,
            operations,
            states: Vec::new(),
            numbers: HashTable::new(),
            steps: HashTable::new(),
            followers: Vec::new(),
            weight: 0,
        }
    }
}

impl<S: Specification> Interned<'_, S> {
    /// The state behind a number.
    #[must_use]
    pub fn known(&self, id: StateId) -> &S::State {
        &self.states[id.place()]
    }
}

impl<S: Specification> Numbering<S::State> for Interned<'_, S> {
    fn number(&mut self, state: &S::State) -> StateId {
        let Self {
            states, numbers, ..
        } = self;
        let digest = Digest::of(state);
        let found = numbers.find(digest, |number| states[*number as usize] == *state);
        if let Some(number) = found {
            return StateId(*number);
        }
        let number = u32::try_from(states.len()).expect("fewer states than operations");
        states.push(state.clone());
        numbers.insert_unique(digest, number, |number| {
            Digest::of(&states[*number as usize])
        });
        self.weight += self.specification.weight(state);
        StateId(number)
    }

    fn state(&self, id: StateId) -> Option<S::State> {
        self.states.get(id.place()).cloned()
    }
}

impl<S: Specification> Machine for Interned<'_, S> {
    fn step(&mut self, from: StateId, operation: usize, next: &mut Vec<StateId>) {
        let key = u32::try_from(operation).expect("operations are numbered in 32 bits");
        let digest = Step::digest(from, key);
        let found = self
            .steps
            .find(digest, |step| step.from == from && step.operation == key);
        if let Some(step) = found {
            next.extend_from_slice(&self.followers[step.start as usize..step.end as usize]);
            return;
        }
        let (input, output) = self.operations[operation];
        let states = self
            .specification
            .step(&self.states[from.place()], input, output);
        let mut numbers: Vec<_> = states
            .into_iter()
            .map(|state| self.number(&state))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let start = self.followers.len() as u32;
        self.followers.extend_from_slice(&numbers);
        let step = Step {
            from,
            operation: key,
            start,
            end: self.followers.len() as u32,
        };
        self.steps
            .insert_unique(digest, step, |step| Step::digest(step.from, step.operation));
        next.extend_from_slice(&numbers);
    }

    fn bytes(&self) -> usize {
        self.weight
            + self.numbers.allocation_size()
            + self.steps.allocation_size()
            + self.followers.capacity() * size_of::<StateId>()
    }
}
