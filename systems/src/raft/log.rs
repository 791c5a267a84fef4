//! The log past the last snapshot, with a tail of what the snapshot covers.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::types::{Command, Entry, LogId, LogIndex, Term};

/// The entries that no snapshot covers yet, and some that one does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Log<C> {
    /// The entry before the first that is here; `i0@t0` before any compaction.
    /// Never past the end of the snapshot.
    base: LogId,
    /// The entry at offset `k` has the index `base.index + 1 + k`, and terms
    /// never decrease along the log.
    entries: VecDeque<Entry<C>>,
    /// The sum of the sizes of all entries.
    bytes: usize,
}

impl<C> Default for Log<C> {
    fn default() -> Self {
        Self {
            base: LogId::ZERO,
            entries: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<C: Command> Log<C> {
    /// The last entry that is no longer here.
    #[must_use]
    pub fn base(&self) -> LogId {
        self.base
    }

    /// The index of the first entry that is here, or would be.
    #[must_use]
    pub fn first(&self) -> LogIndex {
        self.base.index.next()
    }

    /// The last entry, or the base if there are none.
    #[must_use]
    pub fn last(&self) -> LogId {
        match self.entries.back() {
            Some(entry) => LogId::new(self.base.index.plus(self.entries.len()), entry.term),
            None => self.base,
        }
    }

    /// How many entries are here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// About how many bytes the entries take when encoded.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// About how many bytes the entries from `first` on take when encoded. Costs as much as
    /// the shorter side has entries.
    #[must_use]
    pub fn bytes_from(&self, first: LogIndex) -> usize {
        let before = first.since(self.first());
        let after = self.entries.len().saturating_sub(before);
        if before < after {
            let skipped: usize = self.entries.iter().take(before).map(Entry::size).sum();
            self.bytes - skipped
        } else {
            self.entries.iter().skip(before).map(Entry::size).sum()
        }
    }

    /// The base of the longest tail that ends at `end` and has at most
    /// `max_entries` entries and about `max_bytes` bytes: what to keep when a
    /// snapshot covers everything up to `end`.
    ///
    /// # Panics
    /// If the end is neither here nor the base.
    #[must_use]
    pub fn tail_before(&self, end: LogIndex, max_entries: usize, max_bytes: usize) -> LogId {
        let covered = end.since(self.base.index);
        let mut bytes = 0;
        let kept = self
            .entries
            .range(..covered)
            .rev()
            .take(max_entries)
            .take_while(|entry| {
                bytes += entry.size();
                bytes <= max_bytes
            })
            .count();
        self.id_at(LogIndex(end.0 - kept as u64))
    }

    /// The entry at an index, if it is here.
    #[must_use]
    pub fn entry(&self, index: LogIndex) -> Option<&Entry<C>> {
        let offset = index.0.checked_sub(self.first().0)?;
        self.entries.get(usize::try_from(offset).ok()?)
    }

    /// The term at an index, if it is here or is the base.
    #[must_use]
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        self.entry(index).map(|entry| entry.term)
    }

    /// The id of the entry at an index that is here or is the base.
    ///
    /// # Panics
    /// If the index is neither.
    #[must_use]
    pub fn id_at(&self, index: LogIndex) -> LogId {
        let term = self.term_at(index).expect("log index within the log");
        LogId::new(index, term)
    }

    /// All entries with their indices, in order.
    pub fn iter(&self) -> impl Iterator<Item = (LogIndex, &Entry<C>)> {
        let first = self.first();
        self.entries
            .iter()
            .enumerate()
            .map(move |(offset, entry)| (first.plus(offset), entry))
    }

    /// Drops everything from `first` on and puts `entries` there.
    ///
    /// # Panics
    /// If that would leave a gap, or reach to the base or before it.
    pub fn replace_from(&mut self, first: LogIndex, entries: &[Entry<C>]) {
        assert!(
            first > self.base.index && first <= self.last().index.next(),
            "log stays contiguous: {first} does not follow {} or replace an entry after {}",
            self.last(),
            self.base
        );
        let kept = first.since(self.first());
        let dropped: usize = self.entries.drain(kept..).map(|entry| entry.size()).sum();
        self.bytes -= dropped;
        self.bytes += entries.iter().map(Entry::size).sum::<usize>();
        self.entries.extend(entries.iter().cloned());
    }

    /// Drops everything up to a base that a snapshot covers. What follows stays
    /// only if the entry there is the snapshot's own: otherwise it belongs to
    /// another history (paper, figure 13, rules 6 and 7).
    pub fn compact_to(&mut self, end: LogId) {
        let kept = self.term_at(end.index) == Some(end.term);
        let covered = if kept {
            end.index.since(self.base.index)
        } else {
            self.entries.len()
        };
        let dropped: usize = self
            .entries
            .drain(..covered)
            .map(|entry| entry.size())
            .sum();
        self.bytes -= dropped;
        self.base = end;
    }

    /// The entries from `first` on.
    #[must_use]
    pub fn from(&self, first: LogIndex) -> Vec<Entry<C>> {
        let start = first.since(self.first());
        self.entries.range(start..).cloned().collect()
    }

    /// The entries from `first` on, up to `max_entries` and about `max_bytes`,
    /// with their size. At least one if there is any: a large entry must not get stuck.
    #[must_use]
    pub fn batch(
        &self,
        first: LogIndex,
        max_entries: usize,
        max_bytes: usize,
    ) -> (Vec<Entry<C>>, usize) {
        let start = first.since(self.first());
        let mut batch = Vec::new();
        let mut bytes = 0;
        for entry in self.entries.range(start..).take(max_entries) {
            let size = entry.size();
            if !batch.is_empty() && bytes + size > max_bytes {
                break;
            }
            bytes += size;
            batch.push(entry.clone());
        }
        (batch, bytes)
    }

    /// The first index here that has the term of the entry at `index`.
    #[must_use]
    pub fn first_of_term_at(&self, index: LogIndex) -> LogIndex {
        let term = self.id_at(index).term;
        let before = self.entries.partition_point(|entry| entry.term < term);
        self.first().plus(before).min(index)
    }

    /// The last index before `end` that has the term, if one is here.
    #[must_use]
    pub fn last_of_term_before(&self, term: Term, end: LogIndex) -> Option<LogIndex> {
        let up_to = self.entries.partition_point(|entry| entry.term <= term);
        let last = self.base.index.plus(up_to).min(end.previous());
        (self.term_at(last) == Some(term)).then_some(last)
    }
}
