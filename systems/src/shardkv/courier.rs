//! Whom a leader hands shards to, and by which way.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::group::Parcel;
use crate::process::NodeId;

/// How a server of another group is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Route {
    /// That server.
    pub(super) server: NodeId,
    /// The server of the own group that sends and receives for the leader; the
    /// leader itself if there is none.
    pub(super) via: Option<NodeId>,
}

/// Dealings with another group.
///
/// A leader may be unable to reach the leader of the other group, or any of its
/// servers, while all others can. So one that is silent is given up for the next,
/// which is asked to pass on to its leader what it gets; and when all were tried, another
/// server of the own group sends in the leader's place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Courier {
    /// Whom it takes for the leader there, or for somebody who reaches the leader.
    pub(super) route: Route,
    /// Whether the other server must pass things on to its leader.
    pub(super) relay: bool,
    /// Whether anybody there answered since it was last offered anything.
    heard: bool,
    /// Whether the route has served before: one lost message is no reason to look for another.
    trusted: bool,
    /// Who has said since the last offer that it does not lead. Servers that take each
    /// other for the leader must not keep a shard running to and fro.
    refused: BTreeSet<NodeId>,
}

impl Courier {
    pub(super) fn to(server: NodeId) -> Self {
        Self {
            route: Route { server, via: None },
            relay: false,
            heard: false,
            trusted: false,
            refused: BTreeSet::new(),
        }
    }

    /// Somebody of the group has answered.
    pub(super) fn heard(&mut self) {
        self.heard = true;
        self.trusted = true;
    }

    /// Somebody waits there for what it is handed.
    pub(super) fn awaited_by(&mut self, route: Route) {
        self.heard();
        self.route = route;
    }

    /// A server says that it does not lead. Whether to hand the parcel over at
    /// once to another: many are refused at a time, and each of them needs it.
    ///
    /// The hint may name a server that no configuration lists: a group may have
    /// joined with part of its servers.
    pub(super) fn redirected(&mut self, by: NodeId, hint: Option<NodeId>) -> bool {
        self.refused.insert(by);
        if self.route.server == by {
            let Some(leader) = hint.filter(|hint| *hint != by) else {
                return false;
            };
            self.route.server = leader;
            self.heard = true;
            self.trusted = false;
        }
        !self.refused.contains(&self.route.server)
    }

    /// Time has passed. Goes on to the next server if nobody answered, and after
    /// the last one to the next way.
    pub(super) fn turn_from_silent(&mut self, servers: &[NodeId], peers: &[NodeId]) {
        let (heard, trusted) = (self.heard, self.trusted);
        self.heard = false;
        self.trusted = heard && trusted;
        self.refused.clear();
        if heard || trusted || servers.is_empty() {
            return;
        }
        let Route { server, via } = self.route;
        let place = servers.iter().position(|known| *known == server);
        let next = place.map_or(0, |place| (place + 1) % servers.len());
        self.relay = true;
        self.route = Route {
            server: servers[next],
            via: match (place, next) {
                (Some(_), 0) => next_way(via, peers),
                _ => via,
            },
        };
    }
}

/// The servers of a parcel's receiver, as far as the giver knows. Whoever is of the
/// giver's own group is none of them, whatever a configuration says.
pub(super) fn servers_of(parcel: &Parcel, own: &[NodeId]) -> Vec<NodeId> {
    let servers = parcel.servers.iter().copied();
    servers.filter(|server| !own.contains(server)).collect()
}

/// The leader itself is the way before the first peer and after the last one.
fn next_way(via: Option<NodeId>, peers: &[NodeId]) -> Option<NodeId> {
    let place = via.and_then(|via| peers.iter().position(|peer| *peer == via));
    peers.get(place.map_or(0, |place| place + 1)).copied()
}
