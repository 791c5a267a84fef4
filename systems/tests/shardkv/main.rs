//! Stories about the sharded key/value service, told to a plain loop.

#[path = "../cluster/mod.rs"]
mod cluster;

mod config;
mod exactly_once;
mod failing;
mod finding;
mod machine;
mod moving;
mod orders;
mod play;
mod random;
mod reaching;
mod story;
mod violations;
mod words;
