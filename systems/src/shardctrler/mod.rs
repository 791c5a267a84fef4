//! The shard controller: which group of servers owns which shard, and how that
//! came about.
//!
//! A [`Controller`] is a state machine for [`crate::service`]. Groups join and
//! leave, shards are moved by hand, and each change makes one configuration
//! with the next number; all past ones can be asked for.

mod api;
mod configuration;
mod controller;
pub mod invariants;
mod rebalance;

pub use api::{Command, Query, Refusal, Response};
pub use configuration::{Configuration, GroupId, Number, Partitioner, Shard};
pub use controller::Controller;
pub use invariants::ControllerInvariants;
pub use rebalance::rebalance;

use crate::service;

/// A node of the controller: a server with a replica of it, or a clerk.
pub type Node = service::Node<Controller>;
/// What travels between nodes.
pub type Message = service::Message<Controller>;
/// What a clerk is asked.
pub type Operation = service::Operation<Controller>;
/// What a clerk answers.
pub type Outcome = service::Outcome<Controller>;
