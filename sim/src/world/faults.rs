//! Carrying out faults: the words of a schedule become changes of the world.

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};

use super::World;
use super::disk::CrashMode;
use super::network::LinkQuality;
use super::node::ArmedCrash;
use super::trace::EventKind;
use crate::draw::PerMillion;
use crate::faults::{CrashMoment, DiskFault, Fault, QualityChange, TimedFault};

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// Carries out a fault now.
    pub fn apply_fault(&mut self, fault: &Fault) {
        self.trace
            .event(self.now, None, EventKind::Fault, Digest::of(fault), || {
                fault.to_string()
            });
        self.struck.push(TimedFault {
            at: self.now,
            fault: fault.clone(),
        });
        match fault {
            Fault::Shape(shape) => self.network.reach(|from, to| shape.reaches(from, to)),
            Fault::Heal => self.network.heal(),
            Fault::Cut(links) => {
                self.each_link(
                    |from, to| links.contains(from, to),
                    |network, from, to| {
                        network.set_cut(from, to, true);
                    },
                );
            }
            Fault::Join(links) => {
                self.each_link(
                    |from, to| links.contains(from, to),
                    |network, from, to| {
                        network.set_cut(from, to, false);
                    },
                );
            }
            Fault::Degrade { links, change } => {
                self.each_link(
                    |from, to| links.contains(from, to),
                    |network, from, to| {
                        network.adjust(from, to, |quality| degrade(quality, change));
                    },
                );
            }
            Fault::Restore(links) => {
                self.each_link(
                    |from, to| links.contains(from, to),
                    |network, from, to| {
                        network.restore(from, to);
                    },
                );
            }
            Fault::Crash {
                nodes,
                mode,
                moment,
            } => {
                for id in self.node_ids().filter(|id| nodes.contains(*id)) {
                    self.strike(id, *mode, *moment);
                }
            }
            Fault::Restart(nodes) => {
                for id in self.node_ids().filter(|id| nodes.contains(*id)) {
                    self.start(id);
                }
            }
            Fault::Pause(id) => self.pause(*id),
            Fault::Resume(id) => self.resume(*id),
            Fault::Clock { node, rate } => self.nodes[node.position()].clock = *rate,
            Fault::Disk { node, fault } => self.disk_fault(*node, fault),
        }
    }

    fn strike(&mut self, id: NodeId, mode: CrashMode, moment: CrashMoment) {
        match moment {
            CrashMoment::AtOnce => self.crash(id, mode),
            CrashMoment::AfterEffects(effects) => {
                self.nodes[id.position()].armed_crash = Some(ArmedCrash {
                    effects,
                    mode,
                    exact: false,
                });
            }
        }
    }

    fn each_link(
        &mut self,
        mut wanted: impl FnMut(NodeId, NodeId) -> bool,
        mut change: impl FnMut(&mut super::Network, NodeId, NodeId),
    ) {
        for (from, to) in self.network.pairs() {
            if wanted(from, to) {
                change(&mut self.network, from, to);
            }
        }
    }

    fn disk_fault(&mut self, id: NodeId, fault: &DiskFault) {
        let base = self.base_sync.clone();
        let node = &mut self.nodes[id.position()];
        match fault {
            DiskFault::SyncsIn(range) => node.sync = range.clone(),
            DiskFault::Fails => match node.crash_draw.below(2) {
                0 => node.disk.fail_next_write(),
                _ => node.disk.fail_next_sync(),
            },
            DiskFault::Full => {
                let used = node.disk.used();
                node.disk.set_capacity(Some(used));
            }
            DiskFault::Rots => self.rot(id),
            DiskFault::Heals => {
                node.sync = base;
                node.disk.heal();
            }
        }
    }

    /// Makes a node able to run: its disk is well again, its clock exact, and
    /// it is up, unless its disk is damaged for good.
    pub fn heal_node(&mut self, id: NodeId) {
        self.disk_fault(id, &DiskFault::Heals);
        self.nodes[id.position()].clock = PerMillion::ALWAYS;
        self.nodes[id.position()].armed_crash = None;
        self.resume(id);
        self.start(id);
    }

    /// Joins the links among some nodes, and gives them the qualities they
    /// began with; what happens to all other links stays.
    pub fn heal_links_among(&mut self, nodes: &[NodeId]) {
        self.each_link(
            |from, to| nodes.contains(&from) && nodes.contains(&to),
            |network, from, to| {
                network.set_cut(from, to, false);
                network.restore(from, to);
            },
        );
    }
}

fn degrade(quality: &mut LinkQuality, change: &QualityChange) {
    if let Some(latency) = &change.latency {
        quality.latency = latency.clone();
    }
    if let Some(loss) = change.loss {
        quality.loss = loss;
    }
    if let Some(duplicate) = change.duplicate {
        quality.duplicate = duplicate;
    }
    if let Some(reorder) = change.reorder {
        quality.reorder = reorder;
    }
}
