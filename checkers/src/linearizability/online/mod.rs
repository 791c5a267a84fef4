//! The same verdict while it happens: calls and answers in, and a refusal at
//! the first answer that nothing can explain.

mod configuration;
mod frontier;

use std::collections::BTreeMap;

use super::specification::Specification;
use crate::history::ClientId;
use frontier::Stuck;

pub use frontier::Frontier;

/// Judges a history event by event.
///
/// A value that can be kept, compared and ordered: what matters of the past,
/// and nothing else. Two histories with equal judges have the same future. When
/// nothing is open it holds a set of states for each key that was touched.
///
/// ```
/// use snowglobe_checkers::history::ClientId;
/// use snowglobe_checkers::linearizability::specifications::{
///     Register, RegisterInput, RegisterOutput,
/// };
/// use snowglobe_checkers::linearizability::{Online, OnlineError};
///
/// let register = Register { initial: 0 };
/// let mut judge = Online::new();
/// let (a, b) = (ClientId(0), ClientId(1));
/// judge.call(&register, a, RegisterInput::Write(1))?;
/// judge.answer(&register, a, &RegisterOutput::Written)?;
/// judge.call(&register, b, RegisterInput::Read)?;
/// let stale = judge.answer(&register, b, &RegisterOutput::Value(0));
/// assert_eq!(stale, Err(OnlineError::Illegal { client: b }));
/// # Ok::<(), OnlineError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Online<Key: Ord, State: Ord, Input> {
    /// Of each key whose object is not as it was at first.
    frontiers: BTreeMap<Key, Frontier<State, Input>>,
    /// What each busy client is busy with.
    busy: BTreeMap<ClientId, Key>,
    /// How many configurations one answer may lead through.
    limit: usize,
}

/// Why an event was not taken; the judge is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnlineError {
    /// The history ends here: this answer cannot be explained.
    #[error("the answer to {client} cannot be explained")]
    Illegal {
        /// Whose answer it is.
        client: ClientId,
    },
    /// Too much may have happened to keep it all.
    #[error("more than {limit} ways to explain the answer to {client}")]
    TooWide {
        /// Whose answer it is.
        client: ClientId,
        /// The limit.
        limit: usize,
    },
    /// An operation may have happened before its answer came, and what it did
    /// depends on that answer.
    #[error("what the open operation of {client} did depends on its answer")]
    Unforeseen {
        /// Whose operation it is.
        client: ClientId,
    },
    /// A client calls while it waits for an answer.
    #[error("{client} calls while its last operation is open")]
    Overlaps {
        /// The client.
        client: ClientId,
    },
    /// There is nothing to answer.
    #[error("{client} has no open call")]
    NothingOpen {
        /// The client.
        client: ClientId,
    },
}

impl<Key, State, Input> Default for Online<Key, State, Input>
where
    Key: Clone + Ord,
    State: Clone + Ord,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<Key, State, Input> Online<Key, State, Input>
where
    Key: Clone + Ord,
    State: Clone + Ord,
{
    /// How many configurations one answer may lead through, unless told otherwise.
    pub const DEFAULT_LIMIT: usize = 1 << 16;

    /// Nothing has happened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }

    /// Nothing has happened yet, and one answer may lead through so many configurations.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self {
            frontiers: BTreeMap::new(),
            busy: BTreeMap::new(),
            limit,
        }
    }

    /// A client calls.
    ///
    /// # Errors
    /// When its last operation is still open.
    pub fn call<S>(
        &mut self,
        specification: &S,
        client: ClientId,
        input: Input,
    ) -> Result<(), OnlineError>
    where
        S: Specification<Key = Key, State = State, Input = Input>,
    {
        if self.busy.contains_key(&client) {
            return Err(OnlineError::Overlaps { client });
        }
        let key = specification.key(&input);
        self.busy.insert(client, key.clone());
        self.frontiers
            .entry(key)
            .or_insert_with(|| Frontier::new(specification.initial()))
            .call(specification, client, input);
        Ok(())
    }

    /// Whether a client has asked and was not answered.
    #[must_use]
    pub fn waits(&self, client: ClientId) -> bool {
        self.busy.contains_key(&client)
    }

    /// A client is answered.
    ///
    /// # Errors
    /// When nothing can explain the answer: the history up to here is not
    /// linearizable. When there are too many ways to explain it, or one that
    /// depends on an answer that is still to come. When the client has asked nothing.
    pub fn answer<S>(
        &mut self,
        specification: &S,
        client: ClientId,
        output: &S::Output,
    ) -> Result<(), OnlineError>
    where
        S: Specification<Key = Key, State = State, Input = Input>,
    {
        let limit = self.limit;
        let (key, frontier) = self.frontier(client)?;
        frontier
            .answer(specification, client, output, limit)
            .map_err(|stuck| match stuck {
                Stuck::Illegal => OnlineError::Illegal { client },
                Stuck::TooWide => OnlineError::TooWide { client, limit },
                Stuck::Unforeseen(client) => OnlineError::Unforeseen { client },
            })?;
        self.close(specification, client, &key);
        Ok(())
    }

    /// A client will never be answered. Its operation may still happen; the client
    /// calls nothing more.
    ///
    /// # Errors
    /// When it has asked nothing.
    pub fn abandon<S>(&mut self, specification: &S, client: ClientId) -> Result<(), OnlineError>
    where
        S: Specification<Key = Key, State = State, Input = Input>,
    {
        let (key, frontier) = self.frontier(client)?;
        frontier.abandon(specification, client);
        self.close(specification, client, &key);
        Ok(())
    }

    /// What may be under a key, if anything has happened there.
    pub fn under(&self, key: &Key) -> Option<&Frontier<State, Input>> {
        self.frontiers.get(key)
    }

    /// How many configurations there are, under all keys.
    #[must_use]
    pub fn width(&self) -> usize {
        self.frontiers.values().map(Frontier::width).sum()
    }

    fn frontier(
        &mut self,
        client: ClientId,
    ) -> Result<(Key, &mut Frontier<State, Input>), OnlineError> {
        let key = self.busy.get(&client);
        let key = key.ok_or(OnlineError::NothingOpen { client })?;
        let frontier = self.frontiers.get_mut(key);
        let frontier = frontier.ok_or(OnlineError::NothingOpen { client })?;
        Ok((key.clone(), frontier))
    }

    fn close<S>(&mut self, specification: &S, client: ClientId, key: &Key)
    where
        S: Specification<Key = Key, State = State, Input = Input>,
    {
        self.busy.remove(&client);
        let untouched = self
            .frontiers
            .get(key)
            .is_some_and(|frontier| frontier.is_untouched(&specification.initial()));
        if untouched {
            self.frontiers.remove(key);
        }
    }
}
