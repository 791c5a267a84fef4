//! Messages under way.

use std::fmt;
use std::hash::{Hash, Hasher};

use snowglobe_systems::process::NodeId;

use super::Shared;

/// A message under way, as often as it is.
pub struct Flight<M> {
    /// Who sent it.
    pub from: NodeId,
    /// Who may get it.
    pub to: NodeId,
    /// What it says.
    pub message: Shared<M>,
    /// How many of it there are; at least 1.
    pub copies: u8,
}

/// All messages under way.
///
/// A bag: which of them was sent first is forgotten, and two that say the same
/// are one with two copies. On links that keep the order it is a queue for
/// each pair of nodes instead.
pub struct Network<M> {
    /// In a bag by sender, receiver and digest, so that equal bags are equal
    /// lists. In queues by sender and receiver, and then as they were sent.
    flights: Vec<Flight<M>>,
    in_order: bool,
}

impl<M> Flight<M> {
    fn key(&self) -> (NodeId, NodeId, u64) {
        (self.from, self.to, self.message.digest())
    }
}

impl<M: PartialEq> Network<M> {
    /// Nothing under way.
    pub(super) const fn new(in_order: bool) -> Self {
        Self {
            flights: Vec::new(),
            in_order,
        }
    }

    /// How many messages are under way, each copy counted.
    #[must_use]
    pub fn len(&self) -> usize {
        let copies = self.flights.iter().map(|flight| usize::from(flight.copies));
        copies.sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// All that is under way.
    #[must_use]
    pub fn flights(&self) -> &[Flight<M>] {
        &self.flights
    }

    /// What may arrive next.
    pub fn deliverable(&self) -> impl Iterator<Item = &Flight<M>> {
        self.flights
            .iter()
            .enumerate()
            .filter_map(|(place, flight)| {
                let before = place.checked_sub(1).map(|place| &self.flights[place]);
                let is_first =
                    before.is_none_or(|other| (other.from, other.to) != (flight.from, flight.to));
                (!self.in_order || is_first).then_some(flight)
            })
    }

    /// A message is sent.
    pub(super) fn send(&mut self, from: NodeId, to: NodeId, message: Shared<M>) {
        let new = Flight {
            from,
            to,
            message,
            copies: 1,
        };
        let place = if self.in_order {
            let link = (from, to);
            self.flights
                .partition_point(|flight| (flight.from, flight.to) <= link)
        } else {
            let key = new.key();
            let place = self.flights.partition_point(|flight| flight.key() < key);
            if let Some(same) = self.flights.get_mut(place)
                && same.key() == key
            {
                same.copies = same.copies.saturating_add(1);
                return;
            }
            place
        };
        self.flights.insert(place, new);
    }

    /// A message arrives and is no longer under way. Whether it was.
    pub(super) fn take(&mut self, from: NodeId, to: NodeId, message: &Shared<M>) -> bool {
        let Some(place) = self.place_of(from, to, message) else {
            return false;
        };
        let flight = &mut self.flights[place];
        flight.copies -= 1;
        if flight.copies == 0 {
            self.flights.remove(place);
        }
        true
    }

    /// Whether a message may arrive next.
    pub(super) fn holds(&self, from: NodeId, to: NodeId, message: &Shared<M>) -> bool {
        self.place_of(from, to, message).is_some()
    }

    fn place_of(&self, from: NodeId, to: NodeId, message: &Shared<M>) -> Option<usize> {
        let place = self.flights.iter().position(|flight| {
            (flight.from, flight.to) == (from, to)
                && (self.in_order || flight.message.digest() == message.digest())
        })?;
        (self.flights[place].message == *message).then_some(place)
    }

    /// Lets go of what the predicate does not want to keep. How many were let go.
    pub(super) fn retain(&mut self, keep: impl Fn(&Flight<M>) -> bool) -> usize {
        let before = self.flights.len();
        self.flights.retain(keep);
        before - self.flights.len()
    }

    /// The same messages under other names.
    #[must_use]
    pub fn map(&self, change: impl Fn(&Flight<M>) -> (NodeId, NodeId, Shared<M>)) -> Self {
        let mut flights: Vec<Flight<M>> = self
            .flights
            .iter()
            .map(|flight| {
                let (from, to, message) = change(flight);
                Flight {
                    from,
                    to,
                    message,
                    copies: flight.copies,
                }
            })
            .collect();
        match self.in_order {
            true => flights.sort_by_key(|flight| (flight.from, flight.to)),
            false => flights.sort_by_key(Flight::key),
        }
        Self {
            flights,
            in_order: self.in_order,
        }
    }
}

impl<M> Clone for Flight<M> {
    fn clone(&self) -> Self {
        Self {
            from: self.from,
            to: self.to,
            message: self.message.clone(),
            copies: self.copies,
        }
    }
}

impl<M: PartialEq> PartialEq for Flight<M> {
    fn eq(&self, other: &Self) -> bool {
        (self.from, self.to, self.copies) == (other.from, other.to, other.copies)
            && self.message == other.message
    }
}

impl<M> Clone for Network<M> {
    fn clone(&self) -> Self {
        Self {
            flights: self.flights.clone(),
            in_order: self.in_order,
        }
    }
}

impl<M: PartialEq> PartialEq for Network<M> {
    fn eq(&self, other: &Self) -> bool {
        self.flights == other.flights
    }
}

impl<M> Hash for Network<M> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_usize(self.flights.len());
        for flight in &self.flights {
            hasher.write_u32(u32::from_be_bytes([
                0,
                flight.from.0,
                flight.to.0,
                flight.copies,
            ]));
            flight.message.hash(hasher);
        }
    }
}

impl<M: fmt::Debug> fmt::Debug for Flight<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}->{} {:?}", self.from, self.to, self.message)?;
        match self.copies {
            1 => Ok(()),
            copies => write!(f, " x{copies}"),
        }
    }
}

impl<M: fmt::Debug> fmt::Debug for Network<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.flights).finish()
    }
}
