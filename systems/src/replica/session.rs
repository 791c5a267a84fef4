//! Client sessions: a write that is sent again is applied once (dissertation, 6.3).

use core::fmt::{self, Debug, Display};
use core::hash::Hash;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::raft::{LogId, LogIndex};
use crate::short_names::debug_as_display;
use crate::vec_map::VecMap;

/// Names a session by the index of the entry that opened it; prints as `s5`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub LogIndex);

/// Numbers the writes of a session, ascending; prints as `#2`. The client may
/// have one write under way at a time.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sequence(pub u64);

impl Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0.0)
    }
}

impl Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

debug_as_display!(SessionId, Sequence);

/// How long sessions live. It is the same on all replicas because it is in the
/// log: each entry that opens a session says it, and it holds from there on.
/// Judged by the configuration of a node, a log that is replayed under another
/// one would come to another state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionLimits {
    /// The most open at a time; a further one evicts the least recently used, as many
    /// as are too many. At least 1 wherever a session was opened.
    pub most: u64,
    /// A session ends that no entry has named in this many.
    pub idle_entries: Option<u64>,
}

/// The last write of a session, with what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LastWrite<R> {
    /// Its number.
    pub sequence: Sequence,
    /// What a repetition is answered with.
    pub result: R,
}

/// What came of a write that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Applied<R> {
    /// Where it was applied.
    pub log_id: LogId,
    /// What the machine answered.
    pub response: R,
}

/// One client's session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session<R> {
    /// The last entry that named it.
    pub used: LogIndex,
    /// Its last write, if it has written.
    pub last_write: Option<LastWrite<R>>,
}

/// All sessions. Decided by the log alone, so that all replicas agree on them at each
/// index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sessions<R> {
    by_id: VecMap<SessionId, Session<R>>,
    /// Every session once, by its last use: the first is the next to go.
    by_use: VecMap<LogIndex, SessionId>,
    /// The sum of the digests of all sessions, so that one that changes costs
    /// as much as one, however many there are.
    digest: u64,
}

/// A session's verdict on a write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict<'a, R> {
    /// It is new: apply it.
    New,
    /// It was applied before; this was the answer.
    Duplicate(&'a LastWrite<R>),
    /// A later write of the session was applied, so nobody waits for this one any more.
    Stale,
    /// There is no such session (any more), so it is unknown whether the write was applied
    /// before.
    Expired,
}

impl<R> Default for Sessions<R> {
    fn default() -> Self {
        Self {
            by_id: VecMap::new(),
            by_use: VecMap::new(),
            digest: 0,
        }
    }
}

fn digest_of<R: Hash>(id: SessionId, session: &Session<R>) -> u64 {
    Digest::of(&(id, session))
}

impl<R: Hash> Sessions<R> {
    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: SessionId) -> Option<&Session<R>> {
        self.by_id.get(&id)
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &Session<R>)> {
        self.by_id.iter().map(|(id, session)| (*id, session))
    }

    /// Ends the sessions that nobody has used in the last `idle` entries before
    /// an index. How many there were.
    pub(crate) fn expire(&mut self, index: LogIndex, idle: usize) -> usize {
        let mut ended = 0;
        while let Some((used, id)) = self.by_use.first_key_value().map(|(used, id)| (*used, *id))
            && index.since(used) > idle
        {
            self.by_use.remove(&used);
            self.end(id);
            ended += 1;
        }
        ended
    }

    fn end(&mut self, id: SessionId) {
        let session = self.by_id.remove(&id).expect("each use names a session");
        self.digest = self.digest.wrapping_sub(digest_of(id, &session));
    }

    /// The sessions that entries after an index named.
    pub fn used_since(&self, index: LogIndex) -> impl Iterator<Item = (SessionId, &Session<R>)> {
        self.by_use
            .range(index.next()..)
            .filter_map(|(_, id)| Some((*id, self.by_id.get(id)?)))
    }

    /// Opens a session at an index. How many had to make room: more than one, if
    /// fewer may be open than when the last was opened.
    pub(crate) fn open(&mut self, index: LogIndex, most: usize) -> usize {
        let mut evicted = 0;
        while self.by_id.len() >= most
            && let Some((_, id)) = self.by_use.pop_first()
        {
            self.end(id);
            evicted += 1;
        }
        let id = SessionId(index);
        let session = Session {
            used: index,
            last_write: None,
        };
        self.digest = self.digest.wrapping_add(digest_of(id, &session));
        self.by_id.insert(id, session);
        self.by_use.insert(index, SessionId(index));
        evicted
    }

    /// Judges a write that arrived in the log at an index, and notes that its session is in use.
    pub(crate) fn judge(
        &mut self,
        id: SessionId,
        sequence: Sequence,
        index: LogIndex,
    ) -> Verdict<'_, R> {
        let Some(session) = self.by_id.get_mut(&id) else {
            return Verdict::Expired;
        };
        self.by_use.remove(&session.used);
        self.by_use.insert(index, id);
        self.digest = self.digest.wrapping_sub(digest_of(id, session));
        session.used = index;
        self.digest = self.digest.wrapping_add(digest_of(id, session));
        match &session.last_write {
            Some(last) if sequence == last.sequence => Verdict::Duplicate(last),
            Some(last) if sequence < last.sequence => Verdict::Stale,
            _ => Verdict::New,
        }
    }

    /// The verdict of the log on a repeated write, judged after the entry at an index and
    /// without a new entry; `None` if the log has yet to decide.
    pub(crate) fn recall(
        &self,
        id: SessionId,
        sequence: Sequence,
        applied: LogIndex,
    ) -> Option<Verdict<'_, R>> {
        let Some(session) = self.by_id.get(&id) else {
            return (id.0 <= applied).then_some(Verdict::Expired);
        };
        match session.last_write.as_ref()? {
            last if sequence == last.sequence => Some(Verdict::Duplicate(last)),
            last if sequence < last.sequence => Some(Verdict::Stale),
            _ => None,
        }
    }

    /// Keeps the answer of a session's newest write.
    ///
    /// # Panics
    /// If the session was not judged just before.
    pub(crate) fn record(&mut self, id: SessionId, write: LastWrite<R>) {
        let session = self.by_id.get_mut(&id).expect("a judged session is open");
        self.digest = self.digest.wrapping_sub(digest_of(id, session));
        session.last_write = Some(write);
        self.digest = self.digest.wrapping_add(digest_of(id, session));
    }

    /// A digest of all sessions, at no cost.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }
}

/// Only `by_id` is written: the rest follows from it.
impl<R: Serialize> Serialize for Sessions<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_id.serialize(serializer)
    }
}

impl<'de, R: DeserializeOwned + Hash> Deserialize<'de> for Sessions<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let by_id = VecMap::<SessionId, Session<R>>::deserialize(deserializer)?;
        let by_use = by_id
            .iter()
            .map(|(id, session)| (session.used, *id))
            .collect();
        let digest = by_id.iter().fold(0u64, |sum, (id, session)| {
            sum.wrapping_add(digest_of(*id, session))
        });
        Ok(Self {
            by_id,
            by_use,
            digest,
        })
    }
}
