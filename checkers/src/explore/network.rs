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
    /// At some time since it was sent it would have changed nothing, neither then nor
    /// in the next few states that its receiver could come to by itself. From then
    /// on it does not count under the cap of [`Bounds::messages`](super::Bounds), so
    /// that it makes no difference to anything else whether it is kept or left out.
    pub late: bool,
}

/// What becomes of a message while its receiver is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is of use, for all that is known.
    InTime,
    /// It is late; see [`Flight::late`].
    Late,
    /// It is late, and nobody knows it to be of use.
    LeftOut,
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
    fn key(&self) -> (NodeId, NodeId, u64, bool) {
        (self.from, self.to, self.message.digest(), self.late)
    }

    fn link(&self) -> (NodeId, NodeId) {
        (self.from, self.to)
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

    /// These messages, those of a queue in the order in which they were sent.
    pub(super) fn of(mut flights: Vec<Flight<M>>, in_order: bool) -> Self {
        match in_order {
            true => flights.sort_by_key(Flight::link),
            false => flights.sort_by_key(Flight::key),
        }
        Self { flights, in_order }
    }

    /// The same messages on links that keep no order.
    pub(super) fn loose(self) -> Self {
        let mut loose = Self::new(false);
        for flight in self.flights {
            loose.add(flight);
        }
        loose
    }

    /// How many messages are under way, each copy counted.
    #[must_use]
    pub fn len(&self) -> usize {
        let copies = self.flights.iter().map(|flight| usize::from(flight.copies));
        copies.sum()
    }

    /// How many of them count under the cap.
    #[must_use]
    pub fn in_time(&self) -> usize {
        let in_time = self.flights.iter().filter(|flight| !flight.late);
        in_time.map(|flight| usize::from(flight.copies)).sum()
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

    /// What may arrive next: on links that keep the order the first of each, else
    /// everything, but of two that say the same the one that is not late.
    pub fn deliverable(&self) -> impl Iterator<Item = &Flight<M>> {
        let is_second = |place: usize| {
            let before = place.checked_sub(1).map(|place| &self.flights[place]);
            let flight = &self.flights[place];
            before.is_some_and(|other| {
                other.link() == flight.link() && (self.in_order || other.message == flight.message)
            })
        };
        let places = 0..self.flights.len();
        places
            .filter(move |place| !is_second(*place))
            .map(|place| &self.flights[place])
    }

    /// A message is sent.
    pub(super) fn send(&mut self, from: NodeId, to: NodeId, message: Shared<M>, late: bool) {
        self.add(Flight {
            from,
            to,
            message,
            copies: 1,
            late,
        });
    }

    fn add(&mut self, new: Flight<M>) {
        let place = if self.in_order {
            let link = new.link();
            self.flights.partition_point(|flight| flight.link() <= link)
        } else {
            let key = new.key();
            let mut place = self.flights.partition_point(|flight| flight.key() < key);
            // Two messages with one digest are still told apart.
            while let Some(same) = self.flights.get_mut(place)
                && same.key() == key
            {
                if same.message == new.message {
                    same.copies = same.copies.saturating_add(new.copies);
                    return;
                }
                place += 1;
            }
            place
        };
        self.flights.insert(place, new);
    }

    /// A message arrives and is no longer under way. Whether it was. Of two that
    /// say the same it is the one that is not late.
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
            flight.link() == (from, to) && (self.in_order || flight.message == *message)
        })?;
        (self.flights[place].message == *message).then_some(place)
    }

    /// Lets go of what the predicate does not want to keep. How many were let go.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Flight<M>) -> bool) -> usize {
        let before = self.len();
        self.flights.retain(keep);
        before - self.len()
    }

    /// Looks at all that a node may get. How many messages are left out.
    pub(super) fn sort_out(
        &mut self,
        to: NodeId,
        mut fate: impl FnMut(&Flight<M>) -> Fate,
    ) -> usize {
        let before = self.len();
        let mut late = Vec::new();
        let mut place = 0;
        while let Some(flight) = self.flights.get_mut(place) {
            let fate = match flight.to == to {
                true => fate(flight),
                false => Fate::InTime,
            };
            match fate {
                Fate::LeftOut => {
                    self.flights.remove(place);
                    continue;
                }
                Fate::Late if self.in_order => flight.late = true,
                Fate::Late if !flight.late => {
                    late.push(self.flights.remove(place));
                    continue;
                }
                Fate::Late | Fate::InTime => {}
            }
            place += 1;
        }
        for mut flight in late {
            flight.late = true;
            self.add(flight);
        }
        before - self.len()
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
                    late: flight.late,
                }
            })
            .collect();
        match self.in_order {
            true => flights.sort_by_key(Flight::link),
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
            late: self.late,
        }
    }
}

impl<M: PartialEq> PartialEq for Flight<M> {
    fn eq(&self, other: &Self) -> bool {
        (self.from, self.to, self.copies, self.late)
            == (other.from, other.to, other.copies, other.late)
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
            hasher.write_u64(flight.ends());
            flight.message.hash(hasher);
        }
    }
}

impl<M> Flight<M> {
    /// Everything but the message, packed into 64 bits.
    pub(super) fn ends(&self) -> u64 {
        let late = u64::from(self.late) << 40;
        late | u64::from(self.from.0) << 24 | u64::from(self.to.0) << 8 | u64::from(self.copies)
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
