//! Understands the key/value service's own sentences.

use std::time::Duration;

use crate::users::{ToldUsers, UserSentence};
use snowglobe::scenarios::story::{Name, read_name, read_number, read_time};

/// One of the service's sentences.
#[derive(Clone, Debug)]
pub(in crate::kv) enum Sentence {
    LeaderWithin(Duration),
    /// One that any service of texts has.
    OfUsers(UserSentence),
    Submit {
        times: u64,
        at: Name,
    },
    /// These lead, in their own eyes.
    Leads(Name),
    SubmissionsFail(Duration),
    SubmissionsWait(Duration),
    NoSubmissionApplied,
    ServersAgree(Duration),
    RaftStateHolds(usize),
    SnapshotHolds(usize),
    /// On every server, or on none.
    HasSnapshot(bool),
}

impl Sentence {
    /// How long it may take, or must be so. Users look after their own time.
    pub(super) fn length(&self) -> Duration {
        match self {
            Self::LeaderWithin(length)
            | Self::SubmissionsFail(length)
            | Self::SubmissionsWait(length)
            | Self::ServersAgree(length) => *length,
            Self::OfUsers(_)
            | Self::Submit { .. }
            | Self::Leads(_)
            | Self::NoSubmissionApplied
            | Self::RaftStateHolds(_)
            | Self::SnapshotHolds(_)
            | Self::HasSnapshot(_) => Duration::ZERO,
        }
    }
}

pub(super) fn understand(words: &[&str], users: &ToldUsers) -> Result<Sentence, String> {
    match words {
        ["leader", "within", length] => Ok(Sentence::LeaderWithin(read_time(length)?)),
        [who, "leads"] => Ok(Sentence::Leads(read_name(who)?)),
        ["submit", times, "at", at] => Ok(Sentence::Submit {
            times: read_number(times)?,
            at: read_name(at)?,
        }),
        ["submissions", "wait", "for", length] => Ok(Sentence::SubmissionsWait(read_time(length)?)),
        ["submissions", "fail", "within", length] => {
            Ok(Sentence::SubmissionsFail(read_time(length)?))
        }
        ["no", "submission", "is", "applied"] => Ok(Sentence::NoSubmissionApplied),
        ["servers", "agree", "within", length] => Ok(Sentence::ServersAgree(read_time(length)?)),
        [
            "every",
            "raft",
            "state",
            "holds",
            "at",
            "most",
            most,
            "bytes",
        ] => Ok(Sentence::RaftStateHolds(read_number(most)? as usize)),
        ["every", "snapshot", "holds", "at", "most", most, "bytes"] => {
            Ok(Sentence::SnapshotHolds(read_number(most)? as usize))
        }
        ["every", "server", "has", "a", "snapshot"] => Ok(Sentence::HasSnapshot(true)),
        ["no", "server", "has", "a", "snapshot"] => Ok(Sentence::HasSnapshot(false)),
        words => match users.understand(words) {
            Some(sentence) => sentence.map(Sentence::OfUsers),
            None => Err("this sentence is not known to kv".to_owned()),
        },
    }
}
