//! The five systems that come with Snowglobe: MapReduce, Raft, a key/value service on Raft, a
//! shard controller, and a sharded key/value service.
//!
//! They come in by the same door as anybody's: each is a [`System`](snowglobe::scenarios::System)
//! in the public interface of the framework, which knows none of them.

pub mod kv;
pub mod mapreduce;
mod options;
mod quorum;
pub mod raft;
mod replicated;
pub mod shardctrler;
pub mod shardkv;
mod transfers;
#[cfg(test)]
mod trial;
mod users;

use snowglobe::registry::{Entry, Systems};

/// All five: those on Raft in the order in which they build on each other.
pub static SYSTEMS: Systems = Systems::new(&[
    &Entry::<raft::RaftSystem>::MODELLED,
    &Entry::<kv::KvSystem>::MODELLED,
    &Entry::<shardctrler::ShardctrlerSystem>::MODELLED,
    &Entry::<shardkv::ShardkvSystem>::MODELLED,
    &Entry::<mapreduce::MapReduceSystem>::MODELLED,
]);
