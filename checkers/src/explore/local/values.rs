//! The states of nodes and the messages that were ever met, each once.

use std::hash::Hash;
use std::sync::RwLock;

use hashbrown::HashTable;
use snowglobe_systems::process::Process;

use super::super::Shared;
use super::super::state::Member;

/// Everything that was met, so that equal values are one, and to compare two of
/// them is to look where they are.
pub(in super::super) struct Values<P: Process> {
    members: Known<Member<P>>,
    messages: Known<P::Message>,
}

type Known<T> = RwLock<HashTable<Shared<T>>>;

impl<P: Process> Default for Values<P> {
    fn default() -> Self {
        Self {
            members: Known::default(),
            messages: Known::default(),
        }
    }
}

impl<P: Process> Values<P> {
    /// The state of a node.
    pub(in super::super) fn member(&self, member: &Shared<Member<P>>) -> Shared<Member<P>> {
        known(&self.members, member)
    }

    /// What a node says to another.
    pub(in super::super) fn message(&self, message: P::Message) -> Shared<P::Message> {
        known(&self.messages, &Shared::new(message))
    }
}

fn known<T: Hash + Eq>(table: &Known<T>, value: &Shared<T>) -> Shared<T> {
    let digest = value.digest();
    let mut table = table.write().expect("only filled under the lock");
    if let Some(known) = table.find(digest, |known| known == value) {
        return known.clone();
    }
    table.insert_unique(digest, value.clone(), Shared::digest);
    value.clone()
}
