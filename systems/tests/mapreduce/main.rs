//! Stories about jobs, told to a plain loop.

#[path = "../cluster/mod.rs"]
mod cluster;

mod config;
mod input;
mod job;
mod late;
mod story;
mod violations;
mod walk;
