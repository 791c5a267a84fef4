//! What the nodes of a service know before they start.

use alloc::format;
use alloc::sync::Arc;
use core::ops::Range;
use core::time::Duration;

use crate::process::{ConfigError, Delay, NodeId};
use crate::raft;
use crate::replica;

/// What a node is, and its tuning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Config {
    /// It has a replica.
    Server(replica::Config),
    /// It asks servers on behalf of clients.
    Clerk(ClerkConfig),
}

/// The tuning of a clerk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClerkConfig {
    /// The servers it may ask; at least one.
    pub servers: Arc<[NodeId]>,
    /// How many calls it has in flight at a time, each in a slot with a session of its own;
    /// at least 1. Calls in different slots are unordered.
    pub lanes: u8,
    /// How long it waits for an answer at first; then twice as long, `doublings`
    /// times. A repetition costs a server next to nothing, and one that has too
    /// much to do says so, so there is little reason to wait long for an answer
    /// that may be lost.
    pub patience: Range<Duration>,
    /// How often it doubles.
    pub doublings: u8,
    /// How long it backs off after a rejection. It doubles each time that the server is
    /// busy, up to `back_off_doublings` times: clerks that retry soon keep a busy server
    /// busy.
    pub back_off: Range<Duration>,
    /// How often it doubles.
    pub back_off_doublings: u8,
    /// After how long it drops an unused session.
    pub idle: Duration,
}

impl ClerkConfig {
    /// One call at a time, with patience for a cluster that elects within a second.
    #[must_use]
    pub fn of(servers: impl IntoIterator<Item = NodeId>) -> Self {
        Self {
            servers: servers.into_iter().collect(),
            lanes: 1,
            patience: Duration::from_millis(400)..Duration::from_millis(600),
            doublings: 1,
            back_off: Duration::from_millis(5)..Duration::from_millis(60),
            back_off_doublings: 6,
            idle: Duration::from_secs(60),
        }
    }
}

/// The timers of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A timer of a server's replica.
    Raft(raft::Timer),
    /// A clerk's slot timed out waiting for an answer.
    Patience {
        /// Which slot.
        slot: u8,
    },
    /// The back-off of a clerk's slot is over: it asks again.
    BackOff {
        /// Which slot.
        slot: u8,
    },
    /// A slot of a clerk has not used its session for long.
    Idle {
        /// Which slot.
        slot: u8,
    },
}

impl ClerkConfig {
    /// How long it waits for an answer after this many timeouts.
    pub(super) fn patience_after(&self, waited: u8) -> Delay {
        Delay::from(&self.patience).times(1 << waited.min(self.doublings))
    }

    /// How long it rests when it was told so often that a server is busy.
    pub(super) fn back_off_after(&self, busy: u8) -> Delay {
        Delay::from(&self.back_off).times(1 << busy.min(self.back_off_doublings))
    }

    /// Refuses tuning under which a clerk could not work.
    ///
    /// # Errors
    /// Which setting is wrong, and what to write instead.
    pub fn check(&self) -> Result<(), ConfigError> {
        let nobody = "there is nobody to ask";
        ConfigError::positive("servers", self.servers.len(), nobody)?;
        let no_call = "no call would ever be made";
        ConfigError::positive("lanes", usize::from(self.lanes), no_call)?;
        ConfigError::delays("patience", &self.patience)?;
        ConfigError::delays("back_off", &self.back_off)?;
        ConfigError::delay("idle", self.idle)?;
        for (setting, doublings) in [
            ("doublings", self.doublings),
            ("back_off_doublings", self.back_off_doublings),
        ] {
            if doublings > MOST_DOUBLINGS {
                let problem = format!(
                    "is {doublings}, so that a clerk waits for days: give at most {MOST_DOUBLINGS}"
                );
                return Err(ConfigError::new(setting, problem));
            }
        }
        Ok(())
    }
}

/// Longer than anyone waits, and short enough to be a duration.
const MOST_DOUBLINGS: u8 = 16;

impl Config {
    /// Refuses tuning under which a node could not work.
    ///
    /// # Errors
    /// Which setting is wrong, and what to write instead.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Server(config) => config.check(),
            Self::Clerk(config) => config.check(),
        }
    }
}
