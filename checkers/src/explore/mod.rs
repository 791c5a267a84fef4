//! Every schedule of a small world.
//!
//! A [`Setting`] names a system and its [`Bounds`].

mod bounds;
pub mod naming;
mod setting;
mod states;
mod step;
mod symmetry;

pub use bounds::Bounds;
pub use setting::{Client, Property, PropertyKind, Setting, TimerKind};
pub use states::{NotADigest, StatesDigest};
pub use step::{NotAStep, Step, StepInput};
pub use symmetry::{Alike, Symmetry};
