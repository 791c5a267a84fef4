//! What "right" means: judges of what a simulated system did.
//!
//! [`history`] is who called what when, and what came back: the material of
//! every judge that looks at a system from outside. [`linearizability`] says
//! whether a history could have come from one copy of an object that does one
//! thing at a time; [`consistency`] says how weak it is if it could not.
//! [`explore`] looks at every schedule of a small world, and [`models`] are the
//! small worlds of our systems.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod consistency;
pub mod explore;
pub mod history;
pub mod linearizability;
pub mod models;
pub mod panics;

/// The example of the README, kept true by being run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
