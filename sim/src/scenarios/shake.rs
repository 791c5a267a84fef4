//! The director of a shaken run: chaos first, then a demand for progress.

use std::time::Duration;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use super::file::Scenario;
use super::{Workload, stuck};
use crate::draw::{Draw, PerMillion, Purpose, Streams};
use crate::faults::{Fault, Links, Membership};
use crate::time::format_duration;
use crate::world::{Director, World};

/// How far the demanded progress has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// All of it was made.
    Yes,
    /// What is missing, in words.
    NotYet(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Faults and workload run.
    Chaos,
    /// A majority is healed, the others' faults stay, and progress is demanded.
    Settling,
    /// Progress was made, or could not be demanded.
    Over,
}

/// Alarms from here on are the director's own; below they are the workload's.
const OWN_ALARMS: u64 = 1 << 63;
const CHAOS_IS_OVER: u64 = OWN_ALARMS;
const PATIENCE_IS_OVER: u64 = OWN_ALARMS | 1;

/// Chaos, then a demand for progress.
#[derive(Debug)]
pub struct Shake<W> {
    workload: W,
    members: Membership,
    chaos: Duration,
    patience: Duration,
    phase: Phase,
    could_recover: bool,
    /// Chooses the majority that is healed.
    draw: Draw,
}

impl<W> Shake<W> {
    /// A director for a scenario.
    pub fn new(scenario: &Scenario, members: Membership, workload: W) -> Self {
        Self {
            workload,
            members,
            chaos: scenario.chaos,
            patience: scenario.settle,
            phase: Phase::Chaos,
            could_recover: true,
            draw: Streams::new(scenario.seed).open(Purpose::Faults),
        }
    }

    /// Whether a majority of the disks was sound enough to demand progress.
    #[must_use]
    pub fn could_recover(&self) -> bool {
        self.could_recover
    }

    /// The workload, when the run is over.
    pub fn into_workload(self) -> W {
        self.workload
    }

    /// A node outside the healed majority keeps its faults, and some get one
    /// more that lasts: it hears nobody, or nobody hears it, or it hurries. A
    /// majority must make progress however the others pester it.
    fn leave_to_its_faults<P, I>(&mut self, world: &mut World<P, I>, id: NodeId)
    where
        P: Process,
        I: Invariants<P>,
    {
        let (links, clock) = (self.draw.below(3), self.draw.below(2));
        let peers: Vec<NodeId> = world.node_ids().filter(|peer| *peer != id).collect();
        for peer in peers {
            let link = match links {
                0 => Links::One { from: peer, to: id },
                1 => Links::One { from: id, to: peer },
                _ => continue,
            };
            world.apply_fault(&Fault::Cut(link));
        }
        if clock == 0 {
            let rate = HURRIED;
            world.apply_fault(&Fault::Clock { node: id, rate });
        }
    }

    /// Heals a majority of each group, and all clients. Who is healed, and who
    /// is not; `None` if a group has no majority that can run.
    fn heal<P, I>(&mut self, world: &mut World<P, I>) -> Option<(Vec<NodeId>, Vec<NodeId>)>
    where
        P: Process,
        I: Invariants<P>,
    {
        let (mut healed, mut others) = (Vec::new(), Vec::new());
        for group in self.members.each_group() {
            let mut candidates = group.clone();
            self.draw.shuffle(&mut candidates);
            let majority = group.len() / 2 + 1;
            let chosen = heal_some(world, &candidates, majority);
            if chosen.len() < majority {
                return None;
            }
            others.extend(candidates.iter().filter(|id| !chosen.contains(id)));
            healed.extend(chosen);
        }
        // A group's leader need not be among its healed; between groups there is
        // nobody else to speak for it.
        for (place, group) in self.members.each_group().iter().enumerate() {
            let further = self.members.each_group()[place + 1..].iter().flatten();
            for (one, other) in further.flat_map(|other| group.iter().map(move |one| (one, other)))
            {
                world.heal_links_among(&[*one, *other]);
            }
        }
        for client in self.members.clients() {
            world.heal_node(*client);
            // Nobody but those whom a client reaches can serve it, and a
            // majority may follow a leader that is not among the healed.
            let everybody: Vec<NodeId> = world.node_ids().collect();
            for peer in everybody {
                world.heal_links_among(&[*client, peer]);
            }
        }
        Some((healed, others))
    }

    fn settle<P, I>(&mut self, world: &mut World<P, I>)
    where
        P: Process,
        I: Invariants<P>,
        W: Workload<P, I>,
    {
        world.phase("settle: a majority is healed, progress is demanded");
        let Some((healed, others)) = self.heal(world) else {
            // A majority of the disks is damaged beyond what the system
            // promises to survive: it is right to stand still.
            world.mark("world.cannot_recover");
            self.workload.last_look(world);
            self.could_recover = false;
            self.phase = Phase::Over;
            return;
        };
        world.heal_links_among(&healed);
        world.phase(&format!("healed: {healed:?}"));
        for id in others {
            self.leave_to_its_faults(world, id);
        }
        self.phase = Phase::Settling;
        world.alarm(self.patience, PATIENCE_IS_OVER);
        self.workload.settle(world);
    }
}

/// The clock of a node that hurries: its timers fire three times as often.
const HURRIED: PerMillion = PerMillion::percent(300);

/// Heals the first candidates that can run, until they are so many; returns them.
fn heal_some<P: Process, I: Invariants<P>>(
    world: &mut World<P, I>,
    candidates: &[NodeId],
    wanted: usize,
) -> Vec<NodeId> {
    // Nodes that already refuse to start are passed over; one that turns out
    // to be damaged when it starts is replaced by the next.
    let mut chosen: Vec<NodeId> = Vec::new();
    for id in candidates {
        if chosen.len() == wanted {
            break;
        }
        if world.refusal(*id).is_some() {
            continue;
        }
        world.heal_node(*id);
        if world.is_running(*id) {
            chosen.push(*id);
        }
    }
    chosen
}

impl<P: Process, I: Invariants<P>, W: Workload<P, I>> Director<P, I> for Shake<W> {
    fn begin(&mut self, world: &mut World<P, I>) {
        world.phase("chaos");
        world.alarm(self.chaos, CHAOS_IS_OVER);
        self.workload.begin(world);
    }

    fn alarm(&mut self, world: &mut World<P, I>, token: u64) {
        match token {
            CHAOS_IS_OVER => self.settle(world),
            PATIENCE_IS_OVER if self.phase == Phase::Settling => {
                if let Settled::NotYet(missing) = self.workload.settled(world) {
                    self.workload.last_look(world);
                    let within = format_duration(self.patience);
                    world.breaks(stuck(
                        "progress",
                        format!("everybody is served within {within} after a majority is healed"),
                        missing,
                    ));
                }
            }
            PATIENCE_IS_OVER => {}
            _ => self.workload.alarm(world, token),
        }
    }

    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome) {
        self.workload.returned(world, invocation, outcome);
    }

    fn history(&self) -> Option<String> {
        self.workload.history()
    }

    fn is_over(&mut self, world: &mut World<P, I>) -> bool {
        if self.phase == Phase::Settling && self.workload.settled(world) == Settled::Yes {
            self.workload.last_look(world);
            self.phase = Phase::Over;
        }
        self.phase == Phase::Over
    }
}
