//! Raft's invariants (paper, figure 3), and what its host builds on.
//!
//! One observer for all nodes. A step that changed nothing costs a handful of
//! comparisons; any other costs as much as it changed.

mod checks;
mod history;
mod leadership;
mod pending_writes;
mod said;

use alloc::format;
use alloc::vec::Vec;

use checks::{
    check_commit_rule, check_forward, check_majority, check_persisted, check_snapshot,
    check_survived, holds,
};
use history::{Committed, History};
use leadership::{Beliefs, PreVotes};
use pending_writes::PendingWrites;
use said::Said;

use super::{Durable, LogId, LogIndex, Message, Raft, Term, Write};
use crate::embeds::Embeds;
use crate::invariants::{ClusterView, Invariants, Violation};
use crate::process::{Effect, NodeId};
use crate::renaming::{Renamed, Renaming};

/// A process with a [`Raft`] inside, as its invariants see it.
pub trait RaftHost: Embeds<Raft<<Self as RaftHost>::Command>> {
    /// What it replicates.
    type Command: super::Command;

    /// A cheap digest of the state after the last applied entry: equal on
    /// nodes that applied the same entries.
    fn state_digest(&self) -> u64;
    /// The digests of the states after each entry that the last step applied.
    fn states_passed(&self) -> &[(LogIndex, u64)];
    /// That state as a snapshot would hold it.
    fn encode_state(&self) -> Vec<u8>;
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
    last: LogId,
    /// Where the log begins. Never goes back, not even over a crash, and never
    /// beyond `covered`.
    base: LogId,
    /// The snapshot's end. Never goes back, not even over a crash.
    covered: LogIndex,
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
            last: raft.log().id_at(raft.written()),
            base: raft.log().base(),
            covered: raft.covered(),
            commit: raft.commit(),
            applied: raft.applied(),
            leads: raft.role().is_leader(),
        }
    }
}

/// What is remembered of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Watched {
    seen: Seen,
    /// How far its commits were compared with those of others. Between `seen` and what the
    /// node has reached in the middle of a step.
    noted: LogIndex,
    /// What it believes as a leader; `None` while it does not lead.
    believes: Option<Beliefs>,
}

/// Watches over all nodes of one Raft cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RaftInvariants {
    history: History,
    /// By the node's position. Empty until the first node is checked, then sized at once,
    /// so that symmetry is preserved.
    nodes: Vec<Watched>,
    /// What each has said to leaders, by its position.
    said: Vec<Said>,
    pre_votes: PreVotes,
}

impl Renamed for Watched {
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self {
            seen: Seen {
                vote: self.seen.vote.renamed(renaming),
                ..self.seen
            },
            noted: self.noted,
            believes: self.believes.as_ref().map(|it| it.renamed(renaming)),
        }
    }
}

impl Renamed for RaftInvariants {
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self {
            history: self.history.renamed(renaming),
            nodes: renaming.by_position(&self.nodes),
            said: renaming.by_position(&self.said),
            pre_votes: self.pre_votes.renamed(renaming),
        }
    }
}

impl<P: RaftHost> Invariants<P> for RaftInvariants {
    fn started(&mut self, cluster: &impl ClusterView<P>, node: NodeId) -> Result<(), Violation> {
        let Some((process, raft)) = host_of(cluster, node) else {
            return Ok(());
        };
        let disk = disk_of::<P>(cluster.node(node).durable);
        let seen = self.watched(cluster.len(), node).seen;
        let now = Seen::of(raft);
        check_persisted(node, &now, disk)?;
        check_survived(node, &seen, &now)?;
        self.history.vote(now.term, node, now.vote)?;
        if let Some(committed) = self.history.committed(seen.commit)
            && !holds(disk, seen.commit, committed.term)
        {
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
        if let Some((index, committed)) = self.history.last_committed() {
            check_majority(cluster, raft.voters().nodes(), index, committed.term)?;
        }
        self.note_snapshot(node, process, raft)?;
        self.history
            .state(node, now.applied, process.state_digest())?;
        let watched = self.watched(cluster.len(), node);
        watched.seen = now;
        watched.noted = now.commit;
        Ok(())
    }

    fn stepped(
        &mut self,
        cluster: &impl ClusterView<P>,
        node: NodeId,
        effects: &[Effect<P>],
    ) -> Result<(), Violation> {
        let Some((_, raft)) = host_of(cluster, node) else {
            return Ok(());
        };
        let watched = self.watched(cluster.len(), node);
        let (seen, noted) = (watched.seen, watched.noted);
        if raft.role().is_leader() {
            self.history.leader(raft.term(), node)?;
            if !(seen.leads && seen.term == raft.term()) {
                self.history.leader_is_complete(raft)?;
            }
        }
        self.pre_votes.look(raft, seen.term)?;
        self.look_at_beliefs(raft, node)?;
        if raft.commit() > noted {
            check_commit_rule(raft)?;
            // What a majority has on disk is committed even if this node crashes before the
            // end of its step.
            self.note_commits(cluster, raft, raft.commit(), Demand::IfSo)?;
        }
        let disk = disk_of::<P>(cluster.node(node).durable);
        let mut pending = PendingWrites::new(disk, node, seen, raft.role().is_leader());
        for effect in effects {
            if let Effect::Persist(write) = effect
                && let Some(write) = P::as_write(write)
            {
                pending.write(write, &self.history)?;
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
        let Some((_, raft)) = host_of(cluster, node) else {
            return Ok(());
        };
        match effect {
            Effect::Persist(write) => {
                if let Some(write) = P::as_write(write) {
                    self.wrote::<P>(node, write, disk_of::<P>(cluster.node(node).durable))?;
                }
            }
            Effect::Send { to, message } => {
                if let Some(message) = P::as_message(message) {
                    self.sent(cluster, node, *to, message)?;
                }
            }
            Effect::Return { .. }
            | Effect::Tell(_)
            | Effect::SetTimer { .. }
            | Effect::CancelTimer(_)
            | Effect::Mark(_) => {}
        }
        match P::acknowledged(effect) {
            Some((index, term)) => {
                self.note_commits(cluster, raft, index.min(raft.commit()), Demand::Now)?;
                self.check_acknowledged(raft, index, term)
            }
            None => Ok(()),
        }
    }

    fn settled(&mut self, cluster: &impl ClusterView<P>, node: NodeId) -> Result<(), Violation> {
        let Some((process, raft)) = host_of(cluster, node) else {
            return Ok(());
        };
        let seen = self.watched(cluster.len(), node).seen;
        let now = Seen::of(raft);
        check_persisted(node, &now, disk_of::<P>(cluster.node(node).durable))?;
        if now == seen {
            return Ok(());
        }
        // Nothing but entries changes the state: no election, and no clock.
        self.history
            .state(node, now.applied, process.state_digest())?;
        check_forward(node, &seen, &now)?;
        if now.vote != seen.vote || now.term != seen.term {
            self.history.vote(now.term, node, now.vote)?;
        }
        self.note_commits(cluster, raft, raft.commit(), Demand::Now)?;
        if now.applied != seen.applied {
            for (index, digest) in process.states_passed() {
                self.history.state(node, *index, *digest)?;
            }
        }
        if now.covered != seen.covered {
            self.note_snapshot(node, process, raft)?;
        }
        let watched = self.watched(cluster.len(), node);
        watched.seen = now;
        if now.base != seen.base || now.term != seen.term {
            self.prune(cluster, raft.voters().nodes());
        }
        Ok(())
    }

    /// Its volatile state is gone; its disk must remember the rest.
    fn crashed(&mut self, _cluster: &impl ClusterView<P>, node: NodeId, _prevented: &[Effect<P>]) {
        self.pre_votes.crashed(node);
        if let Some(watched) = self.nodes.get_mut(node.position()) {
            let led = watched.believes.take();
            let seen = Seen {
                last: LogId::ZERO,
                applied: LogIndex::ZERO,
                leads: false,
                ..watched.seen
            };
            *watched = Watched {
                seen,
                noted: seen.commit,
                believes: None,
            };
            self.forget_leadership(led);
        }
    }
}

/// Raft's part of a node's disk.
fn disk_of<P: RaftHost>(durable: &P::Durable) -> &Durable<P::Command> {
    P::part_of_disk(durable).expect("whoever votes has Raft's part of a disk")
}

fn host_of<P: RaftHost>(
    cluster: &impl ClusterView<P>,
    node: NodeId,
) -> Option<(&P, &Raft<P::Command>)> {
    let process = cluster.node(node).process?;
    Some((process, process.part()?))
}

/// Whether what is newly committed must be on the disks of a majority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// It is noted if it is.
    IfSo,
    /// Required: others may have heard of it.
    Now,
}

impl RaftInvariants {
    /// Who led which term, as far as it can still matter.
    pub fn leaders(&self) -> impl Iterator<Item = (Term, NodeId)> {
        self.history.leaders()
    }

    /// The last entry known to be committed.
    #[must_use]
    pub fn last_committed(&self) -> Option<LogId> {
        let (index, committed) = self.history.last_committed()?;
        Some(LogId::new(index, committed.term))
    }

    fn watched(&mut self, nodes: usize, node: NodeId) -> &mut Watched {
        if self.nodes.len() < nodes {
            self.nodes.resize(nodes, Watched::default());
            self.said.resize(nodes, Said::default());
        }
        &mut self.nodes[node.position()]
    }

    /// Looks at what a leader believes, and at how it came to lead.
    fn look_at_beliefs<C: super::Command>(
        &mut self,
        raft: &Raft<C>,
        node: NodeId,
    ) -> Result<(), Violation> {
        let before = self.nodes[node.position()].believes.take();
        if !raft.role().is_leader() {
            self.forget_leadership(before);
            return Ok(());
        }
        // In a cluster of one a node leads before its vote is on disk.
        let is_new = before.is_none();
        if is_new && raft.voters().quorum() > 1 {
            self.history.is_elected(raft)?;
        }
        let now = Beliefs::look(before.as_ref(), raft, &self.said)?;
        self.nodes[node.position()].believes = now;
        Ok(())
    }

    /// A node leads no more: what it believed and was told is obsolete.
    fn forget_leadership(&mut self, over: Option<Beliefs>) {
        if let Some(over) = over {
            for said in &mut self.said {
                said.forget(over.term());
            }
        }
    }

    /// A node has written a record to its disk.
    fn wrote<P: RaftHost>(
        &mut self,
        node: NodeId,
        write: &Write<P::Command>,
        disk: &Durable<P::Command>,
    ) -> Result<(), Violation> {
        match write {
            Write::HardState { term, vote } => self.history.vote(*term, node, *vote),
            Write::Append { first, entries } => self.history.entries(node, *first, entries, disk),
            Write::Snapshot { .. } => Ok(()),
        }
    }

    /// A node has sent a message.
    fn sent<P: RaftHost>(
        &mut self,
        cluster: &impl ClusterView<P>,
        node: NodeId,
        to: NodeId,
        message: &Message<P::Command>,
    ) -> Result<(), Violation> {
        said::is_on_disk(node, disk_of::<P>(cluster.node(node).durable), to, message)?;
        said::is_the_leaders(cluster, node, to, message)?;
        self.pre_votes.hear(node, to, message);
        if let Some(beliefs) = &self.watched(cluster.len(), to).believes {
            let led = beliefs.term();
            self.said[node.position()].hear(message, led);
        }
        let (Message::AppendEntries(append), Some((_, raft))) = (message, host_of(cluster, node))
        else {
            return Ok(());
        };
        if append.commit > raft.commit() {
            return Err(Violation::new(
                "commit-is-known",
                [node],
                format!(
                    "{node} to say that {} is committed, as it knows",
                    raft.commit()
                ),
                format!("{message} to {to}"),
            ));
        }
        self.note_commits(cluster, raft, append.commit, Demand::Now)
    }

    /// Compares what a node came to know as committed, up to an index, with what
    /// others did. A
    /// leader decides it, and what it decides is on the disks of a majority;
    /// whoever follows learns of it when that is so.
    fn note_commits<P: RaftHost>(
        &mut self,
        cluster: &impl ClusterView<P>,
        raft: &Raft<P::Command>,
        up_to: LogIndex,
        demand: Demand,
    ) -> Result<(), Violation> {
        let node = raft.id();
        let disk = disk_of::<P>(cluster.node(node).durable);
        let base = raft.log().base();
        let compacted = raft.role().is_leader() || disk.log.term_at(base.index) == Some(base.term);
        let mut index = self.watched(cluster.len(), node).noted;
        while index < up_to {
            index = index.next();
            // An entry that was compacted in this very step is still on disk, or about to
            // be: a leader of one writes, commits and compacts several in a step. Only a
            // snapshot that came from the leader replaces what is there.
            let term = raft
                .log()
                .term_at(index)
                .or_else(|| disk.log.term_at(index).filter(|_| compacted));
            if term.is_none() && demand == Demand::IfSo {
                return Ok(());
            }
            if let Some(term) = term {
                let known = self.is_as_committed(node, index, term)?;
                if !known && !self.commits(cluster, raft, LogId::new(index, term), demand)? {
                    return Ok(());
                }
            }
            self.watched(cluster.len(), node).noted = index;
        }
        Ok(())
    }

    /// Whether an entry is known to be committed.
    fn is_as_committed(
        &self,
        node: NodeId,
        index: LogIndex,
        term: Term,
    ) -> Result<bool, Violation> {
        match self.history.committed(index) {
            None => Ok(self.history.may_have_forgotten(index)),
            Some(earlier) if earlier.term == term => Ok(true),
            Some(earlier) => Err(Violation::new(
                "state-machine-safety",
                [node],
                format!("{index}@{}, as committed before", earlier.term),
                format!("{node} takes {index}@{term} for committed"),
            )),
        }
    }

    /// A node is the first to take an entry for committed. Returns whether it is, if that
    /// is not demanded.
    fn commits<P: RaftHost>(
        &mut self,
        cluster: &impl ClusterView<P>,
        raft: &Raft<P::Command>,
        entry: LogId,
        demand: Demand,
    ) -> Result<bool, Violation> {
        let committed = Committed {
            term: entry.term,
            leader_term: raft.term(),
        };
        // Another node's snapshot covers nothing but what was committed.
        let voters = raft.voters().nodes().iter();
        let covers = |voter: &&NodeId| {
            **voter != raft.id()
                && disk_of::<P>(cluster.node(**voter).durable).covered() >= entry.index
        };
        if voters.filter(covers).count() > 0 {
            self.history.commit(entry.index, committed);
            return Ok(true);
        }
        if !raft.role().is_leader() && demand == Demand::Now {
            let node = raft.id();
            return Err(Violation::new(
                "commit-is-known",
                [node],
                format!("{node} to take for committed what a leader has committed"),
                format!("{entry}, which none has"),
            ));
        }
        match check_majority(cluster, raft.voters().nodes(), entry.index, entry.term) {
            Ok(()) if raft.role().is_leader() => {
                self.history.commit(entry.index, committed);
                Ok(true)
            }
            Err(violation) if demand == Demand::Now => Err(violation),
            Ok(()) | Err(_) => Ok(false),
        }
    }

    /// What is acknowledged to a client must be applied here and committed everywhere.
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
        let wrong = |expected, found| {
            Err(Violation::new(
                "acknowledged-is-committed",
                [node],
                expected,
                found,
            ))
        };
        match (term, self.history.committed(index)) {
            (Some(term), Some(actual)) if term != actual.term => wrong(
                format!("{index}@{}, as committed", actual.term),
                format!("{node} acknowledges {index}@{term}"),
            ),
            (_, None) if !self.history.may_have_forgotten(index) => wrong(
                format!("{index} to be committed before {node} acknowledges it"),
                "no leader has committed it".into(),
            ),
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
                .map(|voter| disk_of::<P>(cluster.node(*voter).durable))
        };
        let index = disks().map(|disk| disk.log.base().index).min();
        let term = disks().map(|disk| disk.term).min();
        let (index, term) = (index.unwrap_or_default(), term.unwrap_or_default());
        self.history.forget_before(index, term);
    }
}
