//! Nodes that trade their names.
//!
//! Where a protocol does not tell its nodes apart, a world in which they have
//! traded names is the same world: whatever happens in one happens in the other.
//! A model checker looks at one of them only.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::invariants::ForReport;
use crate::process::{Durable, Effect, Input, NoDisk, NoRecord, NodeId, Process};
use crate::vec_map::VecMap;

/// Who gets whose name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Renaming {
    /// By position: each name stands here once.
    new: Vec<NodeId>,
}

impl Renaming {
    /// The node at position `k` gets the `k`-th of these names.
    ///
    /// # Panics
    /// If a name is missing or comes twice.
    #[must_use]
    pub fn new(new: Vec<NodeId>) -> Self {
        let mut names = new.clone();
        names.sort_unstable();
        let all = (0..new.len()).map(NodeId::at);
        assert!(
            names.into_iter().eq(all),
            "each name is given once: {new:?}"
        );
        Self { new }
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.new.len()
    }

    /// Whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.new.is_empty()
    }

    /// The new name of a node.
    #[must_use]
    pub fn of(&self, node: NodeId) -> NodeId {
        self.new[node.position()]
    }

    /// The node that gets this name.
    ///
    /// # Panics
    /// If there is no such name.
    #[must_use]
    pub fn origin(&self, name: NodeId) -> NodeId {
        let position = self.new.iter().position(|new| *new == name);
        NodeId::at(position.expect("each name is given once"))
    }

    /// The renaming that takes this one back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let names = (0..self.len()).map(NodeId::at);
        Self {
            new: names.map(|name| self.origin(name)).collect(),
        }
    }

    /// What is kept by the positions of all nodes, or of none yet.
    ///
    /// # Panics
    /// If it is kept for some nodes only.
    #[must_use]
    pub fn by_position<T: Renamed>(&self, values: &[T]) -> Vec<T> {
        if values.is_empty() {
            return Vec::new();
        }
        assert_eq!(values.len(), self.len(), "one value for each node");
        let names = (0..self.len()).map(NodeId::at);
        names
            .map(|name| values[self.origin(name).position()].renamed(self))
            .collect()
    }
}

/// Contains no [`NodeId`], whatever its value: renaming is the identity. A command says so of itself, and a state machine of its state and
/// of all that it is asked and answers: a snapshot is bytes, in which nobody
/// could rename anything.
pub trait NamesNobody {}

/// What speaks of nodes by name.
pub trait Renamed {
    /// The same, when nodes have traded names.
    #[must_use]
    fn renamed(&self, renaming: &Renaming) -> Self;
}

impl Renamed for NodeId {
    fn renamed(&self, renaming: &Renaming) -> Self {
        renaming.of(*self)
    }
}

impl Renamed for NoDisk {
    fn renamed(&self, _: &Renaming) -> Self {
        Self
    }
}

impl Renamed for NoRecord {
    fn renamed(&self, _: &Renaming) -> Self {
        match *self {}
    }
}

impl<T: Renamed> Renamed for Option<T> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        self.as_ref().map(|value| value.renamed(renaming))
    }
}

impl<T: Renamed> Renamed for ForReport<T> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self(self.0.renamed(renaming))
    }
}

/// Each in its place.
impl<T: Renamed> Renamed for Vec<T> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        self.iter().map(|value| value.renamed(renaming)).collect()
    }
}

/// What is kept under keys that name nobody.
impl<K: Clone + Ord + NamesNobody, T: Renamed> Renamed for BTreeMap<K, T> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        let renamed = |(key, value): (&K, &T)| (key.clone(), value.renamed(renaming));
        self.iter().map(renamed).collect()
    }
}

/// What is kept under keys that name nobody.
impl<K: Clone + Ord + NamesNobody, T: Renamed> Renamed for VecMap<K, T> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        let renamed = |(key, value): (&K, &T)| (key.clone(), value.renamed(renaming));
        self.iter().map(renamed).collect()
    }
}

impl<P: Process> Renamed for Input<P>
where
    P::Message: Renamed,
    P::Operation: Renamed,
{
    fn renamed(&self, renaming: &Renaming) -> Self {
        match self {
            Self::Receive { from, message } => Self::Receive {
                from: from.renamed(renaming),
                message: message.renamed(renaming),
            },
            Self::Timeout(timer) => Self::Timeout(*timer),
            Self::Invoke {
                invocation,
                operation,
            } => Self::Invoke {
                invocation: *invocation,
                operation: operation.renamed(renaming),
            },
        }
    }
}

impl<P: Process> Renamed for Effect<P>
where
    P::Message: Renamed,
    P::Outcome: Renamed,
    <P::Durable as Durable>::Write: Renamed,
{
    fn renamed(&self, renaming: &Renaming) -> Self {
        match self {
            Self::Persist(write) => Self::Persist(write.renamed(renaming)),
            Self::Send { to, message } => Self::Send {
                to: to.renamed(renaming),
                message: message.renamed(renaming),
            },
            Self::SetTimer { timer, delay } => Self::SetTimer {
                timer: *timer,
                delay: *delay,
            },
            Self::CancelTimer(timer) => Self::CancelTimer(*timer),
            Self::Return {
                invocation,
                outcome,
            } => Self::Return {
                invocation: *invocation,
                outcome: outcome.renamed(renaming),
            },
            Self::Tell(outcome) => Self::Tell(outcome.renamed(renaming)),
            Self::Mark(mark) => Self::Mark(mark),
        }
    }
}
