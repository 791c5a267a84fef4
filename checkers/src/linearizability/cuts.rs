//! The short cuts of the search, each of which can be switched off.
//!
//! With all of them off, what remains is Wing and Gong's search with Lowe's
//! memo. The verdict is the same with any choice of them; tests hold that
//! against a brute-force judge. Why each is sound stands where it is taken.

/// Which short cuts are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuts {
    /// Operations that change no state happen as soon as they are legal.
    pub observers: bool,
    /// Of operations that are alike, the one that must return first goes first.
    pub twins: bool,
    /// A dead end that used fewer pending operations covers those that used more.
    pub pending: bool,
    /// Pending operations whose effect no answer can have seen are left out.
    pub unobserved: bool,
    /// Writes that nobody looks at happen unseen, just before another write.
    pub hidden: bool,
    /// A write that nobody waits for is not shown before it must be.
    pub fruitful: bool,
    /// A state that is still needed and cannot come again is not left.
    pub orphans: bool,
    /// Answers that nothing can have given are found before any search.
    pub refutations: bool,
    /// Values that are written once are judged by their zones, without a search.
    pub zones: bool,
    /// Where nothing is open, what follows is judged on its own before what came before is tried again.
    pub segments: bool,
    /// What a specification can [decide](super::Specification::decide) is not searched.
    pub decisions: bool,
}

impl Cuts {
    /// All of them.
    pub const ALL: Self = Self::all(true);
    /// None: plain Wing and Gong with Lowe's memo.
    pub const NONE: Self = Self::all(false);

    /// All on or all off.
    const fn all(on: bool) -> Self {
        Self {
            observers: on,
            twins: on,
            pending: on,
            unobserved: on,
            hidden: on,
            fruitful: on,
            orphans: on,
            refutations: on,
            zones: on,
            segments: on,
            decisions: on,
        }
    }

    /// Every choice of them, as bits; for tests.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self {
            observers: bits & 1 != 0,
            twins: bits & 2 != 0,
            pending: bits & 4 != 0,
            unobserved: bits & 8 != 0,
            hidden: bits & 16 != 0,
            fruitful: bits & 32 != 0,
            orphans: bits & 64 != 0,
            refutations: bits & 128 != 0,
            zones: bits & 256 != 0,
            segments: bits & 512 != 0,
            decisions: bits & 1024 != 0,
        }
    }
}

impl Default for Cuts {
    fn default() -> Self {
        Self::ALL
    }
}
