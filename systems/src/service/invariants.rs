//! The invariants of a service: those of Raft, and every write of a session has one place.

use alloc::format;
use alloc::vec::Vec;

use super::Node;
use crate::invariants::{ClusterView, ForReport, Invariants, Violation};
use crate::process::{Effect, NodeId};
use crate::raft::invariants::RaftInvariants;
use crate::raft::{LogId, LogIndex};
use crate::replica::{Applied, LastWrite, Replica, Sequence, SessionId, StateMachine};
use crate::vec_map::VecMap;

/// Watches over all nodes of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ServiceInvariants {
    raft: RaftInvariants,
    /// Exactly once: the newest write of each session, and its one place in the log.
    places: VecMap<SessionId, Place>,
    /// By the node's position.
    seen: Vec<Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    sequence: Sequence,
    log_id: LogId,
    /// Who said so first. Only what was said is compared.
    by: ForReport<NodeId>,
}

/// A replica after its last step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Seen {
    applied: LogIndex,
    /// The number of a session's last write never goes back while the node is up.
    sequences: VecMap<SessionId, Sequence>,
}

/// Sessions that ended are forgotten when they are more than this and twice those that did not.
const FORGOTTEN_LATE: usize = 64;

impl<M: StateMachine> Invariants<Node<M>> for ServiceInvariants {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Node<M>>,
        node: NodeId,
        effects: &[Effect<Node<M>>],
    ) -> Result<(), Violation> {
        self.raft.stepped(cluster, node, effects)
    }

    fn executed(
        &mut self,
        cluster: &impl ClusterView<Node<M>>,
        node: NodeId,
        effect: &Effect<Node<M>>,
    ) -> Result<(), Violation> {
        self.raft.executed(cluster, node, effect)
    }

    fn settled(
        &mut self,
        cluster: &impl ClusterView<Node<M>>,
        node: NodeId,
    ) -> Result<(), Violation> {
        self.raft.settled(cluster, node)?;
        match cluster.node(node).process.and_then(Node::replica) {
            Some(replica) => self.look(node, replica),
            None => Ok(()),
        }
    }

    fn crashed(
        &mut self,
        cluster: &impl ClusterView<Node<M>>,
        node: NodeId,
        prevented: &[Effect<Node<M>>],
    ) {
        if let Some(seen) = self.seen.get_mut(node.position()) {
            *seen = Seen::default();
        }
        self.raft.crashed(cluster, node, prevented);
    }

    fn started(
        &mut self,
        cluster: &impl ClusterView<Node<M>>,
        node: NodeId,
    ) -> Result<(), Violation> {
        *self.seen(node) = Seen::default();
        self.raft.started(cluster, node)?;
        match cluster.node(node).process.and_then(Node::replica) {
            Some(replica) => self.look(node, replica),
            None => Ok(()),
        }
    }
}

impl ServiceInvariants {
    /// The promises of Raft, and what they remember.
    #[must_use]
    pub fn raft(&self) -> &RaftInvariants {
        &self.raft
    }

    fn seen(&mut self, node: NodeId) -> &mut Seen {
        let position = node.position();
        if self.seen.len() <= position {
            self.seen.resize(position + 1, Seen::default());
        }
        &mut self.seen[position]
    }

    /// Looks at the sessions that were used since the last look.
    fn look<M: StateMachine>(
        &mut self,
        node: NodeId,
        replica: &Replica<M>,
    ) -> Result<(), Violation> {
        let applied = replica.raft().applied();
        let before = self.seen(node).applied;
        if applied == before {
            return Ok(());
        }
        for (id, session) in replica.sessions().used_since(before) {
            if let Some(last) = &session.last_write {
                self.went_forward(node, id, last.sequence)?;
                self.has_one_place(node, id, last)?;
            }
        }
        let open = replica.sessions();
        let is_open = |id: &SessionId| id.0 > applied || open.get(*id).is_some();
        let most = FORGOTTEN_LATE + 2 * open.len();
        let seen = self.seen(node);
        seen.applied = applied;
        if seen.sequences.len() > most {
            seen.sequences.retain(|id, _| is_open(id));
        }
        if self.places.len() > most {
            self.places.retain(|id, _| is_open(id));
        }
        Ok(())
    }

    fn went_forward(
        &mut self,
        node: NodeId,
        id: SessionId,
        sequence: Sequence,
    ) -> Result<(), Violation> {
        let before = self.seen(node).sequences.insert(id, sequence);
        match before {
            Some(before) if before > sequence => Err(Violation::new(
                "session-never-goes-back",
                [node],
                format!("{id} at {before} or later on {node}"),
                format!("it at {sequence}"),
            )),
            _ => Ok(()),
        }
    }

    fn has_one_place<R>(
        &mut self,
        node: NodeId,
        id: SessionId,
        last: &LastWrite<Applied<R>>,
    ) -> Result<(), Violation> {
        let place = Place {
            sequence: last.sequence,
            log_id: last.result.log_id,
            by: ForReport(node),
        };
        let known = self.places.entry(id).or_insert(place);
        if known.sequence < place.sequence {
            *known = place;
        }
        if known.sequence == place.sequence && known.log_id != place.log_id {
            return Err(Violation::new(
                "write-applied-once",
                [known.by.0, node],
                format!(
                    "write {} of {id} to be applied at {}, as on {}",
                    place.sequence, known.log_id, known.by.0
                ),
                format!("{node} applied it at {}", place.log_id),
            ));
        }
        Ok(())
    }
}
