//! Carrying out incidents: the words of a schedule become changes of the world.
//!
//! What has an end is a layer: [`World::recompute`] works out what all of them come
//! to, and is called whenever one begins or ends.

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};

use super::World;
use super::agenda::Due;
use super::disk::CrashMode;
use super::node::{ArmedCrash, Condition};
use super::trace::EventKind;
use crate::draw::Purpose;
use crate::faults::{CrashMoment, DiskFault, Fault, FaultFamily, Incident, Links, Nodes};
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
        self.agenda.put(until, Due::Ends(place));
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
                    self.recompute(id);
                    self.arm_disk(id, &fault);
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
        let of_disk = matches!(self.incidents[place].fault, Fault::Disk { .. });
        let held = node.held_down.remove(&place);
        let stopped = of_disk && std::mem::take(&mut node.stopped_by_disk);
        let this = Some(place);
        node.armed_crashes.retain(|armed| armed.incident != this);
        self.recompute(id);
        // A node that something else has stopped does not start for this.
        if (held || stopped) && self.nodes[id.position()].may_start() {
            self.start(id);
        }
    }

    /// Works out what a node suffers now, and lets it feel the difference.
    pub(super) fn recompute(&mut self, id: NodeId) {
        let node = &self.nodes[id.position()];
        let mut now = node.baseline.clone();
        if !node.healed {
            for place in &self.active {
                let fault = &self.incidents[*place].fault;
                if nodes_of(fault).contains(id) {
                    now.add(fault);
                }
            }
        }
        let node = &mut self.nodes[id.position()];
        let before = std::mem::replace(&mut node.effective, now.clone());
        if now.full != before.full {
            match now.full {
                true => node.disk.fill(),
                false => node.disk.set_capacity(None),
            }
        }
        node.disk.set_failing(now.failing);
        node.disk.set_unreadable(now.unreadable);
        if !now.drops {
            node.disk.drop_next_sync(false);
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
                    node.kept_down = false;
                    // An incident that has an end keeps it down until then.
                    if node.held_down.is_empty() {
                        self.start(id);
                    }
                }
            }
            _ => {
                for id in self.among(nodes_of(fault)) {
                    self.change_baseline(id, fault);
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

    /// A fault without an end changes the baseline of a node.
    fn change_baseline(&mut self, id: NodeId, fault_of_node: &Fault) {
        let well = Condition::well(self.base_sync.clone());
        let node = &mut self.nodes[id.position()];
        match fault_of_node {
            Fault::Pause(_) => node.baseline.paused = true,
            Fault::Resume(_) => node.baseline.paused = false,
            Fault::Slow { by, .. } => node.baseline.pace = by.clone(),
            Fault::Clock { rate, .. } => node.baseline.clock = *rate,
            Fault::Jump { by, .. } => return self.clock_jumps(id, *by),
            Fault::Disk { fault, .. } => match fault {
                DiskFault::SyncsIn(range) => node.baseline.sync = range.clone(),
                DiskFault::Fails => {
                    let mut draw = self.crash_draw(id);
                    let disk = &mut self.nodes[id.position()].disk;
                    return match draw.below(2) {
                        0 => disk.fail_next_write(),
                        _ => disk.fail_next_sync(),
                    };
                }
                DiskFault::DropsSync => {
                    node.baseline.drops = true;
                    self.arm_disk(id, fault_of_node);
                }
                DiskFault::Full => node.baseline.full = true,
                DiskFault::Unreadable => node.baseline.unreadable = true,
                DiskFault::Damaged(damage) => return self.damage(id, *damage),
                DiskFault::Heals => {
                    let Condition {
                        clock,
                        pace,
                        paused,
                        ..
                    } = node.baseline.clone();
                    node.baseline = Condition {
                        clock,
                        pace,
                        paused,
                        ..well
                    };
                    node.disk.heal();
                    // Incidents that are under way spoil it anew.
                    node.effective = Condition::well(self.base_sync.clone());
                }
            },
            _ => unreachable!("the network and crashes are dealt with elsewhere"),
        }
        self.recompute(id);
    }

    /// Lets the next sync of a disk give up what it should make durable.
    fn arm_disk(&mut self, id: NodeId, fault: &Fault) {
        let drops = matches!(fault, Fault::Disk { fault, .. } if *fault == DiskFault::DropsSync);
        let node = &mut self.nodes[id.position()];
        if drops && !node.healed {
            node.disk.drop_next_sync(true);
        }
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
                    self.nodes[id.position()].armed_crashes.push(ArmedCrash {
                        incident,
                        effects,
                        mode,
                        exact: false,
                    });
                }
            }
        }
        let down = self.counters.crashes - before;
        if down >= 2 {
            self.mark("world.machines_down_together");
        }
        if down > 0 {
            self.took_effect(match nodes.are_several() {
                true => FaultFamily::Zones,
                false => FaultFamily::Crashes,
            });
        }
    }

    /// A node goes down, and stays down until the incident is over, or until it is restarted.
    pub(super) fn keep_down(&mut self, id: NodeId, incident: Option<usize>) {
        let node = &mut self.nodes[id.position()];
        match incident {
            Some(_) if node.healed => {}
            Some(place) => {
                node.held_down.insert(place);
            }
            None => node.kept_down = true,
        }
    }

    /// Sends on what waited for a link that holds it no more.
    pub(super) fn release(&mut self) {
        for (parcel, fate) in self.network.released() {
            self.mark("world.message_waited_for_heal");
            self.carry(parcel, fate);
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
        node.healed = true;
        node.baseline = well;
        node.held_down.clear();
        node.kept_down = false;
        node.stopped_by_disk = false;
        node.armed_crashes.clear();
        node.disk.heal();
        self.recompute(id);
        self.start(id);
    }

    /// Joins some links, from one node to another, and gives them the qualities they
    /// began with; no incident is over them any more. What happens to all others stays.
    pub fn heal_links(&mut self, wanted: impl Fn(NodeId, NodeId) -> bool) {
        for (from, to) in self.network.pairs().filter(|(from, to)| wanted(*from, *to)) {
            self.network.heal(from, to);
        }
        self.network.recompute();
        self.release();
    }
}

/// The nodes that a fault of nodes strikes.
fn nodes_of(fault: &Fault) -> &Nodes {
    let nodes = fault.strikes();
    nodes.unwrap_or_else(|| unreachable!("{fault} is of links"))
}
