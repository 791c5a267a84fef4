//! Words in which the stories are told.

use std::collections::BTreeSet;

use snowglobe_systems::kv::{self, Get, Key, Value};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::raft::{self, Voters};
use snowglobe_systems::replica;
use snowglobe_systems::service::{self, ClerkConfig};
use snowglobe_systems::shardctrler::{self, Command, GroupId, Shard};
use snowglobe_systems::shardkv::invariants::ShardkvInvariants;
use snowglobe_systems::shardkv::{
    self, Config, Group, Holding, Message, Node, Operation, Outcome, Server, ServerConfig, Timer,
    Transfer, shard_of,
};

use crate::cluster::{Cluster, Envelope};

pub(crate) type World = Cluster<Node, ShardkvInvariants>;

/// The only server of the controller.
pub(crate) const RULER: NodeId = NodeId(1);
/// Asks the controller for whoever tells the story.
pub(crate) const OPERATOR: NodeId = NodeId(11);
/// A clerk of the service.
pub(crate) const ANN: NodeId = NodeId(12);

pub(crate) const G1: GroupId = GroupId(1);
pub(crate) const G2: GroupId = GroupId(2);
pub(crate) const G3: GroupId = GroupId(3);

/// The servers of a group. The first of them is made to lead.
pub(crate) fn servers(group: GroupId) -> Vec<NodeId> {
    let first = 2 + 3 * (group.0 as u8 - 1);
    (first..first + 3).map(NodeId).collect()
}

pub(crate) fn leader(group: GroupId) -> NodeId {
    servers(group)[0]
}

/// The controller, three groups of three servers, an operator and a clerk. All leaders are elected.
pub(crate) fn world() -> World {
    let controller = ClerkConfig::of([RULER]);
    let mut configs = vec![Config::Controller(service::Config::Server(
        replica::Config::of(1),
    ))];
    for group in [G1, G2, G3] {
        let replica = replica::Config {
            voters: Voters::new(servers(group)),
            ..replica::Config::of(3)
        };
        let server = ServerConfig::of(group, replica, controller.clone());
        configs.extend(vec![Config::Server(server); 3]);
    }
    configs.push(Config::Controller(service::Config::Clerk(
        controller.clone(),
    )));
    let asking = ClerkConfig::of([RULER]);
    configs.push(Config::Clerk(shardkv::ClerkConfig::of(controller, asking)));
    let mut world = Cluster::of(configs);
    let election = service::Timer::Raft(raft::Timer::Election);
    world.timeout(RULER, Timer::Controller(election));
    world.settle();
    for group in [G1, G2, G3] {
        world.elect(leader(group));
    }
    world
}

/// A key of a shard, where there are ten.
pub(crate) fn key_in(shard: Shard) -> Key {
    let names = (0..).map(|number| Key::from(format!("k{number}").as_str()));
    names
        .into_iter()
        .find(|key| shard_of(key, 10) == Some(shard))
        .expect("there is one for each shard")
}

pub(crate) fn is_hand_over(envelope: &Envelope<Node>) -> bool {
    matches!(envelope.message, Message::Shard(Transfer::HandOver { .. }))
}

pub(crate) fn is_received(envelope: &Envelope<Node>) -> bool {
    matches!(envelope.message, Message::Shard(Transfer::Received { .. }))
}

impl World {
    /// Nothing promised was broken.
    pub(crate) fn assert_held(&self) {
        if let Some(violation) = &self.violation {
            panic!("{violation}");
        }
    }

    /// Lets a server of a group stand for election until it wins.
    pub(crate) fn elect(&mut self, node: NodeId) {
        for _ in 0..5 {
            let election = service::Timer::Raft(raft::Timer::Election);
            self.timeout(node, Timer::Group(election));
            self.settle();
            if self.server(node).raft().role().is_leader() {
                return;
            }
        }
        panic!("{node} is not elected");
    }

    pub(crate) fn server(&self, node: NodeId) -> &Server {
        self.node(node).server().expect("a server of a group")
    }

    pub(crate) fn group(&self, group: GroupId) -> &Group {
        self.server(leader(group)).machine()
    }

    /// The operator changes the configuration.
    pub(crate) fn command(&mut self, command: Command) {
        let operation = shardctrler::Operation::Write(command);
        let call = self.invoke(OPERATOR, Operation::Controller(operation));
        self.settle();
        let outcome = &self.outcomes[&call];
        assert!(
            matches!(
                outcome,
                Outcome::Controller(shardctrler::Outcome::Written(
                    shardctrler::Response::Changed(_)
                ))
            ),
            "{outcome:?}"
        );
    }

    pub(crate) fn join(&mut self, groups: &[GroupId]) {
        let groups = groups.iter().map(|group| (*group, servers(*group)));
        self.command(Command::Join {
            groups: groups.collect(),
        });
    }

    pub(crate) fn leave(&mut self, groups: &[GroupId]) {
        let groups: BTreeSet<GroupId> = groups.iter().copied().collect();
        self.command(Command::Leave { groups });
    }

    /// The leaders of all groups ask for the next configuration, and get it.
    pub(crate) fn poll(&mut self) {
        for group in [G1, G2, G3] {
            self.timeout(leader(group), Timer::Poll);
        }
        self.settle();
    }

    /// A client calls the clerk. Clients come by one at a time.
    pub(crate) fn call(&mut self, operation: kv::Operation) -> InvocationId {
        self.invoke(ANN, Operation::Keys(operation))
    }

    pub(crate) fn append(&mut self, shard: Shard, text: &str) -> InvocationId {
        self.call(kv::Operation::Write(kv::Command::Append {
            key: key_in(shard),
            value: Value::from(text),
        }))
    }

    /// Whether a call was answered.
    pub(crate) fn is_done(&self, call: InvocationId) -> bool {
        self.outcomes.contains_key(&call)
    }

    /// Messages come and clerks that rest go on, until a call is answered.
    pub(crate) fn finish(&mut self, call: InvocationId) {
        for _ in 0..100 {
            self.settle();
            if self.is_done(call) {
                return;
            }
            let rests: Vec<Timer> = self.timers(ANN).iter().copied().collect();
            let rests = rests.into_iter().filter(|timer| {
                matches!(
                    timer,
                    Timer::Rest { .. }
                        | Timer::Asking(
                            _,
                            service::Timer::BackOff { .. } | service::Timer::Patience { .. }
                        )
                )
            });
            for timer in rests.collect::<Vec<_>>() {
                self.timeout(ANN, timer);
            }
            self.poll();
        }
        panic!("{call} is not answered: {}", self.node(ANN));
    }

    /// What a get of a shard's key gives.
    pub(crate) fn get(&mut self, shard: Shard) -> String {
        let get = Get { key: key_in(shard) };
        let call = self.call(kv::Operation::Read(get));
        self.finish(call);
        match &self.outcomes[&call] {
            Outcome::Keys(kv::Outcome::Answered(kv::Answer(value))) => value
                .as_ref()
                .map_or(String::new(), |value| value.0.to_string()),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn append_and_wait(&mut self, shard: Shard, text: &str) {
        let call = self.append(shard, text);
        self.finish(call);
        assert_eq!(
            self.outcomes[&call],
            Outcome::Keys(kv::Outcome::Written(kv::Response::Done))
        );
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

    /// Nobody owes anybody a shard.
    pub(crate) fn assert_handed_over(&self) {
        for group in [G1, G2, G3] {
            assert!(self.group(group).outgoing().is_empty(), "{group}");
        }
    }
}
