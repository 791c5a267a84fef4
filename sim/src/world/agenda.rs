//! What the world has yet to do, in the order of simulated time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use snowglobe_systems::process::NodeId;

use super::network::Parcel;
use super::node::Incarnation;
use crate::time::SimTime;

/// Something that falls due.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// A parcel arrives.
    Arrives(Parcel),
    /// A timer of a node may fire, if it is still meant to.
    Timer {
        /// Whose timer.
        node: NodeId,
        /// Its place in the node's table of timers.
        slot: usize,
        /// The life of the node in which it was armed.
        incarnation: Incarnation,
    },
    /// A slow sync is through; the effects behind it go on.
    Synced {
        /// Whose disk.
        node: NodeId,
        /// The life of the node in which the sync began.
        incarnation: Incarnation,
    },
    /// A slow process is through with its last step.
    Ready {
        /// Whose process.
        node: NodeId,
        /// The life of the node in which it took the step.
        incarnation: Incarnation,
    },
    /// An incident of the schedule begins, by its position.
    Begins(usize),
    /// An incident of the schedule is over, by its position.
    Ends(usize),
    /// The director asked to be called; the token is its own.
    Alarm(u64),
}

#[derive(Clone, Debug)]
struct Entry {
    at: SimTime,
    /// Equal times are served in the order in which they were put down.
    sequence: u64,
    due: Due,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // Reversed: the heap gives its greatest, and the earliest is wanted.
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// All that is due, earliest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Entry>,
    sequence: u64,
}

impl Agenda {
    /// Puts something down for a moment.
    pub(super) fn put(&mut self, at: SimTime, due: Due) {
        self.sequence += 1;
        self.heap.push(Entry {
            at,
            sequence: self.sequence,
            due,
        });
    }

    /// The next thing, and when it falls due.
    #[must_use]
    pub(super) fn next(&self) -> Option<(SimTime, &Due)> {
        self.heap.peek().map(|entry| (entry.at, &entry.due))
    }

    /// Takes the next thing off.
    pub(super) fn take(&mut self) -> Option<(SimTime, Due)> {
        self.heap.pop().map(|entry| (entry.at, entry.due))
    }

    /// Takes everything off, whenever it is due, in the order of time.
    pub(super) fn take_all(&mut self) -> Vec<(SimTime, Due)> {
        let mut all = Vec::new();
        all.extend(std::iter::from_fn(|| self.take()));
        all
    }

    /// The parcels that are on their way to a node, in no particular order.
    #[cfg(madsim)]
    pub(super) fn parcels_to(&self, node: NodeId) -> impl Iterator<Item = &Parcel> {
        self.heap.iter().filter_map(move |entry| match &entry.due {
            Due::Arrives(parcel) if parcel.to == node => Some(parcel),
            _ => None,
        })
    }
}
