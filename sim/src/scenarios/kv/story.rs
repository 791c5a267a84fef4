//! The sentences of the key/value service's stories.
//!
//! Users call clerks and are called `u0`, `u1` and so on, the first ones at the
//! first clerk. Each has a key of its own, to which only it appends.
//!
//! - `leader within 5s`: a node leads a majority, and every server it reaches follows it;
//!   `$old leads` in its own eyes;
//! - `users begin`: from now on they call what they like. `users rest within 10s`:
//!   each is answered, and calls no more;
//! - `chains are whole within 10s`: every user reads its own key, and it holds all
//!   its acknowledged appends, once and in order;
//! - `u0 puts 13 to x within 2s`, also `appends 13 to x`, `deletes x`, and `gets 13
//!   from x` (or `nothing from x`), which must be what it gets. `u0 begins to put 14 to x` (`to append`,
//!   `to delete x`, `to get x`) does not wait;
//! - `u0 waits for 1s`: it is not answered in this time. `u0 is served within 5s`.
//!   `u0 has got 14 from x`: that is what it last saw;
//! - `users append 10 each to x within 20s`, all of them at once;
//! - `u0 puts 50 keys within 20s`, `u0 puts and gets x 200 times within 60s`, and
//!   `u0 calls 1000 times within 33s`: one call after the other;
//! - `submit 100 at $old`: writes are proposed at servers directly, by nobody who would
//!   ask again. `submissions wait for 1s`: none is answered in this time.
//!   `submissions fail within 1s`: each is answered, and none was done.
//!   `no submission is applied`: on no server;
//! - `servers agree within 10s`: all that are up have applied the same, and
//!   nothing is left to apply;
//! - `every raft state holds at most 8000 bytes` (the log and what goes with it),
//!   `every snapshot holds at most 500 bytes`, `every server has a snapshot`, `no
//!   server has a snapshot`.
//!
//! Whatever users asked and were told must be linearizable, now and at the end.
//!
//! `$servers`, `$clerks`; `$leader`, `$followers`, `$follower`, `$leaders` and
//! `$voters` are those of Raft.

mod seen;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use snowglobe_checkers::linearizability::specifications::TextInput;
use snowglobe_systems::kv::{Node, Outcome};
use snowglobe_systems::process::{InvocationId, NodeId};

use self::words::{Sentence, understand};
use super::{KvOptions, KvSystem, KvWorld, Watched, operation, shaken};
use crate::scenarios::file::Scenario;
use crate::scenarios::story::{Cast, Deed, Teller, unlike};
use crate::scenarios::users::{Errand, Users, every_node};
use crate::scenarios::{System, quorum};
use crate::time::SimTime;
use crate::world::Broken;

/// Tells the stories of the key/value service.
#[derive(Debug)]
pub(super) struct KvTeller {
    users: Users,
    servers: usize,
    /// When the sentence that is being told must be over.
    until: SimTime,
    /// Whether users call what they like.
    roaming: bool,
    /// What was submitted, and what became of it.
    submitted: BTreeMap<InvocationId, Option<Outcome>>,
}

/// The key to which submissions are appended.
const SUBMISSIONS: &str = "submissions";

impl KvTeller {
    pub(super) fn new(scenario: &Scenario, options: &KvOptions) -> Self {
        Self {
            users: shaken::users(scenario, options),
            servers: scenario.nodes,
            until: SimTime::START,
            roaming: false,
            submitted: BTreeMap::new(),
        }
    }

    fn order(&mut self, world: &mut KvWorld, sentence: &Sentence) -> Result<(), Broken> {
        if self.roaming && sentence.wants_users_at_rest() {
            return Err(unlike(
                "users at rest: say `users rest within 10s` before".to_owned(),
                "they call what they like".to_owned(),
            ));
        }
        match sentence {
            Sentence::Begin => {
                self.roaming = true;
                self.users.turn_to(world, Errand::Roaming);
            }
            Sentence::Rest(_) => {
                self.roaming = false;
                self.users.turn_to(world, Errand::Ordered);
            }
            Sentence::ChainsAreWhole(_) => {
                for number in 0..self.users.len() {
                    self.users.order_own_get(world, number);
                }
            }
            Sentence::Call {
                user, key, input, ..
            } => {
                self.users.order(world, *user, key, input.clone());
            }
            Sentence::AppendEach { times, key, .. } => {
                for number in 0..self.users.len() {
                    for _ in 0..*times {
                        self.users.order_append(world, number, Some(key));
                    }
                }
            }
            Sentence::Row { user, row, .. } => {
                for (key, input) in row.calls() {
                    self.users.order(world, *user, &key, input);
                }
            }
            Sentence::Waits { user, .. } if !self.users.is_busy(*user) => {
                return Err(unlike(
                    format!("u{user} to be left waiting"),
                    "it has no call under way".to_owned(),
                ));
            }
            _ => {}
        }
        Ok(())
    }

    /// Proposes at servers that must lead in their own eyes: others would
    /// refuse, and nothing would be shown.
    fn submit(
        &mut self,
        world: &mut KvWorld,
        targets: &[NodeId],
        times: u64,
    ) -> Result<(), Broken> {
        for target in targets {
            if !quorum::leads(world, *target) {
                let expected = "one that leads in its own eyes, to take submissions".to_owned();
                return Err(unlike(expected, format!("{target} does not")));
            }
            for _ in 0..times {
                let value = format!("s{} ", self.submitted.len());
                let input = TextInput::Append(value.into());
                if let Some(invocation) = world.invoke(*target, operation(SUBMISSIONS, &input)) {
                    self.submitted.insert(invocation, None);
                }
            }
        }
        Ok(())
    }

    /// Whether a user got what it was to get.
    fn has_got(&self, user: usize, key: &Arc<str>, value: &str) -> Result<bool, Broken> {
        let seen = self.users.seen(user, key).unwrap_or_default();
        match seen == value {
            true => Ok(true),
            false => Err(unlike(
                format!("u{user} to get {value:?} from {key}"),
                format!("{seen:?}"),
            )),
        }
    }

    /// Looks at a sentence. Whether it has come about.
    fn unfolds(&mut self, world: &KvWorld, sentence: &Sentence) -> Result<bool, Broken> {
        let late = world.now() >= self.until;
        match sentence {
            Sentence::LeaderWithin(_) => Ok(quorum::is_followed_by_all(world)),
            Sentence::Rest(_) | Sentence::AppendEach { .. } => Ok(self.users.are_at_rest()),
            Sentence::ChainsAreWhole(_) => match self.users.are_at_rest() {
                true => match self.users.check_chains() {
                    Ok(()) => Ok(true),
                    Err(broken) => Err(Broken::Safety(broken)),
                },
                false => Ok(false),
            },
            Sentence::Call { within: None, .. } => Ok(true),
            Sentence::Call { user, key, got, .. } => match (self.users.is_busy(*user), got) {
                (true, _) => Ok(false),
                (false, Some(value)) => self.has_got(*user, key, value),
                (false, None) => Ok(true),
            },
            Sentence::Row { user, .. } | Sentence::Served { user, .. } => {
                Ok(!self.users.is_busy(*user))
            }
            Sentence::Waits { user, .. } => match self.users.is_busy(*user) {
                true => Ok(late),
                false => Err(unlike(
                    format!("u{user} to be left waiting"),
                    "it was answered".to_owned(),
                )),
            },
            Sentence::HasGot { user, key, value } => self.has_got(*user, key, value),
            Sentence::SubmissionsFail(_) => self.submissions_failed(),
            Sentence::SubmissionsWait(_) => {
                match self.submitted.values().filter(|it| it.is_some()).count() {
                    0 => Ok(late),
                    answered => Err(unlike(
                        "no submission to be answered".to_owned(),
                        format!("{answered} are"),
                    )),
                }
            }
            Sentence::ServersAgree(_) => Ok(seen::servers_agree(world)),
            at_once => seen::holds_now(world, at_once).map(|()| true),
        }
    }

    fn submissions_failed(&self) -> Result<bool, Broken> {
        let is_done = |outcome: &&Option<Outcome>| matches!(outcome, Some(Outcome::Written(_)));
        match self.submitted.values().filter(is_done).count() {
            0 => Ok(self.submitted.values().all(Option::is_some)),
            done => Err(unlike(
                "no submission to be done".to_owned(),
                format!("{done} of {}", self.submitted.len()),
            )),
        }
    }
}

impl Teller<Node, Watched> for KvTeller {
    type Sentence = Sentence;

    fn names(&self) -> &'static [&'static str] {
        &[
            "servers",
            "clerks",
            "leader",
            "followers",
            "follower",
            "leaders",
            "voters",
        ]
    }

    fn marks(&self) -> Vec<&'static str> {
        KvSystem::marks()
    }

    fn understand(&self, words: &[&str]) -> Result<Sentence, String> {
        let sentence = understand(words)?;
        let users = self.users.len();
        match sentence.user() {
            Some(user) if user >= users => Err(format!(
                "there are {users} users, u0 to u{}; clerks and users_per_clerk make more",
                users - 1
            )),
            _ => Ok(sentence),
        }
    }

    fn begin(
        &mut self,
        world: &mut KvWorld,
        sentence: &Sentence,
        cast: &mut Cast,
    ) -> Result<(), Broken> {
        self.until = world.now() + sentence.length();
        match sentence {
            Sentence::Submit { times, at } => {
                let targets = cast.who(self, world, at)?;
                self.submit(world, &targets, *times)?;
            }
            Sentence::Leads(who) => {
                let who = cast.who(self, world, who)?;
                if let Some(other) = who.iter().find(|id| !quorum::leads(world, **id)) {
                    let stands = every_node(world).collect::<Vec<_>>().join("; ");
                    return Err(unlike(format!("{other} to lead"), stands));
                }
            }
            _ => {}
        }
        self.order(world, sentence)
    }

    fn look(&mut self, world: &mut KvWorld, sentence: &Sentence) -> Deed {
        match self.unfolds(world, sentence) {
            Ok(true) => Deed::Done,
            Err(broken) => Deed::Fails(broken),
            Ok(false) if world.now() >= self.until => {
                Deed::Late(self.users.how_things_stand(world))
            }
            Ok(false) => Deed::Waits,
        }
    }

    fn alarm(&mut self, world: &mut KvWorld, token: u64) {
        self.users.alarm(world, token);
    }

    fn returned(&mut self, world: &mut KvWorld, invocation: InvocationId, outcome: Outcome) {
        match self.submitted.get_mut(&invocation) {
            Some(submitted) => *submitted = Some(outcome),
            None => drop(self.users.returned(world, invocation, outcome)),
        }
    }

    fn ends(&mut self, world: &mut KvWorld) {
        self.users.close(world);
    }

    fn history(&self) -> Option<String> {
        Some(self.users.lines())
    }

    fn who(&self, world: &KvWorld, name: &str) -> Option<Vec<NodeId>> {
        let of = |from: usize, to: usize| (from..to).map(NodeId::at).collect();
        match name {
            "servers" => Some(of(0, self.servers)),
            "clerks" => Some(of(self.servers, world.size())),
            name => quorum::who(world, name),
        }
    }
}
