//! Stories about the sharded key/value service, told to a plain loop.

#[path = "../canary/mod.rs"]
mod canary;
#[path = "../cluster/mod.rs"]
mod cluster;

mod canaries;
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
mod sizes;
mod story;
mod violations;
mod words;
