//! Replication of the leader's entries, and when they are committed.

use core::{iter, mem};

use super::config::Timer;
use super::message::{AppendEntries, AppendEntriesReply, AppendResult, Conflict, Message};
use super::output::NotLeader;
use super::progress::ProgressState;
use super::role::{Leader, Role};
use super::types::{Command, Content, Entry, LogId, LogIndex};
use super::{Raft, Write, marks};
use crate::process::{Effects, NodeId};

/// The leader's side.
impl<C: Command> Raft<C> {
    /// Appends a command to the leader's log. With the next [flush](Raft::flush) it is written
    /// and sent out. It is committed when [`Event::Apply`](super::Event::Apply) names an entry at
    /// this index with this term.
    ///
    /// # Errors
    /// If the node does not lead, or is handing over and must not grow the log
    /// (dissertation, 3.10). Then the command is certainly never committed.
    pub fn propose(&mut self, command: C) -> Result<LogId, NotLeader> {
        match &self.role {
            Role::Leader(Leader { transfer: None, .. }) => {}
            Role::Leader(Leader { transfer, .. }) => return Err(NotLeader { hint: *transfer }),
            _ => {
                return Err(NotLeader {
                    hint: self.leader(),
                });
            }
        }
        let content = Content::Command(alloc::sync::Arc::new(command));
        Ok(self.append_own(content))
    }

    pub(super) fn append_own(&mut self, content: Content<C>) -> LogId {
        let first = self.log.last().index.next();
        let entry = Entry {
            term: self.term,
            content,
        };
        self.log.replace_from(first, &[entry]);
        if let Role::Leader(leader) = &mut self.role {
            leader.unwritten.get_or_insert(first);
        }
        LogId::new(first, self.term)
    }

    /// Writes what the leader appended and has not written: before anybody hears of it, before
    /// it counts, and before the node does anything else than lead.
    pub(super) fn write_out(&mut self, out: &mut Effects<Self>) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        if let Some(first) = leader.unwritten.take() {
            leader.replicates = true;
            let entries = self.log.from(first);
            out.persist(Write::Append { first, entries });
        }
    }

    /// Does once for all inputs of a batch what each of them asks for: one record for the disk,
    /// one round for the reads, and one message to each peer.
    pub(super) fn flush_leader(&mut self, out: &mut Effects<Self>) {
        self.write_out(out);
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let replicates = mem::take(&mut leader.replicates);
        if replicates {
            self.advance_commit(out);
        }
        let asks = self.begin_read_round();
        if !(replicates || asks) {
            return;
        }
        for place in 0..self.voters.len() - 1 {
            let told = replicates && self.replicate_to(place, out);
            if asks && !told {
                self.heartbeat_to(place, out);
            }
        }
        if asks {
            // A cluster of one asks nobody.
            self.confirm_reads(out);
        }
    }

    /// Sends a peer all that it may be sent now. Returns whether that includes an entry.
    fn replicate_to(&mut self, place: usize, out: &mut Effects<Self>) -> bool {
        let Role::Leader(leader) = &mut self.role else {
            return false;
        };
        let peer = &mut leader.peers[place];
        let config = &self.config;
        let mut told = false;
        while peer.accepts(config.max_in_flight_entries, config.max_in_flight_bytes)
            && peer.next_index() <= self.log.last().index
        {
            if peer.next_index() < self.log.first() {
                self.begin_snapshot_to(place, out);
                return told;
            }
            let previous = self.log.id_at(peer.next_index().previous());
            let (entries, bytes) = self.log.batch(
                peer.next_index(),
                config.max_batch_entries,
                config.max_batch_bytes,
            );
            peer.sent(previous.index.plus(entries.len()), bytes);
            let message = AppendEntries {
                term: self.term,
                previous,
                entries,
                commit: self.commit,
                round: leader.reads.round(),
            };
            out.send(peer.id(), Message::AppendEntries(message));
            told = true;
        }
        told
    }

    pub(super) fn on_heartbeat_timeout(&mut self, out: &mut Effects<Self>) {
        if self.role.is_leader() {
            self.arm(Timer::Heartbeat, out);
            for place in 0..self.voters.len() - 1 {
                self.resume_snapshot_to(place, out);
            }
            self.heartbeat_all(out);
        }
    }

    /// Sends heartbeats. They carry no entries, so that nothing is sent twice that was not
    /// lost; each follows what was sent last, so that its rejection reveals a loss.
    pub(super) fn heartbeat_all(&mut self, out: &mut Effects<Self>) {
        for place in 0..self.voters.len() - 1 {
            self.heartbeat_to(place, out);
        }
    }

    fn heartbeat_to(&mut self, place: usize, out: &mut Effects<Self>) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let peer = &leader.peers[place];
        let previous = match peer.state() {
            ProgressState::Snapshot(sending) => sending.snapshot.last,
            // The log no longer knows the entry before `next_index`, but its base can be
            // probed.
            _ if peer.next_index() < self.log.first() => self.log.base(),
            _ => self.log.id_at(peer.next_index().previous()),
        };
        let message = AppendEntries {
            term: self.term,
            previous,
            entries: alloc::vec::Vec::new(),
            commit: self.commit,
            round: leader.reads.round(),
        };
        out.send(peer.id(), Message::AppendEntries(message));
    }

    pub(super) fn on_append_entries_reply(
        &mut self,
        from: NodeId,
        reply: &AppendEntriesReply,
        out: &mut Effects<Self>,
    ) {
        // A reply to a message of another term belongs to another leadership, even one of
        // this node: its acknowledgement, its round, and that its sender is alive do not
        // count.
        if self.yields_to(reply.term, out) || reply.asked_in != self.term {
            return;
        }
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let place = leader.place_of(from);
        let peer = &mut leader.peers[place];
        peer.hear();
        peer.confirm(reply.round);
        let mut news = false;
        match &reply.result {
            AppendResult::Matched(index) => {
                news = peer.matches(*index, self.log.base().index);
            }
            AppendResult::Conflict { previous, found } => {
                self.back_up(place, *previous, found, out);
            }
            AppendResult::StaleTerm => {}
        }
        if news {
            self.advance_commit(out);
        }
        self.confirm_reads(out);
        self.replicates();
        self.continue_transfer(from, out);
    }

    /// With the next flush peers are sent what they may be.
    pub(super) fn replicates(&mut self) {
        if let Role::Leader(leader) = &mut self.role {
            leader.replicates = true;
        }
    }

    /// Moves a peer's `next_index` back to where the logs may agree, a term at a time
    /// rather than an entry at a time (paper, end of 5.3).
    fn back_up(
        &mut self,
        place: usize,
        previous: LogIndex,
        found: &Conflict,
        out: &mut Effects<Self>,
    ) {
        let next = match found {
            Conflict::TooShort { last } => last.next(),
            Conflict::OtherTerm { term, first } => self
                .log
                .last_of_term_before(*term, previous)
                .map_or(*first, LogIndex::next),
        };
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let peer = &mut leader.peers[place];
        let pipelined = matches!(peer.state(), ProgressState::Pipeline(_));
        if !peer.backs_up(previous, next) {
            return;
        }
        if pipelined {
            out.mark(marks::PIPELINE_LOSS_REPAIRED);
        }
        if let Conflict::OtherTerm { .. } = found {
            out.mark(marks::CONFLICT_BACKUP_BY_TERM);
        }
    }

    /// Commits what a majority holds, if its last entry is of this term: an
    /// older entry on a majority can still be overwritten (paper, 5.4.2,
    /// figure 8), and is committed with the first of this term.
    pub(super) fn advance_commit(&mut self, out: &mut Effects<Self>) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        // What is not on its own disk does not count.
        let own = self.written();
        let matched = leader.peers.iter().map(super::Progress::match_index);
        let held = self
            .voters
            .reached_by_majority(iter::once(own).chain(matched));
        if held <= self.commit || self.log.term_at(held) != Some(self.term) {
            return;
        }
        if self.log.term_at(self.commit.next()) != Some(self.term) {
            out.mark(marks::OLDER_TERM_ENTRY_COMMITTED_INDIRECTLY);
        }
        // The followers hear of it with the next message they get anyway.
        self.commit = held;
    }
}

/// The follower's side.
impl<C: Command> Raft<C> {
    pub(super) fn on_append_entries(
        &mut self,
        from: NodeId,
        message: &AppendEntries<C>,
        out: &mut Effects<Self>,
    ) {
        let result = if message.term < self.term {
            // Not from a live leader: the election timer runs on.
            out.mark(marks::STALE_APPEND_IGNORED);
            AppendResult::StaleTerm
        } else {
            self.follow(from, message.term, out);
            match self.conflict_at(message.previous) {
                Some(found) => AppendResult::Conflict {
                    previous: message.previous.index,
                    found,
                },
                None => AppendResult::Matched(self.take_entries(message, out)),
            }
        };
        let reply = AppendEntriesReply {
            term: self.term,
            asked_in: message.term,
            round: message.round,
            result,
        };
        out.send(from, Message::AppendEntriesReply(reply));
    }

    /// The conflict at `previous`, if the entry there is not the leader's.
    fn conflict_at(&self, previous: LogId) -> Option<Conflict> {
        // What a snapshot covers is committed, and so in every later
        // leader's log too (paper, 5.4.3).
        if previous.index < self.covered() {
            return None;
        }
        match self.log.term_at(previous.index) {
            Some(term) if term == previous.term => None,
            Some(term) => Some(Conflict::OtherTerm {
                term,
                first: self.log.first_of_term_at(previous.index),
            }),
            None => Some(Conflict::TooShort {
                last: self.log.last().index,
            }),
        }
    }

    /// Takes in what is new of a leader's entries, and returns the last index
    /// that the message vouches for.
    fn take_entries(&mut self, message: &AppendEntries<C>, out: &mut Effects<Self>) -> LogIndex {
        let matched = message.previous.index.plus(message.entries.len());
        let first = message.previous.index.next();
        let known = self.covered().since(message.previous.index);
        // An old message may be a prefix of what is here, so only an entry
        // that differs is a reason to remove anything (paper, figure 2,
        // AppendEntries, rule 3).
        let new = message
            .entries
            .iter()
            .enumerate()
            .skip(known)
            .find(|(offset, entry)| self.log.term_at(first.plus(*offset)) != Some(entry.term));
        if let Some((offset, _)) = new {
            self.replace_suffix(first.plus(offset), &message.entries[offset..], out);
        }
        // The log may be longer than what the leader vouched for.
        self.commit = self.commit.max(message.commit.min(matched));
        matched
    }

    fn replace_suffix(&mut self, first: LogIndex, entries: &[Entry<C>], out: &mut Effects<Self>) {
        assert!(
            first > self.commit,
            "a committed entry is never replaced: {first}, commit {}",
            self.commit
        );
        if first <= self.log.last().index {
            out.mark(marks::CONFLICT_TRUNCATED);
        }
        self.log.replace_from(first, entries);
        out.persist(Write::Append {
            first,
            entries: entries.to_vec(),
        });
    }
}
