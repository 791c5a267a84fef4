//! Sequential consistency: is there one order that every client agrees with?
//!
//! After Lamport, "How to Make a Multiprocessor Computer That Correctly
//! Executes Multiprocess Programs" (1979): "the result of any execution is the
//! same as if the operations of all the processors were executed in some
//! sequential order, and the operations of each individual processor appear in
//! this sequence in the order specified by its program". Real time between
//! clients does not count.
//!
//! Unlike linearizability it is not compositional: each key alone may have an
//! order, and no order fit all of them. So all keys are searched at once, and
//! to decide it is NP-complete even for registers (Gibbons and Korach, "Testing
//! Shared Memories", 1997). It is meant for small histories.

mod configurations;
mod plan;
mod search;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::history::{History, OperationIndex};
use crate::linearizability::{Budget, Ended, Specification};

/// Whether a history is sequentially consistent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SequentialVerdict {
    /// It is.
    Consistent {
        /// An order of all operations, over all keys. Pending operations that
        /// it leaves out are those that need not have happened.
        order: Vec<OperationIndex>,
    },
    /// No order fits.
    Inconsistent {
        /// How many configurations were looked at.
        nodes: u64,
    },
    /// The budget ended first.
    Unknown {
        /// Which budget.
        ended: Ended,
        /// How many configurations were looked at.
        nodes: u64,
    },
}

impl SequentialVerdict {
    /// Whether the history is sequentially consistent.
    #[must_use]
    pub const fn is_consistent(&self) -> bool {
        matches!(self, Self::Consistent { .. })
    }

    /// Whether the history is not sequentially consistent.
    #[must_use]
    pub const fn is_inconsistent(&self) -> bool {
        matches!(self, Self::Inconsistent { .. })
    }
}

/// Looks for one order of all operations that keeps each client's own order and
/// that the specification allows, key by key. Pending operations may be left out.
///
/// The whole history is one partition, so the budget is for all of it.
#[must_use]
pub fn check<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    budget: &Budget<'_>,
) -> SequentialVerdict {
    search::Search::new(specification, history).run(budget)
}
