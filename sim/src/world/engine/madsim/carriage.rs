//! What waits to leave for a socket, and which sockets there are.

use std::collections::BTreeMap;
use std::time::Duration;

use snowglobe_systems::process::NodeId;

use super::super::super::network::Parcel;
use crate::time::SimTime;

/// Parcels for one receiver that leave together travel together, as packets do that wait for
/// the same interrupt.
pub(super) type Train = Vec<Parcel>;

/// The time that madsim's `Endpoint` itself takes to carry a train: 1 ms to send and 1 ms to
/// receive. A parcel that has less time than that comes late, and the world waits for it.
const HOP: Duration = Duration::from_millis(2);

/// What a node has of its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    None,
    /// It is about to be there; what is for it waits.
    Comes,
    There,
}

/// A node's socket, and what waits for it.
#[derive(Debug)]
struct Station {
    socket: Socket,
    train: Train,
}

/// All that has not left yet.
#[derive(Debug)]
pub(super) struct Carriage {
    /// By when it leaves, and its ticket.
    waiting: BTreeMap<(SimTime, u64), Parcel>,
    stations: Vec<Station>,
    /// Memory for trains.
    spare: Vec<Train>,
}

impl Carriage {
    /// For so many nodes, whose sockets are about to be there.
    pub(super) fn new(nodes: usize) -> Self {
        let station = |_| Station {
            socket: Socket::Comes,
            train: Train::new(),
        };
        Self {
            waiting: BTreeMap::new(),
            stations: (0..nodes).map(station).collect(),
            spare: Vec::new(),
        }
    }

    /// Takes a parcel, which must be there when it arrives.
    pub(super) fn take(&mut self, parcel: Parcel) {
        let leaves = SimTime(parcel.arrives.0.saturating_sub(HOP.as_nanos() as u64));
        self.waiting.insert((leaves, parcel.ticket), parcel);
    }

    /// When the next parcel leaves.
    pub(super) fn next_at(&self) -> Option<SimTime> {
        let (&(leaves, _), _) = self.waiting.first_key_value()?;
        Some(leaves)
    }

    /// A node's socket is gone, with all that was in it.
    pub(super) fn loses_socket(&mut self, node: NodeId) {
        let station = &mut self.stations[node.position()];
        station.socket = Socket::None;
        station.train.clear();
    }

    /// A node gets a new socket; these are on their way to it.
    pub(super) fn gets_socket(&mut self, node: NodeId, parcels: Vec<Parcel>) {
        self.loses_socket(node);
        self.stations[node.position()].socket = Socket::Comes;
        for parcel in parcels {
            self.take(parcel);
        }
    }

    /// A node's socket is there.
    pub(super) fn has_socket(&mut self, node: NodeId) {
        self.stations[node.position()].socket = Socket::There;
    }

    /// What leaves by now, by receiver.
    pub(super) fn leave(&mut self, now: SimTime) -> Vec<(NodeId, Train)> {
        while let Some(first) = self.waiting.first_entry()
            && first.key().0 <= now
        {
            let parcel = first.remove();
            let station = &mut self.stations[parcel.to.position()];
            // Whoever has none has lost what is for it, unless it gets one in time.
            if station.socket != Socket::None {
                station.train.push(parcel);
            }
        }
        let mut leaving = Vec::new();
        for (place, station) in self.stations.iter_mut().enumerate() {
            if station.socket == Socket::There && !station.train.is_empty() {
                let spare = self.spare.pop().unwrap_or_default();
                let train = std::mem::replace(&mut station.train, spare);
                leaving.push((NodeId::at(place), train));
            }
        }
        leaving
    }

    /// Keeps the memory of a train that has arrived.
    pub(super) fn keep_spare(&mut self, train: Train) {
        self.spare.push(train);
    }
}
