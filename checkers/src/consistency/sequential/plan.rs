//! A history as the search sees it: a line of steps for each client.

use std::collections::BTreeMap;

use crate::history::{ClientId, History, OperationIndex};
use crate::linearizability::{Claims, Leaves, Legal, Machine, Numbering, Specification, StateId};

/// One operation, with what the search asks about it again and again.
pub(super) struct Step {
    /// Which client, counted from 0.
    pub(super) client: usize,
    /// Which key, counted from 0.
    pub(super) key: usize,
    /// Its place among the operations of its key's machine.
    pub(super) place: usize,
    /// What it does whatever the state of its key is, by the numbers of the states.
    pub(super) claims: Claims<StateId>,
    /// Whether it was never answered.
    pub(super) pending: bool,
}

impl Step {
    /// Whether it leaves every state as it found it.
    pub(super) fn observes(&self) -> bool {
        self.claims.leaves == Leaves::Same
    }

    /// Appends to `next` the states that may follow. The machine is asked only
    /// for what is not claimed: of the rest a machine need not know anything.
    pub(super) fn follow(&self, from: StateId, machine: &mut dyn Machine, next: &mut Vec<StateId>) {
        let legal = match self.claims.legal {
            Legal::Everywhere => true,
            Legal::OnlyIn(only) => only == from,
            Legal::ExceptIn(not) => not != from,
            Legal::Depends => return machine.step(from, self.place, next),
        };
        if !legal {
            return;
        }
        match self.claims.leaves {
            Leaves::Same => next.push(from),
            Leaves::Fixed(to) => next.push(to),
            Leaves::Swaps(found, left) => next.push(if from == found { left } else { from }),
            Leaves::Depends => machine.step(from, self.place, next),
        }
    }
}

/// Claims, by the numbers of the states.
fn numbered<State>(claims: Claims<State>, machine: &mut dyn Numbering<State>) -> Claims<StateId> {
    let legal = match claims.legal {
        Legal::Everywhere => Legal::Everywhere,
        Legal::OnlyIn(only) => Legal::OnlyIn(machine.number(&only)),
        Legal::ExceptIn(not) => Legal::ExceptIn(machine.number(&not)),
        Legal::Depends => Legal::Depends,
    };
    let leaves = match claims.leaves {
        Leaves::Same => Leaves::Same,
        Leaves::Fixed(to) => Leaves::Fixed(machine.number(&to)),
        Leaves::Swaps(from, to) => Leaves::Swaps(machine.number(&from), machine.number(&to)),
        Leaves::Depends => Leaves::Depends,
    };
    Claims::new(legal, leaves)
}

/// The steps, and who takes them in which order.
pub(super) struct Plan<'a, S: Specification> {
    /// By the place of the operation in the history.
    pub(super) steps: Vec<Step>,
    /// The operations of each client, in its order.
    pub(super) clients: Vec<Vec<OperationIndex>>,
    /// One for each key.
    pub(super) machines: Vec<Box<dyn Numbering<S::State> + 'a>>,
    /// The first state of each key.
    pub(super) initial: Vec<StateId>,
}

impl<'a, S: Specification> Plan<'a, S> {
    /// Sorts a history by client and by key.
    pub(super) fn new(specification: &'a S, history: &'a History<S::Input, S::Output>) -> Self {
        let mut keys = BTreeMap::<S::Key, usize>::new();
        let mut questions = Vec::<Vec<(&S::Input, Option<&S::Output>)>>::new();
        // The key of each operation, and its place there.
        let mut places = Vec::with_capacity(history.len());
        for operation in history.operations() {
            let key = specification.key(&operation.input);
            let key = *keys.entry(key).or_insert(questions.len());
            if key == questions.len() {
                questions.push(Vec::new());
            }
            places.push((key, questions[key].len()));
            questions[key].push((&operation.input, operation.output()));
        }
        let mut machines: Vec<_> = questions
            .into_iter()
            .map(|questions| specification.machine(questions))
            .collect();
        let first = specification.initial();
        let initial = machines.iter_mut().map(|machine| machine.number(&first));
        let mut plan = Self {
            steps: Vec::with_capacity(history.len()),
            clients: Vec::new(),
            initial: initial.collect(),
            machines,
        };
        plan.stand_in_line(specification, history, &places);
        plan
    }

    fn stand_in_line(
        &mut self,
        specification: &S,
        history: &History<S::Input, S::Output>,
        places: &[(usize, usize)],
    ) {
        let mut clients = BTreeMap::<ClientId, usize>::new();
        for (index, operation) in (0..).zip(history.operations()) {
            let client = *clients
                .entry(operation.client)
                .or_insert(self.clients.len());
            if client == self.clients.len() {
                self.clients.push(Vec::new());
            }
            let (key, place) = places[self.steps.len()];
            let claims = specification.claims(&operation.input, operation.output());
            let step = Step {
                client,
                key,
                place,
                claims: numbered(claims, self.machines[key].as_mut()),
                pending: operation.output().is_none(),
            };
            // Who only looked, and never heard what it saw, says nothing: it
            // need not have happened, so it is left out from the start.
            if !(step.observes() && step.pending) {
                self.clients[client].push(OperationIndex(index));
            }
            self.steps.push(step);
        }
    }

    /// The step of an operation.
    pub(super) fn step(&self, operation: OperationIndex) -> &Step {
        &self.steps[operation.place()]
    }
}
