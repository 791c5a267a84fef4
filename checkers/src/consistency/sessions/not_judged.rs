//! Keys whose versions cannot be told apart, and why.

use serde::Serialize;

/// A key that nothing is said about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotJudged<Key> {
    /// The key.
    pub key: Key,
    /// Why its versions, or their order, are not known.
    pub why: Why,
}

/// Why the versions of a key, or their order, are not known. Values and
/// operations are given in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Values are written as a whole, and texts appended too.
    #[error("it is both appended to and written as a whole")]
    Mixed,
    /// A value was seen that more than one write may have left. The first value
    /// counts as written.
    #[error("{value} was seen, and more than one operation may have left it")]
    WrittenTwice {
        /// The value, or the appended text.
        value: String,
    },
    /// A value was seen that nothing can have left.
    #[error("{value} was seen, and no operation can have left it")]
    FromNowhere {
        /// The value.
        value: String,
    },
    /// An answer belongs to another question.
    #[error("the answer of {operation} belongs to another question")]
    Mismatched {
        /// The operation.
        operation: String,
    },
    /// Two texts were read that no one order of appends can both have made.
    #[error("{one} and {other} were both read, and neither begins with the other")]
    Forked {
        /// The one text.
        one: String,
        /// The other.
        other: String,
    },
    /// A text can be cut into the appended ones in several ways.
    #[error("{text} can be cut into what was appended in more than one way")]
    Ambiguous {
        /// The text.
        text: String,
    },
    /// A text contains more often than it was appended what was appended once.
    #[error("{piece} was appended once and is in {text} more than once")]
    Repeated {
        /// What was appended.
        piece: String,
        /// The text.
        text: String,
    },
    /// The swaps alone put the versions in a circle.
    #[error("its swaps alone contradict each other")]
    Circular,
}

impl Why {
    /// Whether it says more than that something is not known: that no one order
    /// of the operations of this key gives everybody the answer that it got.
    /// Then the history is not sequentially consistent either.
    #[must_use]
    pub const fn refutes_every_order(&self) -> bool {
        match self {
            Self::Mixed | Self::WrittenTwice { .. } | Self::Ambiguous { .. } => false,
            Self::FromNowhere { .. }
            | Self::Mismatched { .. }
            | Self::Forked { .. }
            | Self::Repeated { .. }
            | Self::Circular => true,
        }
    }
}
