//! One shard: the values of its keys, and who has written what.

use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::Response;
use crate::digest::Digest;
use crate::kv::{self, Store};
use crate::raft::LogIndex;
use crate::replica::{LastWrite, Sequence, SessionId, Sessions, StateMachine, Verdict};
use crate::shardctrler::Shard;
use crate::short_names::debug_as_display;

/// How many sessions a shard keeps; a further one makes the least recently used
/// one go.
pub const MOST_SESSIONS: usize = 1000;

/// Names a session; prints as `sh3.s7`. A shard names its sessions by a count of its
/// own, so the name alone may be that of a session with another shard, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardSession {
    /// With which shard.
    pub shard: Shard,
    /// Its name there.
    pub session: SessionId,
}

impl fmt::Display for ShardSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.shard, self.session)
    }
}

debug_as_display!(ShardSession);

/// What moves from group to group: values, sessions, and the count of what it took.
///
/// A shard is a small replicated machine of its own. It counts the entries
/// that it took wherever it was, and names its sessions by that count, so that
/// a write that is repeated at its next owner is known there (exactly once,
/// dissertation 6.3, over groups).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ShardState {
    store: Store,
    /// A write's result is where it was applied, and the store's answer.
    sessions: Sessions<(LogIndex, kv::Response)>,
    /// How many entries it took. Never goes back, not even over a move.
    index: LogIndex,
}

impl ShardState {
    /// Opens a session.
    pub(super) fn open(&mut self) -> SessionId {
        self.index = self.index.next();
        self.sessions.open(self.index, MOST_SESSIONS);
        SessionId(self.index)
    }

    /// Takes a write, and applies it if it is new.
    pub(super) fn write(
        &mut self,
        session: SessionId,
        sequence: Sequence,
        change: &kv::Command,
    ) -> Response {
        self.index = self.index.next();
        match self.sessions.judge(session, sequence, self.index) {
            Verdict::New => {
                let response = self.store.apply(self.index, change);
                let result = (self.index, response);
                self.sessions
                    .record(session, LastWrite { sequence, result });
                Response::Done {
                    response,
                    again: false,
                }
            }
            Verdict::Duplicate(last) => Response::Done {
                response: last.result.1,
                again: true,
            },
            Verdict::Stale => Response::Stale,
            Verdict::Expired => Response::Expired,
        }
    }

    /// The values.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The sessions, with the place of each one's last write.
    #[must_use]
    pub fn sessions(&self) -> &Sessions<(LogIndex, kv::Response)> {
        &self.sessions
    }

    /// How many entries it took.
    #[must_use]
    pub fn index(&self) -> LogIndex {
        self.index
    }

    /// A digest, at no cost.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        digest.word(self.store.digest());
        digest.word(self.sessions.digest());
        digest.word(self.index.0);
        digest.value()
    }

    /// About how many bytes it takes when encoded.
    #[must_use]
    pub fn size(&self) -> usize {
        const LENGTHS: usize = 4;
        const SESSION: usize = 12;
        let texts = self.store.iter();
        let texts = texts.map(|(key, value)| LENGTHS + key.0.len() + value.len());
        texts.sum::<usize>() + SESSION * self.sessions.len()
    }
}

/// A shard on its way, or about to leave. Nothing changes it any more.
pub(super) type Frozen = Arc<ShardState>;
