//! Timers: armed by a process, looked at by the agenda.

use std::time::Duration;

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{Delay, Input, NodeId, Process};

use super::World;
use super::agenda::Due;
use super::node::{Incarnation, Life, TimerSlot};
use super::trace::EventKind;
use crate::draw::{Draw, PerMillion, Purpose};
use crate::faults::FaultFamily;
use crate::time::SimTime;

impl<P: Process, I: Invariants<P>> World<P, I> {
    pub(super) fn set_timer(&mut self, id: NodeId, timer: P::Timer, delay: Delay) {
        let now = self.now;
        let node = &mut self.nodes[id.position()];
        let incarnation = node.incarnation;
        let clock_is_off = node.effective.clock != PerMillion::ALWAYS;
        let Some(running) = node.running() else {
            return;
        };
        let timers = &mut running.timers;
        let slot = match timers.iter().position(|slot| slot.timer == timer) {
            Some(slot) => slot,
            None => {
                timers.push(TimerSlot {
                    timer,
                    set: 0,
                    deadline: None,
                    queued: None,
                });
                timers.len() - 1
            }
        };
        timers[slot].set += 1;
        let occurrence = u64::from(incarnation.0) << 32 | u64::from(timers[slot].set);
        let purpose = Purpose::Timer(id);
        let mut draw = self.streams.keyed(purpose, Digest::of(&timer), occurrence);
        let drawn = draw.duration(delay.range());
        let deadline = now + self.nodes[id.position()].by_its_clock(drawn);
        if clock_is_off {
            self.mark("world.clock_off");
            self.took_effect(FaultFamily::Clocks);
        }
        let Some(running) = self.nodes[id.position()].running() else {
            return;
        };
        let timers = &mut running.timers;
        timers[slot].deadline = Some(deadline);
        if self.frozen.is_some() {
            return;
        }
        if timers[slot].queued.is_none_or(|queued| deadline < queued) {
            timers[slot].queued = Some(deadline);
            self.queue_timer(id, slot, deadline);
        }
    }

    /// Lets the agenda look at a timer of a running process.
    fn queue_timer(&mut self, node: NodeId, slot: usize, at: SimTime) {
        let incarnation = self.incarnation(node);
        let due = Due::Timer {
            node,
            slot,
            incarnation,
        };
        self.agenda.put(at, due);
    }

    pub(super) fn cancel_timer(&mut self, id: NodeId, timer: P::Timer) {
        if let Some(running) = self.nodes[id.position()].running()
            && let Some(slot) = running.timers.iter_mut().find(|slot| slot.timer == timer)
        {
            slot.deadline = None;
        }
    }

    /// The agenda looks at a timer: it fires, was moved back, or was disarmed.
    pub(super) fn timer_due(&mut self, id: NodeId, slot: usize, incarnation: Incarnation) {
        let now = self.now;
        let node = &mut self.nodes[id.position()];
        if node.incarnation != incarnation {
            return;
        }
        let paused = node.paused;
        let Some(running) = node.running() else {
            return;
        };
        let blocked = paused || running.is_blocked();
        let entry = &mut running.timers[slot];
        match entry.queued {
            // An entry that was overtaken by an earlier one has nothing to say.
            Some(queued) if queued <= now => entry.queued = None,
            _ => return,
        }
        let Some(deadline) = entry.deadline else {
            return;
        };
        if deadline > now {
            entry.queued = Some(deadline);
            self.queue_timer(id, slot, deadline);
        } else if !blocked {
            // A process that cannot run leaves the timer armed; it is looked
            // at again when the process goes on.
            entry.deadline = None;
            let timer = entry.timer;
            self.timer_fires(id, slot, timer);
        }
    }

    /// Fires a timer whose time came while its process could not run; says
    /// whether there was one. Which of several is drawn: nothing promises that
    /// what waited fires in the order of its deadlines.
    pub(super) fn fire_overdue(&mut self, id: NodeId) -> bool {
        let now = self.now;
        let node = &mut self.nodes[id.position()];
        if self.frozen.is_some() || node.paused {
            return false;
        }
        let Some(running) = node.running().filter(|running| !running.is_blocked()) else {
            return false;
        };
        let slots = running.timers.iter().enumerate();
        let overdue = slots.filter_map(|(place, slot)| {
            let deadline = slot.deadline.filter(|deadline| *deadline <= now);
            deadline.map(|deadline| (deadline, place))
        });
        let mut overdue: Vec<(SimTime, usize)> = overdue.collect();
        overdue.sort_unstable();
        let slot = match overdue[..] {
            [] => return false,
            [(_, slot)] => slot,
            [(_, first), ..] => {
                let (_, slot) = *self.backlog_draw(id, overdue.len()).pick(&overdue);
                if slot != first {
                    self.mark("world.timers_out_of_order");
                }
                slot
            }
        };
        let Some(running) = self.nodes[id.position()].running() else {
            return false;
        };
        let entry = &mut running.timers[slot];
        entry.deadline = None;
        let timer = entry.timer;
        self.timer_fires(id, slot, timer);
        true
    }

    /// The dice for the order of what waited for a node.
    pub(super) fn backlog_draw(&self, id: NodeId, waits: usize) -> Draw {
        let purpose = Purpose::Backlog(id);
        self.streams.keyed(purpose, self.now.0, waits as u64)
    }

    /// A clock goes forward at once, and every timer is that much nearer.
    pub(super) fn clock_jumps(&mut self, id: NodeId, by: Duration) {
        let now = self.now;
        let by = self.nodes[id.position()].by_its_clock(by);
        let Some(running) = self.nodes[id.position()].running() else {
            return;
        };
        let mut nearer = Vec::new();
        for (slot, entry) in running.timers.iter_mut().enumerate() {
            if let Some(deadline) = &mut entry.deadline {
                *deadline = (now + deadline.since(now).saturating_sub(by)).min(*deadline);
                entry.queued = Some(*deadline);
                nearer.push((*deadline, slot));
            }
        }
        if nearer.is_empty() {
            return;
        }
        self.mark("world.clock_jumped");
        self.took_effect(FaultFamily::Clocks);
        // Several may be due now; nothing promises which fires first.
        self.backlog_draw(id, nearer.len()).shuffle(&mut nearer);
        for (at, slot) in nearer {
            self.queue_timer(id, slot, at);
        }
    }

    fn timer_fires(&mut self, id: NodeId, slot: usize, timer: P::Timer) {
        self.trace
            .event(self.now, Some(id), EventKind::Timeout, slot as u64, || {
                format!("{timer:?}")
            });
        self.step(id, Input::Timeout(timer));
    }

    /// The timers of a process that are armed, in the order in which it first set them.
    #[must_use]
    pub fn armed_timers(&self, id: NodeId) -> Vec<P::Timer> {
        let Life::Up(running) = &self.nodes[id.position()].life else {
            return Vec::new();
        };
        let armed = running.timers.iter().filter(|slot| slot.deadline.is_some());
        armed.map(|slot| slot.timer).collect()
    }

    /// Lets an armed timer of a frozen world's process fire now. Whether it was armed.
    pub fn fire(&mut self, id: NodeId, timer: P::Timer) -> bool {
        let Some(running) = self.nodes[id.position()].running() else {
            return false;
        };
        let armed = running
            .timers
            .iter_mut()
            .enumerate()
            .find(|(_, slot)| slot.timer == timer && slot.deadline.is_some());
        let Some((slot, entry)) = armed else {
            return false;
        };
        entry.deadline = None;
        self.timer_fires(id, slot, timer);
        true
    }

    /// Puts the armed timers of a process back on the agenda after it could not run.
    pub(super) fn rearm_timers(&mut self, id: NodeId) {
        if self.frozen.is_some() {
            return;
        }
        let now = self.now;
        let node = &mut self.nodes[id.position()];
        let Some(running) = node.running() else {
            return;
        };
        let mut overdue = Vec::new();
        for (slot, entry) in running.timers.iter_mut().enumerate() {
            if let Some(deadline) = entry.deadline
                && entry.queued.is_none()
            {
                let at = deadline.max(now);
                entry.queued = Some(at);
                overdue.push((at, slot));
            }
        }
        for (at, slot) in overdue {
            self.queue_timer(id, slot, at);
        }
    }
}
