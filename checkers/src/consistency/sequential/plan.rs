//! A history as the search sees it: a line of steps for each client.

use std::collections::BTreeMap;

use crate::history::{ClientId, History, OperationIndex};
use crate::linearizability::{Leaves, Machine, Specification, StateId};

/// One operation, with what the search asks about it again and again.
pub(super) struct Step {
    /// Which client, counted from 0.
    pub(super) client: usize,
    /// Which key, counted from 0.
    pub(super) key: usize,
    /// Its place among the operations of its key's machine.
    pub(super) place: usize,
    /// Whether it leaves every state as it found it.
    pub(super) observes: bool,
    /// Whether it was never answered.
    pub(super) pending: bool,
}

/// The steps, and who takes them in which order.
pub(super) struct Plan<'a, S: Specification> {
    /// By the place of the operation in the history.
    pub(super) steps: Vec<Step>,
    /// The operations of each client, in its order.
    pub(super) clients: Vec<Vec<OperationIndex>>,
    /// One for each key.
    pub(super) machines: Vec<Box<dyn Machine<S::State> + 'a>>,
    /// The first state of each key.
    pub(super) initial: Vec<StateId>,
}

impl<'a, S: Specification> Plan<'a, S> {
    /// Sorts a history by client and by key.
    pub(super) fn new(specification: &'a S, history: &'a History<S::Input, S::Output>) -> Self {
        let mut steps = Vec::with_capacity(history.len());
        let mut clients = BTreeMap::<ClientId, usize>::new();
        let mut lines = Vec::<Vec<OperationIndex>>::new();
        let mut keys = BTreeMap::<S::Key, usize>::new();
        let mut questions = Vec::<Vec<(&S::Input, Option<&S::Output>)>>::new();
        for (place, operation) in (0..).zip(history.operations()) {
            let output = operation.output();
            let client = *clients.entry(operation.client).or_insert(lines.len());
            if client == lines.len() {
                lines.push(Vec::new());
            }
            let key = specification.key(&operation.input);
            let key = *keys.entry(key).or_insert(questions.len());
            if key == questions.len() {
                questions.push(Vec::new());
            }
            let claims = specification.claims(&operation.input, output);
            let step = Step {
                client,
                key,
                place: questions[key].len(),
                observes: claims.leaves == Leaves::Same,
                pending: output.is_none(),
            };
            questions[key].push((&operation.input, output));
            // Who only looked, and never heard what it saw, says nothing: it
            // need not have happened, so it is left out from the start.
            if !(step.observes && step.pending) {
                lines[client].push(OperationIndex(place));
            }
            steps.push(step);
        }
        let first = specification.initial();
        let mut machines: Vec<_> = questions
            .into_iter()
            .map(|questions| specification.machine(questions))
            .collect();
        let initial = machines
            .iter_mut()
            .map(|machine| machine.number(&first))
            .collect();
        Self {
            steps,
            clients: lines,
            machines,
            initial,
        }
    }

    /// The step of an operation.
    pub(super) fn step(&self, operation: OperationIndex) -> &Step {
        &self.steps[operation.place()]
    }
}
