//! What a step chooses, and who decides it.

use alloc::vec::Vec;

use crate::digest::Digest;

/// One of some possibilities, as a step [chose](super::Effects::choose) it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Choice {
    /// How many there were.
    pub of: u32,
    /// Which it took, counted from 0.
    pub taken: u32,
}

impl Choice {
    /// The choices of the step that comes next, if all steps are taken that the same input could
    /// lead to: what has to be said of them, for the rest are first possibilities. `None` after
    /// the last one.
    #[must_use]
    pub fn following(chosen: &[Self]) -> Option<Vec<u32>> {
        let last = chosen.iter().rposition(|it| it.taken + 1 < it.of)?;
        let mut next: Vec<u32> = chosen[..=last].iter().map(|it| it.taken).collect();
        next[last] += 1;
        Some(next)
    }
}

/// Where choices come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// These are taken, and after them the first possibility of each. What is not possible is
    /// the last that is.
    Told(Vec<u32>),
    /// They are drawn from this seed, one after the other.
    Drawn(u64),
}

impl Default for Source {
    fn default() -> Self {
        Self::Told(Vec::new())
    }
}

/// Decides what a step chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Chooser {
    pub(super) source: Source,
    pub(super) chosen: Vec<Choice>,
}

impl Chooser {
    pub(super) fn choose(&mut self, of: u32) -> u32 {
        let place = self.chosen.len();
        let taken = match &self.source {
            Source::Told(told) => told.get(place).copied().unwrap_or(0).min(of - 1),
            Source::Drawn(seed) => {
                let mut digest = Digest::new();
                digest.word(*seed);
                digest.word(place as u64);
                // The upper half of the product with `of` is below it.
                ((u128::from(digest.value()) * u128::from(of)) >> 64) as u32
            }
        };
        self.chosen.push(Choice { of, taken });
        taken
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec;

    use super::*;

    fn chooser(source: Source) -> Chooser {
        Chooser {
            source,
            chosen: Vec::new(),
        }
    }

    /// A step whose later choices depend on its earlier ones: how many there are, and of what.
    fn throw(chooser: &mut Chooser) -> Vec<u32> {
        let mut taken = vec![chooser.choose(3)];
        for _ in 0..taken[0] {
            let of = 1 + taken.iter().sum::<u32>() % 4;
            taken.push(chooser.choose(of));
        }
        taken
    }

    /// All that the step can come to.
    fn possible() -> BTreeSet<Vec<u32>> {
        let all = (0..3).flat_map(|one| (0..4).map(move |two| (one, two)));
        let all = all.flat_map(|(one, two)| (0..4).map(move |three| vec![one, two, three]));
        let thrown = all.map(|told| throw(&mut chooser(Source::Told(told))));
        thrown.collect()
    }

    #[test]
    fn following_choices_come_to_everything_once() {
        let mut told = Vec::new();
        let mut seen = Vec::new();
        loop {
            let mut chooser = chooser(Source::Told(told));
            seen.push(throw(&mut chooser));
            match Choice::following(&chooser.chosen) {
                Some(next) => told = next,
                None => break,
            }
        }
        assert!(seen.len() > 5);
        assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), possible());
        assert_eq!(seen.len(), possible().len(), "none comes twice");
    }

    /// Stored seeds stand on these values.
    #[test]
    fn what_is_drawn_is_pinned_and_even() {
        let mut seven = chooser(Source::Drawn(7));
        let drawn: Vec<u32> = (0..12).map(|_| seven.choose(6)).collect();
        assert_eq!(drawn, PINNED);
        let mut counts = [0_u32; 6];
        for seed in 0..6000 {
            counts[chooser(Source::Drawn(seed)).choose(6) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }

    const PINNED: [u32; 12] = [3, 2, 0, 2, 3, 4, 4, 1, 2, 2, 1, 4];
}
