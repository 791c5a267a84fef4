//! What is found by numbers.

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;

use super::pool::Number;

/// Something for each of many numbers.
pub(super) struct Dense<T>(Vec<Option<T>>);

impl<T> Default for Dense<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Dense<T> {
    #[inline]
    pub(super) fn get(&self, number: Number) -> Option<T> {
        self.0.get(number as usize).copied().flatten()
    }

    pub(super) fn insert(&mut self, number: Number, value: T) {
        let place = number as usize;
        if place >= self.0.len() {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some(value);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Something for each of some pairs of numbers.
pub(super) struct Table<T>(HashTable<(u64, T)>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(HashTable::new())
    }
}

fn key(one: Number, other: Number) -> u64 {
    u64::from(one) << 32 | u64::from(other)
}

fn digest(key: u64) -> u64 {
    let mut digest = Digest::new();
    digest.word(key);
    digest.value()
}

impl<T: Copy> Table<T> {
    pub(super) fn get(&self, one: Number, other: Number) -> Option<T> {
        let key = key(one, other);
        let found = self.0.find(digest(key), |(known, _)| *known == key);
        found.map(|(_, value)| *value)
    }

    /// Keeps a value for a pair that has none.
    pub(super) fn insert(&mut self, one: Number, other: Number, value: T) {
        let key = key(one, other);
        self.0
            .insert_unique(digest(key), (key, value), |(key, _)| digest(*key));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
