//! Tuning, timers, and who may vote.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use crate::process::{ConfigError, Delay, NodeId};

/// The largest cluster: votes are kept in the bits of a word.
pub const MAX_VOTERS: usize = 32;

/// The timers of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// No leader was heard: a node that does not lead starts a pre-vote.
    Election,
    /// The leader tells all peers that it is alive, and probes what they have.
    Heartbeat,
    /// The leader steps down unless a majority answered since the last check.
    QuorumCheck,
    /// The leader gives up a transfer of its leadership.
    Transfer,
}

/// The tuning of Raft.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// From here each election timeout is drawn. Its start should be several heartbeats.
    pub election_timeout: Range<Duration>,
    /// The time between two heartbeats.
    pub heartbeat_interval: Duration,
    /// The time in which a leader must hear from a majority.
    pub quorum_check_interval: Duration,
    /// The time after which a transfer of leadership is abandoned.
    pub transfer_timeout: Duration,
    /// The most entries in one message.
    pub max_batch_entries: usize,
    /// About the most bytes in one message; a single larger entry still goes.
    pub max_batch_bytes: usize,
    /// The most entries sent to a peer and not yet acknowledged.
    pub max_in_flight_entries: usize,
    /// About the most bytes sent to a peer and not yet acknowledged.
    pub max_in_flight_bytes: usize,
    /// The size of the chunks in which a snapshot is sent.
    pub snapshot_chunk_bytes: usize,
    /// About the most bytes of a snapshot sent to a peer and not yet
    /// acknowledged; a single larger chunk still goes.
    pub snapshot_window_bytes: usize,
    /// The most entries of what a snapshot covers that stay in the log, so that
    /// a peer that missed a few messages is not sent a whole snapshot. 0 keeps none. A leader
    /// keeps more while a peer is still to be sent them.
    pub compaction_tail_entries: usize,
    /// About the most bytes of such entries.
    pub compaction_tail_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            election_timeout: Duration::from_millis(300)..Duration::from_millis(600),
            heartbeat_interval: Duration::from_millis(100),
            quorum_check_interval: Duration::from_millis(600),
            transfer_timeout: Duration::from_millis(600),
            max_batch_entries: 64,
            max_batch_bytes: 64 * 1024,
            max_in_flight_entries: 256,
            max_in_flight_bytes: 512 * 1024,
            snapshot_chunk_bytes: 16 * 1024,
            snapshot_window_bytes: 256 * 1024,
            compaction_tail_entries: 256,
            compaction_tail_bytes: 256 * 1024,
        }
    }
}

impl Config {
    /// Refuses tuning under which a cluster could not work.
    ///
    /// # Errors
    /// Which setting is wrong, and what to write instead.
    pub fn check(&self) -> Result<(), ConfigError> {
        ConfigError::delays("election_timeout", &self.election_timeout)?;
        ConfigError::delay("heartbeat_interval", self.heartbeat_interval)?;
        ConfigError::delay("quorum_check_interval", self.quorum_check_interval)?;
        ConfigError::delay("transfer_timeout", self.transfer_timeout)?;
        let heartbeat = self.heartbeat_interval;
        if heartbeat >= self.election_timeout.start {
            let problem = format!(
                "is {heartbeat:?}, not shorter than the shortest election_timeout, so that followers \
                 depose every leader: give less than {:?}",
                self.election_timeout.start
            );
            return Err(ConfigError::new("heartbeat_interval", problem));
        }
        if heartbeat >= self.quorum_check_interval {
            let problem = format!(
                "is {:?}, so that a leader steps down before its heartbeats can be answered: give \
                 more than the heartbeat_interval of {heartbeat:?}",
                self.quorum_check_interval
            );
            return Err(ConfigError::new("quorum_check_interval", problem));
        }
        let nothing_goes = "no entry would ever be sent";
        ConfigError::positive("max_batch_entries", self.max_batch_entries, nothing_goes)?;
        ConfigError::positive("max_batch_bytes", self.max_batch_bytes, nothing_goes)?;
        ConfigError::positive(
            "max_in_flight_entries",
            self.max_in_flight_entries,
            nothing_goes,
        )?;
        ConfigError::positive(
            "max_in_flight_bytes",
            self.max_in_flight_bytes,
            nothing_goes,
        )?;
        let no_snapshot = "no snapshot would ever arrive";
        ConfigError::positive(
            "snapshot_chunk_bytes",
            self.snapshot_chunk_bytes,
            no_snapshot,
        )?;
        ConfigError::positive(
            "snapshot_window_bytes",
            self.snapshot_window_bytes,
            no_snapshot,
        )
    }

    /// After how long a timer fires.
    #[must_use]
    pub fn delay(&self, timer: Timer) -> Delay {
        match timer {
            Timer::Election => (&self.election_timeout).into(),
            Timer::Heartbeat => self.heartbeat_interval.into(),
            Timer::QuorumCheck => self.quorum_check_interval.into(),
            Timer::Transfer => self.transfer_timeout.into(),
        }
    }
}

/// The voters: the one place that knows what a majority is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Voters(
    /// Strictly ascending, so that each has one place.
    Vec<NodeId>,
);

impl Voters {
    /// The given nodes, in any order.
    ///
    /// # Panics
    /// If there are none, or more than [`MAX_VOTERS`].
    pub fn new(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        let mut nodes: Vec<_> = nodes.into_iter().collect();
        nodes.sort_unstable();
        nodes.dedup();
        assert!(
            (1..=MAX_VOTERS).contains(&nodes.len()),
            "a cluster has 1 to {MAX_VOTERS} voters, not {}",
            nodes.len()
        );
        Self(nodes)
    }

    /// The nodes `n1` to `n<count>`.
    ///
    /// # Panics
    /// If there are none, or more than [`MAX_VOTERS`].
    #[must_use]
    pub fn first(count: usize) -> Self {
        Self::new((0..count).map(NodeId::at))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: a cluster has at least one voter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many make a majority.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.0.len() / 2 + 1
    }

    /// The voters in ascending order.
    #[must_use]
    pub fn nodes(&self) -> &[NodeId] {
        &self.0
    }

    /// The place of a node among the voters, if it is one.
    #[must_use]
    pub fn place(&self, node: NodeId) -> Option<usize> {
        self.0.iter().position(|voter| *voter == node)
    }

    /// The largest value that a majority has reached, given one value for each voter.
    ///
    /// # Panics
    /// If there is not exactly one value for each voter.
    #[must_use]
    pub fn reached_by_majority<T: Copy + Default + Ord>(
        &self,
        values: impl Iterator<Item = T>,
    ) -> T {
        let mut sorted = [T::default(); MAX_VOTERS];
        let mut count = 0;
        for value in values {
            sorted[count] = value;
            count += 1;
        }
        assert_eq!(count, self.len(), "one value for each voter");
        sorted[..count].sort_unstable();
        sorted[count - self.quorum()]
    }
}

/// A set of voters, by their places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Votes(u32);

impl Votes {
    /// Counts the vote of the voter at a place; once, however often it arrives.
    pub fn add(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    /// Whether the voter at a place is among them.
    #[must_use]
    pub fn has(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }

    /// How many voted.
    #[must_use]
    pub fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}
