//! A run that is stopped after some step, to see what else could happen there.
//!
//! The world freezes before anything follows that step. Then it is made plain:
//! what a small world has no notion of goes, so that both say the same of what
//! may come. A link that is cut in one direction only is joined: whatever it
//! would swallow may be late for ever. Disks that are full or about to fail are
//! well again. A node that is down has the disk that its recovery would find.

use snowglobe_checkers::explore::{FoundWorld, Member};
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use super::World;
use super::disk::Storage;
use super::node::Life;

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// Freezes the world as soon as so many steps were taken, at the first
    /// moment at which anything else would happen. Alarms ring no more then.
    pub fn freeze_after(&mut self, steps: u64) {
        self.freeze_after = Some(steps);
    }

    /// Whether nothing happens by itself any more.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    pub(super) fn freeze_if_due(&mut self) {
        if self.freeze_after.is_none_or(|at| self.counters.steps < at) {
            return;
        }
        self.freeze_after = None;
        self.freeze();
        // Nothing but alarms is left of the agenda of a frozen world.
        self.agenda.take_all();
        self.alarms.clear();
        // The director must hear of it, though nothing is due any more.
        self.asked = false;
    }

    /// Takes from a frozen world what no small world has.
    ///
    /// # Errors
    /// When the disk of a node is damaged: then it would not come back from a crash.
    pub fn make_plain(&mut self) -> Result<(), String> {
        let pairs: Vec<(NodeId, NodeId)> = self.network.pairs().collect();
        for (one, other) in pairs.into_iter().filter(|(one, other)| one < other) {
            match (
                self.network.is_cut(one, other),
                self.network.is_cut(other, one),
            ) {
                // What a cut holds is under way for as long as it lasts.
                (true, true)
                    if self.network.holds(one, other) || self.network.holds(other, one) => {}
                // What crossed the cut before it is lost with it.
                (true, true) => self.cut(one, other),
                (false, false) => {}
                _ => self.mend(one, other),
            }
        }
        let checkpoint_bytes = self.checkpoint_bytes;
        for node in &mut self.nodes {
            node.disk.heal();
            let recovered = Storage::<P::Durable>::open(&mut node.disk.clone(), checkpoint_bytes);
            let damaged = |why: &str| format!("the disk of {} is damaged: {why}", node.id);
            let storage = match (&node.life, recovered) {
                (Life::Refused { why, .. }, _) => return Err(damaged(why)),
                (_, Err(error)) => return Err(damaged(&error.to_string())),
                (_, Ok((storage, _))) => storage,
            };
            if let Life::Down(durable) = &mut node.life {
                *durable = storage.into_durable();
            }
        }
        Ok(())
    }

    /// A copy of a world that is frozen and plain.
    #[must_use]
    pub fn found(&self) -> FoundWorld<P, I> {
        let members = self.node_ids().map(|id| Member {
            process: self.process(id).cloned(),
            durable: self.durable(id).clone(),
            armed: self.armed_timers(id),
        });
        let oldest = self.next_invocation + 1 - self.outstanding.len() as u64;
        let calls = self.outstanding.iter().zip(oldest..);
        let pairs = self.network.pairs();
        FoundWorld {
            nodes: members.collect(),
            under_way: self
                .held()
                .map(|held| (held.from, held.to, held.message.clone()))
                .collect(),
            invariants: self.invariants.clone(),
            calls: self.next_invocation,
            open: calls
                .filter_map(|(call, number)| call.map(|(node, _)| (InvocationId(number), node)))
                .collect(),
            cut: pairs
                .filter(|(one, other)| one < other && self.network.is_cut(*one, *other))
                .collect(),
        }
    }
}
