//! The configurations that a search has been in.

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;

/// A set of rows of equal width, kept whole: two rows whose digests happen to
/// be the same are still two, so the search never takes one for the other.
pub(super) struct Configurations {
    width: usize,
    /// Row after row.
    rows: Vec<u32>,
    /// The numbers of the rows, found by the digest of their words.
    numbers: HashTable<u32>,
}

impl Configurations {
    /// None yet.
    pub(super) fn new(width: usize) -> Self {
        Self {
            width,
            rows: Vec::new(),
            numbers: HashTable::new(),
        }
    }

    /// Takes in a row; `false` if it was there already.
    pub(super) fn insert(&mut self, row: &[u32]) -> bool {
        debug_assert_eq!(row.len(), self.width);
        let (width, rows) = (self.width, &self.rows);
        let at = |number: u32| &rows[number as usize * width..][..width];
        let digest = digest(row);
        if self
            .numbers
            .find(digest, |number| at(*number) == row)
            .is_some()
        {
            return false;
        }
        let number = u32::try_from(self.numbers.len()).expect("memory ends before 32 bits do");
        self.rows.extend_from_slice(row);
        let rows = &self.rows;
        self.numbers.insert_unique(digest, number, |number| {
            self::digest(&rows[*number as usize * width..][..width])
        });
        true
    }

    /// How much memory the rows take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<u32>() + self.numbers.allocation_size()
    }
}

fn digest(row: &[u32]) -> u64 {
    let mut digest = Digest::new();
    for word in row {
        digest.word(u64::from(*word));
    }
    digest.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_new_once() {
        let mut seen = Configurations::new(2);
        for round in [true, false] {
            for number in 0..1000 {
                assert_eq!(seen.insert(&[number, 7]), round);
                assert_eq!(seen.insert(&[7, number + 1000]), round);
            }
        }
        assert!(seen.bytes() >= 2000 * 8);
    }
}
