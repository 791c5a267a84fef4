//! Draws schedules of faults.
//!
//! A schedule is a row of incidents, and an incident is a few faults that
//! belong together: a partition and its healing, a crash and its restart. All
//! times are whole milliseconds, so that the words of a schedule stay short.

mod groups;

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::process::NodeId;

use super::{
    CrashMoment, DiskFault, Fault, FaultFamily, FaultProfile, Links, Membership, Nodes,
    QualityChange, Shape, TimedFault,
};
use crate::draw::{Draw, PerMillion};
use crate::time::SimTime;
use crate::world::disk::CrashMode;

/// Draws a schedule for a cluster, sorted by time.
///
/// No fault comes at `until` or later; what would have mended something then is
/// left out, since whoever asks for a calm end heals the world anyway. The
/// bound on permanent damage is stated at [`FaultProfile`].
#[must_use]
pub fn generate(
    draw: &mut Draw,
    members: &Membership,
    until: SimTime,
    profile: &FaultProfile,
) -> Vec<TimedFault> {
    let families: Vec<(u32, FaultFamily)> = profile
        .families
        .iter()
        .filter(|(family, weight)| **weight > 0 && is_possible(**family, members))
        .map(|(family, weight)| (*weight, *family))
        .collect();
    let mut schedule = Schedule {
        draw,
        members,
        nodes: members.nodes().collect(),
        servers: members.servers().collect(),
        with_disks: members.with_disks().collect(),
        faults: Vec::new(),
        damaged: BTreeSet::new(),
    };
    if families.is_empty() {
        return schedule.faults;
    }
    let mut at = SimTime::START;
    loop {
        at = at + schedule.millis(in_millis(&profile.gap));
        if at >= until {
            break;
        }
        let family = *schedule.draw.weighted(&families);
        schedule.incident(family, at);
    }
    let mut faults = schedule.faults;
    faults.retain(|fault| fault.at < until);
    // A stable sort: faults of one moment stay in the order that makes sense.
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn is_possible(family: FaultFamily, members: &Membership) -> bool {
    match family {
        FaultFamily::Partitions | FaultFamily::Cuts | FaultFamily::Links => members.size() >= 2,
        FaultFamily::Rot => members.tolerances().any(|(_, tolerated)| tolerated > 0),
        FaultFamily::SlowDisks | FaultFamily::DiskErrors => members.with_disks().next().is_some(),
        FaultFamily::GroupCrashes | FaultFamily::GroupPartitions => members.has_several_groups(),
        _ => members.size() >= 1,
    }
}

/// At least a millisecond, so that the loop over incidents comes to its end.
fn in_millis(range: &Range<Duration>) -> Range<u64> {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    millis(range.start).max(1)..millis(range.end)
}

/// How long something lasts, in milliseconds: well below, around, and well
/// above the election timeouts of 300 to 600 ms that are usual.
const SPANS: [Range<u64>; 4] = [10..100, 100..300, 300..700, 700..3000];

struct Schedule<'a> {
    draw: &'a mut Draw,
    members: &'a Membership,
    nodes: Vec<NodeId>,
    servers: Vec<NodeId>,
    /// Those whose disks matter.
    with_disks: Vec<NodeId>,
    faults: Vec<TimedFault>,
    /// Nodes with rot. What is in here once stays in here.
    damaged: BTreeSet<NodeId>,
}

impl Schedule<'_> {
    fn incident(&mut self, family: FaultFamily, at: SimTime) {
        match family {
            FaultFamily::Partitions => self.partition(at),
            FaultFamily::Cuts => self.cut(at),
            FaultFamily::Links => self.degrade(at),
            FaultFamily::Crashes => self.crashes(at),
            FaultFamily::MidStepCrashes => self.crash_in_mid_step(at),
            FaultFamily::Pauses => self.pause(at),
            FaultFamily::Clocks => self.clock(at),
            FaultFamily::SlowDisks => self.slow_disk(at),
            FaultFamily::DiskErrors => self.disk_error(at),
            FaultFamily::Rot => self.rot(at),
            FaultFamily::GroupCrashes => self.group_crash(at),
            FaultFamily::GroupPartitions => self.group_partition(at),
        }
    }

    fn put(&mut self, at: SimTime, fault: Fault) {
        self.faults.push(TimedFault { at, fault });
    }

    fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.draw.range(range))
    }

    fn span(&mut self) -> Duration {
        let span = self.draw.pick(&SPANS).clone();
        self.millis(span)
    }

    fn node(&mut self) -> NodeId {
        *self.draw.pick(&self.nodes)
    }

    fn disk_owner(&mut self) -> NodeId {
        *self.draw.pick(&self.with_disks)
    }

    fn shuffled(&mut self) -> Vec<NodeId> {
        let mut nodes = self.nodes.clone();
        self.draw.shuffle(&mut nodes);
        nodes
    }

    fn mode(&mut self) -> CrashMode {
        *self.draw.pick(&CrashMode::ALL)
    }

    /// A shape, sometimes several that follow on each other, and then a heal.
    fn partition(&mut self, mut at: SimTime) {
        for _ in 0..*self.draw.weighted(&[(3, 1), (1, 2), (1, 4)]) {
            let shape = self.shape();
            self.put(at, Fault::Shape(shape));
            at = at + self.span();
        }
        self.put(at, Fault::Heal);
    }

    fn shape(&mut self) -> Shape {
        // A split among servers alone: every client reaches both sides, and
        // whoever talks to one hears of what goes on behind its back.
        let clients = self.members.clients();
        if !clients.is_empty() && self.servers.len() >= 2 && self.draw.below(3) == 0 {
            let mut servers = self.servers.clone();
            self.draw.shuffle(&mut servers);
            let size = self.draw.index(servers.len() - 1) + 1;
            let side = |servers: &[NodeId]| sorted(&[servers, clients].concat());
            return Shape::Groups(vec![side(&servers[..size]), side(&servers[size..])]);
        }
        let nodes = self.shuffled();
        let size = nodes.len();
        // A kind that needs more nodes than there are gives way to a plain split.
        let kind = *self
            .draw
            .weighted(&[(4, 0), (2, 1), (1, 2), (2, 3), (1, 4), (1, 5)]);
        let (one, other) = (self.draw.index(size - 1) + 1, self.draw.index(size - 1) + 1);
        let split = |places: &[usize]| -> Shape {
            let mut groups: Vec<Vec<NodeId>> = Vec::new();
            let mut start = 0;
            for end in places.iter().copied().chain([size]) {
                groups.push(sorted(&nodes[start..end]));
                start = end;
            }
            Shape::Groups(groups)
        };
        match kind {
            1 => split(&[1]),
            2 => split(&(1..size).collect::<Vec<_>>()),
            3 if size >= 3 => Shape::Bridge {
                bridge: nodes[0],
                left: sorted(&nodes[1..=size / 2]),
                right: sorted(&nodes[size / 2 + 1..]),
            },
            4 if size >= 4 => Shape::Ring(nodes),
            5 if one != other => split(&[one.min(other), one.max(other)]),
            _ => split(&[one]),
        }
    }

    /// One-way cuts: a single link, all that a node says, all that it hears, or both.
    fn cut(&mut self, at: SimTime) {
        let nodes = self.shuffled();
        let (node, peers) = (nodes[0], &nodes[1..]);
        let says = |to| Links::One { from: node, to };
        let hears = |from| Links::One { from, to: node };
        let links: Vec<Links> = match self.draw.below(4) {
            0 => vec![says(peers[0])],
            1 => peers.iter().copied().map(says).collect(),
            2 => peers.iter().copied().map(hears).collect(),
            _ => vec![Links::Of(node)],
        };
        let end = at + self.span();
        for links in links {
            self.put(at, Fault::Cut(links));
            self.put(end, Fault::Join(links));
        }
    }

    fn degrade(&mut self, at: SimTime) {
        let nodes = self.shuffled();
        let one = Links::One {
            from: nodes[0],
            to: nodes[1],
        };
        let links = *self.draw.pick(&[one, Links::Of(nodes[0]), Links::All]);
        let latencies = [(5, 50), (20, 200), (100, 600), (300, 1500)];
        let (least, most) = *self.draw.pick(&latencies);
        let shares = [1, 5, 10, 20, 40].map(PerMillion::percent);
        let share = |draw: &mut Draw| {
            let drawn = *draw.pick(&shares);
            (draw.below(2) == 0).then_some(drawn)
        };
        let (loss, duplicate, reorder) = (share(self.draw), share(self.draw), share(self.draw));
        let slow = self.draw.below(2) == 0 || (loss, duplicate, reorder) == (None, None, None);
        let latency = slow.then(|| Duration::from_millis(least)..Duration::from_millis(most));
        let change = QualityChange {
            latency,
            loss,
            duplicate,
            reorder,
        };
        let end = at + self.span() + self.span();
        self.put(at, Fault::Degrade { links, change });
        self.put(end, Fault::Restore(links));
    }

    fn crash(&mut self, at: SimTime, nodes: Nodes, moment: CrashMoment) {
        let mode = self.mode();
        self.put(
            at,
            Fault::Crash {
                nodes,
                mode,
                moment,
            },
        );
    }

    /// A crash and a restart. When the node is up again.
    fn bounce(&mut self, at: SimTime, node: NodeId) -> SimTime {
        let up = at + self.span();
        self.crash(at, Nodes::One(node), CrashMoment::AtOnce);
        self.put(up, Fault::Restart(Nodes::One(node)));
        up
    }

    fn crashes(&mut self, mut at: SimTime) {
        match self
            .draw
            .weighted(&[(5, 0), (2, 1), (2, 2), (1, 3), (1, 4)])
        {
            0 => {
                let node = self.node();
                self.bounce(at, node);
            }
            // A storm over one node, which may never get far enough to be of use.
            1 => {
                let node = self.node();
                for _ in 0..self.draw.range(3..8) {
                    at = self.bounce(at, node) + self.millis(1..400);
                }
            }
            // A rolling restart.
            2 => {
                for node in self.shuffled() {
                    at = self.bounce(at, node) + self.millis(1..400);
                }
            }
            // The power goes, and comes back for all at once.
            3 => {
                self.crash(at, Nodes::All, CrashMoment::AtOnce);
                let up = at + self.span();
                self.put(up, Fault::Restart(Nodes::All));
            }
            // The power goes, and the nodes come back one by one.
            _ => {
                self.crash(at, Nodes::All, CrashMoment::AtOnce);
                for node in self.shuffled() {
                    at = at + self.span();
                    self.put(at, Fault::Restart(Nodes::One(node)));
                }
            }
        }
    }

    fn crash_in_mid_step(&mut self, at: SimTime) {
        let node = self.node();
        let effects = self.draw.range(0..12) as u32;
        self.crash(at, Nodes::One(node), CrashMoment::AfterEffects(effects));
        // A node that has little to do may go down only after its first restart.
        let up = at + self.span();
        self.put(up, Fault::Restart(Nodes::One(node)));
        let up = up + self.millis(500..2000);
        self.put(up, Fault::Restart(Nodes::One(node)));
    }

    fn pause(&mut self, at: SimTime) {
        let node = self.node();
        let span = self.draw.pick(&[50..300, 300..700, 700..2000]).clone();
        let end = at + self.millis(span);
        self.put(at, Fault::Pause(node));
        self.put(end, Fault::Resume(node));
    }

    fn clock(&mut self, at: SimTime) {
        let node = self.node();
        let rate = PerMillion::percent(self.draw.range(80..126) as u32);
        let end = at + self.millis(1000..8000);
        self.put(at, Fault::Clock { node, rate });
        let rate = PerMillion::ALWAYS;
        self.put(end, Fault::Clock { node, rate });
    }

    fn disk(&mut self, at: SimTime, node: NodeId, fault: DiskFault) {
        self.put(at, Fault::Disk { node, fault });
    }

    fn slow_disk(&mut self, at: SimTime) {
        let node = self.disk_owner();
        let times = [(1, 5), (10, 50), (50, 300)];
        let (least, most) = *self.draw.pick(&times);
        let time = Duration::from_millis(least)..Duration::from_millis(most);
        let end = at + self.span() + self.span();
        self.disk(at, node, DiskFault::SyncsIn(time));
        self.disk(end, node, DiskFault::Heals);
    }

    /// A node stops at its first failing write, and restarts on a healed disk.
    fn disk_error(&mut self, at: SimTime) {
        let node = self.disk_owner();
        let fault = self.draw.pick(&[DiskFault::Fails, DiskFault::Full]).clone();
        let end = at + self.span();
        self.disk(at, node, fault);
        self.disk(end, node, DiskFault::Heals);
        self.put(end, Fault::Restart(Nodes::One(node)));
    }

    /// Rot shows when the node reads its disk, so a restart follows it.
    fn rot(&mut self, at: SimTime) {
        let mut candidates: Vec<NodeId> = Vec::new();
        for (group, tolerated) in self.members.tolerances() {
            let damaged = |node: &NodeId| self.damaged.contains(node);
            let spare = tolerated > group.iter().filter(|it| damaged(it)).count();
            candidates.extend(group.iter().filter(|node| spare || damaged(node)));
        }
        let node = *self.draw.pick(&candidates);
        self.damaged.insert(node);
        self.disk(at, node, DiskFault::Rots);
        let down = at + self.span();
        self.bounce(down, node);
    }
}

fn sorted(nodes: &[NodeId]) -> Vec<NodeId> {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    nodes
}

#[cfg(test)]
mod tests;
