//! Rows of numbers, each kept once and known by a number of its own.

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;

use super::pool::Number;

/// Every row that was met, once, one behind the other.
#[derive(Default)]
pub(super) struct Rows {
    /// Of each row how long it is, and then what is in it.
    all: Vec<Number>,
    /// Where each row begins.
    starts: Vec<u32>,
    /// The numbers of rows and where they begin, found by the digest of the row: to compare a row
    /// is to look at one more place in memory, and not at two.
    numbers: HashTable<(Number, u32)>,
}

impl Rows {
    /// The number of a row.
    pub(super) fn number(&mut self, row: &[Number]) -> Number {
        let digest = digest(row);
        if let Some(number) = self.find_by(digest, row) {
            return number;
        }
        let too_many = "memory ends before the numbers do";
        let number = Number::try_from(self.starts.len()).expect(too_many);
        let start = u32::try_from(self.all.len()).expect(too_many);
        self.all.push(row.len() as Number);
        self.all.extend_from_slice(row);
        self.starts.push(start);
        let all = &self.all;
        self.numbers
            .insert_unique(digest, (number, start), |(_, start)| {
                self::digest(row_at(all, *start))
            });
        number
    }

    /// The number of a row that was met.
    pub(super) fn find(&self, row: &[Number]) -> Option<Number> {
        self.find_by(digest(row), row)
    }

    fn find_by(&self, digest: u64, row: &[Number]) -> Option<Number> {
        let is_same = |(_, start): &(Number, u32)| row_at(&self.all, *start) == row;
        let found = self.numbers.find(digest, is_same);
        found.map(|(number, _)| *number)
    }

    /// The row with this number.
    pub(super) fn row(&self, number: Number) -> &[Number] {
        row_at(&self.all, self.starts[number as usize])
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// How much memory they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        (self.all.capacity() + self.starts.capacity()) * size_of::<Number>()
            + self.numbers.allocation_size()
    }
}

fn row_at(all: &[Number], start: u32) -> &[Number] {
    let start = start as usize;
    &all[start + 1..][..all[start] as usize]
}

fn digest(row: &[Number]) -> u64 {
    let mut digest = Digest::new();
    for number in row {
        digest.word(u64::from(*number));
    }
    digest.value()
}
