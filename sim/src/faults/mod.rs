//! What goes wrong in a run, and when: a schedule of faults is data.
//!
//! A [`TimedFault`] has words that a person can read and write (see [`words`]),
//! a [`FaultFamily`] by which reports count it, and no behaviour of its own:
//! the world carries it out. [`generate()`] draws whole schedules from a seed.

mod family;
pub mod generate;
mod membership;
mod parse;
pub mod profile;
pub mod words;

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_systems::process::NodeId;

use crate::draw::PerMillion;
use crate::time::SimTime;
use crate::world::disk::CrashMode;

pub use self::family::FaultFamily;
pub use self::generate::generate;
pub use self::membership::Membership;
pub use self::profile::FaultProfile;
pub use self::words::FaultError;

/// A fault and the moment at which it happens; reads and prints as `2.00s crash n3 losing unsynced`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimedFault {
    /// When it happens.
    pub at: SimTime,
    /// What happens.
    pub fault: Fault,
}

/// One thing that goes wrong, or right again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The network takes a shape. It replaces all cuts and any earlier shape.
    Shape(Shape),
    /// Links carry nothing any more. What is in flight is lost too.
    Cut(Links),
    /// Links carry messages again; their qualities stay.
    Join(Links),
    /// All cuts and shapes are gone; the qualities of links stay.
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
    /// A process stops taking inputs, and what arrives waits for it.
    Pause(NodeId),
    /// A paused process goes on.
    Resume(NodeId),
    /// A clock changes its rate: at 110 % it shows 1.1 seconds after one second
    /// of the world, so that the timers of its node fire early.
    Clock {
        /// Whose clock.
        node: NodeId,
        /// What the clock shows of each second of the world.
        rate: PerMillion,
    },
    /// A disk misbehaves, or is well again.
    Disk {
        /// Whose disk.
        node: NodeId,
        /// What it does.
        fault: DiskFault,
    },
}

/// A shape of the whole network. Nodes that it does not name reach one another and nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Nodes reach those of their own groups. With one group, the others are the second.
    Groups(Vec<Vec<NodeId>>),
    /// Both sides reach the node between them, and neither side reaches the other.
    Bridge {
        /// One side.
        left: Vec<NodeId>,
        /// The node that everybody reaches.
        bridge: NodeId,
        /// The other side.
        right: Vec<NodeId>,
    },
    /// Nodes reach the one before and the one after them in this order; the first follows the last.
    Ring(Vec<NodeId>),
}

impl Shape {
    /// Whether messages of `from` can reach `to`.
    #[must_use]
    pub fn reaches(&self, from: NodeId, to: NodeId) -> bool {
        if !self.names(from) && !self.names(to) {
            return true;
        }
        match self {
            Self::Groups(groups) => groups
                .iter()
                .any(|group| group.contains(&from) && group.contains(&to)),
            Self::Bridge {
                left,
                bridge,
                right,
            } => {
                let on = |side: &[NodeId], id| id == *bridge || side.contains(&id);
                on(left, from) && on(left, to) || on(right, from) && on(right, to)
            }
            Self::Ring(nodes) => {
                let place = |id| nodes.iter().position(|node| *node == id);
                let (Some(a), Some(b)) = (place(from), place(to)) else {
                    return false;
                };
                matches!(a.abs_diff(b), 0 | 1) || a.abs_diff(b) + 1 == nodes.len()
            }
        }
    }

    /// Every node that it names, in the order of the words.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        let (groups, bridge): (Vec<&[NodeId]>, _) = match self {
            Self::Groups(groups) => (groups.iter().map(Vec::as_slice).collect(), None),
            Self::Bridge {
                left,
                bridge,
                right,
            } => (vec![left, right], Some(*bridge)),
            Self::Ring(nodes) => (vec![nodes], None),
        };
        groups.into_iter().flatten().copied().chain(bridge)
    }

    fn names(&self, id: NodeId) -> bool {
        self.nodes().any(|node| node == id)
    }
}

/// Some links of the network, each in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Links {
    /// The one from a node to another.
    One {
        /// The sender.
        from: NodeId,
        /// The receiver.
        to: NodeId,
    },
    /// All links of a node, in both directions.
    Of(NodeId),
    /// All links.
    All,
}

impl Links {
    /// Whether the link from one node to another is among them.
    #[must_use]
    pub fn contains(self, from: NodeId, to: NodeId) -> bool {
        match self {
            Self::One { from: a, to: b } => (a, b) == (from, to),
            Self::Of(id) => id == from || id == to,
            Self::All => true,
        }
    }
}

/// Some nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nodes {
    /// One node.
    One(NodeId),
    /// All nodes at once.
    All,
}

impl Nodes {
    /// Whether a node is among them.
    #[must_use]
    pub fn contains(self, id: NodeId) -> bool {
        match self {
            Self::One(node) => node == id,
            Self::All => true,
        }
    }
}

/// What changes about links; what is `None` stays as it is. At least one thing changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct QualityChange {
    /// How long a message takes.
    pub latency: Option<Range<Duration>>,
    /// The share of messages that never arrive; no more than all of them.
    pub loss: Option<PerMillion>,
    /// The share of messages that arrive twice.
    pub duplicate: Option<PerMillion>,
    /// The share of messages that are held back, so that later ones overtake them.
    pub reorder: Option<PerMillion>,
}

/// The exact moment of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CrashMoment {
    /// At the fault's own time, between two steps.
    AtOnce,
    /// In mid step: the node executes so many more effects, and goes down
    /// before the next one. If it executes fewer, it never goes down of this.
    AfterEffects(u32),
}

/// What a disk does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DiskFault {
    /// Its syncs take this long.
    SyncsIn(Range<Duration>),
    /// Its next write, or its next sync, gives an I/O error.
    Fails,
    /// It takes no more bytes.
    Full,
    /// It flips a bit of a record that was synced and is not the last one. This cannot be healed.
    Rots,
    /// It syncs as fast as at the start, has room and gives no errors; rot stays.
    Heals,
}

impl Fault {
    /// Whether it mends what an earlier fault broke.
    #[must_use]
    pub fn mends(&self) -> bool {
        match self {
            Self::Join(_) | Self::Heal | Self::Restore(_) | Self::Restart(_) | Self::Resume(_) => {
                true
            }
            Self::Clock { rate, .. } => *rate == PerMillion::ALWAYS,
            Self::Disk { fault, .. } => *fault == DiskFault::Heals,
            Self::Shape(_)
            | Self::Cut(_)
            | Self::Degrade { .. }
            | Self::Crash { .. }
            | Self::Pause(_) => false,
        }
    }

    /// Every node that it names, so that a schedule can be fitted to a smaller cluster.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        match self {
            Self::Shape(shape) => shape.nodes().collect(),
            Self::Cut(links)
            | Self::Join(links)
            | Self::Restore(links)
            | Self::Degrade { links, .. } => match links {
                Links::One { from, to } => vec![*from, *to],
                Links::Of(id) => vec![*id],
                Links::All => Vec::new(),
            },
            Self::Crash { nodes, .. } | Self::Restart(nodes) => match nodes {
                Nodes::One(id) => vec![*id],
                Nodes::All => Vec::new(),
            },
            Self::Pause(node)
            | Self::Resume(node)
            | Self::Clock { node, .. }
            | Self::Disk { node, .. } => vec![*node],
            Self::Heal => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(words: &str, nodes: u8) -> Vec<String> {
        let Ok(Fault::Shape(shape)) = words.parse() else {
            panic!("{words} is a shape");
        };
        let row = |from| {
            (1..=nodes)
                .filter(|to| shape.reaches(NodeId(from), NodeId(*to)))
                .map(|to| to.to_string())
                .collect()
        };
        (1..=nodes).map(row).collect()
    }

    #[test]
    fn unnamed_nodes_form_a_group() {
        assert_eq!(
            reached("partition n1 n2", 5),
            ["12", "12", "345", "345", "345"]
        );
        assert_eq!(reached("partition n1 | n2", 4), ["1", "2", "34", "34"]);
    }

    #[test]
    fn a_bridge_is_reached_from_both_sides() {
        assert_eq!(
            reached("bridge n1 n2 - n3 - n4 n5", 6),
            ["123", "123", "12345", "345", "345", "6"]
        );
    }

    #[test]
    fn a_ring_has_no_ends() {
        assert_eq!(
            reached("ring n1 n2 n3 n4 n5", 5),
            ["125", "123", "234", "345", "145"]
        );
    }
}
