//! Every shard has one owner, and nothing of it is lost on the way.

use alloc::format;
use alloc::string::String;

use crate::invariants::Violation;
use crate::process::NodeId;
use crate::raft::LogIndex;
use crate::replica::{Sequence, SessionId};
use crate::shardctrler::{GroupId, Number, Shard};
use crate::shardkv::{Group, Holding, Server, ShardState, TransferId};
use crate::vec_map::VecMap;

/// Watches the shards over all groups, each group as its furthest replica
/// shows it: what that one applied is committed, and followers that lag behind
/// serve nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ownership {
    fronts: VecMap<GroupId, Front>,
    shards: VecMap<Shard, Known>,
}

/// What a server has come to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    group: GroupId,
    pub(super) applied: LogIndex,
    machine: Group,
}

impl Seen {
    pub(super) fn of(server: &Server) -> Self {
        Self {
            group: server.group(),
            applied: server.raft().applied(),
            machine: server.machine().clone(),
        }
    }
}

/// A group as its furthest replica shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Front {
    applied: LogIndex,
    /// Grows by one at a time.
    number: Number,
    /// What it serves, or keeps until there is an owner. In no other front.
    owned: VecMap<Shard, LogIndex>,
    /// What it hands over.
    outgoing: VecMap<(Shard, Number), LogIndex>,
    /// What it waits for: from whom, and since when.
    awaited: VecMap<Shard, (GroupId, Number)>,
}

/// The newest state of a shard that anybody had.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Known {
    /// How many entries the shard had taken. Never goes back, wherever it goes.
    index: LogIndex,
    /// A shard that took so many entries has one state, whoever holds it.
    digest: u64,
    /// The last configuration that took it from anybody. An older shard may look the
    /// same, and its receiver will say that it has had it.
    left: Number,
    /// Exactly once over all groups: the newest write of each session, and its one place.
    places: VecMap<SessionId, (Sequence, LogIndex)>,
}

impl Ownership {
    /// Whether a server has applied more than was seen of its group.
    pub(super) fn is_behind(&self, server: &Server) -> bool {
        let front = self.fronts.get(&server.group());
        server.raft().applied() > front.map_or(LogIndex(0), |front| front.applied)
    }

    /// Looks at a server that has applied what is committed.
    pub(super) fn look(&mut self, node: NodeId, seen: &Seen) -> Result<(), Violation> {
        let &Seen {
            group,
            applied,
            ref machine,
        } = seen;
        let front = self.fronts.entry(group).or_default();
        if applied <= front.applied {
            return Ok(());
        }
        one_by_one(node, front.number, machine.configuration().number)?;
        let next = Front::of(applied, machine);
        front.goes_on_to(node, &next)?;
        *front = next;
        self.has_one_owner(node, group)?;
        for (shard, holding) in machine.holdings() {
            if let Some(state) = holding.state() {
                self.goes_forward(node, *shard, state)?;
            }
        }
        for ((shard, number), owed) in machine.outgoing() {
            self.has_one_state(node, *shard, &owed.state)?;
            if let Some(known) = self.shards.get_mut(shard) {
                known.left = known.left.max(*number);
            }
        }
        self.nothing_is_lost(node)?;
        self.what_is_awaited_is_owed(node)
    }

    /// Whether the group that a shard was for has it, or has had it.
    pub(super) fn has_arrived(&self, id: TransferId) -> bool {
        self.fronts.get(&id.to).is_some_and(|front| {
            let awaited = front.awaited.get(&id.shard);
            front.number >= id.number && awaited.is_none_or(|(_, since)| *since != id.number)
        })
    }

    /// Whoever waits for a shard waits for somebody who will hand it over: the last owner
    /// has come to the configuration that takes it away, and keeps it for the new one, or
    /// will come to it.
    fn what_is_awaited_is_owed(&self, node: NodeId) -> Result<(), Violation> {
        for (group, front) in &self.fronts {
            for (shard, (from, since)) in &front.awaited {
                let Some(giver) = self.fronts.get(from) else {
                    continue;
                };
                if giver.number >= *since && !giver.outgoing.contains_key(&(*shard, *since)) {
                    return Err(Violation::new(
                        "awaited-shard-is-owed",
                        [node],
                        format!("{from} to keep {shard} of {since} for {group}, which awaits it"),
                        format!("{from} is at {}, and does not have it", giver.number),
                    ));
                }
            }
        }
        Ok(())
    }

    fn has_one_owner(&self, node: NodeId, group: GroupId) -> Result<(), Violation> {
        let own = &self.fronts[&group].owned;
        for (other, front) in self.fronts.iter().filter(|(other, _)| **other != group) {
            if let Some(shard) = own.keys().find(|shard| front.owned.contains_key(shard)) {
                return Err(Violation::new(
                    "shard-has-one-owner",
                    [node],
                    format!("{shard} to have one owner"),
                    format!("{group} has it, and so has {other}"),
                ));
            }
        }
        Ok(())
    }

    /// Whoever has a shard has all that anybody ever did to it.
    fn goes_forward(
        &mut self,
        node: NodeId,
        shard: Shard,
        state: &ShardState,
    ) -> Result<(), Violation> {
        let before = self.shards.get(&shard).map_or(LogIndex(0), |it| it.index);
        if state.index() < before {
            return Err(Violation::new(
                "shard-never-goes-back",
                [node],
                format!(
                    "{shard} with all {before} entries that it took",
                    before = before.0
                ),
                format!("{node} has it with {}", state.index().0),
            ));
        }
        self.has_one_state(node, shard, state)?;
        let known = self.shards.get_mut(&shard).expect("it was just put down");
        for (id, session) in state.sessions().used_since(before) {
            let Some(write) = &session.last_write else {
                continue;
            };
            let place = (write.sequence, write.result.0);
            let noted = known.places.entry(id).or_insert(place);
            if noted.0 < place.0 {
                *noted = place;
            }
            if *noted != place {
                return Err(Violation::new(
                    "shard-write-applied-once",
                    [node],
                    format!(
                        "write {} of {id} with {shard} as its entry {}",
                        noted.0, noted.1.0
                    ),
                    format!("{node} has {} as its entry {}", place.0, place.1.0),
                ));
            }
        }
        if known.places.len() > FORGOTTEN_LATE + 2 * state.sessions().len() {
            known
                .places
                .retain(|id, _| state.sessions().get(*id).is_some());
        }
        Ok(())
    }

    /// A shard that took as many entries is in the same state.
    fn has_one_state(
        &mut self,
        node: NodeId,
        shard: Shard,
        state: &ShardState,
    ) -> Result<(), Violation> {
        let (index, digest) = (state.index(), state.digest());
        let known = self.shards.entry(shard).or_insert_with(|| Known {
            index,
            digest,
            left: Number::default(),
            places: VecMap::new(),
        });
        if known.index < index {
            (known.index, known.digest) = (index, digest);
        }
        if known.index == index && known.digest != digest {
            return Err(Violation::new(
                "shard-has-one-state",
                [node],
                format!(
                    "{shard} to be the same wherever it took {} entries",
                    index.0
                ),
                format!("{node} has another"),
            ));
        }
        Ok(())
    }

    /// The newest state of every shard is somewhere: owned, or about to be handed over.
    fn nothing_is_lost(&self, node: NodeId) -> Result<(), Violation> {
        for (shard, known) in &self.shards {
            let mut fronts = self.fronts.values();
            if !fronts.any(|front| front.has(*shard, known)) {
                return Err(Violation::new(
                    "shard-not-lost",
                    [node],
                    format!(
                        "{shard} with all {} entries that it took, at a group",
                        known.index.0
                    ),
                    self.who_has(*shard),
                ));
            }
        }
        Ok(())
    }

    fn who_has(&self, shard: Shard) -> String {
        let mut words = String::new();
        for (group, front) in &self.fronts {
            if let Some(index) = front.owned.get(&shard) {
                words += &format!("{group} has it with {}; ", index.0);
            }
            for ((_, number), index) in front.outgoing_of(shard) {
                words += &format!("{group} owes it of {number} with {}; ", index.0);
            }
        }
        match words.strip_suffix("; ") {
            Some(words) => words.into(),
            None => "nobody has it".into(),
        }
    }
}

/// Sessions that ended are forgotten when they are more than this and twice those that did not.
const FORGOTTEN_LATE: usize = 64;

fn one_by_one(node: NodeId, before: Number, now: Number) -> Result<(), Violation> {
    match now == before || now == before.next() {
        true => Ok(()),
        false => Err(Violation::new(
            "one-configuration-at-a-time",
            [node],
            format!("{before} or {}", before.next()),
            format!("{now}"),
        )),
    }
}

impl Front {
    fn of(applied: LogIndex, machine: &Group) -> Self {
        let state = |holding: &Holding| holding.state().map(ShardState::index);
        let holdings = machine.holdings().iter();
        let outgoing = machine.outgoing().iter();
        Self {
            applied,
            number: machine.configuration().number,
            owned: holdings
                .filter_map(|(shard, holding)| Some((*shard, state(holding)?)))
                .collect(),
            outgoing: outgoing
                .map(|(key, owed)| (*key, owed.state.index()))
                .collect(),
            awaited: machine
                .holdings()
                .iter()
                .filter_map(|(shard, holding)| match holding {
                    Holding::Awaited { from, since } => Some((*shard, (*from, *since))),
                    Holding::Serving(_) | Holding::Kept(_) => None,
                })
                .collect(),
        }
    }

    /// A shard that is owed does not change, and one that was deleted does not come
    /// back; what is awaited was not there before the configuration that gives it.
    fn goes_on_to(&self, node: NodeId, next: &Self) -> Result<(), Violation> {
        for (key @ (shard, number), index) in &next.outgoing {
            let before = self.outgoing.get(key);
            let is_new = before.is_none() && *number > self.number;
            if !is_new && before != Some(index) {
                return Err(Violation::new(
                    "parcel-never-changes",
                    [node],
                    match before {
                        Some(index) => {
                            format!("{shard} of {number} to be owed with {}", index.0)
                        }
                        None => format!("{shard} of {number} to be deleted for good"),
                    },
                    format!("it is owed with {}", index.0),
                ));
            }
        }
        let mut awaited = next.awaited.iter();
        let is_late = |it: &(&Shard, &(GroupId, Number))| {
            self.awaited.get(it.0) != Some(it.1) && it.1.1 <= self.number
        };
        match awaited.find(is_late) {
            None => Ok(()),
            Some((shard, (from, since))) => Err(Violation::new(
                "arrived-is-not-awaited",
                [node],
                format!("{shard} of {since} to have arrived for good"),
                format!("it is awaited from {from}"),
            )),
        }
    }

    fn outgoing_of(&self, shard: Shard) -> impl Iterator<Item = (&(Shard, Number), &LogIndex)> {
        self.outgoing
            .range((shard, Number(0))..=(shard, Number(u64::MAX)))
    }

    fn has(&self, shard: Shard, known: &Known) -> bool {
        self.owned.get(&shard) == Some(&known.index)
            || self.outgoing.get(&(shard, known.left)) == Some(&known.index)
    }
}
