//! A replicated state machine: Raft, client sessions and snapshots around any
//! [`StateMachine`].

mod api;
mod host;
mod machine;
mod renaming;
mod session;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::time::Duration;

pub use api::{Operation, Outcome, Request};
pub use machine::StateMachine;
pub use session::{Applied, LastWrite, Sequence, Session, SessionId, Sessions, Verdict};

use crate::process::{Effects, Input, InvocationId, NodeId, Process};
use crate::raft::{
    self, Content, Entry, Event, LogIndex, Position, Raft, ReadId, Timer, TransferError, Voters,
    marks,
};

/// What a replica knows before it starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// All nodes of the cluster.
    pub voters: Voters,
    /// The tuning of Raft.
    pub raft: raft::Config,
    /// The most sessions open at a time; a further one evicts the least
    /// recently used. At least 1, and the same on all nodes.
    pub max_sessions: usize,
    /// A session ends that no write has named in this many entries of the log;
    /// time has no part in it, since nodes do not agree on time. The same on all nodes.
    pub session_idle_entries: Option<usize>,
    /// Take a snapshot when the log holds more applied entries than this.
    pub snapshot_after_entries: Option<usize>,
    /// Take a snapshot when the log holds more bytes than this.
    pub snapshot_after_bytes: Option<usize>,
}

impl Config {
    /// A cluster of the nodes `n1` to `n<count>` with Raft's default tuning,
    /// 1,000 sessions that never idle, and no snapshots.
    ///
    /// # Panics
    /// If `count` is not between 1 and [`raft::MAX_VOTERS`].
    #[must_use]
    pub fn of(count: usize) -> Self {
        Self {
            voters: Voters::first(count),
            raft: raft::Config::default(),
            max_sessions: 1000,
            session_idle_entries: None,
            snapshot_after_entries: None,
            snapshot_after_bytes: None,
        }
    }
}

/// The part of the configuration that a replica needs after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Limits {
    max_sessions: usize,
    session_idle_entries: Option<usize>,
    snapshot_after_entries: Option<usize>,
    snapshot_after_bytes: Option<usize>,
}

/// A proposal of this node's whose entry is not yet applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PendingWrite {
    position: Position,
    invocation: InvocationId,
}

/// A read of this node's that is not yet confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PendingRead<Q> {
    read: ReadId,
    invocation: InvocationId,
    query: Q,
}

/// One node of a replicated state machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replica<M: StateMachine> {
    limits: Limits,
    raft: Raft<Request<M::Command>>,
    /// The state after the entry at `raft.applied()`.
    machine: M,
    /// The sessions after the same entry.
    sessions: Sessions<Applied<M::Response>>,
    /// By ascending index. Empty unless the node leads.
    writes: VecDeque<PendingWrite>,
    /// In order of arrival. Empty unless the node leads.
    reads: VecDeque<PendingRead<M::Query>>,
}

impl<M: StateMachine> Process for Replica<M> {
    type Config = Config;
    type Message = raft::Message<Request<M::Command>>;
    type Timer = Timer;
    type Operation = Operation<M>;
    type Outcome = Outcome<M>;
    type Durable = raft::Durable<Request<M::Command>>;

    fn start(
        id: NodeId,
        config: &Config,
        durable: Self::Durable,
        effects: &mut Effects<Self>,
    ) -> Self {
        let raft = Raft::start(id, config.voters.clone(), &config.raft, durable, effects);
        let mut replica = Self {
            limits: Limits {
                max_sessions: config.max_sessions.max(1),
                session_idle_entries: config.session_idle_entries,
                snapshot_after_entries: config.snapshot_after_entries,
                snapshot_after_bytes: config.snapshot_after_bytes,
            },
            raft,
            machine: M::default(),
            sessions: Sessions::default(),
            writes: VecDeque::new(),
            reads: VecDeque::new(),
        };
        replica.take_events(effects);
        replica
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Receive { from, message } => self.raft.receive(from, message, effects),
            Input::Timeout(timer) => self.raft.timeout(timer, effects),
            Input::Invoke {
                invocation,
                operation,
            } => self.invoke(invocation, operation, effects),
        }
        self.take_events(effects);
        self.compact_if_long(effects);
    }

    fn delay(config: &Config, timer: Timer) -> Range<Duration> {
        config.raft.delay(timer)
    }
}

impl<M: StateMachine> Replica<M> {
    fn invoke(
        &mut self,
        invocation: InvocationId,
        operation: Operation<M>,
        effects: &mut Effects<Self>,
    ) {
        match operation {
            Operation::OpenSession => self.propose(invocation, Request::OpenSession, effects),
            Operation::Write {
                session: Some((session, sequence)),
                command,
            } => {
                let request = Request::SessionWrite {
                    session,
                    sequence,
                    command,
                };
                self.propose(invocation, request, effects);
            }
            Operation::Write {
                session: None,
                command,
            } => self.propose(invocation, Request::Write { command }, effects),
            Operation::Read { query } => match self.raft.read(effects) {
                Ok(read) => self.reads.push_back(PendingRead {
                    read,
                    invocation,
                    query,
                }),
                Err(error) => effects.reply(invocation, Outcome::NotLeader { hint: error.hint }),
            },
            Operation::TransferLeadership { to } => {
                let outcome = match self.raft.transfer(to, effects) {
                    Ok(()) => Outcome::TransferStarted,
                    Err(TransferError::NotLeader { hint }) => Outcome::NotLeader { hint },
                    Err(TransferError::NotAPeer | TransferError::Busy) => Outcome::TransferRefused,
                };
                effects.reply(invocation, outcome);
            }
        }
    }

    fn propose(
        &mut self,
        invocation: InvocationId,
        request: Request<M::Command>,
        effects: &mut Effects<Self>,
    ) {
        match self.raft.propose(request, effects) {
            Ok(position) => self.writes.push_back(PendingWrite {
                position,
                invocation,
            }),
            Err(error) => effects.reply(invocation, Outcome::NotLeader { hint: error.hint }),
        }
    }

    fn take_events(&mut self, effects: &mut Effects<Self>) {
        while let Some(event) = self.raft.poll() {
            match event {
                Event::Restore(snapshot) => self.restore(&snapshot),
                Event::Apply { index, entry } => self.apply(index, &entry, effects),
                Event::ReadReady(read) => self.answer_read(read, effects),
                Event::LostLeadership => self.give_up_pending(effects),
            }
        }
    }

    fn restore(&mut self, snapshot: &raft::Snapshot) {
        (self.machine, self.sessions) = postcard::from_bytes(&snapshot.data)
            .expect("a snapshot is what a replica of the same machine encoded");
    }

    fn apply(
        &mut self,
        index: LogIndex,
        entry: &Entry<Request<M::Command>>,
        effects: &mut Effects<Self>,
    ) {
        let outcome = match &entry.content {
            Content::Noop => None,
            Content::Command(request) => {
                let position = Position::new(index, entry.term);
                Some(self.apply_request(position, request, effects))
            }
        };
        // An index alone does not say whose entry won it: another leader may
        // have put its own there.
        while let Some(pending) = self
            .writes
            .pop_front_if(|write| write.position.index <= index)
        {
            let ours = pending.position == Position::new(index, entry.term);
            let outcome = outcome.clone().filter(|_| ours);
            effects.reply(pending.invocation, outcome.unwrap_or(Outcome::Unknown));
        }
    }

    /// Applies a request. Whether it is a duplicate is decided here and not
    /// at its proposal: two leaders may each have proposed it once.
    fn apply_request(
        &mut self,
        position: Position,
        request: &Request<M::Command>,
        effects: &mut Effects<Self>,
    ) -> Outcome<M> {
        let index = position.index;
        if let Some(idle) = self.limits.session_idle_entries
            && self.sessions.expire(index, idle) > 0
        {
            effects.mark(marks::SESSION_IDLED_OUT);
        }
        match request {
            Request::OpenSession => {
                if self
                    .sessions
                    .open(index, self.limits.max_sessions)
                    .is_some()
                {
                    effects.mark(marks::SESSION_EVICTED);
                }
                Outcome::SessionOpened {
                    session: SessionId(index),
                }
            }
            Request::Write { command } => Outcome::Written {
                index,
                term: position.term,
                response: self.machine.apply(index, command),
            },
            Request::SessionWrite {
                session,
                sequence,
                command,
            } => match self.sessions.judge(*session, *sequence, index) {
                Verdict::New => {
                    let result = Applied {
                        position,
                        response: self.machine.apply(index, command),
                    };
                    let write = LastWrite {
                        sequence: *sequence,
                        result: result.clone(),
                    };
                    self.sessions.record(*session, write);
                    written(&result)
                }
                Verdict::Duplicate(last) => {
                    effects.mark(marks::SESSION_DUPLICATE_ANSWERED);
                    written(&last.result)
                }
                Verdict::Stale => {
                    effects.mark(marks::SESSION_STALE_SEQUENCE);
                    Outcome::StaleSequence
                }
                Verdict::Expired => {
                    effects.mark(marks::SESSION_EXPIRED);
                    Outcome::SessionExpired
                }
            },
        }
    }

    fn answer_read(&mut self, read: ReadId, effects: &mut Effects<Self>) {
        let place = self.reads.iter().position(|pending| pending.read == read);
        let pending = place
            .and_then(|place| self.reads.remove(place))
            .expect("a confirmed read is pending");
        let outcome = Outcome::Answered {
            at: self.raft.applied(),
            answer: self.machine.query(&pending.query),
        };
        effects.reply(pending.invocation, outcome);
    }

    fn give_up_pending(&mut self, effects: &mut Effects<Self>) {
        for write in self.writes.drain(..) {
            effects.reply(write.invocation, Outcome::Unknown);
        }
        let hint = self.raft.leader();
        for read in self.reads.drain(..) {
            effects.reply(read.invocation, Outcome::NotLeader { hint });
        }
    }

    fn compact_if_long(&mut self, effects: &mut Effects<Self>) {
        let log = self.raft.log();
        let applied = self.raft.applied();
        let covered = applied.since(log.base().index);
        let exceeds = |limit: Option<usize>, size| limit.is_some_and(|limit| size > limit);
        if covered > 0
            && (exceeds(self.limits.snapshot_after_entries, covered)
                || exceeds(self.limits.snapshot_after_bytes, log.bytes()))
        {
            let data = self.encode();
            self.raft.compact(applied, data.into(), effects);
        }
    }

    fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(&(&self.machine, &self.sessions))
            .expect("a state machine's state can be encoded")
    }

    /// The Raft inside: id, term, vote, role, leader, log, commit and applied index.
    #[must_use]
    pub fn raft(&self) -> &Raft<Request<M::Command>> {
        &self.raft
    }

    /// The state after the last applied entry.
    #[must_use]
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The sessions after the last applied entry.
    #[must_use]
    pub fn sessions(&self) -> &Sessions<Applied<M::Response>> {
        &self.sessions
    }

    /// How many calls wait for an answer.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.writes.len() + self.reads.len()
    }
}

fn written<M: StateMachine>(write: &Applied<M::Response>) -> Outcome<M> {
    Outcome::Written {
        index: write.position.index,
        term: write.position.term,
        response: write.response.clone(),
    }
}

impl<M: StateMachine> fmt::Display for Replica<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.raft, f)
    }
}
