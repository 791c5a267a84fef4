//! The shard controller.

#[path = "../canary/mod.rs"]
mod canary;

mod canaries;
mod config;
mod controller;
mod rebalancing;
mod violations;
