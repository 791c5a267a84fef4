//! Shards that go out and shards that come in, at a server of a group.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::group::Arrival;
use super::server::{Asked, Server, replica_of};
use super::{Command, Message, Node, ShardState, Timer, Transfer, marks};
use crate::process::{Effect, Effects, NodeId};
use crate::shardctrler::{Number, Shard};

/// Tells whoever handed a shard over that a majority of this group has it.
pub(super) fn received(to: NodeId, shard: Shard, number: Number, effects: &mut Effects<Node>) {
    send(to, Transfer::Received { shard, number }, effects);
}

fn send(to: NodeId, transfer: Transfer, effects: &mut Effects<Node>) {
    let message = Message::Shard(transfer);
    effects.push(Effect::Send { to, message });
}

impl Server {
    pub(super) fn transfer(
        &mut self,
        from: NodeId,
        transfer: Transfer,
        effects: &mut Effects<Node>,
    ) {
        match transfer {
            Transfer::HandOver {
                shard,
                number,
                state,
            } => self.comes_in(from, (shard, number), state, effects),
            Transfer::Received { shard, number } => {
                let parcel = self.machine().outgoing().get(&(shard, number));
                let to = parcel.map(|parcel| parcel.to);
                if let (Some(to), Some(office)) = (to, &mut self.office) {
                    office.heard_from(to, from);
                    let command = Command::Forget { shard, number };
                    self.propose(Asked::Forget { shard, number }, command, effects);
                }
            }
            Transfer::Ready { shard, number } => {
                let parcel = self.machine().outgoing().get(&(shard, number));
                let to = parcel.map(|parcel| parcel.to);
                if let (Some(to), Some(office)) = (to, &mut self.office) {
                    office.awaited_by(to, from);
                    self.hand_over(shard, number, effects);
                }
            }
            Transfer::NotLeader {
                shard,
                number,
                hint,
            } => {
                let parcel = self.machine().outgoing().get(&(shard, number)).cloned();
                if let (Some(parcel), Some(office)) = (parcel, &mut self.office)
                    && office.redirected(&parcel, from, hint)
                {
                    self.hand_over(shard, number, effects);
                }
            }
        }
    }

    /// A shard arrives. It is served when all of this group have it in their
    /// logs in the same place, and not before.
    fn comes_in(
        &mut self,
        from: NodeId,
        (shard, number): (Shard, Number),
        state: Arc<ShardState>,
        effects: &mut Effects<Node>,
    ) {
        let arrival = self.machine().arrival(shard, number);
        let hint = self.raft().leader();
        match (arrival, &mut self.office) {
            (Arrival::Installed, _) => {
                effects.mark(marks::SHARD_AGAIN);
                received(from, shard, number, effects);
            }
            (_, None) => {
                effects.mark(marks::SHARD_AT_FOLLOWER);
                let transfer = Transfer::NotLeader {
                    shard,
                    number,
                    hint,
                };
                send(from, transfer, effects);
            }
            (Arrival::Awaited, Some(_)) => {
                let asked = Asked::Install {
                    shard,
                    number,
                    from,
                };
                let command = Command::Install {
                    shard,
                    number,
                    state,
                };
                self.propose(asked, command, effects);
            }
            // Somebody is further on than this group.
            (Arrival::Early, Some(office)) => {
                effects.mark(marks::SHARD_EARLY);
                office.came_early(shard, number, from);
                self.ask_for_next(effects);
            }
        }
    }

    /// Whoever came early need not wait until it tries again.
    pub(super) fn call_back_early(&mut self, effects: &mut Effects<Node>) {
        let number = self.machine().configuration().number;
        let due = self
            .office
            .as_mut()
            .map(|office| office.no_longer_early(number));
        for ((shard, number), to) in due.into_iter().flatten() {
            send(to, Transfer::Ready { shard, number }, effects);
        }
    }

    pub(super) fn hand_over_again(&mut self, effects: &mut Effects<Node>) {
        effects.push(Effect::SetTimer(Timer::HandOver));
        let machine = replica_of(&self.replica).machine();
        let Some(office) = &mut self.office else {
            return;
        };
        office.turn_from_silent(machine.outgoing().values());
        let parcels: Vec<_> = machine.outgoing().keys().copied().collect();
        for (shard, number) in parcels {
            effects.mark(marks::HANDED_OVER_AGAIN);
            self.hand_over(shard, number, effects);
        }
    }

    pub(super) fn hand_over(&mut self, shard: Shard, number: Number, effects: &mut Effects<Node>) {
        let machine = replica_of(&self.replica).machine();
        let (Some(parcel), Some(office)) =
            (machine.outgoing().get(&(shard, number)), &mut self.office)
        else {
            return;
        };
        let Some(to) = office.target(parcel) else {
            return;
        };
        if !machine.configuration().groups.contains_key(&self.group) {
            effects.mark(marks::HANDED_OVER_AFTER_LEAVING);
        }
        let state = parcel.state.clone();
        let transfer = Transfer::HandOver {
            shard,
            number,
            state,
        };
        send(to, transfer, effects);
    }
}
