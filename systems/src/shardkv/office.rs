//! What a leader keeps in mind: what it has asked, and whom it hands shards to.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::group::Parcel;
use crate::process::{InvocationId, NodeId};
use crate::shardctrler::{Configuration, GroupId, Number, Shard};

/// What a leader keeps in mind. It goes with the leadership: the next leader
/// finds out again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Office {
    /// Which configurations the controller was asked for and has not told.
    questions: BTreeMap<InvocationId, Number>,
    /// Configurations that are known before their turn. A group that is behind
    /// asks for several at once: a slow controller would keep it behind for ever.
    ahead: BTreeMap<Number, Configuration>,
    /// What was handed over at least once.
    handed: BTreeSet<(Shard, Number)>,
    couriers: BTreeMap<GroupId, Courier>,
    /// What came before the configuration that gives it to this group, and who
    /// handed it over.
    early: BTreeMap<(Shard, Number), NodeId>,
}

/// Dealings with another group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Courier {
    /// Whom it takes for the leader there.
    target: NodeId,
    /// Whether anybody there answered since it was last handed something again.
    heard: bool,
    /// Who has said since then that it does not lead. Servers that take each
    /// other for the leader must not keep a shard running to and fro.
    refused: BTreeSet<NodeId>,
}

/// How many configurations are asked for at once.
pub(super) const ASKED_AT_ONCE: usize = 4;

impl Office {
    /// Whether to ask for a configuration now.
    pub(super) fn lacks(&self, number: Number) -> bool {
        self.questions.len() < ASKED_AT_ONCE
            && !self.ahead.contains_key(&number)
            && !self.questions.values().any(|asked| *asked == number)
    }

    /// The controller is asked for a configuration.
    pub(super) fn asks(&mut self, question: InvocationId, number: Number) {
        self.questions.insert(question, number);
    }

    /// The controller answers. Which configuration it was asked for.
    pub(super) fn told(&mut self, question: InvocationId) -> Option<Number> {
        self.questions.remove(&question)
    }

    /// What the controller was asked and has not answered.
    pub(super) fn open_questions(&self) -> impl Iterator<Item = InvocationId> + '_ {
        self.questions.keys().copied()
    }

    /// Keeps a configuration until its turn comes, if it is not over.
    pub(super) fn keep(&mut self, configuration: Configuration, current: Number) {
        if configuration.number > current {
            self.ahead.insert(configuration.number, configuration);
        }
        self.ahead.retain(|number, _| *number > current);
    }

    /// A configuration that is known before its turn.
    pub(super) fn known(&self, number: Number) -> Option<&Configuration> {
        self.ahead.get(&number)
    }

    /// Whom to hand a parcel to; nobody, as long as the group has no servers.
    pub(super) fn target(&mut self, parcel: &Parcel) -> Option<NodeId> {
        let known = self.couriers.get(&parcel.to);
        let known = known.map(|courier| courier.target);
        let known = known.filter(|target| parcel.servers.contains(target));
        let target = known.or_else(|| parcel.servers.first().copied())?;
        self.couriers.entry(parcel.to).or_insert(Courier {
            target,
            heard: false,
            refused: BTreeSet::new(),
        });
        Some(target)
    }

    /// A server of a group has taken something in, or is about to.
    pub(super) fn heard_from(&mut self, group: GroupId, server: NodeId) {
        let courier = self.couriers.entry(group).or_insert(Courier {
            target: server,
            heard: true,
            refused: BTreeSet::new(),
        });
        courier.heard = true;
    }

    /// A server of a group waits for what it is handed.
    pub(super) fn awaited_by(&mut self, group: GroupId, server: NodeId) {
        self.heard_from(group, server);
        if let Some(courier) = self.couriers.get_mut(&group) {
            courier.target = server;
        }
    }

    /// A shard came early.
    pub(super) fn came_early(&mut self, shard: Shard, number: Number, from: NodeId) {
        self.early.insert((shard, number), from);
    }

    /// What came early and must be handed over now that the group knows a configuration.
    pub(super) fn no_longer_early(&mut self, number: Number) -> Vec<((Shard, Number), NodeId)> {
        let is_early = |key: &(Shard, Number)| key.1 > number;
        let early = core::mem::take(&mut self.early).into_iter();
        let (early, due): (BTreeMap<_, _>, BTreeMap<_, _>) =
            early.partition(|(key, _)| is_early(key));
        self.early = early;
        due.into_iter().collect()
    }

    /// A server says that it does not lead. Whether to hand the parcel over at
    /// once to another: many are refused at a time, and each of them needs it.
    pub(super) fn redirected(&mut self, parcel: &Parcel, by: NodeId, hint: Option<NodeId>) -> bool {
        let Some(courier) = self.couriers.get_mut(&parcel.to) else {
            return false;
        };
        courier.refused.insert(by);
        if courier.target == by {
            let hint = hint.filter(|hint| *hint != by && parcel.servers.contains(hint));
            let Some(leader) = hint else {
                return false;
            };
            courier.target = leader;
            courier.heard = true;
        }
        !courier.refused.contains(&courier.target)
    }

    /// What was never handed over. It is from now on.
    pub(super) fn not_yet_handed(
        &mut self,
        outgoing: &BTreeMap<(Shard, Number), Parcel>,
    ) -> Vec<(Shard, Number)> {
        self.handed.retain(|parcel| outgoing.contains_key(parcel));
        let new = |parcel: &&(Shard, Number)| !self.handed.contains(*parcel);
        let new: Vec<(Shard, Number)> = outgoing.keys().filter(new).copied().collect();
        self.handed.extend(&new);
        new
    }

    /// Goes on to the next server of each group from which nobody answered.
    pub(super) fn turn_from_silent<'a>(&mut self, parcels: impl Iterator<Item = &'a Parcel>) {
        let servers: BTreeMap<GroupId, &Parcel> =
            parcels.map(|parcel| (parcel.to, parcel)).collect();
        for (group, courier) in &mut self.couriers {
            let servers = servers.get(group).map_or(&[][..], |parcel| &parcel.servers);
            if !courier.heard && !servers.is_empty() {
                let place = servers.iter().position(|known| *known == courier.target);
                let next = place.map_or(0, |place| (place + 1) % servers.len());
                courier.target = servers[next];
            }
            courier.heard = false;
            courier.refused.clear();
        }
    }
}
