//! Understands Raft's own sentences.

use std::time::Duration;

use snowglobe::scenarios::story::{Name, read_name, read_time};

/// One of Raft's own sentences.
#[derive(Clone, Debug)]
pub(in crate::raft) enum Sentence {
    LeaderWithin(Duration),
    NoLeader(Duration),
    LeaderStays(Duration),
    VoteWithin(Duration),
    Propose {
        values: u64,
        bytes: usize,
        at: Name,
    },
    Agree {
        values: u64,
        bytes: usize,
        at_once: bool,
        /// How many nodes must have applied each; all that the leader reaches without a number.
        by: Option<usize>,
        exactly: bool,
        within: Duration,
    },
    Read(Duration),
    ReadAt {
        times: u64,
        at: Name,
    },
    NothingCommits(Duration),
    AllAgree(Duration),
    LogHolds(usize),
    DiskHolds(usize),
    HasSnapshot,
}

impl Sentence {
    /// How long it may take, or must be so.
    pub(super) fn length(&self) -> Duration {
        match self {
            Self::LeaderWithin(length)
            | Self::NoLeader(length)
            | Self::LeaderStays(length)
            | Self::VoteWithin(length)
            | Self::Agree { within: length, .. }
            | Self::Read(length)
            | Self::NothingCommits(length)
            | Self::AllAgree(length) => *length,
            Self::Propose { .. }
            | Self::ReadAt { .. }
            | Self::LogHolds(_)
            | Self::DiskHolds(_)
            | Self::HasSnapshot => Duration::ZERO,
        }
    }
}

pub(super) fn understand(words: &[&str]) -> Result<Sentence, String> {
    match words {
        ["leader", "within", length] => Ok(Sentence::LeaderWithin(read_time(length)?)),
        ["no", "leader"] => Ok(Sentence::NoLeader(Duration::ZERO)),
        ["no", "leader", "for", length] => Ok(Sentence::NoLeader(read_time(length)?)),
        ["leader", "stays", "for", length] => Ok(Sentence::LeaderStays(read_time(length)?)),
        ["a", "vote", "within", length] => Ok(Sentence::VoteWithin(read_time(length)?)),
        ["nothing", "commits", "for", length] => Ok(Sentence::NothingCommits(read_time(length)?)),
        ["all", "agree", "within", length] => Ok(Sentence::AllAgree(read_time(length)?)),
        ["read", "within", length] => Ok(Sentence::Read(read_time(length)?)),
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
            at: read_name(at)?,
        }),
        ["read", times, "at", at] => Ok(Sentence::ReadAt {
            times: number(times)? as u64,
            at: read_name(at)?,
        }),
        ["agree", rest @ .., "within", length] => agreement(rest, read_time(length)?),
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
        [rest @ .., "by", by] => (Some(number(by)?), rest),
        rest => (None, rest),
    };
    let (at_once, rest) = match rest {
        [rest @ .., "at", "once"] => (true, rest),
        rest => (false, rest),
    };
    if exactly && at_once {
        return Err("values that are proposed at once have no exact order".to_owned());
    }
    Ok(Sentence::Agree {
        values: number(values)? as u64,
        bytes: bytes_in(rest)?,
        at_once,
        by,
        exactly,
        within,
    })
}

fn bytes_in(words: &[&str]) -> Result<usize, String> {
    match words {
        [] => Ok(0),
        ["of", bytes, "bytes"] => number(bytes),
        _ => Err(format!("{:?} is not understood", words.join(" "))),
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number"))
}
