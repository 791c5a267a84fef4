//! Seeds, ranges of seeds, and their division between machines.
//!
//! A seed is the whole input of a run besides its scenario. It is printed in one
//! form only, so that a text search over logs finds every mention of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Feeds every random decision of a run; prints as `0x` and 16 hexadecimal digits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Seed(pub u64);

/// How many digits the name of a git commit has.
const COMMIT_DIGITS: usize = 40;

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x}", self.0)
    }
}

impl From<Seed> for String {
    fn from(seed: Seed) -> Self {
        seed.to_string()
    }
}

impl TryFrom<String> for Seed {
    type Error = SeedError;

    fn try_from(text: String) -> Result<Self, SeedError> {
        text.parse()
    }
}

/// A text that is not a seed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{text}` is not a seed: give a decimal number below 2^64, `0x` and up to 16 hexadecimal digits, or a git commit of 40 hexadecimal digits"
)]
pub struct SeedError {
    /// What was given.
    pub text: String,
}

impl FromStr for Seed {
    type Err = SeedError;

    /// Reads a decimal number, a hexadecimal one after `0x`, or the 40 digits
    /// of a git commit. Of a commit the first 16 digits count, so that a CI
    /// job can seed itself with what it builds.
    fn from_str(text: &str) -> Result<Self, SeedError> {
        let hexadecimal =
            |digits: &str| is_hexadecimal(digits).then(|| u64::from_str_radix(digits, 16).ok());
        let value = if let Some(digits) = text.strip_prefix("0x") {
            hexadecimal(digits).flatten()
        } else if text.len() == COMMIT_DIGITS && is_hexadecimal(text) {
            hexadecimal(&text[..16]).flatten()
        } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().ok()
        } else {
            None
        };
        value.map(Self).ok_or_else(|| SeedError {
            text: text.to_owned(),
        })
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The seeds from a first one up to, and without, an end; never empty.
///
/// Reads and prints as `A..B`, each end in any form a [`Seed`] is read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedRange {
    start: Seed,
    end: Seed,
}

/// A text that is not a range of seeds.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SeedRangeError {
    /// There is no `..` in it.
    #[error("`{0}` is not a range of seeds: give `A..B`, where B is the first seed left out")]
    NoRange(String),
    /// One of its ends is not a seed.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// It holds no seed.
    #[error("the range {0}..{1} holds no seed: the end must be above the start")]
    Empty(Seed, Seed),
}

impl SeedRange {
    /// The seeds from `start` up to, and without, `end`.
    ///
    /// # Errors
    ///
    /// [`SeedRangeError::Empty`] unless `start` is below `end`.
    pub fn new(start: Seed, end: Seed) -> Result<Self, SeedRangeError> {
        if start < end {
            Ok(Self { start, end })
        } else {
            Err(SeedRangeError::Empty(start, end))
        }
    }

    /// The first seed.
    #[must_use]
    pub const fn start(&self) -> Seed {
        self.start
    }

    /// The first seed that is left out.
    #[must_use]
    pub const fn end(&self) -> Seed {
        self.end
    }

    /// How many seeds there are; at least one.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.end.0 - self.start.0
    }

    /// All seeds from a first one on, without an end in sight.
    #[must_use]
    pub const fn from(start: Seed) -> Self {
        let end = Seed(u64::MAX);
        Self { start, end }
    }

    /// All seeds, in order.
    #[must_use]
    pub fn iter(&self) -> Seeds {
        self.slice(Partition::WHOLE)
    }

    /// The seeds of one machine, in order. Machines take turns, so that each
    /// gets a share of every region of the range even if it stops early.
    #[must_use]
    pub fn slice(&self, partition: Partition) -> Seeds {
        let first = self.start.0.checked_add(partition.part - 1);
        Seeds {
            next: first.filter(|first| *first < self.end.0),
            end: self.end.0,
            stride: partition.parts,
        }
    }
}

impl IntoIterator for SeedRange {
    type Item = Seed;
    type IntoIter = Seeds;

    fn into_iter(self) -> Seeds {
        self.iter()
    }
}

impl IntoIterator for &SeedRange {
    type Item = Seed;
    type IntoIter = Seeds;

    fn into_iter(self) -> Seeds {
        self.iter()
    }
}

impl fmt::Display for SeedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

impl FromStr for SeedRange {
    type Err = SeedRangeError;

    fn from_str(text: &str) -> Result<Self, SeedRangeError> {
        let (start, end) = text
            .split_once("..")
            .ok_or_else(|| SeedRangeError::NoRange(text.to_owned()))?;
        Self::new(start.parse()?, end.parse()?)
    }
}

/// Some seeds of a [`SeedRange`], in order.
#[derive(Clone, Debug)]
pub struct Seeds {
    next: Option<u64>,
    end: u64,
    stride: u64,
}

impl Seeds {
    /// How many seeds are still to come.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.next
            .map_or(0, |next| (self.end - next).div_ceil(self.stride))
    }
}

impl Iterator for Seeds {
    type Item = Seed;

    fn next(&mut self) -> Option<Seed> {
        let seed = self.next?;
        self.next = seed
            .checked_add(self.stride)
            .filter(|next| *next < self.end);
        Some(Seed(seed))
    }
}

/// One of several machines that share a range of seeds; reads as `1/3` or `slice:1/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Counted from 1.
    part: u64,
    parts: u64,
}

/// A text, or a pair of numbers, that is not a partition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a partition: give `m/n`, where m is between 1 and n")]
pub struct PartitionError(pub String);

impl Partition {
    /// The one machine that does everything.
    pub const WHOLE: Self = Self { part: 1, parts: 1 };

    /// Machine number `part`, counted from 1, of `parts`.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] unless `part` is between 1 and `parts`.
    pub fn new(part: u64, parts: u64) -> Result<Self, PartitionError> {
        if (1..=parts).contains(&part) {
            Ok(Self { part, parts })
        } else {
            Err(PartitionError(format!("{part}/{parts}")))
        }
    }
}

impl Partition {
    /// How many machines there are.
    #[must_use]
    pub const fn parts(self) -> u64 {
        self.parts
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.parts)
    }
}

impl FromStr for Partition {
    type Err = PartitionError;

    fn from_str(text: &str) -> Result<Self, PartitionError> {
        let fraction = text.strip_prefix("slice:").unwrap_or(text);
        let numbers = fraction.split_once('/');
        match numbers.map(|(part, parts)| (part.parse(), parts.parse())) {
            Some((Ok(part), Ok(parts))) => Self::new(part, parts),
            _ => Err(PartitionError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_seed_is_read_in_three_forms() {
        assert_eq!("42".parse(), Ok(Seed(42)));
        assert_eq!("0x2a".parse(), Ok(Seed(42)));
        assert_eq!(
            "5d21f0c3a9b14e07aaaaaaaaaaaaaaaaaaaaaaaa".parse(),
            Ok(Seed(0x5d21_f0c3_a9b1_4e07))
        );
        assert_eq!(Seed(42).to_string(), "0x000000000000002a");
    }

    #[test]
    fn what_is_no_seed_is_told_what_is() {
        for text in [
            "",
            "0x",
            "-1",
            "+1",
            "0x+1",
            "beef",
            "18446744073709551616",
            "0x1ffffffffffffffff",
        ] {
            let error = text.parse::<Seed>().expect_err(text);
            assert!(error.to_string().contains("0x"), "{error}");
        }
    }

    #[test]
    fn a_range_has_an_exclusive_end_above_its_start() {
        let range: SeedRange = "0x10..18".parse().expect("a range");
        assert_eq!(range.iter().collect::<Vec<_>>(), [Seed(16), Seed(17)]);
        assert_eq!(
            "3..3".parse::<SeedRange>(),
            Err(SeedRangeError::Empty(Seed(3), Seed(3)))
        );
        assert!("7".parse::<SeedRange>().is_err());
        let last = SeedRange::new(Seed(u64::MAX - 1), Seed(u64::MAX)).expect("a range");
        assert_eq!(last.iter().count(), 1);
    }

    #[test]
    fn a_partition_counts_from_one() {
        for wrong in ["0/2", "3/2", "2", "slice:0/2", "part:1/2", "1/2/3"] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
        for text in ["2/2", "slice:2/2"] {
            assert_eq!(text.parse(), Partition::new(2, 2));
        }
    }

    proptest! {
        #[test]
        fn seeds_and_ranges_round_trip(a: u64, b: u64) {
            prop_assert_eq!(Seed(a).to_string().parse(), Ok(Seed(a)));
            prop_assert_eq!(a.to_string().parse(), Ok(Seed(a)));
            prop_assume!(a < b);
            let range = SeedRange::new(Seed(a), Seed(b)).expect("a < b");
            prop_assert_eq!(range.to_string().parse(), Ok(range));
        }

        #[test]
        fn slices_cover_the_range_once(start in 0..1000_u64, count in 1..100_u64, parts in 1..20_u64) {
            let range = SeedRange::new(Seed(start), Seed(start + count)).expect("not empty");
            let mut seen = BTreeSet::new();
            for part in 1..=parts {
                let seeds = range.slice(Partition::new(part, parts).expect("in range"));
                prop_assert_eq!(seeds.size(), seeds.clone().count() as u64);
                for seed in seeds {
                    prop_assert!(seen.insert(seed));
                }
            }
            prop_assert_eq!(seen, range.iter().collect::<BTreeSet<_>>());
        }
    }
}
