//! Pasts that cannot have been are not looked into.
//!
//! A clerk that crashes leaves a change behind that may have happened at any
//! time since, or not at all, and with a dozen of them there are thousands of
//! pasts. But whoever was answered names a number, which nobody else can have
//! made, and whoever was shown a configuration tells what its number stands for.

use snowglobe_checkers::linearizability::{Interned, Machine, Numbering, StateId};
use snowglobe_systems::shardctrler::{Configuration, Number, Response};
use snowglobe_systems::vec_map::VecMap;
use snowglobe_systems::vec_set::VecSet;

use super::{Ask, Past, ShardControl, Told};

/// The states of one history.
pub(super) struct Pasts<'a> {
    states: Interned<'a, ShardControl<'a>>,
    /// By the operation's place: whether nobody knows what became of it.
    pending: Vec<bool>,
    /// Numbers that operations made which were answered.
    made: VecSet<Number>,
    /// What a number stands for, as somebody was shown or a replica has made it.
    shown: VecMap<Number, &'a Configuration>,
}

impl<'a> Pasts<'a> {
    pub(super) fn new(
        control: &'a ShardControl<'a>,
        operations: Vec<(&'a Ask, Option<&'a Told>)>,
    ) -> Self {
        let answers = || operations.iter().filter_map(|(_, told)| *told);
        let made = answers().filter_map(|told| match told {
            Told::Done(Response::Changed(number)) => Some(*number),
            _ => None,
        });
        let shown = answers().filter_map(|told| match told {
            Told::Shown(configuration) => Some(configuration),
            Told::Done(_) => None,
        });
        let shown = shown.chain(control.made);
        Self {
            made: made.collect(),
            shown: shown.map(|shown| (shown.number, shown)).collect(),
            pending: operations.iter().map(|(_, told)| told.is_none()).collect(),
            states: Interned::new(control, operations),
        }
    }

    /// Whether nobody knows what became of an operation, and somebody else has made the number
    /// that it would make next. This is asked before the state that it would lead to is made:
    /// after a hundred crashes of clerks, nearly all states would be such ones.
    fn is_taken(&self, operation: usize, from: StateId) -> bool {
        let next = self.states.known(from).newest().number.next();
        self.pending[operation] && self.made.contains(&next)
    }

    /// Whether an operation may lead from one state to another, for all that is answered.
    fn may_be(&self, operation: usize, from: StateId, to: StateId) -> bool {
        let pending = self.pending[operation];
        if from == to {
            // What changes nothing need not have happened.
            return !pending;
        }
        let next = self.states.known(to).newest();
        let is_other = |shown: &&Configuration| *shown != next;
        !self.shown.get(&next.number).is_some_and(is_other)
    }
}

impl Numbering<Past> for Pasts<'_> {
    fn number(&mut self, past: &Past) -> StateId {
        self.states.number(past)
    }

    fn state(&self, id: StateId) -> Option<Past> {
        self.states.state(id)
    }
}

impl Machine for Pasts<'_> {
    fn step(&mut self, from: StateId, operation: usize, next: &mut Vec<StateId>) {
        if self.is_taken(operation, from) {
            return;
        }
        let mut followers = Vec::new();
        self.states.step(from, operation, &mut followers);
        let may_be = |to: &StateId| self.may_be(operation, from, *to);
        next.extend(followers.into_iter().filter(may_be));
    }

    fn bytes(&self) -> usize {
        self.states.bytes()
    }
}
