//! The four session guarantees, and what each of them asks of the order.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::versions::{Deed, Versions};

/// What a client may rely on within its own session.
///
/// After Terry, Demers, Petersen, Spreitzer, Theimer and Welch, "Session
/// Guarantees for Weakly Consistent Replicated Data" (1994).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guarantee {
    /// Who wrote a version sees that one or a later one.
    ReadYourWrites,
    /// Who saw a version sees that one or a later one.
    MonotonicReads,
    /// Who wrote twice wrote the earlier version first.
    MonotonicWrites,
    /// Who saw a version and then wrote, wrote a later one.
    WritesFollowReads,
    /// All four at once, in one order: each of them may have its own otherwise.
    /// Then each key, looked at alone, is sequentially consistent, as far as
    /// precedence can tell.
    Together,
}

impl Guarantee {
    /// The four of the paper.
    pub const FOUR: [Self; 4] = [
        Self::ReadYourWrites,
        Self::MonotonicReads,
        Self::MonotonicWrites,
        Self::WritesFollowReads,
    ];

    /// Whether an earlier event binds what comes later in its session.
    pub(super) const fn binds(self, deed: Deed) -> bool {
        match self {
            Self::ReadYourWrites | Self::MonotonicWrites => matches!(deed, Deed::Wrote),
            Self::MonotonicReads | Self::WritesFollowReads => matches!(deed, Deed::Saw),
            Self::Together => true,
        }
    }

    /// Whether a later event is bound by what came earlier in its session.
    pub(super) const fn is_bound(self, deed: Deed) -> bool {
        match self {
            Self::ReadYourWrites | Self::MonotonicReads => matches!(deed, Deed::Saw),
            Self::MonotonicWrites | Self::WritesFollowReads => matches!(deed, Deed::Wrote),
            Self::Together => true,
        }
    }

    /// Whether what was seen must be older than what is written then, and not
    /// merely as old.
    const fn writes_after_reads(self) -> bool {
        matches!(self, Self::WritesFollowReads | Self::Together)
    }

    /// Where a client saw a version and wrote it afterwards, if this guarantee
    /// forbids that: the session, and the places of the two events in it.
    pub(super) fn seen_before_written<Value>(
        self,
        versions: &Versions<Value>,
    ) -> Option<(usize, usize, usize)> {
        if !self.writes_after_reads() {
            return None;
        }
        for (line, session) in versions.sessions.iter().enumerate() {
            let mut seen = BTreeMap::<usize, usize>::new();
            for (place, event) in session.iter().enumerate() {
                match (event.deed, seen.get(&event.version)) {
                    (Deed::Saw, None) => {
                        seen.insert(event.version, place);
                    }
                    (Deed::Wrote, Some(earlier)) => return Some((line, *earlier, place)),
                    _ => {}
                }
            }
        }
        None
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadYourWrites => "read your writes",
            Self::MonotonicReads => "monotonic reads",
            Self::MonotonicWrites => "monotonic writes",
            Self::WritesFollowReads => "writes follow reads",
            Self::Together => "all four session guarantees together",
        })
    }
}
