//! The states that the last step passed through, for invariants that compare replicas.

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use crate::raft::LogIndex;

/// The digest of the state after each entry that the last step applied.
///
/// It is derived and decides nothing: a replica never reads it, and clears it before the
/// next step. So all values are equal and add nothing to a hash: two replicas in the same
/// state are the same, whichever way they got there.
#[derive(Clone, Debug, Default)]
pub(super) struct Passed(Vec<(LogIndex, u64)>);

impl Passed {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn note(&mut self, index: LogIndex, digest: u64) {
        self.0.push((index, digest));
    }

    pub(super) fn states(&self) -> &[(LogIndex, u64)] {
        &self.0
    }
}

impl PartialEq for Passed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Passed {}

/// Equal values must have equal hashes, and all are equal.
impl Hash for Passed {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
