//! Stories about the key/value service, its servers and its clerks, told to a
//! plain loop.

#[path = "../canary/mod.rs"]
mod canary;
#[path = "../cluster/mod.rs"]
mod cluster;

mod canaries;
mod expiry;
mod finding;
mod memory;
mod overload;
mod play;
mod random;
mod retries;
mod server;
mod sessions;
mod slots;
mod store;
mod story;
mod violations;
