//! The history: who led, who voted for whom, which entries were made, which were committed,
//! and which states they left.

use alloc::collections::VecDeque;
use alloc::format;

use crate::digest::Digest;
use crate::invariants::{ForReport, Violation};
use crate::process::NodeId;
use crate::raft::{Command, Durable, Entry, LogIndex, Raft, Snapshot, Term};
use crate::renaming::{Renamed, Renaming};
use crate::vec_map::VecMap;

/// Everything that a later step may contradict. What can no longer matter, because it is in
/// every snapshot or before every term, is pruned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct History {
    /// Election safety: at most one leader in a term (paper, 5.2).
    leaders: VecMap<Term, NodeId>,
    /// A node votes for at most one candidate in a term, crashes or not (paper, 5.2).
    votes: VecMap<(Term, NodeId), NodeId>,
    /// Log matching: an index and a term name one entry, and what comes
    /// before it (paper, 5.3).
    entries: VecMap<(LogIndex, Term), Made>,
    /// State machine safety: one entry is committed at an index (paper, 5.4.3).
    /// The one at offset `k` has the index `committed_from + k`; `None`
    /// where unknown.
    committed: VecDeque<Option<Committed>>,
    committed_from: LogIndex,
    /// All who applied the same entries are in the same state: its digest, and
    /// who was first in it. Only digests are compared.
    states: VecMap<LogIndex, (u64, ForReport<NodeId>)>,
    /// All snapshots at an index have the same bytes: their digest, and who had
    /// them first. Only digests are compared.
    snapshots: VecMap<LogIndex, (u64, ForReport<NodeId>)>,
}

/// An entry as it was when it first went to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Made {
    digest: u64,
    /// The term of the entry before it.
    after: Term,
    /// On whose disk. An entry is the same entry wherever it is.
    by: ForReport<NodeId>,
}

/// A committed entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Committed {
    /// Its term.
    pub(super) term: Term,
    /// The term of the leader that committed it; never decreases along the log.
    pub(super) leader_term: Term,
}

impl History {
    pub(super) fn leaders(&self) -> impl Iterator<Item = (Term, NodeId)> {
        self.leaders.iter().map(|(term, node)| (*term, *node))
    }

    pub(super) fn leader(&mut self, term: Term, node: NodeId) -> Result<(), Violation> {
        let first = *self.leaders.entry(term).or_insert(node);
        if first == node {
            return Ok(());
        }
        Err(Violation::new(
            "election-safety",
            [first, node],
            format!("one leader in {term}"),
            format!("{first} and {node}"),
        ))
    }

    pub(super) fn vote(
        &mut self,
        term: Term,
        node: NodeId,
        vote: Option<NodeId>,
    ) -> Result<(), Violation> {
        let Some(vote) = vote else {
            return Ok(());
        };
        let first = *self.votes.entry((term, node)).or_insert(vote);
        if first == vote {
            return Ok(());
        }
        Err(Violation::new(
            "one-vote-per-term",
            [node],
            format!("{node} to vote in {term} for {first} only"),
            format!("a vote for {vote}"),
        ))
    }

    /// Notes entries that went to a disk, which holds them now.
    pub(super) fn entries<C: Command>(
        &mut self,
        node: NodeId,
        first: LogIndex,
        entries: &[Entry<C>],
        disk: &Durable<C>,
    ) -> Result<(), Violation> {
        let mut after = disk.log.term_at(first.previous());
        for (offset, entry) in entries.iter().enumerate() {
            self.entry(node, first.plus(offset), after, entry)?;
            after = Some(entry.term);
        }
        Ok(())
    }

    /// Notes an entry that is on a disk; `after` is the term of the one before it there.
    pub(super) fn entry<C: Command>(
        &mut self,
        node: NodeId,
        index: LogIndex,
        after: Option<Term>,
        entry: &Entry<C>,
    ) -> Result<(), Violation> {
        let Some(after) = after else {
            return Ok(());
        };
        let made = Made {
            digest: Digest::of(entry),
            after,
            by: ForReport(node),
        };
        let first = *self.entries.entry((index, entry.term)).or_insert(made);
        if (first.digest, first.after) == (made.digest, made.after) {
            return Ok(());
        }
        Err(Violation::new(
            "log-matching",
            [first.by.0, node],
            format!(
                "{index}@{} to be one entry, {:016x} after {}, as on {}",
                entry.term, first.digest, first.after, first.by.0
            ),
            format!("{:016x} after {} on {node}", made.digest, made.after),
        ))
    }

    /// A leader has the votes of a majority, as they are on the voters' disks (paper, 5.2).
    pub(super) fn is_elected<C: Command>(&self, raft: &Raft<C>) -> Result<(), Violation> {
        let voted = |voter: &&NodeId| {
            let vote = self.votes.get(&(raft.term(), **voter));
            vote == Some(&raft.id())
        };
        let votes = raft.voters().nodes().iter().filter(voted).count();
        if votes >= raft.voters().quorum() {
            return Ok(());
        }
        Err(Violation::new(
            "elected-by-majority",
            [raft.id()],
            format!(
                "{}, leader of {}, to have the votes of {}",
                raft.id(),
                raft.term(),
                raft.voters().quorum()
            ),
            format!("{votes} voted for it"),
        ))
    }

    /// Whether what was committed at an index may have been forgotten, because
    /// it is in every snapshot.
    pub(super) fn may_have_forgotten(&self, index: LogIndex) -> bool {
        index < self.committed_from
    }

    pub(super) fn committed(&self, index: LogIndex) -> Option<Committed> {
        let offset = index.0.checked_sub(self.committed_from.0)?;
        *self.committed.get(usize::try_from(offset).ok()?)?
    }

    pub(super) fn last_committed(&self) -> Option<(LogIndex, Committed)> {
        self.committed_backwards().next()
    }

    fn committed_backwards(&self) -> impl Iterator<Item = (LogIndex, Committed)> {
        (0..self.committed.len()).rev().filter_map(|offset| {
            self.committed[offset].map(|entry| (self.committed_from.plus(offset), entry))
        })
    }

    pub(super) fn commit(&mut self, index: LogIndex, entry: Committed) {
        if self.committed.is_empty() {
            self.committed_from = index;
        }
        if index < self.committed_from {
            return;
        }
        let offset = index.since(self.committed_from);
        while self.committed.len() <= offset {
            self.committed.push_back(None);
        }
        self.committed[offset] = Some(entry);
    }

    /// Leader completeness: a leader has all that leaders of earlier terms
    /// committed (paper, 5.4.3). By log matching it has all if it has the last.
    pub(super) fn leader_is_complete<C: Command>(&self, raft: &Raft<C>) -> Result<(), Violation> {
        let earlier = self
            .committed_backwards()
            .find(|(_, entry)| entry.leader_term < raft.term());
        let Some((index, entry)) = earlier else {
            return Ok(());
        };
        let log = raft.log();
        if log.base().index > index || log.term_at(index) == Some(entry.term) {
            return Ok(());
        }
        Err(Violation::new(
            "leader-completeness",
            [raft.id()],
            format!(
                "{}, leader of {}, to have {index}@{}, committed in {}",
                raft.id(),
                raft.term(),
                entry.term,
                entry.leader_term
            ),
            match log.term_at(index) {
                Some(term) => format!("{index}@{term} there"),
                None => format!("a log that ends at {}", log.last()),
            },
        ))
    }

    pub(super) fn state(
        &mut self,
        node: NodeId,
        applied: LogIndex,
        digest: u64,
    ) -> Result<(), Violation> {
        let known = self.states.entry(applied);
        let (first, ForReport(by)) = *known.or_insert((digest, ForReport(node)));
        if first == digest {
            return Ok(());
        }
        Err(Violation::new(
            "same-state-everywhere",
            [by, node],
            format!("state {first:016x} after {applied}, as on {by}"),
            format!("{digest:016x} on {node}"),
        ))
    }

    pub(super) fn snapshot(&mut self, node: NodeId, snapshot: &Snapshot) -> Result<(), Violation> {
        let index = snapshot.last.index;
        if let Some(committed) = self.committed(index)
            && committed.term != snapshot.last.term
        {
            return Err(Violation::new(
                "snapshot-of-committed",
                [node],
                format!("a snapshot of {index}@{}, as committed", committed.term),
                format!("one of {}", snapshot.last),
            ));
        }
        let digest = Digest::of(&*snapshot.data);
        let known = self.snapshots.entry(index);
        let (first, ForReport(by)) = *known.or_insert((digest, ForReport(node)));
        if first == digest {
            return Ok(());
        }
        Err(Violation::new(
            "same-snapshot-everywhere",
            [by, node],
            format!("bytes {first:016x} in a snapshot at {index}, as on {by}"),
            format!("{digest:016x} on {node}"),
        ))
    }

    pub(super) fn forget_before(&mut self, index: LogIndex, term: Term) {
        while self.committed_from < index && self.committed.pop_front().is_some() {
            self.committed_from = self.committed_from.next();
        }
        self.entries.remove_before(&(index, Term::ZERO));
        self.states.remove_before(&index);
        self.snapshots.remove_before(&index);
        self.leaders.remove_before(&term);
        self.votes.remove_before(&(term, NodeId(0)));
    }
}

impl Renamed for History {
    fn renamed(&self, renaming: &Renaming) -> Self {
        let votes = self.votes.iter().map(|((term, voter), vote)| {
            let key = (*term, voter.renamed(renaming));
            (key, vote.renamed(renaming))
        });
        Self {
            leaders: self.leaders.renamed(renaming),
            votes: votes.collect(),
            entries: self.entries.renamed(renaming),
            committed: self.committed.clone(),
            committed_from: self.committed_from,
            states: self.states.renamed(renaming),
            snapshots: self.snapshots.renamed(renaming),
        }
    }
}

impl Renamed for Made {
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self {
            by: self.by.renamed(renaming),
            ..*self
        }
    }
}

/// A digest of what was seen, and on whom.
impl Renamed for (u64, ForReport<NodeId>) {
    fn renamed(&self, renaming: &Renaming) -> Self {
        (self.0, self.1.renamed(renaming))
    }
}
