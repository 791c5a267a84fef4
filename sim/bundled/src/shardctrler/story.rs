//! The sentences of the shard controller's stories.
//!
//! Operators call clerks and are called `u0`, `u1` and so on, the first ones at
//! the first clerk. Groups are `g1`, shards `sh0`, configurations `v0` and so on.
//!
//! - `leader within 5s`: a node leads a majority, and every server it reaches follows it;
//!   `$old leads` in its own eyes;
//! - `users begin`: from now on they call what they like. `users rest within 10s`:
//!   each is answered, and calls no more;
//! - `u0 joins g1 g2 within 2s`, which is one call; `joins g1 anew` with other
//!   servers than before, `joins g1 as next` with those of `g2`; also `leaves g1 g2`, `moves sh3 to g2`, `divides into 4`, and `looks` at the
//!   newest configuration, or `looks at v3`. `u0 begins to join g1` (and so on) does not wait;
//! - `u0 waits for 1s`: it is not answered in this time. `u0 is served within 5s`;
//! - `u0 made v3`, `u0 changed nothing`, `u0 was refused`: what it was told last;
//! - `u0 saw v3`, `u0 saw groups g1 g2` (these and no others), `u0 saw no groups`, `u0
//!   saw 12 groups`, `u0 saw g1 own 5` shards, `u0 saw sh3 at g2`, `u0 saw what u1 saw`:
//!   what it was shown last;
//! - `users each join 3 and leave 2 within 10s`, all users at once: each lets so many
//!   groups of its own join, one call for each, and then the first of them leave; in one
//!   call each with `join 3 at once and leave 2 at once`; `join 3` alone. `u0 saw what users kept`:
//!   exactly those that joined so and did not leave;
//! - `users look at all numbers within 20s`: everybody at all configurations there are;
//! - `since v2 3 shards moved`, from then until now, not counting those that came back;
//!   `since v2 3 shards moved to g3` or `from g1 g2`, and nowhere else;
//! - `servers agree within 10s`: all that are up have applied the same, and
//!   nothing is left to apply. `every server has a snapshot`, `no server has a snapshot`.
//!
//! Whatever operators asked and were told must be linearizable, now and at the
//! end, and every configuration must keep the controller's promises.
//!
//! `$servers`, `$clerks`; `$leader`, `$followers`, `$follower`, `$leaders` and
//! `$voters` are those of Raft.

mod seen;
#[cfg(test)]
mod tests;
mod words;

use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::shardctrler::{
    Command, ControllerInvariants, GroupId, Node, Number, Outcome, Query,
};
use snowglobe_systems::vec_set::VecSet;

pub(crate) use self::words::partitioner;
use self::words::{Each, MOST_OWN, Sentence, understand};
use super::object::Ask;
use super::operators::{Errand, MOST_OWN_IN_ALL, Operators, join_own};
use super::shaken::{cluster, own_group};
use super::{ControllerOptions, ControllerWorld, ShardctrlerSystem};
use crate::quorum;
use snowglobe::scenarios::System;
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::story::{Cast, Deed, Teller, unlike};
use snowglobe::time::SimTime;
use snowglobe::world::Broken;

/// Tells the stories of the shard controller.
#[derive(Clone, Debug)]
pub(super) struct ControllerTeller {
    operators: Operators,
    servers: usize,
    /// When the sentence that is being told must be over.
    until: SimTime,
    /// Whether operators call what they like.
    roaming: bool,
    /// How many groups of its own each has let join.
    own: usize,
    /// Which of those did not leave.
    kept: VecSet<GroupId>,
}

impl ControllerTeller {
    pub(super) fn new(scenario: &Scenario, options: &ControllerOptions) -> Self {
        Self {
            operators: Operators::new(scenario, options),
            servers: scenario.nodes,
            until: SimTime::START,
            roaming: false,
            own: 0,
            kept: VecSet::new(),
        }
    }

    fn order(&mut self, world: &mut ControllerWorld, sentence: &Sentence) -> Result<(), Broken> {
        if self.roaming && sentence.wants_users_at_rest() {
            return Err(unlike(
                "users at rest: say `users rest within 10s` before".to_owned(),
                "they call what they like".to_owned(),
            ));
        }
        match sentence {
            Sentence::Begin => {
                self.roaming = true;
                self.operators.turn_to(world, Errand::Roaming);
            }
            Sentence::Rest(_) => {
                self.roaming = false;
                self.operators.turn_to(world, Errand::Ordered);
            }
            Sentence::Call { user, ask, .. } => self.operators.order(world, *user, ask.clone()),
            Sentence::Each(each) => self.order_each(world, *each)?,
            Sentence::LookAtAll(_) => self.order_looks(world),
            Sentence::Waits { user, .. } if !self.operators.is_busy(*user) => {
                return Err(unlike(
                    format!("u{user} to be left waiting"),
                    "it has no call under way".to_owned(),
                ));
            }
            _ => {}
        }
        Ok(())
    }

    /// Everybody lets groups of its own join, and then some of them leave.
    fn order_each(&mut self, world: &mut ControllerWorld, each: Each) -> Result<(), Broken> {
        let places = self.own..self.own + each.join;
        self.own = places.end;
        let most = MOST_OWN.min(MOST_OWN_IN_ALL / self.operators.len());
        if self.own > most {
            let expected = format!("at most {most} groups of a user's own");
            return Err(unlike(expected, self.own.to_string()));
        }
        for number in 0..self.operators.len() {
            let own: Vec<(usize, usize)> = places.clone().map(|place| (number, place)).collect();
            let groups = own.iter().map(|(number, place)| own_group(*number, *place));
            let groups: Vec<GroupId> = groups.collect();
            let (leaving, staying) = groups.split_at(each.leave);
            self.kept.extend(staying.iter().copied());
            let at_a_time = |groups: usize| if each.at_once { groups } else { 1 };
            let joins = own.chunks(at_a_time(own.len()));
            let operators = self.operators.len();
            let joins = joins.map(|groups| join_own(groups.iter().copied(), operators));
            let leaves = leaving.chunks(at_a_time(leaving.len()).max(1));
            let leaves = leaves.map(|groups| Command::Leave {
                groups: groups.iter().copied().collect(),
            });
            for command in joins.chain(leaves) {
                self.operators.order(world, number, Ask::Change(command));
            }
        }
        Ok(())
    }

    fn order_looks(&mut self, world: &mut ControllerWorld) {
        let newest = world.invariants().newest().map_or(0, |it| it.number.0);
        for number in 0..self.operators.len() {
            for version in (0..=newest).map(Number) {
                let look = Ask::Look(Query::of(version));
                self.operators.order(world, number, look);
            }
        }
    }

    fn is_at_rest(&self) -> bool {
        (0..self.operators.len()).all(|number| !self.operators.is_busy(number))
    }

    /// Looks at a sentence. Whether it has come about.
    fn unfolds(&self, world: &ControllerWorld, sentence: &Sentence) -> Result<bool, Broken> {
        let late = world.now() >= self.until;
        match sentence {
            Sentence::LeaderWithin(_) => Ok(quorum::is_followed_by_all(world)),
            Sentence::Rest(_) | Sentence::Each(_) | Sentence::LookAtAll(_) => Ok(self.is_at_rest()),
            Sentence::Leads(_) | Sentence::Begin | Sentence::Call { within: None, .. } => Ok(true),
            Sentence::Call { user, .. } | Sentence::Served { user, .. } => {
                Ok(!self.operators.is_busy(*user))
            }
            Sentence::Waits { user, .. } => match self.operators.is_busy(*user) {
                true => Ok(late),
                false => Err(unlike(
                    format!("u{user} to be left waiting"),
                    "it was answered".to_owned(),
                )),
            },
            Sentence::Found { user, what } => {
                seen::found(&self.operators, *user, what, &self.kept).map(|()| true)
            }
            Sentence::Moved { since, shards, way } => {
                seen::moved(world.invariants(), *since, *shards, way).map(|()| true)
            }
            Sentence::ServersAgree(_) => Ok(seen::servers_agree(world)),
            Sentence::HasSnapshot(wanted) => seen::has_snapshot(world, *wanted).map(|()| true),
        }
    }

    fn how_things_stand(&self, world: &ControllerWorld) -> String {
        let waiting = self.operators.who_waits();
        waiting.chain(cluster(world)).collect::<Vec<_>>().join("; ")
    }
}

impl Teller<Node, ControllerInvariants> for ControllerTeller {
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
        ShardctrlerSystem::marks()
    }

    fn understand(&self, words: &[&str]) -> Result<Sentence, String> {
        let sentence = understand(words)?;
        let users = self.operators.len();
        if sentence.users().any(|user| user >= users) {
            return Err(format!(
                "there are {users} users, u0 to u{}; clerks and users_per_clerk make more",
                users - 1
            ));
        }
        Ok(sentence)
    }

    fn begin(
        &mut self,
        world: &mut ControllerWorld,
        sentence: &Sentence,
        cast: &mut Cast,
    ) -> Result<(), Broken> {
        self.until = world.now() + sentence.length();
        if let Sentence::Leads(who) = sentence {
            let who = cast.who(self, world, who)?;
            if let Some(other) = who.iter().find(|id| !quorum::leads(world, **id)) {
                let stands = cluster(world).collect::<Vec<_>>().join("; ");
                return Err(unlike(format!("{other} to lead"), stands));
            }
        }
        self.order(world, sentence)
    }

    fn look(&mut self, world: &mut ControllerWorld, sentence: &Sentence) -> Deed {
        match self.unfolds(world, sentence) {
            Ok(true) => Deed::Done,
            Err(broken) => Deed::Fails(broken),
            Ok(false) if world.now() >= self.until => Deed::Late(self.how_things_stand(world)),
            Ok(false) => Deed::Waits,
        }
    }

    fn alarm(&mut self, world: &mut ControllerWorld, token: u64) {
        self.operators.alarm(world, token);
    }

    fn returned(
        &mut self,
        world: &mut ControllerWorld,
        invocation: InvocationId,
        outcome: Outcome,
    ) {
        self.operators.returned(world, invocation, outcome);
    }

    fn ends(&mut self, world: &mut ControllerWorld) {
        self.operators.book().close(world);
    }

    fn who(&self, world: &ControllerWorld, name: &str) -> Option<Vec<NodeId>> {
        let of = |from: usize, to: usize| (from..to).map(NodeId::at).collect();
        match name {
            "servers" => Some(of(0, self.servers)),
            "clerks" => Some(of(self.servers, world.size())),
            name => quorum::who(world, name),
        }
    }
}
