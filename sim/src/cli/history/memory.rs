//! Amounts of memory, as people write them.

use std::fmt;
use std::str::FromStr;

/// So many bytes; reads and prints as `2GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Bytes(pub(in super::super) u64);

/// From the largest to the smallest.
const UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl FromStr for Bytes {
    type Err = String;

    /// Reads a whole number of one of the units, or of bytes if it has none.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let suffix = match &text[number.len()..] {
            "" => "B",
            suffix => suffix,
        };
        // A sign would be read too.
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        UNITS
            .iter()
            .find(|(name, _)| *name == suffix && digits)
            .and_then(|(_, unit)| number.parse::<u64>().ok()?.checked_mul(*unit))
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "`{text}` is not an amount of memory: give a whole number and a unit \
                     (B, KiB, MiB or GiB), as in 512MiB or 2GiB"
                )
            })
    }
}

impl fmt::Display for Bytes {
    /// Prints whole numbers of the largest unit that has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, unit) = UNITS
            .into_iter()
            .find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit))
            .unwrap_or(("B", 1));
        write!(f, "{}{name}", self.0 / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_and_printed_in_units() {
        for (text, bytes, printed) in [
            ("2GiB", 2 << 30, "2GiB"),
            ("1536MiB", 1536 << 20, "1536MiB"),
            ("4096", 4096, "4KiB"),
            ("1B", 1, "1B"),
            ("0", 0, "0B"),
        ] {
            let read: Bytes = text.parse().expect(text);
            assert_eq!((read, read.to_string()), (Bytes(bytes), printed.to_owned()));
        }
    }

    #[test]
    fn other_amounts_are_refused() {
        for text in [
            "",
            "GiB",
            "2GB",
            "1.5GiB",
            "-1",
            "+1",
            "2 GiB",
            "17179869184GiB",
            "2gib",
        ] {
            let error = text.parse::<Bytes>().expect_err(text);
            assert!(error.contains("512MiB"), "{error}");
        }
    }
}
