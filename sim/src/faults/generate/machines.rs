//! What befalls processes and their clocks.

use std::time::Duration;

use super::Schedule;
use crate::draw::PerMillion;
use crate::faults::{CrashMoment, Fault, Nodes};
use crate::time::SimTime;
use crate::world::disk::CrashMode;

impl Schedule<'_> {
    /// A crash and, when it is over, a restart. When that is.
    pub(super) fn crash(&mut self, at: SimTime, nodes: Nodes, moment: CrashMoment) -> SimTime {
        let mode = *self.draw.pick(&CrashMode::ALL);
        let up = match moment {
            CrashMoment::AtOnce => at + self.span(),
            // A node that has little to do takes a while to get so far.
            CrashMoment::AfterEffects(_) => at + self.span() + Duration::from_millis(500),
        };
        let power = self.draw.below(2) == 0;
        let after = self.span();
        let crash = |mode, moment| Fault::Crash {
            nodes: nodes.clone(),
            mode,
            moment,
        };
        self.put(at, up, crash(mode, moment));
        // What a dead process left behind shows only when the power goes, too.
        if mode == CrashMode::Leave && power {
            let down = at + after;
            let up = down + after;
            let lost = crash(CrashMode::Lose, CrashMoment::AtOnce);
            self.put(down, up, lost);
        }
        up
    }

    pub(super) fn bounce(&mut self, at: SimTime, nodes: &Nodes) -> SimTime {
        self.crash(at, nodes.clone(), CrashMoment::AtOnce)
    }

    pub(super) fn crashes(&mut self, mut at: SimTime) {
        match self.draw.weighted(&[(5, 0), (2, 1), (2, 2), (1, 3)]) {
            0 => {
                let nodes = self.target();
                self.bounce(at, &nodes);
            }
            // A storm over one node, which may never get far enough to be of use, or
            // over one leader after the other.
            1 => {
                let nodes = self.target();
                for _ in 0..self.draw.range(3..8) {
                    at = self.bounce(at, &nodes) + self.millis(1..1000);
                }
            }
            // A rolling restart.
            2 => {
                for node in self.shuffled() {
                    at = self.bounce(at, &Nodes::one(node)) + self.millis(1..1000);
                }
            }
            // The power goes, and comes back for all at once.
            _ => {
                self.crash(at, Nodes::All, CrashMoment::AtOnce);
            }
        }
    }

    pub(super) fn crash_in_mid_step(&mut self, at: SimTime) {
        let nodes = self.target();
        let effects = self.draw.range(0..12) as u32;
        self.crash(at, nodes, CrashMoment::AfterEffects(effects));
    }

    pub(super) fn pause(&mut self, at: SimTime) {
        let nodes = self.target();
        let end = at + self.span();
        self.put(at, end, Fault::Pause(nodes));
    }

    pub(super) fn slow_node(&mut self, at: SimTime) {
        let nodes = self.target();
        self.slowed(at, nodes);
    }

    pub(super) fn slowed(&mut self, at: SimTime, nodes: Nodes) {
        let times = [(0, 2), (1, 10), (5, 50), (50, 200)];
        let (least, most) = *self.draw.pick(&times);
        let by = Duration::from_millis(least)..Duration::from_millis(most);
        let end = at + self.span();
        self.put(at, end, Fault::Slow { nodes, by });
    }

    pub(super) fn clock(&mut self, at: SimTime) {
        let nodes = self.target();
        let rate = PerMillion::percent(self.draw.range(80..126) as u32);
        let by = Duration::from_millis(self.draw.range_by_doublings(100..600_000));
        if self.draw.below(3) == 0 {
            return self.put_once(at, Fault::Jump { nodes, by });
        }
        let end = at + self.span();
        self.put(at, end, Fault::Clock { nodes, rate });
    }
}
