//! What the sharded service promises over all its nodes: all that Raft, the
//! controller and each group do, and that every shard has one owner.

mod ownership;

use self::ownership::Ownership;
use super::{Node, Server};
use crate::invariants::{ClusterView, Invariants, Violation};
use crate::process::{Effect, NodeId};

/// Watches over all nodes of a sharded service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ShardkvInvariants {
    ownership: Ownership,
}

impl Invariants<Node> for ShardkvInvariants {
    fn before_effects(
        &mut self,
        _: &impl ClusterView<Node>,
        _: NodeId,
        _: &[Effect<Node>],
    ) -> Result<(), Violation> {
        Ok(())
    }

    fn after_effects(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
    ) -> Result<(), Violation> {
        match cluster.node(node).process.and_then(Node::server) {
            Some(server) => self.look(node, server),
            None => Ok(()),
        }
    }

    fn after_restart(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
    ) -> Result<(), Violation> {
        self.after_effects(cluster, node)
    }
}

impl ShardkvInvariants {
    fn look(&mut self, node: NodeId, server: &Server) -> Result<(), Violation> {
        self.ownership.look(node, server)
    }
}
