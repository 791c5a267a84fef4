//! A witness of what the servers do, who remembers the first thing that looked wrong.
//!
//! Nothing it sees ends a run: clients may never notice. But when what clients
//! saw turns out to have no order, the trouble began long before, and the
//! witness says where: at the first answer that was older than one given
//! before it was asked for, the first write that was applied twice, or the
//! first replica whose value is not what its log says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use snowglobe_checkers::linearizability::Specification;
use snowglobe_checkers::linearizability::specifications::{Text, TextInput};
use snowglobe_systems::invariants::{ClusterView, Invariants, NodeView, Violation};
use snowglobe_systems::kv::{Command, Invariants as Promises, Key, Message, Node, Store, Value};
use snowglobe_systems::process::{Effect, InvocationId, NodeId};
use snowglobe_systems::raft::{Content, Durable, LogIndex};
use snowglobe_systems::replica::{self, Replica, Request, Sequence, SessionId};

/// What the service promises, and a witness beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Watched {
    promises: Promises,
    witness: Witness,
}

impl Invariants<Node> for Watched {
    fn before_effects(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effects: &[Effect<Node>],
    ) -> Result<(), Violation> {
        if self.witness.suspicion.is_none() {
            self.witness.look(cluster.node(node), node, effects);
        }
        self.promises.before_effects(cluster, node, effects)
    }

    fn after_effects(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
    ) -> Result<(), Violation> {
        self.promises.after_effects(cluster, node)
    }

    fn after_restart(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
    ) -> Result<(), Violation> {
        self.promises.after_restart(cluster, node)
    }

    fn suspicion(&self) -> Option<&Violation> {
        self.witness.suspicion.as_ref()
    }
}

/// Follows the log by itself, entry by entry, as the first replica applies it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Witness {
    suspicion: Option<Violation>,
    /// The highest index that any client was told of.
    acknowledged: LogIndex,
    /// Of each call under way, what `acknowledged` was when it was first asked.
    floors: BTreeMap<InvocationId, LogIndex>,
    /// Of each call under way, the lowest index that a server answered it with.
    told: BTreeMap<InvocationId, LogIndex>,
    /// How far the log was followed.
    followed: LogIndex,
    /// The values after it.
    values: BTreeMap<Key, Arc<str>>,
    /// Keys whose value is to be taken from the next replica that gets there.
    unclear: BTreeSet<Key>,
    /// The number of the last write of each session.
    sequences: BTreeMap<SessionId, Sequence>,
    /// Where each appended value stands; users never append one twice.
    appended: BTreeMap<(Key, Value), LogIndex>,
}

type ReplicaDurable = Durable<Request<Command>>;

impl Witness {
    fn look(&mut self, view: NodeView<'_, Node>, node: NodeId, effects: &[Effect<Node>]) {
        let Some(process) = view.process else {
            return;
        };
        if let Some(replica) = process.replica() {
            self.follow(node, replica, view.durable);
        }
        for effect in effects {
            match effect {
                Effect::Send {
                    message: Message::Ask { call, .. },
                    ..
                } => {
                    let floor = self.acknowledged;
                    self.floors.entry(call.invocation).or_insert(floor);
                }
                Effect::Send {
                    message: Message::Tell { call, outcome },
                    ..
                } => self.answers(node, call.invocation, outcome),
                Effect::Return { invocation, .. } => {
                    self.floors.remove(invocation);
                    if let Some(told) = self.told.remove(invocation) {
                        self.acknowledged = self.acknowledged.max(told);
                    }
                }
                _ => {}
            }
        }
    }

    fn suspect(&mut self, property: &'static str, node: NodeId, expected: String, found: String) {
        let violation = Violation::new(property, [node], expected, found);
        self.suspicion.get_or_insert(violation);
    }

    /// A server answers a call.
    fn answers(&mut self, node: NodeId, call: InvocationId, outcome: &replica::Outcome<Store>) {
        let Some(floor) = self.floors.get(&call).copied() else {
            // Its clerk was answered before, or is gone.
            return;
        };
        let at = match outcome {
            replica::Outcome::Written { index, .. } => *index,
            replica::Outcome::Answered { at, .. } => {
                if *at < floor {
                    self.suspect(
                        "fresh-answer",
                        node,
                        format!("{floor} or later, which was known when it was asked"),
                        format!("{node} answers {call} as of {at}"),
                    );
                }
                *at
            }
            _ => return,
        };
        let told = self.told.entry(call).or_insert(at);
        *told = at.min(*told);
    }

    /// Follows the log as far as a replica has, if that is further than any has before.
    fn follow(&mut self, node: NodeId, replica: &Replica<Store>, disk: &ReplicaDurable) {
        let applied = replica.raft().applied();
        let mut touched = Vec::new();
        while self.followed < applied {
            let index = self.followed.next();
            let log = replica.raft().log();
            let Some(entry) = log.entry(index).or_else(|| disk.log.entry(index)) else {
                // The entry is gone: nothing is known of what came in between.
                self.start_anew(replica, applied);
                return;
            };
            if let Content::Command(request) = &entry.content {
                touched.extend(self.take(node, replica, index, request));
            }
            self.followed = index;
        }
        for key in touched {
            self.compare(node, replica, &key);
        }
    }

    /// Takes a request in. The key that it may have touched.
    fn take(
        &mut self,
        node: NodeId,
        replica: &Replica<Store>,
        index: LogIndex,
        request: &Request<Command>,
    ) -> Option<Key> {
        let (session, sequence, command) = match request {
            Request::OpenSession => return None,
            Request::Write { command } => {
                self.apply(node, index, command);
                return Some(command.key().clone());
            }
            Request::SessionWrite {
                session,
                sequence,
                command,
            } => (*session, *sequence, command),
        };
        let open = replica.sessions().get(session);
        if open.is_none_or(|session| session.used < index) {
            // The session may have gone before this write, or after it.
            self.unclear.insert(command.key().clone());
        } else if sequence > self.sequences.get(&session).copied().unwrap_or_default() {
            self.sequences.insert(session, sequence);
            self.apply(node, index, command);
        }
        Some(command.key().clone())
    }

    fn start_anew(&mut self, replica: &Replica<Store>, applied: LogIndex) {
        let values = replica.machine().iter();
        self.values = values
            .map(|(key, value)| (key.clone(), value.into()))
            .collect();
        let sessions = replica.sessions().iter();
        self.sequences = sessions
            .filter_map(|(id, session)| Some((id, session.last_write.as_ref()?.sequence)))
            .collect();
        self.followed = applied;
    }

    fn apply(&mut self, node: NodeId, index: LogIndex, command: &Command) {
        if let Command::Append { key, value } = command {
            let first = *self
                .appended
                .entry((key.clone(), value.clone()))
                .or_insert(index);
            if first != index {
                self.suspect(
                    "appended-once",
                    node,
                    format!("it once, at {first}"),
                    format!("{node} applies append({key:?}, {value:?}) at {index}"),
                );
            }
        }
        let before = self.values.get(command.key()).cloned();
        let state = before.unwrap_or_else(|| Text.initial());
        if let Some(after) = Text.step(&state, &in_words(command), None) {
            self.values.insert(command.key().clone(), after);
        }
    }

    fn compare(&mut self, node: NodeId, replica: &Replica<Store>, key: &Key) {
        let found = replica.machine().get(key).unwrap_or_default();
        if self.unclear.remove(key) {
            self.values.insert(key.clone(), found.into());
            return;
        }
        let value = self.values.get(key).cloned().unwrap_or_default();
        if found != &*value {
            let at = self.followed;
            self.suspect(
                "state-follows-log",
                node,
                format!("{:?}, as its log says", shortened(&value)),
                format!("{node} has {key:?} = {:?} after {at}", shortened(found)),
            );
        }
    }
}

/// The end of a long value.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    let length = text.chars().count();
    match length.checked_sub(SHOWN) {
        None | Some(0) => text.to_owned(),
        Some(hidden) => format!("…{}", text.chars().skip(hidden).collect::<String>()),
    }
}

/// A command as the specification knows it.
fn in_words(command: &Command) -> TextInput {
    match command {
        Command::Put { value, .. } => TextInput::Put(value.0.clone()),
        Command::Append { value, .. } => TextInput::Append(value.0.clone()),
        Command::Delete { .. } => TextInput::Delete,
        Command::Cas { from, to, .. } => TextInput::Cas {
            from: from.0.clone(),
            to: to.0.clone(),
        },
    }
}
