//! Racks and sites: nodes that have the power, the network or the room in common.

use std::time::Duration;

use snowglobe_systems::process::NodeId;

use super::{Schedule, sorted};
use crate::draw::Draw;
use crate::faults::{CrashMoment, Links, Membership, Nodes, QualityChange, Shape};
use crate::time::SimTime;

/// Divides the nodes of a cluster among two to four zones, none of them empty
/// where there are enough nodes.
pub(super) fn draw(draw: &mut Draw, members: &Membership) -> Vec<Vec<NodeId>> {
    let count = draw.range(2..5) as usize;
    let mut nodes: Vec<NodeId> = members.nodes().collect();
    draw.shuffle(&mut nodes);
    let mut zones = vec![Vec::new(); count.min(nodes.len())];
    for (place, node) in nodes.into_iter().enumerate() {
        let zone = match place < zones.len() {
            true => place,
            false => draw.index(zones.len()),
        };
        zones[zone].push(node);
    }
    zones.iter().map(|zone| sorted(zone)).collect()
}

impl Schedule<'_> {
    /// A zone loses its power, its network, or its pace.
    pub(super) fn zone(&mut self, at: SimTime) {
        let zone = self.draw.pick(&self.zones).clone();
        match self.draw.below(4) {
            0 | 1 => {
                self.crash(at, Nodes::Some(zone), CrashMoment::AtOnce);
            }
            2 if zone.len() < self.nodes.len() => {
                self.shaped(at, Shape::Groups(vec![zone]));
            }
            _ if self.draw.below(2) == 0 => self.slowed(at, Nodes::Some(zone)),
            _ => {
                let latency = Duration::from_millis(20)..Duration::from_millis(300);
                let change = QualityChange {
                    latency: Some(latency),
                    ..QualityChange::default()
                };
                self.degraded(at, Links::Of(zone), change);
            }
        }
    }
}
