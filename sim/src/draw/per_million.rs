//! Shares and rates as whole numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::time::{decimal, parse_decimal};

/// A share, in parts per million; reads and prints as a percentage: `10%`, `0.5%`.
///
/// Shares are whole numbers because a comparison of floating-point numbers may
/// come out differently on another machine.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct PerMillion(pub u32);

/// How many parts per million make one percent.
const PERCENT: u64 = 10_000;

impl PerMillion {
    /// Nothing of it: what never happens.
    pub const ZERO: Self = Self(0);
    /// All of it: what always happens, or a clock that is exact.
    pub const ALWAYS: Self = Self(1_000_000);

    /// So many percent. More than 429 496 percent count as that many.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        Self(percent.saturating_mul(PERCENT as u32))
    }
}

/// A text that is not a percentage.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{text}` is not a percentage: give a number with at most four decimals and a percent sign, as in 10% or 0.5%"
)]
pub struct PerMillionError {
    /// What was given.
    pub text: String,
}

impl fmt::Display for PerMillion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", decimal(u64::from(self.0), PERCENT, 0)))
    }
}

impl FromStr for PerMillion {
    type Err = PerMillionError;

    fn from_str(text: &str) -> Result<Self, PerMillionError> {
        text.strip_suffix('%')
            .and_then(|number| parse_decimal(number, PERCENT))
            .and_then(|parts| u32::try_from(parts).ok())
            .map(Self)
            .ok_or_else(|| PerMillionError {
                text: text.to_owned(),
            })
    }
}

impl From<PerMillion> for String {
    fn from(share: PerMillion) -> Self {
        share.to_string()
    }
}

impl TryFrom<String> for PerMillion {
    type Error = PerMillionError;

    fn try_from(text: String) -> Result<Self, PerMillionError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentages_are_exact() {
        for (text, parts) in [
            ("10%", 100_000),
            ("0.5%", 5_000),
            ("110%", 1_100_000),
            ("0.0001%", 1),
            ("0%", 0),
        ] {
            assert_eq!(text.parse(), Ok(PerMillion(parts)));
            assert_eq!(PerMillion(parts).to_string(), text);
        }
        for text in ["10", "%", "-1%", "0.00001%", "1.%", "999999%"] {
            assert!(text.parse::<PerMillion>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn percentages_round_trip(parts: u32) {
            prop_assert_eq!(PerMillion(parts).to_string().parse(), Ok(PerMillion(parts)));
        }
    }
}
