//! One thing that goes wrong, or right again.

use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::process::NodeId;

use super::network::{Links, QualityChange, Shape};
use crate::draw::PerMillion;
use crate::world::disk::{CrashMode, Damage};

/// One thing that goes wrong, or right again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The network takes a shape. Without an end it replaces all cuts and shapes that have none.
    Shape {
        /// Who reaches whom.
        shape: Shape,
        /// Whether messages that cannot pass wait until they can, and are not lost.
        holds: bool,
    },
    /// Links carry nothing any more. What is in flight is lost too, or waits.
    Cut {
        /// Which links.
        links: Links,
        /// Whether messages that cannot pass wait until they can, and are not lost.
        holds: bool,
    },
    /// Links carry messages again; their qualities stay.
    Join(Links),
    /// All cuts and shapes without an end are gone; the qualities of links stay.
    Heal,
    /// Links change some of their qualities.
    Degrade {
        /// Which links.
        links: Links,
        /// What changes.
        change: QualityChange,
    },
    /// Links get the qualities back with which the run began; cuts stay.
    Restore(Links),
    /// Processes go down. A node that is down already stays as it is.
    Crash {
        /// Which nodes.
        nodes: Nodes,
        /// What becomes of unsynced bytes.
        mode: CrashMode,
        /// The exact moment.
        moment: CrashMoment,
    },
    /// Processes that are down start from their disks.
    Restart(Nodes),
    /// Processes stop taking inputs, and what arrives waits for them.
    Pause(Nodes),
    /// Paused processes go on.
    Resume(Nodes),
    /// After each step a process needs this long before it takes the next; none if zero.
    Slow {
        /// Which nodes.
        nodes: Nodes,
        /// The time after a step.
        by: Range<Duration>,
    },
    /// Clocks change their rate: at 110 % one shows 1.1 seconds after one second
    /// of the world, so that the timers of its node fire early.
    Clock {
        /// Whose clocks.
        nodes: Nodes,
        /// What they show of each second of the world.
        rate: PerMillion,
    },
    /// Clocks go forward at once. A timer that is armed keeps its meaning, a moment
    /// of its node's own clock, and so fires that much earlier.
    Jump {
        /// Whose clocks.
        nodes: Nodes,
        /// How far.
        by: Duration,
    },
    /// Disks misbehave, or are well again.
    Disk {
        /// Whose disks.
        nodes: Nodes,
        /// What they do.
        fault: DiskFault,
    },
}

/// Some nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Nodes {
    /// These; at least one.
    Some(Vec<NodeId>),
    /// All nodes at once.
    All,
    /// Whoever [leads](snowglobe_systems::process::Process::leads) when it begins: one
    /// of them, if several do, and nobody if none does.
    Leader,
}

impl Nodes {
    /// One node.
    #[must_use]
    pub fn one(id: NodeId) -> Self {
        Self::Some(vec![id])
    }

    /// Whether a node is among them.
    #[must_use]
    pub fn contains(&self, id: NodeId) -> bool {
        match self {
            Self::Some(nodes) => nodes.contains(&id),
            Self::All => true,
            Self::Leader => false,
        }
    }

    /// Those that are named.
    #[must_use]
    pub fn named(&self) -> &[NodeId] {
        match self {
            Self::Some(nodes) => nodes,
            Self::All | Self::Leader => &[],
        }
    }

    /// Whether they may be more than one.
    #[must_use]
    pub const fn are_several(&self) -> bool {
        match self {
            Self::Some(nodes) => nodes.len() > 1,
            Self::All => true,
            Self::Leader => false,
        }
    }
}

/// The exact moment of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CrashMoment {
    /// When the incident begins, between two steps.
    AtOnce,
    /// In mid step: the node executes this many more effects and crashes before the next
    /// one. If it executes fewer before the incident ends, this crash never triggers.
    AfterEffects(u32),
}

/// What a disk does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DiskFault {
    /// Its syncs take this long; with an end, this much longer.
    SyncsIn(Range<Duration>),
    /// Its next write, or its next sync, gives an I/O error; with an end, all of them do.
    Fails,
    /// Its next sync gives an I/O error, and what it should have synced is gone when
    /// the power goes, although it can be read until then, and although the sync
    /// after it succeeds.
    DropsSync,
    /// It takes no more bytes.
    Full,
    /// Nothing can be read from it, and so no process starts from it.
    Unreadable,
    /// A place that was synced is damaged, where a recovery is sure to notice. This cannot be healed.
    Damaged(Damage),
    /// It syncs as fast as at the start, has room and gives no errors; damage stays.
    Heals,
}

impl Fault {
    /// Whether it can have an end, when what it brought is gone again.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        match self {
            Self::Shape { .. }
            | Self::Cut { .. }
            | Self::Degrade { .. }
            | Self::Crash { .. }
            | Self::Pause(_)
            | Self::Slow { .. }
            | Self::Clock { .. } => true,
            Self::Join(_)
            | Self::Heal
            | Self::Restore(_)
            | Self::Restart(_)
            | Self::Resume(_)
            | Self::Jump { .. } => false,
            Self::Disk { fault, .. } => !matches!(fault, DiskFault::Damaged(_) | DiskFault::Heals),
        }
    }

    /// Whether it mends what an earlier fault broke.
    #[must_use]
    pub fn mends(&self) -> bool {
        match self {
            Self::Join(_) | Self::Heal | Self::Restore(_) | Self::Restart(_) | Self::Resume(_) => {
                true
            }
            Self::Clock { rate, .. } => *rate == PerMillion::ALWAYS,
            Self::Slow { by, .. } => by.end.is_zero(),
            Self::Disk { fault, .. } => *fault == DiskFault::Heals,
            Self::Shape { .. }
            | Self::Cut { .. }
            | Self::Degrade { .. }
            | Self::Crash { .. }
            | Self::Jump { .. }
            | Self::Pause(_) => false,
        }
    }

    /// Whether it strikes whoever leads when it begins.
    #[must_use]
    pub fn seeks_leader(&self) -> bool {
        match self {
            Self::Cut { links, .. } | Self::Degrade { links, .. } => *links == Links::OfLeader,
            _ => self.strikes() == Some(&Nodes::Leader),
        }
    }

    /// The same fault, where it seeks a leader, of this node.
    #[must_use]
    pub fn of_leader(mut self, leader: NodeId) -> Self {
        if let Some(links) = self.links_mut()
            && *links == Links::OfLeader
        {
            *links = Links::Of(vec![leader]);
        }
        if let Some(nodes) = self.strikes_mut()
            && *nodes == Nodes::Leader
        {
            *nodes = Nodes::one(leader);
        }
        self
    }

    /// The links that it strikes, to be named anew.
    pub(super) fn links_mut(&mut self) -> Option<&mut Links> {
        match self {
            Self::Cut { links, .. }
            | Self::Join(links)
            | Self::Degrade { links, .. }
            | Self::Restore(links) => Some(links),
            _ => None,
        }
    }

    /// The nodes that it strikes, to be named anew; see [`strikes`](Self::strikes).
    pub(super) fn strikes_mut(&mut self) -> Option<&mut Nodes> {
        match self {
            Self::Crash { nodes, .. }
            | Self::Restart(nodes)
            | Self::Pause(nodes)
            | Self::Resume(nodes)
            | Self::Slow { nodes, .. }
            | Self::Clock { nodes, .. }
            | Self::Jump { nodes, .. }
            | Self::Disk { nodes, .. } => Some(nodes),
            _ => None,
        }
    }

    /// The nodes that it strikes, if it does not strike links.
    #[must_use]
    pub const fn strikes(&self) -> Option<&Nodes> {
        match self {
            Self::Crash { nodes, .. }
            | Self::Restart(nodes)
            | Self::Pause(nodes)
            | Self::Resume(nodes)
            | Self::Slow { nodes, .. }
            | Self::Clock { nodes, .. }
            | Self::Jump { nodes, .. }
            | Self::Disk { nodes, .. } => Some(nodes),
            Self::Shape { .. }
            | Self::Cut { .. }
            | Self::Join(_)
            | Self::Heal
            | Self::Degrade { .. }
            | Self::Restore(_) => None,
        }
    }

    /// Every node that it names, so that a schedule can be fitted to a smaller cluster.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        match self {
            Self::Shape { shape, .. } => shape.nodes().collect(),
            Self::Cut { links, .. }
            | Self::Join(links)
            | Self::Restore(links)
            | Self::Degrade { links, .. } => links.nodes(),
            _ => self
                .strikes()
                .map_or_else(Vec::new, |nodes| nodes.named().to_vec()),
        }
    }
}
