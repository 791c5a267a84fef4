//! The runs of a campaign, one after the other: each seed visits each system.

use std::collections::BTreeSet;

use super::Plan;
use crate::registry::Registered;
use crate::seed::{Seed, Seeds};

/// One run of a campaign.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Counts the runs of the campaign, from 0.
    pub(super) number: u64,
    pub(super) system: &'static dyn Registered,
    pub(super) seed: Seed,
}

/// The runs that are left, and those that are over.
pub(super) struct Work {
    systems: Vec<&'static dyn Registered>,
    seeds: Seeds,
    /// The seed that still visits systems, and how many it has visited.
    seed: Seed,
    visited: usize,
    number: u64,
    done: Done,
}

/// Which runs are over: all before one, and some after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// All runs of a lower number are.
    pub(super) through: u64,
    /// So are these; each is above `through`, or the mark would have moved on.
    pub(super) beyond: BTreeSet<u64>,
}

impl Done {
    fn insert(&mut self, number: u64) {
        self.beyond.insert(number);
        while self.beyond.remove(&self.through) {
            self.through += 1;
        }
    }

    fn contains(&self, number: u64) -> bool {
        number < self.through || self.beyond.contains(&number)
    }
}

impl Work {
    /// The runs of a plan of which some are over.
    pub(super) fn of(plan: &Plan, done: Done) -> Self {
        Self {
            systems: plan.systems.clone(),
            seeds: plan.seeds.range.slice(plan.seeds.partition),
            seed: plan.seeds.range.start(),
            visited: plan.systems.len(),
            number: 0,
            done,
        }
    }

    /// The next run that is not over.
    pub(super) fn next(&mut self) -> Option<Run> {
        loop {
            if self.visited == self.systems.len() {
                self.seed = self.seeds.next()?;
                self.visited = 0;
            }
            let system = *self.systems.get(self.visited)?;
            let number = self.number;
            self.visited += 1;
            self.number += 1;
            if !self.done.contains(number) {
                let seed = self.seed;
                return Some(Run {
                    number,
                    system,
                    seed,
                });
            }
        }
    }

    /// A run is over.
    pub(super) fn is_over(&mut self, number: u64) {
        self.done.insert(number);
    }

    pub(super) fn done(&self) -> &Done {
        &self.done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// In whatever order runs end: those that are over are known, and no others are.
        #[test]
        fn what_is_done_is_what_was_done(
            order in Just((0u64..40).collect::<Vec<_>>()).prop_shuffle(),
            stopped in 0usize..40,
        ) {
            let mut done = Done::default();
            let over: BTreeSet<u64> = order[..stopped].iter().copied().collect();
            over.iter().for_each(|number| done.insert(*number));
            for number in 0..50 {
                prop_assert_eq!(done.contains(number), over.contains(&number));
            }
            prop_assert!(!done.contains(done.through));
        }
    }
}
