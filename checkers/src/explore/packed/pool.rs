//! Values that occur in many states, each kept once and known by a number.

use std::sync::{RwLock, RwLockReadGuard};

use hashbrown::HashTable;

/// The number of a value in its pool.
pub(super) type Number = u32;

/// Every value that was met, once.
pub(super) struct Pool<T>(RwLock<Known<T>>);

/// The values of a pool as they are now.
pub(super) struct Known<T> {
    /// By number, each with its digest.
    values: Vec<(u64, T)>,
    /// The numbers, found by the digest of their value.
    numbers: HashTable<Number>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(RwLock::new(Known {
            values: Vec::new(),
            numbers: HashTable::new(),
        }))
    }
}

impl<T: Clone + PartialEq> Pool<T> {
    /// The number of a value. Two with the same digest are compared in full.
    pub(super) fn number(&self, digest: u64, value: &T) -> Number {
        if let Some(number) = self.known().find(digest, value) {
            return number;
        }
        let mut known = self.0.write().expect("nothing panics under the lock");
        // Another thread may have been faster.
        if let Some(number) = known.find(digest, value) {
            return number;
        }
        let Known { values, numbers } = &mut *known;
        let number = Number::try_from(values.len()).expect("memory ends before the numbers do");
        values.push((digest, value.clone()));
        numbers.insert_unique(digest, number, |number| values[*number as usize].0);
        number
    }

    /// The values, to look several of them up.
    pub(super) fn known(&self) -> RwLockReadGuard<'_, Known<T>> {
        self.0.read().expect("nothing panics under the lock")
    }
}

impl<T: PartialEq> Known<T> {
    fn find(&self, digest: u64, value: &T) -> Option<Number> {
        let is_same = |number: &Number| {
            let (known, same) = &self.values[*number as usize];
            *known == digest && same == value
        };
        self.numbers.find(digest, is_same).copied()
    }

    /// The value with this number.
    pub(super) fn value(&self, number: Number) -> &T {
        &self.values[number as usize].1
    }

    /// The digest of the value with this number.
    pub(super) fn digest(&self, number: Number) -> u64 {
        self.values[number as usize].0
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}
