//! A value that counts how often it was put.

use std::fmt::Debug;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::linearizability::specification::{Claims, Leaves, Legal, Specification};

/// A value with a version, put only by those who know the version: one key of
/// a store such as etcd, or the key/value server of MIT's course.
///
/// Accepts `Get` answered by `Value { value, version }`; and `Put { value,
/// expected }` answered by `Done`, which says that the version was `expected` and
/// is one more now, or by `WrongVersion`, which says that it was another one.
/// Version 0 was never put. The version after the highest is 0.
///
/// A put without an answer put the value if the version was right when it happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versioned<V> {
    /// The value of version 0.
    pub initial: V,
}

/// A value, and how often it was put before.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionedValue<V> {
    /// The number of puts.
    pub version: u64,
    /// What the last of them put.
    pub value: V,
}

/// What such a value can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum VersionedInput<V> {
    /// What is it, and of which version?
    Get,
    /// Let it be this if it is of that version.
    Put {
        /// What it shall be.
        value: V,
        /// The version that it must be of.
        expected: u64,
    },
}

/// What such a value answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum VersionedOutput<V> {
    /// To a get: what it is.
    Value {
        /// The value.
        value: V,
        /// Its version.
        version: u64,
    },
    /// To a put: the version was right, and is one more now.
    Done,
    /// To a put: the version was not right; nothing changed.
    WrongVersion,
}

impl<V: Clone> VersionedValue<V> {
    /// What a put leaves where it was right about the version.
    fn after_put(value: &V, expected: u64) -> Self {
        Self {
            version: expected.wrapping_add(1),
            value: value.clone(),
        }
    }
}

impl<V: Clone + Eq + Ord + Hash + Debug> Specification for Versioned<V> {
    type State = VersionedValue<V>;
    type Input = VersionedInput<V>;
    type Output = VersionedOutput<V>;
    type Key = ();
    type Next = Option<VersionedValue<V>>;

    fn initial(&self) -> VersionedValue<V> {
        VersionedValue {
            version: 0,
            value: self.initial.clone(),
        }
    }

    fn key(&self, _: &VersionedInput<V>) {}

    fn step(
        &self,
        state: &VersionedValue<V>,
        input: &VersionedInput<V>,
        output: Option<&VersionedOutput<V>>,
    ) -> Option<VersionedValue<V>> {
        use VersionedOutput::{Done, Value, WrongVersion};
        match (input, output) {
            (VersionedInput::Get, None) => Some(state.clone()),
            (VersionedInput::Get, Some(Value { value, version })) => {
                (*value == state.value && *version == state.version).then(|| state.clone())
            }
            (VersionedInput::Put { value, expected }, output) => {
                let right = *expected == state.version;
                match output {
                    None | Some(Done) if right => Some(VersionedValue::after_put(value, *expected)),
                    None | Some(WrongVersion) if !right => Some(state.clone()),
                    _ => None,
                }
            }
            // An answer that belongs to another question.
            (VersionedInput::Get, Some(Done | WrongVersion)) => None,
        }
    }

    fn claims(
        &self,
        input: &VersionedInput<V>,
        output: Option<&VersionedOutput<V>>,
    ) -> Claims<VersionedValue<V>> {
        use VersionedOutput::{Done, Value, WrongVersion};
        match (input, output) {
            (VersionedInput::Get, None) => Claims::new(Legal::Everywhere, Leaves::Same),
            (VersionedInput::Get, Some(Value { value, version })) => {
                let seen = VersionedValue {
                    version: *version,
                    value: value.clone(),
                };
                Claims::new(Legal::OnlyIn(seen), Leaves::Same)
            }
            (VersionedInput::Put { .. }, None) => Claims::new(Legal::Everywhere, Leaves::Depends),
            (VersionedInput::Put { value, expected }, Some(Done)) => {
                let put = VersionedValue::after_put(value, *expected);
                Claims::new(Legal::Depends, Leaves::Fixed(put))
            }
            (VersionedInput::Put { .. }, Some(WrongVersion)) => {
                Claims::new(Legal::Depends, Leaves::Same)
            }
            _ => Claims::NONE,
        }
    }

    fn describe_operation(
        &self,
        input: &VersionedInput<V>,
        output: Option<&VersionedOutput<V>>,
    ) -> String {
        let asked = match input {
            VersionedInput::Get => "get()".to_owned(),
            VersionedInput::Put { value, expected } => {
                format!("put({value:?}, version {expected})")
            }
        };
        match output {
            Some(VersionedOutput::Value { value, version }) => {
                format!("{asked} -> {value:?}, version {version}")
            }
            Some(VersionedOutput::WrongVersion) => format!("{asked} -> wrong version"),
            Some(VersionedOutput::Done) => format!("{asked} -> done"),
            None => asked,
        }
    }

    fn describe_state(&self, state: &VersionedValue<V>) -> String {
        format!("{:?}, version {}", state.value, state.version)
    }
}
