//! A witness of what the groups do with each key.
//!
//! It follows the log of each group by itself, entry by entry, as the first replica of the
//! group applies it, with a machine of its own. So it knows what changed each key, in order,
//! over all groups that had it. Where the first replica of a group to come that far does not
//! have the entries any more, it knows nothing from then on.

use std::collections::BTreeMap;

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

use crate::users::{Applying, Changes, EntryOf, Watcher, appended, applied_after, in_words};

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
            self.witness.look(cluster, node);
        }
        self.promises.executed(cluster, node, effect)
    }

    fn settled(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        self.witness.look(cluster, node);
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
        self.witness.comes_back(cluster, node);
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
    /// What each server that is in the middle of a step applies. It counts when the step
    /// is over: a crash in the middle of it may undo an entry.
    steps: BTreeMap<NodeId, (GroupId, Applying<Group>)>,
    /// What a server that is down was in the middle of: its disk may hold all of it.
    begun: BTreeMap<NodeId, (GroupId, Applying<Group>)>,
    groups: BTreeMap<GroupId, Followed>,
    changes: Changes,
}

/// A group's log as the witness follows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Followed {
    /// How far it was followed.
    end: LogIndex,
    /// What that leads to.
    machine: Group,
}

impl Witness {
    /// Notes what a step has applied.
    fn note(&mut self, cluster: &impl ClusterView<Node>, node: NodeId, effects: &[Effect<Node>]) {
        let view = cluster.node(node);
        let Some(server) = view.process.and_then(Node::server) else {
            return;
        };
        let from = self.groups.get(&server.group()).map(|group| group.end);
        let from = from.unwrap_or_default();
        if server.raft().applied() <= from {
            return;
        }
        let writes = effects.iter().filter_map(|effect| match effect {
            Effect::Persist(Write::Group(write)) => Some(write),
            _ => None,
        });
        let appended = appended::<Group>(writes);
        let entries = match view.durable {
            Durable::Group(disk) => applied_after(from, server.replica(), disk, &appended),
            _ => applied_after(from, server.replica(), &Default::default(), &appended),
        };
        let step = Applying { from, entries };
        self.steps.insert(node, (server.group(), step));
    }

    /// A step is over.
    fn look(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) {
        let server = cluster.node(node).process.and_then(Node::server);
        if let (Some((_, step)), Some(server)) = (self.steps.remove(&node), server) {
            self.follow(server, Some(&step));
        }
    }

    /// A server goes down in the middle of a step.
    fn goes_down(&mut self, node: NodeId) {
        if let Some(step) = self.steps.remove(&node) {
            self.begun.insert(node, step);
        }
    }

    /// A server comes back. What it had begun to apply may be in its snapshot, and nowhere else.
    fn comes_back(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) {
        let step = self.begun.remove(&node);
        if let Some(server) = cluster.node(node).process.and_then(Node::server) {
            self.follow(server, step.as_ref().map(|(_, step)| step));
        }
    }

    /// Follows a server as far as it has come. Others may have gone on meanwhile, or may be in
    /// the middle of a step that applies what this one took from a snapshot.
    fn follow(&mut self, server: &Server, own: Option<&Applying<Group>>) {
        let group = self.groups.entry(server.group()).or_default();
        let (end, applied) = (group.end, server.raft().applied());
        if applied <= end {
            return;
        }
        let of_group = self.steps.values().filter(|(of, _)| *of == server.group());
        let mut steps = own.into_iter().chain(of_group.map(|(_, step)| step));
        match steps.find_map(|step| step.between(end, applied)) {
            Some(entries) => {
                for entry in entries {
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
