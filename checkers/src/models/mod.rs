//! Small worlds of the systems, for [`explore`](crate::explore).
//!
//! A model here is no second writing of a protocol: it names who is there, who
//! asks for what, and when it is too much. The code that is explored is the code
//! that runs.

mod asked;
pub mod kv;
pub mod mapreduce;
pub mod raft;
mod service;
pub mod shardctrler;
pub mod shardkv;
