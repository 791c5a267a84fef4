//! The key/value service: a [`Store`] behind the servers and clerks of [`service`].
//!
//! `get`, `put`, `append`, `delete` and compare-and-swap. Writes go through the
//! log, each exactly once; a get asks the leader, which proves that it still
//! leads before it answers.

mod store;

pub use store::{Answer, Command, Get, Key, Response, Store, Value};

use crate::service;

/// A node of the service: a server with a replica of the store, or a clerk.
pub type Node = service::Node<Store>;
/// What travels between nodes.
pub type Message = service::Message<Store>;
/// What the service promises.
pub type Invariants = service::invariants::ServiceInvariants;
/// What a clerk is asked.
pub type Operation = service::Operation<Store>;
/// What a clerk answers.
pub type Outcome = service::Outcome<Store>;
