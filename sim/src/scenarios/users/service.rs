//! What users must know of the service that they call.

use std::sync::Arc;

use snowglobe_checkers::linearizability::specifications::{TextInput, TextOutput};
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::Process;

/// A process whose clerks read and write texts under keys.
pub(in crate::scenarios) trait TextService: Process {
    /// What a clerk is asked, in the words of the history.
    fn ask(key: &Arc<str>, input: &TextInput) -> Self::Operation;
    /// What a user is told by an outcome.
    ///
    /// # Errors
    /// The outcome itself, if it is one with which no clerk may come back.
    fn answer(outcome: Self::Outcome) -> Result<Answer, Self::Outcome>;
}

/// Whoever watches over such a service, and may know what its servers have made.
pub(in crate::scenarios) trait Watcher<P: Process>: Invariants<P> {
    /// All that has ever changed a key, in order; `None` where not all of it is known.
    fn changes_of(&self, _key: &str) -> Option<&[TextInput]> {
        None
    }
}

/// What a user is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scenarios) enum Answer {
    /// The call is done.
    Output(TextOutput),
    /// It may have happened, or not; the user goes on under a new name.
    Maybe,
}

/// How many users there are, and what they like to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scenarios) struct Habits {
    /// How many users call each clerk.
    pub(in crate::scenarios) users_per_clerk: u8,
    /// How many of the users only get, and only what all share.
    pub(in crate::scenarios) readers: u8,
    /// How many keys all users share.
    pub(in crate::scenarios) keys: u8,
    /// Of a hundred calls for shared keys, how many are for the first of them.
    pub(in crate::scenarios) hot_in_100: u8,
    /// Of a hundred calls, how many are for a key of the user's own.
    pub(in crate::scenarios) own_in_100: u8,
    /// Of a hundred calls, how many are gets.
    pub(in crate::scenarios) gets_in_100: u8,
    /// The bytes that a value has beside the name of its user and its number.
    pub(in crate::scenarios) value_bytes: usize,
    /// The longest pause of a user between two calls, in milliseconds.
    pub(in crate::scenarios) think_ms: u64,
}
