//! What a judge says.

use serde::Serialize;

use crate::history::{History, Moment, OperationIndex};

/// Whether a history is linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<Key> {
    /// It is: here is the order.
    Linearizable(Certificate),
    /// It is not, because of the operations of one key.
    Illegal(Illegal<Key>),
    /// The budget ended first.
    Unknown(Unknown<Key>),
}

impl<Key> Verdict<Key> {
    /// Whether the history is linearizable.
    pub const fn is_linearizable(&self) -> bool {
        matches!(self, Self::Linearizable(_))
    }

    /// Whether the history is not linearizable.
    pub const fn is_illegal(&self) -> bool {
        matches!(self, Self::Illegal(_))
    }
}

/// An order in which the operations may have happened, one at a time. Pending
/// operations that it leaves out are those that need not have happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// Places in the history.
    pub order: Vec<OperationIndex>,
}

impl Certificate {
    /// Makes one order of the orders of all keys. Each operation happens as soon
    /// as it is called and those before it in its own order have happened; that is
    /// never after its return, and so the whole keeps to real time.
    pub(super) fn merge<I, O>(history: &History<I, O>, orders: &[Vec<OperationIndex>]) -> Self {
        let mut points = Vec::with_capacity(orders.iter().map(Vec::len).sum());
        for (part, order) in orders.iter().enumerate() {
            let mut now = Moment::default();
            for (place, index) in order.iter().enumerate() {
                now = now.max(history.operation(*index).called);
                points.push((now, part as u32, place as u32, *index));
            }
        }
        points.sort_unstable();
        Self {
            order: points.into_iter().map(|(_, _, _, index)| index).collect(),
        }
    }
}

/// A key whose operations have no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Illegal<Key> {
    /// The key.
    pub key: Key,
    /// Its operations, by their place in the history.
    pub operations: Vec<OperationIndex>,
    /// How it was found.
    pub found: Found,
}

/// How a history was found to be illegal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// By looking at this operation alone: nothing can have given its answer.
    AtOnce(OperationIndex),
    /// By the order in which values that were written once were read.
    ByZones,
    /// What was answered says of operations in which order they happened, and that goes round in a
    /// circle.
    ByOrder,
    /// By trying every order.
    BySearch,
}

/// How far a judge came before its budget ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown<Key> {
    /// The key it was at.
    pub key: Key,
    /// The operations of that key.
    pub operations: usize,
    /// The last moment of which it is known that all that returned before it
    /// can be put in order.
    pub until: Moment,
    /// Which budget ended.
    pub ended: Ended,
    /// How many configurations were looked at.
    pub nodes: u64,
}

/// Why a judge stopped early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// It had looked at as many configurations as it may.
    Nodes,
    /// It had taken as much memory as it may.
    Memory,
    /// It was told to stop.
    Stopped,
}
