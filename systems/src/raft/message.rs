//! What nodes say to each other. Every message carries its sender's term.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::types::{Attempt, Entry, LogId, LogIndex, Round, Term};

/// "Would you vote for me in the term after this one?" (dissertation, 9.6)
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PreVote {
    /// The sender's current term; it asks about the next.
    pub term: Term,
    /// Where the sender's log ends.
    pub last: LogId,
    /// Which try of this term it is.
    pub attempt: Attempt,
}

/// The answer to [`PreVote`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PreVoteReply {
    /// The sender's current term.
    pub term: Term,
    /// The term of the question, so that an answer to an old one is not counted.
    pub asked_in: Term,
    /// Which pre-vote attempt it answers, for the same reason.
    pub attempt: Attempt,
    /// Whether it would.
    pub granted: bool,
}

/// A candidate asks for a vote (paper, 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestVote {
    /// The candidate's term.
    pub term: Term,
    /// Where the candidate's log ends.
    pub last: LogId,
    /// The leader itself asked for this election, so that voters who follow it
    /// must listen too (dissertation, 4.2.3).
    pub transfer: bool,
}

/// The answer to [`RequestVote`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestVoteReply {
    /// The voter's term.
    pub term: Term,
    /// Whether the vote was given.
    pub granted: bool,
}

/// The leader's entries; without any it is a heartbeat (paper, 5.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AppendEntries<C> {
    /// The leader's term.
    pub term: Term,
    /// The entry before the first of these.
    pub previous: LogId,
    /// The entries.
    pub entries: Vec<Entry<C>>,
    /// How far the leader knows entries to be committed.
    pub commit: LogIndex,
    /// The leader's newest round of proof that it leads (dissertation, 6.4).
    pub round: Round,
}

/// The answer to [`AppendEntries`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AppendEntriesReply {
    /// The follower's term.
    pub term: Term,
    /// The term of the message that is answered. A node that leads again in a later term
    /// must not take it for an answer to a message of that term: rounds and indices begin
    /// anew with each leadership.
    pub asked_in: Term,
    /// The round of the message that is answered.
    pub round: Round,
    /// What became of it.
    pub result: AppendResult,
}

/// What became of an [`AppendEntries`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AppendResult {
    /// The follower's log agrees with the leader's up to here: the last index
    /// that the message spoke of, wherever the follower's log ends.
    Matched(LogIndex),
    /// The follower lacks the entry before the first of these, or has another.
    Conflict {
        /// The index at which the leader took the logs to match.
        previous: LogIndex,
        /// What is there instead.
        found: Conflict,
    },
    /// The sender is no longer the leader; see the reply's term.
    StaleTerm,
}

/// What a follower has at an index that should match, so that the leader can
/// skip a whole term at once (paper, end of 5.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Conflict {
    /// The log ends before.
    TooShort {
        /// The last index that the follower has.
        last: LogIndex,
    },
    /// An entry of another term.
    OtherTerm {
        /// That term.
        term: Term,
        /// The first index that the follower has in that term.
        first: LogIndex,
    },
}

/// A piece of the leader's snapshot (paper, 7, figure 13).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InstallSnapshot {
    /// The leader's term.
    pub term: Term,
    /// The last entry that the snapshot covers; also names the snapshot.
    pub last: LogId,
    /// Where in the snapshot's bytes this piece begins.
    pub offset: usize,
    /// The piece.
    #[serde(with = "crate::bytes")]
    pub chunk: Arc<[u8]>,
    /// Whether it is the last piece.
    pub done: bool,
}

/// The answer to [`InstallSnapshot`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InstallSnapshotReply {
    /// The follower's term.
    pub term: Term,
    /// The term of the message that is answered.
    pub asked_in: Term,
    /// The snapshot that the answer is about.
    pub last: LogId,
    /// How much of it the follower has.
    pub received: Received,
}

/// How much of a snapshot a follower has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Received {
    /// Everything before this offset, not yet on disk.
    Bytes(usize),
    /// All that the snapshot covers is on the follower's disk.
    All,
}

/// The leader tells its chosen successor to stand for election at once (dissertation, 3.10).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeoutNow {
    /// The leader's term.
    pub term: Term,
}

/// Any of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message<C> {
    /// See [`PreVote`].
    PreVote(PreVote),
    /// See [`PreVoteReply`].
    PreVoteReply(PreVoteReply),
    /// See [`RequestVote`].
    RequestVote(RequestVote),
    /// See [`RequestVoteReply`].
    RequestVoteReply(RequestVoteReply),
    /// See [`AppendEntries`].
    AppendEntries(AppendEntries<C>),
    /// See [`AppendEntriesReply`].
    AppendEntriesReply(AppendEntriesReply),
    /// See [`InstallSnapshot`].
    InstallSnapshot(InstallSnapshot),
    /// See [`InstallSnapshotReply`].
    InstallSnapshotReply(InstallSnapshotReply),
    /// See [`TimeoutNow`].
    TimeoutNow(TimeoutNow),
}

impl<C> Message<C> {
    /// The sender's term when it was sent.
    #[must_use]
    pub fn term(&self) -> Term {
        match self {
            Self::PreVote(message) => message.term,
            Self::PreVoteReply(message) => message.term,
            Self::RequestVote(message) => message.term,
            Self::RequestVoteReply(message) => message.term,
            Self::AppendEntries(message) => message.term,
            Self::AppendEntriesReply(message) => message.term,
            Self::InstallSnapshot(message) => message.term,
            Self::InstallSnapshotReply(message) => message.term,
            Self::TimeoutNow(message) => message.term,
        }
    }

    /// Its name, as scenario files write it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PreVote(_) => "PreVote",
            Self::PreVoteReply(_) => "PreVoteReply",
            Self::RequestVote(_) => "RequestVote",
            Self::RequestVoteReply(_) => "RequestVoteReply",
            Self::AppendEntries(_) => "AppendEntries",
            Self::AppendEntriesReply(_) => "AppendEntriesReply",
            Self::InstallSnapshot(_) => "InstallSnapshot",
            Self::InstallSnapshotReply(_) => "InstallSnapshotReply",
            Self::TimeoutNow(_) => "TimeoutNow",
        }
    }
}

/// One line for a timeline, as in `AppendEntries t3 after i7@t2 +2 commit i5`.
impl<C> fmt::Display for Message<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.term())?;
        let verdict = |granted| if granted { "granted" } else { "refused" };
        match self {
            Self::PreVote(message) => write!(f, " last {}", message.last),
            Self::PreVoteReply(message) => write!(f, " {}", verdict(message.granted)),
            Self::RequestVote(message) if message.transfer => {
                write!(f, " last {} by transfer", message.last)
            }
            Self::RequestVote(message) => write!(f, " last {}", message.last),
            Self::RequestVoteReply(message) => write!(f, " {}", verdict(message.granted)),
            Self::AppendEntries(message) => write!(
                f,
                " after {} +{} commit {}",
                message.previous,
                message.entries.len(),
                message.commit
            ),
            Self::AppendEntriesReply(message) => write!(f, " {}", message.result),
            Self::InstallSnapshot(message) => write!(
                f,
                " {} bytes {}..{}{}",
                message.last,
                message.offset,
                message.offset + message.chunk.len(),
                if message.done { " done" } else { "" }
            ),
            Self::InstallSnapshotReply(message) => match message.received {
                Received::Bytes(bytes) => write!(f, " {} has {bytes} bytes", message.last),
                Received::All => write!(f, " {} has all", message.last),
            },
            Self::TimeoutNow(_) => Ok(()),
        }
    }
}

impl fmt::Display for AppendResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched(index) => write!(f, "matched {index}"),
            Self::Conflict {
                previous,
                found: Conflict::TooShort { last },
            } => write!(f, "conflict at {previous}, ends at {last}"),
            Self::Conflict {
                previous,
                found: Conflict::OtherTerm { term, first },
            } => write!(f, "conflict at {previous}, {term} from {first}"),
            Self::StaleTerm => write!(f, "stale term"),
        }
    }
}
