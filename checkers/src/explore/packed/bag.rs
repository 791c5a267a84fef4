//! Messages under way as a row of numbers.

use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;

use super::super::network::Fate;
use super::pool::Number;

/// A message under way: the number of its envelope, whether it is late, and how many copies of
/// it there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry(pub(super) Number);

/// How many bits of an entry are left for the number of its envelope.
const ENVELOPE_BITS: u32 = 23;

impl Entry {
    pub(super) fn new(envelope: Number, is_late: bool, copies: u8) -> Self {
        assert!(
            envelope < 1 << ENVELOPE_BITS,
            "memory ends before the numbers of messages do"
        );
        Self(envelope << 9 | u32::from(is_late) << 8 | u32::from(copies))
    }

    /// The number of its sender, receiver and message.
    pub(super) fn envelope(self) -> Number {
        self.0 >> 9
    }

    pub(super) fn is_late(self) -> bool {
        self.0 & 1 << 8 != 0
    }

    pub(super) fn copies(self) -> u8 {
        self.0 as u8
    }

    /// Which message it is, and whether it is late, however many copies there are.
    fn kind(self) -> Number {
        self.0 >> 8
    }
}

/// Sender and receiver.
pub(super) type Link = (NodeId, NodeId);

/// What becomes of messages under way, row by row. A bag is in ascending order; queues are in
/// the order of their links, and then as they were sent. Decided as in
/// [`Network`](super::super::Network).
#[derive(Clone, Debug, Default)]
pub(super) struct Bags {
    pub(super) in_order: bool,
    /// By envelope.
    pub(super) links: Vec<Link>,
    /// By envelope.
    pub(super) digests: Vec<u64>,
}

impl Bags {
    pub(super) fn link(&self, entry: Number) -> Link {
        self.links[Entry(entry).envelope() as usize]
    }

    /// The digest of one entry.
    pub(super) fn digest_of(&self, entry: Number) -> u64 {
        let entry = Entry(entry);
        let mut digest = Digest::new();
        digest.word(self.digests[entry.envelope() as usize]);
        digest.word(u64::from(entry.is_late()) << 8 | u64::from(entry.copies()));
        digest.value()
    }

    /// A digest of a row, the same in whichever order its envelopes were met.
    pub(super) fn digest(&self, row: &[Number]) -> u64 {
        row.iter().zip(1_u64..).fold(0, |sum, (entry, place)| {
            let factor = if self.in_order { 2 * place + 1 } else { 1 };
            sum.wrapping_add(self.digest_of(*entry).wrapping_mul(factor))
        })
    }

    /// What may arrive next: on links that keep the order the first of each, else
    /// everything, but of two that say the same the one that is not late.
    pub(super) fn may_arrive(&self, row: &[Number], place: usize) -> bool {
        let Some(before) = place.checked_sub(1) else {
            return true;
        };
        let (before, entry) = (row[before], row[place]);
        match self.in_order {
            true => self.link(before) != self.link(entry),
            false => Entry(before).envelope() != Entry(entry).envelope(),
        }
    }

    /// The message in this place arrives, and is under way no longer.
    pub(super) fn take(row: &mut Vec<Number>, place: usize) {
        match Entry(row[place]).copies() {
            1 => drop(row.remove(place)),
            _ => row[place] -= 1,
        }
    }

    /// How many copies count under the cap.
    pub(super) fn in_time(row: &[Number]) -> usize {
        let entries = row.iter().map(|entry| Entry(*entry));
        let in_time = entries.filter(|entry| !entry.is_late());
        in_time.map(|entry| usize::from(entry.copies())).sum()
    }

    /// A message is sent.
    pub(super) fn send(&self, row: &mut Vec<Number>, new: Number) {
        if self.in_order {
            let link = self.link(new);
            let place = row.partition_point(|entry| self.link(*entry) <= link);
            return row.insert(place, new);
        }
        let kind = Entry(new).kind();
        let place = row.partition_point(|entry| Entry(*entry).kind() < kind);
        match row.get_mut(place) {
            Some(same) if Entry(*same).kind() == kind => {
                let copies = Entry(*same).copies().saturating_add(Entry(new).copies());
                *same = kind << 8 | u32::from(copies);
            }
            _ => row.insert(place, new),
        }
    }

    /// Looks at all that a node may get. How many messages are left out.
    pub(super) fn sort_out(
        &self,
        row: &mut Vec<Number>,
        to: NodeId,
        mut fate: impl FnMut(Number) -> Fate,
    ) -> usize {
        let mut gone = 0;
        let mut late = Vec::new();
        row.retain_mut(|entry| {
            if self.link(*entry).1 != to {
                return true;
            }
            let whole = Entry(*entry);
            match fate(whole.envelope()) {
                Fate::LeftOut => gone += usize::from(whole.copies()),
                Fate::Late if !whole.is_late() => {
                    let new = Entry::new(whole.envelope(), true, whole.copies()).0;
                    if self.in_order {
                        *entry = new;
                        return true;
                    }
                    late.push(new);
                }
                Fate::Late | Fate::InTime => return true,
            }
            false
        });
        for entry in late {
            self.send(row, entry);
        }
        gone
    }

    /// What is under way between two nodes is lost.
    pub(super) fn drop_between(&self, row: &mut Vec<Number>, (one, other): Link) {
        row.retain(|entry| ![(one, other), (other, one)].contains(&self.link(*entry)));
    }

    /// Puts the row in its order, after names have changed.
    pub(super) fn sort(&self, row: &mut [Number]) {
        match self.in_order {
            true => row.sort_by_key(|entry| self.link(*entry)),
            false => row.sort_unstable(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::Shared;
    use super::super::super::network::{Flight, Network};
    use super::*;

    /// What may happen to what is under way.
    #[derive(Clone, Debug)]
    enum Change {
        Send { message: u32, is_late: bool },
        Take { which: usize },
        SortOut { to: u16, late: u32, left_out: u32 },
        Cut { one: u16, other: u16 },
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            4 => (0..18_u32, any::<bool>())
                .prop_map(|(message, is_late)| Change::Send { message, is_late }),
            2 => (0..8_usize).prop_map(|which| Change::Take { which }),
            1 => (0..3_u16, 0..18_u32, 0..18_u32)
                .prop_map(|(to, late, left_out)| Change::SortOut { to, late, left_out }),
            1 => (0..3_u16, 0..3_u16).prop_map(|(one, other)| Change::Cut { one, other }),
        ]
    }

    /// The 18 messages: what they say, from whom, and to whom.
    fn link(message: u32) -> Link {
        let (from, to) = (message / 3 % 3, message % 3);
        (NodeId::at(from as usize), NodeId::at(to as usize))
    }

    fn bags(in_order: bool) -> Bags {
        Bags {
            in_order,
            links: (0..18).map(link).collect(),
            digests: (0..18)
                .map(|message| Shared::new(message).digest())
                .collect(),
        }
    }

    fn fate(message: u32, late: u32, left_out: u32) -> Fate {
        match message {
            it if it == left_out => Fate::LeftOut,
            it if it >= late => Fate::Late,
            _ => Fate::InTime,
        }
    }

    /// What a row stands for.
    fn network(bags: &Bags, row: &[Number]) -> Network<u32> {
        let flights = row.iter().map(|entry| {
            let (from, to) = bags.link(*entry);
            let entry = Entry(*entry);
            Flight {
                from,
                to,
                message: Shared::new(entry.envelope()),
                copies: entry.copies(),
                late: entry.is_late(),
            }
        });
        Network::of(flights.collect(), bags.in_order)
    }

    proptest! {
        #[test]
        fn a_row_is_what_the_network_is(
            in_order in any::<bool>(),
            changes in prop::collection::vec(change(), 1..40),
        ) {
            let bags = bags(in_order);
            let (mut row, mut model) = (Vec::new(), Network::new(in_order));
            for change in changes {
                match change {
                    Change::Send { message, is_late } => {
                        let (from, to) = link(message);
                        bags.send(&mut row, Entry::new(message, is_late, 1).0);
                        model.send(from, to, Shared::new(message), is_late);
                    }
                    Change::Take { which } => {
                        let places = 0..row.len();
                        let first: Vec<usize> =
                            places.filter(|place| bags.may_arrive(&row, *place)).collect();
                        prop_assert_eq!(first.len(), model.deliverable().count());
                        let Some(place) = first.get(which) else { continue };
                        let message = Entry(row[*place]).envelope();
                        let (from, to) = link(message);
                        prop_assert!(model.take(from, to, &Shared::new(message)));
                        Bags::take(&mut row, *place);
                    }
                    Change::SortOut { to, late, left_out } => {
                        let to = NodeId::at(usize::from(to));
                        let gone = bags.sort_out(&mut row, to, |it| fate(it, late, left_out));
                        let left = model.sort_out(to, |it| fate(*it.message, late, left_out));
                        prop_assert_eq!(gone, left);
                    }
                    Change::Cut { one, other } => {
                        let ends = (NodeId::at(usize::from(one)), NodeId::at(usize::from(other)));
                        bags.drop_between(&mut row, ends);
                        model.retain(|it| ![ends, (ends.1, ends.0)].contains(&(it.from, it.to)));
                    }
                }
                prop_assert_eq!(&network(&bags, &row), &model);
                prop_assert_eq!(Bags::in_time(&row), model.in_time());
            }
        }
    }
}
