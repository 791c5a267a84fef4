//! Nodes that trade their names.
//!
//! Where a protocol does not tell its nodes apart, a world in which they have
//! traded names is the same world: whatever happens in one happens in the other.
//! A model checker looks at one of them only.

use alloc::vec::Vec;

use crate::process::NodeId;

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
}

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

impl<T: Renamed> Renamed for Option<T> {
    fn renamed(&self, renaming: &Renaming) -> Self {
        self.as_ref().map(|value| value.renamed(renaming))
    }
}
