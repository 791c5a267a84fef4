//! A history, taken apart by key.

use std::collections::BTreeMap;

use super::specification::Specification;
use crate::history::{History, OperationIndex};

/// The operations of one key, in the order of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition<Key> {
    /// The key.
    pub key: Key,
    /// Places in the history.
    pub members: Vec<OperationIndex>,
}

/// Takes a history apart, by the order of keys. Operations under different
/// keys never meet, and linearizability is local (Herlihy and Wing 1990): the
/// whole is linearizable if and only if each part is.
pub fn partitions<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
) -> Vec<Partition<S::Key>> {
    let mut parts = BTreeMap::<S::Key, Vec<OperationIndex>>::new();
    for (place, operation) in history.operations().iter().enumerate() {
        parts
            .entry(specification.key(&operation.input))
            .or_default()
            .push(OperationIndex(place as u32));
    }
    parts
        .into_iter()
        .map(|(key, members)| Partition { key, members })
        .collect()
}
