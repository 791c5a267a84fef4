//! All states that were reached, exactly, in some thirty bytes each.
//!
//! Of two states that follow each other most is the same: a step changes a node and what is
//! under way. So a state is kept as a pair of two numbers: that of its cluster (the nodes and all
//! that is remembered), and that of its bag of messages. There are far fewer of either than of
//! pairs (recursive interning of states: Laarman, van de Pol, Weber, "Parallel recursive state
//! compression for free", 2011). Nothing is compared by a fingerprint, so no state is missed.

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;

use super::pool::Number;
use super::rows::Rows;

/// A state: the number of its cluster, and its bag as a row of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PackedState {
    pub(super) cluster: Number,
    pub(super) bag: Vec<Number>,
}

/// The number of a state, in the order in which they were reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StateNumber(pub(super) u32);

impl StateNumber {
    fn place(self) -> usize {
        self.0 as usize
    }
}

/// States that were reached from others, one behind the other.
#[derive(Default)]
pub(super) struct Reached {
    heads: Vec<Head>,
    bags: Vec<Number>,
}

struct Head {
    parent: StateNumber,
    cluster: Number,
    /// Where its bag ends; it begins where the one before it does.
    end: usize,
}

impl Reached {
    pub(super) fn push(&mut self, parent: StateNumber, cluster: Number, bag: &[Number]) {
        self.bags.extend_from_slice(bag);
        let end = self.bags.len();
        self.heads.push(Head {
            parent,
            cluster,
            end,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    /// Forgets all but the first ones.
    pub(super) fn truncate(&mut self, len: usize) {
        self.heads.truncate(len);
        let end = self.heads.last().map_or(0, |last| last.end);
        self.bags.truncate(end);
    }

    /// The cluster of the state in this place.
    pub(super) fn cluster(&self, place: usize) -> Number {
        self.heads[place].cluster
    }

    fn bag(&self, place: usize) -> &[Number] {
        let start = place
            .checked_sub(1)
            .map_or(0, |before| self.heads[before].end);
        &self.bags[start..self.heads[place].end]
    }

    /// The state in this place, and from which one it was reached.
    pub(super) fn state(&self, place: usize) -> (StateNumber, PackedState) {
        let Head {
            parent, cluster, ..
        } = self.heads[place];
        let bag = self.bag(place).to_vec();
        (parent, PackedState { cluster, bag })
    }
}

/// All states that were reached.
#[derive(Default)]
pub(super) struct Visited {
    bags: Rows,
    /// By the number of the state: its cluster and its bag.
    pairs: Vec<(Number, Number)>,
    /// By the number of the state: the one from which it was reached first; itself, if it is
    /// where the search began.
    parents: Vec<StateNumber>,
    /// The numbers of states, found by the digest of their pair.
    numbers: HashTable<u32>,
}

impl Visited {
    /// Takes in where a search begins.
    pub(super) fn begin(&mut self, state: &PackedState) -> StateNumber {
        let pair = (state.cluster, self.bags.number(&state.bag));
        self.reach(pair, None).expect("nothing was reached yet")
    }

    /// Takes in states that were reached from others. Which are new, by their place, and their
    /// numbers. What is done for all of them is done at once: one waits for memory while the
    /// next is looked up.
    pub(super) fn reach_all(&mut self, reached: &Reached) -> Vec<(usize, StateNumber)> {
        let places = 0..reached.len();
        let bags: Vec<Number> = places
            .map(|place| self.bags.number(reached.bag(place)))
            .collect();
        let pairs = reached.heads.iter().zip(bags).enumerate();
        let new = pairs.filter_map(|(place, (head, bag))| {
            let number = self.reach((head.cluster, bag), Some(head.parent))?;
            Some((place, number))
        });
        new.collect()
    }

    /// Takes in a state that was reached from another one. Its number, if it is new.
    fn reach(
        &mut self,
        pair: (Number, Number),
        parent: Option<StateNumber>,
    ) -> Option<StateNumber> {
        let Self { pairs, numbers, .. } = self;
        let is_same = |number: &u32| pairs[*number as usize] == pair;
        if numbers.find(digest(pair), is_same).is_some() {
            return None;
        }
        let number = u32::try_from(pairs.len()).expect("memory ends before the numbers do");
        pairs.push(pair);
        numbers.insert_unique(digest(pair), number, |number| {
            digest(pairs[*number as usize])
        });
        let number = StateNumber(number);
        self.parents.push(parent.unwrap_or(number));
        Some(number)
    }

    /// A state by its number.
    pub(super) fn state(&self, number: StateNumber) -> PackedState {
        let (cluster, bag) = self.pairs[number.place()];
        PackedState {
            cluster,
            bag: self.bags.row(bag).to_vec(),
        }
    }

    /// The states on the way to this one, from where the search began.
    pub(super) fn way_to(&self, number: StateNumber) -> Vec<StateNumber> {
        let mut way = vec![number];
        let mut last = number;
        while self.parents[last.place()] != last {
            last = self.parents[last.place()];
            way.push(last);
        }
        way.reverse();
        way
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// How many different bags there are.
    pub(super) fn bags(&self) -> usize {
        self.bags.len()
    }

    /// How much memory they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bags.bytes()
            + self.pairs.capacity() * size_of::<(Number, Number)>()
            + self.parents.capacity() * size_of::<StateNumber>()
            + self.numbers.allocation_size()
    }
}

fn digest((cluster, bag): (Number, Number)) -> u64 {
    let mut digest = Digest::new();
    digest.word(u64::from(cluster) << 32 | u64::from(bag));
    digest.value()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn state() -> impl Strategy<Value = PackedState> {
        let row = prop::collection::vec(0..3_u32, 0..5);
        (0..20_u32, row).prop_map(|(cluster, bag)| PackedState { cluster, bag })
    }

    proptest! {
        #[test]
        fn each_state_is_new_once_and_comes_back_as_it_was(
            states in prop::collection::vec(state(), 1..200),
        ) {
            let mut visited = Visited::default();
            let start = PackedState { cluster: 99, bag: Vec::new() };
            let mut model = BTreeMap::from([(start.clone(), visited.begin(&start))]);
            for batch in states.chunks(7) {
                let mut reached = Reached::default();
                for state in batch {
                    reached.push(model[&start], state.cluster, &state.bag);
                }
                let new = visited.reach_all(&reached);
                for (place, number) in new {
                    prop_assert_eq!(&reached.state(place).1, &batch[place]);
                    prop_assert_eq!(model.insert(batch[place].clone(), number), None);
                }
                for state in batch {
                    prop_assert_eq!(&visited.state(model[state]), state);
                }
            }
            prop_assert_eq!(visited.len(), model.len());
            for number in model.values() {
                let way = visited.way_to(*number);
                prop_assert_eq!(way[0], StateNumber(0));
                prop_assert_eq!(way[way.len() - 1], *number);
            }
        }
    }
}
