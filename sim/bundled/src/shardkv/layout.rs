//! Who is who among the nodes of a sharded service.

use snowglobe_systems::process::NodeId;
use snowglobe_systems::service;
use snowglobe_systems::shardctrler::GroupId;
use snowglobe_systems::shardkv::{self, Config};
use snowglobe_systems::vec_map::VecMap;

use super::{ShardkvOptions, clerk_of, replica, server};
use snowglobe::faults::Membership;

/// Who is who. The order of the fields is that of the nodes.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) controllers: Vec<NodeId>,
    pub(super) groups: VecMap<GroupId, Vec<NodeId>>,
    /// The servers of the second controller, if some clerks are misled.
    pub(super) rogues: Vec<NodeId>,
    pub(super) operators: Vec<NodeId>,
    /// Who asks the second controller for its operator.
    pub(super) rogue_operators: Vec<NodeId>,
    pub(super) clerks: Vec<NodeId>,
}

impl Layout {
    pub(super) fn new(nodes: usize, options: &ShardkvOptions) -> Self {
        let mut next = 0;
        let mut take = |size: usize| -> Vec<NodeId> {
            next += size;
            (next - size..next).map(NodeId::at).collect()
        };
        let controllers = usize::from(options.controllers);
        let (rogues, rogue_operators) = match options.misled {
            0 => (0, 0),
            _ => (controllers, 1),
        };
        let groups = 1..=u32::from(options.groups);
        Self {
            controllers: take(controllers),
            groups: groups.map(|group| (GroupId(group), take(nodes))).collect(),
            rogues: take(rogues),
            operators: take(usize::from(options.operators)),
            rogue_operators: take(rogue_operators),
            clerks: take(usize::from(options.clerks)),
        }
    }

    /// Every replicated set of servers keeps a majority; the others are clients.
    pub(super) fn membership(&self) -> Membership {
        let groups = self.groups.values().map(Vec::len);
        let rogues = (!self.rogues.is_empty()).then_some(self.rogues.len());
        let sizes = [self.controllers.len()]
            .into_iter()
            .chain(groups)
            .chain(rogues);
        let clients = self.operators.len() + self.rogue_operators.len() + self.clerks.len();
        Membership::groups(sizes, clients)
    }

    /// One configuration per node.
    pub(super) fn configs(&self, options: &ShardkvOptions) -> Vec<Config> {
        let ruler = |servers: &[NodeId]| -> Vec<Config> {
            let each = servers.iter();
            let config = |_| service::Config::Server(replica(servers, options));
            each.map(config).map(Config::Controller).collect()
        };
        let operator = |servers: &[NodeId], count: usize| {
            let asks = service::Config::Clerk(clerk_of(servers, 1, options));
            vec![Config::Controller(asks); count]
        };
        let mut configs = ruler(&self.controllers);
        for (group, voters) in &self.groups {
            let controller = clerk_of(&self.controllers, 1, options);
            let config = server(*group, voters, controller, options);
            configs.extend(vec![Config::Server(config); voters.len()]);
        }
        configs.extend(ruler(&self.rogues));
        configs.extend(operator(&self.controllers, self.operators.len()));
        configs.extend(operator(&self.rogues, self.rogue_operators.len()));
        for number in 0..self.clerks.len() {
            let is_misled = number < usize::from(options.misled);
            let controllers = if is_misled {
                &self.rogues
            } else {
                &self.controllers
            };
            let controller = clerk_of(controllers, 1, options);
            // The servers of each group are in the configuration.
            let group = clerk_of(&[], options.lanes, options);
            configs.push(Config::Clerk(shardkv::ClerkConfig::of(controller, group)));
        }
        configs
    }
}
