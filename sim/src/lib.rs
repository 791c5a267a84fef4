//! Snowglobe: a sealed little world in which distributed systems live, are
//! shaken, and are judged.
//!
//! This crate holds the engines and what people touch: the simulated
//! [`world`], the [`faults`] that shake it, the [`scenarios`] of each system,
//! the [`campaign`] that runs many of them, and the [`cli`].

use std::process::ExitCode;

use self::registry::{Registered, Systems};

/// The whole command line over these systems: `list`, `run`, `fuzz`, `merge`, `promote`,
/// `replay`, `shrink`, `verify`, `check`, `history`, `completions`.
#[must_use]
pub fn main(systems: &'static [&'static dyn Registered]) -> ExitCode {
    cli::main(Systems::new(systems), &[])
}

pub mod campaign;
pub mod cli;
pub mod draw;
pub mod explore;
pub mod faults;
pub mod prelude;
pub mod registry;
pub mod report;
pub mod scenarios;
pub mod seed;
pub mod shrink;
pub mod testing;
pub mod text;
pub mod time;
pub mod world;
