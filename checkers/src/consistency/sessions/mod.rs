//! Session guarantees, judged key by key from the values that were written and seen.
//!
//! Each write that happened made a *version* of its key. Where values tell the
//! versions apart, every guarantee says of some pairs of them which one must not
//! come after the other. A guarantee is *broken* on a key if no order of the
//! versions has it so for all clients; it is *held* if there is such an order.
//!
//! That is one order for all clients, as Terry et al. (1994) assume for writes
//! that are not commutative, and each guarantee is asked alone: two of them may
//! be held by two different orders. [`Guarantee::Together`] asks for one order
//! that has all four.
//!
//! What the values alone say counts for each guarantee: the first version comes
//! first, a swap leaves its version after the one it found, and of a text that
//! only grows each version begins with the one before. A write without an answer
//! happened if somebody saw its version, and is left out if nobody did.

mod cycles;
mod graph;
mod guarantee;
mod judge;
mod not_judged;
#[cfg(test)]
mod tests;
mod texts;
mod versions;
mod view;
mod words;

pub use guarantee::Guarantee;
pub use judge::{Finding, Sessions, judge};
pub use not_judged::{NotJudged, Why};
pub use view::{Access, ReadWrite};
