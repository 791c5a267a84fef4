//! Carrying out incidents: the words of a schedule become changes of the world.
//!
//! What has an end is a layer: [`World::add_up`] works out what all of them come
//! to, and is called whenever one begins or ends.

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};

use super::World;
use super::agenda::Due;
use super::disk::CrashMode;
use super::network::handover;
use super::node::{ArmedCrash, Condition};
use super::trace::EventKind;
use crate::draw::Purpose;
use crate::faults::{CrashMoment, DiskFault, Fault, Incident, Links, Nodes};
use crate::time::SimTime;

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// An incident of the schedule begins.
    pub(super) fn incident_begins(&mut self, place: usize) {
        let Incident { until, fault, .. } = self.incidents[place].clone();
        let digest = Digest::of(&self.incidents[place]);
        let fault = match fault.seeks_leader() {
            false => fault,
            true => match self.some_leader(digest) {
                Some(leader) => fault.of_leader(leader),
                None => return,
            },
        };
        let Some(until) = until else {
            return self.apply_fault(&fault);
        };
        // When it ends, it ends for those for whom it began.
        self.incidents[place].fault.clone_from(&fault);
        self.strikes(Some(until), &fault);
        self.put(until, Due::Ends(place));
        match &fault {
            Fault::Shape { .. } | Fault::Cut { .. } | Fault::Degrade { .. } => {
                self.network.begin(place, digest, fault);
                self.release();
            }
            Fault::Crash {
                nodes,
                mode,
                moment,
            } => self.strike(nodes, *mode, *moment, Some(place)),
            _ => {
                self.active.insert(place);
                for id in self.among(nodes_of(&fault)) {
                    self.add_up(id);
                }
            }
        }
    }

    /// An incident of the schedule is over: what it brought is gone, and nothing else.
    pub(super) fn incident_ends(&mut self, place: usize) {
        let fault = self.incidents[place].fault.clone();
        let content = Digest::of(&(&fault, "over"));
        self.trace
            .event(self.now, None, EventKind::Fault, content, || {
                format!("over: {fault}")
            });
        match &fault {
            Fault::Shape { .. } | Fault::Cut { .. } | Fault::Degrade { .. } => {
                self.network.end(place);
                self.release();
            }
            _ => {
                self.active.remove(&place);
                for id in self.among(nodes_of(&fault)) {
                    self.leaves(id, place);
                }
            }
        }
    }

    /// An incident leaves a node, which goes on if it was the last that kept it from it.
    fn leaves(&mut self, id: NodeId, place: usize) {
        let node = &mut self.nodes[id.position()];
        node.held_down.remove(&place);
        node.armed_crash
            .take_if(|armed| armed.incident == Some(place));
        self.add_up(id);
        if self.nodes[id.position()].may_start() {
            self.start(id);
        }
    }

    /// Works out what a node suffers now, and lets it feel the difference.
    pub(super) fn add_up(&mut self, id: NodeId) {
        let node = &self.nodes[id.position()];
        let mut now = node.told.clone();
        if !node.spared {
            for place in &self.active {
                let fault = &self.incidents[*place].fault;
                if nodes_of(fault).contains(id) {
                    now.add(fault);
                }
            }
        }
        let node = &mut self.nodes[id.position()];
        let before = std::mem::replace(&mut node.now, now.clone());
        if now.full != before.full {
            match now.full {
                true => node.disk.fill(),
                false => node.disk.set_capacity(None),
            }
        }
        node.disk.set_failing(now.failing);
        node.disk.set_unreadable(now.unreadable);
        if now.drops != before.drops {
            node.disk.drop_next_sync(now.drops);
        }
        match now.paused {
            true => self.pause(id),
            false => self.resume(id),
        }
    }

    /// Carries out a fault now. It lasts until a later word mends it.
    pub fn apply_fault(&mut self, fault: &Fault) {
        let resolved = match fault.seeks_leader() {
            false => None,
            true => match self.some_leader(Digest::of(fault)) {
                Some(leader) => Some(fault.clone().of_leader(leader)),
                None => return,
            },
        };
        let fault = resolved.as_ref().unwrap_or(fault);
        self.strikes(None, fault);
        match fault {
            Fault::Shape { shape, holds } => {
                self.network
                    .shape(*holds, |from, to| shape.reaches(from, to));
            }
            Fault::Heal => self.network.join(&Links::All),
            Fault::Cut { links, holds } => self.network.cut(links, *holds),
            Fault::Join(links) => self.network.join(links),
            Fault::Degrade { links, change } => self.network.degrade(links, change),
            Fault::Restore(links) => self.network.restore(links),
            Fault::Crash {
                nodes,
                mode,
                moment,
            } => self.strike(nodes, *mode, *moment, None),
            Fault::Restart(nodes) => {
                for id in self.among(nodes) {
                    let node = &mut self.nodes[id.position()];
                    node.held_down.clear();
                    node.kept_down = false;
                    self.start(id);
                }
            }
            _ => {
                for id in self.among(nodes_of(fault)) {
                    self.tell_node(id, fault);
                }
            }
        }
        self.release();
    }

    /// One of those that lead in their own eyes.
    fn some_leader(&self, cause: u64) -> Option<NodeId> {
        let leads = |id: &NodeId| self.process(*id).is_some_and(P::leads);
        let leaders: Vec<NodeId> = self.node_ids().filter(leads).collect();
        if leaders.is_empty() {
            return None;
        }
        let mut draw = self.streams.keyed(Purpose::Faults, cause, self.now.0);
        Some(*draw.pick(&leaders))
    }

    /// Writes down that something happened.
    fn strikes(&mut self, until: Option<SimTime>, fault: &Fault) {
        self.trace
            .event(self.now, None, EventKind::Fault, Digest::of(fault), || {
                fault.to_string()
            });
        self.struck.push(Incident {
            at: self.now,
            until,
            fault: fault.clone(),
        });
    }

    /// What words without an end do to a node, other than taking it down or up.
    fn tell_node(&mut self, id: NodeId, fault: &Fault) {
        let well = Condition::well(self.base_sync.clone());
        let node = &mut self.nodes[id.position()];
        match fault {
            Fault::Pause(_) => node.told.paused = true,
            Fault::Resume(_) => node.told.paused = false,
            Fault::Slow { by, .. } => node.told.pace = by.clone(),
            Fault::Clock { rate, .. } => node.told.clock = *rate,
            Fault::Jump { by, .. } => return self.clock_jumps(id, *by),
            Fault::Disk { fault, .. } => match fault {
                DiskFault::SyncsIn(range) => node.told.sync = range.clone(),
                DiskFault::Fails => {
                    let mut draw = self.crash_draw(id);
                    let disk = &mut self.nodes[id.position()].disk;
                    return match draw.below(2) {
                        0 => disk.fail_next_write(),
                        _ => disk.fail_next_sync(),
                    };
                }
                DiskFault::DropsSync => node.told.drops = true,
                DiskFault::Full => node.told.full = true,
                DiskFault::Unreadable => node.told.unreadable = true,
                DiskFault::Damaged(damage) => return self.damage(id, *damage),
                DiskFault::Heals => {
                    let Condition {
                        clock,
                        pace,
                        paused,
                        ..
                    } = node.told.clone();
                    node.told = Condition {
                        clock,
                        pace,
                        paused,
                        ..well
                    };
                    node.disk.heal();
                }
            },
            _ => unreachable!("the network and crashes are dealt with elsewhere"),
        }
        self.add_up(id);
    }

    fn strike(
        &mut self,
        nodes: &Nodes,
        mode: CrashMode,
        moment: CrashMoment,
        incident: Option<usize>,
    ) {
        let before = self.counters.crashes;
        for id in self.among(nodes) {
            match moment {
                CrashMoment::AtOnce => {
                    self.keep_down(id, incident);
                    self.crash(id, mode);
                }
                CrashMoment::AfterEffects(effects) => {
                    self.nodes[id.position()].armed_crash = Some(ArmedCrash {
                        incident,
                        effects,
                        mode,
                        exact: false,
                    });
                }
            }
        }
        if self.counters.crashes >= before + 2 {
            self.mark("world.machines_down_together");
        }
    }

    /// A node goes down, and stays down until the incident is over, or until it is restarted.
    pub(super) fn keep_down(&mut self, id: NodeId, incident: Option<usize>) {
        let node = &mut self.nodes[id.position()];
        match incident {
            Some(_) if node.spared => {}
            Some(place) => {
                node.held_down.insert(place);
            }
            None => node.kept_down = true,
        }
    }

    /// Sends on what waited for a link that holds it no more.
    pub(super) fn release(&mut self) {
        for (parcel, delay) in self.network.released() {
            self.mark("world.message_waited_for_heal");
            self.put(handover(self.now, delay), Due::Carry(parcel));
        }
    }

    fn among(&self, nodes: &Nodes) -> Vec<NodeId> {
        self.node_ids().filter(|id| nodes.contains(*id)).collect()
    }

    /// Makes a node able to run: its disk is well again, its clock exact, and
    /// it is up, unless its disk is damaged for good. No incident is over it any more.
    pub fn heal_node(&mut self, id: NodeId) {
        let well = Condition::well(self.base_sync.clone());
        let node = &mut self.nodes[id.position()];
        node.spared = true;
        node.told = well;
        node.held_down.clear();
        node.kept_down = false;
        node.armed_crash = None;
        node.disk.heal();
        self.add_up(id);
        self.start(id);
    }

    /// Joins some links, from one node to another, and gives them the qualities they
    /// began with; no incident is over them any more. What happens to all others stays.
    pub fn heal_links(&mut self, wanted: impl Fn(NodeId, NodeId) -> bool) {
        for (from, to) in self.network.pairs().filter(|(from, to)| wanted(*from, *to)) {
            self.network.spare(from, to);
        }
        self.network.add_up();
        self.release();
    }
}

/// The nodes that a fault of nodes strikes.
fn nodes_of(fault: &Fault) -> &Nodes {
    let nodes = fault.strikes();
    nodes.unwrap_or_else(|| unreachable!("{fault} is of links"))
}
