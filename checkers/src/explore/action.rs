//! What can happen to a small world.

use std::fmt;

use snowglobe_systems::process::{NodeId, Process};

use super::Shared;

/// Something that happens.
#[derive(Clone, PartialEq, Eq)]
pub enum Action<P: Process> {
    /// A node takes a step.
    Input {
        /// What makes it.
        event: Event<P>,
        /// What it chooses, as far as that is not the first possibility.
        choices: Vec<u32>,
        /// It goes down after so many effects of the step.
        crash_after: Option<usize>,
    },
    /// A node goes down between two steps.
    Crash(NodeId),
    /// A node comes back from what its disk holds.
    Restart {
        /// Which.
        node: NodeId,
        /// What its start chooses, as far as that is not the first possibility.
        choices: Vec<u32>,
        /// It goes down again after so many effects of its start.
        crash_after: Option<usize>,
    },
    /// Two nodes lose sight of each other, and what is under way between them is lost.
    Cut(NodeId, NodeId),
    /// The same, but what is under way between them is held.
    Hold(NodeId, NodeId),
    /// They see each other again; what was held may arrive.
    Mend(NodeId, NodeId),
}

/// What makes a node take a step.
#[derive(Clone, PartialEq, Eq)]
pub enum Event<P: Process> {
    /// A message arrives.
    Deliver {
        /// Who sent it.
        from: NodeId,
        /// Who gets it.
        to: NodeId,
        /// What it says.
        message: Shared<P::Message>,
        /// A copy of it stays under way.
        stays: bool,
    },
    /// An armed timer fires.
    Timeout {
        /// Whose.
        node: NodeId,
        /// Which.
        timer: P::Timer,
    },
    /// A client asks for its next operation.
    Invoke {
        /// Which client.
        client: usize,
        /// Whom it calls.
        node: NodeId,
    },
}

impl<P: Process> Event<P> {
    /// The node that takes the step.
    #[must_use]
    pub fn node(&self) -> NodeId {
        match self {
            Self::Deliver { to, .. } => *to,
            Self::Timeout { node, .. } | Self::Invoke { node, .. } => *node,
        }
    }
}

/// The kinds of action that an account tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionKind {
    /// A message arrives.
    Deliver,
    /// A message arrives and stays under way.
    Duplicate,
    /// A timeout expires.
    Timeout,
    /// A periodic timer fires: a heartbeat or the like.
    Beat,
    /// A client calls.
    Invoke,
    /// A node goes down between two steps.
    Crash,
    /// A node goes down between two effects of a step.
    CrashBetweenEffects,
    /// A node comes back.
    Restart,
    /// Two nodes lose sight of each other.
    Cut,
    /// The same, and what is under way between them is held.
    Hold,
    /// Two nodes see each other again.
    Mend,
}

impl ActionKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Deliver,
        Self::Duplicate,
        Self::Timeout,
        Self::Beat,
        Self::Invoke,
        Self::Crash,
        Self::CrashBetweenEffects,
        Self::Restart,
        Self::Cut,
        Self::Hold,
        Self::Mend,
    ];

    /// Its name in an account.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Duplicate => "duplicate",
            Self::Timeout => "timeout",
            Self::Beat => "beat",
            Self::Invoke => "invoke",
            Self::Crash => "crash",
            Self::CrashBetweenEffects => "crash between effects",
            Self::Restart => "restart",
            Self::Cut => "cut",
            Self::Hold => "hold",
            Self::Mend => "mend",
        }
    }
}

impl<P: Process> fmt::Debug for Event<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deliver {
                from,
                to,
                message,
                stays,
            } => {
                let verb = if *stays { "duplicate" } else { "deliver" };
                write!(f, "{verb} {from}->{to} {message:?}")
            }
            Self::Timeout { node, timer } => write!(f, "timeout {node} {timer:?}"),
            Self::Invoke { client, node } => write!(f, "client {client} invokes {node}"),
        }
    }
}

impl<P: Process> fmt::Debug for Action<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let crash = |f: &mut fmt::Formatter<'_>, after: &Option<usize>| match after {
            Some(effects) => write!(f, ", crash after effect {effects}"),
            None => Ok(()),
        };
        let chosen = |f: &mut fmt::Formatter<'_>, choices: &[u32]| match choices {
            [] => Ok(()),
            choices => write!(f, ", choosing {choices:?}"),
        };
        match self {
            Self::Input {
                event,
                choices,
                crash_after,
            } => {
                event.fmt(f)?;
                chosen(f, choices)?;
                crash(f, crash_after)
            }
            Self::Crash(node) => write!(f, "crash {node}"),
            Self::Restart {
                node,
                choices,
                crash_after,
            } => {
                write!(f, "restart {node}")?;
                chosen(f, choices)?;
                crash(f, crash_after)
            }
            Self::Cut(one, other) => write!(f, "cut {one} {other}"),
            Self::Hold(one, other) => write!(f, "hold {one} {other}"),
            Self::Mend(one, other) => write!(f, "mend {one} {other}"),
        }
    }
}
