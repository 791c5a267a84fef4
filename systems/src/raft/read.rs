//! Linearizable reads without a log entry: the read index (dissertation, 6.4).
//!
//! A leader may answer from its own state once it knows that it still led
//! after the read arrived. Each message to a follower carries the number of
//! the newest round; a majority of echoes of a round proves the leadership at
//! some time after the round began, and with it all reads that had arrived by then.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::iter;

use super::output::NotLeader;
use super::role::Role;
use super::types::{Command, LogIndex, ReadId, Round};
use super::{Raft, marks};
use crate::process::Effects;

/// The reads of one leadership.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reads {
    /// The newest round.
    round: Round,
    /// How many reads were asked so far; names the next.
    count: u64,
    /// Reads that arrived after the newest round began, which proves nothing for them.
    waiting: Vec<ReadId>,
    /// The newest round will confirm them. Empty once it has.
    asked: Vec<ReadId>,
    /// The commit index when the newest round began: the state must be at
    /// least this new for the reads that it confirms.
    read_index: LogIndex,
    /// They may be answered.
    confirmed: VecDeque<ReadId>,
}

/// How far the reads of one leadership have come. Reads are numbered from 0 in order of
/// arrival, and are confirmed in that order. Nothing here goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct ReadProgress {
    /// Those before it may be answered.
    pub(super) confirmed: u64,
    /// Those before it arrived before the newest round began. At least `confirmed`.
    pub(super) began: u64,
    /// The newest round.
    pub(super) round: Round,
}

impl Reads {
    /// The newest round.
    #[must_use]
    pub fn round(&self) -> Round {
        self.round
    }

    /// How far its reads have come.
    pub(super) fn progress(&self) -> ReadProgress {
        let began = self.count - self.waiting.len() as u64;
        ReadProgress {
            confirmed: began - self.asked.len() as u64,
            began,
            round: self.round,
        }
    }

    /// Whether a read is without an answer.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !(self.waiting.is_empty() && self.asked.is_empty() && self.confirmed.is_empty())
    }

    pub(super) fn take_confirmed(&mut self) -> Option<ReadId> {
        self.confirmed.pop_front()
    }
}

impl<C: Command> Raft<C> {
    /// Asks for a read. [`Event::ReadReady`](super::Event::ReadReady) says
    /// when to answer it, and [`Event::LostLeadership`](super::Event::LostLeadership)
    /// that it will never be.
    ///
    /// # Errors
    /// If the node does not lead.
    pub fn read(&mut self, out: &mut Effects<Self>) -> Result<ReadId, NotLeader> {
        let hint = self.leader();
        let Role::Leader(leader) = &mut self.role else {
            return Err(NotLeader { hint });
        };
        let read = ReadId(leader.reads.count);
        leader.reads.count += 1;
        leader.reads.waiting.push(read);
        if self.commit < leader.term_start {
            out.mark(marks::READ_WAITED_FOR_NOOP);
        }
        Ok(read)
    }

    /// Begins a round for all waiting reads, unless one is under way: those
    /// that arrive meanwhile share the next. Whether all peers are to hear of it.
    pub(super) fn begin_read_round(&mut self) -> bool {
        let Role::Leader(leader) = &mut self.role else {
            return false;
        };
        let reads = &mut leader.reads;
        // Before the first commit of its term a leader does not know how far
        // its predecessors had committed (dissertation, 6.4, step 1).
        let knows_commit = self.commit >= leader.term_start;
        if !knows_commit || reads.waiting.is_empty() || !reads.asked.is_empty() {
            return false;
        }
        reads.round.0 += 1;
        reads.read_index = self.commit;
        core::mem::swap(&mut reads.asked, &mut reads.waiting);
        true
    }

    /// Releases the reads of the newest round once a majority has echoed it.
    pub(super) fn confirm_reads(&mut self, out: &mut Effects<Self>) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let reads = &mut leader.reads;
        if reads.asked.is_empty() {
            return;
        }
        let echoes = leader.peers.iter().map(super::Progress::round);
        let echoed = self
            .voters
            .reached_by_majority(iter::once(reads.round).chain(echoes));
        if echoed < reads.round {
            return;
        }
        // The host applies all that is committed before it takes a read.
        assert!(reads.read_index <= self.commit, "commit never goes back");
        out.mark(marks::READ_CONFIRMED);
        reads.confirmed.extend(reads.asked.drain(..));
    }
}
