//! Whom a leader hands shards to, and by which way.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::group::OutgoingShard;
use crate::process::NodeId;
use crate::shardctrler::{Configuration, Number};

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
/// servers, while all others can. So if nobody answers, all of them are asked, and asked to
/// pass on to their leader what they get; and one after the other the servers of the own group
/// ask in the leader's place. Who answers shows the way.
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
    /// How often in a row nobody has answered.
    silent: usize,
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
            silent: 0,
            refused: BTreeSet::new(),
        }
    }

    /// Somebody of the group has answered.
    pub(super) fn heard_by(&mut self, route: Route) {
        if self.silent > 0 {
            self.route = route;
        }
        self.heard = true;
        self.trusted = true;
        self.silent = 0;
    }

    /// Somebody waits there for what it is handed.
    pub(super) fn awaited_by(&mut self, route: Route) {
        self.heard_by(route);
        self.route = route;
    }

    /// A server says that it does not lead. Whether to hand the shard over at
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

    /// Time has passed. Goes on to the next server if nobody answered.
    pub(super) fn turn_from_silent(&mut self, servers: &[NodeId]) {
        let (heard, trusted) = (self.heard, self.trusted);
        self.heard = false;
        self.trusted = heard && trusted;
        self.refused.clear();
        if heard || trusted {
            return;
        }
        self.relay = true;
        self.silent += 1;
        let place = servers.iter().position(|known| *known == self.route.server);
        let next = place.map_or(0, |place| (place + 1) % servers.len());
        // Where no server is known that can be of that group, it stays with the last one: to
        // be silent is what makes a leader look further on.
        if let Some(server) = servers.get(next) {
            self.route = Route {
                server: *server,
                via: None,
            };
        }
    }

    /// Whether nobody has answered since it last looked for a way.
    pub(super) fn is_unheard(&self) -> bool {
        self.silent > 0
    }

    /// By which other ways to ask whether a shard may be handed over.
    pub(super) fn other_ways(&self, servers: &[NodeId], peers: &[NodeId]) -> Vec<Route> {
        if !self.is_unheard() {
            return Vec::new();
        }
        let peer = self.silent.checked_rem(peers.len());
        let peer = peer.map(|place| Some(peers[place]));
        let ways = [None].into_iter().chain(peer);
        let routes = ways.flat_map(|via| servers.iter().map(move |server| (*server, via)));
        let routes = routes.map(|(server, via)| Route { server, via });
        routes.filter(|route| *route != self.route).collect()
    }
}

/// The servers of a shard's receiver, as far as the giver knows: also from configurations
/// that it cannot turn to yet, the newest first. The newest of all need not name that group
/// any more, or not rightly. Whoever is of the giver's own group is none of them, whatever a
/// configuration says.
pub(super) fn servers_of(
    owed: &OutgoingShard,
    ahead: &BTreeMap<Number, Configuration>,
    own: &[NodeId],
) -> Vec<NodeId> {
    let named = ahead.values().rev().map(|later| later.groups.get(&owed.to));
    let mut servers = owed.servers.clone();
    for server in named.flatten().flatten() {
        if !servers.contains(server) {
            servers.push(*server);
        }
    }
    servers.retain(|server| !own.contains(server));
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_whose_servers_are_all_unknown_is_silent_too() {
        let mut courier = Courier::to(NodeId(7));
        courier.turn_from_silent(&[]);
        assert!(courier.is_unheard());
        assert_eq!(courier.route.server, NodeId(7));
        let known = [NodeId(4), NodeId(5)];
        courier.turn_from_silent(&known);
        assert_eq!(courier.route.server, NodeId(4));
        assert_eq!(courier.other_ways(&known, &[]).len(), 1);
    }
}
