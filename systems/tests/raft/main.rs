//! Stories about Raft and the replica around it, told to a plain loop.

#[path = "../canary/mod.rs"]
mod canary;
#[path = "../cluster/mod.rs"]
mod cluster;

mod busy;
mod canaries;
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
mod tableau;
mod transfer;
mod violations;
mod windows;
