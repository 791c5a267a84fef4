//! A group's state: the shards that it owns, and those that it hands over.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::shard::Frozen;
use super::{Answer, Command, Response, ShardSession, ShardState};
use crate::digest::Digest;
use crate::kv::{self, Key};
use crate::process::NodeId;
use crate::raft::LogIndex;
use crate::replica::StateMachine;
use crate::shardctrler::{Configuration, GroupId, Number, Shard};
use crate::vec_map::VecMap;

/// What the servers of a group agree on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    /// The configuration that it follows. Its number grows by one at a time.
    configuration: Configuration,
    /// The shards of this group, and those that nobody owns and that it owned last.
    holdings: VecMap<Shard, Holding>,
    /// Shards that it must hand over, by the configuration that took them. A shard can come
    /// back and be taken again before the first copy is gone.
    outgoing: VecMap<(Shard, Number), OutgoingShard>,
    /// The last owner of each shard, needed when an unowned shard is adopted: the new owner
    /// must know whether there is something to wait for.
    last_owners: VecMap<Shard, GroupId>,
    /// The newest configuration by which each shard arrived: what this group may
    /// say that it received.
    arrived: VecMap<Shard, Number>,
}

/// A shard in the hands of its group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Holding {
    /// It is here, and clients are served.
    Serving(#[serde(with = "crate::shared")] Arc<ShardState>),
    /// It is this group's, and has not arrived.
    Awaited {
        /// Who hands it over.
        from: GroupId,
        /// The configuration that gave it to this group.
        since: Number,
    },
    /// It has no owner now, and this group owned it last: kept until it has one.
    Kept(#[serde(with = "crate::shared")] Arc<ShardState>),
}

/// A shard that must be handed over. It stays until the new owner has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OutgoingShard {
    /// The new owner.
    pub to: GroupId,
    /// Its servers, as far as known.
    pub servers: Vec<NodeId>,
    /// The shard, as it was when the configuration took it.
    #[serde(with = "crate::shared")]
    pub state: Frozen,
}

/// The state of an incoming shard at a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The group does not know the configuration that gives it the shard.
    Early,
    /// The group waits for it.
    Awaited,
    /// The group has had it.
    Installed,
    /// The configuration did not give it to this group.
    NotMeant,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            configuration: Configuration::first(0),
            holdings: VecMap::new(),
            outgoing: VecMap::new(),
            last_owners: VecMap::new(),
            arrived: VecMap::new(),
        }
    }
}

impl StateMachine for Group {
    type Command = Command;
    type Response = Response;
    type Query = kv::Get;
    type Answer = Answer;

    /// Each shard has sessions of its own, which move with it.
    const KNOWS_REPETITIONS: bool = true;

    /// Moves are bounded by the number of shards. Clients that are rejected until a shard
    /// arrives retry again and again, and must not keep it from arriving.
    fn is_duty(command: &Command) -> bool {
        match command {
            Command::ApplyConfig { .. } | Command::Install { .. } | Command::Forget { .. } => true,
            Command::Open { .. } | Command::Write { .. } => false,
        }
    }

    /// Ownership is decided here, where all agree on the order of writes and
    /// configurations, and not when a client asks.
    fn apply(&mut self, _: LogIndex, command: &Command) -> Response {
        match command {
            Command::Open { shard } => match self.serving(*shard) {
                Ok(state) => {
                    let (shard, session) = (*shard, state.open());
                    Response::Opened(ShardSession { shard, session })
                }
                Err(refusal) => refusal,
            },
            Command::Write {
                session,
                sequence,
                change,
            } => match self.serving_key(session.shard, change.key()) {
                Ok(state) => state.write(session.session, *sequence, change),
                Err(refusal) => refusal,
            },
            Command::ApplyConfig {
                group,
                configuration,
            } => self.apply_config(*group, configuration),
            Command::Install {
                shard,
                number,
                state,
            } => self.install(*shard, *number, state),
            Command::Forget { shard, number } => match self.outgoing.remove(&(*shard, *number)) {
                Some(_) => Response::Taken,
                None => Response::OutOfPlace,
            },
        }
    }

    fn query(&self, query: &kv::Get) -> Answer {
        let holding = self.shard_of(&query.key);
        match holding.and_then(|shard| self.holdings.get(&shard)) {
            Some(Holding::Serving(state)) => Answer::Got(state.store().query(query)),
            Some(Holding::Awaited { .. }) => Answer::NotYet,
            Some(Holding::Kept(_)) | None => Answer::NotOurs,
        }
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        digest.word(self.configuration.number.0);
        digest.word(Digest::of(&self.configuration));
        for (shard, holding) in &self.holdings {
            digest.word(u64::from(shard.0));
            digest.word(match holding {
                Holding::Serving(state) => state.digest(),
                Holding::Awaited { from, since } => Digest::of(&(from, since)),
                Holding::Kept(state) => !state.digest(),
            });
        }
        digest.word(Digest::of(&self.last_owners));
        digest.word(Digest::of(&self.arrived));
        for (key, owed) in &self.outgoing {
            digest.word(Digest::of(&(key, owed.to, &owed.servers)));
            digest.word(owed.state.digest());
        }
        digest.value()
    }
}

impl Group {
    /// The configuration that it follows.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The shards of this group, and those that nobody owns and that it owned last.
    #[must_use]
    pub fn holdings(&self) -> &VecMap<Shard, Holding> {
        &self.holdings
    }

    /// What it must hand over, by the configuration that took it.
    #[must_use]
    pub fn outgoing(&self) -> &VecMap<(Shard, Number), OutgoingShard> {
        &self.outgoing
    }

    /// Whether a shard of this group has not arrived.
    #[must_use]
    pub fn awaits_any(&self) -> bool {
        let mut holdings = self.holdings.values();
        holdings.any(|holding| matches!(holding, Holding::Awaited { .. }))
    }

    /// The shard of a key.
    #[must_use]
    pub fn shard_of(&self, key: &Key) -> Option<Shard> {
        self.configuration.shard_of(&key.0)
    }

    /// The state of a shard that a configuration gives to this group.
    ///
    /// The answer comes out of applied entries alone, so [`Arrival::Installed`]
    /// means that a majority of this group has the shard on its disks.
    #[must_use]
    pub fn arrival(&self, shard: Shard, number: Number) -> Arrival {
        if self.configuration.number < number {
            return Arrival::Early;
        }
        match self.holdings.get(&shard) {
            Some(Holding::Awaited { since, .. }) if *since == number => Arrival::Awaited,
            // Only a shard that did arrive counts as received: a group that mistakes a
            // shard that was never meant for it for an old one makes the sender delete it.
            _ => match self.arrived.get(&shard) {
                Some(newest) if number <= *newest => Arrival::Installed,
                _ => Arrival::NotMeant,
            },
        }
    }

    /// Whether a group can apply a configuration now: it must be the next one, and must not
    /// take away a shard that has not arrived.
    #[must_use]
    pub fn can_apply_config(&self, group: GroupId, next: &Configuration) -> bool {
        let stays = |shard: &Shard| next.owner(*shard) == Some(group);
        next.number == self.configuration.number.next()
            && self
                .holdings
                .iter()
                .all(|(shard, holding)| !holding.is_awaited() || stays(shard))
    }

    fn serving(&mut self, shard: Shard) -> Result<&mut ShardState, Response> {
        match self.holdings.get_mut(&shard) {
            Some(Holding::Serving(state)) => Ok(Arc::make_mut(state)),
            Some(Holding::Awaited { .. }) => Err(Response::NotYet),
            Some(Holding::Kept(_)) | None => Err(Response::NotOurs),
        }
    }

    /// The shard of a session, if a key belongs to it. A clerk that partitions keys
    /// differently may share a session name with another client's shard, whose writes must
    /// not be taken for repetitions of its own.
    fn serving_key(&mut self, shard: Shard, key: &Key) -> Result<&mut ShardState, Response> {
        match self.shard_of(key) {
            Some(own) if own != shard => Err(Response::WrongShard),
            Some(_) | None => self.serving(shard),
        }
    }

    fn apply_config(&mut self, group: GroupId, next: &Configuration) -> Response {
        if !self.can_apply_config(group, next) {
            return Response::OutOfPlace;
        }
        for (shard, owner) in next.shards() {
            let before = self.holdings.remove(&shard);
            let after = match owner {
                Some(owner) if owner == group => Some(self.taken_over(shard, before, next.number)),
                Some(owner) => {
                    if let Some(Holding::Serving(state) | Holding::Kept(state)) = before {
                        let servers = next.groups.get(&owner).cloned();
                        let owed = OutgoingShard {
                            to: owner,
                            servers: servers.unwrap_or_default(),
                            state,
                        };
                        self.outgoing.insert((shard, next.number), owed);
                    }
                    None
                }
                None => before.map(Holding::kept),
            };
            if let Some(after) = after {
                self.holdings.insert(shard, after);
            }
            if let Some(owner) = owner {
                self.last_owners.insert(shard, owner);
            }
        }
        for owed in self.outgoing.values_mut() {
            if let Some(servers) = next.groups.get(&owed.to) {
                owed.servers.clone_from(servers);
            }
        }
        self.configuration = next.clone();
        Response::Taken
    }

    /// The new holding of a shard of this group, given the old one.
    fn taken_over(&self, shard: Shard, before: Option<Holding>, number: Number) -> Holding {
        match (before, self.last_owners.get(&shard)) {
            (Some(Holding::Kept(state)), _) => Holding::Serving(state),
            (Some(before), _) => before,
            (None, Some(last_owner)) => Holding::Awaited {
                from: *last_owner,
                since: number,
            },
            // Nobody has ever had it.
            (None, None) => Holding::Serving(Arc::default()),
        }
    }

    fn install(&mut self, shard: Shard, number: Number, state: &Frozen) -> Response {
        if self.arrival(shard, number) != Arrival::Awaited {
            return Response::OutOfPlace;
        }
        self.holdings.insert(shard, Holding::Serving(state.clone()));
        self.arrived.insert(shard, number);
        Response::Taken
    }
}

impl Holding {
    /// Whether it has not arrived.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        matches!(self, Self::Awaited { .. })
    }

    /// The shard, if it is here.
    #[must_use]
    pub fn state(&self) -> Option<&ShardState> {
        match self {
            Self::Serving(state) | Self::Kept(state) => Some(state),
            Self::Awaited { .. } => None,
        }
    }

    fn kept(self) -> Self {
        match self {
            Self::Serving(state) => Self::Kept(state),
            other => other,
        }
    }
}
