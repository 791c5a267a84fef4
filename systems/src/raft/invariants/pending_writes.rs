//! The writes of a step that are not yet executed, against the disk as it will be by then.

use alloc::format;
use alloc::string::String;

use super::Seen;
use super::history::History;
use crate::invariants::Violation;
use crate::process::NodeId;
use crate::raft::{Command, Durable, Entry, LogId, LogIndex, Term, Write};

/// A disk as the writes of one step will leave it, applied one after the other.
pub(super) struct PendingWrites<'a, C> {
    node: NodeId,
    /// The disk before the step.
    before: &'a Durable<C>,
    /// The node before the step.
    seen: Seen,
    /// Whether the node leads after the step.
    leads: bool,
    term: Term,
    vote: Option<NodeId>,
    last: LogIndex,
    base: LogIndex,
}

impl<'a, C: Command> PendingWrites<'a, C> {
    pub(super) fn new(before: &'a Durable<C>, node: NodeId, seen: Seen, leads: bool) -> Self {
        Self {
            node,
            before,
            seen,
            leads,
            term: before.term,
            vote: before.vote,
            last: before.log.last().index,
            base: before.log.base().index,
        }
    }

    fn violation(
        &self,
        property: &'static str,
        expected: String,
        found: String,
    ) -> Result<(), Violation> {
        Err(Violation::new(property, [self.node], expected, found))
    }

    /// A record that the step wants to write.
    pub(super) fn write(&mut self, write: &Write<C>, history: &History) -> Result<(), Violation> {
        match write {
            Write::HardState { term, vote } => self.write_hard_state(*term, *vote),
            Write::Append { first, entries } => {
                self.keeps_committed(*first, entries, history)?;
                self.write_entries(*first, entries)
            }
            Write::Snapshot { snapshot, base } => self.write_snapshot(snapshot.last, *base),
        }
    }

    fn write_hard_state(&mut self, term: Term, vote: Option<NodeId>) -> Result<(), Violation> {
        let changes_vote = term == self.term && self.vote.is_some() && vote != self.vote;
        if term < self.term || changes_vote {
            return self.violation(
                "one-vote-per-term",
                format!(
                    "{} to keep {} and its vote {:?}",
                    self.node, self.term, self.vote
                ),
                format!("it writes {term} and {vote:?}"),
            );
        }
        (self.term, self.vote) = (term, vote);
        Ok(())
    }

    fn write_entries(&mut self, first: LogIndex, entries: &[Entry<C>]) -> Result<(), Violation> {
        let node = self.node;
        if first <= self.seen.commit || first > self.last.next() {
            return self.violation(
                "committed-never-replaced",
                format!(
                    "entries on {node} from {} to {}: after the committed, without a gap",
                    self.seen.commit.next(),
                    self.last.next()
                ),
                format!("entries from {first}"),
            );
        }
        let still_leads = self.seen.leads && self.leads && self.seen.term == self.term;
        if still_leads && first <= self.last {
            return self.violation(
                "leader-append-only",
                format!(
                    "{node}, leader of {}, to append at {}",
                    self.term,
                    self.last.next()
                ),
                format!("it replaces entries from {first}"),
            );
        }
        let mut after = self.before.log.term_at(first.previous());
        for (offset, entry) in entries.iter().enumerate() {
            let index = first.plus(offset);
            if after.is_some_and(|after| entry.term < after) || entry.term > self.term {
                return self.violation(
                    "terms-ordered",
                    format!(
                        "{index} of a term from {after:?} to {} on {node}",
                        self.term
                    ),
                    format!("{}", entry.term),
                );
            }
            after = Some(entry.term);
        }
        self.last = first.plus(entries.len()).previous();
        Ok(())
    }

    fn write_snapshot(&mut self, last: LogId, base: LogId) -> Result<(), Violation> {
        let covered = self.before.covered();
        if last.index <= covered || base.index > last.index || base.index < self.base {
            return self.violation(
                "snapshot-moves-forward",
                format!(
                    "a snapshot past {covered} on {}, and a log from {} on or later that reaches \
                     back to it",
                    self.node, self.base
                ),
                format!("one at {last}, and a log from {base} on"),
            );
        }
        // The log after the base stays only if it is of the same history.
        let kept = self.last >= base.index
            && self
                .before
                .log
                .term_at(base.index)
                .is_none_or(|term| term == base.term);
        if !kept {
            self.last = base.index;
        }
        self.base = base.index;
        Ok(())
    }

    /// A committed entry is never removed from a disk, even if this node does not know that
    /// it is committed.
    fn keeps_committed(
        &self,
        first: LogIndex,
        entries: &[Entry<C>],
        history: &History,
    ) -> Result<(), Violation> {
        let disk = &self.before.log;
        let mut index = first;
        while index <= disk.last().index {
            let committed = history.committed(index).map(|entry| entry.term);
            let after = entries.get(index.since(first)).map(|entry| entry.term);
            if committed.is_some() && disk.term_at(index) == committed && after != committed {
                return self.violation(
                    "committed-never-replaced",
                    format!(
                        "{} to keep {index}, which was committed in {committed:?}",
                        self.node
                    ),
                    format!("it has {after:?} there instead"),
                );
            }
            index = index.next();
        }
        Ok(())
    }
}
