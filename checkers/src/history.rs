//! Histories: who called what when, and what came back.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

/// The client that called; prints as `c3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientId(pub u32);

impl std::fmt::Display for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// One operation of one client. Times are nanoseconds since the run's start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call<Input, Output> {
    /// Who called.
    pub client: ClientId,
    /// When.
    pub called_at: u64,
    /// What was asked.
    pub input: Input,
    /// When the answer came, and what it was. `None` for a pending operation:
    /// it may have happened, at any time after the call, or not at all.
    pub returned: Option<(u64, Output)>,
}

/// Why a list of calls is not a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAHistory {
    /// The call at this position returned before it was made.
    ReturnsBeforeItsCall(usize),
    /// The call at this position began before an earlier one of its client had ended.
    OverlapsItsClient(usize),
}

/// Calls in the order in which they were made, at most one at a time per client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<Input, Output> {
    /// Sorted by the time of the call.
    calls: Vec<Call<Input, Output>>,
}

impl<Input: Debug, Output: Debug> History<Input, Output> {
    /// Puts calls in order.
    ///
    /// # Errors
    /// When a call returns before it is made, or a client has two at a time.
    /// A client that gave up on a pending operation must go on under a new name.
    pub fn new(mut calls: Vec<Call<Input, Output>>) -> Result<Self, NotAHistory> {
        calls.sort_by_key(|call| call.called_at);
        let mut busy_until = std::collections::BTreeMap::<ClientId, u64>::new();
        for (place, call) in calls.iter().enumerate() {
            let end = call.returned.as_ref().map_or(u64::MAX, |(at, _)| *at);
            if end < call.called_at {
                return Err(NotAHistory::ReturnsBeforeItsCall(place));
            }
            if let Some(busy) = busy_until.insert(call.client, end)
                && busy > call.called_at
            {
                return Err(NotAHistory::OverlapsItsClient(place));
            }
        }
        Ok(Self { calls })
    }

    /// The calls, by the time at which they were made.
    #[must_use]
    pub fn calls(&self) -> &[Call<Input, Output>] {
        &self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(client: u32, called_at: u64, returned_at: Option<u64>) -> Call<(), ()> {
        Call {
            client: ClientId(client),
            called_at,
            input: (),
            returned: returned_at.map(|at| (at, ())),
        }
    }

    #[test]
    fn calls_are_put_in_order() {
        let history = History::new(vec![call(1, 5, Some(9)), call(2, 3, None)]);
        let order: Vec<_> = history
            .expect("two clients may overlap")
            .calls()
            .iter()
            .map(|call| call.client)
            .collect();
        assert_eq!(order, [ClientId(2), ClientId(1)]);
    }

    #[test]
    fn a_client_does_one_thing_at_a_time() {
        let overlapping = vec![call(1, 0, Some(5)), call(1, 4, Some(6))];
        assert_eq!(
            History::new(overlapping),
            Err(NotAHistory::OverlapsItsClient(1))
        );
        let after_pending = vec![call(1, 0, None), call(1, 4, Some(6))];
        assert_eq!(
            History::new(after_pending),
            Err(NotAHistory::OverlapsItsClient(1))
        );
        assert_eq!(
            History::new(vec![call(1, 5, Some(4))]),
            Err(NotAHistory::ReturnsBeforeItsCall(0))
        );
    }
}
