//! Simulated time, and durations in words.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A moment of a run, in nanoseconds since its start; prints as `+12.408s`.
///
/// The printed milliseconds are cut off and not rounded, so that no event
/// seems to come later than it did; [`SimTime::precise`] prints them all.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SimTime(pub u64);

const SECOND: u64 = 1_000_000_000;

/// The units that are read, each with its nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3_600 * SECOND),
];

impl SimTime {
    /// The start of the run.
    pub const START: Self = Self(0);

    /// The moment that is so many milliseconds after the start of the run.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// How long after an earlier moment this one is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Prints all nine decimals: `+12.408000017s`.
    #[must_use]
    pub fn precise(self) -> impl fmt::Display {
        Precise(self)
    }

    /// Prints as a schedule of faults has it, exactly: `1.20s`.
    #[must_use]
    pub fn in_words(self) -> impl fmt::Display {
        InWords(self)
    }
}

impl Add<Duration> for SimTime {
    type Output = Self;

    /// A moment beyond the end of time is the end of time, which no run reaches.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0 % SECOND / 1_000_000;
        // Padded as a whole, so that a timeline can align its moments.
        f.pad(&format!("+{}.{millis:03}s", self.0 / SECOND))
    }
}

impl fmt::Debug for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.precise(), f)
    }
}

struct Precise(SimTime);

impl fmt::Display for Precise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(SimTime(nanos)) = self;
        f.pad(&format!("+{}.{:09}s", nanos / SECOND, nanos % SECOND))
    }
}

struct InWords(SimTime);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Two decimals at least: moments below each other then line up.
        f.pad(&format!("{}s", decimal(self.0.0, SECOND, 2)))
    }
}

impl FromStr for SimTime {
    type Err = DurationError;

    /// Reads a duration since the start, with or without a `+`.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        let words = text.strip_prefix('+').unwrap_or(text);
        match parse_duration(words) {
            Ok(duration) => Ok(Self::START + duration),
            Err(_) => Err(DurationError {
                text: text.to_owned(),
            }),
        }
    }
}

/// A text that is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{text}` is not a duration: give a number and a unit (ns, us, ms, s, m or h), as in 20ms, 1.20s, 500us or 2m"
)]
pub struct DurationError {
    /// What was given.
    pub text: String,
}

/// Reads `20ms`, `1.20s`, `500us` or `2m`.
///
/// # Errors
///
/// [`DurationError`] if it is anything else, has a part finer than a
/// nanosecond, or is longer than 584 years.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let suffix = &text[number.len()..];
    UNITS
        .iter()
        .find(|(name, _)| *name == suffix)
        .and_then(|(_, unit)| parse_decimal(number, *unit))
        .map(Duration::from_nanos)
        .ok_or_else(|| DurationError {
            text: text.to_owned(),
        })
}

/// Reads a decimal number times a unit, exactly or not at all. Floating point
/// would print some durations otherwise than they were written.
pub(crate) fn parse_decimal(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut unit = u128::from(unit);
    // Tenths of a minute are whole nanoseconds, and so are those of every other
    // unit, until the unit itself is used up.
    for digit in fraction.trim_end_matches('0').bytes() {
        let tenths = unit * u128::from(digit - b'0');
        if unit % 10 != 0 {
            return None;
        }
        unit /= 10;
        value = value.checked_add(u64::try_from(tenths / 10).ok()?)?;
    }
    Some(value)
}

/// Prints a number of parts as a decimal number of units, with no more
/// decimals than are needed and no fewer than `at_least`.
pub(crate) fn decimal(parts: u64, unit: u64, at_least: usize) -> String {
    let whole = parts / unit;
    let places = unit.ilog10() as usize;
    let fraction = format!("{:0places$}", parts % unit);
    let needed = fraction.trim_end_matches('0').len();
    let shown = needed.max(at_least.min(places));
    if shown == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{}", &fraction[..shown])
    }
}

/// Prints a duration exactly and in the largest unit that suits it: `20ms`, `1.20s`, `500us`, `2m`.
///
/// [`parse_duration`] reads it back as the same duration, up to 584 years.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let nanos = nanos(duration);
    let minute = 60 * SECOND;
    if nanos >= minute && nanos.is_multiple_of(minute) {
        return format!("{}m", nanos / minute);
    }
    if nanos >= SECOND {
        // A person writes 1.20s and 2s, but neither 1.2s nor 2.00s.
        let at_least = if nanos.is_multiple_of(SECOND) { 0 } else { 2 };
        return format!("{}s", decimal(nanos, SECOND, at_least));
    }
    let unit = UNITS[..3].iter().rev().find(|(_, unit)| nanos >= *unit);
    match unit {
        Some((name, unit)) => format!("{}{name}", decimal(nanos, *unit, 0)),
        None => "0ms".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_print_cut_off_or_precisely() {
        let at = SimTime(12_408_999_017);
        assert_eq!(at.to_string(), "+12.408s");
        assert_eq!(at.precise().to_string(), "+12.408999017s");
        assert_eq!(at.in_words().to_string(), "12.408999017s");
        assert_eq!(SimTime::from_millis(2000).in_words().to_string(), "2.00s");
        assert_eq!(format!("{at:>10}"), "  +12.408s");
    }

    #[test]
    fn moments_are_apart() {
        let (early, late) = (SimTime(5), SimTime(5) + Duration::from_nanos(7));
        assert_eq!(late.since(early), Duration::from_nanos(7));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(SimTime(u64::MAX) + Duration::MAX, SimTime(u64::MAX));
    }

    #[test]
    fn durations_read_and_print_as_people_write_them() {
        for words in [
            "20ms", "1.20s", "500us", "2m", "1ns", "0ms", "1.5ms", "3.125s", "90s",
        ] {
            let duration = parse_duration(words).expect(words);
            assert_eq!(format_duration(duration), words);
        }
        assert_eq!(parse_duration("0.5m"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!("+1.20s".parse(), Ok(SimTime::from_millis(1200)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for words in [
            "",
            "s",
            "5",
            "-1s",
            "1.s",
            ".5s",
            "1e3s",
            "0.5ns",
            "1 s",
            "1xs",
            "1.2.3s",
            "600000000m",
        ] {
            assert!(parse_duration(words).is_err(), "{words}");
        }
    }

    proptest! {
        #[test]
        fn durations_round_trip(nanos in prop_oneof![any::<u64>(), 0..10 * SECOND, (0..10_000_u64).prop_map(|ms| ms * 1_000_000)]) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
            prop_assert_eq!(SimTime(nanos).in_words().to_string().parse(), Ok(SimTime(nanos)));
            prop_assert_eq!(SimTime(nanos).precise().to_string().parse(), Ok(SimTime(nanos)));
        }
    }
}
