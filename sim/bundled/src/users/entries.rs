//! What a replica has applied and nobody before it, for those who follow a log.

use std::collections::BTreeMap;

use snowglobe_systems::raft::{Durable, Entry, LogIndex, Write};
use snowglobe_systems::replica::{Replica, Request, StateMachine};

/// An entry of the log of a machine.
pub(crate) type EntryOf<M> = Entry<Request<<M as StateMachine>::Command>>;
/// Entries by their places.
pub(crate) type Placed<M> = BTreeMap<LogIndex, EntryOf<M>>;
type DurableOf<M> = Durable<Request<<M as StateMachine>::Command>>;
type WriteOf<M> = Write<Request<<M as StateMachine>::Command>>;

/// What a replica has applied after `end`, in order; `None` if an entry is gone. What was
/// compacted in this very step is still on the disk, or among what the step `appended`.
pub(crate) fn applied_after<M: StateMachine>(
    end: LogIndex,
    replica: &Replica<M>,
    disk: &DurableOf<M>,
    appended: &Placed<M>,
) -> Option<Vec<EntryOf<M>>> {
    let new = replica.raft().applied().since(end);
    let entry = |offset| {
        let index = end.plus(offset + 1);
        let log = replica.raft().log();
        let known = log.entry(index).or_else(|| disk.log.entry(index));
        known.or_else(|| appended.get(&index)).cloned()
    };
    (0..new).map(entry).collect()
}

/// What a step applies, from some place on, in order; `None` if an entry is gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Applying<M: StateMachine> {
    /// The last place before.
    pub(crate) from: LogIndex,
    /// The entries.
    pub(crate) entries: Option<Vec<EntryOf<M>>>,
}

impl<M: StateMachine> Applying<M> {
    /// The entries after `end` and up to `applied`, if they are all among those of this step.
    pub(crate) fn between(&self, end: LogIndex, applied: LogIndex) -> Option<&[EntryOf<M>]> {
        let entries = self.entries.as_ref()?;
        let known = end >= self.from && applied >= end;
        known.then(|| entries.get(end.since(self.from)..applied.since(self.from)))?
    }
}

/// The entries that these writes append, by their places.
pub(crate) fn appended<'a, M: StateMachine>(
    writes: impl Iterator<Item = &'a WriteOf<M>>,
) -> Placed<M>
where
    M::Command: 'a,
{
    let appends = writes.filter_map(|write| match write {
        Write::Append { first, entries } => Some((*first, entries)),
        _ => None,
    });
    let placed = appends.flat_map(|(first, entries)| {
        let places = (0..).map(move |offset| first.plus(offset));
        places.zip(entries.iter().cloned())
    });
    placed.collect()
}
