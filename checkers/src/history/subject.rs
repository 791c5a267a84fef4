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
