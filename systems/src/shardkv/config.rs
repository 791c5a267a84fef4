//! What the nodes know before they start.

use core::ops::Range;
use core::time::Duration;

use crate::replica;
use crate::service;
use crate::shardctrler::GroupId;

use super::leader_state::ASKED_AT_ONCE;
use super::part::{ControllerPart, GroupPart};
use crate::process::{ConfigError, Process as _};

/// What a node is, and its tuning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Config {
    /// A server of the controller, or a clerk that asks it for an operator.
    Controller(service::Config),
    /// A server of a group.
    Server(ServerConfig),
    /// A clerk that asks the groups for a client.
    Clerk(ClerkConfig),
}

/// The tuning of a group's server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerConfig {
    /// Its group. The same on all servers of the group.
    pub group: GroupId,
    /// Its replica.
    pub replica: replica::Config,
    /// How it asks the controller, with as many queries in flight as it has lanes. Its
    /// patience is not used: see [`Self::poll`].
    pub controller: service::ClerkConfig,
    /// How long a leader waits before it asks for the next configuration again. A question
    /// or an answer that was lost is noticed after as long, each time: groups that
    /// others wait for must not grow patient.
    pub poll: Range<Duration>,
    /// How long a leader waits before it offers again what it must hand over.
    pub hand_over: Range<Duration>,
}

/// The tuning of a clerk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClerkConfig {
    /// How it asks the controller, with one query in flight. Its patience is not used: see
    /// [`Self::doubt`].
    pub controller: service::ClerkConfig,
    /// How it asks a group, whichever; its servers are those that the
    /// configuration names, its lanes are this clerk's, and so is the time
    /// after which sessions are let go.
    pub group: service::ClerkConfig,
    /// How long it backs off when a shard has moved.
    pub rest: Range<Duration>,
    /// How long it waits for a group before it asks the controller whether the
    /// shard has moved; and for the controller before it asks that again, each time:
    /// nothing else is of use to a clerk that does not know whom to ask.
    pub doubt: Range<Duration>,
}

impl ServerConfig {
    /// A server of a group, with usual pauses, which asks the controller for as
    /// many configurations at a time as are of use.
    #[must_use]
    pub fn of(group: GroupId, replica: replica::Config, controller: service::ClerkConfig) -> Self {
        Self {
            group,
            replica,
            controller: service::ClerkConfig {
                lanes: ASKED_AT_ONCE as u8,
                ..controller
            },
            poll: Duration::from_millis(60)..Duration::from_millis(100),
            hand_over: Duration::from_millis(100)..Duration::from_millis(200),
        }
    }

    /// The tuning of the clerk of the controller inside.
    pub(super) fn asking(&self) -> service::ClerkConfig {
        service::ClerkConfig {
            patience: self.poll.clone(),
            doublings: 0,
            ..self.controller.clone()
        }
    }
}

impl ClerkConfig {
    /// A clerk with usual pauses.
    #[must_use]
    pub fn of(controller: service::ClerkConfig, group: service::ClerkConfig) -> Self {
        Self {
            controller,
            group,
            rest: Duration::from_millis(5)..Duration::from_millis(60),
            doubt: Duration::from_millis(250)..Duration::from_millis(400),
        }
    }

    /// The tuning of the clerk of the controller inside.
    pub(super) fn asking(&self) -> service::ClerkConfig {
        service::ClerkConfig {
            patience: self.doubt.clone(),
            doublings: 0,
            ..self.controller.clone()
        }
    }
}

/// The timers of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Of a server of the controller, or of whoever asks the controller.
    Controller(service::Timer),
    /// Of a group's server: of its replica.
    Group(service::Timer),
    /// A group's leader asks for the next configuration.
    Poll,
    /// A group's leader offers again what it must hand over.
    HandOver,
    /// Of a clerk: of its dealings with one group.
    Asking(GroupId, service::Timer),
    /// The back-off of a clerk's slot is over: it asks again.
    Rest {
        /// Which slot.
        slot: u8,
    },
    /// A slot of a clerk has not written for long.
    Idle {
        /// Which slot.
        slot: u8,
    },
    /// A clerk's slot has waited long enough to suspect that it asks the wrong group.
    Doubt {
        /// Which slot.
        slot: u8,
    },
}

impl Config {
    /// Validates it, with all that is inside.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let asks = |config: &service::ClerkConfig| {
            ControllerPart::check(&service::Config::Clerk(config.clone()))
        };
        match self {
            Self::Controller(config) => ControllerPart::check(config),
            Self::Server(config) => {
                ConfigError::delays("poll", &config.poll)?;
                ConfigError::delays("hand_over", &config.hand_over)?;
                asks(&config.asking())?;
                GroupPart::check(&service::Config::Server(config.replica.clone()))
            }
            Self::Clerk(config) => {
                ConfigError::delays("rest", &config.rest)?;
                ConfigError::delays("doubt", &config.doubt)?;
                asks(&config.asking())?;
                // Its servers are not known yet; any will do.
                asks(&service::ClerkConfig {
                    servers: config.controller.servers.clone(),
                    ..config.group.clone()
                })
            }
        }
    }
}
