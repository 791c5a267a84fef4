//! What falls due, and what the director hears of it.

use std::mem;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::Process;

use super::agenda::Due;
use super::network::Parcel;
use super::sockets::Errand;
use super::{Director, World};
use crate::time::SimTime;

/// How far a world has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advance {
    /// The run is over.
    Over,
    /// The next thing falls due then.
    Until(SimTime),
    /// The next thing is the arrival of a parcel that has not come out of its socket.
    ForParcel,
    /// Enough steps were taken.
    Steps,
}

/// How far a world is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Until {
    /// What is due later waits.
    pub(super) time: SimTime,
    /// Nothing more happens when processes have taken so many steps.
    pub(super) steps: u64,
}

impl Until {
    /// The end of the run, however long it takes.
    pub(super) const END: Self = Self {
        time: SimTime(u64::MAX),
        steps: u64::MAX,
    };

    /// A moment.
    #[cfg(madsim)]
    pub(super) const fn time(time: SimTime) -> Self {
        Self { time, ..Self::END }
    }

    /// So many steps.
    pub(super) const fn steps(steps: u64) -> Self {
        Self { steps, ..Self::END }
    }
}

/// The director is asked at most this often whether the run is over: so many nanoseconds.
const ASKED_EVERY: u64 = 1_000_000;

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// Does what is due, one thing after the other and each at its own time, and tells the
    /// director. The outcome depends neither on how far the world is to go at once nor on when a
    /// parcel comes out of its socket.
    ///
    /// # Panics
    /// When nothing will ever happen any more, and the run is not over.
    pub(super) fn advance(&mut self, until: Until, director: &mut dyn Director<P, I>) -> Advance {
        loop {
            self.tell(director);
            if self.breakage.is_some() {
                return Advance::Over;
            }
            self.freeze_if_due();
            let next = self.agenda.next().map(|(at, _)| at);
            let now = self.now.0 / ASKED_EVERY;
            if !self.asked && next.is_none_or(|next| next.0 / ASKED_EVERY > now) {
                self.asked = true;
                if director.is_over(self) || self.breakage.is_some() {
                    return Advance::Over;
                }
                continue;
            }
            let next = next.expect("run-goes-on: nothing is due, and the run is not over");
            if self.counters.steps >= until.steps {
                return Advance::Steps;
            }
            if next > until.time {
                return Advance::Until(next);
            }
            if self.waits_for_parcel() {
                return Advance::ForParcel;
            }
            self.asked = false;
            self.take_next();
        }
    }

    /// Whether what is due next is a parcel that whoever carries it has not brought yet.
    fn waits_for_parcel(&self) -> bool {
        match self.agenda.next() {
            // Nobody waits for what will find nobody there.
            Some((_, Due::Arrives(parcel))) => {
                self.process(parcel.to).is_some() && self.sockets.keep(parcel)
            }
            _ => false,
        }
    }

    fn take_next(&mut self) {
        let Some((at, due)) = self.agenda.take() else {
            return;
        };
        self.now = at;
        match due {
            Due::Arrives(parcel) => {
                // What arrives is what came out of the socket, if there is one.
                let parcel = self.sockets.take(&parcel).unwrap_or(parcel);
                self.arrive(parcel);
            }
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

    /// Hands the director what it has not heard, at the moment at which it happened: a history
    /// that took a later one for that of an answer would let the call overlap with what
    /// followed it.
    fn tell(&mut self, director: &mut dyn Director<P, I>) {
        while self.breakage.is_none() && self.has_news() {
            self.asked = false;
            for (invocation, outcome) in mem::take(&mut self.returns) {
                director.returned(self, invocation, outcome);
            }
            for (node, outcome) in mem::take(&mut self.tells) {
                director.told(self, node, outcome);
            }
            for token in mem::take(&mut self.alarms) {
                director.alarm(self, token);
            }
        }
    }

    fn has_news(&self) -> bool {
        !(self.alarms.is_empty() && self.returns.is_empty() && self.tells.is_empty())
    }

    /// A parcel is on its way, and arrives after a while.
    pub(super) fn travels(&mut self, mut parcel: Parcel, arrives: SimTime) {
        self.next_ticket += 1;
        parcel.ticket = self.next_ticket;
        parcel.arrives = arrives;
        self.sockets.ask(|| Errand::Carry(parcel.clone()));
        self.agenda.put(arrives, Due::Arrives(parcel));
    }
}
