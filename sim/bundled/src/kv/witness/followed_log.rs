//! The log as the witness follows it, with the values that it must lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use snowglobe_checkers::linearizability::Specification;
use snowglobe_checkers::linearizability::specifications::{Text, TextInput};
use snowglobe_systems::invariants::Violation;
use snowglobe_systems::kv::{Command, Key, Store, Value};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{Content, Entry, LogIndex};
use snowglobe_systems::replica::{Replica, Request, Sequence, SessionId};

use super::shortened;
use crate::users::{Changes, in_words, names_its_call};

/// Longer than any answer is on its way.
const REMEMBERED: usize = 10_000;

type Entries = [Entry<Request<Command>>];

/// Values and sessions by the specification, not by the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct FollowedLog {
    /// How far it was followed.
    end: LogIndex,
    /// The values after it.
    values: BTreeMap<Key, Arc<str>>,
    /// Keys whose value is to be taken from the next replica that gets there.
    unclear: BTreeSet<Key>,
    /// What led to the values.
    changes: Changes,
    /// The last write of each session.
    writes: BTreeMap<SessionId, Sequence>,
    /// Which write took effect where, for the last [`REMEMBERED`] of them.
    places: BTreeMap<LogIndex, (SessionId, Sequence)>,
    /// Nothing is known of places up to this one.
    forgotten: LogIndex,
    /// Where each appended value stands that names its call.
    appended: BTreeMap<(Key, Value), LogIndex>,
}

impl FollowedLog {
    /// How far it was followed.
    pub(super) fn end(&self) -> LogIndex {
        self.end
    }

    /// All that has ever changed a key; `None` where not all of it is known.
    pub(super) fn changes_of(&self, key: &Key) -> Option<&[TextInput]> {
        self.changes.of(key)
    }

    /// Whether it is known that a write did not take effect at a place.
    pub(super) fn is_not_at(&self, write: (SessionId, Sequence), place: LogIndex) -> bool {
        let known = self.forgotten < place && place <= self.end;
        known && self.places.get(&place) != Some(&write)
    }

    /// A write took effect here.
    pub(super) fn put_down(&mut self, write: (SessionId, Sequence)) {
        self.writes.insert(write.0, write.1);
        self.places.insert(self.end, write);
        if self.places.len() > REMEMBERED
            && let Some((place, _)) = self.places.pop_first()
        {
            self.forgotten = place;
        }
    }

    /// Follows what a replica has applied, and compares.
    pub(super) fn follow(
        &mut self,
        node: NodeId,
        replica: &Replica<Store>,
        entries: &Entries,
    ) -> Result<(), Violation> {
        let mut touched = BTreeSet::new();
        for entry in entries {
            self.end = self.end.next();
            if let Content::Command(request) = &entry.content {
                touched.extend(self.take(node, replica, request)?);
            }
        }
        touched
            .iter()
            .try_for_each(|key| self.compare(node, replica, key))
    }

    /// Nothing is known of what came before.
    pub(super) fn start_anew(&mut self, replica: &Replica<Store>) {
        let values = replica.machine().iter();
        self.values = values
            .map(|(key, value)| (key.clone(), value.into()))
            .collect();
        self.unclear.clear();
        self.changes.lose_all();
        let sessions = replica.sessions().iter();
        self.writes = sessions
            .filter_map(|(id, session)| Some((id, session.last_write.as_ref()?.sequence)))
            .collect();
        self.end = replica.raft().applied();
        self.places.clear();
        self.forgotten = self.end;
    }

    /// Takes a request in. The key that it may have touched.
    fn take(
        &mut self,
        node: NodeId,
        replica: &Replica<Store>,
        request: &Request<Command>,
    ) -> Result<Option<Key>, Violation> {
        let (session, sequence, command) = match request {
            Request::OpenSession { .. } => return Ok(None),
            Request::Write { command } => {
                self.apply(node, command)?;
                return Ok(Some(command.key().clone()));
            }
            Request::SessionWrite {
                session,
                sequence,
                command,
            } => (*session, *sequence, command),
        };
        let open = replica.sessions().get(session);
        let last = self.writes.get(&session).copied();
        if open.is_none_or(|session| session.used < self.end) {
            // The session may have gone before this write, or after it.
            self.unclear.insert(command.key().clone());
            self.places.insert(self.end, (session, sequence));
        } else if sequence > last.unwrap_or_default() {
            self.put_down((session, sequence));
            self.apply(node, command)?;
        }
        Ok(Some(command.key().clone()))
    }

    fn apply(&mut self, node: NodeId, command: &Command) -> Result<(), Violation> {
        let index = self.end;
        if let Command::Append { key, value } = command
            && names_its_call(&value.0)
        {
            let first = *self
                .appended
                .entry((key.clone(), value.clone()))
                .or_insert(index);
            if first != index {
                return Err(Violation::new(
                    "appended-once",
                    [node],
                    format!("it once, at {first}"),
                    format!("{node} applies append({key:?}, {value:?}) at {index}"),
                ));
            }
        }
        let before = self.values.get(command.key()).cloned();
        let state = before.unwrap_or_else(|| Text.initial());
        let words = in_words(command);
        if let Some(after) = Text.step(&state, &words, None) {
            if after != state {
                self.changes.push(command.key(), words);
            }
            self.values.insert(command.key().clone(), after);
        }
        Ok(())
    }

    fn compare(
        &mut self,
        node: NodeId,
        replica: &Replica<Store>,
        key: &Key,
    ) -> Result<(), Violation> {
        let found = replica.machine().get(key).unwrap_or_default();
        let is_unclear = self.unclear.remove(key);
        let value = self.values.get(key).cloned().unwrap_or_default();
        if found == &*value {
            return Ok(());
        }
        if is_unclear {
            self.changes.lose(key);
            self.values.insert(key.clone(), found.into());
            return Ok(());
        }
        Err(Violation::new(
            "state-follows-log",
            [node],
            format!("{:?}, as its log says", shortened(&value)),
            format!(
                "{node} has {key:?} = {:?} after {}",
                shortened(found),
                self.end
            ),
        ))
    }
}
