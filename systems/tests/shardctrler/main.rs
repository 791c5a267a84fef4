//! The shard controller.

mod controller;
mod rebalancing;
