//! The controller: the newest configuration, and what led to it.

use alloc::vec::Vec;
use core::mem;

use serde::{Deserialize, Serialize};

use super::{
    Command, Configuration, GroupId, Number, Partitioner, Query, Refusal, Response, Shard,
    rebalance,
};
use crate::digest::Digest;
use crate::process::NodeId;
use crate::raft::LogIndex;
use crate::replica::StateMachine;
use crate::vec_map::VecMap;
use crate::vec_set::VecSet;

/// How many shards there are unless [`Command::Divide`] says otherwise.
const SHARDS: usize = 10;

/// Keeps all configurations: the newest whole, and of each before it only what
/// the next one changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Controller {
    newest: Configuration,
    /// The undo records: how to get from each configuration back to the one before it, by
    /// that one's number; as many as the newest one's number.
    undo: Vec<Undo>,
    /// The digest of all that was, so that a change costs as much as it changes.
    past: u64,
}

/// An undo record: what a configuration had where the next one differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Undo {
    /// The servers of groups; `None` where there was no such group.
    groups: VecMap<GroupId, Option<Vec<NodeId>>>,
    owners: VecMap<Shard, Option<GroupId>>,
    /// How many shards there were, and how keys were divided, if that changed.
    division: Option<(usize, Partitioner)>,
}

impl Default for Controller {
    fn default() -> Self {
        Self {
            newest: Configuration::first(SHARDS),
            undo: Vec::new(),
            past: 0,
        }
    }
}

impl StateMachine for Controller {
    type Command = Command;
    type Response = Response;
    type Query = Query;
    type Answer = Configuration;

    fn apply(&mut self, _: LogIndex, command: &Command) -> Response {
        let next = match self.after(command) {
            Ok(next) => next,
            Err(refusal) => return Response::Refused(refusal),
        };
        if next == self.newest {
            return Response::Unchanged(self.newest.number);
        }
        self.turn_to(next);
        Response::Changed(self.newest.number)
    }

    fn query(&self, query: &Query) -> Configuration {
        let newest = self.newest.number;
        self.at(query.number.map_or(newest, |number| number.min(newest)))
    }

    fn digest(&self) -> u64 {
        self.past
    }
}

impl Controller {
    /// The newest configuration.
    #[must_use]
    pub fn newest(&self) -> &Configuration {
        &self.newest
    }

    /// What a command would make of the newest configuration, but for its number.
    fn after(&self, command: &Command) -> Result<Configuration, Refusal> {
        let mut next = self.newest.clone();
        match command {
            Command::Divide { shards: 0, .. } => return Err(Refusal::NoShards),
            Command::Divide { .. } if self.has_had_groups() => return Err(Refusal::Settled),
            Command::Divide {
                shards,
                partitioner,
            } => {
                next.owners.resize(usize::from(*shards), None);
                next.partitioner = *partitioner;
            }
            Command::Join { groups } => {
                if let Some((group, _)) = groups.iter().find(|(_, servers)| servers.is_empty()) {
                    return Err(Refusal::NoServers(*group));
                }
                let new = groups.keys().any(|group| !next.groups.contains_key(group));
                let joined = groups.iter().map(|(group, it)| (*group, it.clone()));
                next.groups.extend(joined);
                if let Some((group, server)) = shared_server(&next.groups) {
                    return Err(Refusal::SharedServer(group, server));
                }
                if new {
                    share_out(&mut next);
                }
            }
            Command::Leave { groups } => {
                let before = next.groups.len();
                next.groups.retain(|group, _| !groups.contains(group));
                if next.groups.len() < before {
                    share_out(&mut next);
                }
            }
            Command::Move { shard, to } => {
                if !next.groups.contains_key(to) {
                    return Err(Refusal::NoSuchGroup(*to));
                }
                let owner = next.owners.get_mut(usize::from(shard.0));
                *owner.ok_or(Refusal::NoSuchShard(*shard))? = Some(*to);
            }
        }
        Ok(next)
    }

    /// Whether any group has ever joined.
    fn has_had_groups(&self) -> bool {
        !self.newest.groups.is_empty() || self.undo.iter().any(|undo| !undo.groups.is_empty())
    }

    fn turn_to(&mut self, mut next: Configuration) {
        next.number = self.newest.number.next();
        let last = mem::replace(&mut self.newest, next);
        let undo = Undo::between(&last, &self.newest);
        let mut past = Digest::new();
        past.word(self.past);
        past.word(Digest::of(&undo));
        // What was undone says nothing of what was done.
        past.word(Digest::of(&Undo::between(&self.newest, &last)));
        self.past = past.value();
        self.undo.push(undo);
    }

    /// A configuration of the past; the number is not beyond the newest one's.
    fn at(&self, number: Number) -> Configuration {
        let mut configuration = self.newest.clone();
        let back = usize::try_from(number.0).expect("all numbers fit into memory");
        for undo in self.undo[back..].iter().rev() {
            undo.apply_to(&mut configuration);
        }
        configuration.number = number;
        configuration
    }
}

/// The first server that comes twice, and the group in which it comes the second time.
fn shared_server(groups: &VecMap<GroupId, Vec<NodeId>>) -> Option<(GroupId, NodeId)> {
    let mut seen = VecSet::new();
    let servers = groups.iter().flat_map(|(group, servers)| {
        let named = servers.iter().map(|server| (*group, *server));
        named.collect::<Vec<_>>()
    });
    let mut servers = servers;
    servers.find(|(_, server)| !seen.insert(*server))
}

fn share_out(configuration: &mut Configuration) {
    let groups: VecSet<GroupId> = configuration.groups.keys().copied().collect();
    rebalance(&mut configuration.owners, &groups);
}

/// How many shards there are, and how keys are divided.
fn division(configuration: &Configuration) -> (usize, Partitioner) {
    (configuration.owners.len(), configuration.partitioner)
}

impl Undo {
    fn between(last: &Configuration, next: &Configuration) -> Self {
        let names = last.groups.keys().chain(next.groups.keys());
        let groups = names
            .filter(|group| last.groups.get(group) != next.groups.get(group))
            .map(|group| (*group, last.groups.get(group).cloned()))
            .collect();
        let owners = last
            .shards()
            .filter(|(shard, owner)| next.owner(*shard) != *owner);
        Self {
            groups,
            owners: owners.collect(),
            division: (division(last) != division(next)).then(|| division(last)),
        }
    }

    fn apply_to(&self, configuration: &mut Configuration) {
        for (group, servers) in &self.groups {
            match servers {
                Some(servers) => configuration.groups.insert(*group, servers.clone()),
                None => configuration.groups.remove(group),
            };
        }
        if let Some((shards, partitioner)) = self.division {
            configuration.owners.resize(shards, None);
            configuration.partitioner = partitioner;
        }
        for (shard, owner) in &self.owners {
            configuration.owners[usize::from(shard.0)] = *owner;
        }
    }
}
