//! Stories about the sharded key/value service, told to a plain loop.

#[path = "../cluster/mod.rs"]
mod cluster;

mod moving;
mod story;
