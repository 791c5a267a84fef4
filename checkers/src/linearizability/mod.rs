//! Is a history linearizable, and if not, why?
//!
//! Generic over the [`Specification`] of a sequential object; knows nothing of
//! the systems that are simulated elsewhere.

mod budget;
mod cuts;
mod machine;
mod specification;
pub mod specifications;
mod verdict;

pub use budget::Budget;
pub use cuts::Cuts;
pub use machine::{Interned, Machine, StateId};
pub use specification::{Claims, Leaves, Legal, Specification, claims_hold};
pub use verdict::{Certificate, Ended, Found, Illegal, Unknown, Verdict};
