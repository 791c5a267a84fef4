//! At most one call in flight, and its sessions.

use super::group::Group;
use super::{Command, ShardSession};
use crate::kv::{self, Key};
use crate::process::InvocationId;
use crate::replica::{Sequence, SessionId};
use crate::service;
use crate::shardctrler::{GroupId, Shard};
use crate::vec_map::VecMap;

/// A call that is under way, and a session with each shard that it has written to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionSlot {
    /// The number is that of the last write.
    sessions: VecMap<Shard, (SessionId, Sequence)>,
    pub(super) pending: Option<PendingCall>,
}

/// A call that is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PendingCall {
    pub(super) invocation: InvocationId,
    pub(super) wanted: Wanted,
    pub(super) stage: Stage,
    /// The session and number of the write, kept across retries.
    named: Option<(ShardSession, Sequence)>,
    /// How many calls to groups it took.
    calls: u32,
    /// Which group was last asked for anything.
    pub(super) asked: Option<GroupId>,
    /// Which group was last asked for the write itself.
    written: Option<GroupId>,
    /// Whether the write was asked of one group and then of another.
    pub(super) moved: bool,
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    Write(kv::Command),
    Read(kv::Get),
}

/// The stage of a slot's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It waits for a group.
    Asking {
        /// Which group.
        group: GroupId,
        /// The call of the clerk for that group.
        call: InvocationId,
    },
    /// It backs off before it looks for the shard again.
    Resting,
}

impl Wanted {
    pub(super) fn of(operation: kv::Operation) -> Option<Self> {
        match operation {
            kv::Operation::Write(command) => Some(Self::Write(command)),
            kv::Operation::Read(query) => Some(Self::Read(query)),
            kv::Operation::TransferLeadership { .. } => None,
        }
    }

    pub(super) fn key(&self) -> &Key {
        match self {
            Self::Write(command) => command.key(),
            Self::Read(query) => &query.key,
        }
    }
}

/// A call of the clerk for a group is named by the client's call and a count:
/// an answer to an earlier one is then never taken for that to a later one. The
/// count lasts for a day of asking without rest; nothing is on its way for so long.
pub(super) const BITS_OF_COUNT: u32 = 24;

/// The call that a slot is to make of the group that owns the shard.
pub(super) struct GroupCall {
    pub(super) name: InvocationId,
    pub(super) operation: service::Operation<Group>,
}

impl SessionSlot {
    /// Takes a call on.
    pub(super) fn begin(&mut self, invocation: InvocationId, wanted: Wanted) {
        self.pending = Some(PendingCall {
            invocation,
            wanted,
            stage: Stage::Resting,
            named: None,
            calls: 0,
            asked: None,
            written: None,
            moved: false,
        });
    }

    /// What to ask of the group that owns the shard of its call.
    pub(super) fn ask(&mut self, shard: Shard, group: GroupId) -> Option<GroupCall> {
        let pending = self.pending.as_mut()?;
        let operation = match &pending.wanted {
            Wanted::Read(query) => service::Operation::Read(query.clone()),
            Wanted::Write(change) => {
                if pending.named.is_none()
                    && let Some((session, last)) = self.sessions.get_mut(&shard)
                {
                    last.0 += 1;
                    let session = *session;
                    pending.named = Some((ShardSession { shard, session }, *last));
                }
                service::Operation::Write(match pending.named {
                    None => Command::Open { shard },
                    Some((session, sequence)) => Command::Write {
                        session,
                        sequence,
                        change: change.clone(),
                    },
                })
            }
        };
        if pending.named.is_some() {
            pending.moved |= pending.written.is_some_and(|asked| asked != group);
            pending.written = Some(group);
        }
        pending.asked = Some(group);
        pending.calls = (pending.calls + 1) % (1 << BITS_OF_COUNT);
        let name = InvocationId(pending.invocation.0 << BITS_OF_COUNT | u64::from(pending.calls));
        pending.stage = Stage::Asking { group, call: name };
        Some(GroupCall { name, operation })
    }

    /// A session with a shard is open.
    pub(super) fn opened(&mut self, opened: ShardSession) {
        let ShardSession { shard, session } = opened;
        self.sessions.insert(shard, (session, Sequence(0)));
    }

    /// Lets all sessions go, unless a write is under way. Whether there were any.
    pub(super) fn let_go(&mut self) -> bool {
        let pending = self.pending.as_ref();
        let writes = pending.is_some_and(|pending| matches!(pending.wanted, Wanted::Write(_)));
        let lets_go = !writes && !self.sessions.is_empty();
        if lets_go {
            self.sessions.clear();
        }
        lets_go
    }

    /// The session with a shard has ended.
    pub(super) fn closed(&mut self, shard: Shard) {
        self.sessions.remove(&shard);
    }

    /// The group's clerk's call that it waits for.
    pub(super) fn waits_for(&self, call: InvocationId) -> bool {
        let stage = self.pending.as_ref().map(|pending| pending.stage);
        matches!(stage, Some(Stage::Asking { call: own, .. }) if own == call)
    }

    /// The call that is under way, and what it waits for.
    #[must_use]
    pub fn call(&self) -> Option<(InvocationId, Stage)> {
        let pending = self.pending.as_ref()?;
        Some((pending.invocation, pending.stage))
    }

    /// Its sessions, with the number of the last write of each.
    #[must_use]
    pub fn sessions(&self) -> &VecMap<Shard, (SessionId, Sequence)> {
        &self.sessions
    }
}
