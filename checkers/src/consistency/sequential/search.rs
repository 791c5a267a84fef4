//! The search for an order: depth first, over how far each client has come.

use std::sync::atomic::Ordering;

use super::SequentialVerdict;
use super::configurations::Configurations;
use super::plan::Plan;
use crate::history::{History, OperationIndex};
use crate::linearizability::{Budget, Ended, Specification, StateId};

/// A search, in one configuration at a time.
///
/// A configuration is how far each client has come and the state of each key:
/// what can still happen depends on nothing else, so that one which was left
/// without success is never entered again. Configurations only ever go
/// forward, so one that was met before is not still being tried.
pub(super) struct Search<'a, S: Specification> {
    plan: Plan<'a, S>,
    /// How many operations of each client have happened.
    positions: Vec<u32>,
    /// The state of each key.
    states: Vec<StateId>,
    /// What has happened.
    order: Vec<OperationIndex>,
    /// How many answered operations have not happened yet.
    owed: usize,
    seen: Configurations,
    nodes: u64,
    /// What the machines take, in bytes.
    machines: usize,
    /// Kept to spare allocations.
    row: Vec<u32>,
    next: Vec<StateId>,
}

/// A configuration that is being tried.
#[derive(Clone, Copy)]
struct Frame {
    /// How long the order was.
    length: usize,
    /// What was tried last.
    tried: Option<Try>,
}

/// An operation that may happen next.
#[derive(Clone, Copy)]
struct Try {
    operation: OperationIndex,
    /// Which of the states that may follow.
    branch: usize,
    /// The state of its key before.
    before: StateId,
    /// And after.
    after: StateId,
}

/// What came of entering a configuration.
enum Entered {
    /// Nothing is owed any more.
    Done,
    /// It is new.
    New,
    /// It was tried before.
    Dead,
    /// There is no budget for it.
    Ended(Ended),
}

impl<'a, S: Specification> Search<'a, S> {
    /// Nothing has happened yet.
    pub(super) fn new(specification: &'a S, history: &'a History<S::Input, S::Output>) -> Self {
        let plan = Plan::new(specification, history);
        let owed = plan.steps.iter().filter(|step| !step.pending).count();
        Self {
            positions: vec![0; plan.clients.len()],
            states: plan.initial.clone(),
            order: Vec::new(),
            owed,
            seen: Configurations::new(plan.clients.len() + plan.initial.len()),
            nodes: 0,
            machines: plan.machines.iter().map(|machine| machine.bytes()).sum(),
            row: Vec::new(),
            next: Vec::new(),
            plan,
        }
    }

    /// Tries until an order is found, none is left, or the budget ends.
    pub(super) fn run(mut self, budget: &Budget<'_>) -> SequentialVerdict {
        let mut frames = Vec::<Frame>::new();
        loop {
            self.absorb();
            match self.enter(budget, frames.capacity() * size_of::<Frame>()) {
                Entered::Done => return SequentialVerdict::Consistent { order: self.order },
                Entered::New => frames.push(Frame {
                    // What was absorbed stays as long as the frame does.
                    length: self.order.len(),
                    tried: None,
                }),
                Entered::Dead => {}
                Entered::Ended(ended) => {
                    let nodes = self.nodes;
                    return SequentialVerdict::Unknown { ended, nodes };
                }
            }
            loop {
                let Some(frame) = frames.last_mut() else {
                    let nodes = self.nodes;
                    return SequentialVerdict::Inconsistent { nodes };
                };
                self.take_back(frame.length);
                if let Some(tried) = frame.tried {
                    let key = self.plan.step(tried.operation).key;
                    self.states[key] = tried.before;
                }
                frame.tried = self.following(frame.tried);
                if let Some(chosen) = frame.tried {
                    self.happen(chosen.operation, chosen.after);
                    break;
                }
                frames.pop();
            }
        }
    }

    /// Lets observers happen for as long as one is legal at the head of its client.
    ///
    /// Sound: take any order of what is left. Moved to its front, the observer
    /// finds the state that is there now, where it is legal; it changes nothing,
    /// so all others find what they found before; and nothing of its own client
    /// comes before it, so every client's order is kept. In an order that
    /// exists, then, it may as well come first.
    ///
    /// One round is enough: no state changes, so what was illegal at the head
    /// of a client still is at the end.
    fn absorb(&mut self) {
        for client in 0..self.positions.len() {
            while let Some(operation) = self.head(client) {
                let step = self.plan.step(operation);
                let (observes, key) = (step.observes(), step.key);
                if !observes {
                    break;
                }
                self.look_up(operation);
                if self.next.is_empty() {
                    break;
                }
                self.happen(operation, self.states[key]);
            }
        }
    }

    /// Whether what is here is worth trying, after the budget is asked.
    fn enter(&mut self, budget: &Budget<'_>, stack: usize) -> Entered {
        if self.owed == 0 {
            return Entered::Done;
        }
        if budget.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Entered::Ended(Ended::Stopped);
        }
        if self.nodes >= budget.nodes {
            return Entered::Ended(Ended::Nodes);
        }
        if self.seen.bytes() + self.machines + stack > budget.bytes {
            return Entered::Ended(Ended::Memory);
        }
        self.nodes += 1;
        self.row.clear();
        self.row.extend_from_slice(&self.positions);
        self.row.extend(self.states.iter().map(|state| state.0));
        if self.seen.insert(&self.row) {
            Entered::New
        } else {
            Entered::Dead
        }
    }

    /// What to try after the last try: its other states, then the client whose
    /// head was called next. Most histories are nearly in the order of their
    /// calls, so that this order finds theirs soon.
    fn following(&mut self, tried: Option<Try>) -> Option<Try> {
        if let Some(tried) = tried {
            let other = self.branch(tried.operation, tried.branch + 1);
            if other.is_some() {
                return other;
            }
        }
        let mut last = tried.map(|tried| tried.operation);
        loop {
            let operation = (0..self.positions.len())
                .filter_map(|client| self.head(client))
                .filter(|head| last.is_none_or(|last| *head > last))
                .min()?;
            let first = self.branch(operation, 0);
            if first.is_some() {
                return first;
            }
            last = Some(operation);
        }
    }

    /// One of the ways in which an operation may happen now.
    fn branch(&mut self, operation: OperationIndex, branch: usize) -> Option<Try> {
        self.look_up(operation);
        let after = *self.next.get(branch)?;
        Some(Try {
            operation,
            branch,
            before: self.states[self.plan.step(operation).key],
            after,
        })
    }

    /// Fills `next` with the states that may follow an operation now.
    fn look_up(&mut self, operation: OperationIndex) {
        let step = &self.plan.steps[operation.place()];
        let machine = &mut self.plan.machines[step.key];
        self.next.clear();
        let before = machine.bytes();
        step.follow(self.states[step.key], machine.as_mut(), &mut self.next);
        self.machines = self.machines + machine.bytes() - before;
    }

    /// The next operation of a client.
    fn head(&self, client: usize) -> Option<OperationIndex> {
        self.plan.clients[client]
            .get(self.positions[client] as usize)
            .copied()
    }

    fn happen(&mut self, operation: OperationIndex, after: StateId) {
        let step = self.plan.step(operation);
        let (client, key, owed) = (step.client, step.key, !step.pending);
        self.positions[client] += 1;
        self.states[key] = after;
        self.owed -= usize::from(owed);
        self.order.push(operation);
    }

    /// Takes back all but the first operations; the states are the caller's to restore.
    fn take_back(&mut self, length: usize) {
        for operation in self.order.drain(length..) {
            let step = &self.plan.steps[operation.place()];
            self.positions[step.client] -= 1;
            self.owed += usize::from(!step.pending);
        }
    }
}
