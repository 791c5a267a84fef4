//! What the calls of a history were made to, as far as the history shows it.

/// An object that histories in files are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Read, write and compare-and-swap one value.
    Register,
    /// Get, put, append, delete and compare-and-swap texts.
    Store,
    /// Get a value with its version; put it if the version is right.
    Versioned,
    /// Enqueue and dequeue.
    Queue,
    /// Add, remove, ask for one value, and read all.
    Set,
    /// Add, and read the sum.
    Counter,
    /// Acquire and release.
    Mutex,
    /// Acquire with a growing token, and release.
    Lock,
}

/// Nothing that is known fits, or several things do: the sentence says what is in the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoSubject(pub String);

/// What a store was seen to show where it has nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Missing {
    /// An empty text was found.
    empty: bool,
    /// It was said of a key that it is missing.
    said: bool,
    /// Somebody put an empty text.
    put: bool,
}

impl Missing {
    /// A key was asked for, and this text was there.
    pub(super) fn is_found(&mut self, text: Option<&str>) {
        self.empty |= text == Some("");
        self.said |= text.is_none();
    }

    /// This text was put, if it is one.
    pub(super) fn is_put(&mut self, text: Option<&str>) {
        self.put |= text == Some("");
    }

    /// Whether missing keys are shown as empty texts: some are found that nobody put, and none is
    /// said to be missing.
    pub(super) const fn is_empty(self) -> bool {
        self.empty && !self.said && !self.put
    }
}
