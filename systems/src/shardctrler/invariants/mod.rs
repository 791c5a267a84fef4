//! The invariants of the controller: those of a service, and one history of sound
//! configurations.

mod chronicle;
mod promises;

pub use chronicle::Chronicle;

use super::{Configuration, Node, Number};
use crate::invariants::{ClusterView, Invariants, Violation};
use crate::process::{Effect, NodeId};
use crate::service::invariants::ServiceInvariants;

/// Watches over all nodes of a controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ControllerInvariants {
    service: ServiceInvariants,
    chronicle: Chronicle,
}

impl ControllerInvariants {
    /// A configuration that a replica has shown; `None` if none has yet.
    #[must_use]
    pub fn configuration(&self, number: Number) -> Option<&Configuration> {
        self.chronicle.configuration(number)
    }

    /// The newest configuration that any replica has shown.
    #[must_use]
    pub fn newest(&self) -> Option<&Configuration> {
        self.chronicle.newest()
    }

    fn look(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        match cluster.node(node).process.and_then(Node::replica) {
            Some(replica) => self.chronicle.look(node, replica.machine()),
            None => Ok(()),
        }
    }
}

/// Whether all that a node has applied is on its disk. A controller of one applies an entry
/// in the step that writes it: if that crashes over the write, the entry never was.
fn is_on_disk(cluster: &impl ClusterView<Node>, node: NodeId) -> bool {
    let view = cluster.node(node);
    let replica = view.process.and_then(Node::replica);
    replica.is_some_and(|replica| view.durable.log.last().index >= replica.raft().applied())
}

impl Invariants<Node> for ControllerInvariants {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effects: &[Effect<Node>],
    ) -> Result<(), Violation> {
        self.service.stepped(cluster, node, effects)
    }

    fn executed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effect: &Effect<Node>,
    ) -> Result<(), Violation> {
        self.service.executed(cluster, node, effect)?;
        // Whoever is told a configuration may follow it long before a slow disk lets the
        // step end in which it was made.
        match is_on_disk(cluster, node) {
            true => self.look(cluster, node),
            false => Ok(()),
        }
    }

    fn settled(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        self.service.settled(cluster, node)?;
        self.look(cluster, node)
    }

    fn crashed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        prevented: &[Effect<Node>],
    ) {
        self.chronicle.restarted(node);
        self.service.crashed(cluster, node, prevented);
    }

    fn started(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        self.chronicle.restarted(node);
        self.service.started(cluster, node)?;
        self.look(cluster, node)
    }
}
