//! Is a history linearizable, and if not, why?
//!
//! Generic over the [`Specification`] of a sequential object; knows nothing of
//! the systems that are simulated elsewhere.

mod budget;
mod check;
mod classes;
mod cuts;
mod explanation;
mod machine;
mod online;
mod own_order;
mod partition;
mod problem;
mod refutation;
mod search;
mod slots;
mod specification;
pub mod specifications;
mod timeline;
mod verdict;
mod watch;
mod zones;

pub use budget::Budget;
pub use check::{Options, check};
pub use cuts::Cuts;
pub use explanation::{Blocked, Explanation, Reason, ReasonKind, Told, explain};
pub use machine::{Interned, Machine, Numbering, StateId};
pub use online::{Frontier, Online, OnlineError};
pub use partition::{Partition, partitions};
pub use specification::{Claims, Decision, Leaves, Legal, Specification, Timed, claims_hold};
pub use verdict::{Certificate, Ended, Found, Illegal, Unknown, Verdict};
pub use watch::{Watch, WatchError};
