//! What befalls the network: shapes, cuts, and links of another quality.

use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::process::NodeId;

use crate::draw::PerMillion;

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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Links {
    /// From each of some nodes to each of some others.
    OneWay {
        /// The senders.
        from: Vec<NodeId>,
        /// The receivers.
        to: Vec<NodeId>,
    },
    /// All links of some nodes, in both directions; also those among them.
    Of(Vec<NodeId>),
    /// All links.
    All,
    /// All links of whoever leads when it begins; none if nobody does.
    OfLeader,
}

impl Links {
    /// The link from one node to another.
    #[must_use]
    pub fn one(from: NodeId, to: NodeId) -> Self {
        Self::OneWay {
            from: vec![from],
            to: vec![to],
        }
    }

    /// Whether the link from one node to another is among them.
    #[must_use]
    pub fn contains(&self, from: NodeId, to: NodeId) -> bool {
        match self {
            Self::OneWay { from: a, to: b } => a.contains(&from) && b.contains(&to),
            Self::Of(nodes) => nodes.contains(&from) || nodes.contains(&to),
            Self::All => true,
            Self::OfLeader => false,
        }
    }

    /// Every node that they name, in the order of the words.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        match self {
            Self::OneWay { from, to } => [from.as_slice(), to].concat(),
            Self::Of(nodes) => nodes.clone(),
            Self::All | Self::OfLeader => Vec::new(),
        }
    }
}

/// What changes about links; what is `None` stays as it is. At least one thing changes.
///
/// With an end, it is a layer: latencies come on top of what a message takes
/// anyway, and each share is drawn for itself. Without one it replaces what the
/// links had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct QualityChange {
    /// How long a message takes.
    pub latency: Option<Range<Duration>>,
    /// Which messages never arrive.
    pub loss: Option<Loss>,
    /// The share of messages that arrive twice.
    pub duplicate: Option<PerMillion>,
    /// The share of messages that are held back, so that later ones overtake them.
    pub reorder: Option<PerMillion>,
    /// Messages that arrive with a bit flipped.
    pub corrupt: Option<Corruption>,
    /// Messages that are held back alone, for longer than a timeout.
    pub hold: Option<Late>,
    /// Messages of which up to three more copies arrive, each after such a time.
    pub repeat: Option<Late>,
}

/// Which messages never arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Loss {
    /// The share of them that is lost; no more than all.
    pub share: PerMillion,
    /// Only messages of more bytes than this are lost at all.
    pub over: Option<usize>,
}

/// Which messages arrive with a bit flipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Corruption {
    /// The share of messages; no more than all of them.
    pub share: PerMillion,
    /// Whether the receiver takes them for what they say now. Otherwise the checksum
    /// of their frame does not match, and they are lost.
    pub unchecked: bool,
}

/// Some messages that come late, or once more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Late {
    /// The share of messages; no more than all of them.
    pub share: PerMillion,
    /// How much later.
    pub by: Range<Duration>,
}

#[cfg(test)]
mod tests {
    use super::super::Fault;
    use super::*;

    fn reached(words: &str, nodes: u16) -> Vec<String> {
        let Ok(Fault::Shape { shape, .. }) = words.parse() else {
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

    #[test]
    fn links_one_way_go_from_each_to_each() {
        let links = Links::OneWay {
            from: vec![NodeId(1), NodeId(2)],
            to: vec![NodeId(3)],
        };
        assert!(links.contains(NodeId(2), NodeId(3)));
        assert!(!links.contains(NodeId(3), NodeId(2)));
        assert!(!links.contains(NodeId(1), NodeId(2)));
    }
}
