//! The shard controller.

mod config;
mod controller;
mod rebalancing;
mod violations;
