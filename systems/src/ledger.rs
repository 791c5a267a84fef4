//! A small state machine that forgets almost everything and notices almost everything: for
//! testing Raft itself.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::raft::{Command, LogIndex};
use crate::renaming::NamesNobody;
use crate::replica::StateMachine;

/// How many of the last values a ledger shows.
pub const SHOWN: usize = 32;

/// Counts values, and chains them into one digest: two ledgers that ever took
/// different values, or in another order, never agree again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ledger {
    count: u64,
    /// Over all values so far and their indices.
    chain: u64,
    /// At most [`SHOWN`] values, the newest last.
    last: VecDeque<u64>,
}

/// Puts a value into the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The value.
    pub value: u64,
    /// Bytes that only make the command large.
    #[serde(with = "crate::bytes")]
    pub padding: Vec<u8>,
}

impl Record {
    /// A value that is made large by so many bytes.
    #[must_use]
    pub fn padded(value: u64, bytes: usize) -> Self {
        let padding = vec![0x5a; bytes];
        Self { value, padding }
    }
}

/// The place of a value among all values, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place(pub u64);

/// Asks how far the ledger got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Total;

/// How far a ledger got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Totals {
    /// How many values it took.
    pub count: u64,
    /// The digest over all of them in order.
    pub digest: u64,
}

impl Record {
    /// A record without padding.
    #[must_use]
    pub fn of(value: u64) -> Self {
        Self {
            value,
            padding: Vec::new(),
        }
    }
}

impl Command for Record {
    fn size(&self) -> usize {
        const VALUE_AND_LENGTH: usize = 11;
        VALUE_AND_LENGTH + self.padding.len()
    }
}

impl Ledger {
    /// How many values it took, and the digest over all of them.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals {
            count: self.count,
            digest: self.chain,
        }
    }

    /// The last values, at most [`SHOWN`], the newest last.
    pub fn last_values(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.last.iter().copied()
    }
}

impl NamesNobody for Record {}

impl NamesNobody for Ledger {}

impl StateMachine for Ledger {
    type Command = Record;
    type Response = Place;
    type Query = Total;
    type Answer = Totals;

    fn apply(&mut self, index: LogIndex, command: &Record) -> Place {
        let mut chain = Digest::new();
        chain.word(self.chain);
        chain.word(index.0);
        chain.word(command.value);
        self.chain = chain.value();
        self.count += 1;
        if self.last.len() == SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(command.value);
        Place(self.count)
    }

    fn query(&self, _: &Total) -> Totals {
        self.totals()
    }

    fn digest(&self) -> u64 {
        // The chain covers every value, so the count and the shown ones add nothing.
        self.chain
    }
}
