//! What the weather of a campaign brought: which runs had which faults, what that led to.

use std::collections::BTreeMap;

use crate::faults::{FamilySet, FaultFamily};
use crate::scenarios::RunReport;
use crate::scenarios::swarm::Size;

/// What the weather brought, over the runs of a system.
#[derive(Clone, Debug, Default)]
pub struct WeatherSummary {
    /// How many runs were of each size.
    pub sizes: BTreeMap<Size, u64>,
    /// How many runs scheduled each family of faults, and in how many it had an effect.
    pub families: BTreeMap<FaultFamily, OfFamily>,
    /// By mark that was reached: the families that had an effect in every run that reached it.
    always: BTreeMap<&'static str, FamilySet>,
}

/// In how many runs a family of faults was scheduled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
