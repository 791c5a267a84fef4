//! The fault profile of a campaign.
//!
//! ```toml
//! families = { partitions = 3, crashes = 1 }   # these, with these weights, and no others; some are drawn otherwise
//! gap = "300ms..1500ms"                        # from the beginning of an incident to that of the next
//! lengths = "10ms..60s"                        # how long one lasts
//! clusters = "attract"                         # or "free", or "apart"
//! chaos = "4s..60s"                            # how long incidents and workload go on
//! healthy = true                               # links and disks at their best between incidents
//! large_in = 200                               # one seed in so many is large; 0 for none
//! long_in = 200                                # one in so many lasts an hour; 0 for none
//! timeless_in = 10                             # one in so many is walked without a clock; 0 for none
//! ```
//!
//! What a file leaves out is drawn as usual.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::file::parse_range;
use crate::draw::Draw;
use crate::faults::profile::Clusters;
use crate::faults::{FaultFamily, FaultProfile, Membership};

/// The fault profile of a campaign: what is `None` is drawn as usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    /// The families in force, each with its weight.
    pub families: Option<BTreeMap<FaultFamily, u32>>,
    /// From the beginning of an incident to that of the next.
    pub gap: Option<Range<Duration>>,
    /// How long an incident lasts.
    pub lengths: Option<Range<Duration>>,
    /// Whether incidents seek one another.
    pub clusters: Option<Clusters>,
    /// How long incidents and workload go on.
    pub chaos: Option<Range<Duration>>,
    /// Whether links and disks are at their best between incidents; drawn otherwise.
    pub healthy: bool,
    /// One seed in so many is large; none if zero.
    pub large_in: u64,
    /// One seed in so many lasts an hour; none if zero.
    pub long_in: u64,
    /// One seed in so many is walked without a clock; none if zero.
    pub timeless_in: u64,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            families: None,
            gap: None,
            lengths: None,
            clusters: None,
            chaos: None,
            healthy: false,
            large_in: 200,
            long_in: 200,
            timeless_in: 10,
        }
    }
}

/// As it stands in a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    families: Option<BTreeMap<String, u32>>,
    gap: Option<String>,
    lengths: Option<String>,
    clusters: Option<String>,
    chaos: Option<String>,
    healthy: Option<bool>,
    large_in: Option<u64>,
    long_in: Option<u64>,
    timeless_in: Option<u64>,
}

impl Weather {
    /// No faults, healthy links and disks, and every run of the usual size.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            families: Some(BTreeMap::new()),
            healthy: true,
            large_in: 0,
            long_in: 0,
            timeless_in: 0,
            ..Self::default()
        }
    }

    /// Every family of faults in every run, clustered and long.
    #[must_use]
    pub fn harsh() -> Self {
        let second = Duration::from_secs(1);
        let all = FaultFamily::ALL.into_iter().map(|family| (family, 1));
        Self {
            families: Some(all.collect()),
            gap: Some(second / 10..second),
            lengths: Some(second / 100..60 * second),
            clusters: Some(Clusters::Attract),
            chaos: Some(16 * second..100 * second),
            healthy: false,
            large_in: 50,
            long_in: 200,
            timeless_in: 10,
        }
    }

    /// The weather of a name, or of a file.
    ///
    /// # Errors
    /// A line that says what would be understood.
    pub fn read(name: &str) -> Result<Self, String> {
        match name {
            "calm" => return Ok(Self::calm()),
            "default" => return Ok(Self::default()),
            "harsh" => return Ok(Self::harsh()),
            _ => {}
        }
        let text = std::fs::read_to_string(Path::new(name)).map_err(|error| {
            format!("{name:?} is not calm, default or harsh, and no file that can be read: {error}")
        })?;
        Self::parse(&text).map_err(|why| format!("{name}: {why}"))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or("not TOML");
            message.to_owned()
        })?;
        let usual = Self::default();
        Ok(Self {
            families: written.families.map(families).transpose()?,
            gap: some_range("gap", written.gap.as_deref())?,
            lengths: some_range("lengths", written.lengths.as_deref())?,
            clusters: written.clusters.as_deref().map(clusters).transpose()?,
            chaos: some_range("chaos", written.chaos.as_deref())?,
            healthy: written.healthy.unwrap_or(usual.healthy),
            large_in: written.large_in.unwrap_or(usual.large_in),
            long_in: written.long_in.unwrap_or(usual.long_in),
            timeless_in: written.timeless_in.unwrap_or(usual.timeless_in),
        })
    }

    /// Draws what a run's faults are made of.
    pub(super) fn profile(&self, draw: &mut Draw, members: &Membership) -> FaultProfile {
        let drawn = FaultProfile::draw(draw, members);
        FaultProfile {
            families: self.families.clone().unwrap_or(drawn.families),
            gap: self.gap.clone().unwrap_or(drawn.gap),
            lengths: self.lengths.clone().unwrap_or(drawn.lengths),
            clusters: self.clusters.unwrap_or(drawn.clusters),
        }
    }
}

fn families(written: BTreeMap<String, u32>) -> Result<BTreeMap<FaultFamily, u32>, String> {
    written
        .into_iter()
        .map(|(word, weight)| {
            let mut all = FaultFamily::ALL.into_iter();
            let family = all.find(|family| family.word() == word).ok_or_else(|| {
                let known = FaultFamily::ALL.map(FaultFamily::word).join(", ");
                format!("families: there is no {word:?}; there is {known}")
            })?;
            match weight {
                0..=1000 => Ok((family, weight)),
                _ => Err(format!("families: {word} must be 0 to 1000, not {weight}")),
            }
        })
        .collect()
}

fn clusters(word: &str) -> Result<Clusters, String> {
    match word {
        "free" => Ok(Clusters::Free),
        "attract" => Ok(Clusters::Attract),
        "apart" => Ok(Clusters::Apart),
        other => Err(format!("clusters: {other:?} is not free, attract or apart")),
    }
}

fn some_range(key: &str, text: Option<&str>) -> Result<Option<Range<Duration>>, String> {
    let least = Duration::from_millis(1);
    let most = Duration::from_secs(24 * 3600);
    let Some(text) = text else {
        return Ok(None);
    };
    let range = parse_range(text).map_err(|why| format!("{key}: {why}"))?;
    match range.start >= least && range.end <= most {
        true => Ok(Some(range)),
        false => Err(format!("{key}: {text} must be within 1ms..24h")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_wants_and_leaves_the_rest() {
        let text = "families = { partitions = 3, mid-step-crashes = 1 }\n\
                    lengths = \"1s..60s\"\nclusters = \"apart\"\nlong_in = 0\n";
        let weather = Weather::parse(text).expect("it makes sense");
        let families = weather.families.expect("it names some");
        assert_eq!(families[&FaultFamily::Partitions], 3);
        assert_eq!(families.len(), 2);
        assert_eq!(weather.clusters, Some(Clusters::Apart));
        assert_eq!((weather.large_in, weather.long_in), (200, 0));
        assert_eq!(weather.gap, None);
    }

    #[test]
    fn nonsense_is_refused_in_one_line() {
        for (text, says) in [
            ("families = { storms = 1 }", "there is no \"storms\""),
            ("lengths = \"0ms..1s\"", "within 1ms..24h"),
            ("lengths = \"2s..1s\"", "ends before it begins"),
            ("clusters = \"near\"", "free, attract or apart"),
            ("wind = 3", "unknown field"),
        ] {
            let why = Weather::parse(text).expect_err(text);
            assert!(why.contains(says), "{why}");
            assert_eq!(why.lines().count(), 1, "{why}");
        }
        let why = Weather::read("stormy").expect_err("no such weather");
        assert!(why.contains("calm, default or harsh"), "{why}");
    }
}
