//! What falls due, and what the director hears of it.

use std::mem;
use std::time::Duration;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::Process;

use super::agenda::Due;
use super::{Director, Order, World};
use crate::time::SimTime;

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// Does everything that is due by `now`, and tells the director.
    pub(crate) fn run_until(&mut self, now: SimTime, director: &mut impl Director<P, I>) {
        self.now = now;
        loop {
            while self.breakage.is_none() {
                self.freeze_if_due();
                let Some(due) = self.agenda.take(now) else {
                    break;
                };
                self.fall_due(due);
            }
            if !self.tell(director) {
                return;
            }
        }
    }

    /// Hands the director what it has not heard. Whether there was anything.
    fn tell(&mut self, director: &mut impl Director<P, I>) -> bool {
        if self.breakage.is_some() {
            return false;
        }
        let alarms = mem::take(&mut self.alarms);
        let returns = mem::take(&mut self.returns);
        let any = !alarms.is_empty() || !returns.is_empty();
        for (invocation, outcome) in returns {
            director.returned(self, invocation, outcome);
        }
        for token in alarms {
            director.alarm(self, token);
        }
        any
    }

    fn fall_due(&mut self, due: Due) {
        match due {
            Due::Carry(parcel) => self.outgoing.push(parcel),
            Due::Timer {
                node,
                slot,
                incarnation,
            } => self.timer_due(node, slot, incarnation),
            Due::Synced { node, incarnation } => self.synced(node, incarnation),
            Due::Ready { node, incarnation } => self.ready(node, incarnation),
            Due::Begins(place) => self.incident_begins(place),
            Due::Ends(place) => self.incident_ends(place),
            Due::Alarm(token) => self.alarms.push(token),
        }
    }

    pub(super) fn put(&mut self, at: SimTime, due: Due) {
        self.agenda.put(at, due);
        self.look_at(at);
    }

    /// Makes sure that the adapter looks at the world at a moment, or within a
    /// millisecond after it: madsim cannot sleep for less, so whoever is about
    /// to look anyway need not be woken.
    pub(super) fn look_at(&mut self, at: SimTime) {
        let soon = self.now + Duration::from_millis(1);
        if self
            .expected_at
            .is_none_or(|expected| expected > at && expected > soon)
        {
            self.wake();
        }
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn order(&mut self, order: Order) {
        self.orders.push(order);
        self.wake();
    }
}
