//! The order of one client's operations that share a moment.
//!
//! Operations of which one returns at the moment at which the other is called are concurrent, for
//! nobody can say which of the two events came first; but one client's own return comes before
//! its own next call. Moments cannot say that: among operations that all share a moment, each
//! client's in its order and else in any, the order is not one of intervals. So it is kept beside
//! the moments, and looked at where a step may be taken.
//!
//! Each key is judged alone, so it is kept within each key. That two clients contradict each other
//! across keys, within one moment, is not seen.

use std::collections::BTreeMap;

use super::problem::NEVER;
use crate::history::{ClientId, Moment};

/// Which steps must wait for others of the same client that return at the moment of their call.
#[derive(Debug, Default)]
pub(super) struct OwnOrder {
    /// For each step, the one that it waits for; [`NEVER`] for none. Empty if no step waits.
    before: Vec<u32>,
    /// For each step, whether another waits for it. Empty if none does.
    awaited: Vec<bool>,
}

impl OwnOrder {
    /// Of steps in the order of their calls.
    pub(super) fn of(clients: &[ClientId], moments: &[(Moment, Option<Moment>)]) -> Self {
        let mut order = Self::default();
        // Of each client, its last step that returned, and when.
        let mut last = BTreeMap::<ClientId, (usize, Moment)>::new();
        for (step, (client, (called, returned))) in clients.iter().zip(moments).enumerate() {
            if let Some((before, at)) = last.get(client)
                && at == called
            {
                order.before.resize(clients.len(), NEVER);
                order.awaited.resize(clients.len(), false);
                order.before[step] = *before as u32;
                order.awaited[*before] = true;
            }
            // What comes after one without an answer does not wait for it, but for what was
            // before it.
            if let Some(returned) = returned {
                last.insert(*client, (step, *returned));
            }
        }
        order
    }

    /// Whether no step waits for another.
    pub(super) fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// The step that this one waits for.
    pub(super) fn before(&self, step: u32) -> Option<u32> {
        let before = self.before.get(step as usize).copied();
        before.filter(|before| *before != NEVER)
    }

    /// Whether another step waits for this one.
    pub(super) fn is_awaited(&self, step: u32) -> bool {
        self.awaited.get(step as usize).is_some_and(|is| *is)
    }

    /// Whether this step waits, or another for it: then it cannot be put just anywhere within
    /// its interval.
    pub(super) fn binds(&self, step: u32) -> bool {
        self.is_awaited(step) || self.before(step).is_some()
    }

    /// Whether an order of steps agrees.
    pub(super) fn agrees_with(&self, order: &[u32]) -> bool {
        if self.is_empty() {
            return true;
        }
        let mut places = vec![NEVER; self.before.len()];
        for (place, step) in order.iter().enumerate() {
            places[*step as usize] = place as u32;
        }
        (order.iter()).all(|step| {
            let before = self.before(*step);
            before.is_none_or(|before| places[before as usize] < places[*step as usize])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_shares_a_moment_with_its_own_clients_last_step_waits() {
        let clients = [0, 1, 0, 1, 0].map(ClientId);
        let at = |called, returned| (Moment(called), Some(Moment(returned)));
        let moments = [at(1, 5), at(2, 3), at(5, 5), at(5, 6), at(5, 9)];
        let order = OwnOrder::of(&clients, &moments);
        let before: Vec<_> = (0..5).map(|step| order.before(step)).collect();
        assert_eq!(before, [None, None, Some(0), None, Some(2)]);
        assert!(order.is_awaited(0) && order.binds(4) && !order.binds(3));
        assert!(order.agrees_with(&[1, 0, 3, 2, 4]));
        assert!(!order.agrees_with(&[1, 2, 0, 3, 4]));
        assert!(OwnOrder::of(&clients[..2], &moments[..2]).is_empty());
    }
}
