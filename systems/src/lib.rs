//! The systems under test: protocols written once, as pure state machines.
//!
//! Nothing here has a clock, a socket, a file, a thread or dice; the compiler
//! holds that by `no_std`. See [`process`] for the one door into each system.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod bytes;
pub mod digest;
pub mod embeds;
pub mod invariants;
pub mod kv;
pub mod ledger;
pub mod mapreduce;
pub mod process;
pub mod raft;
pub mod renaming;
pub mod replica;
pub mod service;
pub mod shardctrler;
pub mod shardkv;
pub mod shared;
mod short_names;
pub mod text;
pub mod vec_map;
pub mod vec_set;
