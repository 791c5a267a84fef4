//! What is wrong with a file, and where.

use std::io;

/// A place in a file that no reader could make sense of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct Malformed {
    /// The line, counted from 1.
    pub line: u64,
    /// The byte in that line, counted from 1: a letter outside ASCII counts for
    /// as many columns as it has bytes. What is wrong begins there, or ends there
    /// if it could only be judged when it was read; 1 where it is the line as a whole.
    pub column: u64,
    /// What is wrong, and what to do about it.
    pub why: String,
}

/// Why a history could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes could not be had.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// They could, and are no history.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What is wrong within a line, found by somebody who does not know its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// As in [`Malformed`].
    pub column: u64,
    /// As in [`Malformed`].
    pub why: String,
}

impl Flaw {
    pub(super) fn new(column: u64, why: impl Into<String>) -> Self {
        Self {
            column: column.max(1),
            why: why.into(),
        }
    }

    /// The line as a whole is wrong.
    pub(super) fn of_line(why: impl Into<String>) -> Self {
        Self::new(1, why)
    }

    /// Now the line is known too.
    pub(super) fn on(self, line: u64) -> Malformed {
        Malformed {
            line,
            column: self.column,
            why: self.why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_comes_before_the_reason() {
        let malformed = Flaw::new(17, "a call without a client").on(3);
        assert_eq!(
            malformed.to_string(),
            "line 3, column 17: a call without a client"
        );
        assert_eq!(
            ReadError::from(malformed.clone()).to_string(),
            malformed.to_string()
        );
    }
}
