//! How long runs take until everybody is served again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::scenarios::Recovery;
use crate::seed::Seed;

/// The recovery times of many runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recoveries {
    /// Whole milliseconds, rounded up, in the order in which the runs ended.
    millis: Vec<u32>,
    /// The run that took longest.
    slowest: Option<(Duration, Seed)>,
    /// The run that took most of what it may take, in thousandths.
    nearest_to_bound: Option<(u64, Seed)>,
    slow: u64,
}

impl Recoveries {
    /// A run has recovered.
    pub(super) fn add(&mut self, seed: Seed, recovery: &Recovery) {
        let millis = recovery.took.as_nanos().div_ceil(1_000_000);
        self.millis.push(u32::try_from(millis).unwrap_or(u32::MAX));
        self.slow += u64::from(recovery.slow);
        keep_most(&mut self.slowest, (recovery.took, seed));
        let bound = recovery.bound.as_millis().max(1);
        let share = u64::try_from(millis * 1000 / bound).unwrap_or(u64::MAX);
        keep_most(&mut self.nearest_to_bound, (share, seed));
    }

    /// Others' runs have recovered as well.
    pub(super) fn merge(&mut self, other: &Self) {
        self.millis.extend_from_slice(&other.millis);
        self.slow += other.slow;
        if let Some(slowest) = other.slowest {
            keep_most(&mut self.slowest, slowest);
        }
        if let Some(nearest) = other.nearest_to_bound {
            keep_most(&mut self.nearest_to_bound, nearest);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.millis.len()
    }

    /// How many of them took longer than their scenario's `settle`.
    #[must_use]
    pub fn slow(&self) -> u64 {
        self.slow
    }

    /// The one that took longest, and the seed of its run.
    #[must_use]
    pub fn slowest(&self) -> Option<(Duration, Seed)> {
        self.slowest
    }

    /// The one that took most of what it may take, in thousandths, and the seed of its run.
    #[must_use]
    pub fn nearest_to_bound(&self) -> Option<(u64, Seed)> {
        self.nearest_to_bound
    }

    /// What so many of a thousand do not exceed, to the millisecond; `None` of none.
    #[must_use]
    pub fn quantile(&self, of_thousand: usize) -> Option<Duration> {
        let mut sorted = self.millis.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * of_thousand).div_ceil(1000).max(1) - 1;
        let millis = sorted.get(place.min(sorted.len().checked_sub(1)?))?;
        Some(Duration::from_millis(u64::from(*millis)))
    }
}

/// Keeps the greater; of equals the lowest seed, whichever thread was first.
fn keep_most<T: Ord + Copy>(kept: &mut Option<(T, Seed)>, other: (T, Seed)) {
    let is_more = |(most, seed): (T, Seed)| most < other.0 || most == other.0 && other.1 < seed;
    if kept.is_none_or(is_more) {
        *kept = Some(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let mut recoveries = Recoveries::default();
        assert_eq!(recoveries.quantile(500), None);
        for (seed, millis) in [(1, 30), (2, 10), (3, 40), (4, 20), (5, 40)] {
            let took = Duration::from_millis(millis);
            let slow = millis > 30;
            let bound = Duration::from_millis(if seed == 2 { 20 } else { 400 });
            recoveries.add(Seed(seed), &Recovery { took, slow, bound });
        }
        let quantile = |of_thousand| recoveries.quantile(of_thousand).map(|it| it.as_millis());
        assert_eq!(quantile(500), Some(30));
        assert_eq!(quantile(990), Some(40));
        assert_eq!(quantile(0), Some(10));
        let slowest = (Duration::from_millis(40), Seed(3));
        assert_eq!(recoveries.slowest(), Some(slowest));
        assert_eq!(recoveries.nearest_to_bound(), Some((500, Seed(2))));
        assert_eq!((recoveries.count(), recoveries.slow()), (5, 2));
    }
}
