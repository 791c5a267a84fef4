//! A schedule that is fitted to another cluster.

use snowglobe_systems::process::NodeId;

use super::{Fault, Incident, Links, Nodes, Shape};

/// What a node is called in another cluster; `None` if it is not there.
type Names<'a> = &'a dyn Fn(NodeId) -> Option<NodeId>;

impl Incident {
    /// The same incident in a cluster whose nodes have other names. `None` if nobody whom it
    /// strikes is there.
    #[must_use]
    pub fn renamed(&self, names: Names<'_>) -> Option<Self> {
        let fault = self.fault.clone().renamed(names)?;
        Some(Self { fault, ..*self })
    }
}

impl Fault {
    fn renamed(mut self, names: Names<'_>) -> Option<Self> {
        if let Self::Shape { shape, .. } = &mut self {
            *shape = renamed_shape(shape, names)?;
        }
        if let Some(links) = self.links_mut() {
            *links = renamed_links(links, names)?;
        }
        if let Some(Nodes::Some(named)) = self.strikes_mut() {
            *named = some(named, names)?;
        }
        Some(self)
    }
}

/// Those of some nodes that are there, if any is.
fn some(nodes: &[NodeId], names: Names<'_>) -> Option<Vec<NodeId>> {
    let there: Vec<NodeId> = nodes.iter().filter_map(|id| names(*id)).collect();
    (!there.is_empty()).then_some(there)
}

fn renamed_links(links: &Links, names: Names<'_>) -> Option<Links> {
    Some(match links {
        Links::OneWay { from, to } => Links::OneWay {
            from: some(from, names)?,
            to: some(to, names)?,
        },
        Links::Of(nodes) => Links::Of(some(nodes, names)?),
        Links::All => Links::All,
        Links::OfLeader => Links::OfLeader,
    })
}

/// A ring of fewer nodes than this parts nobody.
const SMALLEST_RING: usize = 4;

fn renamed_shape(shape: &Shape, names: Names<'_>) -> Option<Shape> {
    Some(match shape {
        Shape::Groups(groups) => {
            let there = groups.iter().filter_map(|group| some(group, names));
            let there: Vec<Vec<NodeId>> = there.collect();
            if there.is_empty() || (there.len() < 2 && groups.len() > 1) {
                return None;
            }
            Shape::Groups(there)
        }
        Shape::Bridge {
            left,
            bridge,
            right,
        } => Shape::Bridge {
            left: some(left, names)?,
            bridge: names(*bridge)?,
            right: some(right, names)?,
        },
        Shape::Ring(nodes) => {
            let there = some(nodes, names)?;
            if there.len() < SMALLEST_RING {
                return None;
            }
            Shape::Ring(there)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_there_is_struck_by_nothing() {
        // n4 and n5 are gone, and n6 is now called n4.
        let names = |id: NodeId| match id.0 {
            1..=3 => Some(id),
            6 => Some(NodeId(4)),
            _ => None,
        };
        for (before, after) in [
            (
                "1.00s crash n2 n5 losing unsynced",
                Some("1.00s crash n2 losing unsynced"),
            ),
            ("1.00s crash n5 losing unsynced", None),
            (
                "1.00s..2.00s crash leader losing unsynced",
                Some("1.00s..2.00s crash leader losing unsynced"),
            ),
            (
                "1.00s..3.00s partition n1 n4 | n2 n6",
                Some("1.00s..3.00s partition n1 | n2 n4"),
            ),
            ("1.00s..3.00s partition n1 n2 | n4 n5", None),
            (
                "1.00s bridge n1 n2 - n3 - n6",
                Some("1.00s bridge n1 n2 - n3 - n4"),
            ),
            ("1.00s bridge n1 - n4 - n6", None),
            ("1.00s ring n1 n2 n3 n6", Some("1.00s ring n1 n2 n3 n4")),
            ("1.00s ring n1 n2 n3 n4", None),
            ("1.00s cut n1 -> n6", Some("1.00s cut n1 -> n4")),
            ("1.00s cut n1 -> n5", None),
            ("1.00s links loss 10%", Some("1.00s links loss 10%")),
            ("1.00s heal", Some("1.00s heal")),
        ] {
            let incident: Incident = before.parse().expect(before);
            let renamed = incident.renamed(&names).map(|it| it.to_string());
            let expected = after.map(|it| it.parse::<Incident>().expect(it).to_string());
            assert_eq!(renamed, expected, "{before}");
        }
    }
}
