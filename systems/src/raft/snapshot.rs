//! Snapshots: taken here, sent in chunks, installed there (paper, 7).

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::message::{InstallSnapshot, InstallSnapshotReply, Message, Received};
use super::output::Output;
use super::peer::{Flow, Sending};
use super::role::{Incoming, Role};
use super::types::{Command, LogIndex, Snapshot, Term};
use super::{Raft, Write, marks};
use crate::process::NodeId;

impl<C: Command> Raft<C> {
    /// Lets the host's state take the place of the log up to `index`.
    ///
    /// # Panics
    /// If the index was not applied yet, or an equally new snapshot is there.
    pub fn compact(&mut self, index: LogIndex, data: Arc<[u8]>, out: &mut impl Output<C>) {
        assert!(
            index > self.log.base().index && index <= self.applied,
            "a snapshot ends past the last one and at an applied index: {index}, {} to {}",
            self.log.base().index,
            self.applied
        );
        let last = self.log.position_at(index);
        let snapshot = Snapshot { last, data };
        out.persist(Write::Snapshot(snapshot.clone()));
        out.mark(marks::LOG_COMPACTED);
        self.log.compact_to(last);
        self.snapshot = Some(snapshot);
    }

    pub(super) fn begin_snapshot_to(&mut self, place: usize, out: &mut impl Output<C>) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let snapshot = self
            .snapshot
            .clone()
            .expect("a log without its start has a snapshot");
        let peer = &mut leader.peers[place];
        let to = peer.id();
        let chunk = peer
            .begin_snapshot(snapshot)
            .chunk(self.term, self.config.snapshot_chunk_bytes);
        out.mark(marks::SNAPSHOT_SENT);
        out.send(to, Message::InstallSnapshot(chunk));
    }

    /// Sends the chunk under way again, if nothing came back for it since the
    /// last heartbeat; begins a snapshot if the log was compacted past what
    /// the peer acknowledges, since then no probe can tell where it is.
    pub(super) fn resume_snapshot_to(&mut self, place: usize, out: &mut impl Output<C>) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let peer = &mut leader.peers[place];
        let to = peer.id();
        let behind = peer.next() < self.log.first();
        let Flow::Snapshot(sending) = peer.flow_mut() else {
            if behind {
                self.begin_snapshot_to(place, out);
            }
            return;
        };
        if !core::mem::take(&mut sending.progressed) {
            let chunk = sending.chunk(self.term, self.config.snapshot_chunk_bytes);
            out.mark(marks::SNAPSHOT_CHUNK_RESUMED);
            out.send(to, Message::InstallSnapshot(chunk));
        }
    }

    pub(super) fn on_install_snapshot(
        &mut self,
        from: NodeId,
        message: &InstallSnapshot,
        out: &mut impl Output<C>,
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
        out: &mut impl Output<C>,
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
        if message.offset == incoming.bytes.len() {
            incoming.bytes.extend_from_slice(&message.chunk);
            if message.done {
                let data = core::mem::take(&mut incoming.bytes);
                self.incoming = None;
                self.install(
                    Snapshot {
                        last: message.last,
                        data: data.into(),
                    },
                    out,
                );
                return Some(Received::All);
            }
        }
        Some(Received::Bytes(incoming.bytes.len()))
    }

    fn install(&mut self, snapshot: Snapshot, out: &mut impl Output<C>) {
        out.persist(Write::Snapshot(snapshot.clone()));
        out.mark(marks::SNAPSHOT_INSTALLED);
        self.log.compact_to(snapshot.last);
        self.commit = snapshot.last.index;
        self.snapshot = Some(snapshot);
        self.restored = true;
    }

    pub(super) fn on_install_snapshot_reply(
        &mut self,
        from: NodeId,
        reply: &InstallSnapshotReply,
        out: &mut impl Output<C>,
    ) {
        if self.yields_to(reply.term, out) || reply.term < self.term {
            return;
        }
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let place = leader.place_of(from);
        let peer = &mut leader.peers[place];
        peer.hear();
        let current = match peer.flow_mut() {
            Flow::Snapshot(sending) if sending.snapshot.last == reply.last => Some(sending),
            _ => None,
        };
        match (reply.received, current) {
            (Received::Bytes(bytes), Some(sending)) if bytes != sending.offset => {
                if bytes < sending.offset {
                    // It lost what it had; a follower keeps an unfinished
                    // snapshot in memory only.
                    out.mark(marks::SNAPSHOT_CHUNK_RESUMED);
                }
                sending.offset = bytes.min(sending.snapshot.data.len());
                sending.progressed = true;
                let chunk = sending.chunk(self.term, self.config.snapshot_chunk_bytes);
                out.send(from, Message::InstallSnapshot(chunk));
            }
            // A duplicate: answering it would send every later chunk twice.
            (Received::Bytes(_), _) => {}
            (Received::All, current) => {
                let finished = current.is_some();
                let news = peer.matches(reply.last.index, self.log.base().index);
                if finished {
                    peer.pipeline_after_match();
                }
                if news {
                    self.advance_commit(out);
                }
                self.replicate_to(place, out);
                self.continue_transfer(from, out);
            }
        }
    }
}

impl Incoming {
    fn new(message: &InstallSnapshot) -> Self {
        Self {
            last: message.last,
            bytes: Vec::new(),
        }
    }
}

impl Sending {
    /// The chunk at the current offset.
    fn chunk(&self, term: Term, max_bytes: usize) -> InstallSnapshot {
        let data = &self.snapshot.data;
        let end = data.len().min(self.offset + max_bytes.max(1));
        InstallSnapshot {
            term,
            last: self.snapshot.last,
            offset: self.offset,
            chunk: data[self.offset..end].into(),
            done: end == data.len(),
        }
    }
}
