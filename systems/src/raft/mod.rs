//! Raft, as a component that a process contains.
//!
//! [`Raft`] replicates commands of any type. It is a [`Process`](crate::process::Process), which
//! others [embed](crate::embeds::Embeds): its host hands it messages and timeouts, proposes and
//! reads, flushes it after each batch of these, passes on its effects, and does what each
//! [`Event`] among them says.
//!
//! Sections are cited from *In Search of an Understandable Consensus
//! Algorithm* (Ongaro and Ousterhout, 2014; "paper") and from *Consensus:
//! Bridging Theory and Practice* (Ongaro, 2014; "dissertation").

mod config;
mod durable;
mod election;
pub mod invariants;
mod leader_info;
mod log;
pub mod marks;
mod message;
mod output;
mod process;
mod progress;
mod read;
mod renaming;
mod replication;
mod role;
mod snapshot;
mod transfer;
mod types;

use alloc::sync::Arc;
use core::fmt;

pub use config::{Config, MAX_VOTERS, Timer, Voters, Votes};
pub use durable::{Durable, Write};
pub use leader_info::{HasLeader, LeaderInfo};
pub use log::Log;
pub use marks::MARKS;
pub use message::{
    AppendEntries, AppendEntriesReply, AppendResult, Conflict, InstallSnapshot,
    InstallSnapshotReply, Message, PreVote, PreVoteReply, Received, RequestVote, RequestVoteReply,
    TimeoutNow,
};
pub use output::{Event, NotLeader, TransferError};
pub use process::{Operation, Outcome, Setup};
pub use progress::{Inflights, Progress, ProgressState, Sending};
pub use read::Reads;
pub use role::{Follower, Incoming, Leader, Role};
pub use types::{Attempt, Command, Content, Entry, LogId, LogIndex, ReadId, Round, Snapshot, Term};

use crate::process::{Effects, NodeId};

/// One node's part in the replication of a log of commands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raft<C> {
    id: NodeId,
    voters: Arc<Voters>,
    config: Arc<Config>,
    /// Never decreases, and is on disk before any message carries it.
    term: Term,
    /// Changes from none to somebody at most once in a term, and is on disk
    /// before the candidate hears of it.
    vote: Option<NodeId>,
    /// Reaches back to the end of `snapshot` or further: a tail of what it
    /// covers stays, for peers that are a little behind.
    log: Log<C>,
    /// Covers what was applied when it was taken. Its end is in the log, or is its base.
    snapshot: Option<Snapshot>,
    /// Never decreases while the node is up, and never exceeds the log's end.
    commit: LogIndex,
    /// How far the host was told to apply. Between the snapshot's end and `commit`.
    applied: LogIndex,
    /// The bytes of the log's entries from the snapshot's end up to `applied`:
    /// what a new snapshot would make superfluous.
    applied_bytes: usize,
    /// The bytes of the log's entries up to the snapshot's end.
    tail_bytes: usize,
    role: Role,
    /// The last try for pre-votes in this term and life.
    pre_votes: Attempt,
    /// A snapshot that is still arriving from the leader of this term. It outlives the
    /// election timer: the chunks of a slow leader may be further apart than that, and its
    /// snapshot would never complete.
    incoming: Option<Incoming>,
    /// The host has not yet taken over `snapshot`. False between steps.
    restored: bool,
    /// The host does not yet know that it no longer leads. False between steps.
    lost_leadership: bool,
}

impl<C: Command> Raft<C> {
    /// The first boot and every restart, from what the disk held.
    ///
    /// # Panics
    /// If the node is not one of the voters.
    pub fn start(
        id: NodeId,
        voters: Voters,
        config: &Config,
        durable: Durable<C>,
        out: &mut Effects<Self>,
    ) -> Self {
        assert!(voters.place(id).is_some(), "{id} is not among {voters:?}");
        out.set_timer(Timer::Election, config.delay(Timer::Election));
        if durable.vote.is_some() {
            out.mark(marks::RESTART_WITH_VOTE);
        }
        let covered = durable.covered();
        let tail_bytes = durable.log.bytes() - durable.log.bytes_from(covered.next());
        let mut raft = Self {
            id,
            voters: Arc::new(voters),
            config: Arc::new(config.clone()),
            term: durable.term,
            vote: durable.vote,
            log: durable.log,
            restored: durable.snapshot.is_some(),
            snapshot: durable.snapshot,
            commit: covered,
            applied: covered,
            applied_bytes: 0,
            tail_bytes,
            role: Role::follower(None),
            pre_votes: Attempt::default(),
            incoming: None,
            lost_leadership: false,
        };
        raft.tell_host(out);
        raft
    }

    /// Takes a message. One from outside the cluster is ignored.
    pub fn receive(&mut self, from: NodeId, message: Message<C>, out: &mut Effects<Self>) {
        if from == self.id || self.voters.place(from).is_none() {
            return;
        }
        match message {
            Message::PreVote(message) => self.on_pre_vote(from, &message, out),
            Message::PreVoteReply(message) => self.on_pre_vote_reply(from, &message, out),
            Message::RequestVote(message) => self.on_request_vote(from, &message, out),
            Message::RequestVoteReply(message) => self.on_request_vote_reply(from, &message, out),
            Message::AppendEntries(message) => self.on_append_entries(from, &message, out),
            Message::AppendEntriesReply(message) => {
                self.on_append_entries_reply(from, &message, out);
            }
            Message::InstallSnapshot(message) => self.on_install_snapshot(from, &message, out),
            Message::InstallSnapshotReply(message) => {
                self.on_install_snapshot_reply(from, &message, out);
            }
            Message::TimeoutNow(message) => self.on_timeout_now(&message, out),
        }
        self.tell_host(out);
    }

    /// Takes the firing of a timer.
    pub fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        match timer {
            Timer::Election => self.on_election_timeout(out),
            Timer::Heartbeat => self.on_heartbeat_timeout(out),
            Timer::QuorumCheck => self.on_quorum_check(out),
            Timer::Transfer => self.on_transfer_timeout(out),
        }
        self.tell_host(out);
    }

    /// Does the work deferred while a batch of inputs came: writes what the leader appended
    /// as one record, and sends each peer at once what is new.
    pub fn flush(&mut self, out: &mut Effects<Self>) {
        self.flush_leader(out);
        self.tell_host(out);
    }

    fn tell_host(&mut self, out: &mut Effects<Self>) {
        while let Some(event) = self.poll() {
            out.tell(Outcome::Event(event));
        }
    }

    /// Arms a timer with the delay that the configuration gives it.
    fn arm(&self, timer: Timer, out: &mut Effects<Self>) {
        out.set_timer(timer, self.config.delay(timer));
    }

    /// The next thing the host must know.
    fn poll(&mut self) -> Option<Event<C>> {
        if core::mem::take(&mut self.restored) {
            let snapshot = self.snapshot.clone().expect("restored from a snapshot");
            self.applied = snapshot.last.index;
            return Some(Event::Restore(snapshot));
        }
        if self.applied < self.commit {
            let index = self.applied.next();
            let entry = self.log.entry(index).expect("log index within the log");
            self.applied = index;
            self.applied_bytes += entry.size();
            return Some(Event::Apply {
                index,
                entry: entry.clone(),
            });
        }
        if let Role::Leader(leader) = &mut self.role
            && let Some(read) = leader.reads.take_confirmed()
        {
            return Some(Event::ReadReady(read));
        }
        // Last, so that what this step committed is still answered as such.
        core::mem::take(&mut self.lost_leadership).then_some(Event::LostLeadership)
    }

    /// Follows `leader`, or nobody yet, in `term`. A new term is not yet on
    /// disk: the caller persists it, together with its vote if it gives one.
    fn become_follower(&mut self, term: Term, leader: Option<NodeId>, out: &mut Effects<Self>) {
        self.write_out(out);
        if let Role::Leader(left) = &self.role {
            out.cancel_timer(Timer::Heartbeat);
            out.cancel_timer(Timer::QuorumCheck);
            if left.transfer.is_some() {
                out.cancel_timer(Timer::Transfer);
            }
            if term > self.term {
                out.mark(marks::LEADER_STEPS_DOWN_ON_HIGHER_TERM);
            }
            if left.reads.is_pending() {
                out.mark(marks::READ_FAILED);
            }
            // A leader has no election timer; it needs one again.
            self.arm(Timer::Election, out);
            self.lost_leadership = true;
        }
        if term > self.term {
            self.enter(term);
        }
        self.role = Role::follower(leader);
    }

    /// Begins a term, in which nothing counts that was said in an older one.
    fn enter(&mut self, term: Term) {
        self.term = term;
        self.vote = None;
        self.incoming = None;
        self.pre_votes = Attempt::default();
    }

    /// A higher term in any message ends ours (paper, 5.1). Says whether it does.
    fn yields_to(&mut self, term: Term, out: &mut Effects<Self>) -> bool {
        let higher = term > self.term;
        if higher {
            self.become_follower(term, None, out);
            self.persist_hard_state(out);
        }
        higher
    }

    /// A message of the current or a new term's leader arrived.
    fn follow(&mut self, leader: NodeId, term: Term, out: &mut Effects<Self>) {
        if term > self.term {
            self.become_follower(term, Some(leader), out);
            self.persist_hard_state(out);
        } else if self.leader() != Some(leader) {
            assert!(
                !self.role.is_leader(),
                "election safety: {leader} and {} both lead {term}",
                self.id
            );
            self.become_follower(term, Some(leader), out);
        }
        self.arm(Timer::Election, out);
    }

    fn persist_hard_state(&self, out: &mut Effects<Self>) {
        out.persist(Write::HardState {
            term: self.term,
            vote: self.vote,
        });
    }

    fn peers(&self) -> impl Iterator<Item = NodeId> {
        let own = self.id;
        self.voters
            .nodes()
            .iter()
            .copied()
            .filter(move |node| *node != own)
    }
}

/// What can be seen from outside.
impl<C: Command> Raft<C> {
    /// This node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// All nodes that vote.
    #[must_use]
    pub fn voters(&self) -> &Voters {
        &self.voters
    }

    /// The current term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.term
    }

    /// Who got this node's vote in the current term.
    #[must_use]
    pub fn vote(&self) -> Option<NodeId> {
        self.vote
    }

    /// What the node is at the moment.
    #[must_use]
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// The leader as far as this node knows, possibly itself.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower(follower) => follower.leader,
            Role::Leader(_) => Some(self.id),
            Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        }
    }

    /// The log past the last snapshot, and a tail of what the snapshot covers.
    #[must_use]
    pub fn log(&self) -> &Log<C> {
        &self.log
    }

    /// The last snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// The last index that the last snapshot covers; `i0` without one.
    #[must_use]
    pub fn covered(&self) -> LogIndex {
        self.snapshot
            .as_ref()
            .map_or(LogIndex::ZERO, |snapshot| snapshot.last.index)
    }

    /// About how many bytes of applied entries are in the log past the last snapshot.
    #[must_use]
    pub fn applied_bytes(&self) -> usize {
        self.applied_bytes
    }

    /// About how many bytes of entries are in the log and not yet applied.
    #[must_use]
    pub fn unapplied_bytes(&self) -> usize {
        self.log.bytes() - self.tail_bytes - self.applied_bytes
    }

    /// The last entry that is on disk, or on its way there. A leader puts off writing what it
    /// appends until it is [flushed](Self::flush).
    #[must_use]
    pub fn written(&self) -> LogIndex {
        match &self.role {
            Role::Leader(Leader {
                unwritten: Some(first),
                ..
            }) => first.previous(),
            _ => self.log.last().index,
        }
    }

    /// The last index known to be committed.
    #[must_use]
    pub fn commit(&self) -> LogIndex {
        self.commit
    }

    /// The last index handed to the host.
    #[must_use]
    pub fn applied(&self) -> LogIndex {
        self.applied
    }
}

/// Short label for a table: role, term, last index and commit index, as in `L t3 i7/5`.
impl<C: Command> fmt::Display for Raft<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}/{}",
            self.role.letter(),
            self.term,
            self.log.last().index,
            self.commit.0
        )
    }
}
