//! Rows of numbers, each kept once and known by a number of its own.

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;

use super::pool::Number;

/// Every row that was met, once, one behind the other.
#[derive(Default)]
pub(super) struct Rows {
    all: Vec<Number>,
    /// Where each row ends; it begins where the one before it does.
    ends: Vec<usize>,
    /// The numbers of rows, found by their digest.
    numbers: HashTable<Number>,
}

impl Rows {
    /// The number of a row.
    pub(super) fn number(&mut self, row: &[Number]) -> Number {
        let Self { all, ends, numbers } = self;
        let at = |number: Number| row_at(all, ends, number);
        let digest = digest(row);
        if let Some(number) = numbers.find(digest, |number| at(*number) == row) {
            return *number;
        }
        let number = Number::try_from(ends.len()).expect("memory ends before the numbers do");
        all.extend_from_slice(row);
        ends.push(all.len());
        numbers.insert_unique(digest, number, |number| {
            self::digest(row_at(all, ends, *number))
        });
        number
    }

    /// The row with this number.
    pub(super) fn row(&self, number: Number) -> &[Number] {
        row_at(&self.all, &self.ends, number)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How much memory they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<Number>()
            + self.ends.capacity() * size_of::<usize>()
            + self.numbers.allocation_size()
    }
}

fn row_at<'a>(all: &'a [Number], ends: &[usize], number: Number) -> &'a [Number] {
    let place = number as usize;
    let start = place.checked_sub(1).map_or(0, |before| ends[before]);
    &all[start..ends[place]]
}

fn digest(row: &[Number]) -> u64 {
    let mut digest = Digest::new();
    for number in row {
        digest.word(u64::from(*number));
    }
    digest.value()
}
