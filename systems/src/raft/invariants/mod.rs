//! What Raft promises (paper, figure 3), and what its host builds on.
//!
//! One observer for all nodes. A step that changed nothing costs a handful of
//! comparisons; any other costs as much as it changed.

mod checks;
mod history;
mod said;
mod wish;

use alloc::format;
use alloc::vec::Vec;

use checks::{
    check_commit_rule, check_forward, check_majority, check_persisted, check_snapshot,
    check_survived, holds,
};
use history::{Committed, History};
use wish::Wish;

use super::{Durable, LogIndex, Message, Position, Raft, Term, Write};
use crate::invariants::{ClusterView, Invariants, NodeView, Violation};
use crate::process::{self, Effect, NodeId, Process};
use crate::renaming::{Renamed, Renaming};

/// A process with a [`Raft`] inside, as its invariants see it.
pub trait RaftHost: Process {
    /// What it replicates.
    type Command: super::Command;

    /// The Raft inside; `None` where this node replicates nothing, as a client's does not.
    fn raft(&self) -> Option<&Raft<Self::Command>>;
    /// A cheap digest of the state after the last applied entry: equal on
    /// nodes that applied the same entries.
    fn state_digest(&self) -> u64;
    /// That state as a snapshot would hold it.
    fn encode_state(&self) -> Vec<u8>;
    /// Raft's part of what the disk holds.
    fn durable(durable: &Self::Durable) -> &Durable<Self::Command>;
    /// Raft's record, if the host's record is one.
    fn write(write: &<Self::Durable as process::Durable>::Write) -> Option<&Write<Self::Command>>;
    /// Raft's message, if the host's message is one.
    fn message(message: &Self::Message) -> Option<&Message<Self::Command>>;
    /// The entry whose commit an effect acknowledges, with its term if it says so.
    fn acknowledged(effect: &Effect<Self>) -> Option<(LogIndex, Option<Term>)>;
}

/// What a node looked like after its last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Seen {
    /// Never goes back, not even over a crash.
    term: Term,
    /// In one term it changes only from nobody to somebody, not even over a crash.
    vote: Option<NodeId>,
    /// Does not go back while the node leads a term.
    last: Position,
    /// The snapshot's end. Never goes back, not even over a crash.
    base: Position,
    /// Never goes back while the node is up.
    commit: LogIndex,
    /// Never goes back while the node is up.
    applied: LogIndex,
    leads: bool,
}

impl Seen {
    fn of<C: super::Command>(raft: &Raft<C>) -> Self {
        Self {
            term: raft.term(),
            vote: raft.vote(),
            last: raft.log().last(),
            base: raft.log().base(),
            commit: raft.commit(),
            applied: raft.applied(),
            leads: raft.role().is_leader(),
        }
    }
}

/// Watches over all nodes of one Raft cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RaftInvariants {
    history: History,
    /// By the node's position. Nothing until a node is looked at, and then all
    /// nodes at once: whether one was looked at already tells nobody apart.
    seen: Vec<Seen>,
}

impl Renamed for Seen {
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self {
            vote: self.vote.renamed(renaming),
            ..*self
        }
    }
}

impl Renamed for RaftInvariants {
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self {
            history: self.history.renamed(renaming),
            seen: renaming.by_position(&self.seen),
        }
    }
}

impl<P: RaftHost> Invariants<P> for RaftInvariants {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<P>,
        node: NodeId,
        effects: &[Effect<P>],
    ) -> Result<(), Violation> {
        let NodeView {
            process: Some(process),
            durable,
        } = cluster.node(node)
        else {
            return Ok(());
        };
        let Some(raft) = process.raft() else {
            return Ok(());
        };
        let seen = *self.seen(cluster.len(), node);
        if raft.role().is_leader() {
            self.history.leader(raft.term(), node)?;
        }
        if raft.commit() > seen.commit {
            // What a majority has on disk already is committed whether or not
            // this node lives to the end of its step.
            self.note_commits(cluster, node, raft, seen.commit, false)?;
        }
        let mut wish = Wish::new(P::durable(durable), node, seen, raft.role().is_leader());
        for effect in effects {
            if let Effect::Persist(write) = effect
                && let Some(write) = P::write(write)
            {
                wish.write(write)?;
            }
        }
        Ok(())
    }

    fn executed(
        &mut self,
        cluster: &impl ClusterView<P>,
        node: NodeId,
        effect: &Effect<P>,
    ) -> Result<(), Violation> {
        let view = cluster.node(node);
        let disk = P::durable(view.durable);
        match effect {
            Effect::Persist(write) => {
                if let Some(Write::Append { first, entries }) = P::write(write) {
                    self.history.entries(node, *first, entries, disk)?;
                }
            }
            Effect::Send { to, message } => {
                if let Some(message) = P::message(message) {
                    said::is_on_disk(node, disk, *to, message)?;
                }
            }
            Effect::Return { .. }
            | Effect::SetTimer(_)
            | Effect::CancelTimer(_)
            | Effect::Mark(_) => {}
        }
        if let Some((index, term)) = P::acknowledged(effect)
            && let Some(raft) = view.process.and_then(P::raft)
        {
            self.check_acknowledged(raft, index, term)?;
        }
        Ok(())
    }

    fn settled(&mut self, cluster: &impl ClusterView<P>, node: NodeId) -> Result<(), Violation> {
        let view = cluster.node(node);
        let Some(process) = view.process else {
            return Ok(());
        };
        let Some(raft) = process.raft() else {
            return Ok(());
        };
        let seen = *self.seen(cluster.len(), node);
        let now = Seen::of(raft);
        check_persisted(node, &now, P::durable(view.durable))?;
        if now == seen {
            return Ok(());
        }
        check_forward(node, &seen, &now)?;
        if now.vote != seen.vote || now.term != seen.term {
            self.history.vote(now.term, node, now.vote)?;
        }
        if now.leads && !(seen.leads && seen.term == now.term) {
            self.history.leader_is_complete(raft)?;
        }
        if now.commit != seen.commit {
            check_commit_rule(raft)?;
            self.note_commits(cluster, node, raft, seen.commit, true)?;
        }
        if now.applied != seen.applied {
            self.history
                .state(node, now.applied, process.state_digest())?;
        }
        if now.base != seen.base {
            self.note_snapshot(node, process, raft)?;
        }
        *self.seen(cluster.len(), node) = now;
        if now.base != seen.base || now.term != seen.term {
            self.prune(cluster, raft.voters().nodes());
        }
        Ok(())
    }

    /// How far it was and whether it led is over; its disk must remember the rest.
    fn crashed(&mut self, _cluster: &impl ClusterView<P>, node: NodeId, _prevented: &[Effect<P>]) {
        if let Some(seen) = self.seen.get_mut(node.position()) {
            *seen = Seen {
                last: Position::ZERO,
                applied: LogIndex::ZERO,
                leads: false,
                ..*seen
            };
        }
    }

    fn started(&mut self, cluster: &impl ClusterView<P>, node: NodeId) -> Result<(), Violation> {
        let view = cluster.node(node);
        let Some(process) = view.process else {
            return Ok(());
        };
        let Some(raft) = process.raft() else {
            return Ok(());
        };
        let seen = *self.seen(cluster.len(), node);
        let now = Seen::of(raft);
        check_persisted(node, &now, P::durable(view.durable))?;
        check_survived(node, &seen, &now)?;
        self.history.vote(now.term, node, now.vote)?;
        if let Some(committed) = self.history.committed(seen.commit) {
            let held = holds(P::durable(view.durable), seen.commit, committed.term);
            if !held {
                return Err(Violation::new(
                    "committed-survives",
                    [node],
                    format!(
                        "{node} to still have {}@{}, which it knew to be committed",
                        seen.commit, committed.term
                    ),
                    format!("a disk that ends at {}", now.last),
                ));
            }
        }
        if let Some((index, committed)) = self.history.last_committed() {
            check_majority(cluster, raft.voters().nodes(), index, committed.term)?;
        }
        self.note_snapshot(node, process, raft)?;
        self.history
            .state(node, now.applied, process.state_digest())?;
        *self.seen(cluster.len(), node) = now;
        Ok(())
    }
}

impl RaftInvariants {
    /// Who led which term, as far as it can still matter.
    pub fn leaders(&self) -> impl Iterator<Item = (Term, NodeId)> {
        self.history.leaders()
    }

    /// The last entry known to be committed.
    #[must_use]
    pub fn last_committed(&self) -> Option<Position> {
        let (index, committed) = self.history.last_committed()?;
        Some(Position::new(index, committed.term))
    }

    fn seen(&mut self, nodes: usize, node: NodeId) -> &mut Seen {
        if self.seen.len() < nodes {
            self.seen.resize(nodes, Seen::default());
        }
        &mut self.seen[node.position()]
    }

    /// Compares what a node came to know as committed with what others did.
    /// What nobody knew before must be on the disks of a majority: now, or, if
    /// not `strict`, once this step has persisted.
    fn note_commits<P: RaftHost>(
        &mut self,
        cluster: &impl ClusterView<P>,
        node: NodeId,
        raft: &Raft<P::Command>,
        known: LogIndex,
        strict: bool,
    ) -> Result<(), Violation> {
        let disk = P::durable(cluster.node(node).durable);
        let base = raft.log().base();
        let compacted = disk.log.term_at(base.index) == Some(base.term);
        let mut index = known;
        while index < raft.commit() {
            index = index.next();
            // An entry that was compacted in this very step is still on disk,
            // unless the snapshot came from the leader and replaces what is there.
            let term = raft
                .log()
                .term_at(index)
                .or_else(|| disk.log.term_at(index).filter(|_| compacted));
            let Some(term) = term else {
                continue;
            };
            if let Some(earlier) = self.history.committed(index) {
                if earlier.term == term {
                    continue;
                }
                return Err(Violation::new(
                    "state-machine-safety",
                    [node],
                    format!("{index}@{}, as committed before", earlier.term),
                    format!("{node} takes {index}@{term} for committed"),
                ));
            }
            match check_majority(cluster, raft.voters().nodes(), index, term) {
                Ok(()) => self.history.commit(
                    index,
                    Committed {
                        term,
                        leader_term: raft.term(),
                    },
                ),
                Err(violation) if strict => return Err(violation),
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// What a client is told to be done must be applied here and committed everywhere.
    fn check_acknowledged<C: super::Command>(
        &self,
        raft: &Raft<C>,
        index: LogIndex,
        term: Option<Term>,
    ) -> Result<(), Violation> {
        let node = raft.id();
        if index > raft.applied() {
            return Err(Violation::new(
                "acknowledged-is-applied",
                [node],
                format!(
                    "answers for entries up to {}, the last applied",
                    raft.applied()
                ),
                format!("{node} acknowledges {index}"),
            ));
        }
        let committed = self.history.committed(index).map(|entry| entry.term);
        let actual = committed.or_else(|| raft.log().term_at(index));
        match (term, actual) {
            (Some(term), Some(actual)) if term != actual => Err(Violation::new(
                "acknowledged-is-committed",
                [node],
                format!("{index}@{actual}, as committed"),
                format!("{node} acknowledges {index}@{term}"),
            )),
            _ => Ok(()),
        }
    }

    /// Compares a snapshot that is on disk with those of others, and with the state.
    fn note_snapshot<P: RaftHost>(
        &mut self,
        node: NodeId,
        process: &P,
        raft: &Raft<P::Command>,
    ) -> Result<(), Violation> {
        if let Some(snapshot) = raft.snapshot() {
            self.history.snapshot(node, snapshot)?;
        }
        // What stays behind a snapshot must follow it: no write says so, since
        // it was there before.
        let log = raft.log();
        if let Some(entry) = log.entry(log.first()) {
            self.history
                .entry(node, log.first(), Some(log.base().term), entry)?;
        }
        check_snapshot(node, process, raft)
    }

    fn prune<P: RaftHost>(&mut self, cluster: &impl ClusterView<P>, voters: &[NodeId]) {
        let disks = || {
            voters
                .iter()
                .map(|voter| P::durable(cluster.node(*voter).durable))
        };
        let index = disks().map(|disk| disk.log.base().index).min();
        let term = disks().map(|disk| disk.term).min();
        self.history
            .forget_before(index.unwrap_or_default(), term.unwrap_or_default());
    }
}
