//! A replicated state machine: Raft, client sessions and snapshots around any
//! [`StateMachine`].

mod api;
mod host;
mod machine;
mod passed;
mod renaming;
mod session;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::hash::Hash as _;

use passed::Passed;

pub use api::{Operation, Outcome, Request};
pub use machine::StateMachine;
pub use session::{
    Applied, LastWrite, Sequence, Session, SessionId, SessionLimits, Sessions, Verdict,
};

use crate::digest::Digest;
use crate::embeds::Said;
use crate::process::{ConfigError, Effects, Input, InvocationId, NodeId, Priority, Process};
use crate::raft::{
    self, Content, Entry, Event, LogId, LogIndex, Raft, ReadId, Timer, TransferError, Voters, marks,
};

/// What a replica knows before it starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// All nodes of the cluster.
    pub voters: Voters,
    /// The tuning of Raft.
    pub raft: raft::Config,
    /// The most sessions open at a time; a further one evicts the least
    /// recently used. A leader writes it into the log with each session that it
    /// opens, so that it is the same on all nodes, whatever they are told.
    pub max_sessions: usize,
    /// A session ends that no write has named in this many entries of the log;
    /// time has no part in it, since nodes do not agree on time. Goes into the
    /// log as `max_sessions` does.
    pub session_idle_entries: Option<usize>,
    /// Take a snapshot when more applied entries than this are past the last.
    pub snapshot_after_entries: Option<usize>,
    /// Take a snapshot when applied entries of more bytes than this are past the
    /// last. No more than this stays in the log of what it covers.
    pub snapshot_after_bytes: Option<usize>,
    /// The most entries that may be in the log and not applied when another is
    /// proposed; beyond it a leader is busy with all but its own duties.
    pub max_pending_entries: usize,
    /// About the most bytes that they may take.
    pub max_pending_bytes: usize,
    /// The most reads that may wait at a leader; beyond it, it is busy.
    pub max_pending_reads: usize,
    /// How many of its last answers a server remembers, so that a repeated question is
    /// answered at once and costs no entry, in addition to the sessions. With 0 a server
    /// remembers nothing and consults no session: each repetition goes through the log, as
    /// after a change of leaders. That is for model checking; where disks are slow,
    /// repetitions would bury such a server.
    pub remembered_answers: usize,
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
            max_pending_entries: 1024,
            max_pending_bytes: 1024 * 1024,
            max_pending_reads: 1024,
            remembered_answers: 1024,
        }
    }

    /// Refuses tuning under which a cluster could not work.
    ///
    /// # Errors
    /// Which setting is wrong, and what to write instead.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.raft.check()?;
        let none_opens = "no session could be opened";
        ConfigError::positive("max_sessions", self.max_sessions, none_opens)?;
        if let Some(idle) = self.session_idle_entries {
            let all_end = "every session would end before it is used";
            ConfigError::positive("session_idle_entries", idle, all_end)?;
        }
        let all_refused = "every call would be turned away as busy";
        ConfigError::positive("max_pending_entries", self.max_pending_entries, all_refused)?;
        ConfigError::positive("max_pending_bytes", self.max_pending_bytes, all_refused)?;
        ConfigError::positive("max_pending_reads", self.max_pending_reads, all_refused)
    }

    /// How long sessions live that are opened from now on.
    fn session_limits(&self) -> SessionLimits {
        SessionLimits {
            most: self.max_sessions as u64,
            idle_entries: self.session_idle_entries.map(|entries| entries as u64),
        }
    }
}

/// The part of the configuration that a replica needs after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Limits {
    /// What this node writes into the log when it leads.
    sessions: SessionLimits,
    snapshot_after_entries: Option<usize>,
    snapshot_after_bytes: Option<usize>,
    max_pending_entries: usize,
    max_pending_bytes: usize,
    max_pending_reads: usize,
}

/// A proposal of this node's whose entry is not yet applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PendingWrite {
    log_id: LogId,
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
    /// The session limits, as the entry that opened the last session says. Decided by the
    /// log alone.
    session_limits: SessionLimits,
    passed: Passed,
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
        let mut tuning = config.raft.clone();
        if let Some(bytes) = config.snapshot_after_bytes {
            tuning.compaction_tail_bytes = tuning.compaction_tail_bytes.min(bytes);
        }
        let mut inner = Effects::new();
        let raft = Raft::start(id, config.voters.clone(), &tuning, durable, &mut inner);
        let mut replica = Self {
            limits: Limits {
                sessions: config.session_limits(),
                snapshot_after_entries: config.snapshot_after_entries,
                snapshot_after_bytes: config.snapshot_after_bytes,
                max_pending_entries: config.max_pending_entries,
                max_pending_bytes: config.max_pending_bytes,
                max_pending_reads: config.max_pending_reads,
            },
            raft,
            machine: M::default(),
            sessions: Sessions::default(),
            session_limits: SessionLimits::default(),
            passed: Passed::default(),
            writes: VecDeque::new(),
            reads: VecDeque::new(),
        };
        replica.take(inner, effects);
        replica
    }

    fn check(config: &Config) -> Result<(), ConfigError> {
        config.check()
    }

    fn leads(&self) -> bool {
        self.raft.leader_info().leads
    }

    /// Calls are new work. Messages from peers and timers belong to work in progress.
    fn priority(input: &Input<Self>) -> Priority {
        match input {
            Input::Invoke { .. } => Priority::Deferred,
            Input::Receive { .. } | Input::Timeout(_) => Priority::Urgent,
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        self.passed.clear();
        match input {
            Input::Receive { from, message } => {
                self.with_raft(effects, |raft, out| raft.receive(from, message, out));
            }
            Input::Timeout(timer) => {
                self.with_raft(effects, |raft, out| raft.timeout(timer, out));
            }
            Input::Invoke {
                invocation,
                operation,
            } => self.invoke(invocation, operation, effects),
        }
        self.compact_if_long(effects);
    }

    fn flush(&mut self, effects: &mut Effects<Self>) {
        self.with_raft(effects, Raft::flush);
        self.compact_if_long(effects);
    }
}

/// The effects of the Raft inside.
type RaftEffects<M> = Effects<Raft<Request<<M as StateMachine>::Command>>>;

impl<M: StateMachine> Replica<M> {
    fn invoke(
        &mut self,
        invocation: InvocationId,
        operation: Operation<M>,
        effects: &mut Effects<Self>,
    ) {
        match operation {
            Operation::OpenSession => {
                let limits = self.limits.sessions;
                self.propose(invocation, Request::OpenSession { limits }, effects);
            }
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
            Operation::Read { .. } if self.is_busy_reading() => {
                effects.mark(marks::BUSY);
                effects.reply(invocation, Outcome::Busy);
            }
            Operation::Read { query } => match self.with_raft(effects, Raft::read) {
                Ok(read) => self.reads.push_back(PendingRead {
                    read,
                    invocation,
                    query,
                }),
                Err(error) => effects.reply(invocation, Outcome::NotLeader { hint: error.hint }),
            },
            Operation::TransferLeadership { to } => {
                let outcome = match self.with_raft(effects, |raft, out| raft.transfer(to, out)) {
                    Ok(()) => Outcome::TransferStarted,
                    Err(TransferError::NotLeader { hint }) => Outcome::NotLeader { hint },
                    Err(TransferError::NotAPeer | TransferError::Busy) => Outcome::TransferRefused,
                };
                effects.reply(invocation, outcome);
            }
        }
    }

    /// Whether the node is overloaded: accepting more than can be done makes everybody
    /// wait, and whoever waits retries.
    fn is_busy_writing(&self) -> bool {
        let last = self.raft.log().last().index;
        let is_full = last.since(self.raft.applied()) >= self.limits.max_pending_entries
            || self.raft.unapplied_bytes() >= self.limits.max_pending_bytes;
        is_full && self.raft.role().is_leader()
    }

    fn is_busy_reading(&self) -> bool {
        self.reads.len() >= self.limits.max_pending_reads && self.raft.role().is_leader()
    }

    fn propose(
        &mut self,
        invocation: InvocationId,
        request: Request<M::Command>,
        effects: &mut Effects<Self>,
    ) {
        let is_duty = matches!(&request, Request::Write { command } if M::is_duty(command));
        if !is_duty && self.is_busy_writing() {
            effects.mark(marks::BUSY);
            return effects.reply(invocation, Outcome::Busy);
        }
        match self.raft.propose(request) {
            Ok(log_id) => self.writes.push_back(PendingWrite { log_id, invocation }),
            Err(error) => effects.reply(invocation, Outcome::NotLeader { hint: error.hint }),
        }
    }

    /// Lets the Raft inside do something, and does what it wants done.
    fn with_raft<R>(
        &mut self,
        effects: &mut Effects<Self>,
        call: impl FnOnce(&mut Raft<Request<M::Command>>, &mut RaftEffects<M>) -> R,
    ) -> R {
        let mut inner = Effects::new();
        let result = call(&mut self.raft, &mut inner);
        self.take(inner, effects);
        result
    }

    fn take(&mut self, inner: RaftEffects<M>, effects: &mut Effects<Self>) {
        effects.pass_on(
            inner,
            |timer| timer,
            |said, effects| match said {
                Said::Told(raft::Outcome::Event(event)) => self.happened(event, effects),
                Said::Told(_) | Said::Returned(..) => {
                    unreachable!("a Raft that is called by its functions answers by them")
                }
            },
        );
    }

    fn happened(&mut self, event: Event<Request<M::Command>>, effects: &mut Effects<Self>) {
        match event {
            Event::Restore(snapshot) => self.restore(&snapshot),
            Event::Apply { index, entry } => self.apply(index, &entry, effects),
            Event::ReadReady(read) => self.answer_read(read, effects),
            Event::LostLeadership => self.give_up_pending(effects),
        }
    }

    fn restore(&mut self, snapshot: &raft::Snapshot) {
        (self.machine, self.sessions, self.session_limits) = postcard::from_bytes(&snapshot.data)
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
                let log_id = LogId::new(index, entry.term);
                Some(self.apply_request(log_id, request, effects))
            }
        };
        self.passed.note(index, self.digest());
        // An index alone does not say whose entry won it: another leader may
        // have put its own there.
        while let Some(pending) = self
            .writes
            .pop_front_if(|write| write.log_id.index <= index)
        {
            let ours = pending.log_id == LogId::new(index, entry.term);
            let outcome = outcome.clone().filter(|_| ours);
            effects.reply(pending.invocation, outcome.unwrap_or(Outcome::Unknown));
        }
    }

    /// Applies a request. Whether it is a duplicate is decided here and not
    /// at its proposal: two leaders may each have proposed it once.
    fn apply_request(
        &mut self,
        log_id: LogId,
        request: &Request<M::Command>,
        effects: &mut Effects<Self>,
    ) -> Outcome<M> {
        let index = log_id.index;
        if let Some(idle) = self.session_limits.idle_entries
            && self.sessions.expire(index, idle as usize) > 0
        {
            effects.mark(marks::SESSION_IDLED_OUT);
        }
        match request {
            Request::OpenSession { limits } => {
                self.session_limits = *limits;
                if self.sessions.open(index, limits.most as usize) > 0 {
                    effects.mark(marks::SESSION_EVICTED);
                }
                Outcome::SessionOpened {
                    session: SessionId(index),
                }
            }
            Request::Write { command } => Outcome::Written {
                index,
                term: log_id.term,
                response: self.machine.apply(index, command),
            },
            Request::SessionWrite {
                session,
                sequence,
                command,
            } => match self.sessions.judge(*session, *sequence, index) {
                Verdict::New => {
                    let result = Applied {
                        log_id,
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

    /// What a leader answers a repetition with, if the applied entries tell. It would be
    /// true of a follower, too, but whoever is answered takes it for the leader.
    pub(crate) fn recall(&self, operation: &Operation<M>) -> Option<Outcome<M>> {
        let Operation::Write {
            session: Some((session, sequence)),
            ..
        } = operation
        else {
            return None;
        };
        if !self.raft.role().is_leader() {
            return None;
        }
        let applied = self.raft.applied();
        match self.sessions.recall(*session, *sequence, applied)? {
            Verdict::New => None,
            Verdict::Duplicate(last) => Some(written(&last.result)),
            Verdict::Stale => Some(Outcome::StaleSequence),
            Verdict::Expired => Some(Outcome::SessionExpired),
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
        // Only what is applied counts: a snapshot cannot cover the rest.
        let applied = self.raft.applied();
        let entries = applied.since(self.raft.covered());
        let bytes = self.raft.applied_bytes();
        let exceeds = |limit: Option<usize>, size| limit.is_some_and(|limit| size > limit);
        if exceeds(self.limits.snapshot_after_entries, entries)
            || exceeds(self.limits.snapshot_after_bytes, bytes)
        {
            let data = self.encode();
            self.with_raft(effects, |raft, out| raft.compact(applied, data.into(), out));
        }
    }

    fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(&(&self.machine, &self.sessions, &self.session_limits))
            .expect("a state machine's state can be encoded")
    }

    /// A digest of all that the log decides.
    fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        digest.word(self.machine.digest());
        digest.word(self.sessions.digest());
        self.session_limits.hash(&mut digest);
        digest.value()
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
        index: write.log_id.index,
        term: write.log_id.term,
        response: write.response.clone(),
    }
}

impl<M: StateMachine> fmt::Display for Replica<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.raft, f)
    }
}
