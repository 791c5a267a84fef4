//! Nodes as they were at moments of one's choice, which no run would show together.

use snowglobe_systems::invariants::{ClusterView, Invariants, NodeView};
use snowglobe_systems::process::{Effect, NodeId, Process};
use snowglobe_systems::raft::invariants::RaftInvariants;

use crate::canary::Said;
use crate::story::{Node, World};

pub(crate) type Disk = <Node as Process>::Durable;
pub(crate) type Words = <Node as Process>::Message;

/// All nodes, and what was remembered of them.
#[derive(Clone)]
pub(crate) struct Tableau {
    nodes: Vec<(Option<Node>, Disk)>,
    invariants: RaftInvariants,
}

impl ClusterView<Node> for Tableau {
    fn len(&self) -> usize {
        self.nodes.len()
    }
    fn node(&self, id: NodeId) -> NodeView<'_, Node> {
        let (process, durable) = &self.nodes[id.position()];
        NodeView {
            process: process.as_ref(),
            durable,
        }
    }
}

impl Tableau {
    /// A world as it stands.
    pub(crate) fn of(world: &World) -> Self {
        let node = |id| {
            let process = world.is_up(id).then(|| world.node(id).clone());
            (process, world.durable(id).clone())
        };
        Self {
            nodes: world.names().into_iter().map(node).collect(),
            invariants: world.invariants.clone(),
        }
    }

    /// With a node, and its disk, as they stand in another world.
    pub(crate) fn with(mut self, id: NodeId, other: &World) -> Self {
        let process = other.is_up(id).then(|| other.node(id).clone());
        self.nodes[id.position()] = (process, other.durable(id).clone());
        self
    }

    /// With nothing remembered at all.
    pub(crate) fn unaware(mut self) -> Self {
        self.invariants = RaftInvariants::default();
        self
    }

    /// With another disk under a node.
    pub(crate) fn disk(mut self, id: NodeId, change: impl FnOnce(&mut Disk)) -> Self {
        change(&mut self.nodes[id.position()].1);
        self
    }

    pub(crate) fn started(&mut self, id: NodeId) -> Said {
        let mut invariants = std::mem::take(&mut self.invariants);
        let said = Invariants::<Node>::started(&mut invariants, self, id);
        self.invariants = invariants;
        said
    }

    pub(crate) fn stepped(&mut self, id: NodeId, effects: &[Effect<Node>]) -> Said {
        let mut invariants = std::mem::take(&mut self.invariants);
        let said = Invariants::<Node>::stepped(&mut invariants, self, id, effects);
        self.invariants = invariants;
        said
    }

    pub(crate) fn executed(&mut self, id: NodeId, effect: &Effect<Node>) -> Said {
        let mut invariants = std::mem::take(&mut self.invariants);
        let said = Invariants::<Node>::executed(&mut invariants, self, id, effect);
        self.invariants = invariants;
        said
    }

    pub(crate) fn settled(&mut self, id: NodeId) -> Said {
        let mut invariants = std::mem::take(&mut self.invariants);
        let said = Invariants::<Node>::settled(&mut invariants, self, id);
        self.invariants = invariants;
        said
    }

    /// A node has said this.
    pub(crate) fn said(&mut self, from: NodeId, to: NodeId, message: Words) -> Said {
        self.executed(from, &Effect::Send { to, message })
    }
}
