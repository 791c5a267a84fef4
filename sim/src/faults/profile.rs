//! Which faults a generated schedule has, and how many.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::{FaultFamily, Membership};
use crate::draw::{Draw, PerMillion};

/// What [`super::generate()`] makes schedules of.
///
/// Whatever a profile says, a schedule keeps this bound: **at most a minority
/// of the nodes is ever damaged for good** (a disk that lost or spoiled what it synced). Nothing that was
/// acknowledged may be lost as long as a majority of disks keeps what it
/// synced, so a schedule beyond the bound would blame a system for what it
/// never promised. Crashes are not bounded: synced bytes survive them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultProfile {
    /// The families that are on, each with the weight with which an incident is of it.
    pub families: BTreeMap<FaultFamily, u32>,
    /// The time from the start of an incident to the start of the next.
    /// Incidents last as long as they last, and may overlap.
    pub gap: Range<Duration>,
    /// How long an incident lasts; each doubling is as likely as the next.
    pub lengths: Range<Duration>,
    /// Whether incidents seek one another.
    pub clusters: Clusters,
}

/// Whether incidents seek one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clusters {
    /// Each begins when it likes.
    Free,
    /// Several begin close to one another, and then none for long.
    Attract,
    /// One begins when the one before it is over.
    Apart,
}

/// Nothing that lasts is over sooner.
const SHORTEST: Duration = Duration::from_millis(10);

impl FaultProfile {
    /// Nothing goes wrong.
    #[must_use]
    pub fn quiet() -> Self {
        Self {
            families: BTreeMap::new(),
            gap: Duration::from_millis(300)..Duration::from_millis(1500),
            lengths: SHORTEST..Duration::from_secs(3),
            clusters: Clusters::Free,
        }
    }

    /// Every family is on, with equal weights.
    #[must_use]
    pub fn everything() -> Self {
        let all = FaultFamily::ALL.into_iter();
        all.fold(Self::quiet(), |profile, family| profile.with(family, 1))
    }

    /// Draws a profile for a cluster: some families, some weights, some pace.
    ///
    /// A run in which everything goes wrong a little hides what shows when one
    /// thing goes wrong all the time, so most families are off in most runs.
    #[must_use]
    pub fn draw(draw: &mut Draw, members: &Membership) -> Self {
        let mut profile = Self::quiet().with_some(draw, &FaultFamily::OF_NODES);
        let only = *draw.pick(&FaultFamily::OF_NODES);
        if profile.families.is_empty() {
            profile = profile.with(only, 1);
        }
        let longest = *draw.pick(&[1, 4, 15, 60]);
        profile.lengths = SHORTEST..Duration::from_secs(longest);
        // The longer they last, the rarer they are, or nothing would ever get done.
        let paces = [(100, 400), (200, 1000), (400, 2000), (1000, 4000)];
        let usual = match longest {
            1 => 1,
            4 => 2,
            _ => 3,
        };
        let (least, most) = *draw.pick(&paces[usual - 1..=usual]);
        profile.gap = Duration::from_millis(least)..Duration::from_millis(most);
        profile.clusters = *draw.weighted(&[
            (2, Clusters::Free),
            (2, Clusters::Attract),
            (1, Clusters::Apart),
        ]);
        // Last, and only where they can strike, so that a cluster of one group
        // has the schedules that it had before there were such families.
        if members.has_several_groups() {
            profile = profile.with_some(draw, &FaultFamily::OF_GROUPS);
        }
        profile
    }

    /// The same profile with some of these families switched on. Each takes its
    /// two draws whether it is or not, so that none shifts another.
    fn with_some(mut self, draw: &mut Draw, families: &[FaultFamily]) -> Self {
        for family in families {
            let chance = match family {
                FaultFamily::Damage => PerMillion::percent(15),
                _ => PerMillion::percent(35),
            };
            let (on, weight) = (draw.chance(chance), draw.range(1..5) as u32);
            if on {
                self = self.with(*family, weight);
            }
        }
        self
    }

    /// The same profile with a family switched on.
    #[must_use]
    pub fn with(mut self, family: FaultFamily, weight: u32) -> Self {
        self.families.insert(family, weight);
        self
    }

    /// The same profile with a family switched off.
    #[must_use]
    pub fn without(mut self, family: FaultFamily) -> Self {
        self.families.remove(&family);
        self
    }
}
