//! The sentences of the key/value service's stories.
//!
//! Those about its users are the same for all services of texts, and are in
//! `users/story.rs`. The others are about the servers:
//!
//! - `leader within 5s`: a node leads a majority, and every server it reaches follows it;
//!   `$old leads` in its own eyes;
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
//! `$servers`, `$clerks`; `$leader`, `$followers`, `$follower`, `$leaders` and
//! `$voters` are those of Raft.

mod seen;
#[cfg(test)]
mod tests;
mod words;

use snowglobe_checkers::linearizability::specifications::TextInput;
use snowglobe_systems::kv::{Node, Outcome};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::vec_map::VecMap;

use self::words::{Sentence, understand};
use super::{KvOptions, KvSystem, KvWorld, Watched, operation, shaken};
use crate::quorum;
use crate::users::{ToldUsers, every_node};
use snowglobe::scenarios::System;
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::story::{Cast, Deed, Teller, unlike};
use snowglobe::time::SimTime;
use snowglobe::world::Broken;

/// Tells the stories of the key/value service.
#[derive(Clone, Debug)]
pub(super) struct KvTeller {
    users: ToldUsers,
    servers: usize,
    /// When the sentence about servers that is being told must be over.
    until: SimTime,
    /// What was submitted, and what became of it.
    submitted: VecMap<InvocationId, Option<Outcome>>,
}

/// The key to which submissions are appended.
const SUBMISSIONS: &str = "submissions";

impl KvTeller {
    pub(super) fn new(scenario: &Scenario, options: &KvOptions) -> Self {
        Self {
            users: ToldUsers::new(shaken::users(scenario, options)),
            servers: scenario.nodes,
            until: SimTime::START,
            submitted: VecMap::new(),
        }
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

    /// Looks at a sentence about servers. Whether it has come about.
    fn unfolds(&self, world: &KvWorld, late: bool, sentence: &Sentence) -> Result<bool, Broken> {
        match sentence {
            Sentence::LeaderWithin(_) => Ok(quorum::is_followed_by_all(world)),
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
        understand(words, &self.users)
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
            Sentence::OfUsers(sentence) => self.users.begin(world, sentence)?,
            _ => {}
        }
        Ok(())
    }

    fn look(&mut self, world: &mut KvWorld, sentence: &Sentence) -> Deed {
        if let Sentence::OfUsers(sentence) = sentence {
            return self.users.look(world, sentence);
        }
        let late = world.now() >= self.until;
        Deed::of(self.unfolds(world, late, sentence), late, || {
            self.users.how_things_stand(world)
        })
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
        self.users.ends(world);
    }

    fn history(&self) -> Option<String> {
        Some(self.users.history())
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
