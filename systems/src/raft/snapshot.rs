//! Snapshots: taken here, sent in chunks, installed there (paper, 7).

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::message::{InstallSnapshot, InstallSnapshotReply, Message, Received};
use super::progress::{Progress, ProgressState, Sending};
use super::role::{Incoming, Role};
use super::types::{Command, LogId, LogIndex, Snapshot, Term};
use super::{Raft, Write, marks};
use crate::process::{Effects, NodeId};
use crate::vec_map::VecMap;

/// Taken here.
impl<C: Command> Raft<C> {
    /// Lets the host's state after `index` stand for the log up to there. A
    /// tail of it stays in the log, as configured. Says whether the snapshot was
    /// taken: a host that takes its time may come when one as new is there, from
    /// the leader perhaps, and then nothing happens.
    ///
    /// # Panics
    /// If the index was not applied yet.
    pub fn compact(&mut self, index: LogIndex, data: Arc<[u8]>, out: &mut Effects<Self>) -> bool {
        assert!(
            index <= self.applied,
            "a snapshot ends at an applied index: {index}, applied {}",
            self.applied
        );
        if index <= self.covered() {
            return false;
        }
        let last = self.log.id_at(index);
        let base = self.base_of_tail_before(index);
        let snapshot = Snapshot { last, data };
        out.persist(Write::Snapshot {
            snapshot: snapshot.clone(),
            base,
        });
        out.mark(marks::LOG_COMPACTED);
        let unapplied = self.unapplied_bytes();
        self.log.compact_to(base);
        self.snapshot = Some(snapshot);
        let past = self.log.bytes_from(index.next());
        self.tail_bytes = self.log.bytes() - past;
        self.applied_bytes = past - unapplied;
        true
    }

    /// The base of the tail that stays in the log when a snapshot covers everything up to
    /// `index`. It is longer than usual if a peer still needs those entries and the bytes
    /// allow it: otherwise, under steady load, the entries after a slow snapshot would be
    /// gone when it is installed, and the peer would be sent one snapshot after another for
    /// ever.
    fn base_of_tail_before(&self, index: LogIndex) -> LogId {
        let most_bytes = self.config.compaction_tail_bytes;
        let mut entries = self.config.compaction_tail_entries;
        if let Role::Leader(leader) = &self.role
            && entries > 0
        {
            let last = self.log.last().index;
            let longest = self.log.tail_before(index, usize::MAX, most_bytes);
            let wanted = leader.peers.iter().filter_map(|peer| peer.wants_from(last));
            let wanted = wanted.filter(|first| *first > longest.index);
            let wanted = wanted.map(|first| index.next().since(first));
            entries = wanted.fold(entries, usize::max);
        }
        self.log.tail_before(index, entries, most_bytes)
    }
}

/// The leader's side.
impl<C: Command> Raft<C> {
    pub(super) fn begin_snapshot_to(&mut self, place: usize, out: &mut Effects<Self>) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let snapshot = self
            .snapshot
            .clone()
            .expect("a log without its start has a snapshot");
        leader.peers[place].begin_snapshot(snapshot);
        out.mark(marks::SNAPSHOT_SENT);
        self.send_chunks_to(place, out);
    }

    /// Sends a peer as much of the snapshot under way as the window has room for.
    fn send_chunks_to(&mut self, place: usize, out: &mut Effects<Self>) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let peer = &mut leader.peers[place];
        let to = peer.id();
        let ProgressState::Snapshot(sending) = peer.state_mut() else {
            return;
        };
        let config = &self.config;
        while let Some(chunk) = sending.next_chunk(
            self.term,
            config.snapshot_chunk_bytes,
            config.snapshot_window_bytes,
        ) {
            out.send(to, Message::InstallSnapshot(chunk));
        }
    }

    /// Sends what is under way again, if the peer got no further since the last
    /// heartbeat; begins a snapshot if the log was compacted past what the peer
    /// acknowledges, since then no probe can tell where it is.
    pub(super) fn resume_snapshot_to(&mut self, place: usize, out: &mut Effects<Self>) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let peer = &mut leader.peers[place];
        let behind = peer.next_index() < self.log.first();
        let ProgressState::Snapshot(sending) = peer.state_mut() else {
            if behind {
                self.begin_snapshot_to(place, out);
            }
            return;
        };
        if sending.goes_back_without_progress() {
            out.mark(marks::SNAPSHOT_CHUNK_RESUMED);
            self.send_chunks_to(place, out);
        }
    }

    pub(super) fn on_install_snapshot_reply(
        &mut self,
        from: NodeId,
        reply: &InstallSnapshotReply,
        out: &mut Effects<Self>,
    ) {
        if self.yields_to(reply.term, out) || reply.asked_in != self.term {
            return;
        }
        let base = self.log.base().index;
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let place = leader.place_of(from);
        let peer = &mut leader.peers[place];
        peer.hear();
        match reply.received {
            Received::Bytes(held) => {
                if let Some(sending) = sending_of(peer, reply) {
                    sending.acknowledge(held);
                    self.send_chunks_to(place, out);
                }
            }
            Received::All => {
                let finished = sending_of(peer, reply).is_some();
                let news = peer.matches(reply.last.index, base);
                if finished {
                    peer.pipeline_after_match();
                }
                if news {
                    self.advance_commit(out);
                }
                self.replicates();
                self.continue_transfer(from, out);
            }
        }
    }
}

/// The sending of the snapshot that a reply is about, if it is still under way.
fn sending_of<'a>(peer: &'a mut Progress, reply: &InstallSnapshotReply) -> Option<&'a mut Sending> {
    match peer.state_mut() {
        ProgressState::Snapshot(sending) if sending.snapshot.last == reply.last => Some(sending),
        _ => None,
    }
}

/// The follower's side.
impl<C: Command> Raft<C> {
    pub(super) fn on_install_snapshot(
        &mut self,
        from: NodeId,
        message: &InstallSnapshot,
        out: &mut Effects<Self>,
    ) {
        let received = if message.term < self.term {
            Some(Received::Bytes(0))
        } else {
            self.follow(from, message.term, out);
            self.take_chunk(message, out)
        };
        if let Some(received) = received {
            let reply = InstallSnapshotReply {
                term: self.term,
                asked_in: message.term,
                last: message.last,
                received,
            };
            out.send(from, Message::InstallSnapshotReply(reply));
        }
    }

    /// Takes in a chunk, and returns how much of its snapshot is here; nothing
    /// if it belongs to an older snapshot than the one that is arriving.
    fn take_chunk(
        &mut self,
        message: &InstallSnapshot,
        out: &mut Effects<Self>,
    ) -> Option<Received> {
        if message.last.index <= self.commit {
            // State never goes back. Everything committed here is in the
            // leader's log too, so the whole snapshot is as good as received.
            out.mark(marks::SNAPSHOT_STALE_IGNORED);
            return Some(Received::All);
        }
        let incoming = self.incoming.get_or_insert_with(|| Incoming::new(message));
        if message.last.index < incoming.last.index {
            return None;
        }
        if message.last != incoming.last {
            *incoming = Incoming::new(message);
        }
        incoming.take(message);
        let held = incoming.bytes.len();
        if incoming.length != Some(held) {
            return Some(Received::Bytes(held));
        }
        let data = core::mem::take(&mut incoming.bytes);
        self.incoming = None;
        self.install(
            Snapshot {
                last: message.last,
                data: data.into(),
            },
            out,
        );
        Some(Received::All)
    }

    fn install(&mut self, snapshot: Snapshot, out: &mut Effects<Self>) {
        out.persist(Write::Snapshot {
            snapshot: snapshot.clone(),
            base: snapshot.last,
        });
        out.mark(marks::SNAPSHOT_INSTALLED);
        self.log.compact_to(snapshot.last);
        (self.tail_bytes, self.applied_bytes) = (0, 0);
        self.commit = snapshot.last.index;
        self.snapshot = Some(snapshot);
        self.restored = true;
    }
}

impl Incoming {
    fn new(message: &InstallSnapshot) -> Self {
        Self {
            last: message.last,
            bytes: Vec::new(),
            ahead: VecMap::new(),
            length: None,
        }
    }

    /// Takes in a chunk at any offset: chunks may be reordered.
    fn take(&mut self, message: &InstallSnapshot) {
        let end = message.offset + message.chunk.len();
        if message.done {
            self.length = Some(end);
        }
        if end > self.bytes.len() {
            self.ahead.insert(message.offset, message.chunk.clone());
        }
        while let Some((offset, chunk)) = {
            let end = self.bytes.len();
            self.ahead.pop_first_if(|offset, _| *offset <= end)
        } {
            let known = self.bytes.len() - offset;
            self.bytes
                .extend_from_slice(chunk.get(known..).unwrap_or_default());
        }
    }
}

impl Sending {
    /// The next chunk, if the window has room for it.
    fn next_chunk(
        &mut self,
        term: Term,
        chunk_bytes: usize,
        window_bytes: usize,
    ) -> Option<InstallSnapshot> {
        let data = &self.snapshot.data;
        let under_way = self.sent - self.acknowledged;
        if self.all_sent || (under_way > 0 && under_way >= window_bytes) {
            return None;
        }
        let offset = self.sent;
        let end = data.len().min(offset + chunk_bytes);
        self.sent = end;
        self.all_sent = end == data.len();
        Some(InstallSnapshot {
            term,
            last: self.snapshot.last,
            offset,
            chunk: data[offset..end].into(),
            done: end == data.len(),
        })
    }

    /// The peer acknowledges all bytes before `held`.
    fn acknowledge(&mut self, held: usize) {
        let held = held.min(self.snapshot.data.len());
        self.least_held = Some(self.least_held.map_or(held, |least| least.min(held)));
        if held > self.acknowledged {
            self.acknowledged = held;
            self.sent = self.sent.max(held);
            self.progressed = true;
        }
    }

    /// A heartbeat later: if the peer got no further, sends again from what it
    /// has. It may have less than it once said: an unfinished snapshot is in
    /// memory only, and a crash takes it.
    fn goes_back_without_progress(&mut self) -> bool {
        let least_held = self.least_held.take();
        if core::mem::take(&mut self.progressed) {
            return false;
        }
        self.acknowledged = least_held.unwrap_or(self.acknowledged);
        self.sent = self.acknowledged;
        self.all_sent = false;
        true
    }
}
