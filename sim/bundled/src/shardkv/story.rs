//! The sentences of the sharded service's stories.
//!
//! Those about its users are the same for all services of texts, and are in
//! `users/story.rs`. The others are about groups, operators and shards:
//!
//! - `leaders within 5s`: every cluster has a leader that all it reaches follow;
//! - `operator joins g1 g2 within 5s`, `operator leaves g1 within 5s`, `operator moves
//!   sh3 to g1 within 5s`; `operator joins g2 with servers of g3 within 5s`, `operator joins
//!   g2 with 1 of its servers within 5s`; `operator divides into 5 within 5s`, before any
//!   group has joined; `rogue joins g1 within 5s` with the second controller;
//! - `operators begin`: from now on they change what they like, so many times each.
//!   `operators rest within 10s`: each is answered, and changes no more;
//! - `groups settle within 10s`: each has come to the newest configuration, serves its
//!   shards, and has nothing to hand over; `g1 settles within 5s`;
//! - `call shards of g1 moving`: from now on `moving` means the shards that g1 owns now
//!   in the newest configuration;
//! - `shards all are put within 10s`: each user puts a new value into the one key that
//!   stands for its shard: `u0` for `sh0` and so on. `shards of g1 are got within 2s`: what
//!   was put there. `shards moving begin to be got` (or `put`), `shards moving wait for 2s`,
//!   `shards moving are served within 1s`: those whose users began. With `misled shards
//!   ...` it is the users of misled clerks;
//! - `groups hold at most 200000 bytes`: on the disks of all their servers together.
//!
//! `$controllers`, `$ruler` (their leader), `$rogues`, `$operators`, `$clerks`,
//! `$servers` (of all groups), `$g1`, `$leader1` and so on.

#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use snowglobe_checkers::linearizability::specifications::TextInput;
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::shardctrler::{Command, GroupId, Partitioner, Shard};
use snowglobe_systems::shardkv::{Node, Outcome};
use snowglobe_systems::vec_map::VecMap;
use snowglobe_systems::vec_set::VecSet;

use self::words::{Change, Sentence, Set, Task, Whose, understand};
use super::layout::Layout;
use super::operators::{Operators, is_done};
use super::{ShardkvOptions, ShardkvWorld, Watched, every_mark, seen, shaken};
use crate::quorum;
use crate::users::ToldUsers;
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::story::{Cast, Deed, Teller, unlike, within_bound};
use snowglobe::time::SimTime;
use snowglobe::world::Broken;

/// Tells the stories of the sharded service.
#[derive(Clone, Debug)]
pub(super) struct ShardkvTeller {
    users: ToldUsers,
    operators: Operators,
    layout: Layout,
    /// The key that stands for each shard.
    keys: Vec<Arc<str>>,
    /// How many users call misled clerks; they are the first ones.
    misled: usize,
    /// When the sentence that is being told must be over.
    until: SimTime,
    /// Sets of shards that the story named.
    sets: VecMap<String, VecSet<Shard>>,
    /// How often the shards were put.
    rounds: u64,
    /// What was last put into the key of each shard.
    put: VecMap<Shard, Arc<str>>,
}

impl ShardkvTeller {
    pub(super) fn new(scenario: &Scenario, options: &ShardkvOptions) -> Self {
        let layout = Layout::new(scenario.nodes, options);
        let shards = usize::from(options.shards);
        Self {
            users: ToldUsers::new(shaken::users(scenario, options, &layout)),
            operators: Operators::new(scenario.seed, options, &layout),
            layout,
            keys: keys_of(shards, options.partitioner),
            misled: usize::from(options.misled) * usize::from(options.users_per_clerk),
            until: SimTime::START,
            sets: VecMap::new(),
            rounds: 0,
            put: VecMap::new(),
        }
    }

    /// The shards that a set means now.
    fn shards(&self, world: &ShardkvWorld, set: &Set) -> Result<VecSet<Shard>, Broken> {
        let shards = match set {
            Set::All => (0..self.keys.len())
                .map(|shard| Shard(shard as u16))
                .collect(),
            Set::Of(group) => seen::newest(world, &self.layout)
                .map(|newest| newest.shards_of(*group).collect())
                .unwrap_or_default(),
            Set::Named(name) => self.sets.get(name).cloned().unwrap_or_default(),
        };
        match shards.is_empty() {
            false => Ok(shards),
            true => Err(unlike(format!("{set} to mean a shard"), "none".to_owned())),
        }
    }

    /// The user who calls for a shard.
    fn user_of(&self, whose: Whose, shard: Shard) -> usize {
        let first = match whose {
            Whose::Honest => self.misled,
            Whose::Misled => 0,
        };
        first + usize::from(shard.0)
    }

    fn begin_task(
        &mut self,
        world: &mut ShardkvWorld,
        (whose, set, task): (Whose, &Set, &Task),
    ) -> Result<(), Broken> {
        let shards = self.shards(world, set)?;
        self.rounds += u64::from(matches!(task, Task::BeginPut | Task::Put(_)));
        for shard in shards {
            let user = self.user_of(whose, shard);
            let key = self.keys[usize::from(shard.0)].clone();
            match task {
                Task::BeginPut | Task::Put(_) => {
                    let value: Arc<str> = format!("{shard}.{}", self.rounds).into();
                    // What is only begun may never be there.
                    if matches!(task, Task::Put(_)) {
                        self.put.insert(shard, value.clone());
                    }
                    self.users
                        .order_call(world, user, &key, TextInput::Put(value));
                }
                Task::BeginGet | Task::Got(_) => {
                    self.users.order_call(world, user, &key, TextInput::Get);
                }
                Task::Wait(_) if !self.users.is_busy(user) => {
                    return Err(unlike(
                        format!("u{user} to be left waiting for {shard}"),
                        "it has no call under way".to_owned(),
                    ));
                }
                Task::Wait(_) | Task::Served(_) => {}
            }
        }
        Ok(())
    }

    /// Whether a task has come about.
    fn task_is_done(
        &self,
        world: &ShardkvWorld,
        late: bool,
        (whose, set, task): (Whose, &Set, &Task),
    ) -> Result<bool, Broken> {
        let shards = self.shards(world, set)?;
        let user = |shard: &Shard| self.user_of(whose, *shard);
        let busy = |shard: &&Shard| self.users.is_busy(user(shard));
        match task {
            Task::BeginPut | Task::BeginGet => Ok(true),
            Task::Wait(_) => match shards.iter().find(|shard| !busy(shard)) {
                None => Ok(late),
                Some(shard) => Err(unlike(
                    format!("u{} to be left waiting for {shard}", user(shard)),
                    "it was answered".to_owned(),
                )),
            },
            Task::Put(_) => Ok(!shards.iter().any(|shard| busy(&shard))),
            Task::Got(_) | Task::Served(_) => {
                if shards.iter().any(|shard| busy(&shard)) {
                    return Ok(false);
                }
                for shard in &shards {
                    self.has_got(user(shard), *shard)?;
                }
                Ok(true)
            }
        }
    }

    /// Whether a user saw what was last put into the key of its shard.
    fn has_got(&self, user: usize, shard: Shard) -> Result<(), Broken> {
        let key = &self.keys[usize::from(shard.0)];
        let got = self.users.seen(user, key);
        let put = self.put.get(&shard).map(|value| &**value);
        match got == put {
            true => Ok(()),
            false => Err(unlike(
                format!("u{user} to get {put:?} from {shard}"),
                format!("{got:?}"),
            )),
        }
    }

    /// What the operators of a sentence are to change.
    fn command(&self, change: &Change) -> Command {
        match change {
            Change::Join(groups) => self.operators.join(groups.iter().copied()),
            Change::JoinWithServersOf(group, other) => Command::Join {
                groups: [(*group, self.layout.groups[other].clone())].into(),
            },
            Change::JoinWithPart(group, many) => {
                let servers = self.layout.groups[group].iter().copied();
                Command::Join {
                    groups: [(*group, servers.take(*many).collect())].into(),
                }
            }
            Change::Leave(groups) => Command::Leave {
                groups: groups.iter().copied().collect(),
            },
            Change::Move(shard, to) => Command::Move {
                shard: *shard,
                to: *to,
            },
            Change::Divide(shards, partitioner) => Command::Divide {
                shards: *shards,
                partitioner: *partitioner,
            },
        }
    }

    fn clusters(&self) -> impl Iterator<Item = &Vec<NodeId>> {
        let rulers = [&self.layout.controllers, &self.layout.rogues];
        let rulers = rulers.into_iter().filter(|servers| !servers.is_empty());
        rulers.chain(self.layout.groups.values())
    }

    /// Looks at a sentence. Whether it has come about.
    fn unfolds(
        &self,
        world: &ShardkvWorld,
        late: bool,
        sentence: &Sentence,
    ) -> Result<bool, Broken> {
        match sentence {
            Sentence::Leaders(_) => Ok(self
                .clusters()
                .all(|voters| quorum::is_followed_by_all_among(world, voters))),
            Sentence::Operator { is_rogue, .. } => self.is_changed(*is_rogue),
            Sentence::OperatorsRest(_) => {
                let mut all = 0..self.operators.len();
                Ok(!all.any(|number| self.operators.is_busy(number)))
            }
            Sentence::Settle { group, .. } => Ok(self.settles(world, *group)),
            Sentence::Shards {
                whose, set, task, ..
            } => self.task_is_done(world, late, (*whose, set, task)),
            Sentence::HoldAtMost(most) => {
                let servers = self.layout.groups.values().flatten();
                let bytes = servers.map(|id| seen::bytes(world.durable(*id)));
                within_bound(bytes.sum(), *most, "bytes on all disks of the groups")?;
                Ok(true)
            }
            Sentence::OperatorsBegin | Sentence::Name { .. } | Sentence::OfUsers(_) => Ok(true),
        }
    }

    /// Whether an operator's order was carried out.
    fn is_changed(&self, is_rogue: bool) -> Result<bool, Broken> {
        let number = self.operator(is_rogue);
        match (self.operators.is_busy(number), self.operators.told(number)) {
            (false, Some(outcome)) if is_done(outcome) => Ok(true),
            (false, Some(outcome)) => Err(unlike(
                "the change to be made".to_owned(),
                format!("{outcome:?}"),
            )),
            _ => Ok(false),
        }
    }

    fn operator(&self, is_rogue: bool) -> usize {
        match is_rogue {
            true => self.operators.len(),
            false => 0,
        }
    }

    fn settles(&self, world: &ShardkvWorld, group: Option<GroupId>) -> bool {
        let Some(newest) = seen::newest(world, &self.layout) else {
            return false;
        };
        let groups = self.layout.groups.keys().copied();
        let mut wanted = groups.filter(|id| group.is_none_or(|group| group == *id));
        wanted.all(|id| {
            let group = seen::group(world, &self.layout, id);
            group.is_some_and(|group| seen::not_finished(id, group, newest).is_none())
        })
    }

    fn how_things_stand(&self, world: &ShardkvWorld) -> String {
        let mut all: Vec<String> = self.operators.who_waits().collect();
        all.push(self.users.how_things_stand(world));
        all.join("; ")
    }
}

/// A key for each shard: the first of `s0`, `s1` and so on that belongs to it; or of `!`, `"` and
/// so on, if keys are divided by their first byte.
fn keys_of(shards: usize, partitioner: Partitioner) -> Vec<Arc<str>> {
    let mut keys: Vec<Option<Arc<str>>> = vec![None; shards];
    let mut missing = shards;
    for number in 0_u32.. {
        if missing == 0 {
            break;
        }
        let name: Arc<str> = match partitioner {
            Partitioner::Hash => format!("s{number}").into(),
            Partitioner::FirstByte => {
                let byte = u8::try_from(number)
                    .ok()
                    .and_then(|it| it.checked_add(b'!'));
                let byte = byte.expect("`check_options` allows no more shards");
                char::from(byte).to_string().into()
            }
        };
        let shard = partitioner.shard_of(&name, shards);
        let place = shard.map(|shard| &mut keys[usize::from(shard.0)]);
        if let Some(place @ None) = place {
            *place = Some(name);
            missing -= 1;
        }
    }
    keys.into_iter().flatten().collect()
}

impl Teller<Node, Watched> for ShardkvTeller {
    type Sentence = Sentence;

    fn names(&self) -> &'static [&'static str] {
        words::NAMES
    }

    fn marks(&self) -> Vec<&'static str> {
        every_mark()
    }

    fn understand(&self, words: &[&str]) -> Result<Sentence, String> {
        if let Some(sentence) = self.users.understand(words) {
            return sentence.map(Sentence::OfUsers);
        }
        let sentence = understand(words)?;
        sentence.fits(&self.layout, self.keys.len())?;
        match &sentence {
            Sentence::Shards { whose, .. } => {
                let last = self.user_of(*whose, Shard(self.keys.len() as u16 - 1));
                let users = match whose {
                    Whose::Honest => self.users.len(),
                    Whose::Misled => self.misled,
                };
                match last < users {
                    true => Ok(sentence),
                    false => Err(format!(
                        "it takes a user for each of the {} shards; clerks and users_per_clerk make more",
                        self.keys.len()
                    )),
                }
            }
            _ => Ok(sentence),
        }
    }

    fn begin(
        &mut self,
        world: &mut ShardkvWorld,
        sentence: &Sentence,
        _: &mut Cast,
    ) -> Result<(), Broken> {
        self.until = world.now() + sentence.length();
        match sentence {
            Sentence::OfUsers(sentence) => self.users.begin(world, sentence)?,
            Sentence::OperatorsBegin => self.operators.roam(world),
            Sentence::OperatorsRest(_) => self.operators.rest(),
            Sentence::Operator {
                is_rogue, change, ..
            } => {
                let (number, command) = (self.operator(*is_rogue), self.command(change));
                self.operators.order(world, number, command);
            }
            Sentence::Name { set, name } => {
                let shards = self.shards(world, set)?;
                self.sets.insert(name.clone(), shards);
            }
            Sentence::Shards {
                whose, set, task, ..
            } => self.begin_task(world, (*whose, set, task))?,
            Sentence::Leaders(_) | Sentence::Settle { .. } | Sentence::HoldAtMost(_) => {}
        }
        Ok(())
    }

    fn look(&mut self, world: &mut ShardkvWorld, sentence: &Sentence) -> Deed {
        if let Sentence::OfUsers(sentence) = sentence {
            return self.users.look(world, sentence);
        }
        let late = world.now() >= self.until;
        Deed::of(self.unfolds(world, late, sentence), late, || {
            self.how_things_stand(world)
        })
    }

    fn alarm(&mut self, world: &mut ShardkvWorld, token: u64) {
        match Operators::is_theirs(token) {
            true => self.operators.alarm(world, token),
            false => self.users.alarm(world, token),
        }
    }

    fn returned(&mut self, world: &mut ShardkvWorld, invocation: InvocationId, outcome: Outcome) {
        if !self.operators.returned(world, invocation, &outcome) {
            self.users.returned(world, invocation, outcome);
        }
    }

    fn ends(&mut self, world: &mut ShardkvWorld) {
        self.users.ends(world);
    }

    fn history(&self) -> Option<String> {
        Some(self.users.history())
    }

    fn who(&self, world: &ShardkvWorld, name: &str) -> Option<Vec<NodeId>> {
        let leader = |voters: &[NodeId]| {
            let leader = quorum::leader_among(world, voters);
            leader.map(|(id, _)| id).into_iter().collect()
        };
        let group = |number: &str| {
            let group = GroupId(number.parse().ok()?);
            self.layout.groups.get(&group)
        };
        match name {
            "controllers" => Some(self.layout.controllers.clone()),
            "ruler" => Some(leader(&self.layout.controllers)),
            "rogues" => Some(self.layout.rogues.clone()),
            "operators" => Some(self.layout.operators.clone()),
            "clerks" => Some(self.layout.clerks.clone()),
            "servers" => Some(self.layout.groups.values().flatten().copied().collect()),
            name => match name.strip_prefix("leader") {
                Some(number) => Some(leader(group(number)?)),
                None => group(name.strip_prefix('g')?).cloned(),
            },
        }
    }
}
