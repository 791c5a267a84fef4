//! What the nodes of a service know before they start.

use alloc::sync::Arc;
use core::ops::Range;
use core::time::Duration;

use crate::process::NodeId;
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
    /// How many calls it has under way at a time, each in a lane with a session
    /// of its own; at least 1. Calls in different lanes have no order.
    pub lanes: u8,
    /// How long it waits for an answer at first. It doubles with each try, so
    /// that impatient clerks do not bury a slow leader under repetitions.
    pub patience: Range<Duration>,
    /// How often it doubles.
    pub doublings: u8,
    /// How long it rests after it was turned away.
    pub back_off: Range<Duration>,
    /// When it lets a session go that it does not use.
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
            doublings: 3,
            back_off: Duration::from_millis(5)..Duration::from_millis(60),
            idle: Duration::from_secs(60),
        }
    }
}

/// The timers of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A timer of a server's replica.
    Raft(raft::Timer),
    /// A lane of a clerk has waited long enough for an answer.
    Patience {
        /// Which lane.
        lane: u8,
        /// How often the wait has doubled.
        doublings: u8,
    },
    /// A lane of a clerk has rested and asks again.
    BackOff {
        /// Which lane.
        lane: u8,
    },
    /// A lane of a clerk has not used its session for long.
    Idle {
        /// Which lane.
        lane: u8,
    },
}

impl Config {
    pub(crate) fn delay(&self, timer: Timer) -> Range<Duration> {
        match (self, timer) {
            (Self::Server(config), Timer::Raft(timer)) => config.raft.delay(timer),
            (Self::Clerk(config), Timer::Patience { doublings, .. }) => {
                let factor = 1 << doublings;
                config.patience.start * factor..config.patience.end * factor
            }
            (Self::Clerk(config), Timer::BackOff { .. }) => config.back_off.clone(),
            (Self::Clerk(config), Timer::Idle { .. }) => config.idle..config.idle,
            (Self::Server(_), _) | (Self::Clerk(_), Timer::Raft(_)) => {
                panic!("a node sets its own timers only, not {timer:?}")
            }
        }
    }
}
