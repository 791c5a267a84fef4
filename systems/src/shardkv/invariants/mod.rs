//! The invariants of the sharded service: those of Raft, the controller and each group;
//! groups follow the controller; and every shard has one owner.

mod ownership;

use alloc::format;
use alloc::vec::Vec;

use self::ownership::{Ownership, Seen};
use super::part::{ControllerPart, GroupPart};
use super::{Message, Node, Peer, Server, Transfer};
use crate::embeds::{self, Embeds};
use crate::invariants::{ClusterView, Invariants, Violation};
use crate::process::{Effect, NodeId};
use crate::service::invariants::ServiceInvariants;
use crate::shardctrler::{ControllerInvariants, GroupId, Number};
use crate::vec_map::VecMap;

/// Watches over all nodes of a sharded service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ShardkvInvariants {
    /// Each controller, by the first of its servers. A world may have several;
    /// the groups follow one.
    controllers: VecMap<NodeId, ControllerInvariants>,
    groups: VecMap<GroupId, ServiceInvariants>,
    ownership: Ownership,
    /// By the node: what a step came to that is not at its end, and whose
    /// entries were not on the node's disk when it began.
    begun: VecMap<NodeId, Seen>,
    /// By the node: the newest configuration that it followed, or knew as a clerk, in this life.
    followed: VecMap<NodeId, Number>,
}

/// Which invariants cover a node.
enum Belongs<'a> {
    /// To a controller, as a server.
    Controller(&'a mut ControllerInvariants),
    /// To a group.
    Group(&'a mut ServiceInvariants),
    /// To none: it only asks.
    Nowhere,
}

impl Invariants<Node> for ShardkvInvariants {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effects: &[Effect<Node>],
    ) -> Result<(), Violation> {
        match self.belongs(cluster, node) {
            Belongs::Controller(promises) => {
                embeds::stepped::<ControllerPart, _>(promises, cluster, node, effects)?;
            }
            Belongs::Group(promises) => {
                embeds::stepped::<GroupPart, _>(promises, cluster, node, effects)?;
            }
            Belongs::Nowhere => return Ok(()),
        }
        self.look_ahead(cluster, node)
    }

    fn executed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effect: &Effect<Node>,
    ) -> Result<(), Violation> {
        match self.belongs(cluster, node) {
            Belongs::Controller(promises) => {
                embeds::executed::<ControllerPart, _>(promises, cluster, node, effect)?;
            }
            Belongs::Group(promises) => {
                embeds::executed::<GroupPart, _>(promises, cluster, node, effect)?;
            }
            Belongs::Nowhere => return Ok(()),
        }
        self.settle_begun(cluster)?;
        match (cluster.node(node).process.and_then(Node::server), effect) {
            (Some(server), Effect::Send { message, .. }) => self.says(node, server, message),
            _ => Ok(()),
        }
    }

    fn settled(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        match self.belongs(cluster, node) {
            Belongs::Controller(promises) => {
                embeds::settled::<ControllerPart, _>(promises, cluster, node)?;
            }
            Belongs::Group(promises) => {
                embeds::settled::<GroupPart, _>(promises, cluster, node)?;
            }
            Belongs::Nowhere => return self.clerk_goes_forward(cluster, node),
        }
        self.begun.remove(&node);
        self.look(cluster, node)
    }

    /// What it began and did not end stays: its disk may hold all of it, and
    /// then that is committed.
    fn crashed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        prevented: &[Effect<Node>],
    ) {
        self.followed.remove(&node);
        // A node never seen has no state to forget.
        for controller in self.controllers.values_mut() {
            embeds::crashed::<ControllerPart, _>(controller, cluster, node, prevented);
        }
        for group in self.groups.values_mut() {
            embeds::crashed::<GroupPart, _>(group, cluster, node, prevented);
        }
    }

    fn started(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        self.followed.remove(&node);
        self.settle_begun(cluster)?;
        self.begun.remove(&node);
        match self.belongs(cluster, node) {
            Belongs::Controller(promises) => {
                embeds::started::<ControllerPart, _>(promises, cluster, node)?;
            }
            Belongs::Group(promises) => {
                embeds::started::<GroupPart, _>(promises, cluster, node)?;
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
        self.settle_begun(cluster)?;
        match cluster.node(node).process.and_then(Node::server) {
            Some(server) => {
                self.follows(node, server)?;
                match self.ownership.is_behind(server) {
                    true => self.ownership.look(node, &Seen::of(server)),
                    false => Ok(()),
                }
            }
            None => Ok(()),
        }
    }

    /// What a step says may be heard before all its effects are executed, and
    /// the node may never come to the end of them. But what it applied is
    /// committed, as soon as the disk holds it.
    fn look_ahead(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
    ) -> Result<(), Violation> {
        let Some(server) = cluster.node(node).process.and_then(Node::server) else {
            return Ok(());
        };
        if self.ownership.is_behind(server) {
            self.begun.insert(node, Seen::of(server));
        }
        self.settle_begun(cluster)
    }

    /// Looks at what began and is committed by now.
    fn settle_begun(&mut self, cluster: &impl ClusterView<Node>) -> Result<(), Violation> {
        let settled = |node: &NodeId, seen: &mut Seen| {
            let durable = <Node as Embeds<GroupPart>>::part_of_disk(cluster.node(*node).durable);
            durable.is_some_and(|durable| durable.log.last().index >= seen.applied)
        };
        let begun = &mut self.begun;
        let settled: Vec<_> = begun.extract_if(settled).collect();
        let mut settled = settled.iter();
        settled.try_for_each(|(node, seen)| self.ownership.look(*node, seen))
    }

    /// A group follows what a controller has ruled, word for word.
    fn follows(&mut self, node: NodeId, server: &Server) -> Result<(), Violation> {
        let configuration = server.machine().configuration();
        let number = configuration.number;
        let before = self.followed.insert(node, number);
        if let Some(before) = before.filter(|before| *before > number) {
            return Err(went_back(node, before, number));
        }
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

    /// A clerk never goes back to an older configuration, in which a shard that has moved on
    /// is still with its last owner.
    fn clerk_goes_forward(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
    ) -> Result<(), Violation> {
        let Some(clerk) = cluster.node(node).process.and_then(Node::clerk) else {
            return Ok(());
        };
        let number = clerk.configuration().number;
        match self.followed.insert(node, number) {
            Some(before) if before > number => Err(went_back(node, before, number)),
            _ => Ok(()),
        }
    }

    /// A server that says that its group has received a shard is of the group that it was
    /// for, and that has it: whoever hears it deletes the shard.
    fn says(&self, node: NodeId, server: &Server, message: &Message) -> Result<(), Violation> {
        let (Message::Shard(Transfer::Received { id })
        | Message::Peer(Peer::Outgoing {
            transfer: Transfer::Received { id },
            ..
        })) = message
        else {
            return Ok(());
        };
        // A server may send it for its leader, before it has applied as much itself.
        let group = server.group();
        match group == id.to && self.ownership.has_arrived(*id) {
            true => Ok(()),
            false => Err(Violation::new(
                "received-is-installed",
                [node],
                format!("{id} to be in the hands of its new owner"),
                format!("a server of {group} says that it was received"),
            )),
        }
    }
}

fn went_back(node: NodeId, before: Number, now: Number) -> Violation {
    Violation::new(
        "configuration-never-goes-back",
        [node],
        format!("{before} or later on {node}"),
        format!("{now}"),
    )
}
