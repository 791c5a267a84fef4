//! Stories about the key/value service, its servers and its clerks, told to a
//! plain loop.

#[path = "../cluster/mod.rs"]
mod cluster;

mod expiry;
mod finding;
mod lanes;
mod memory;
mod overload;
mod play;
mod random;
mod retries;
mod server;
mod sessions;
mod store;
mod story;
mod violations;
