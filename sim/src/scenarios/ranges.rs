//! What numbers a scenario file may say.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::file::Scenario;
use crate::draw::PerMillion;
use crate::time::format_duration;

/// The numbers that an option may be.
pub type Named = (&'static str, RangeInclusive<u64>);
/// The ranges of all options of a system, in lists that systems may share.
pub type Ranges = &'static [&'static [Named]];

/// A pause, a patience or a timeout in milliseconds; at most an hour.
pub const UP_TO_AN_HOUR_MS: RangeInclusive<u64> = 0..=3_600_000;
/// The same, where nothing happens in no time.
pub const SOME_MS: RangeInclusive<u64> = 1..=3_600_000;
/// Of a hundred.
pub const IN_100: RangeInclusive<u64> = 0..=100;
/// The bytes of one value: a megabyte is a strange thing to put into a log already.
pub const VALUE_BYTES: RangeInclusive<u64> = 0..=1 << 20;
/// A bound in bytes or entries.
pub const BOUND: RangeInclusive<u64> = 0..=1 << 30;
/// The same, where a bound of nothing would let nothing through.
pub const BOUND_FROM_1: RangeInclusive<u64> = 1..=1 << 30;

/// Whether each number among the options is in its range.
///
/// # Errors
/// A line that names the first that is not, and says what may stand there.
pub fn check_options(options: &toml::Table, ranges: Ranges) -> Result<(), String> {
    for (name, range) in ranges.iter().copied().flatten() {
        let Some(value) = options.get(*name).and_then(toml::Value::as_integer) else {
            continue;
        };
        if !u64::try_from(value).is_ok_and(|value| range.contains(&value)) {
            let (least, most) = (range.start(), range.end());
            return Err(format!("`{name}` must be {least} to {most}, not {value}"));
        }
    }
    Ok(())
}

/// Whether one number is no more than another.
///
/// # Errors
/// A line that names both.
pub fn no_more_than((name, value): (&str, u64), (of, most): (&str, u64)) -> Result<(), String> {
    match value <= most {
        true => Ok(()),
        false => Err(format!(
            "`{name}` must be at most {most}, as many as there are {of}, not {value}"
        )),
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
const CHECKPOINT_BYTES: RangeInclusive<usize> = 1..=1 << 30;

/// Whether what every system's file has makes sense.
///
/// # Errors
/// A line that names the first key that does not, and says what may stand there.
pub fn check_scenario(scenario: &Scenario) -> Result<(), String> {
    let links = &scenario.links;
    let durations = [
        ("chaos", scenario.chaos, DAY),
        ("settle", scenario.settle, DAY),
        ("links.latency", links.latency.end, HOUR),
        ("links.held_back", links.held_back.end, HOUR),
        ("disk.sync", scenario.sync.end, HOUR),
    ];
    if let Some((name, value, most)) = durations.iter().find(|(_, value, most)| value > most) {
        let [value, most] = [*value, *most].map(format_duration);
        return Err(format!("`{name}` must be at most {most}, not {value}"));
    }
    if scenario.settle.is_zero() {
        return Err("`settle` must be more than 0ms: nothing is served in no time".to_owned());
    }
    if links.latency.end.is_zero() {
        return Err(
            "`links.latency` must end later than 0ms: nothing arrives in no time".to_owned(),
        );
    }
    let shares = [
        ("links.loss", links.loss),
        ("links.duplicate", links.duplicate),
        ("links.reorder", links.reorder),
    ];
    let is_too_much = |(_, share): &&(&str, PerMillion)| *share > PerMillion::ALWAYS;
    if let Some((name, share)) = shares.iter().find(is_too_much) {
        return Err(format!("`{name}` must be at most 100%, not {share}"));
    }
    if !CHECKPOINT_BYTES.contains(&scenario.checkpoint_bytes) {
        let (least, most) = (CHECKPOINT_BYTES.start(), CHECKPOINT_BYTES.end());
        let value = scenario.checkpoint_bytes;
        return Err(format!(
            "`disk.checkpoint_bytes` must be {least} to {most}, not {value}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn what_is_beyond_its_range_is_refused_with_what_may_stand_there() {
        let ranges: Ranges = &[&[("clerks", 1..=9)]];
        let options = |value: i64| toml::Table::from_iter([("clerks".to_owned(), value.into())]);
        assert_eq!(check_options(&options(9), ranges), Ok(()));
        for (value, why) in [
            (0, "`clerks` must be 1 to 9, not 0"),
            (10, "`clerks` must be 1 to 9, not 10"),
            (-1, "`clerks` must be 1 to 9, not -1"),
        ] {
            assert_eq!(check_options(&options(value), ranges), Err(why.to_owned()));
        }
    }

    #[test]
    fn a_file_makes_sense_in_what_every_system_has() {
        let changed = |change: fn(&mut Scenario)| {
            let mut scenario = Scenario::calm("raft", 3, Seed(1));
            change(&mut scenario);
            check_scenario(&scenario).expect_err("it makes no sense")
        };
        type Change = fn(&mut Scenario);
        let cases: [(Change, &str); 5] = [
            (|it| it.settle = Duration::ZERO, "`settle` must be more"),
            (
                |it| it.chaos = 2 * DAY,
                "`chaos` must be at most 1440m, not 2880m",
            ),
            (
                |it| it.links.latency = Duration::ZERO..Duration::ZERO,
                "`links.latency` must end later than 0ms",
            ),
            (
                |it| it.links.loss = PerMillion::percent(101),
                "`links.loss` must be at most 100%, not 101%",
            ),
            (
                |it| it.checkpoint_bytes = 0,
                "`disk.checkpoint_bytes` must be 1 to 1073741824, not 0",
            ),
        ];
        for (change, why) in cases {
            assert!(changed(change).starts_with(why), "{}", changed(change));
        }
    }
}
