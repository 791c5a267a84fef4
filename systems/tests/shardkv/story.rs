//! Words in which the stories are told.

use proptest::test_runner::{Config as ProptestConfig, RngSeed};
use snowglobe_systems::kv::{self, Key, Value};
use snowglobe_systems::process::{Effect, NodeId};
use snowglobe_systems::raft::{self, Voters};
use snowglobe_systems::replica::{self, Sequence, SessionId};
use snowglobe_systems::service::{self, ClerkConfig};
use snowglobe_systems::shardctrler::{Configuration, GroupId, Number, Partitioner, Shard};
use snowglobe_systems::shardkv::invariants::ShardkvInvariants;
use snowglobe_systems::shardkv::{
    self, Clerk, Config, Group, Holding, Message, Node, Server, ServerConfig, Timer, Transfer,
    TransferId,
};

use crate::cluster::{Cluster, Envelope};

pub(crate) type World = Cluster<Node, ShardkvInvariants>;

/// The only server of the controller.
pub(crate) const RULER: NodeId = NodeId(1);
/// Asks the controller for whoever tells the story.
pub(crate) const OPERATOR: NodeId = NodeId(11);
/// A clerk of the service.
pub(crate) const ANN: NodeId = NodeId(12);
/// Another one, in worlds that have two.
pub(crate) const BOB: NodeId = NodeId(13);

pub(crate) const G1: GroupId = GroupId(1);
pub(crate) const G2: GroupId = GroupId(2);
pub(crate) const G3: GroupId = GroupId(3);

/// The servers of a group. The first of them is made to lead.
pub(crate) fn servers(group: GroupId) -> Vec<NodeId> {
    let first = 2 + 3 * (group.0 as u16 - 1);
    (first..first + 3).map(NodeId).collect()
}

/// The server that is made to lead when a story begins.
pub(crate) fn leader(group: GroupId) -> NodeId {
    servers(group)[0]
}

/// The same cases each time, unless the environment asks for a seed of its own.
pub(crate) fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let rng_seed = match asked.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    ProptestConfig {
        failure_persistence: None,
        rng_seed,
        ..asked
    }
}

/// What may differ from story to story.
pub(crate) struct Tuning {
    pub(crate) snapshot_after_bytes: Option<usize>,
    pub(crate) lanes: u8,
    pub(crate) clerks: usize,
    pub(crate) max_pending_entries: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            snapshot_after_bytes: None,
            lanes: 1,
            clerks: 1,
            max_pending_entries: 1024,
        }
    }
}

/// The controller, three groups of three servers, an operator and clerks. Nobody leads.
pub(crate) fn world_without_leaders(tuning: &Tuning) -> World {
    let controller = ClerkConfig::of([RULER]);
    let mut configs = vec![Config::Controller(service::Config::Server(
        replica::Config::of(1),
    ))];
    for group in [G1, G2, G3] {
        let mut replica = replica::Config::of(3);
        replica.voters = Voters::new(servers(group));
        replica.snapshot_after_bytes = tuning.snapshot_after_bytes;
        replica.max_pending_entries = tuning.max_pending_entries;
        let server = ServerConfig::of(group, replica, controller.clone());
        configs.extend(vec![Config::Server(server); 3]);
    }
    configs.push(Config::Controller(service::Config::Clerk(
        controller.clone(),
    )));
    let asking = ClerkConfig {
        lanes: tuning.lanes,
        ..ClerkConfig::of([RULER])
    };
    let clerk = Config::Clerk(shardkv::ClerkConfig::of(controller, asking));
    configs.extend(vec![clerk; tuning.clerks]);
    Cluster::of(configs)
}

/// The same, and all leaders are elected.
pub(crate) fn world_of(tuning: &Tuning) -> World {
    let mut world = world_without_leaders(tuning);
    world.elect_ruler();
    for group in [G1, G2, G3] {
        world.elect(leader(group));
    }
    world
}

pub(crate) fn world() -> World {
    world_of(&Tuning::default())
}

/// A key of a shard, where there are ten.
pub(crate) fn key_in(shard: Shard) -> Key {
    let names = (0..).map(|number| Key::from(format!("k{number}").as_str()));
    names
        .into_iter()
        .find(|key| Partitioner::default().shard_of(&key.0, 10) == Some(shard))
        .expect("there is one for each shard")
}

pub(crate) fn appending(shard: Shard, text: &str) -> kv::Command {
    kv::Command::Append {
        key: key_in(shard),
        value: Value::from(text),
    }
}

pub(crate) fn is_hand_over(envelope: &Envelope<Node>) -> bool {
    matches!(envelope.message, Message::Shard(Transfer::HandOver { .. }))
}

pub(crate) fn is_hand_over_of(of: Shard, envelope: &Envelope<Node>) -> bool {
    matches!(envelope.message, Message::Shard(Transfer::HandOver { id, .. }) if id.shard == of)
}

pub(crate) fn is_received(envelope: &Envelope<Node>) -> bool {
    matches!(envelope.message, Message::Shard(Transfer::Received { .. }))
}

/// A group answers a clerk.
pub(crate) fn is_tell(envelope: &Envelope<Node>) -> bool {
    matches!(
        envelope.message,
        Message::Group(service::Message::Tell { .. })
    )
}

/// The servers of one group talk to each other.
pub(crate) fn is_within(group: GroupId) -> impl Fn(&Envelope<Node>) -> bool {
    let servers = servers(group);
    move |envelope| servers.contains(&envelope.from) && servers.contains(&envelope.to)
}

/// Who leads, of servers that may be down.
fn leads(world: &World, node: NodeId) -> bool {
    world.is_up(node) && world.server(node).raft().role().is_leader()
}

/// Time, messages, crashes.
impl World {
    /// Nothing promised was broken.
    pub(crate) fn assert_held(&self) {
        if let Some(violation) = &self.violation {
            panic!("{violation}");
        }
    }

    pub(crate) fn assert_marked(&self, mark: &str) {
        assert!(self.marks.contains(mark), "{mark}");
    }

    pub(crate) fn elect_ruler(&mut self) {
        let election = service::Timer::Raft(raft::Timer::Election);
        self.timeout(RULER, Timer::Controller(election));
        self.settle();
    }

    /// Lets a server of a group stand for election until it wins.
    pub(crate) fn elect(&mut self, node: NodeId) {
        assert!(self.stands(node), "{node} is not elected");
    }

    /// Whether a server wins an election. It is no server's turn to be patient:
    /// all of its group have heard of no leader for long.
    fn stands(&mut self, node: NodeId) -> bool {
        let group = self.server(node).group();
        let election = Timer::Group(service::Timer::Raft(raft::Timer::Election));
        for _ in 0..5 {
            for other in servers(group) {
                if other != node {
                    self.timeout(other, election);
                }
            }
            self.lose(is_within(group));
            self.timeout(node, election);
            self.settle_but(|envelope| !is_within(group)(envelope));
            if leads(self, node) {
                return true;
            }
        }
        false
    }

    /// Lets any server of a group win that can.
    pub(crate) fn elect_any(&mut self, group: GroupId) -> NodeId {
        let mut able = servers(group).into_iter();
        let won = able.find(|node| self.is_up(*node) && self.stands(*node));
        won.expect("a majority is up")
    }

    /// The server that leads a group now: the one of the newest term, where an
    /// older one has not heard of its end.
    pub(crate) fn leader_of(&self, group: GroupId) -> Option<NodeId> {
        let leading = servers(group).into_iter().filter(|it| leads(self, *it));
        leading.max_by_key(|it| self.server(*it).raft().term())
    }

    /// Delivers the first message of a kind; says whether there was one.
    pub(crate) fn deliver_first(&mut self, kind: impl Fn(&Envelope<Node>) -> bool) -> bool {
        let place = self.bag.iter().position(kind);
        place.is_some_and(|place| {
            self.deliver(place);
            true
        })
    }

    /// Delivers everything but messages of a kind, which stay on their way.
    pub(crate) fn settle_but(&mut self, held: impl Fn(&Envelope<Node>) -> bool) {
        for _ in 0..100_000 {
            if !self.deliver_first(|envelope| !held(envelope)) {
                return;
            }
        }
        panic!("the cluster does not come to rest");
    }

    /// Delivers everything but messages of a kind, which are lost.
    pub(crate) fn settle_losing(&mut self, lost: impl Fn(&Envelope<Node>) -> bool) {
        self.settle_but(&lost);
        self.lose(lost);
    }

    /// Puts a message on its way that nobody sent, or that was sent long ago, and delivers it.
    pub(crate) fn bring(&mut self, (from, to): (NodeId, NodeId), message: Message) {
        self.bag.push_front(Envelope { from, to, message });
        self.deliver(0);
    }

    /// A leader's heartbeats go round, so that all its group learn what is committed.
    pub(crate) fn heartbeat(&mut self, group: GroupId) {
        for _ in 0..2 {
            let leader = self.leader_of(group).expect("a leader");
            let heartbeat = service::Timer::Raft(raft::Timer::Heartbeat);
            self.timeout(leader, Timer::Group(heartbeat));
            self.settle();
        }
    }

    /// All servers of a group crash, come back and have a leader again.
    pub(crate) fn restart_group(&mut self, group: GroupId) {
        self.crash_group(group);
        for node in servers(group) {
            self.restart(node);
        }
        self.elect_any(group);
    }

    pub(crate) fn crash_group(&mut self, group: GroupId) {
        for node in servers(group) {
            self.crash(node);
        }
    }
}

/// What no engine does.
impl World {
    /// A node is suddenly in another state, for whoever watches to see.
    pub(crate) fn replace(&mut self, node: NodeId, process: Node) {
        self.nodes.0[node.position()].process = Some(process);
    }

    /// A node does what no step of its wants, for whoever watches to see.
    pub(crate) fn act(&mut self, node: NodeId, effect: Effect<Node>) {
        self.execute(node, vec![effect]);
    }
}

/// What can be seen from outside.
impl World {
    pub(crate) fn config(&self, node: NodeId) -> &Config {
        &self.configs[node.position()]
    }

    pub(crate) fn server(&self, node: NodeId) -> &Server {
        self.node(node).server().expect("a server of a group")
    }

    pub(crate) fn clerk(&self) -> &Clerk {
        self.node(ANN).clerk().expect("a clerk")
    }

    /// A group as its leader sees it.
    pub(crate) fn group(&self, group: GroupId) -> &Group {
        let leader = self.leader_of(group).expect("a leader");
        self.server(leader).machine()
    }

    /// The newest configuration.
    pub(crate) fn ruling(&self) -> &Configuration {
        let ruler = self.node(RULER).controller();
        let replica = ruler.and_then(|ruler| ruler.replica());
        replica.expect("a server").machine().newest()
    }

    /// Whether a group serves a shard.
    pub(crate) fn serves(&self, group: GroupId, shard: Shard) -> bool {
        let holding = self.group(group).holdings().get(&shard);
        matches!(holding, Some(Holding::Serving(_)))
    }

    pub(crate) fn served_by(&self, group: GroupId) -> usize {
        (0..10)
            .filter(|shard| self.serves(group, Shard(*shard)))
            .count()
    }

    /// What a group owes others.
    pub(crate) fn owes(&self, group: GroupId) -> Vec<(Shard, Number)> {
        self.group(group).outgoing().keys().copied().collect()
    }

    /// The first thing that G1 owes another group.
    pub(crate) fn owed_to(&self, to: GroupId) -> TransferId {
        let outgoing = self.group(G1).outgoing().iter();
        let mut owed = outgoing.filter(|(_, owed)| owed.to == to);
        let ((shard, number), _) = owed.next().expect("something is owed");
        TransferId {
            shard: *shard,
            number: *number,
            to,
        }
    }

    /// Nobody owes anybody a shard.
    pub(crate) fn assert_handed_over(&self) {
        for group in [G1, G2, G3] {
            assert_eq!(self.owes(group), [], "{group}");
        }
    }

    /// The session of the clerk's first slot with a shard, and the number of its last write.
    pub(crate) fn session(&self, shard: Shard) -> Option<(SessionId, Sequence)> {
        self.clerk().slots()[0].sessions().get(&shard).copied()
    }
}
