//! To which server a leader sends a group's shards, and by which route.

use alloc::vec::Vec;

use super::group::OutgoingShard;
use crate::process::NodeId;
use crate::shardctrler::{Configuration, Number};
use crate::vec_map::VecMap;
use crate::vec_set::VecSet;

/// How a server of another group is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Route {
    /// That server.
    pub(super) server: NodeId,
    /// The server of the own group that sends and receives for the leader; the
    /// leader itself if there is none.
    pub(super) via: Option<NodeId>,
}

/// The connection to another group.
///
/// A leader may be unable to reach the other group's leader, or any of its servers, while
/// all others can. So if nobody answers, it asks all of them to relay to their leader, and
/// the other servers of its own group try in turn on its behalf. Whoever answers determines
/// the route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Courier {
    /// The presumed leader there, or a server that reaches it.
    pub(super) route: Route,
    /// Whether the other server must relay to its leader.
    pub(super) relay: bool,
    /// Whether anybody there answered since it was last offered anything.
    heard: bool,
    /// Whether the route has worked before: one lost message is no reason to look for
    /// another.
    trusted: bool,
    /// How often in a row nobody has answered.
    silent: usize,
    /// Servers that denied leading since the last offer. Servers that take each other for
    /// the leader must not bounce a shard back and forth.
    refused: VecSet<NodeId>,
}

impl Courier {
    pub(super) fn to(server: NodeId) -> Self {
        Self {
            route: Route { server, via: None },
            relay: false,
            heard: false,
            trusted: false,
            silent: 0,
            refused: VecSet::new(),
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

    /// A server there awaits the shard.
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
        // If no server of that group is known, keep the last one: its silence is what makes
        // a leader look at later configurations.
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

    /// The other routes by which to offer a shard.
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

/// The receiver's servers, as far as the sender knows: also from configurations that it
/// cannot apply yet, newest first, since the newest may no longer name that group, or
/// wrongly. Never a server of the sender's own group.
pub(super) fn servers_of(
    owed: &OutgoingShard,
    ahead: &VecMap<Number, Configuration>,
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

    /// A late answer by a detour is no reason to leave a way that works.
    #[test]
    fn another_way_is_taken_only_after_a_silence() {
        let via = |peer| Route {
            server: NodeId(4),
            via: peer,
        };
        let detour = via(Some(NodeId(9)));
        let mut courier = Courier::to(NodeId(4));
        courier.heard_by(detour);
        assert_eq!(courier.route, via(None));
        for _ in 0..3 {
            courier.turn_from_silent(&[NodeId(4)]);
        }
        courier.heard_by(detour);
        assert_eq!(courier.route, detour);
    }
}
