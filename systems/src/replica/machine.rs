//! What a replica replicates.

use core::fmt::Debug;
use core::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::raft::{Command, LogIndex};

/// A deterministic state machine: the same commands in the same order leave
/// the same state and give the same responses everywhere (paper, 2).
pub trait StateMachine:
    Clone + Default + Eq + Hash + Debug + Send + Sync + Serialize + DeserializeOwned + 'static
{
    /// What changes it.
    type Command: Command;
    /// What a change answers.
    type Response: Clone + Eq + Hash + Debug + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// What can be asked without changing it.
    type Query: Clone + Eq + Hash + Debug + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// What a query answers.
    type Answer: Clone + Eq + Hash + Debug + Send + Sync + Serialize + DeserializeOwned + 'static;

    /// Whether commands name themselves, so that the machine knows a repetition
    /// by itself. Clerks then ask for them without a session of the replica.
    const KNOWS_REPETITIONS: bool = false;

    /// Whether a command is a duty of the servers themselves. There are never many of
    /// those, and clients may be waiting for nothing else: no leader is too busy for them.
    fn is_duty(_command: &Self::Command) -> bool {
        false
    }

    /// Takes in a command.
    fn apply(&mut self, index: LogIndex, command: &Self::Command) -> Self::Response;

    /// Answers a query.
    fn query(&self, query: &Self::Query) -> Self::Answer;

    /// A digest of the state, to compare replicas by after every entry. The
    /// default reads the whole state; a machine with much of it keeps one up to date.
    fn digest(&self) -> u64 {
        crate::digest::Digest::of(self)
    }
}
