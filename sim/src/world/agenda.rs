//! What the world has yet to do, in the order of simulated time.

use std::cmp::Reverse;
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

/// When something is due, and where it lies. A heap moves its entries about, so they are small.
/// Equal times are served in the order in which they were put down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: SimTime,
    sequence: u64,
    /// Its place among all that lie there.
    place: u32,
}

/// All that is due, earliest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    /// A heap gives its greatest, and the earliest is wanted.
    heap: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
    /// One for each entry of the heap, and nothing at the free places.
    lies: Vec<Option<Due>>,
    /// The places at which nothing lies.
    free: Vec<u32>,
}

impl Agenda {
    /// Puts something down for a moment.
    pub(super) fn put(&mut self, at: SimTime, due: Due) {
        self.sequence += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.lies.push(None);
            u32::try_from(self.lies.len() - 1).expect("less is due than memory holds")
        });
        self.lies[place as usize] = Some(due);
        self.heap.push(Reverse(Entry {
            at,
            sequence: self.sequence,
            place,
        }));
    }

    /// The next thing, and when it falls due.
    #[must_use]
    pub(super) fn next(&self) -> Option<(SimTime, &Due)> {
        let Reverse(entry) = self.heap.peek()?;
        let due = self.lies[entry.place as usize].as_ref();
        Some((entry.at, due.expect("each entry has something due")))
    }

    /// Takes the next thing off.
    pub(super) fn take(&mut self) -> Option<(SimTime, Due)> {
        let Reverse(entry) = self.heap.pop()?;
        let due = self.lies[entry.place as usize].take();
        self.free.push(entry.place);
        Some((entry.at, due.expect("each entry has something due")))
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
        self.lies.iter().flatten().filter_map(move |due| match due {
            Due::Arrives(parcel) if parcel.to == node => Some(parcel),
            _ => None,
        })
    }
}
