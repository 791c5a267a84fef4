//! Canaries: the tester is tested.
//!
//! Each fault, and each demand for progress, has a small system here that cannot
//! stand it. If a part of the simulation stops working, what should fail here
//! holds, and a test says so. The canaries of the invariants are with the
//! systems, in `systems/tests/*/canaries`.

mod demands;
mod engine;
mod families;
mod faults;
mod fragile;
mod illegible;
mod judges;
mod promises;
mod rows;
mod umpire;
mod verdicts;
mod words;
