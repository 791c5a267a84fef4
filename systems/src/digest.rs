//! A small, fast hash whose value is the same in every build and on every machine.
//!
//! The standard library's hashers promise neither. This one takes 64-bit words
//! and is meant for telling states and traces apart, not for resisting an adversary.

use core::hash::{Hash, Hasher};

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const START: u64 = 0x5d21_f0c3_a9b1_4e07;

/// A running 64-bit digest; also a [`Hasher`] for any `Hash` value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(START)
    }
}

impl Digest {
    /// The digest of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The digest of one value.
    #[inline]
    #[must_use]
    pub fn of(value: &(impl Hash + ?Sized)) -> u64 {
        let mut digest = Self::new();
        value.hash(&mut digest);
        digest.value()
    }

    /// Takes in one word. The order of words matters.
    #[inline]
    pub fn word(&mut self, word: u64) {
        // A multiplication alone never carries a high bit down, so the halves
        // of the 128-bit product are folded into each other.
        let mixed = u128::from(self.0 ^ word) * u128::from(MULTIPLIER);
        let folded = (mixed as u64) ^ ((mixed >> 64) as u64);
        self.0 = folded.rotate_left(23).wrapping_add(word ^ MULTIPLIER);
    }

    /// Takes in bytes, with their number, so that adjacent fields cannot be confused.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    /// The digest of all that was taken in so far.
    #[inline]
    #[must_use]
    pub fn value(self) -> u64 {
        let mut value = self.0;
        value ^= value >> 32;
        value = value.wrapping_mul(MULTIPLIER);
        value ^ (value >> 29)
    }
}

impl Hasher for Digest {
    #[inline]
    fn finish(&self) -> u64 {
        self.value()
    }
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
    }
    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }
    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.word(u64::from(value));
    }
    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }
    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }
    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_pinned() {
        // A change here changes every recorded trace digest.
        let mut digest = Digest::new();
        digest.word(1);
        digest.word(2);
        let words = digest.value();
        let mut digest = Digest::new();
        digest.word(2);
        digest.word(1);
        assert_ne!(words, digest.value(), "the order of words matters");
        assert_ne!(Digest::of(&[0u8; 3]), Digest::of(&[0u8; 4]));
        assert_ne!(Digest::of("ab"), Digest::of("ba"));
    }

    #[test]
    fn numbers_of_every_width_are_taken_in() {
        assert_ne!(Digest::of(&7u8), Digest::of(&8u8));
        assert_ne!(Digest::of(&7u16), Digest::of(&8u16));
        assert_ne!(Digest::of(&7u32), Digest::of(&8u32));
        assert_ne!(Digest::of(&7u64), Digest::of(&8u64));
        assert_ne!(Digest::of(&7usize), Digest::of(&8usize));
    }
}
