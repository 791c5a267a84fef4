//! The sentences of Raft's stories.
//!
//! - `leader within 5s`: a node leads a majority, and everybody it reaches follows it;
//! - `no leader`, also `no leader for 2s`: nobody up leads, not even in its own eyes;
//! - `leader stays for 2s`: the same one, in the same term;
//! - `a vote within 5s`: somebody has voted for another, and the election is not over;
//! - `propose 5 at $leader`, also `propose 5 of 5000 bytes at $all`: nobody waits
//!   for an answer; somebody must lead in its own eyes, unless the name may mean
//!   nobody (`at $up?`);
//! - `agree on 3 within 10s`: one after the other is proposed, and again elsewhere
//!   if it must be, until everybody in reach has applied it. Also `agree on 3 by 2
//!   within 10s` (by at least two nodes), `agree on 3 at once within 10s`, `agree on
//!   10 of 5000 bytes within 10s`, in this order where there are several;
//! - `agree exactly on 3 within 10s`: and each takes the very next position;
//! - `read within 5s`: a linearizable read is answered. Also `read 5 at $old`, as
//!   with `propose`: it may fail, but not answer without what was acknowledged before;
//! - `nothing commits for 2s`;
//! - `all agree within 10s`: everybody up has applied the same, all that was
//!   acknowledged, and all that is in any log;
//! - `every log holds at most 30 entries`, `every node has a snapshot`,
//!   `every disk holds at most 8000 bytes`.
//!
//! All answers, also those that nobody waits for, must add up: a value stands
//! once, and behind all that were acknowledged before it was proposed.
//!
//! `$leader` leads a majority, `$followers` are all others that are up and in
//! its reach, `$follower` is the first of them; `$leaders` lead in their own
//! eyes, and `$voters` have voted in an election that is not over.

mod agreement;
mod seen;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::ledger::{Ledger, Record, Total};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::raft::Term;
use snowglobe_systems::raft::invariants::RaftInvariants;
use snowglobe_systems::replica::{Operation, Outcome};
use snowglobe_systems::vec_map::VecMap;

use self::agreement::{Agreement, Try};
use self::words::{Sentence, understand};
use super::oracle::Oracle;
use super::{RaftProcess, RaftSystem, RaftWorld};
use crate::quorum;
use snowglobe::scenarios::System;
use snowglobe::scenarios::story::{Cast, Deed, Name, Teller};
use snowglobe::scenarios::stuck;
use snowglobe::time::SimTime;
use snowglobe::world::Broken;

/// What was asked, as long as its answer may come.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// The value that was proposed; nothing for a read.
    value: Option<u64>,
    /// The highest position that anybody knew of when it was asked.
    floor: u64,
}

/// Tells Raft's stories.
#[derive(Clone, Debug)]
pub(super) struct RaftTeller {
    /// When the sentence that is being told must be over.
    until: SimTime,
    next_value: u64,
    oracle: Oracle,
    asked: VecMap<InvocationId, Asked>,
    /// Answers that the sentence that is being told has not seen.
    answers: VecMap<InvocationId, Outcome<Ledger>>,
    /// Who led, and how much was applied, when the sentence began.
    leader: Option<(NodeId, Term)>,
    at_first: u64,
    /// The highest position that an agreement came to.
    last_agreed: u64,
    agreement: Agreement,
    read: Try,
}

/// How long a call is given before it is made again elsewhere. Longer than
/// any election, so that a value is rarely proposed twice.
const ANSWER: Duration = Duration::from_secs(2);

impl RaftTeller {
    pub(super) fn new() -> Self {
        Self {
            until: SimTime::START,
            next_value: 0,
            oracle: Oracle::default(),
            asked: VecMap::new(),
            answers: VecMap::new(),
            leader: None,
            at_first: 0,
            last_agreed: 0,
            agreement: Agreement::default(),
            read: Try::Due,
        }
    }

    fn propose(&mut self, world: &mut RaftWorld, at: NodeId, bytes: usize) -> Option<InvocationId> {
        self.next_value += 1;
        let value = self.next_value;
        let command = Record::padded(value, bytes);
        let session = None;
        self.ask(
            world,
            at,
            Some(value),
            Operation::Write { session, command },
        )
    }

    fn ask(
        &mut self,
        world: &mut RaftWorld,
        at: NodeId,
        value: Option<u64>,
        operation: Operation<Ledger>,
    ) -> Option<InvocationId> {
        let floor = self.oracle.floor();
        let invocation = world.invoke(at, operation)?;
        self.asked.insert(invocation, Asked { value, floor });
        Some(invocation)
    }

    /// Whom calls go to that nobody waits for.
    fn targets(
        &self,
        world: &RaftWorld,
        at: &Name,
        cast: &mut Cast,
    ) -> Result<Vec<NodeId>, Broken> {
        let targets = cast.who(self, world, at)?;
        let takes = |id: &NodeId| quorum::leads(world, *id);
        if at.may_mean_nobody() || targets.iter().any(takes) {
            return Ok(targets);
        }
        Err(stuck(
            "story",
            "somebody who leads, to take the call".to_owned(),
            seen::cluster(world),
        ))
    }

    /// Whether a read was answered since the sentence began.
    fn read(&mut self, world: &mut RaftWorld) -> bool {
        match self.read {
            Try::Asked(invocation, patience) => match self.answers.remove(&invocation) {
                Some(Outcome::Answered { .. }) => return true,
                Some(_) => self.read = Try::Due,
                None if world.now() >= patience => self.read = Try::Due,
                None => {}
            },
            Try::Due | Try::Applying(_) => {
                let operation = Operation::Read { query: Total };
                if let Some((leader, _)) = quorum::leader(world)
                    && let Some(invocation) = self.ask(world, leader, None, operation)
                {
                    self.read = Try::Asked(invocation, world.now() + ANSWER);
                }
            }
        }
        false
    }

    /// What an answer says, whoever waits for it.
    fn learn(&mut self, asked: Asked, outcome: &Outcome<Ledger>) -> Result<(), Violation> {
        match (asked.value, outcome) {
            (Some(value), Outcome::Written { response, .. }) => {
                self.oracle.appended(value, response.0, asked.floor)
            }
            (None, Outcome::Answered { answer, .. }) => {
                self.oracle.read(answer.count, answer.digest, asked.floor)
            }
            _ => Ok(()),
        }
    }

    /// Looks at a sentence that takes time. Whether it has come about.
    fn unfolds(&mut self, world: &mut RaftWorld, sentence: &Sentence) -> Result<bool, Broken> {
        let late = world.now() >= self.until;
        match sentence {
            Sentence::LeaderWithin(_) => Ok(quorum::is_followed_by_all(world)),
            Sentence::VoteWithin(_) => Ok(!quorum::voters(world).is_empty()),
            Sentence::Agree { .. } => self.agree(world, sentence),
            Sentence::Read(_) => Ok(self.read(world)),
            Sentence::AllAgree(_) => Ok(seen::all_agree(world, self.oracle.floor())),
            Sentence::NoLeader(_) => seen::nobody_leads(world).map(|()| late),
            Sentence::LeaderStays(_) => {
                seen::stays(self.leader, quorum::leader(world)).map(|()| late)
            }
            Sentence::NothingCommits(_) => {
                seen::nothing_new(self.at_first, seen::most_applied(world)).map(|()| late)
            }
            at_once => seen::holds_now(world, at_once).map(|()| true),
        }
    }
}

impl Teller<RaftProcess, RaftInvariants> for RaftTeller {
    type Sentence = Sentence;

    fn names(&self) -> &'static [&'static str] {
        &quorum::NAMES
    }

    fn marks(&self) -> Vec<&'static str> {
        RaftSystem::marks()
    }

    fn understand(&self, words: &[&str]) -> Result<Sentence, String> {
        understand(words)
    }

    fn begin(
        &mut self,
        world: &mut RaftWorld,
        sentence: &Sentence,
        cast: &mut Cast,
    ) -> Result<(), Broken> {
        self.until = world.now() + sentence.length();
        self.leader = quorum::leader(world);
        self.at_first = seen::most_applied(world);
        self.answers.clear();
        match sentence {
            Sentence::Agree {
                values, at_once, ..
            } => self.agreement = Agreement::on(*values, *at_once),
            Sentence::Read(_) => self.read = Try::Due,
            Sentence::Propose { values, bytes, at } => {
                let targets = self.targets(world, at, cast)?;
                for target in targets.repeat(*values as usize) {
                    self.propose(world, target, *bytes);
                }
            }
            Sentence::ReadAt { times, at } => {
                let targets = self.targets(world, at, cast)?;
                for target in targets.repeat(*times as usize) {
                    self.ask(world, target, None, Operation::Read { query: Total });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn look(&mut self, world: &mut RaftWorld, sentence: &Sentence) -> Deed {
        match self.unfolds(world, sentence) {
            Ok(true) => Deed::Done,
            Err(broken) => Deed::Fails(broken),
            Ok(false) if world.now() >= self.until => Deed::Late(match sentence {
                Sentence::Agree { .. } => {
                    format!("{}; {}", self.agreement, seen::cluster(world))
                }
                _ => seen::cluster(world),
            }),
            Ok(false) => Deed::Waits,
        }
    }

    fn returned(
        &mut self,
        world: &mut RaftWorld,
        invocation: InvocationId,
        outcome: Outcome<Ledger>,
    ) {
        let Some(asked) = self.asked.remove(&invocation) else {
            return;
        };
        if let Err(violation) = self.learn(asked, &outcome) {
            world.breaks(Broken::Safety(violation));
        }
        self.answers.insert(invocation, outcome);
    }

    fn who(&self, world: &RaftWorld, name: &str) -> Option<Vec<NodeId>> {
        quorum::who(world, name)
    }
}
