//! One number for the states of all nodes, so that two engines can be held against each other.

use std::fmt;
use std::str::FromStr;

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::ClusterView;
use snowglobe_systems::process::{NodeId, Process};
use thiserror::Error;

/// The digest of what all nodes are and have on their disks; prints as `0x` and
/// 16 hexadecimal digits.
///
/// What is under way, which timers are armed, and what clients were told is not
/// in it: an engine may keep those as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatesDigest(pub u64);

impl StatesDigest {
    /// The digest of a cluster as it stands.
    #[must_use]
    pub fn of<P: Process>(cluster: &impl ClusterView<P>) -> Self {
        let mut digest = Digest::new();
        for place in 0..cluster.len() {
            let node = cluster.node(NodeId::at(place));
            digest.word(Digest::of(&(node.process, node.durable)));
        }
        Self(digest.value())
    }
}

impl fmt::Display for StatesDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x}", self.0)
    }
}

/// A text that is not the digest of states.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a digest of states: give `0x` and 16 hexadecimal digits")]
pub struct NotADigest(String);

impl FromStr for StatesDigest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        text.strip_prefix("0x")
            .filter(|digits| digits.len() == 16 && digits.bytes().all(|it| it.is_ascii_hexdigit()))
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .map(Self)
            .ok_or_else(|| NotADigest(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        for digest in [
            StatesDigest(0),
            StatesDigest(0xfeed),
            StatesDigest(u64::MAX),
        ] {
            assert_eq!(digest.to_string().parse(), Ok(digest));
        }
        for text in [
            "",
            "0x12",
            "feed",
            "0x+00000000000000f",
            "0x00000000000000000",
        ] {
            assert!(text.parse::<StatesDigest>().is_err(), "{text:?}");
        }
    }
}
