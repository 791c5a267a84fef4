//! The sockets of an engine that has some: what it must do for a world, and what came out of them.
#![cfg_attr(not(madsim), allow(dead_code))] // Then there is no such engine.

use std::collections::BTreeMap;
use std::mem;

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

/// The sockets through which messages pass, if the engine has any.
#[derive(Debug, Default)]
pub(super) struct Sockets(Option<Traffic>);

/// A copy of a world belongs to no engine.
impl Clone for Sockets {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[derive(Debug, Default)]
struct Traffic {
    /// What the engine has not begun.
    errands: Vec<Errand>,
    /// What has come out of its socket before it arrives, by its ticket.
    brought: BTreeMap<u64, Parcel>,
}

impl Sockets {
    /// From now on every message passes through a socket.
    pub(super) fn attach(&mut self) {
        self.0 = Some(Traffic::default());
    }

    /// Asks the engine for something, if it has sockets.
    pub(super) fn ask(&mut self, errand: impl FnOnce() -> Errand) {
        if let Some(traffic) = &mut self.0 {
            traffic.errands.push(errand());
        }
    }

    /// What the engine must do now.
    pub(super) fn errands(&mut self) -> Vec<Errand> {
        let traffic = self.0.as_mut();
        traffic.map_or_else(Vec::new, |it| mem::take(&mut it.errands))
    }

    /// A parcel came out of its socket. One that should have been there earlier has found
    /// nobody, and is forgotten.
    pub(super) fn bring(&mut self, parcel: Parcel, now: SimTime) {
        if let Some(traffic) = &mut self.0
            && parcel.arrives >= now
        {
            traffic.brought.insert(parcel.ticket, parcel);
        }
    }

    /// Whether a parcel has to come out of its socket before it can arrive.
    pub(super) fn keep(&self, parcel: &Parcel) -> bool {
        let traffic = self.0.as_ref();
        traffic.is_some_and(|it| !it.brought.contains_key(&parcel.ticket))
    }

    /// What came out of the socket for a parcel that arrives, if there are sockets and it did.
    pub(super) fn take(&mut self, parcel: &Parcel) -> Option<Parcel> {
        self.0.as_mut()?.brought.remove(&parcel.ticket)
    }
}
