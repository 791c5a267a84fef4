//! The nodes as those see them who watch.

use snowglobe_systems::invariants::{ClusterView, NodeView};
use snowglobe_systems::process::{NodeId, Process};

use super::node::Node;

/// The nodes as the invariants see them.
pub(crate) struct Cluster<'a, P: Process>(pub(super) &'a [Node<P>]);

impl<P: Process> ClusterView<P> for Cluster<'_, P> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn node(&self, id: NodeId) -> NodeView<'_, P> {
        let node = &self.0[id.position()];
        NodeView {
            process: node.process(),
            durable: node.durable(),
        }
    }
}

/// Somebody who looks at the nodes whenever a step is over or a node goes down, and changes
/// nothing.
pub(super) struct Onlooker<P: Process>(Option<Box<Look<P>>>);

type Look<P> = dyn FnMut(&Cluster<'_, P>) + Send;

impl<P: Process> Onlooker<P> {
    /// Nobody.
    pub(super) const NOBODY: Self = Self(None);

    pub(super) fn new(look: impl FnMut(&Cluster<'_, P>) + Send + 'static) -> Self {
        Self(Some(Box::new(look)))
    }

    pub(super) fn look(&mut self, nodes: &[Node<P>]) {
        if let Some(look) = &mut self.0 {
            look(&Cluster(nodes));
        }
    }
}

/// A copy of a world has nobody who looks on.
impl<P: Process> Clone for Onlooker<P> {
    fn clone(&self) -> Self {
        Self::NOBODY
    }
}
