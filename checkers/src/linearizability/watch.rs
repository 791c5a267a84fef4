//! A history judged now and then while it grows.
//!
//! [`Online`](super::Online) knows after every answer whether there is still a
//! way to explain it, and pays for not knowing the answers to come: where many
//! operations on one key overlap, that is far more than a search over what
//! is known costs. A watch keeps the operations and searches again whenever a
//! key has grown by half. So all its searches together look at no more than
//! three times as many operations as there are, and a wrong answer is found
//! before its key is half as long again, or 64 answers later where it is short.
//! [`explain`](super::explain) then says
//! which answer it was.

use std::collections::BTreeMap;

use super::budget::Budget;
use super::check::{Part, judge};
use super::cuts::Cuts;
use super::problem::Member;
use super::specification::Specification;
use super::verdict::Ended;
use crate::history::{ClientId, History, Moment, NotAHistory, Operation, OperationIndex};

/// How many answers of a key are waited for at least between two searches.
const PAUSE: usize = 64;

/// Judges a history while it grows.
///
/// ```
/// use snowglobe_checkers::history::{ClientId, Moment};
/// use snowglobe_checkers::linearizability::specifications::{Text, TextInput, TextOutput};
/// use snowglobe_checkers::linearizability::{Budget, Watch, WatchError};
///
/// let mut watch = Watch::<Text>::new();
/// let client = ClientId(0);
/// watch.call(&Text, client, Moment(1), TextInput::Append("a".into()))?;
/// watch.answer(&Text, client, Moment(2), TextOutput::Done, &Budget::DEFAULT)?;
/// watch.call(&Text, client, Moment(3), TextInput::Get)?;
/// let gone = TextOutput::Value("".into());
/// watch.answer(&Text, client, Moment(4), gone, &Budget::DEFAULT)?;
/// assert_eq!(
///     watch.look(&Text, &Budget::DEFAULT),
///     Err(WatchError::Illegal { key: () })
/// );
/// # Ok::<(), WatchError<()>>(())
/// ```
pub struct Watch<S: Specification> {
    parts: BTreeMap<S::Key, Watched<S>>,
    /// Of each busy client, the key it is busy with and where its operation stands.
    busy: BTreeMap<ClientId, (S::Key, usize)>,
    now: Moment,
}

/// The operations of one key.
struct Watched<S: Specification> {
    history: History<S::Input, S::Output>,
    /// How many were answered since the last search.
    fresh: usize,
    /// How many there were at the last search.
    judged: usize,
}

impl<S: Specification> Clone for Watch<S> {
    fn clone(&self) -> Self {
        Self {
            parts: self.parts.clone(),
            busy: self.busy.clone(),
            now: self.now,
        }
    }
}

impl<S: Specification> Clone for Watched<S> {
    fn clone(&self) -> Self {
        Self {
            history: self.history.clone(),
            fresh: self.fresh,
            judged: self.judged,
        }
    }
}

/// Why an event was not taken, or where the history ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError<Key> {
    /// The operations of this key cannot be put in order.
    #[error("the operations of a key cannot be put in order")]
    Illegal {
        /// The key.
        key: Key,
    },
    /// The budget ended before it was known.
    #[error("the budget ended before the operations of a key were put in order")]
    Unknown {
        /// The key.
        key: Key,
        /// Which budget.
        ended: Ended,
    },
    /// There is no such history.
    #[error(transparent)]
    NotAHistory(#[from] NotAHistory),
}

impl<S: Specification> Default for Watch<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Specification> Watch<S> {
    /// Nothing has happened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            parts: BTreeMap::new(),
            busy: BTreeMap::new(),
            now: Moment(0),
        }
    }

    /// A client calls. An operation that is never answered is pending; its
    /// client goes on under a new name.
    ///
    /// # Errors
    /// When its last operation is open, or the moment is past.
    pub fn call(
        &mut self,
        specification: &S,
        client: ClientId,
        at: Moment,
        input: S::Input,
    ) -> Result<(), WatchError<S::Key>> {
        self.pass(at)?;
        if let Some((key, place)) = self.busy.get(&client) {
            let busy_since = self.parts[key].history.operations()[*place].called;
            let called = at;
            return Err(NotAHistory::Overlaps {
                client,
                called,
                busy_since,
            }
            .into());
        }
        let key = specification.key(&input);
        let part = self.parts.entry(key.clone()).or_insert_with(|| Watched {
            history: History::default(),
            fresh: 0,
            judged: 0,
        });
        self.busy.insert(client, (key, part.history.len()));
        part.history.push(Operation {
            client,
            called: at,
            input,
            returned: None,
        });
        Ok(())
    }

    /// A client is answered.
    ///
    /// # Errors
    /// When a search was due and found no order, or did not end. When the
    /// client had asked nothing, or the moment is past.
    pub fn answer(
        &mut self,
        specification: &S,
        client: ClientId,
        at: Moment,
        output: S::Output,
        budget: &Budget<'_>,
    ) -> Result<(), WatchError<S::Key>> {
        self.pass(at)?;
        let Some((key, place)) = self.busy.remove(&client) else {
            return Err(NotAHistory::NothingOpen { client, at }.into());
        };
        let Some(part) = self.parts.get_mut(&key) else {
            return Err(NotAHistory::NothingOpen { client, at }.into());
        };
        part.history.answer(place, at, output);
        part.fresh += 1;
        if part.fresh < PAUSE.max(part.judged / 2) {
            return Ok(());
        }
        part.search(specification, &key, budget)
    }

    /// Searches now, under every key that has news. To be called when the history ends.
    ///
    /// # Errors
    /// When the operations of a key have no order, or the search did not end.
    pub fn look(
        &mut self,
        specification: &S,
        budget: &Budget<'_>,
    ) -> Result<(), WatchError<S::Key>> {
        for (key, part) in &mut self.parts {
            if part.fresh > 0 {
                part.search(specification, key, budget)?;
            }
        }
        Ok(())
    }

    /// The operations of a key.
    pub fn history(&self, key: &S::Key) -> Option<&History<S::Input, S::Output>> {
        self.parts.get(key).map(|part| &part.history)
    }

    /// The operations of all keys, by the moment of their call.
    #[must_use]
    pub fn whole(&self) -> History<S::Input, S::Output> {
        let parts = self.parts.values();
        let mut operations: Vec<_> = parts
            .flat_map(|part| part.history.operations())
            .cloned()
            .collect();
        operations.sort_by_key(|operation| operation.called);
        let mut history = History::default();
        for operation in operations {
            history.push(operation);
        }
        history
    }

    fn pass(&mut self, at: Moment) -> Result<(), NotAHistory> {
        let before = std::mem::replace(&mut self.now, at);
        if at < before {
            return Err(NotAHistory::TimeGoesBack { before, at });
        }
        Ok(())
    }
}

impl<S: Specification> Watched<S> {
    fn search(
        &mut self,
        specification: &S,
        key: &S::Key,
        budget: &Budget<'_>,
    ) -> Result<(), WatchError<S::Key>> {
        self.fresh = 0;
        self.judged = self.history.len();
        let members: Vec<_> = (0..self.history.len() as u32)
            .map(|place| Member {
                index: OperationIndex(place),
                weakened: false,
            })
            .collect();
        match judge(specification, &self.history, &members, Cuts::ALL, budget).part {
            Part::Legal(_) => Ok(()),
            Part::Illegal(_) => Err(WatchError::Illegal { key: key.clone() }),
            Part::Unknown { ended, .. } => Err(WatchError::Unknown {
                key: key.clone(),
                ended,
            }),
        }
    }
}
