//! A witness of what the servers do, who remembers the first thing that looked wrong.
//!
//! Nothing it sees ends a run: clients may never notice. But when what clients
//! saw turns out to have no order, the trouble began long before, and the
//! witness says where: at the first answer that was older than one given
//! before it was asked for, the first write that was applied twice, or the
//! first replica whose value is not what its log says.

mod followed_log;
#[cfg(test)]
mod tests;

use snowglobe_checkers::linearizability::specifications::TextInput;
use snowglobe_systems::invariants::{ClusterView, Invariants, NodeView, Violation};
use snowglobe_systems::kv::{Command, Invariants as Promises, Message, Node, Outcome, Store};
use snowglobe_systems::process::{Effect, InvocationId, NodeId, Process};
use snowglobe_systems::raft::{Durable, LogIndex};
use snowglobe_systems::replica::{self, Replica, Request, Sequence, SessionId};
use snowglobe_systems::vec_map::VecMap;

use self::followed_log::FollowedLog;
use crate::users::{self, Applying, Placed, Unsettled, Watcher};

/// What the service promises, and a witness beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Watched {
    promises: Promises,
    witness: Witness,
}

impl Watched {
    /// What the service promises, without the witness.
    #[must_use]
    pub fn promises(&self) -> &Promises {
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
        if self.witness.suspicion.is_none() {
            self.witness.note(cluster.node(node), node, effects);
        }
        self.promises.stepped(cluster, node, effects)
    }

    fn executed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effect: &Effect<Node>,
    ) -> Result<(), Violation> {
        if self.witness.suspicion.is_none() {
            if matches!(effect, Effect::Send { .. }) {
                // Whoever is answered goes on, though this step may not be over for long.
                self.witness.follow_step(cluster.node(node), node);
            }
            self.witness.hear(node, effect);
        }
        self.promises.executed(cluster, node, effect)
    }

    fn settled(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        if self.witness.suspicion.is_none() {
            self.witness.look(cluster.node(node), node);
        }
        self.promises.settled(cluster, node)
    }

    fn crashed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        prevented: &[Effect<Node>],
    ) {
        self.witness.written.remove(&node);
        self.witness.unsettled.goes_down(node);
        self.promises.crashed(cluster, node, prevented);
    }

    fn started(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        if self.witness.suspicion.is_none() {
            let begun = self.witness.unsettled.comes_back(node);
            let replica = cluster.node(node).process.and_then(Node::replica);
            self.witness.follow(node, replica, begun.as_ref());
        }
        self.promises.started(cluster, node)
    }

    fn suspicion(&self) -> Option<&Violation> {
        self.witness.suspicion.as_ref()
    }
}

impl Watcher<Node> for Watched {
    fn changes_of(&self, key: &str) -> Option<&[TextInput]> {
        // One that suspects something follows no further.
        let follows = self.witness.suspicion.is_none();
        follows.then(|| self.witness.log.changes_of(&key.into()))?
    }
}

/// Follows the log by itself, entry by entry, as the first replica applies it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Witness {
    suspicion: Option<Violation>,
    /// What nodes apply that are in the middle of a step.
    unsettled: Unsettled<Store>,
    /// By node: the writes that it says in its step are done, and where.
    written: VecMap<NodeId, Vec<(InvocationId, LogIndex)>>,
    /// The highest index that any client was told of.
    acknowledged: LogIndex,
    /// Calls under way, since they were first asked.
    calls: VecMap<InvocationId, Call>,
    log: FollowedLog,
}

/// A clerk's call as the witness knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Call {
    /// What was acknowledged when it was first asked.
    floor: LogIndex,
    /// Which write it is, once it has asked for one.
    write: Option<(SessionId, Sequence)>,
    /// The lowest index that a server answered it with.
    told: Option<LogIndex>,
}

impl Witness {
    /// Notes what a step has applied.
    fn note(&mut self, view: NodeView<'_, Node>, node: NodeId, effects: &[Effect<Node>]) {
        if let Some(replica) = view.process.and_then(Node::replica) {
            let (end, appended) = (self.log.end(), appended(effects));
            self.unsettled
                .begins(node, end, replica, view.durable, &appended);
        }
    }

    /// Hears what a node says.
    fn hear(&mut self, node: NodeId, effect: &Effect<Node>) {
        match effect {
            Effect::Send {
                message: Message::Ask {
                    call, operation, ..
                },
                ..
            } => self.asks(call.invocation, operation),
            Effect::Send {
                message:
                    Message::Tell {
                        call,
                        outcome,
                        relayed: false,
                    }
                    | Message::Relayed { call, outcome, .. },
                ..
            } => {
                if let Err(violation) = self.tells(node, call.invocation, outcome) {
                    self.suspect(violation);
                }
                if let replica::Outcome::Written { index, .. } = outcome {
                    let written = self.written.entry(node).or_default();
                    written.push((call.invocation, *index));
                }
            }
            Effect::Return {
                invocation,
                outcome,
            } => self.returns(*invocation, outcome),
            _ => {}
        }
    }

    fn asks(&mut self, invocation: InvocationId, operation: &replica::Operation<Store>) {
        let floor = self.acknowledged;
        let call = self.calls.entry(invocation).or_insert(Call {
            floor,
            write: None,
            told: None,
        });
        if let replica::Operation::Write { session, .. } = operation {
            call.write = *session;
        }
    }

    /// A clerk answers its user.
    fn returns(&mut self, invocation: InvocationId, outcome: &Outcome) {
        let Some(call) = self.calls.remove(&invocation) else {
            return;
        };
        if let Some(told) = call.told {
            self.acknowledged = self.acknowledged.max(told);
        } else if matches!(outcome, Outcome::Written(_) | Outcome::Answered(_)) {
            self.suspect(Violation::new(
                "own-answer",
                [],
                "an answer that a server gave to this call".to_owned(),
                format!("a clerk takes another for that to {invocation}"),
            ));
        }
    }

    fn suspect(&mut self, violation: Violation) {
        self.suspicion.get_or_insert(violation);
    }

    /// A step is over.
    fn look(&mut self, view: NodeView<'_, Node>, node: NodeId) {
        self.follow_step(view, node);
        for (invocation, at) in self.written.remove(&node).unwrap_or_default() {
            if let Err(violation) = self.has_its_place(node, invocation, at) {
                self.suspect(violation);
            }
        }
    }

    /// Follows what the step of a node applies, once.
    fn follow_step(&mut self, view: NodeView<'_, Node>, node: NodeId) {
        let step = self.unsettled.take(node);
        let replica = view.process.and_then(Node::replica);
        self.follow(node, replica, step.as_ref());
    }

    /// Follows a replica as far as it has come.
    fn follow(
        &mut self,
        node: NodeId,
        replica: Option<&Replica<Store>>,
        own: Option<&Applying<Store>>,
    ) {
        let Some(replica) = replica else {
            return;
        };
        let (end, applied) = (self.log.end(), replica.raft().applied());
        if applied <= end {
            return;
        }
        let followed = match self.unsettled.between(own, end, applied) {
            Some(entries) => self.log.follow(node, replica, entries),
            None => {
                self.log.start_anew(replica);
                Ok(())
            }
        };
        if let Err(violation) = followed {
            self.suspect(violation);
        }
    }

    /// A server answers a call.
    fn tells(
        &mut self,
        node: NodeId,
        invocation: InvocationId,
        outcome: &replica::Outcome<Store>,
    ) -> Result<(), Violation> {
        let Some(call) = self.calls.get_mut(&invocation) else {
            // Its clerk was answered before, or is gone.
            return Ok(());
        };
        let at = match outcome {
            replica::Outcome::Written { index, .. } => *index,
            replica::Outcome::Answered { at, .. } => *at,
            _ => return Ok(()),
        };
        call.told = Some(call.told.map_or(at, |told| told.min(at)));
        let floor = call.floor;
        if matches!(outcome, replica::Outcome::Answered { .. }) && at < floor {
            return Err(Violation::new(
                "fresh-answer",
                [node],
                format!("{floor} or later, which was known when it was asked"),
                format!("{node} answers {invocation} as of {at}"),
            ));
        }
        Ok(())
    }

    /// A server has said that a write is done, and what it applied is followed.
    fn has_its_place(
        &self,
        node: NodeId,
        invocation: InvocationId,
        at: LogIndex,
    ) -> Result<(), Violation> {
        let write = self.calls.get(&invocation).and_then(|call| call.write);
        match write {
            Some(write) if self.log.is_not_at(write, at) => Err(Violation::new(
                "own-place",
                [node],
                format!("the write of {invocation} there"),
                format!("{node} answers {invocation} as done at {at}, where another stands"),
            )),
            _ => Ok(()),
        }
    }
}

/// The entries that a step appends, by their places.
fn appended<P>(effects: &[Effect<P>]) -> Placed<Store>
where
    P: Process<Durable = Durable<Request<Command>>>,
{
    users::appended::<Store>(effects.iter().filter_map(|effect| match effect {
        Effect::Persist(write) => Some(write),
        _ => None,
    }))
}

/// The end of a long value.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    let length = text.chars().count();
    match length.checked_sub(SHOWN) {
        None | Some(0) => text.to_owned(),
        Some(hidden) => format!("…{}", text.chars().skip(hidden).collect::<String>()),
    }
}
