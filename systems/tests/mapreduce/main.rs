//! Stories about jobs, told to a plain loop.

#[path = "../cluster/mod.rs"]
mod cluster;

mod input;
mod job;
mod story;
