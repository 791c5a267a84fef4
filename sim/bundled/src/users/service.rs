//! What users must know of the service that they call.

use std::sync::Arc;
use std::time::Duration;

use snowglobe_checkers::linearizability::specifications::{TextInput, TextOutput};
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::Process;

use snowglobe::time::SimTime;

/// A process whose clerks read and write texts under keys.
pub(crate) trait TextService: Process {
    /// What a clerk is asked, in the words of the history.
    fn ask(key: &Arc<str>, input: &TextInput) -> Self::Operation;
    /// What a user is told by an outcome.
    ///
    /// # Errors
    /// The outcome itself, if it is one with which no clerk may come back.
    fn answer(outcome: Self::Outcome) -> Result<Answer, Self::Outcome>;
}

/// Whoever watches over such a service, and may know what its servers have made.
pub(crate) trait Watcher<P: Process>: Invariants<P> {
    /// All that has ever changed a key, in order; `None` where not all of it is known.
    fn changes_of(&self, _key: &str) -> Option<&[TextInput]> {
        None
    }
}

/// What a user is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The call is done.
    Output(TextOutput),
    /// It may have happened, or not; the user goes on under a new name.
    Indeterminate,
}

/// How many users there are, and what they like to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Habits {
    /// How many users call each clerk.
    pub(crate) users_per_clerk: u8,
    /// How many of the users only get, and only what all share.
    pub(crate) readers: u8,
    /// How many keys all users share.
    pub(crate) keys: u8,
    /// Of a hundred calls for shared keys, how many are for the first of them.
    pub(crate) hot_in_100: u8,
    /// Of a hundred calls, how many are for a key of the user's own.
    pub(crate) own_in_100: u8,
    /// Of a hundred calls, how many are gets.
    pub(crate) gets_in_100: u8,
    /// The bytes that a value has beside the name of its user and its number.
    pub(crate) value_bytes: usize,
    /// The longest pause of a user between two calls, in milliseconds.
    pub(crate) think_ms: u64,
    /// Of a hundred compare-and-swaps, how many are for the value that a key has already.
    pub(crate) swaps_same_in_100: u8,
    /// How long a user waits for an answer before it goes on at another clerk; as long
    /// as it takes if zero.
    pub(crate) leaves_after: Duration,
    /// For how long all users call without a pause, before they rest for three times
    /// as long; an even load if zero.
    pub(crate) bursts: Duration,
}

impl Habits {
    /// Whether a user that has waited for so long goes elsewhere.
    pub(super) fn leave_after(&self, waited: Duration) -> bool {
        !self.leaves_after.is_zero() && waited >= self.leaves_after
    }

    /// For how long users rest now, where they call in bursts.
    pub(super) fn rest_at(&self, now: SimTime) -> Option<Duration> {
        let burst = self.bursts.as_nanos();
        let into = u128::from(now.0).checked_rem(4 * burst)?;
        let rest = if into < burst { 0 } else { 4 * burst - into };
        Some(Duration::from_nanos(
            u64::try_from(rest).unwrap_or(u64::MAX),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_a_quarter_of_the_time() {
        let millis = Duration::from_millis;
        let habits = Habits {
            users_per_clerk: 1,
            readers: 0,
            keys: 1,
            hot_in_100: 0,
            own_in_100: 0,
            gets_in_100: 0,
            value_bytes: 0,
            think_ms: 0,
            swaps_same_in_100: 0,
            leaves_after: millis(10),
            bursts: millis(100),
        };
        let rest_at = |at| habits.rest_at(SimTime::START + millis(at));
        assert_eq!(rest_at(99), Some(Duration::ZERO));
        assert_eq!(rest_at(100), Some(millis(300)));
        assert_eq!(rest_at(399), Some(millis(1)));
        assert_eq!(rest_at(400), Some(Duration::ZERO));
        assert!(habits.leave_after(millis(10)) && !habits.leave_after(millis(9)));
        let even = Habits {
            leaves_after: Duration::ZERO,
            bursts: Duration::ZERO,
            ..habits
        };
        assert_eq!(even.rest_at(SimTime::START + millis(5)), None);
        assert!(!even.leave_after(millis(1_000_000)));
    }
}
