//! What replicas apply, for those who follow a log as the first of them applies it.

use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{Durable, Entry, LogIndex, Write};
use snowglobe_systems::replica::{Replica, Request, StateMachine};
use snowglobe_systems::vec_map::VecMap;

/// An entry of the log of a machine.
pub(crate) type EntryOf<M> = Entry<Request<<M as StateMachine>::Command>>;
/// Entries by their places.
pub(crate) type Placed<M> = VecMap<LogIndex, EntryOf<M>>;
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

/// What a step applies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Applying<M: StateMachine> {
    /// The last place before.
    from: LogIndex,
    /// The entries, in order; `None` if one is gone.
    entries: Option<Vec<EntryOf<M>>>,
}

impl<M: StateMachine> Applying<M> {
    /// The entries after `end` and up to `applied`, if they are all among these.
    fn between(&self, end: LogIndex, applied: LogIndex) -> Option<&[EntryOf<M>]> {
        let entries = self.entries.as_ref()?;
        let known = end >= self.from && applied >= end;
        known.then(|| entries.get(end.since(self.from)..applied.since(self.from)))?
    }
}

/// What replicas apply in steps that are not over. It counts when anybody can know of it, since
/// a crash before may undo an entry: when the step is over, or its node has said anything, or
/// comes back with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Unsettled<M: StateMachine> {
    steps: VecMap<NodeId, Applying<M>>,
    /// What a node that is down was in the middle of: its disk may hold all of it.
    begun: VecMap<NodeId, Applying<M>>,
}

impl<M: StateMachine> Default for Unsettled<M> {
    fn default() -> Self {
        Self {
            steps: VecMap::new(),
            begun: VecMap::new(),
        }
    }
}

impl<M: StateMachine> Unsettled<M> {
    /// A node begins a step, with which it has come further than anybody: all are followed up
    /// to `end`.
    pub(crate) fn begins(
        &mut self,
        node: NodeId,
        end: LogIndex,
        replica: &Replica<M>,
        disk: &DurableOf<M>,
        appended: &Placed<M>,
    ) {
        if replica.raft().applied() > end {
            let entries = applied_after(end, replica, disk, appended);
            self.steps.insert(node, Applying { from: end, entries });
        }
    }

    /// What the step of a node applies, once.
    pub(crate) fn take(&mut self, node: NodeId) -> Option<Applying<M>> {
        self.steps.remove(&node)
    }

    /// A node goes down, perhaps in the middle of a step.
    pub(crate) fn goes_down(&mut self, node: NodeId) {
        if let Some(step) = self.steps.remove(&node) {
            self.begun.insert(node, step);
        }
    }

    /// A node comes back. What it had begun to apply may be in its snapshot, and nowhere else.
    pub(crate) fn comes_back(&mut self, node: NodeId) -> Option<Applying<M>> {
        self.begun.remove(&node)
    }

    /// The entries after `end` and up to `applied`: from a node's own step, or from one that is
    /// not over, out of which it may have a snapshot already.
    pub(crate) fn between<'a>(
        &'a self,
        own: Option<&'a Applying<M>>,
        end: LogIndex,
        applied: LogIndex,
    ) -> Option<&'a [EntryOf<M>]> {
        let mut steps = own.into_iter().chain(self.steps.values());
        steps.find_map(|step| step.between(end, applied))
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
