//! Histories: who called what when, and what came back.
//!
//! The material of every judge that looks at a system from outside. A history
//! is a value; [`Recorder`] builds one from events as they happen. Histories are
//! read from files in the formats that [`Format`] lists: [`json_lines`] is the
//! native one, and the only one that is written too; [`jepsen`] reads those of other testers.

mod edn;
mod events;
mod format;
pub mod jepsen;
pub mod json_lines;
mod lines;
mod malformed;
mod recorder;
mod subject;
mod value;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use events::{Event, Happening};
pub use format::{Format, UnknownFormat};
pub use malformed::{Malformed, ReadError};
pub use recorder::Recorder;
pub use subject::{NoSubject, Subject};
pub use value::Value;

/// The client that called; prints as `c3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(pub u32);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// A point in a history's time. Only the order of moments matters: they may be
/// nanoseconds since the start of a run, or positions in a log of events.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Where an operation stands in its history, counted from 0 in the order of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationIndex(pub u32);

impl OperationIndex {
    /// The same number, to index with.
    #[must_use]
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

/// One operation of one client.
///
/// It took effect, if at all, at one moment from its call to its return, both
/// included: two operations of which one returns at the very moment at which
/// the other is called are concurrent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Operation<Input, Output> {
    /// Who called.
    pub client: ClientId,
    /// When.
    pub called: Moment,
    /// What was asked.
    pub input: Input,
    /// When the answer came, and what it was. `None` for a *pending* operation:
    /// it may have happened, at any time after the call, or not at all.
    pub returned: Option<(Moment, Output)>,
}

impl<Input, Output> Operation<Input, Output> {
    /// The answer, if one came.
    pub fn output(&self) -> Option<&Output> {
        self.returned.as_ref().map(|(_, output)| output)
    }

    /// When the answer came, if it did.
    pub fn returned_at(&self) -> Option<Moment> {
        self.returned.as_ref().map(|(at, _)| *at)
    }
}

/// Why a list of operations, or of events, is no history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAHistory {
    /// An operation ended before it began.
    #[error("{client} returns at {returned}, before its call at {called}")]
    ReturnsBeforeItsCall {
        /// Whose operation it is.
        client: ClientId,
        /// When it was called.
        called: Moment,
        /// When it is said to have returned.
        returned: Moment,
    },
    /// A client had two operations at a time.
    #[error(
        "{client} calls at {called} while its operation called at {busy_since} is still open; \
         after an operation without an answer a client goes on under a new name"
    )]
    Overlaps {
        /// Whose operations they are.
        client: ClientId,
        /// When the second one was called.
        called: Moment,
        /// When the first one was called.
        busy_since: Moment,
    },
    /// An answer came to a client that had asked nothing.
    #[error("{client} has no open call to end at {at}")]
    NothingOpen {
        /// The client.
        client: ClientId,
        /// When the answer came.
        at: Moment,
    },
    /// An event is older than the one before it.
    #[error("time goes back from {before} to {at}")]
    TimeGoesBack {
        /// The moment of the event before.
        before: Moment,
        /// The moment of this one.
        at: Moment,
    },
    /// There are more operations than can be numbered.
    #[error("more than {} operations", u32::MAX)]
    TooLong,
}

/// Operations in the order in which they were called, at most one at a time per client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct History<Input, Output> {
    /// Sorted by the moment of the call; equal moments stay in the order given.
    operations: Vec<Operation<Input, Output>>,
}

impl<Input, Output> Default for History<Input, Output> {
    fn default() -> Self {
        Self {
            operations: Vec::new(),
        }
    }
}

impl<Input, Output> History<Input, Output> {
    /// Puts operations in order. An operation that is known to have failed,
    /// that is, not to have happened, must be left out.
    ///
    /// # Errors
    /// When an operation returns before its call, or a client has two at a time.
    pub fn new(mut operations: Vec<Operation<Input, Output>>) -> Result<Self, NotAHistory> {
        if u32::try_from(operations.len()).is_err() {
            return Err(NotAHistory::TooLong);
        }
        operations.sort_by_key(|operation| operation.called);
        in_their_places(operations.iter()).map_err(|(_, error)| error)?;
        Ok(Self { operations })
    }

    /// Adds an operation that is called no earlier than all the others.
    pub(crate) fn push(&mut self, operation: Operation<Input, Output>) {
        self.operations.push(operation);
    }

    /// Answers the operation at this place.
    pub(crate) fn answer(&mut self, place: usize, at: Moment, output: Output) {
        self.operations[place].returned = Some((at, output));
    }

    /// The operations, by the moment of their call.
    #[must_use]
    pub fn operations(&self) -> &[Operation<Input, Output>] {
        &self.operations
    }

    /// The operation at this place.
    #[must_use]
    pub fn operation(&self, index: OperationIndex) -> &Operation<Input, Output> {
        &self.operations[index.place()]
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether nothing was ever called.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

/// Whether operations in the order of their calls are a history; otherwise the
/// place of the first that makes them none.
fn in_their_places<'a, Input: 'a, Output: 'a>(
    operations: impl Iterator<Item = &'a Operation<Input, Output>>,
) -> Result<(), (usize, NotAHistory)> {
    // For each client, its last call and when that ends.
    let mut busy = BTreeMap::<ClientId, (Moment, Option<Moment>)>::new();
    for (place, operation) in operations.enumerate() {
        let (client, called) = (operation.client, operation.called);
        let returned = operation.returned_at();
        if let Some(returned) = returned
            && returned < called
        {
            let error = NotAHistory::ReturnsBeforeItsCall {
                client,
                called,
                returned,
            };
            return Err((place, error));
        }
        if let Some((busy_since, until)) = busy.insert(client, (called, returned))
            && until.is_none_or(|until| until > called)
        {
            let error = NotAHistory::Overlaps {
                client,
                called,
                busy_since,
            };
            return Err((place, error));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(client: u32, called: u64, returned: Option<u64>) -> Operation<(), ()> {
        Operation {
            client: ClientId(client),
            called: Moment(called),
            input: (),
            returned: returned.map(|at| (Moment(at), ())),
        }
    }

    #[test]
    fn operations_are_put_in_order() {
        let history = History::new(vec![operation(1, 5, Some(9)), operation(2, 3, None)]);
        let order: Vec<_> = history
            .expect("two clients may overlap")
            .operations()
            .iter()
            .map(|operation| operation.client)
            .collect();
        assert_eq!(order, [ClientId(2), ClientId(1)]);
    }

    #[test]
    fn a_client_does_one_thing_at_a_time() {
        let overlap = Err(NotAHistory::Overlaps {
            client: ClientId(1),
            called: Moment(4),
            busy_since: Moment(0),
        });
        let second = operation(1, 4, Some(6));
        assert_eq!(
            History::new(vec![operation(1, 0, Some(5)), second.clone()]),
            overlap
        );
        assert_eq!(
            History::new(vec![operation(1, 0, None), second.clone()]),
            overlap
        );
        assert!(History::new(vec![operation(1, 0, Some(4)), second]).is_ok());
    }

    #[test]
    fn nothing_returns_before_its_call() {
        assert!(matches!(
            History::new(vec![operation(1, 5, Some(4))]),
            Err(NotAHistory::ReturnsBeforeItsCall { .. })
        ));
    }
}
