//! What came of a history: words and numbers, which no longer know the types
//! of the specification.

use std::time::Duration;

use serde::Serialize;
use snowglobe_checkers::history::jepsen::Tally;
use snowglobe_checkers::history::{ClientId, Format, Moment, OperationIndex};
use snowglobe_checkers::linearizability::{Ended, Explanation, Found};

use super::super::Failed;
use super::Object;

/// What a judge has to say.
pub(super) enum News {
    /// The verdict, to which there may be more to say: the last news has it all.
    Verdict(Outcome),
    /// This is all.
    Done(Result<Outcome, Failed>),
}

/// What came of a history, and how long that took.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) read_as: ReadAs,
    /// What there was; `None` if it was too much to be read to its end.
    pub(super) counts: Option<Counts>,
    pub(super) reading: Duration,
    pub(super) judging: Duration,
    pub(super) finding: Finding,
}

/// What a file was taken for.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadAs {
    pub(super) format: Format,
    pub(super) object: Object,
    /// Whether the file showed that, rather than the user.
    pub(super) was_found: bool,
    /// Whether the keys are in the values, as `[key value]`.
    pub(super) has_tuples: bool,
    /// Whether a missing key is taken for an empty text.
    pub(super) missing_is_empty: bool,
}

/// How much there was to judge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) operations: usize,
    pub(super) keys: usize,
    /// Operations without an answer.
    pub(super) pending: usize,
    /// What else was read.
    pub(super) tally: Tally,
}

#[derive(Clone, Debug)]
pub(super) enum Finding {
    Linearizable {
        /// If it was asked for.
        order: Option<Vec<Placed>>,
    },
    Illegal(Box<Wrong>),
    Inconclusive(Inconclusive),
}

/// An operation in the order that was found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Placed {
    pub(super) index: OperationIndex,
    pub(super) client: ClientId,
    /// In words; empty where nothing was said of keys.
    pub(super) key: String,
    pub(super) words: String,
}

/// A key that is illegal.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// In words; empty where nothing was said of keys.
    pub(super) key: String,
    /// How many it has.
    pub(super) operations: usize,
    pub(super) found: Found,
    /// One line, known without searching on.
    pub(super) reason: String,
    /// What the user may have forgotten to say.
    pub(super) hint: Option<String>,
    /// If it was asked for, and the budget was enough.
    pub(super) explanation: Option<Explanation>,
    /// If it was asked for, and the specification has reads and writes.
    pub(super) weakness: Option<Weak>,
}

/// What a history that is not linearizable still keeps.
#[derive(Clone, Debug)]
pub(super) struct Weak {
    pub(super) words: String,
    pub(super) data: serde_json::Value,
}

/// Why there is no verdict.
#[derive(Clone, Debug)]
pub(super) enum Inconclusive {
    /// The history alone passes the memory.
    TooLarge,
    /// There was no time at all.
    NotBegun,
    /// The budget ended in the search.
    Unknown {
        key: String,
        operations: usize,
        until: Moment,
        ended: Ended,
        nodes: u64,
    },
}
