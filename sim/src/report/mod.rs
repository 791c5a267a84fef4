//! What people read: a run's account, a failure, a timeline.

pub mod account;
pub mod failure;
pub mod small;
pub mod timeline;
pub mod weather;
