//! Understands the sharded service's own sentences.

use std::fmt;
use std::time::Duration;

use snowglobe_systems::shardctrler::{GroupId, Partitioner, Shard};

use crate::shardctrler::partitioner;
use crate::shardkv::layout::Layout;
use crate::users::UserSentence;
use snowglobe::scenarios::story::{read_number, read_time};

/// The names of this system's stories.
pub(super) const NAMES: &[&str] = &[
    "controllers",
    "ruler",
    "rogues",
    "operators",
    "clerks",
    "servers",
    "g1",
    "g2",
    "g3",
    "g4",
    "g5",
    "g6",
    "g7",
    "g8",
    "leader1",
    "leader2",
    "leader3",
    "leader4",
    "leader5",
    "leader6",
    "leader7",
    "leader8",
];

/// One of the service's own sentences, or one about its users.
#[derive(Clone, Debug)]
pub(in crate::shardkv) enum Sentence {
    OfUsers(UserSentence),
    Leaders(Duration),
    Operator {
        is_rogue: bool,
        change: Change,
        within: Duration,
    },
    OperatorsBegin,
    OperatorsRest(Duration),
    Settle {
        /// All without one.
        group: Option<GroupId>,
        within: Duration,
    },
    Name {
        set: Set,
        name: String,
    },
    Shards {
        whose: Whose,
        set: Set,
        task: Task,
    },
    HoldAtMost(usize),
}

/// What an operator is to change.
#[derive(Clone, Debug)]
pub(in crate::shardkv) enum Change {
    Join(Vec<GroupId>),
    /// A group, with the servers of another one.
    JoinWithServersOf(GroupId, GroupId),
    /// A group, with so many of its servers.
    JoinWithPart(GroupId, usize),
    Leave(Vec<GroupId>),
    Move(Shard, GroupId),
    Divide(u16, Partitioner),
}

/// Some of the shards.
#[derive(Clone, Debug)]
pub(in crate::shardkv) enum Set {
    All,
    /// Those that a group owns in the newest configuration.
    Of(GroupId),
    Named(String),
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("`all`"),
            Self::Of(group) => write!(f, "`of {group}`"),
            Self::Named(name) => write!(f, "`{name}`"),
        }
    }
}

/// Which users call for the shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shardkv) enum Whose {
    Honest,
    /// Those whose clerks ask the second controller.
    Misled,
}

/// What the users of shards do, or what becomes of what they do.
#[derive(Clone, Copy, Debug)]
pub(in crate::shardkv) enum Task {
    BeginPut,
    Put(Duration),
    BeginGet,
    Got(Duration),
    Wait(Duration),
    Served(Duration),
}

impl Sentence {
    /// How long it may take, or must be so.
    pub(super) fn length(&self) -> Duration {
        match self {
            Self::Leaders(length)
            | Self::Operator { within: length, .. }
            | Self::OperatorsRest(length)
            | Self::Settle { within: length, .. }
            | Self::Shards {
                task:
                    Task::Put(length) | Task::Got(length) | Task::Wait(length) | Task::Served(length),
                ..
            } => *length,
            Self::OfUsers(_)
            | Self::OperatorsBegin
            | Self::Name { .. }
            | Self::Shards {
                task: Task::BeginPut | Task::BeginGet,
                ..
            }
            | Self::HoldAtMost(_) => Duration::ZERO,
        }
    }

    /// Whether there are all groups and shards that it speaks of.
    pub(super) fn fits(&self, layout: &Layout, shards: usize) -> Result<(), String> {
        let (groups, shard): (Vec<GroupId>, Option<Shard>) = match self {
            Self::Operator { change, .. } => match change {
                Change::Join(groups) | Change::Leave(groups) => (groups.clone(), None),
                Change::JoinWithServersOf(group, other) => (vec![*group, *other], None),
                Change::JoinWithPart(group, _) => (vec![*group], None),
                Change::Move(shard, to) => (vec![*to], Some(*shard)),
                Change::Divide(..) => (Vec::new(), None),
            },
            Self::Settle { group, .. } => (group.iter().copied().collect(), None),
            Self::Name { set, .. } | Self::Shards { set, .. } => match set {
                Set::Of(group) => (vec![*group], None),
                Set::All | Set::Named(_) => (Vec::new(), None),
            },
            _ => (Vec::new(), None),
        };
        if let Some(stranger) = groups
            .iter()
            .find(|group| !layout.groups.contains_key(group))
        {
            return Err(format!("there is no {stranger}; `groups` makes more"));
        }
        if let Self::Operator { is_rogue: true, .. } = self
            && layout.rogue_operators.is_empty()
        {
            return Err("there is no second controller; `misled` makes one".to_owned());
        }
        match shard.filter(|shard| usize::from(shard.0) >= shards) {
            Some(stranger) => Err(format!("there is no {stranger}; `shards` makes more")),
            None => Ok(()),
        }
    }
}

pub(super) fn understand(words: &[&str]) -> Result<Sentence, String> {
    match words {
        ["leaders", "within", length] => Ok(Sentence::Leaders(read_time(length)?)),
        [who @ ("operator" | "rogue"), change @ .., "within", length] => Ok(Sentence::Operator {
            is_rogue: *who == "rogue",
            change: change_of(change)?,
            within: read_time(length)?,
        }),
        ["operators", "begin"] => Ok(Sentence::OperatorsBegin),
        ["operators", "rest", "within", length] => Ok(Sentence::OperatorsRest(read_time(length)?)),
        ["groups", "settle", "within", length] => Ok(Sentence::Settle {
            group: None,
            within: read_time(length)?,
        }),
        [group, "settles", "within", length] => Ok(Sentence::Settle {
            group: Some(group_of(group)?),
            within: read_time(length)?,
        }),
        ["call", "shards", set @ .., name] => Ok(Sentence::Name {
            set: set_of(set)?,
            name: (*name).to_owned(),
        }),
        ["groups", "hold", "at", "most", most, "bytes"] => {
            Ok(Sentence::HoldAtMost(read_number(most)? as usize))
        }
        ["misled", "shards", rest @ ..] => shards_of(Whose::Misled, rest),
        ["shards", rest @ ..] => shards_of(Whose::Honest, rest),
        [] => Err("an empty sentence".to_owned()),
        _ => Err("this sentence is not known to shardkv".to_owned()),
    }
}

fn shards_of(whose: Whose, words: &[&str]) -> Result<Sentence, String> {
    let (set, task) = match words {
        [set @ .., "are", "put", "within", length] => (set, Task::Put(read_time(length)?)),
        [set @ .., "are", "got", "within", length] => (set, Task::Got(read_time(length)?)),
        [set @ .., "are", "served", "within", length] => (set, Task::Served(read_time(length)?)),
        [set @ .., "begin", "to", "be", "put"] => (set, Task::BeginPut),
        [set @ .., "begin", "to", "be", "got"] => (set, Task::BeginGet),
        [set @ .., "wait", "for", length] => (set, Task::Wait(read_time(length)?)),
        _ => return Err("what becomes of the shards is not understood".to_owned()),
    };
    let set = set_of(set)?;
    Ok(Sentence::Shards { whose, set, task })
}

fn set_of(words: &[&str]) -> Result<Set, String> {
    match words {
        ["all"] => Ok(Set::All),
        ["of", group] => Ok(Set::Of(group_of(group)?)),
        [name] => Ok(Set::Named((*name).to_owned())),
        _ => Err("say which shards: `all`, `of g1`, or a name".to_owned()),
    }
}

fn change_of(words: &[&str]) -> Result<Change, String> {
    let groups = |words: &[&str]| match words {
        [] => Err("say which groups, as g1".to_owned()),
        words => words.iter().map(|word| group_of(word)).collect(),
    };
    match words {
        ["joins", group, "with", "servers", "of", other] => Ok(Change::JoinWithServersOf(
            group_of(group)?,
            group_of(other)?,
        )),
        ["joins", group, "with", many, "of", "its", "servers"] => Ok(Change::JoinWithPart(
            group_of(group)?,
            read_number(many)? as usize,
        )),
        ["joins", rest @ ..] => Ok(Change::Join(groups(rest)?)),
        ["leaves", rest @ ..] => Ok(Change::Leave(groups(rest)?)),
        ["moves", shard, "to", group] => {
            let number = shard.strip_prefix("sh").and_then(|it| it.parse().ok());
            let shard = number.ok_or_else(|| format!("{shard:?} is not a shard, as sh3"))?;
            Ok(Change::Move(Shard(shard), group_of(group)?))
        }
        ["divides", "into", shards, how @ ..] => {
            let shards = shards.parse();
            let shards = shards.map_err(|_| "say into how many shards".to_owned())?;
            Ok(Change::Divide(shards, partitioner(how)?))
        }
        _ => Err("an operator joins, leaves, moves or divides".to_owned()),
    }
}

fn group_of(word: &str) -> Result<GroupId, String> {
    let number = word.strip_prefix('g').and_then(|it| it.parse().ok());
    number
        .map(GroupId)
        .ok_or_else(|| format!("{word:?} is not a group, as g1"))
}
