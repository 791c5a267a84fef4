//! Understands the controller's own sentences.

use std::time::Duration;

use snowglobe_systems::shardctrler::{Command, GroupId, Number, Partitioner, Query, Shard};

use crate::shardctrler::object::Ask;
use crate::shardctrler::operators::{OF_ANOTHER, join};
use snowglobe::scenarios::story::Name;
use snowglobe::time::parse_duration;

/// One of the controller's own sentences.
#[derive(Clone, Debug)]
pub(in crate::shardctrler) enum Sentence {
    LeaderWithin(Duration),
    /// These lead, in their own eyes.
    Leads(Name),
    Begin,
    Rest(Duration),
    Call {
        user: usize,
        ask: Ask,
        /// How long it may take; nobody waits for it without.
        within: Option<Duration>,
    },
    Each(Each),
    LookAtAll(Duration),
    Waits {
        user: usize,
        length: Duration,
    },
    Served {
        user: usize,
        within: Duration,
    },
    /// What a user was told, or shown, last.
    Found {
        user: usize,
        what: Found,
    },
    Moved {
        since: Number,
        shards: usize,
        way: Way,
    },
    ServersAgree(Duration),
    /// On every server, or on none.
    HasSnapshot(bool),
}

/// Everybody lets groups of its own join, and then some of them leave.
#[derive(Clone, Copy, Debug)]
pub(in crate::shardctrler) struct Each {
    pub(super) join: usize,
    pub(super) leave: usize,
    /// Whether one call names them all.
    pub(super) at_once: bool,
    pub(super) within: Duration,
}

/// What a user found.
#[derive(Clone, Debug)]
pub(in crate::shardctrler) enum Found {
    Made(Number),
    ChangedNothing,
    Refused,
    Saw(Number),
    /// These groups, and no others.
    Groups(Vec<GroupId>),
    ManyGroups(usize),
    /// A group owns so many.
    Owns(GroupId, usize),
    Owner(Shard, GroupId),
    SameAs(usize),
    /// Exactly the groups that everybody let join and not leave.
    WhatUsersKept,
}

/// Where shards may have gone.
#[derive(Clone, Debug)]
pub(in crate::shardctrler) enum Way {
    Any,
    To(Vec<GroupId>),
    From(Vec<GroupId>),
}

impl Sentence {
    /// The users that it speaks of.
    pub(super) fn users(&self) -> impl Iterator<Item = usize> {
        let (user, other) = match self {
            Self::Found {
                user,
                what: Found::SameAs(other),
            } => (Some(*user), Some(*other)),
            Self::Call { user, .. }
            | Self::Waits { user, .. }
            | Self::Served { user, .. }
            | Self::Found { user, .. } => (Some(*user), None),
            _ => (None, None),
        };
        user.into_iter().chain(other)
    }

    /// Whether it waits for users to have no call under way: those that call
    /// what they like never come to that.
    pub(super) fn wants_users_at_rest(&self) -> bool {
        let all = matches!(self, Self::Each(_) | Self::LookAtAll(_));
        all || self.users().next().is_some()
    }

    /// How long it may take, or must be so.
    pub(super) fn length(&self) -> Duration {
        match self {
            Self::LeaderWithin(length)
            | Self::Rest(length)
            | Self::Call {
                within: Some(length),
                ..
            }
            | Self::Each(Each { within: length, .. })
            | Self::LookAtAll(length)
            | Self::Waits { length, .. }
            | Self::Served { within: length, .. }
            | Self::ServersAgree(length) => *length,
            Self::Leads(_)
            | Self::Begin
            | Self::Call { within: None, .. }
            | Self::Found { .. }
            | Self::Moved { .. }
            | Self::HasSnapshot(_) => Duration::ZERO,
        }
    }
}

pub(super) fn understand(words: &[&str]) -> Result<Sentence, String> {
    match words {
        ["leader", "within", length] => Ok(Sentence::LeaderWithin(time(length)?)),
        [who, "leads"] => Ok(Sentence::Leads(name(who)?)),
        ["users", "begin"] => Ok(Sentence::Begin),
        ["users", "rest", "within", length] => Ok(Sentence::Rest(time(length)?)),
        ["users", "look", "at", "all", "numbers", "within", length] => {
            Ok(Sentence::LookAtAll(time(length)?))
        }
        ["users", "each", rest @ .., "within", length] => each(rest, time(length)?),
        ["since", since, shards, "shards", "moved", way @ ..] => Ok(Sentence::Moved {
            since: version(since)?,
            shards: number(shards)? as usize,
            way: match way {
                [] => Way::Any,
                ["to", to @ ..] => Way::To(groups(to)?),
                ["from", from @ ..] => Way::From(groups(from)?),
                _ => return Err("where shards went is not understood".to_owned()),
            },
        }),
        ["servers", "agree", "within", length] => Ok(Sentence::ServersAgree(time(length)?)),
        ["every", "server", "has", "a", "snapshot"] => Ok(Sentence::HasSnapshot(true)),
        ["no", "server", "has", "a", "snapshot"] => Ok(Sentence::HasSnapshot(false)),
        [who, rest @ ..] => match user(who) {
            Ok(user) => of_user(user, rest),
            Err(_) => Err("this sentence is not known to shardctrler".to_owned()),
        },
        [] => Err("an empty sentence".to_owned()),
    }
}

fn each(words: &[&str], within: Duration) -> Result<Sentence, String> {
    let (join, leave, at_once) = match words {
        ["join", join] => (join, &"0", false),
        ["join", join, "at", "once"] => (join, &"0", true),
        ["join", join, "and", "leave", leave] => (join, leave, false),
        [
            "join",
            join,
            "at",
            "once",
            "and",
            "leave",
            leave,
            "at",
            "once",
        ] => (join, leave, true),
        _ => return Err("what everybody does is not understood".to_owned()),
    };
    let (join, leave) = (number(join)? as usize, number(leave)? as usize);
    match (1..=MOST_OWN).contains(&join) && leave <= join {
        true => Ok(Sentence::Each(Each {
            join,
            leave,
            at_once,
            within,
        })),
        false => Err(format!(
            "each joins 1 to {MOST_OWN} groups, and lets no more leave"
        )),
    }
}

fn of_user(user: usize, words: &[&str]) -> Result<Sentence, String> {
    let found = |what| Ok(Sentence::Found { user, what });
    match words {
        ["waits", "for", length] => Ok(Sentence::Waits {
            user,
            length: time(length)?,
        }),
        ["is", "served", "within", length] => Ok(Sentence::Served {
            user,
            within: time(length)?,
        }),
        ["made", number] => found(Found::Made(version(number)?)),
        ["changed", "nothing"] => found(Found::ChangedNothing),
        ["was", "refused"] => found(Found::Refused),
        ["saw", rest @ ..] => found(saw(rest)?),
        ["begins", "to", verb, rest @ ..] => Ok(Sentence::Call {
            user,
            ask: call(verb, rest)?,
            within: None,
        }),
        [verb, rest @ .., "within", length] => Ok(Sentence::Call {
            user,
            ask: call(verb.strip_suffix('s').unwrap_or(verb), rest)?,
            within: Some(time(length)?),
        }),
        _ => Err(format!("what u{user} does is not understood")),
    }
}

fn saw(words: &[&str]) -> Result<Found, String> {
    Ok(match words {
        ["no", "groups"] => Found::Groups(Vec::new()),
        ["groups", names @ ..] => Found::Groups(groups(names)?),
        [many, "groups"] => Found::ManyGroups(number(many)? as usize),
        [owner, "own", shards] => Found::Owns(group(owner)?, number(shards)? as usize),
        [which, "at", owner] => Found::Owner(shard(which)?, group(owner)?),
        ["what", "users", "kept"] => Found::WhatUsersKept,
        ["what", other, "saw"] => Found::SameAs(user(other)?),
        [seen] => Found::Saw(version(seen)?),
        _ => return Err("what was seen is not understood".to_owned()),
    })
}

fn call(verb: &str, words: &[&str]) -> Result<Ask, String> {
    Ok(match (verb, words) {
        ("join", [names @ .., "anew"]) => Ask::Change(join(groups(names)?, 1)),
        ("join", [names @ .., "as", "next"]) => Ask::Change(join(groups(names)?, OF_ANOTHER)),
        ("join", names) => Ask::Change(join(groups(names)?, 0)),
        ("leave", names) => Ask::Change(Command::Leave {
            groups: groups(names)?.into_iter().collect(),
        }),
        ("move", [which, "to", to]) => Ask::Change(Command::Move {
            shard: shard(which)?,
            to: group(to)?,
        }),
        ("divide", ["into", shards, how @ ..]) => Ask::Change(Command::Divide {
            shards: numbered(shards, "")?,
            partitioner: partitioner(how)?,
        }),
        ("look", []) => Ask::Look(Query::NEWEST),
        ("look", ["at", seen]) => Ask::Look(Query::of(version(seen)?)),
        _ => return Err("what is called is not understood".to_owned()),
    })
}

fn groups(words: &[&str]) -> Result<Vec<GroupId>, String> {
    match words {
        [] => Err("which groups?".to_owned()),
        words => words.iter().map(|word| group(word)).collect(),
    }
}

fn group(word: &str) -> Result<GroupId, String> {
    numbered(word, "g").map(GroupId)
}

fn shard(word: &str) -> Result<Shard, String> {
    numbered(word, "sh").map(Shard)
}

fn version(word: &str) -> Result<Number, String> {
    numbered(word, "v").map(Number)
}

fn user(word: &str) -> Result<usize, String> {
    numbered(word, "u")
}

/// A number behind a sign, as in `g2`.
/// How keys are divided: nothing is said of the usual way.
pub(crate) fn partitioner(words: &[&str]) -> Result<Partitioner, String> {
    match words {
        [] => Ok(Partitioner::Hash),
        ["by", "first", "byte"] => Ok(Partitioner::FirstByte),
        _ => Err("keys are divided by their hash, or `by first byte`".to_owned()),
    }
}

fn numbered<N: std::str::FromStr>(word: &str, sign: &str) -> Result<N, String> {
    let number = word.strip_prefix(sign).map(str::parse);
    match number {
        Some(Ok(number)) => Ok(number),
        _ => Err(format!("{word:?} is not a number; write it as {sign}2")),
    }
}

fn name(word: &str) -> Result<Name, String> {
    Name::read(word).ok_or_else(|| format!("{word:?} is not a name; write it as $leader"))?
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|why| why.to_string())
}

/// So many groups of its own a user may have, over the whole story.
pub(super) const MOST_OWN: usize = 99;
/// No story needs more of anything.
const MOST: u64 = 1_000_000;

fn number(text: &str) -> Result<u64, String> {
    match numbered(text, "")? {
        number @ 0..=MOST => Ok(number),
        _ => Err(format!("{text} is too many; {MOST} is the most")),
    }
}
