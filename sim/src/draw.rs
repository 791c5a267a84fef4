//! Every random decision of a run: ChaCha8, one stream per purpose.
//!
//! All streams of a run have the key of its seed and differ in the stream
//! number. So what is drawn for one purpose never depends on how much was
//! drawn for another: take a fault away, and every link, timer and client
//! still draws what it drew before. Shrinking and ablation stand on that.
//!
//! The helpers are ours and pinned by golden vectors, because the helpers of a
//! crate may turn the same bits into other values in its next version, and
//! every stored seed would then mean another run.

mod per_million;

use std::fmt;
use std::iter;
use std::ops::Range;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;

use crate::seed::Seed;

pub use self::per_million::{PerMillion, PerMillionError};

/// What a stream of random values is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The shape of the run: sizes, profiles, budgets.
    Configuration,
    /// The choices that faults leave open, such as which bit rots.
    Faults,
    /// What one client asks, and when. The number is the client's.
    Workload(u16),
    /// What one direction of a link does with its messages.
    Link {
        /// The sender.
        from: NodeId,
        /// The receiver.
        to: NodeId,
    },
    /// The delays of a node's timers.
    Timer(NodeId),
    /// How long the syncs of a node take.
    Disk(NodeId),
    /// The rate of a node's clock.
    Clock(NodeId),
    /// What a crash of a node leaves of its unsynced bytes.
    Crash(NodeId),
    /// The schedule of faults. It is drawn before the run, and a run that is given
    /// a schedule does not draw one: the choices in [`Purpose::Faults`] stay the same.
    Schedule,
    /// How long a slow node takes for a step.
    Pace(NodeId),
    /// In what order a node takes what waited for it.
    Backlog(NodeId),
    /// What the steps of a node choose.
    Choice(NodeId),
    /// Anything that is not ours, such as the dice of a protocol that a user brings.
    Custom(u32),
}

impl Purpose {
    /// The number of the stream: the kind in the upper 32 bits, its detail in the lower.
    ///
    /// Stored seeds depend on these numbers. Add kinds; never renumber them,
    /// and never give the number of a removed one away.
    #[must_use]
    pub fn stream(self) -> u64 {
        let node = |node: NodeId| u32::from(node.0);
        let (kind, detail) = match self {
            Self::Configuration => (1_u64, 0),
            Self::Faults => (2, 0),
            Self::Workload(client) => (3, u32::from(client)),
            Self::Link { from, to } => (4, node(from) << 8 | node(to)),
            Self::Timer(id) => (5, node(id)),
            Self::Disk(id) => (6, node(id)),
            Self::Clock(id) => (7, node(id)),
            Self::Crash(id) => (8, node(id)),
            Self::Schedule => (9, 0),
            Self::Pace(id) => (10, node(id)),
            Self::Backlog(id) => (11, node(id)),
            Self::Choice(id) => (12, node(id)),
            Self::Custom(number) => (255, number),
        };
        kind << 32 | u64::from(detail)
    }
}

/// Set in the number of every keyed stream, and of no other.
const KEYED: u64 = 1 << 63;

/// All random streams of one run.
#[derive(Clone)]
pub struct Streams {
    key: [u8; 32],
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

impl Streams {
    /// The streams of a seed.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        let mut key = [0; 32];
        let mut state = seed.0;
        for word in key.chunks_exact_mut(8) {
            word.copy_from_slice(&split_mix(&mut state).to_le_bytes());
        }
        Self { key }
    }

    /// The stream of a purpose, from its beginning.
    #[must_use]
    pub fn open(&self, purpose: Purpose) -> Draw {
        let mut generator = ChaCha8Rng::from_seed(self.key);
        generator.set_stream(purpose.stream());
        Draw { generator }
    }

    /// A word for one occurrence within a purpose, where a whole stream would cost more than
    /// what it is for.
    #[must_use]
    pub fn word(&self, purpose: Purpose, occurrence: u64) -> u64 {
        let mut digest = Digest::new();
        for word in self.key.as_chunks::<8>().0 {
            digest.word(u64::from_le_bytes(*word));
        }
        digest.word(purpose.stream());
        digest.word(occurrence);
        digest.value()
    }

    /// A stream for one occurrence of one cause within a purpose.
    ///
    /// What is drawn for a message depends on its link, on what it says and on how
    /// often that was said before, and on nothing else: whatever more or less
    /// happens elsewhere, it is drawn the same.
    #[must_use]
    pub fn keyed(&self, purpose: Purpose, cause: u64, occurrence: u64) -> Draw {
        let mut key = Digest::new();
        key.word(purpose.stream());
        key.word(cause);
        key.word(occurrence);
        let mut generator = ChaCha8Rng::from_seed(self.key);
        generator.set_stream(key.value() | KEYED);
        Draw { generator }
    }
}

/// SplitMix64: neighbouring seeds get keys that have nothing in common.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// One stream of random values.
///
/// `below`, `range`, `duration`, `chance`, `pick` and `weighted` take one
/// 64-bit value each whatever their arguments are, so that a changed argument
/// does not shift the draws that follow. (A value that would bias the result
/// is rejected and replaced; for n choices that happens n times in 2^64.)
#[derive(Clone)]
pub struct Draw {
    generator: ChaCha8Rng,
}

impl fmt::Debug for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draw")
            .field("stream", &self.generator.get_stream())
            .field("word", &self.generator.get_word_pos())
            .finish()
    }
}

impl Draw {
    /// 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A number from 0 up to, and without, `n`; each as likely as the others.
    ///
    /// # Panics
    ///
    /// If `n` is zero: there is no such number.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "there is no number below zero to draw");
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            let low = product as u64;
            // The upper half of the product is the result. Of the 2^64 lower
            // halves, the first (2^64 mod n) belong to results that would come
            // up once too often. The comparison with n spares the division.
            if low >= n || low >= n.wrapping_neg() % n {
                return (product >> 64) as u64;
            }
        }
    }

    /// A position in something that has `length` places.
    ///
    /// # Panics
    ///
    /// If `length` is zero.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// A number of the range; its start if the range is empty.
    #[inline]
    pub fn range(&mut self, range: Range<u64>) -> u64 {
        let span = range.end.saturating_sub(range.start);
        range.start + self.below(span.max(1))
    }

    /// A number of the range, each of its doublings as likely as the others; its
    /// start if the range is empty. Takes two values.
    ///
    /// # Panics
    ///
    /// If the range starts at zero, which no doubling leads away from.
    pub fn range_by_doublings(&mut self, range: Range<u64>) -> u64 {
        assert!(range.start > 0, "zero cannot be doubled");
        let doublings = range.end.saturating_sub(1).checked_div(range.start);
        let doublings = doublings.map_or(0, |times| times.max(1).ilog2());
        let doubled = range.start << self.below(u64::from(doublings) + 1);
        self.range(doubled..range.end.min(2 * doubled))
    }

    /// A duration of the range, to the nanosecond; its start if the range is empty.
    /// Durations of more than 584 years count as 584 years.
    #[inline]
    pub fn duration(&mut self, range: Range<Duration>) -> Duration {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.range(nanos(range.start)..nanos(range.end)))
    }

    /// `true` with this chance.
    #[inline]
    pub fn chance(&mut self, chance: PerMillion) -> bool {
        self.below(u64::from(PerMillion::ALWAYS.0)) < u64::from(chance.0)
    }

    /// One of some things.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.index(things.len())]
    }

    /// One of some things, each as likely as its weight says.
    ///
    /// # Panics
    ///
    /// If no thing has a weight above zero.
    pub fn weighted<'a, T>(&mut self, things: &'a [(u32, T)]) -> &'a T {
        let total = things.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut ticket = self.below(total);
        for (weight, thing) in things {
            match ticket.checked_sub(u64::from(*weight)) {
                Some(rest) => ticket = rest,
                None => return thing,
            }
        }
        unreachable!("a ticket is below the sum of all weights")
    }

    /// Brings things into a random order, each order as likely as the others.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for place in (1..things.len()).rev() {
            let other = self.index(place + 1);
            things.swap(place, other);
        }
    }

    /// `count` different positions below `among`, ascending; all positions if
    /// there are no more than `count`.
    pub fn sample(&mut self, count: usize, among: usize) -> Vec<usize> {
        let mut positions: Vec<usize> = (0..among).collect();
        let count = count.min(among);
        for place in 0..count {
            let other = place + self.index(among - place);
            positions.swap(place, other);
        }
        positions.truncate(count);
        positions.sort_unstable();
        positions
    }

    /// The same stream as an endless iterator over its 64-bit values.
    pub fn values(&mut self) -> impl Iterator<Item = u64> + '_ {
        iter::repeat_with(|| self.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn open(seed: u64, purpose: Purpose) -> Draw {
        Streams::new(Seed(seed)).open(purpose)
    }

    const LINK: Purpose = Purpose::Link {
        from: NodeId(1),
        to: NodeId(2),
    };

    /// If this test fails, every stored seed means another run. Do not mend
    /// the numbers; mend the code.
    #[test]
    fn streams_are_pinned() {
        let first = |seed, purpose| -> Vec<u64> { open(seed, purpose).values().take(3).collect() };
        assert_eq!(
            first(0, Purpose::Configuration),
            [
                0xfe05_3e60_ce27_09c5,
                0x9871_833d_ce16_2041,
                0x5bd6_43e3_07d5_a6b5
            ]
        );
        assert_eq!(
            first(42, Purpose::Faults),
            [
                0xd296_d9c6_a5c9_5db5,
                0xeebf_5b41_7c0b_754e,
                0xfb3d_78d7_7caa_b56f
            ]
        );
        assert_eq!(
            first(42, LINK),
            [
                0xef80_6fea_32b8_f8cb,
                0xcb42_6e24_2e33_a4f0,
                0x1210_0353_2d77_2bcf
            ]
        );
        assert_eq!(
            first(u64::MAX, Purpose::Custom(7)),
            [
                0x0fc4_dc41_a6ec_1cfb,
                0x91b6_0d83_b3e3_bd42,
                0x5c30_fc46_399d_45a3
            ]
        );
    }

    #[test]
    fn keys_are_the_published_values_of_split_mix() {
        let mut state = 1_234_567;
        let values: Vec<u64> = iter::repeat_with(|| split_mix(&mut state))
            .take(3)
            .collect();
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(values, published);
    }

    #[test]
    fn helpers_are_pinned() {
        let mut draw = open(42, Purpose::Workload(3));
        let below: Vec<u64> = (0..6).map(|_| draw.below(1000)).collect();
        assert_eq!(below, [339, 931, 171, 384, 132, 848]);
        let millis = Duration::from_millis;
        assert_eq!(
            draw.duration(millis(20)..millis(200)),
            Duration::from_nanos(185184443)
        );
        let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
        draw.shuffle(&mut order);
        assert_eq!(order, [5, 3, 4, 7, 1, 2, 6, 0]);
        assert_eq!(draw.sample(3, 10), [2, 8, 9]);
        let chances: Vec<bool> = (0..8)
            .map(|_| draw.chance(PerMillion::percent(50)))
            .collect();
        assert_eq!(
            chances,
            [true, true, false, false, false, false, true, false]
        );
        let weights = [(1, 'a'), (0, 'b'), (3, 'c')];
        let letters: String = (0..8).map(|_| *draw.weighted(&weights)).collect();
        assert_eq!(letters, "aaccccca");
    }

    #[test]
    fn no_two_purposes_share_a_stream() {
        let nodes = || (1..=9).map(NodeId);
        let mut purposes = vec![Purpose::Configuration, Purpose::Faults, Purpose::Schedule];
        purposes.extend((0..9).map(Purpose::Workload));
        purposes.extend((0..9).map(Purpose::Custom));
        for id in nodes() {
            purposes.extend([
                Purpose::Timer(id),
                Purpose::Disk(id),
                Purpose::Clock(id),
                Purpose::Crash(id),
                Purpose::Pace(id),
                Purpose::Backlog(id),
            ]);
            purposes.extend(nodes().map(|to| Purpose::Link { from: id, to }));
        }
        let streams: BTreeSet<u64> = purposes.iter().map(|purpose| purpose.stream()).collect();
        assert_eq!(streams.len(), purposes.len());
    }

    #[test]
    fn keyed_draws_are_pinned_and_depend_on_every_part_of_the_key() {
        let first = |purpose, cause, occurrence| {
            let mut draw = Streams::new(Seed(42)).keyed(purpose, cause, occurrence);
            draw.next_u64()
        };
        let values = [
            first(LINK, 0, 0),
            first(LINK, 0, 1),
            first(LINK, 1, 0),
            first(Purpose::Timer(NodeId(1)), 0, 0),
            open(42, LINK).next_u64(),
        ];
        assert_eq!(values[0], first(LINK, 0, 0));
        let different: BTreeSet<u64> = values.into_iter().collect();
        assert_eq!(different.len(), values.len());
        assert_eq!(values[1], 0x3dda_0eee_8072_6091);
    }

    #[test]
    fn doublings_are_alike() {
        let mut draw = open(1, LINK);
        let mut found = [0_u32; 13];
        for _ in 0..13_000 {
            let drawn = draw.range_by_doublings(10..60_000);
            assert!((10..60_000).contains(&drawn));
            found[(drawn / 10).ilog2() as usize] += 1;
        }
        assert!(
            found.iter().all(|count| (850..1150).contains(count)),
            "{found:?}"
        );
        assert_eq!(draw.range_by_doublings(7..7), 7);
        assert_eq!(draw.range_by_doublings(7..8), 7);
    }

    #[test]
    fn certain_and_impossible_things() {
        let mut draw = open(1, LINK);
        assert!((0..1000).all(|_| draw.chance(PerMillion::ALWAYS)));
        assert!((0..1000).all(|_| !draw.chance(PerMillion::ZERO)));
        let second = Duration::from_secs(1);
        assert_eq!(draw.duration(second..second), second);
    }

    proptest! {
        #[test]
        fn below_is_below(seed: u64, n in 1..=u64::MAX) {
            let mut draw = open(seed, Purpose::Faults);
            for _ in 0..20 {
                prop_assert!(draw.below(n) < n);
            }
        }

        #[test]
        fn a_stream_does_not_feel_another(seed: u64, taken in 0..100_usize) {
            let streams = Streams::new(Seed(seed));
            let mut faults = streams.open(Purpose::Faults);
            let mut link = streams.open(LINK);
            let mut values = Vec::new();
            for _ in 0..taken {
                faults.next_u64();
                values.push(link.next_u64());
            }
            prop_assert_eq!(values, open(seed, LINK).values().take(taken).collect::<Vec<_>>());
        }

        #[test]
        fn a_changed_argument_does_not_shift_what_follows(seed: u64, parts in 0..=1_000_000_u32) {
            let (mut one, mut other) = (open(seed, LINK), open(seed, LINK));
            one.chance(PerMillion(parts));
            other.chance(PerMillion::ZERO);
            one.range(5..5);
            other.range(0..100);
            prop_assert_eq!(one.next_u64(), other.next_u64());
        }

        #[test]
        fn samples_are_different_and_ascending(seed: u64, count in 0..12_usize, among in 0..12_usize) {
            let sample = open(seed, LINK).sample(count, among);
            prop_assert_eq!(sample.len(), count.min(among));
            prop_assert!(sample.is_sorted_by(|a, b| a < b));
            prop_assert!(sample.iter().all(|position| *position < among));
        }
    }
}
