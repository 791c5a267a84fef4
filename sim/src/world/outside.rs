//! What an engine that has sockets of its own must do for a world, and what it has done.
#![cfg_attr(not(madsim), allow(dead_code))] // Then there is no such engine.

use std::collections::BTreeMap;

use snowglobe_systems::process::NodeId;

use super::network::Parcel;
use crate::time::SimTime;

/// What an engine must do, in the order in which it is asked.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// Take a node's socket away, and all that is in it.
    Kill(NodeId),
    /// Give a node a new socket.
    Restart(NodeId),
    /// Bring a parcel to its receiver's socket by the time at which it arrives.
    Carry(Parcel),
}

/// What is between a world and its engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Outside {
    /// What the engine has not begun.
    pub(super) errands: Vec<Errand>,
    /// What has come out of its socket before it arrives, by its ticket.
    brought: BTreeMap<u64, Parcel>,
}

impl Outside {
    /// A parcel came out of its socket. One that should have been there earlier has found
    /// nobody, and is forgotten.
    pub(super) fn bring(&mut self, parcel: Parcel, now: SimTime) {
        if parcel.arrives >= now {
            self.brought.insert(parcel.ticket, parcel);
        }
    }

    pub(super) fn has_brought(&self, parcel: &Parcel) -> bool {
        self.brought.contains_key(&parcel.ticket)
    }

    /// What came out of the socket for a parcel of the agenda, if anything had to.
    pub(super) fn brought(&mut self, parcel: Parcel) -> Parcel {
        self.brought.remove(&parcel.ticket).unwrap_or(parcel)
    }
}
