//! The sharded key/value service: a controller and two groups, one server each,
//! and clerks on nodes of their own.
//!
//! A group of one elects itself, so all that is left of Raft is what a server
//! finds on its disk. Exploration begins when both groups follow a configuration
//! in which each owns a shard, and every client has appended once: its clerk knows the
//! configuration, and has a session. Then the key's shard moves to the other
//! group, while clients append and get. What they are told must be linearizable.

mod workload;

use snowglobe_systems::invariants::{ClusterView, Violation};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{Term, Voters};
use snowglobe_systems::replica::{self, Replica};
use snowglobe_systems::service as services;
use snowglobe_systems::shardctrler::{self, Configuration, GroupId};
use snowglobe_systems::shardkv::invariants::ShardkvInvariants;
use snowglobe_systems::shardkv::{
    ClerkConfig, Config, Message, Node, Operation, Outcome, Peer, Server, ServerConfig, Timer,
    Transfer, marks,
};
use snowglobe_systems::vec_map::VecMap;

use super::kv::{LINEARIZABLE, abandoned, called, returned};
use super::{asked, kv::Judge, raft, service, shardctrler as controller};
use crate::explore::{Bounds, Client, Property, PropertyKind, Scope, Setting, TimerKind, Workload};
use crate::history::ClientId;

/// The controller, the groups, and who asks them.
#[derive(Clone, Debug)]
pub struct ShardkvSetting {
    bounds: Bounds,
    configs: Vec<Config>,
    clients: Vec<Client<Operation>>,
}

impl ShardkvSetting {
    /// The nodes are what their configurations say. The first client is an
    /// operator at the first server of the controller; each clerk has a client.
    /// Of the operations of all, every third is the operator's, and moves the key's shard to
    /// the other group; clients append and get in turn. Where groups change their
    /// servers, that takes the operator's first three.
    ///
    /// # Panics
    /// If there are not two groups.
    #[must_use]
    pub fn new(bounds: Bounds, mut configs: Vec<Config>) -> Self {
        for config in &mut configs {
            match config {
                Config::Controller(config) => service::tune(config, &bounds),
                Config::Server(server) => {
                    service::tune_server(&mut server.replica, &bounds);
                    server.controller.doublings = 0;
                    // One question at a time is enough for so few configurations.
                    server.controller.lanes = 1;
                }
                Config::Clerk(clerk) => {
                    clerk.controller.doublings = 0;
                    clerk.group.doublings = 0;
                }
            }
        }
        Self {
            clients: workload::clients(&bounds, &configs),
            bounds,
            configs,
        }
    }

    /// Nodes that are tuned as their configurations say, in a world that is there
    /// already; no client asks for anything more.
    #[must_use]
    pub fn tuned(bounds: Bounds, configs: Vec<Config>) -> Self {
        Self {
            bounds,
            clients: Vec::new(),
            configs,
        }
    }

    fn servers(&self) -> impl Iterator<Item = NodeId> {
        let is_server = |place: &usize| !matches!(self.configs[*place], Config::Clerk(_));
        (0..self.configs.len()).filter(is_server).map(NodeId::at)
    }
}

impl Setting for ShardkvSetting {
    type Process = Node;
    type Invariants = ShardkvInvariants;
    type Judge = Judge;

    const NAME: &'static str = "shardkv";

    fn scopes() -> Vec<Scope> {
        let base = Bounds {
            terms: 2,
            clients: 1,
            operations: 2,
            timeouts: 1,
            // The old owner asks for the next configuration, and all else follows.
            beats: 1,
            messages: 2,
            ..Bounds::default()
        };
        // A group of one has nobody to agree with, and all that groups say to each
        // other is there.
        let scope = |name, change| Scope::of(name, 1, &base, change);
        vec![
            scope("other servers are asked", |bounds| {
                bounds.operations = 4;
                bounds.workload = Workload::Regroups;
                bounds.timeouts = 0;
                bounds.beats = 3;
                bounds.messages = 1;
            }),
            scope("other servers", |bounds| {
                bounds.operations = 3;
                bounds.workload = Workload::Regroups;
                bounds.timeouts = 0;
                bounds.beats = 2;
            }),
            scope("duplicate", |bounds| {
                bounds.duplicates = 1;
                bounds.operations = 3;
                bounds.timeouts = 0;
            }),
            scope("patience", |bounds| bounds.operations = 3),
            scope("there and back", |bounds| {
                bounds.operations = 4;
                bounds.timeouts = 0;
            }),
            scope("crash", |bounds| bounds.crashes = 1),
        ]
    }

    fn workloads() -> &'static [Workload] {
        &[Workload::Usual, Workload::Reads, Workload::Regroups]
    }

    fn usual_scope() -> &'static str {
        "crash"
    }

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    fn configs(&self) -> &[Config] {
        &self.configs
    }

    fn clients(&self) -> &[Client<Operation>] {
        &self.clients
    }

    fn properties(&self) -> Vec<Property> {
        use PropertyKind::{History, State, Step};
        let own = [
            ("group-follows-controller", Step),
            ("one-configuration-at-a-time", Step),
            ("shard-has-one-owner", State),
            ("shard-never-goes-back", State),
            ("shard-has-one-state", State),
            ("shard-write-applied-once", State),
            ("shard-not-lost", State),
            ("awaited-shard-is-owed", State),
            ("parcel-never-changes", Step),
            ("arrived-is-not-awaited", Step),
            ("configuration-never-goes-back", Step),
            ("received-is-installed", Step),
            (LINEARIZABLE, History),
        ];
        let own = own.map(|(name, kind)| Property { name, kind });
        controller::properties().chain(own).collect()
    }

    fn marks(&self) -> Vec<&'static str> {
        let mut expected = Vec::new();
        let Bounds {
            operations,
            beats,
            messages,
            ..
        } = self.bounds;
        // Beside their first append, which comes before exploration.
        let mut users = self.clients.iter().skip(1);
        let are_in_use = users.any(|user| user.operations.len() > 1);
        if operations > 0 && beats > 0 {
            expected.extend([
                marks::TURNED,
                marks::SHARD_INSTALLED,
                marks::SHARD_FORGOTTEN,
            ]);
        }
        if are_in_use && beats > 0 {
            expected.extend([marks::WRONG_GROUP, marks::NOT_YET, marks::MOVED_ON]);
        }
        if are_in_use && beats > 0 && self.bounds.crashes > 0 {
            expected.extend([marks::SHARD_AT_FOLLOWER, marks::SHARD_AGAIN]);
            expected.push(marks::FOUND_DONE_ELSEWHERE);
        }
        // Where one message may be under way, somebody has to ask once more.
        let are_told = beats > 2 || (beats > 1 && messages > 1);
        if self.bounds.workload == Workload::Regroups && operations >= 3 && are_told {
            expected.push(marks::HANDED_OVER_AFTER_LEAVING);
        }
        expected
    }

    fn is_within(&self, process: &Node) -> bool {
        let controller = process.controller().and_then(services::Node::replica);
        let terms = [
            controller.map(|replica| replica.raft().term()),
            process.server().map(|server| server.raft().term()),
        ];
        let mut terms = terms.into_iter().flatten();
        terms.all(|term| term <= Term(self.bounds.terms))
    }

    fn is_ready(&self, cluster: &impl ClusterView<Node>) -> bool {
        self.is_well(cluster, &[]).is_ok()
    }

    fn early_calls(&self) -> Vec<usize> {
        let users = 1..self.clients.len();
        [0; workload::PREPARED].into_iter().chain(users).collect()
    }

    fn timer_kind(&self, timer: Timer) -> Option<TimerKind> {
        match timer {
            Timer::Controller(timer) | Timer::Group(timer) | Timer::Asking(_, timer) => {
                service::timer_kind(timer)
            }
            Timer::Poll | Timer::HandOver | Timer::Rest { .. } => Some(TimerKind::Beat),
            Timer::Doubt { .. } => Some(TimerKind::Timeout),
            Timer::Idle { .. } => None,
        }
    }

    /// The controller is a service like any other, and has a world of its own.
    /// Clerks keep nothing, so a crash of one is a client that gives up.
    fn may_crash(&self, node: NodeId) -> bool {
        matches!(self.configs[node.position()], Config::Server(_))
    }

    /// The operator sees nothing that could be wrong: groups are held against what
    /// the controller ruled.
    fn read_operation(&self, words: &str) -> Option<Operation> {
        match words.strip_prefix("controller: ") {
            Some(words) => asked::controller(words).map(Operation::Controller),
            None => asked::store(words).map(Operation::Keys),
        }
    }

    fn is_judged(&self, operation: &Operation) -> bool {
        matches!(operation, Operation::Keys(of_keys) if service::is_judged(of_keys))
    }

    fn judge_of_a_run(&self) -> Judge {
        Judge::with_limit(service::WIDEST_RUN)
    }

    fn called(&self, judge: &mut Judge, client: usize, operation: &Operation) {
        if let Operation::Keys(operation) = operation {
            called(judge, client, operation);
        }
    }

    fn returned(
        &self,
        judge: &mut Judge,
        client: usize,
        outcome: &Outcome,
    ) -> Result<(), Violation> {
        match outcome {
            Outcome::Keys(outcome) => returned(judge, client, outcome),
            Outcome::Controller(_) => Ok(()),
        }
    }

    fn abandoned(&self, judge: &mut Judge, client: usize) {
        // Whoever asks the controller is not judged.
        if judge.waits(ClientId(client as u32)) {
            abandoned(judge, client);
        }
    }

    /// The term of each server, the configuration of each group, and what it has, awaits and owes.
    fn shape(&self, cluster: &impl ClusterView<Node>) -> String {
        let shapes = self.servers().map(|id| match cluster.node(id).process {
            None => "down".to_owned(),
            Some(Node::Server(server)) => group_shape(server),
            Some(process) => {
                let replica = process.controller().and_then(services::Node::replica);
                raft::shape(replica.map(Replica::raft))
            }
        });
        shapes.collect::<Vec<_>>().join(" ")
    }

    /// Nobody finds a group while the newest configuration lacks it or its servers.
    fn can_recover(&self, cluster: &impl ClusterView<Node>) -> bool {
        self.newest(cluster)
            .is_some_and(|newest| self.is_complete(newest))
    }

    /// A minority of the controller or of one group.
    fn dispensable(&self) -> Vec<Vec<NodeId>> {
        let mut teams: VecMap<Option<GroupId>, Vec<NodeId>> = VecMap::new();
        for id in self.servers() {
            let group = match &self.configs[id.position()] {
                Config::Server(config) => Some(config.group),
                _ => None,
            };
            teams.entry(group).or_default().push(id);
        }
        let sets = teams.values().flat_map(|team| raft::minorities(team));
        sets.collect()
    }

    /// Everybody leads or follows, groups follow the newest configuration, and no
    /// shard is on its way.
    fn is_well(&self, cluster: &impl ClusterView<Node>, away: &[NodeId]) -> Result<(), String> {
        let there = || self.servers().filter(|id| !away.contains(id));
        let nodes = || there().map(|id| (id, cluster.node(id).process));
        let controllers = nodes().filter(|(id, _)| self.is_controller(*id));
        let controllers = controllers.map(|(_, process)| controller(process));
        raft::is_well(controllers.map(|it| it.map(Replica::raft)))?;
        let newest = self.newest(cluster).map(|newest| newest.number);
        let mut groups: VecMap<GroupId, Vec<Option<&Server>>> = VecMap::new();
        for (id, process) in nodes() {
            if let Config::Server(config) = &self.configs[id.position()] {
                let servers = groups.entry(config.group).or_default();
                servers.push(process.and_then(Node::server));
            }
        }
        for (group, servers) in &groups {
            raft::is_well(servers.iter().map(|server| server.map(Server::raft)))?;
            for machine in servers.iter().flatten().map(|server| server.machine()) {
                if Some(machine.configuration().number) != newest {
                    return Err(format!("{group} does not follow {newest:?}"));
                }
                if machine.awaits_any() || !machine.outgoing().is_empty() {
                    return Err(format!("{group} awaits or owes a shard"));
                }
            }
        }
        Ok(())
    }

    fn message_words(message: &Message) -> String {
        match message {
            Message::Controller(message) => service::message_words(message),
            Message::Group(message) => service::message_words(message),
            Message::Shard(transfer) => transfer_words(transfer),
            Message::Peer(message) => peer_words(message),
        }
    }

    fn timer_words(timer: Timer) -> String {
        match timer {
            Timer::Controller(timer) => format!("controller {}", service::timer_words(timer)),
            Timer::Group(timer) => service::timer_words(timer),
            Timer::Asking(group, timer) => format!("{group} {}", service::timer_words(timer)),
            Timer::Poll => "poll".to_owned(),
            Timer::HandOver => "hand over".to_owned(),
            Timer::Rest { slot } => format!("rest of lane {slot}"),
            Timer::Doubt { slot } => format!("doubt of lane {slot}"),
            Timer::Idle { slot } => format!("idle lane {slot}"),
        }
    }

    fn operation_words(operation: &Operation) -> String {
        match operation {
            Operation::Controller(operation) => {
                format!("controller: {}", asked::of_controller(operation))
            }
            Operation::Keys(operation) => asked::of_store(operation),
        }
    }

    fn process_words(process: &Node) -> String {
        process.to_string()
    }
}

impl ShardkvSetting {
    /// Whether a configuration knows all servers by their groups.
    fn is_complete(&self, configuration: &Configuration) -> bool {
        let mut places = 0..self.configs.len();
        places.all(|place| match &self.configs[place] {
            Config::Server(config) => {
                let servers = configuration.groups.get(&config.group);
                servers.is_some_and(|servers| servers.contains(&NodeId::at(place)))
            }
            _ => true,
        })
    }

    /// The newest configuration that any server of the controller knows.
    fn newest<'a>(&self, cluster: &'a impl ClusterView<Node>) -> Option<&'a Configuration> {
        let servers = self.servers().filter(|id| self.is_controller(*id));
        let replicas = servers.filter_map(|id| controller(cluster.node(id).process));
        replicas
            .map(|replica| replica.machine().newest())
            .max_by_key(|newest| newest.number)
    }

    fn is_controller(&self, node: NodeId) -> bool {
        matches!(self.configs[node.position()], Config::Controller(_))
    }
}

/// The replica of a server of the controller, while it is up.
fn controller(process: Option<&Node>) -> Option<&Replica<shardctrler::Controller>> {
    let node = process.and_then(Node::controller);
    node.and_then(services::Node::replica)
}

fn group_shape(server: &Server) -> String {
    let machine = server.machine();
    let letter = |holding: &snowglobe_systems::shardkv::Holding| match holding.is_awaited() {
        true => "?",
        false => "",
    };
    let holdings = machine.holdings().iter();
    let has: Vec<String> = holdings
        .map(|(shard, holding)| format!("{shard}{}", letter(holding)))
        .collect();
    let owes = machine.outgoing().keys();
    let owes: Vec<String> = owes
        .map(|(shard, number)| format!("-{shard}@{number}"))
        .collect();
    format!(
        "{}{}{} {}{}",
        server.raft().role().letter(),
        server.raft().term().0,
        machine.configuration().number,
        has.join(","),
        owes.join(",")
    )
}

fn transfer_words(transfer: &Transfer) -> String {
    let id = transfer.id();
    match transfer {
        Transfer::HandOver { attempt, state, .. } => {
            format!("HandOver.{attempt} {id} with {}", state.index())
        }
        Transfer::Offer { attempt, .. } => format!("Offer.{attempt} {id}"),
        Transfer::Received { .. } => format!("Received {id}"),
        Transfer::Wait { .. } => format!("Wait {id}"),
        Transfer::Ready { attempt, .. } => format!("Ready.{attempt} {id}"),
        Transfer::NotLeader {
            hint: Some(hint), ..
        } => format!("NotLeader {id}, {hint} leads"),
        Transfer::NotLeader { hint: None, .. } => format!("NotLeader {id}"),
        Transfer::Misdirected { group, .. } => format!("Misdirected {id}, this is {group}"),
    }
}

fn peer_words(message: &Peer) -> String {
    match message {
        Peer::Ask { number, .. } => format!("Ask for {number}"),
        Peer::Tell { configuration } => format!("Tell {}", configuration.number),
        Peer::Outgoing { to, transfer } => format!("to {to}: {}", transfer_words(transfer)),
        Peer::Incoming { from, transfer } => format!("from {from}: {}", transfer_words(transfer)),
    }
}

/// A controller and two groups, of one server each, and so many clerks, with
/// the usual tuning.
#[must_use]
pub fn configs(clerks: usize) -> Vec<Config> {
    let alone = |node: NodeId| {
        let mut config = replica::Config::of(1);
        config.voters = Voters::new([node]);
        config
    };
    let asks = || services::ClerkConfig::of([NodeId(1)]);
    let group = |number: u16| {
        let node = NodeId(1 + number);
        let group = GroupId(u32::from(number));
        Config::Server(ServerConfig::of(group, alone(node), asks()))
    };
    let controller = services::Config::Server(alone(NodeId(1)));
    let clerk = ClerkConfig::of(asks(), services::ClerkConfig::of([]));
    let mut configs = vec![Config::Controller(controller), group(1), group(2)];
    configs.resize(configs.len() + clerks, Config::Clerk(clerk));
    configs
}
