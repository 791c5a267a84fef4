//! Stories about jobs, told to a plain loop.

#[path = "../canary/mod.rs"]
mod canary;
#[path = "../cluster/mod.rs"]
mod cluster;

mod applications;
mod canaries;
mod config;
mod input;
mod job;
mod late;
mod story;
mod unreached;
mod violations;
mod walk;
