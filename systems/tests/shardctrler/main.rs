//! The shard controller.

mod controller;
mod rebalancing;
mod violations;
