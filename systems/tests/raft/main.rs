//! Stories about Raft and the replica around it, told to a plain loop.

#[path = "../cluster/mod.rs"]
mod cluster;

mod codec;
mod component;
mod config;
mod election;
mod leadership;
mod part;
mod random;
mod reads;
mod renaming;
mod replication;
mod sessions;
mod snapshots;
mod story;
mod transfer;
mod violations;
