//! The sentences of Raft's stories.
//!
//! - `leader within 5s`: a node leads that everybody it reaches agrees with;
//! - `no leader`: nobody up leads, at this moment;
//! - `leader stays for 2s`: the same one, in the same term;
//! - `propose 5 at $leader`, also `propose 5 of 5000 bytes at $all`: nobody waits for an answer;
//! - `agree on 3 within 10s`, also `agree on 3 by 2 within 10s`, `agree on 10 of 5000
//!   bytes within 10s`: one after the other is proposed until so many nodes have applied it;
//! - `agree exactly on 3 within 10s`: and each takes the very next position;
//! - `read within 5s`: a linearizable read sees all that was acknowledged;
//! - `nothing commits for 2s`;
//! - `all agree within 10s`: everybody up has applied the same, and all that was acknowledged;
//! - `every log holds at most 30 entries`, `every node has a snapshot`,
//!   `every disk holds at most 8000 bytes`.
//!
//! `$leader` is the leader, `$followers` all others that are up, `$follower` one of them.

use std::collections::BTreeMap;
use std::time::Duration;

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::ledger::{Ledger, Record, Total};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::raft::Term;
use snowglobe_systems::raft::invariants::RaftInvariants;
use snowglobe_systems::replica::{Operation, Outcome, Replica};

use super::{RaftProcess, RaftWorld, leads};
use crate::scenarios::story::{Cast, Deed, Teller};
use crate::scenarios::stuck;
use crate::time::{SimTime, parse_duration};
use crate::world::Broken;

/// One of Raft's own sentences.
#[derive(Clone, Debug)]
pub(super) enum Sentence {
    LeaderWithin(Duration),
    NoLeader,
    LeaderStays(Duration),
    Propose {
        values: u64,
        bytes: usize,
        /// A name without its sign, or a node.
        at: String,
    },
    Agree {
        values: u64,
        bytes: usize,
        /// How many nodes must have applied each; all that are up without a number.
        by: Option<usize>,
        exactly: bool,
        within: Duration,
    },
    Read(Duration),
    NothingCommits(Duration),
    AllAgree(Duration),
    LogHolds(usize),
    DiskHolds(usize),
    HasSnapshot,
}

/// A value on its way to everybody.
#[derive(Clone, Copy, Debug)]
enum Try {
    /// It must be proposed, again perhaps.
    Due,
    /// It was proposed, and the answer is awaited until then.
    Asked(InvocationId, SimTime),
    /// It was acknowledged at this position, and must be applied everywhere.
    Applying(u64),
}

/// Tells Raft's stories.
#[derive(Debug)]
pub(super) struct RaftTeller {
    until: SimTime,
    next_value: u64,
    /// The highest acknowledged position.
    acknowledged: u64,
    /// What was counted, applied or seen when the sentence began.
    at_first: u64,
    leader: Option<(NodeId, Term)>,
    left: u64,
    attempt: Try,
    answers: BTreeMap<InvocationId, Outcome<Ledger>>,
}

/// How long a proposal is given before it is made again elsewhere. Longer
/// than any election, since a value that is proposed twice may stand twice.
const ANSWER: Duration = Duration::from_secs(2);

impl RaftTeller {
    pub(super) fn new() -> Self {
        Self {
            until: SimTime::START,
            next_value: 0,
            acknowledged: 0,
            at_first: 0,
            leader: None,
            left: 0,
            attempt: Try::Due,
            answers: BTreeMap::new(),
        }
    }

    fn propose(&mut self, world: &mut RaftWorld, at: NodeId, bytes: usize) -> Option<InvocationId> {
        self.next_value += 1;
        let command = Record {
            value: self.next_value,
            padding: vec![0x5a; bytes],
        };
        let session = None;
        world.invoke(at, Operation::Write { session, command })
    }

    /// One value of an agreement; whether it has been applied by everybody it must.
    fn agree(&mut self, world: &mut RaftWorld, sentence: &Sentence) -> Result<bool, Broken> {
        let Sentence::Agree {
            bytes, by, exactly, ..
        } = sentence
        else {
            return Ok(true);
        };
        match self.attempt {
            Try::Due => {
                if let Some((leader, _)) = leader(world)
                    && let Some(invocation) = self.propose(world, leader, *bytes)
                {
                    self.attempt = Try::Asked(invocation, world.now() + ANSWER);
                }
                Ok(false)
            }
            Try::Asked(invocation, patience) => {
                match self.answers.remove(&invocation) {
                    Some(Outcome::Written { response, .. }) => {
                        self.taken(response.0, *exactly)?;
                        self.attempt = Try::Applying(response.0);
                    }
                    Some(_) => self.attempt = Try::Due,
                    None if world.now() >= patience => self.attempt = Try::Due,
                    None => {}
                }
                Ok(false)
            }
            Try::Applying(position) => {
                let applied = up(world)
                    .filter(|process| process.machine().totals().count >= position)
                    .count();
                let wanted = by.unwrap_or_else(|| reachable(world));
                Ok(applied >= wanted)
            }
        }
    }

    fn taken(&mut self, position: u64, exactly: bool) -> Result<(), Broken> {
        let next = self.acknowledged + 1;
        if exactly && position != next {
            return Err(unlike(
                format!("the value at position {next}"),
                format!("at position {position}"),
            ));
        }
        self.acknowledged = self.acknowledged.max(position);
        Ok(())
    }

    fn read(&mut self, world: &mut RaftWorld) -> Result<bool, Broken> {
        match self.attempt {
            Try::Due | Try::Applying(_) => {
                if let Some((leader, _)) = leader(world)
                    && let Some(invocation) = world.invoke(leader, Operation::Read { query: Total })
                {
                    self.attempt = Try::Asked(invocation, world.now() + ANSWER);
                }
                Ok(false)
            }
            Try::Asked(invocation, patience) => match self.answers.remove(&invocation) {
                Some(Outcome::Answered { answer, .. }) if answer.count >= self.acknowledged => {
                    Ok(true)
                }
                Some(Outcome::Answered { answer, .. }) => Err(unlike(
                    format!("a read that sees {} values", self.acknowledged),
                    format!("it saw {}", answer.count),
                )),
                Some(_) => {
                    self.attempt = Try::Due;
                    Ok(false)
                }
                None => {
                    if world.now() >= patience {
                        self.attempt = Try::Due;
                    }
                    Ok(false)
                }
            },
        }
    }

    fn all_agree(&self, world: &RaftWorld) -> bool {
        let mut states = up(world).map(|process| {
            let raft = process.raft();
            (
                process.machine().totals(),
                raft.commit() == raft.log().last().index,
            )
        });
        let Some(first) = states.next() else {
            return false;
        };
        first.1 && first.0.count >= self.acknowledged && states.all(|state| state == first)
    }
}

impl Teller<RaftProcess, RaftInvariants> for RaftTeller {
    type Sentence = Sentence;

    fn understand(&self, words: &[&str]) -> Result<Sentence, String> {
        understand(words)
    }

    fn begin(&mut self, world: &mut RaftWorld, sentence: &Sentence, _cast: &mut Cast) {
        let length = match sentence {
            Sentence::LeaderWithin(length)
            | Sentence::LeaderStays(length)
            | Sentence::Agree { within: length, .. }
            | Sentence::Read(length)
            | Sentence::NothingCommits(length)
            | Sentence::AllAgree(length) => *length,
            _ => Duration::ZERO,
        };
        self.until = world.now() + length;
        self.attempt = Try::Due;
        self.leader = leader(world);
        self.at_first = most_applied(world);
        if let Sentence::Agree { values, .. } = sentence {
            self.left = *values;
        }
        if let Sentence::Propose { values, bytes, at } = sentence {
            let targets = targets(world, at);
            for _ in 0..*values {
                for target in &targets {
                    self.propose(world, *target, *bytes);
                }
            }
        }
    }

    fn look(&mut self, world: &mut RaftWorld, sentence: &Sentence, _cast: &mut Cast) -> Deed {
        let late = world.now() >= self.until;
        let made = match sentence {
            Sentence::LeaderWithin(_) => Ok(leader_of_all(world)),
            Sentence::Agree { .. } => self.agree(world, sentence).map(|applied| {
                if applied {
                    self.left -= 1;
                    self.attempt = Try::Due;
                }
                self.left == 0
            }),
            Sentence::Read(_) => self.read(world),
            Sentence::AllAgree(_) => Ok(self.all_agree(world)),
            Sentence::LeaderStays(_) => stays(self.leader, leader(world)).map(|()| late),
            Sentence::NothingCommits(_) => {
                nothing_new(self.at_first, most_applied(world)).map(|()| late)
            }
            at_once => holds_now(world, at_once).map(|()| true),
        };
        match made {
            Ok(true) => Deed::Done,
            Err(broken) => Deed::Fails(broken),
            Ok(false) if late => Deed::Fails(stuck(
                "story",
                format!("{sentence:?}"),
                format!(
                    "{} after {} tries: {}",
                    self.left,
                    self.next_value,
                    cluster(world)
                ),
            )),
            Ok(false) => Deed::Waits,
        }
    }

    fn returned(&mut self, _: &mut RaftWorld, invocation: InvocationId, outcome: Outcome<Ledger>) {
        if let Outcome::Written { response, .. } = &outcome {
            self.acknowledged = match self.attempt {
                // The agreement looks at its own answer itself.
                Try::Asked(asked, _) if asked == invocation => self.acknowledged,
                _ => self.acknowledged.max(response.0),
            };
        }
        self.answers.insert(invocation, outcome);
    }

    fn who(&self, world: &RaftWorld, name: &str) -> Option<Vec<NodeId>> {
        let leader = leader(world).map(|(id, _)| id);
        let mut others = world
            .node_ids()
            .filter(|id| world.is_running(*id) && Some(*id) != leader);
        match name {
            "leader" => Some(leader.into_iter().collect()),
            "followers" => Some(others.collect()),
            "follower" => Some(others.next().into_iter().collect()),
            _ => None,
        }
    }
}

/// The leader of the highest term among those that are up and not cut off from everybody.
fn leader(world: &RaftWorld) -> Option<(NodeId, Term)> {
    world
        .node_ids()
        .filter(|id| world.is_running(*id) && !is_alone(world, *id))
        .filter_map(|id| {
            let process = world.process(id)?;
            leads(process).then(|| (process.raft().term(), id))
        })
        .max()
        .map(|(term, id)| (id, term))
}

fn is_alone(world: &RaftWorld, id: NodeId) -> bool {
    world.size() > 1
        && world
            .node_ids()
            .filter(|peer| *peer != id)
            .all(|peer| world.network().is_cut(id, peer) || world.network().is_cut(peer, id))
}

/// Whether a node leads, and everybody that it reaches is in its term and follows it.
fn leader_of_all(world: &RaftWorld) -> bool {
    let Some((leader, term)) = leader(world) else {
        return false;
    };
    world
        .node_ids()
        .filter(|id| world.is_running(*id) && !world.network().is_cut(leader, *id))
        .filter_map(|id| world.process(id))
        .all(|process| process.raft().term() == term && process.raft().leader() == Some(leader))
}

fn up(world: &RaftWorld) -> impl Iterator<Item = &Replica<Ledger>> {
    world.node_ids().filter_map(|id| world.process(id))
}

/// How many nodes are up and within reach of the leader.
fn reachable(world: &RaftWorld) -> usize {
    let Some((leader, _)) = leader(world) else {
        return world.size();
    };
    world
        .node_ids()
        .filter(|id| world.is_running(*id) && !world.network().is_cut(leader, *id))
        .count()
}

fn most_applied(world: &RaftWorld) -> u64 {
    up(world)
        .map(|process| process.machine().totals().count)
        .max()
        .unwrap_or_default()
}

fn targets(world: &RaftWorld, at: &str) -> Vec<NodeId> {
    match at {
        "leader" => leader(world).into_iter().map(|(id, _)| id).collect(),
        "leaders" => world
            .node_ids()
            .filter(|id| world.process(*id).is_some_and(leads))
            .collect(),
        "all" => world.node_ids().collect(),
        node => world
            .node_ids()
            .filter(|id| id.to_string() == node)
            .collect(),
    }
}

fn stays(was: Option<(NodeId, Term)>, is: Option<(NodeId, Term)>) -> Result<(), Broken> {
    match was == is && was.is_some() {
        true => Ok(()),
        false => Err(unlike(
            format!("the leader to stay as it was, {was:?}"),
            format!("{is:?}"),
        )),
    }
}

fn nothing_new(was: u64, is: u64) -> Result<(), Broken> {
    match was == is {
        true => Ok(()),
        false => Err(unlike(
            format!("nothing to be applied after {was} values"),
            format!("{is} values"),
        )),
    }
}

/// What is so or not so at this moment.
fn holds_now(world: &RaftWorld, sentence: &Sentence) -> Result<(), Broken> {
    match sentence {
        Sentence::NoLeader => match leader(world) {
            None => Ok(()),
            Some((id, term)) => Err(unlike("no leader".to_owned(), format!("{id} leads {term}"))),
        },
        Sentence::LogHolds(most) => {
            let longest = up(world).map(|it| it.raft().log().len()).max().unwrap_or(0);
            within_bound(longest, *most, "entries in a log")
        }
        Sentence::DiskHolds(most) => {
            let fullest = world.node_ids().map(|id| world.disk_bytes(id)).max();
            within_bound(fullest.unwrap_or(0), *most, "bytes on a disk")
        }
        Sentence::HasSnapshot => match up(world).all(|it| it.raft().snapshot().is_some()) {
            true => Ok(()),
            false => Err(unlike(
                "a snapshot on every node".to_owned(),
                cluster(world),
            )),
        },
        _ => Ok(()),
    }
}

fn within_bound(found: usize, most: usize, what: &str) -> Result<(), Broken> {
    match found <= most {
        true => Ok(()),
        false => Err(unlike(format!("at most {most} {what}"), found.to_string())),
    }
}

fn unlike(expected: String, found: String) -> Broken {
    Broken::Safety(Violation::new("story", [], expected, found))
}

fn cluster(world: &RaftWorld) -> String {
    let nodes = world.node_ids().map(|id| match world.process(id) {
        Some(process) => format!("{id} {}", process),
        None => format!("{id} down"),
    });
    nodes.collect::<Vec<_>>().join(", ")
}

fn understand(words: &[&str]) -> Result<Sentence, String> {
    let time = |text: &str| parse_duration(text).map_err(|why| why.to_string());
    let number = |text: &str| -> Result<usize, String> {
        text.parse()
            .map_err(|_| format!("{text:?} is not a number"))
    };
    match words {
        ["leader", "within", length] => Ok(Sentence::LeaderWithin(time(length)?)),
        ["no", "leader"] => Ok(Sentence::NoLeader),
        ["leader", "stays", "for", length] => Ok(Sentence::LeaderStays(time(length)?)),
        ["nothing", "commits", "for", length] => Ok(Sentence::NothingCommits(time(length)?)),
        ["all", "agree", "within", length] => Ok(Sentence::AllAgree(time(length)?)),
        ["read", "within", length] => Ok(Sentence::Read(time(length)?)),
        ["every", "node", "has", "a", "snapshot"] => Ok(Sentence::HasSnapshot),
        ["every", "log", "holds", "at", "most", most, "entries"] => {
            Ok(Sentence::LogHolds(number(most)?))
        }
        ["every", "disk", "holds", "at", "most", most, "bytes"] => {
            Ok(Sentence::DiskHolds(number(most)?))
        }
        ["propose", values, rest @ .., "at", at] => Ok(Sentence::Propose {
            values: number(values)? as u64,
            bytes: bytes_in(rest)?,
            at: at.trim_start_matches('$').to_owned(),
        }),
        ["agree", rest @ .., "within", length] => agreement(rest, time(length)?),
        _ => Err("this sentence is not known to raft".to_owned()),
    }
}

fn agreement(words: &[&str], within: Duration) -> Result<Sentence, String> {
    let (exactly, words) = match words {
        ["exactly", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let ["on", values, rest @ ..] = words else {
        return Err("how many values? write it as: agree on 3 within 10s".to_owned());
    };
    let (by, rest) = match rest {
        [rest @ .., "by", by] => (Some(*by), rest),
        rest => (None, rest),
    };
    let number = |text: &str| {
        text.parse()
            .map_err(|_| format!("{text:?} is not a number"))
    };
    Ok(Sentence::Agree {
        values: number(values)?,
        bytes: bytes_in(rest)?,
        by: by.map(number).transpose()?.map(|by| by as usize),
        exactly,
        within,
    })
}

fn bytes_in(words: &[&str]) -> Result<usize, String> {
    match words {
        [] => Ok(0),
        ["of", bytes, "bytes"] => bytes
            .parse()
            .map_err(|_| format!("{bytes:?} is not a number of bytes")),
        _ => Err(format!("{:?} is not understood", words.join(" "))),
    }
}
