//! A witness of what the groups do with each key.
//!
//! It follows the log of each group by itself, entry by entry, as the first replica of the
//! group applies it, with a machine of its own. So it knows what changed each key, in order,
//! over all groups that had it. Where the first replica of a group to come that far does not
//! have the entries any more, it knows nothing from then on.

use snowglobe_checkers::linearizability::specifications::TextInput;
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::kv::Key;
use snowglobe_systems::process::{Effect, NodeId};
use snowglobe_systems::raft::{Content, LogIndex};
use snowglobe_systems::replica::{Replica, Request, StateMachine};
use snowglobe_systems::shardctrler::GroupId;
use snowglobe_systems::shardkv::invariants::ShardkvInvariants;
use snowglobe_systems::shardkv::{
    Command, Durable, Group, Holding, Node, Server, ShardState, Write,
};
use snowglobe_systems::vec_map::VecMap;

use crate::users::{Applying, Changes, EntryOf, Unsettled, Watcher, appended, in_words};

/// What the service promises, and a witness beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Watched {
    promises: ShardkvInvariants,
    witness: Witness,
}

impl Watched {
    /// What the service promises, without the witness.
    #[must_use]
    pub fn promises(&self) -> &ShardkvInvariants {
        &self.promises
    }
}

impl Invariants<Node> for Watched {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effects: &[Effect<Node>],
    ) -> Result<(), Violation> {
        self.witness.note(cluster, node, effects);
        self.promises.stepped(cluster, node, effects)
    }

    fn executed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effect: &Effect<Node>,
    ) -> Result<(), Violation> {
        // Whoever is answered, or handed a shard, goes on, though this step may not be over.
        if matches!(effect, Effect::Send { .. }) {
            self.witness.follow_step(cluster, node);
        }
        self.promises.executed(cluster, node, effect)
    }

    fn settled(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        self.witness.follow_step(cluster, node);
        self.promises.settled(cluster, node)
    }

    fn crashed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        prevented: &[Effect<Node>],
    ) {
        self.witness.goes_down(node);
        self.promises.crashed(cluster, node, prevented);
    }

    fn started(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        self.witness.follow(cluster, node, Unsettled::comes_back);
        self.promises.started(cluster, node)
    }
}

impl Watcher<Node> for Watched {
    fn changes_of(&self, key: &str) -> Option<&[TextInput]> {
        self.witness.changes.of(&key.into())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Witness {
    groups: VecMap<GroupId, Followed>,
    changes: Changes,
}

/// A group's log as the witness follows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Followed {
    /// How far it was followed.
    end: LogIndex,
    /// What that leads to.
    machine: Group,
    /// What its servers apply that are in the middle of a step.
    unsettled: Unsettled<Group>,
}

impl Witness {
    /// Notes what a step has applied.
    fn note(&mut self, cluster: &impl ClusterView<Node>, node: NodeId, effects: &[Effect<Node>]) {
        let view = cluster.node(node);
        let Some(server) = view.process.and_then(Node::server) else {
            return;
        };
        let writes = effects.iter().filter_map(|effect| match effect {
            Effect::Persist(Write::Group(write)) => Some(write),
            _ => None,
        });
        let appended = appended::<Group>(writes);
        let group = self.groups.entry(server.group()).or_default();
        let empty = Default::default();
        let disk = match view.durable {
            Durable::Group(disk) => disk,
            Durable::Nothing | Durable::Controller(_) => &empty,
        };
        group
            .unsettled
            .begins(node, group.end, server.replica(), disk, &appended);
    }

    /// Follows what the step of a server applies, once.
    fn follow_step(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) {
        self.follow(cluster, node, Unsettled::take);
    }

    /// A server goes down, perhaps in the middle of a step.
    fn goes_down(&mut self, node: NodeId) {
        for group in self.groups.values_mut() {
            group.unsettled.goes_down(node);
        }
    }

    /// Follows a server as far as it has come; `own` is what it has applied itself.
    fn follow(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        own: fn(&mut Unsettled<Group>, NodeId) -> Option<Applying<Group>>,
    ) {
        let Some(server) = cluster.node(node).process.and_then(Node::server) else {
            return;
        };
        let group = self.groups.entry(server.group()).or_default();
        let own = own(&mut group.unsettled, node);
        let (end, applied) = (group.end, server.raft().applied());
        if applied <= end {
            return;
        }
        let entries = group.unsettled.between(own.as_ref(), end, applied);
        match entries.map(<[_]>::to_vec) {
            Some(entries) => {
                for entry in &entries {
                    group.follow(entry, &mut self.changes);
                }
            }
            None => {
                group.start_anew(server);
                self.changes.lose_all();
            }
        }
    }
}

impl Followed {
    fn start_anew(&mut self, server: &Server) {
        let replica: &Replica<Group> = server.replica();
        self.end = replica.raft().applied();
        self.machine = replica.machine().clone();
    }

    fn follow(&mut self, entry: &EntryOf<Group>, changes: &mut Changes) {
        self.end = self.end.next();
        let Content::Command(request) = &entry.content else {
            return;
        };
        let Request::Write { command } = &**request else {
            return;
        };
        let key = match command {
            Command::Write { change, .. } => Some(change.key()),
            _ => None,
        };
        let before = key.map(|key| self.value(key));
        self.machine.apply(self.end, command);
        if let Command::Write { change, .. } = command
            && before != Some(self.value(change.key()))
        {
            changes.push(change.key(), in_words(change));
        }
    }

    fn value(&self, key: &Key) -> String {
        let shard = self.machine.shard_of(key);
        let holding = shard.and_then(|shard| self.machine.holdings().get(&shard));
        let state = holding.and_then(Holding::state).map(ShardState::store);
        let value = state.and_then(|store| store.get(key));
        value.unwrap_or_default().to_owned()
    }
}
