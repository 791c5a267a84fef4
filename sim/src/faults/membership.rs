//! Who is who among the nodes, as far as faults and healing are concerned.

use snowglobe_systems::process::NodeId;

/// Groups that promise to live as long as a majority of each does, and clients,
/// on which nobody depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Disjoint sets of nodes, each in ascending order.
    groups: Vec<Vec<NodeId>>,
    /// Every node that is in no group, in ascending order.
    clients: Vec<NodeId>,
    /// Whether clients keep something on their disks.
    clients_write: bool,
    /// The fewest clients that get all work done, where they share it; otherwise
    /// each of them is somebody's own.
    crowd: Option<usize>,
}

/// Some nodes, of whom some are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set<'a> {
    /// All of them.
    pub nodes: &'a [NodeId],
    /// How many must be well, of those that are there.
    pub least: usize,
}

impl Membership {
    /// One group of the nodes `n1` to `n<nodes>`, and no clients.
    #[must_use]
    pub fn one_group(nodes: usize) -> Self {
        Self::groups([nodes], 0)
    }

    /// Groups of these sizes, one after the other from `n1` on, and then so many clients.
    #[must_use]
    pub fn groups(sizes: impl IntoIterator<Item = usize>, clients: usize) -> Self {
        let mut next = 0;
        let mut take = |size: usize| {
            next += size;
            (next - size..next).map(NodeId::at).collect()
        };
        Self {
            groups: sizes.into_iter().map(&mut take).collect(),
            clients: take(clients),
            clients_write: false,
            crowd: None,
        }
    }

    /// The same, with clients that keep something on their disks: disks of
    /// theirs may fail too, for good in a minority.
    #[must_use]
    pub fn whose_clients_write(mut self) -> Self {
        self.clients_write = true;
        self
    }

    /// The same, with clients who share their work: so many of them are enough.
    #[must_use]
    pub fn whose_clients_share(mut self, least: usize) -> Self {
        self.crowd = Some(least);
        self
    }

    /// The clients, if they share their work.
    #[must_use]
    pub fn crowd(&self) -> Option<&[NodeId]> {
        self.crowd.map(|_| self.clients.as_slice())
    }

    /// All groups, and the clients, each with how many of them must be well.
    pub fn sets(&self) -> impl Iterator<Item = Set<'_>> {
        let groups = self.groups.iter().map(|group| Set {
            nodes: group,
            least: group.len() - tolerated_damage(group.len()),
        });
        let clients = Set {
            nodes: &self.clients,
            least: self.crowd.unwrap_or(self.clients.len()),
        };
        groups.chain([clients])
    }

    /// Whether the system promises to do without this link, in this direction, if
    /// everything else is well. A group of three reaches its third by way of the
    /// second, and is reached so; one of two falls apart, and one of one is out of reach.
    #[must_use]
    pub fn can_lose_link(&self, from: NodeId, to: NodeId) -> bool {
        let mut ends = [from, to].into_iter();
        let is_client = |id: NodeId| self.clients.contains(&id);
        match self.crowd {
            Some(least) => ends.any(is_client) && self.clients.len() > least,
            // Clients say nothing to each other.
            None if is_client(from) && is_client(to) => false,
            None => ends.all(|id| {
                let group = self.groups.iter().find(|group| group.contains(&id));
                group.is_none_or(|group| group.len() >= 3)
            }),
        }
    }

    /// The nodes whose disks matter, in ascending order.
    pub fn with_disks(&self) -> impl Iterator<Item = NodeId> + '_ {
        let clients = self.clients_write.then_some(&self.clients);
        self.servers().chain(clients.into_iter().flatten().copied())
    }

    /// Sets of nodes, each with how many of them may be damaged for good.
    pub(super) fn tolerances(&self) -> impl Iterator<Item = (&[NodeId], usize)> {
        let groups = self.groups.iter();
        let groups = groups.map(|group| (group.as_slice(), tolerated_damage(group.len())));
        let clients = self.clients_write.then_some(self.clients.as_slice());
        groups.chain(clients.map(|clients| (clients, tolerated_damage(clients.len()))))
    }

    /// How many nodes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.groups.iter().map(Vec::len).sum::<usize>() + self.clients.len()
    }

    /// All nodes, in ascending order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.size()).map(NodeId::at)
    }

    /// The nodes of all groups, in ascending order.
    pub fn servers(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.groups.iter().flatten().copied()
    }

    /// The nodes in no group, in ascending order.
    #[must_use]
    pub fn clients(&self) -> &[NodeId] {
        &self.clients
    }

    /// Whether there are groups that can lose sight of each other.
    #[must_use]
    pub fn has_several_groups(&self) -> bool {
        self.groups.len() >= 2
    }

    /// The groups.
    #[must_use]
    pub fn each_group(&self) -> &[Vec<NodeId>] {
        &self.groups
    }
}

/// How many nodes of a group may be damaged for good while a majority is whole.
pub(super) fn tolerated_damage(nodes: usize) -> usize {
    nodes.saturating_sub(1) / 2
}
