//! What the weather of a campaign brought: which runs had which faults, what that led to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::faults::{FamilySet, FaultFamily};
use crate::scenarios::RunReport;
use crate::scenarios::swarm::Size;
use crate::text::grouped;

/// What the weather brought, over the runs of a system.
#[derive(Clone, Debug, Default)]
pub struct WeatherSummary {
    /// How many runs were of each size.
    pub sizes: BTreeMap<Size, u64>,
    /// How many runs scheduled each family of faults, and in how many it had an effect.
    pub families: BTreeMap<FaultFamily, OfFamily>,
    /// By mark that was reached: the families that had an effect in every run that reached it.
    pub(super) always: BTreeMap<&'static str, FamilySet>,
}

/// In how many runs a family of faults was scheduled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfFamily {
    /// Runs whose schedule has it.
    pub runs: u64,
    /// Those in which it changed what a message, a node or a disk did.
    pub effective: u64,
}

impl WeatherSummary {
    pub(super) fn add(&mut self, size: Size, report: &RunReport) {
        *self.sizes.entry(size).or_default() += 1;
        let incidents = report.scenario.faults.iter();
        let scheduled: FamilySet = incidents.map(|it| it.fault.family()).collect();
        for family in FaultFamily::ALL {
            if scheduled.contains(family) {
                let of_family = self.families.entry(family).or_default();
                of_family.runs += 1;
                of_family.effective += u64::from(report.effective.contains(family));
            }
        }
        for mark in report.marks.keys() {
            self.reached(mark, report.effective);
        }
    }

    /// Others' runs as well.
    pub(super) fn merge(&mut self, other: &Self) {
        for (size, runs) in &other.sizes {
            *self.sizes.entry(*size).or_default() += runs;
        }
        for (family, of_family) in &other.families {
            let own = self.families.entry(*family).or_default();
            own.runs += of_family.runs;
            own.effective += of_family.effective;
        }
        for (mark, effective) in &other.always {
            self.reached(mark, *effective);
        }
    }

    fn reached(&mut self, mark: &'static str, effective: FamilySet) {
        let always = self.always.entry(mark).or_insert(effective);
        *always = always.intersection(effective);
    }

    /// How many marks were reached only where a family had an effect: what it alone shows,
    /// or what happened to be shown so rarely that nothing else had the chance.
    #[must_use]
    pub fn exclusive_marks(&self, family: FaultFamily) -> usize {
        let always = self.always.values();
        always.filter(|always| always.contains(family)).count()
    }
}

/// What a campaign's runs of a system had, as lines of its summary.
#[must_use]
pub fn summed_up(weather: &WeatherSummary) -> String {
    let mut text = String::new();
    let sizes = weather.sizes.iter();
    let sizes: Vec<String> = sizes
        .map(|(size, runs)| format!("{} {}", grouped(*runs), size.word()))
        .collect();
    if !sizes.is_empty() {
        let _ = writeln!(text, "  sizes      {}", sizes.join(", "));
    }
    let mut families: Vec<_> = weather.families.iter().collect();
    families.sort_by_key(|(_, of_family)| std::cmp::Reverse(of_family.runs));
    for (family, of_family) in families {
        let _ = write!(
            text,
            "  faults     {family:30} in {:>7} runs, effective in {:>7}",
            grouped(of_family.runs),
            grouped(of_family.effective)
        );
        match weather.exclusive_marks(*family) {
            0 => text.push('\n'),
            1 => text.push_str(", 1 exclusive mark\n"),
            marks => drop(writeln!(text, ", {marks} exclusive marks")),
        }
    }
    text
}

type Map = serde_json::Map<String, serde_json::Value>;

/// The same as JSON: the sizes, and the families.
#[must_use]
pub fn as_json(weather: &WeatherSummary) -> (serde_json::Value, serde_json::Value) {
    let sizes = weather.sizes.iter();
    let sizes: Map = sizes
        .map(|(size, runs)| (size.word().to_owned(), json!(runs)))
        .collect();
    let families = weather.families.iter().map(|(family, of_family)| {
        let counts = json!({
            "runs": of_family.runs,
            "effective": of_family.effective,
            "exclusive_marks": weather.exclusive_marks(*family),
        });
        (family.word().to_owned(), counts)
    });
    (sizes.into(), families.collect::<Map>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families(families: &[FaultFamily]) -> FamilySet {
        families.iter().copied().collect()
    }

    #[test]
    fn a_mark_is_a_family_s_as_long_as_no_run_reached_it_without() {
        use FaultFamily::{Crashes, Cuts, Pauses};
        let mut weather = WeatherSummary::default();
        weather.reached("one", families(&[Crashes, Cuts]));
        weather.reached("other", families(&[Cuts]));
        weather.reached("one", families(&[Crashes, Pauses]));
        let only = [Crashes, Cuts, Pauses].map(|family| weather.exclusive_marks(family));
        assert_eq!(only, [1, 1, 0]);
        weather.reached("one", families(&[]));
        weather.reached("one", families(&[Crashes]));
        assert_eq!(weather.exclusive_marks(Crashes), 0);
    }
}
