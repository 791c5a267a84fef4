//! What befalls disks.

use std::time::Duration;

use snowglobe_systems::process::NodeId;

use super::Schedule;
use crate::faults::{CrashMoment, DiskFault, Fault, Nodes};
use crate::time::SimTime;
use crate::world::disk::{CrashMode, Damage};

/// At least one.
fn in_whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(
        u64::try_from(duration.as_millis())
            .unwrap_or(u64::MAX)
            .max(1),
    )
}

impl Schedule<'_> {
    fn disk(nodes: &Nodes, fault: DiskFault) -> Fault {
        let nodes = nodes.clone();
        Fault::Disk { nodes, fault }
    }

    pub(super) fn slow_disk(&mut self, at: SimTime) {
        let node = self.disk_owner();
        let nodes = self.or_leader(node);
        let times = [(1, 5), (10, 50), (50, 300)];
        let (least, most) = *self.draw.pick(&times);
        let time = Duration::from_millis(least)..Duration::from_millis(most);
        let end = at + self.span();
        self.put(at, end, Self::disk(&nodes, DiskFault::SyncsIn(time)));
    }

    /// A node stops at its first failing write, or does not start, and starts
    /// when the disk is well again.
    pub(super) fn disk_error(&mut self, at: SimTime) {
        let node = self.disk_owner();
        let nodes = self.or_leader(node);
        let end = at + self.span();
        match self.draw.below(5) {
            0 => self.put(at, end, Self::disk(&nodes, DiskFault::Fails)),
            1 | 2 => self.put(at, end, Self::disk(&nodes, DiskFault::Full)),
            // It shows only to a process that starts meanwhile.
            3 => {
                let nodes = Nodes::one(node);
                self.put(at, end, Self::disk(&nodes, DiskFault::Unreadable));
                let half = end.since(at) / 2;
                let mode = *self.draw.pick(&CrashMode::ALL);
                let moment = CrashMoment::AtOnce;
                let crash = Fault::Crash {
                    nodes,
                    mode,
                    moment,
                };
                self.put(at, at + in_whole_millis(half), crash);
            }
            // What was dropped shows only when the power goes.
            _ => {
                let nodes = Nodes::one(node);
                self.put(at, end, Self::disk(&nodes, DiskFault::DropsSync));
                let down = end + self.span();
                let up = down + self.span();
                let crash = Fault::Crash {
                    nodes,
                    mode: CrashMode::Lose,
                    moment: CrashMoment::AtOnce,
                };
                self.put(down, up, crash);
            }
        }
    }

    /// Damage shows when the node reads its disk, so a restart follows it.
    pub(super) fn damage(&mut self, at: SimTime) {
        let mut candidates: Vec<NodeId> = Vec::new();
        for (group, tolerated) in self.members.tolerances() {
            let damaged = |node: &NodeId| self.damaged.contains(node);
            let spare = tolerated > group.iter().filter(|it| damaged(it)).count();
            candidates.extend(group.iter().filter(|node| spare && !damaged(node)));
        }
        // Whose disk is damaged has gone for good, and cannot be struck again.
        if candidates.is_empty() {
            return;
        }
        let node = *self.draw.pick(&candidates);
        self.damaged.insert(node);
        let damage = *self.draw.pick(&Damage::ALL);
        let nodes = Nodes::one(node);
        self.put_once(at, Self::disk(&nodes, DiskFault::Damaged(damage)));
        // Before the end of the schedule, or nobody would notice.
        let left = self.until.since(at) / 2;
        let down = at + in_whole_millis(self.span().min(left));
        self.bounce(down, &nodes);
    }
}
