//! What a leader knows about each follower, and how it replicates to it.

use alloc::collections::VecDeque;

use super::types::{LogIndex, Round, Snapshot};
use crate::process::NodeId;
use crate::renaming::{Renamed, Renaming};

/// The leader's view of one follower.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Progress {
    id: NodeId,
    /// The last index that its log is known to share with ours. Comes only
    /// from what a reply says was in the message it answers, never from `next_index`.
    match_index: LogIndex,
    /// The index of the next entry to send. Always above `match_index`; an
    /// optimistic guess while pipelining.
    next_index: LogIndex,
    state: ProgressState,
    /// Whether it answered since the last quorum check.
    heard: bool,
    /// The newest round of the leader's that it answered.
    round: Round,
}

/// How entries are sent to a peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProgressState {
    /// It is unknown where the logs diverge: one message at a time.
    Probe {
        /// Whether an answer is awaited. A lost one is made up for by the
        /// answer to the next heartbeat.
        waiting: bool,
        /// Whether messages of an earlier pipeline may still be in flight.
        after_window: bool,
    },
    /// The logs agree before `next_index`: entries are sent without waiting, up to a window.
    Pipeline(Inflights),
    /// It needs entries that only a snapshot still holds.
    Snapshot(Sending),
}

/// The messages sent and not yet acknowledged: a sliding window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Inflights {
    /// The last index and the size of each message, in ascending order.
    batches: VecDeque<(LogIndex, usize)>,
    /// The sum of the sizes.
    bytes: usize,
    /// The most messages in flight, if fewer than usual. When messages are reordered, most
    /// of a full window is rejected; reopening it as wide after each answer in between
    /// would send ever more of the same.
    most: Option<usize>,
}

/// The size of a window that reopens after a rejection. With one message, a peer that is
/// far behind would get hardly more than an entry per round trip.
const NARROW: usize = 4;

/// A window that has grown to this size is bounded by bytes alone.
const WIDE: usize = 64;

/// A snapshot on its way to a peer, a window of chunks at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sending {
    /// The snapshot as it was when the sending began: a newer one does not
    /// interrupt it, or a leader that compacts often would never finish.
    pub(super) snapshot: Snapshot,
    /// The peer has acknowledged all bytes before. Goes back only if the peer lost what it
    /// had.
    pub(super) acknowledged: usize,
    /// All bytes before were sent. At least `acknowledged`.
    pub(super) sent: usize,
    /// Whether the last chunk was sent, which alone says how long the snapshot is.
    pub(super) all_sent: bool,
    /// Whether the peer got further since the last heartbeat.
    pub(super) progressed: bool,
    /// The least that the peer reported since the last heartbeat. Replies may be reordered,
    /// so a single one does not prove that something was lost.
    pub(super) least_held: Option<usize>,
}

impl Inflights {
    fn push(&mut self, last: LogIndex, bytes: usize) {
        self.batches.push_back((last, bytes));
        self.bytes += bytes;
    }

    fn acknowledge(&mut self, index: LogIndex) {
        while let Some(&(last, bytes)) = self.batches.front()
            && last <= index
        {
            self.bytes -= bytes;
            self.batches.pop_front();
        }
    }

    /// Room for a few messages, and for one more with each new acknowledgement: slow start,
    /// doubling per round trip in which nothing is lost.
    fn narrow() -> Self {
        Self {
            most: Some(NARROW),
            ..Self::default()
        }
    }

    fn widen(&mut self) {
        let more = self.most.map(|most| most + 1);
        self.most = more.filter(|most| *most < WIDE);
    }

    fn has_room(&self, max_bytes: usize) -> bool {
        let is_full = self.most.is_some_and(|most| self.batches.len() >= most);
        !is_full && self.bytes < max_bytes
    }

    /// About how many bytes are under way.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Only the id changes: states and snapshots name no node.
impl Renamed for Progress {
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self {
            id: renaming.of(self.id),
            ..self.clone()
        }
    }
}

impl Progress {
    /// A peer of which nothing is known; `next_index` is the first entry of the new term.
    pub(super) fn new(id: NodeId, next_index: LogIndex) -> Self {
        Self {
            id,
            match_index: LogIndex::ZERO,
            next_index,
            state: ProgressState::Probe {
                waiting: false,
                after_window: false,
            },
            // It may have just voted: a new leader has a full interval to be heard.
            heard: true,
            round: Round::default(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The last index that its log is known to share with the leader's.
    #[must_use]
    pub fn match_index(&self) -> LogIndex {
        self.match_index
    }

    /// The index of the next entry to send it.
    #[must_use]
    pub fn next_index(&self) -> LogIndex {
        self.next_index
    }

    /// How entries are sent to it.
    #[must_use]
    pub fn state(&self) -> &ProgressState {
        &self.state
    }

    pub(super) fn state_mut(&mut self) -> &mut ProgressState {
        &mut self.state
    }

    /// The newest round of the leader's that it answered.
    #[must_use]
    pub fn round(&self) -> Round {
        self.round
    }

    /// Notes that it answered.
    pub(super) fn hear(&mut self) {
        self.heard = true;
    }

    /// Whether it answered since this was last asked.
    pub(super) fn take_heard(&mut self) -> bool {
        core::mem::take(&mut self.heard)
    }

    /// Notes that it answered a message of a round.
    pub(super) fn confirm(&mut self, round: Round) {
        // Replies may be reordered: an old one must not undo a new one.
        self.round = self.round.max(round);
    }

    /// Whether entries may be sent now, given how many may be under way.
    pub(super) fn accepts(&self, max_entries: usize, max_bytes: usize) -> bool {
        match &self.state {
            ProgressState::Probe { waiting, .. } => !waiting,
            ProgressState::Pipeline(inflights) => {
                self.next_index.since(self.match_index) <= max_entries
                    && inflights.has_room(max_bytes)
            }
            ProgressState::Snapshot(_) => false,
        }
    }

    /// The first entry that it still needs, if it is known to lack any of a log that ends
    /// at `last`. Unknown while probing.
    pub(super) fn wants_from(&self, last: LogIndex) -> Option<LogIndex> {
        let first = match &self.state {
            ProgressState::Probe { .. } => return None,
            ProgressState::Pipeline(_) => self.next_index,
            ProgressState::Snapshot(sending) => sending.snapshot.last.index.next(),
        };
        (first <= last).then_some(first)
    }

    /// Notes that entries up to `last` were sent.
    pub(super) fn sent(&mut self, last: LogIndex, bytes: usize) {
        match &mut self.state {
            ProgressState::Probe { waiting, .. } => *waiting = true,
            ProgressState::Pipeline(inflights) => {
                inflights.push(last, bytes);
                self.next_index = last.next();
            }
            ProgressState::Snapshot(_) => unreachable!("no entries flow while a snapshot does"),
        }
    }

    /// Notes that the logs agree up to `index`; says whether that is news.
    /// `base` is where the leader's own log begins.
    pub(super) fn matches(&mut self, index: LogIndex, base: LogIndex) -> bool {
        let news = index > self.match_index;
        self.match_index = self.match_index.max(index);
        let follows = self.match_index.next();
        match &mut self.state {
            ProgressState::Pipeline(inflights) => {
                inflights.acknowledge(self.match_index);
                if news {
                    inflights.widen();
                }
                self.next_index = self.next_index.max(follows);
            }
            ProgressState::Probe { after_window, .. } if follows >= self.next_index => {
                let narrow = *after_window;
                self.pipeline_after_match();
                if narrow {
                    self.state = ProgressState::Pipeline(Inflights::narrow());
                }
            }
            ProgressState::Snapshot(_) if self.match_index >= base => self.pipeline_after_match(),
            ProgressState::Snapshot(_) => self.next_index = self.next_index.max(follows),
            ProgressState::Probe { .. } => {}
        }
        news
    }

    /// Everything up to `match_index` is known to agree: sends optimistically from there.
    pub(super) fn pipeline_after_match(&mut self) {
        self.next_index = self.match_index.next();
        self.state = ProgressState::Pipeline(Inflights::default());
    }

    /// Handles the rejection of a message that followed `previous`; `next` is where the
    /// logs may agree. Returns false for a stale rejection: one that contradicts what is
    /// known, answers a probe other than the last, or was sent when less was known to
    /// agree.
    pub(super) fn backs_up(&mut self, previous: LogIndex, next: LogIndex) -> bool {
        let current = match &self.state {
            ProgressState::Probe { .. } => previous.next() == self.next_index,
            ProgressState::Pipeline(_) => previous < self.next_index,
            ProgressState::Snapshot(_) => false,
        };
        if !current || previous <= self.match_index || next <= self.match_index {
            return false;
        }
        let after_window = match &self.state {
            ProgressState::Probe { after_window, .. } => *after_window,
            ProgressState::Pipeline(_) | ProgressState::Snapshot(_) => true,
        };
        self.next_index = next.min(previous);
        self.state = ProgressState::Probe {
            waiting: false,
            after_window,
        };
        true
    }

    /// Begins to send a snapshot.
    pub(super) fn begin_snapshot(&mut self, snapshot: Snapshot) {
        self.state = ProgressState::Snapshot(Sending {
            snapshot,
            acknowledged: 0,
            sent: 0,
            all_sent: false,
            progressed: true,
            least_held: None,
        });
    }
}
