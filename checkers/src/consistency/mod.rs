//! Other guarantees, judged from the same histories: what a system that is not
//! linearizable still keeps.
//!
//! [`sequential`] asks for one order of all operations that every client agrees
//! with, whatever the time was; it takes any specification and suits small
//! histories. [`sessions`] asks, key by key, for the four session guarantees of
//! Terry et al.; it needs values that tell the writes apart, and takes long
//! histories too. [`weakness`] puts both in words.
//!
//! What follows from what:
//!
//! ```text
//! linearizable
//!  => sequentially consistent
//!      => all four session guarantees together, in one order of the versions of each key
//!          => each of the four alone
//! ```
//!
//! None of these steps goes back. A key that has all four together is
//! sequentially consistent when it is looked at alone, which for memories is
//! called coherence, or cache consistency (Goodman, "Cache Consistency and
//! Sequential Consistency", 1989), up to swaps, of which only what they found before what they left is used.
//! But several such keys need not be consistent with one another.
//!
//! PRAM (Lipton and Sandberg, 1988) is no rung of this ladder. It lets each
//! client agree with an order of its own, in which it reads its writes, and
//! reads and writes monotonically (Brzezinski, Sobaniec and Wawrzyniak, "Session
//! Guarantees to Achieve PRAM Consistency of Replicated Shared Objects", 2003);
//! it does not ask that writes follow reads. The judge here asks for one order
//! for all clients, so a history that is PRAM may break what it says.

#[cfg(test)]
mod drawn;
pub mod sequential;
pub mod sessions;
mod weakness;

pub use sequential::SequentialVerdict;
pub use sessions::{Finding, Guarantee, NotJudged, ReadWrite, Sessions};
pub use weakness::{Weakness, weakness};
