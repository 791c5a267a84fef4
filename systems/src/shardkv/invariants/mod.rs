//! What the sharded service promises over all its nodes: all that Raft, the
//! controller and each group do, that groups follow the controller, and that
//! every shard has one owner.

mod ownership;

use alloc::collections::BTreeMap;
use alloc::format;

use self::ownership::Ownership;
use super::part::{ControllerPart, GroupPart};
use super::{Node, Server};
use crate::invariants::{ClusterView, Invariants, Violation};
use crate::part;
use crate::process::{Effect, NodeId};
use crate::service::invariants::ServiceInvariants;
use crate::shardctrler::{ControllerInvariants, GroupId, Number};

/// Watches over all nodes of a sharded service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ShardkvInvariants {
    /// Each controller, by the first of its servers. A world may have several;
    /// the groups follow one.
    controllers: BTreeMap<NodeId, ControllerInvariants>,
    groups: BTreeMap<GroupId, ServiceInvariants>,
    ownership: Ownership,
    /// By the node: the newest configuration that it followed in this life.
    followed: BTreeMap<NodeId, Number>,
}

/// Which invariants a node is a matter of.
enum Belongs<'a> {
    /// To a controller, as a server.
    Controller(&'a mut ControllerInvariants),
    /// To a group.
    Group(&'a mut ServiceInvariants),
    /// To none: it only asks.
    Nowhere,
}

impl Invariants<Node> for ShardkvInvariants {
    fn before_effects(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effects: &[Effect<Node>],
    ) -> Result<(), Violation> {
        match self.belongs(cluster, node) {
            Belongs::Controller(promises) => {
                part::before_effects::<ControllerPart, _>(promises, cluster, node, effects)
            }
            Belongs::Group(promises) => {
                part::before_effects::<GroupPart, _>(promises, cluster, node, effects)
            }
            Belongs::Nowhere => Ok(()),
        }
    }

    fn after_effects(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
    ) -> Result<(), Violation> {
        match self.belongs(cluster, node) {
            Belongs::Controller(promises) => {
                part::after_effects::<ControllerPart, _>(promises, cluster, node)?;
            }
            Belongs::Group(promises) => {
                part::after_effects::<GroupPart, _>(promises, cluster, node)?;
            }
            Belongs::Nowhere => return Ok(()),
        }
        self.look(cluster, node)
    }

    fn after_restart(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
    ) -> Result<(), Violation> {
        self.followed.remove(&node);
        match self.belongs(cluster, node) {
            Belongs::Controller(promises) => {
                part::after_restart::<ControllerPart, _>(promises, cluster, node)?;
            }
            Belongs::Group(promises) => {
                part::after_restart::<GroupPart, _>(promises, cluster, node)?;
            }
            Belongs::Nowhere => return Ok(()),
        }
        self.look(cluster, node)
    }
}

impl ShardkvInvariants {
    fn belongs(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Belongs<'_> {
        match cluster.node(node).process {
            Some(Node::Controller(controller)) => match controller.replica() {
                Some(replica) => {
                    let first = replica.raft().voters().nodes()[0];
                    Belongs::Controller(self.controllers.entry(first).or_default())
                }
                None => Belongs::Nowhere,
            },
            Some(Node::Server(server)) => {
                Belongs::Group(self.groups.entry(server.group()).or_default())
            }
            Some(Node::Clerk(_)) | None => Belongs::Nowhere,
        }
    }

    /// Looks at a server of a group after a step.
    fn look(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        match cluster.node(node).process.and_then(Node::server) {
            Some(server) => {
                self.follows(node, server)?;
                self.ownership.look(node, server)
            }
            None => Ok(()),
        }
    }

    /// A group follows what a controller has ruled, word for word.
    fn follows(&mut self, node: NodeId, server: &Server) -> Result<(), Violation> {
        let configuration = server.machine().configuration();
        let number = configuration.number;
        let before = self.followed.insert(node, number);
        // Before the first one that it asked for, a group has none.
        if before == Some(number) || number == Number::default() {
            return Ok(());
        }
        let mut rulers = self.controllers.values();
        match rulers.any(|ruler| ruler.configuration(number) == Some(configuration)) {
            true => Ok(()),
            false => Err(Violation::new(
                "group-follows-controller",
                [node],
                format!("what a controller ruled as {number}"),
                format!("{} follows {configuration:?}", server.group()),
            )),
        }
    }
}
