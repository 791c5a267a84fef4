//! The step of one node, whatever the others do.
//!
//! What a process does depends on its own state and on its input, so each
//! pair of these is worked out once, however many states of the world it occurs
//! in. There are few of them: some ten thousand in a world of millions of states.
//! Found by their digests, they are compared in full.

mod step;
mod values;

use std::hash::{Hash, Hasher};
use std::sync::{Arc, RwLock};

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::{InvocationId, NodeId, Process};

pub(super) use self::step::{Answer, LocalStep};
pub(super) use self::values::Values;
use super::state::Member;
use super::{Setting, Shared};

/// What makes one node take a step, without the world around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause<P: Process> {
    /// It boots, for the first time or after a crash.
    Start,
    /// It goes down between two steps.
    Crash,
    /// A message arrives.
    Receive(NodeId, Shared<P::Message>),
    /// A timer fires.
    Timeout(P::Timer),
    /// A client calls.
    Invoke(InvocationId, P::Operation),
}

impl<P: Process> Hash for Cause<P> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match self {
            Self::Start => hasher.write_u64(0),
            Self::Crash => hasher.write_u64(1),
            Self::Receive(from, message) => {
                hasher.write_u64(1 << 8 | u64::from(from.0));
                hasher.write_u64(message.digest());
            }
            Self::Timeout(timer) => {
                hasher.write_u64(2);
                timer.hash(hasher);
            }
            Self::Invoke(invocation, operation) => {
                hasher.write_u64(3);
                hasher.write_u64(invocation.0);
                operation.hash(hasher);
            }
        }
    }
}

/// The tables are split, so that threads seldom wait for each other.
const SHARDS: usize = 64;

type Table<P> = RwLock<HashTable<(u64, Arc<LocalStep<P>>)>>;

/// All steps that were worked out so far.
pub(super) struct LocalSteps<P: Process> {
    tables: Vec<Table<P>>,
    pub(super) values: Values<P>,
}

impl<P: Process> Default for LocalSteps<P> {
    fn default() -> Self {
        Self {
            tables: (0..SHARDS).map(|_| RwLock::default()).collect(),
            values: Values::default(),
        }
    }
}

impl<P: Process> LocalSteps<P> {
    /// The step of a node, which chooses so.
    pub(super) fn get<S: Setting<Process = P>>(
        &self,
        setting: &S,
        node: NodeId,
        before: &Shared<Member<P>>,
        cause: Cause<P>,
        choices: &[u32],
    ) -> Arc<LocalStep<P>> {
        let mut key = Digest::new();
        key.word(before.digest());
        key.word(u64::from(node.0));
        cause.hash(&mut key);
        choices.hash(&mut key);
        let key = key.value();
        let table = &self.tables[key as usize % SHARDS];
        let find = |table: &HashTable<(u64, Arc<LocalStep<P>>)>, cause: &Cause<P>| {
            let found = table.find(key, |(known, step)| {
                let is_same = step.before == *before && step.cause == *cause;
                *known == key && step.node == node && is_same && step.choices == choices
            });
            found.map(|(_, step)| Arc::clone(step))
        };
        let known = find(
            &table.read().expect("no step is worked out under the lock"),
            &cause,
        );
        if let Some(step) = known {
            return step;
        }
        let step = LocalStep::of(setting, &self.values, node, before, cause, choices);
        let step = Arc::new(step);
        let mut table = table.write().expect("no step is worked out under the lock");
        // Another thread may have been faster; then its step is the one that counts.
        if let Some(step) = find(&table, &step.cause) {
            return step;
        }
        table.insert_unique(key, (key, Arc::clone(&step)), |(key, _)| *key);
        step
    }

    /// Whether a step changes nothing. It is not remembered.
    pub(super) fn is_idle<S: Setting<Process = P>>(
        &self,
        setting: &S,
        node: NodeId,
        before: &Shared<Member<P>>,
        cause: Cause<P>,
    ) -> bool {
        LocalStep::of(setting, &self.values, node, before, cause, &[]).is_idle
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        let tables = self.tables.iter();
        tables
            .map(|table| table.read().map_or(0, |table| table.len()))
            .sum()
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<LocalStep<P>>> {
        let mut all = Vec::with_capacity(self.len());
        for table in &self.tables {
            let table = table.read().expect("no step is worked out under the lock");
            all.extend(table.iter().map(|(_, step)| Arc::clone(step)));
        }
        all
    }
}
