//! The store: texts under keys.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::{self, Debug};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::raft::{self, LogIndex};
use crate::replica::StateMachine;

/// Names a value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(#[serde(with = "crate::text")] pub Arc<str>);

/// A text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Value(#[serde(with = "crate::text")] pub Arc<str>);

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}

/// Changes the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    /// Let the value be this.
    Put {
        /// Of this key.
        key: Key,
        /// The new value.
        value: Value,
    },
    /// Let the value be longer by this; a missing one is empty.
    Append {
        /// Of this key.
        key: Key,
        /// What comes after the old value.
        value: Value,
    },
    /// Let there be no value.
    Delete {
        /// Of this key.
        key: Key,
    },
    /// Let the value be `to` if it is `from`; a missing one is empty.
    Cas {
        /// Of this key.
        key: Key,
        /// What it must be.
        from: Value,
        /// What it is then.
        to: Value,
    },
}

impl Command {
    /// The key that it speaks of.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. }
            | Self::Append { key, .. }
            | Self::Delete { key }
            | Self::Cas { key, .. } => key,
        }
    }
}

impl raft::Command for Command {
    fn size(&self) -> usize {
        const TAG_AND_LENGTHS: usize = 5;
        let texts = match self {
            Self::Put { key, value } | Self::Append { key, value } => key.0.len() + value.0.len(),
            Self::Delete { key } => key.0.len(),
            Self::Cas { key, from, to } => key.0.len() + from.0.len() + to.0.len(),
        };
        TAG_AND_LENGTHS + texts
    }
}

/// What a change answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    /// To a put, an append or a delete: done.
    Done,
    /// To a compare-and-swap: it was `from`, and now is `to`.
    Swapped,
    /// To a compare-and-swap: it was not `from`, and stays.
    Kept,
}

/// Asks for a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Get {
    /// Of this key.
    pub key: Key,
}

/// The value, if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answer(pub Option<Value>);

/// Texts under keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Store {
    /// A key without a value is not in here; one with an empty value is.
    values: BTreeMap<Key, String>,
    /// The sum of the digests of all pairs, so that a change costs as much as
    /// what it changes, however much there is.
    digest: u64,
}

impl Store {
    /// The value of a key, if there is one.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// All keys with their values, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &str)> {
        self.values.iter().map(|(key, value)| (key, value.as_str()))
    }

    /// How many keys have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether no key has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn set(&mut self, key: &Key, value: Option<String>) {
        let old = match value {
            Some(value) => {
                self.digest = self.digest.wrapping_add(digest_of(key, &value));
                self.values.insert(key.clone(), value)
            }
            None => self.values.remove(key),
        };
        if let Some(old) = old {
            self.digest = self.digest.wrapping_sub(digest_of(key, &old));
        }
    }

    fn append(&mut self, key: &Key, more: &str) {
        if let Some(value) = self.values.get_mut(key) {
            let old = digest_of(key, value);
            value.push_str(more);
            let new = digest_of(key, value);
            self.digest = self.digest.wrapping_sub(old).wrapping_add(new);
        } else {
            self.set(key, Some(String::from(more)));
        }
    }
}

fn digest_of(key: &Key, value: &str) -> u64 {
    Digest::of(&(key, value))
}

impl StateMachine for Store {
    type Command = Command;
    type Response = Response;
    type Query = Get;
    type Answer = Answer;

    fn apply(&mut self, _: LogIndex, command: &Command) -> Response {
        match command {
            Command::Put { key, value } => self.set(key, Some(String::from(&*value.0))),
            Command::Append { key, value } => self.append(key, &value.0),
            Command::Delete { key } => self.set(key, None),
            Command::Cas { key, from, to } => {
                if self.get(key).unwrap_or_default() != &*from.0 {
                    return Response::Kept;
                }
                self.set(key, Some(String::from(&*to.0)));
                return Response::Swapped;
            }
        }
        Response::Done
    }

    fn query(&self, query: &Get) -> Answer {
        Answer(self.get(&query.key).map(Value::from))
    }

    fn digest(&self) -> u64 {
        self.digest
    }
}

/// Only the values are written: the digest follows from them.
impl Serialize for Store {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Store {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = BTreeMap::<Key, String>::deserialize(deserializer)?;
        let digest = values.iter().fold(0u64, |sum, (key, value)| {
            sum.wrapping_add(digest_of(key, value))
        });
        Ok(Self { values, digest })
    }
}
