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

/// A state as two rows of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PackedState {
    pub(super) cluster: Vec<Number>,
    pub(super) bag: Vec<Number>,
}

/// The number of a state, in the order in which they were reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateNumber(pub(super) u32);

impl StateNumber {
    fn place(self) -> usize {
        self.0 as usize
    }
}

/// All states that were reached.
#[derive(Default)]
pub(super) struct Visited {
    clusters: Rows,
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
    /// Takes in a state that was reached from another one. Its number, if it is new.
    pub(super) fn reach(
        &mut self,
        state: &PackedState,
        parent: Option<StateNumber>,
    ) -> Option<StateNumber> {
        let pair = (
            self.clusters.number(&state.cluster),
            self.bags.number(&state.bag),
        );
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
            cluster: self.clusters.row(cluster).to_vec(),
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

    /// How many different clusters and bags they are made of.
    pub(super) fn parts(&self) -> (usize, usize) {
        (self.clusters.len(), self.bags.len())
    }

    /// How much memory they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.clusters.bytes()
            + self.bags.bytes()
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
        let row = |longest| prop::collection::vec(0..3_u32, 0..longest);
        (row(4), row(5)).prop_map(|(cluster, bag)| PackedState { cluster, bag })
    }

    proptest! {
        #[test]
        fn each_state_is_new_once_and_comes_back_as_it_was(
            states in prop::collection::vec(state(), 1..200),
        ) {
            let mut visited = Visited::default();
            let mut model: BTreeMap<(Vec<u32>, Vec<u32>), StateNumber> = BTreeMap::new();
            let mut last = None;
            for state in &states {
                let key = (state.cluster.clone(), state.bag.clone());
                let number = visited.reach(state, last);
                prop_assert_eq!(number.is_some(), !model.contains_key(&key));
                if let Some(number) = number {
                    model.insert(key.clone(), number);
                }
                prop_assert_eq!(&visited.state(model[&key]), state);
                last = Some(model[&key]);
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
