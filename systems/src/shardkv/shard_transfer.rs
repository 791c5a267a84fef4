//! Shard transfer between groups, at a server of a group.
//!
//! The leader of a group alone hands its shards over, and the leader of the other
//! alone takes them in. Where one cannot reach the other, any server of the one group
//! sends and any of the other passes on: see [`super::courier`].

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::courier::Route;
use super::group::Arrival;
use super::server::{Asked, Server, replica_of};
use super::{Command, Message, Node, Peer, ShardState, Timer, Transfer, TransferId, marks};
use crate::process::{Effect, Effects};
use crate::shardctrler::{Number, Shard};
use crate::vec_set::VecSet;

/// Sends to a server of another group along a route.
pub(super) fn send(route: Route, transfer: Transfer, effects: &mut Effects<Node>) {
    let (to, message) = match route.via {
        None => (route.server, Message::Shard(transfer)),
        Some(member) => {
            effects.mark(marks::SENT_THROUGH_MEMBER);
            let to = route.server;
            (member, Message::Peer(Peer::Outgoing { to, transfer }))
        }
    };
    effects.push(Effect::Send { to, message });
}

impl Server {
    /// A message from a server of another group, direct or relayed by a member.
    pub(super) fn transfer(
        &mut self,
        route: Route,
        transfer: Transfer,
        effects: &mut Effects<Node>,
    ) {
        let id = transfer.id();
        let owed = self.machine().outgoing().get(&(id.shard, id.number));
        let is_owed = owed.is_some_and(|owed| owed.to == id.to);
        match transfer {
            Transfer::HandOver {
                attempt,
                relay,
                state,
                ..
            } => {
                let comes = Coming {
                    id,
                    attempt,
                    relay,
                    state: Some(state),
                };
                self.comes_in(route, comes, effects);
            }
            Transfer::Offer { attempt, relay, .. } => {
                let comes = Coming {
                    id,
                    attempt,
                    relay,
                    state: None,
                };
                self.comes_in(route, comes, effects);
            }
            answer if self.leader_state.is_none() => self.pass_to_leader(route, answer, effects),
            answer if is_owed => self.answered_by_owner(route, &answer, effects),
            _ => {}
        }
    }

    /// The new owner of a shard, to which this leader's group owes it, has answered.
    fn answered_by_owner(&mut self, route: Route, answer: &Transfer, effects: &mut Effects<Node>) {
        let Some(leader_state) = &mut self.leader_state else {
            return;
        };
        let TransferId { shard, number, to } = answer.id();
        match *answer {
            Transfer::Received { .. } => {
                leader_state.heard_from(to, route);
                let command = Command::Forget { shard, number };
                self.propose(Asked::Forget { shard, number }, command, effects);
            }
            Transfer::Wait { early, .. } => {
                leader_state.heard_from(to, route);
                // A receiver that does not know yet that it gets the shard has not taken
                // it: its `Ready` may be lost.
                if !early {
                    leader_state.told_to_wait((shard, number));
                }
            }
            Transfer::Ready { attempt, .. } => {
                leader_state.awaited_by(to, route);
                if leader_state.is_lost((shard, number), attempt) {
                    self.hand_over(shard, number, effects);
                }
            }
            Transfer::NotLeader { hint, .. } => {
                if leader_state.redirected(to, route.server, hint) {
                    self.hand_over(shard, number, effects);
                }
            }
            // A configuration error, for the operator to fix. Until then the others are
            // tried in turn, and the shard stays.
            Transfer::Misdirected { .. } => effects.mark(marks::SHARD_MISDIRECTED),
            Transfer::HandOver { .. } | Transfer::Offer { .. } => {}
        }
    }

    /// A shard arrives, or might. It is served when all of this group have it in their
    /// logs in the same place, and not before.
    fn comes_in(&mut self, route: Route, comes: Coming, effects: &mut Effects<Node>) {
        let Coming { id, attempt, .. } = comes;
        let TransferId { shard, number, to } = id;
        let arrival = match to == self.group {
            true => self.machine().arrival(shard, number),
            false => Arrival::NotMeant,
        };
        match (arrival, &mut self.leader_state) {
            (Arrival::NotMeant, _) => {
                let group = self.group;
                send(route, Transfer::Misdirected { id, group }, effects);
            }
            (Arrival::Installed, _) => {
                effects.mark(marks::SHARD_AGAIN);
                send(route, Transfer::Received { id }, effects);
            }
            (_, None) => self.comes_to_follower(route, comes, effects),
            (Arrival::Awaited, Some(_)) => self.comes_to_leader(route, comes, effects),
            // The sender is ahead of this group.
            (Arrival::Early, Some(leader_state)) => {
                effects.mark(marks::SHARD_EARLY);
                leader_state.came_early(id, route, attempt);
                send(route, Transfer::Wait { id, early: true }, effects);
                self.ask_for_next(effects);
            }
        }
    }

    fn comes_to_leader(&mut self, route: Route, comes: Coming, effects: &mut Effects<Node>) {
        let Coming { id, attempt, .. } = comes;
        let TransferId { shard, number, .. } = id;
        let asked = Asked::Install { id, from: route };
        match comes.state {
            Some(state) => {
                let command = Command::Install {
                    shard,
                    number,
                    state,
                };
                self.propose(asked, command, effects);
            }
            None if !self.is_asked(asked) => {
                return send(route, Transfer::Ready { id, attempt }, effects);
            }
            None => {}
        }
        if self.is_asked(asked) {
            send(route, Transfer::Wait { id, early: false }, effects);
        }
    }

    /// Senders that reach the leader should ask it; a follower relays only for one that
    /// cannot.
    fn comes_to_follower(&self, route: Route, comes: Coming, effects: &mut Effects<Node>) {
        effects.mark(marks::SHARD_AT_FOLLOWER);
        let Coming {
            id,
            attempt,
            relay,
            state,
        } = comes;
        let hint = self.raft().leader();
        if !relay || hint.is_none() {
            return send(route, Transfer::NotLeader { id, hint }, effects);
        }
        let transfer = match state {
            Some(state) => Transfer::HandOver {
                id,
                attempt,
                relay,
                state,
            },
            None => Transfer::Offer { id, attempt, relay },
        };
        self.pass_to_leader(route, transfer, effects);
    }

    /// Calls back senders that came early, so that they need not wait for their next try.
    pub(super) fn call_back_early(&mut self, effects: &mut Effects<Node>) {
        let number = self.machine().configuration().number;
        let due = self
            .leader_state
            .as_mut()
            .map(|leader_state| leader_state.no_longer_early(number));
        for (id, route, attempt) in due.into_iter().flatten() {
            if self.machine().arrival(id.shard, id.number) == Arrival::Awaited {
                send(route, Transfer::Ready { id, attempt }, effects);
            }
        }
    }

    /// Offers what was not acknowledged. The shards themselves are large, and are sent
    /// again only if nobody answers, less and less often, or on request.
    pub(super) fn offer_again(&mut self, effects: &mut Effects<Node>) {
        effects.set_timer(Timer::HandOver, &self.config.hand_over);
        let machine = replica_of(&self.replica).machine();
        let Some(leader_state) = &mut self.leader_state else {
            return;
        };
        let own = self.members.as_slice();
        let addresses = leader_state.addresses(machine.outgoing().values(), own);
        leader_state.turn_from_silent(&addresses);
        let mut silent = Vec::new();
        // One offer to everybody is enough to find out who answers.
        let mut sought = VecSet::new();
        for ((shard, number), owed) in machine.outgoing() {
            effects.mark(marks::HANDED_OVER_AGAIN);
            let is_silent = leader_state.is_silent((*shard, *number));
            let attempt = leader_state.next_attempt((*shard, *number), false);
            let Some(courier) = leader_state.courier(owed, own) else {
                continue;
            };
            let mut routes = match sought.insert(owed.to) {
                true => courier.other_ways(&addresses[&owed.to], &self.peers),
                false => Vec::new(),
            };
            match is_silent {
                true => silent.push((*shard, *number)),
                false => routes.insert(0, courier.route),
            }
            let (relay, to) = (courier.relay, owed.to);
            let (shard, number) = (*shard, *number);
            let id = TransferId { shard, number, to };
            for route in routes {
                send(route, Transfer::Offer { id, attempt, relay }, effects);
            }
        }
        for (shard, number) in silent {
            self.hand_over(shard, number, effects);
        }
        self.ask_further_on(effects);
    }

    /// Hands a shard over, with all that is in it.
    pub(super) fn hand_over(&mut self, shard: Shard, number: Number, effects: &mut Effects<Node>) {
        let machine = replica_of(&self.replica).machine();
        let (Some(owed), Some(leader_state)) = (
            machine.outgoing().get(&(shard, number)),
            &mut self.leader_state,
        ) else {
            return;
        };
        let Some(courier) = leader_state.courier(owed, &self.members) else {
            return;
        };
        if !machine.configuration().groups.contains_key(&self.group) {
            effects.mark(marks::HANDED_OVER_AFTER_LEAVING);
        }
        let (route, relay) = (courier.route, courier.relay);
        let to = owed.to;
        let transfer = Transfer::HandOver {
            id: TransferId { shard, number, to },
            attempt: leader_state.next_attempt((shard, number), true),
            relay,
            state: owed.state.clone(),
        };
        send(route, transfer, effects);
    }
}

/// A shard that is handed over, or offered: then without its state.
struct Coming {
    id: TransferId,
    attempt: u32,
    relay: bool,
    state: Option<Arc<ShardState>>,
}
