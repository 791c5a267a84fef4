//! Draws schedules of incidents.
//!
//! An incident is drawn of a family; some families bring several that belong
//! together, as a rolling restart does. All times are whole milliseconds, so
//! that the words of a schedule stay short.

mod disks;
mod groups;
mod machines;
mod network;
mod zones;

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::process::NodeId;

use super::profile::Clusters;
use super::{Fault, FaultFamily, FaultProfile, Incident, Links, Membership, Nodes};
use crate::draw::Draw;
use crate::time::SimTime;

/// Draws a schedule for a cluster, sorted by the beginnings.
///
/// No incident begins at `until` or later; one may end later, and whoever asks for
/// a calm end heals the world anyway. The bound on permanent damage is stated at
/// [`FaultProfile`].
#[must_use]
pub fn generate(
    draw: &mut Draw,
    members: &Membership,
    until: SimTime,
    profile: &FaultProfile,
) -> Vec<Incident> {
    let families: Vec<(u32, FaultFamily)> = profile
        .families
        .iter()
        .filter(|(family, weight)| **weight > 0 && is_possible(**family, members))
        .map(|(family, weight)| (*weight, *family))
        .collect();
    if families.is_empty() {
        return Vec::new();
    }
    let mut schedule = Schedule::new(draw, members, profile, until);
    let mut at = SimTime::START;
    loop {
        at = schedule.next_start(at);
        if at >= until {
            break;
        }
        let family = *schedule.draw.weighted(&families);
        schedule.incident(family, at);
    }
    let mut incidents = schedule.incidents;
    incidents.retain(|incident| incident.at < until);
    // A stable sort: what begins at one moment stays in the order that makes sense.
    incidents.sort_by_key(|incident| incident.at);
    incidents
}

fn is_possible(family: FaultFamily, members: &Membership) -> bool {
    match family {
        FaultFamily::Partitions
        | FaultFamily::Cuts
        | FaultFamily::Links
        | FaultFamily::GrayLinks
        | FaultFamily::LateMessages
        | FaultFamily::Corruption
        | FaultFamily::Zones => members.size() >= 2,
        FaultFamily::Damage => members.tolerances().any(|(_, tolerated)| tolerated > 0),
        FaultFamily::SlowDisks | FaultFamily::DiskErrors => members.with_disks().next().is_some(),
        FaultFamily::GroupCrashes | FaultFamily::GroupPartitions => members.has_several_groups(),
        FaultFamily::Crashes
        | FaultFamily::MidStepCrashes
        | FaultFamily::Pauses
        | FaultFamily::SlowNodes
        | FaultFamily::Clocks => members.size() >= 1,
    }
}

/// At least a millisecond, so that the loop over incidents comes to its end.
fn in_millis(range: &Range<Duration>) -> Range<u64> {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    millis(range.start).max(1)..millis(range.end)
}

struct Schedule<'a> {
    draw: &'a mut Draw,
    members: &'a Membership,
    profile: &'a FaultProfile,
    /// Nothing begins then or later.
    until: SimTime,
    nodes: Vec<NodeId>,
    servers: Vec<NodeId>,
    /// Those whose disks matter.
    with_disks: Vec<NodeId>,
    /// Racks or sites; every node is in one of them.
    zones: Vec<Vec<NodeId>>,
    incidents: Vec<Incident>,
    /// Nodes whose disks are damaged. What is in here once stays in here.
    damaged: BTreeSet<NodeId>,
}

impl<'a> Schedule<'a> {
    fn new(
        draw: &'a mut Draw,
        members: &'a Membership,
        profile: &'a FaultProfile,
        until: SimTime,
    ) -> Self {
        let zones = zones::draw(draw, members);
        Self {
            draw,
            members,
            profile,
            until,
            nodes: members.nodes().collect(),
            servers: members.servers().collect(),
            with_disks: members.with_disks().collect(),
            zones,
            incidents: Vec::new(),
            damaged: BTreeSet::new(),
        }
    }

    /// When the next incident begins, after one that began `at`.
    fn next_start(&mut self, at: SimTime) -> SimTime {
        let gap = self.millis(in_millis(&self.profile.gap));
        let millis = u64::try_from(gap.as_millis()).unwrap_or(u64::MAX);
        match self.profile.clusters {
            Clusters::Free => at + gap,
            Clusters::Attract => match self.draw.below(4) {
                0 => at + 4 * gap,
                _ => at + Duration::from_millis(millis.div_ceil(8)),
            },
            Clusters::Apart => {
                let last = self.incidents.iter().map(|it| it.until.unwrap_or(it.at));
                last.max().unwrap_or(at).max(at) + gap
            }
        }
    }

    fn incident(&mut self, family: FaultFamily, at: SimTime) {
        match family {
            FaultFamily::Partitions => self.partition(at),
            FaultFamily::Cuts => self.cut(at),
            FaultFamily::Links => self.degrade(at),
            FaultFamily::GrayLinks => self.gray_link(at),
            FaultFamily::LateMessages => self.late_messages(at),
            FaultFamily::Corruption => self.corruption(at),
            FaultFamily::Crashes => self.crashes(at),
            FaultFamily::MidStepCrashes => self.crash_in_mid_step(at),
            FaultFamily::Zones => self.zone(at),
            FaultFamily::Pauses => self.pause(at),
            FaultFamily::SlowNodes => self.slow_node(at),
            FaultFamily::Clocks => self.clock(at),
            FaultFamily::SlowDisks => self.slow_disk(at),
            FaultFamily::DiskErrors => self.disk_error(at),
            FaultFamily::Damage => self.damage(at),
            FaultFamily::GroupCrashes => self.group_crash(at),
            FaultFamily::GroupPartitions => self.group_partition(at),
        }
    }

    /// Something that lasts from one moment to another.
    fn put(&mut self, at: SimTime, until: SimTime, fault: Fault) {
        let until = Some(until);
        self.incidents.push(Incident { at, until, fault });
    }

    /// Something that happens at one moment.
    fn put_once(&mut self, at: SimTime, fault: Fault) {
        self.incidents.push(Incident::from(at, fault));
    }

    fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.draw.range(range))
    }

    /// How long something lasts.
    fn span(&mut self) -> Duration {
        let lengths = in_millis(&self.profile.lengths);
        Duration::from_millis(self.draw.range_by_doublings(lengths))
    }

    fn node(&mut self) -> NodeId {
        *self.draw.pick(&self.nodes)
    }

    /// Somebody, and as often whoever leads then, where there is anything to lead.
    fn target(&mut self) -> Nodes {
        let node = self.node();
        self.or_leader(node)
    }

    fn or_leader(&mut self, node: NodeId) -> Nodes {
        let many = |group: &Vec<NodeId>| group.len() > 1;
        let led = self.members.each_group().iter().any(many);
        match self.draw.below(2) == 0 && led {
            true => Nodes::Leader,
            false => Nodes::one(node),
        }
    }

    /// All links of somebody.
    fn links_of_target(&mut self) -> Links {
        match self.target() {
            Nodes::Some(nodes) => Links::Of(nodes),
            Nodes::All => Links::All,
            Nodes::Leader => Links::OfLeader,
        }
    }

    fn disk_owner(&mut self) -> NodeId {
        *self.draw.pick(&self.with_disks)
    }

    fn shuffled(&mut self) -> Vec<NodeId> {
        let mut nodes = self.nodes.clone();
        self.draw.shuffle(&mut nodes);
        nodes
    }
}

fn sorted(nodes: &[NodeId]) -> Vec<NodeId> {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    nodes
}

#[cfg(test)]
mod tests;
