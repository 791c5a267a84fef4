//! Why a history is not linearizable: in words, as data, and as small as can be.

mod minimal;
mod prefix;
mod reason;
mod words;

use std::cell::Cell;

use serde::Serialize;

use super::budget::Budget;
use super::check::{Judged, Options, Part, judge, machine};
use super::cuts::Cuts;
use super::machine::Numbering;
use super::partition::partitions;
use super::problem::Member;
use super::specification::Specification;
use crate::history::{ClientId, History, Moment, OperationIndex};

pub use reason::{Reason, ReasonKind};

/// Why the operations of one key have no order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The key, in words; empty where there is but one object.
    pub key: String,
    /// How many operations the key has.
    pub operations: usize,
    /// How many operations had returned before the first illegal return. They
    /// can be put in order: the prefix is the longest that is linearizable.
    pub explained: usize,
    /// The operation whose return is the first that cannot be explained.
    pub broken: Told,
    /// The operations of which one would have to come next, each with the states
    /// that the prefix can end in and that forbid it.
    pub blocked: Vec<Blocked>,
    /// A part of the history that is illegal on its own.
    pub core: Vec<Told>,
    /// Whether nothing can be taken out of the core: each observer is needed, and
    /// each other operation is needed to have happened before it returned.
    pub minimal: bool,
    /// The reason in one sentence, where there is one.
    pub reason: Option<Reason>,
}

/// An operation, told to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its place in the history.
    pub index: OperationIndex,
    /// Who called.
    pub client: ClientId,
    /// When.
    pub called: Moment,
    /// When the answer came, if one did.
    pub returned: Option<Moment>,
    /// What was asked and answered.
    pub words: String,
}

/// An operation that cannot come next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// The operation.
    pub operation: Told,
    /// States, in words, that the object may be in, in which it cannot give its answer.
    pub states: Vec<String>,
}

impl Told {
    fn of<S: Specification>(
        specification: &S,
        history: &History<S::Input, S::Output>,
        index: OperationIndex,
    ) -> Self {
        let operation = history.operation(index);
        Self {
            index,
            client: operation.client,
            called: operation.called,
            returned: operation.returned_at(),
            words: specification.describe_operation(&operation.input, operation.output()),
        }
    }
}

/// Explains why the operations of a key have no order. `None` when they have
/// one, or when the budget ends first.
pub fn explain<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    key: &S::Key,
    options: &Options<'_>,
) -> Option<Explanation> {
    let parts = partitions(specification, history);
    let members = parts.into_iter().find(|part| part.key == *key)?.members;
    let trial = Trial {
        specification,
        history,
        cuts: options.cuts,
        budget: options.budget,
        spare: Cell::new(u64::MAX),
    };
    let prefix = prefix::shortest_illegal(&trial, &members)?;
    let core = minimal::core(&trial, &prefix);
    let told = |index: &OperationIndex| Told::of(specification, history, *index);
    Some(Explanation {
        key: specification.describe_key(key),
        operations: members.len(),
        explained: prefix.explained,
        broken: told(&prefix.broken),
        blocked: prefix::blocked(&trial, &members, &prefix),
        reason: reason::reason(&trial, &members, &core.operations),
        core: core.operations.iter().map(told).collect(),
        minimal: core.minimal,
    })
}

/// Judges parts of a history, again and again.
struct Trial<'a, S: Specification> {
    specification: &'a S,
    history: &'a History<S::Input, S::Output>,
    cuts: Cuts,
    budget: Budget<'a>,
    /// How many operations and configurations all judgements together may still look at.
    spare: Cell<u64>,
}

impl<S: Specification> Trial<'_, S> {
    /// The same, with fewer configurations for each judgement and for all.
    fn with_limits(&self, nodes: u64, spare: u64) -> Self {
        let mut budget = self.budget;
        budget.nodes = budget.nodes.min(nodes);
        Self {
            specification: self.specification,
            history: self.history,
            cuts: self.cuts,
            budget,
            spare: Cell::new(spare),
        }
    }

    /// Whether there is no more to spend.
    fn is_over(&self) -> bool {
        self.budget.stopped() || self.spare.get() == 0
    }

    /// Whether the members have no order; `None` when the budget ends first.
    fn is_illegal(&self, members: &[Member]) -> Option<bool> {
        let cost = members.len() as u64 + 1;
        let spare = self.spare.get().checked_sub(cost);
        self.spare.set(spare.unwrap_or(0));
        spare?;
        let judged = self.judge(members);
        self.spare
            .set(self.spare.get().saturating_sub(judged.nodes));
        match judged.part {
            Part::Legal(_) => Some(false),
            Part::Illegal(_) => Some(true),
            Part::Unknown { .. } => None,
        }
    }

    /// An order of the members, if they have one.
    fn order(&self, members: &[Member]) -> Option<Vec<OperationIndex>> {
        match self.judge(members).part {
            Part::Legal(order) => Some(order),
            Part::Illegal(_) | Part::Unknown { .. } => None,
        }
    }

    fn judge(&self, members: &[Member]) -> Judged {
        judge(
            self.specification,
            self.history,
            members,
            self.cuts,
            &self.budget,
        )
    }

    fn machine(&self, members: &[Member]) -> Box<dyn Numbering<S::State> + '_> {
        machine(self.specification, self.history, members)
    }
}
