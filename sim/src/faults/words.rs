//! The words of a fault.
//!
//! ```text
//! 1.20s..9.40s partition n1 n2 | n3 n4 n5 a layer with an end, which takes away what it brought
//! 1.20s partition n1 n2 | n3 n4 n5        any number of groups; nodes that are not named form one more
//! 1.20s partition n1 n2 n5 | n3 n4 n5     who is in several groups reaches all of them
//! 1.20s partition n1 | n2 holding         what cannot pass waits until it can; also for bridge, ring, cut
//! 2.00s bridge n1 n2 - n3 - n4 n5         both sides reach n3, and neither reaches the other
//! 2.00s ring n1 n2 n3 n4 n5               each reaches its two neighbours
//! 2.00s cut n1 -> n2                      one way; also `cut n1 n2 -> n3`, `cut n1` (all its links) and `cut all`
//! 2.50s join n1 -> n2                     the opposite of cut
//! 3.10s heal                              no cuts and shapes any more; qualities stay
//! 2.00s link n1 -> n2 latency 20ms..200ms loss 10% duplicate 5% reorder 20%
//! 2.00s links loss 10%                    all links; also `links of n1 n2 …` and `links n1 n2 -> n3 n4 …`
//! 2.00s links loss 100% over 300 bytes    only large messages
//! 2.00s links corrupt 1%                  a bit flips, and the checksum of the frame catches it
//! 2.00s links corrupt 1% unchecked        the receiver sees it
//! 2.00s links hold 1% for 500ms..30s      single messages come that much later
//! 2.00s links repeat 1% after 1s..2m      up to three more copies come that much later
//! 3.00s link n1 -> n2 restored            also `links restored` and `links of n1 restored`
//! 2.00s crash n3 losing unsynced          or `keeping`, or `tearing`; also `crash n1 n2 …` and `crash all …`
//! 2.00s crash n3 leaving unsynced         the process dies and its machine does not: still readable, still unsynced
//! 2.00s crash n3 losing unsynced after 2 effects
//! 2.50s restart n3                        also `restart all`
//! 2.00s pause n2                          until `resume n2`
//! 2.00s slow n2 by 5ms..50ms              after each step; `by 0ms` ends it
//! 2.00s clock n2 runs at 110%
//! 2.00s clock n2 jumps 5s
//! 2.00s disk n2 syncs in 50ms..80ms       also `fails`, `drops-sync`, `full`, `unreadable`, `heals`,
//!                                         `rots`, `bad-sector`, `lost-write`, `misdirected-write`
//! ```
//!
//! What is printed is read back as the same fault. Durations are exact, and a
//! single duration stands where a range does if there is no choice. Wherever a
//! node stands behind crash, restart, pause, resume, slow, clock or disk,
//! several may stand, or `all`, or `leader`: whoever leads when it begins. So may
//! they behind `cut` and `links of`.

use std::fmt::{self, Display};
use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::process::NodeId;
use thiserror::Error;

use super::{
    Corruption, CrashMoment, DiskFault, Fault, Incident, Late, Links, Loss, Nodes, QualityChange,
    Shape,
};
use crate::time::format_duration;

/// Why a text is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FaultError {
    /// A word is not what can stand in its place.
    #[error("in the fault `{text}`, `{found}` is not understood: {expected} is expected here")]
    Word {
        /// The whole text.
        text: String,
        /// The word.
        found: String,
        /// What would be understood.
        expected: String,
    },
    /// The text ends where something must follow.
    #[error("the fault `{text}` ends too early: {expected} is expected next")]
    Short {
        /// The whole text.
        text: String,
        /// What would be understood.
        expected: String,
    },
    /// Each word is understood, and together they make no sense.
    #[error("the fault `{text}` makes no sense: {why}")]
    Senseless {
        /// The whole text.
        text: String,
        /// Why not.
        why: String,
    },
}

impl Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.in_words();
        match self.until {
            None => write!(f, "{at} {}", self.fault),
            Some(until) => write!(f, "{at}..{} {}", until.in_words(), self.fault),
        }
    }
}

impl From<Incident> for String {
    fn from(incident: Incident) -> Self {
        incident.to_string()
    }
}

impl TryFrom<String> for Incident {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Self, FaultError> {
        text.parse()
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holding = |holds: &bool| if *holds { " holding" } else { "" };
        match self {
            Self::Shape { shape, holds } => write!(f, "{shape}{}", holding(holds)),
            Self::Cut { links, holds } => write!(f, "cut {}{}", Ends(links), holding(holds)),
            Self::Join(links) => write!(f, "join {}", Ends(links)),
            Self::Heal => f.write_str("heal"),
            Self::Degrade { links, change } => write!(f, "{links}{change}"),
            Self::Restore(links) => write!(f, "{links} restored"),
            Self::Crash {
                nodes,
                mode,
                moment,
            } => {
                write!(f, "crash {nodes} {mode} unsynced")?;
                match moment {
                    CrashMoment::AtOnce => Ok(()),
                    CrashMoment::AfterEffects(effects) => write!(f, " after {effects} effects"),
                }
            }
            Self::Restart(nodes) => write!(f, "restart {nodes}"),
            Self::Pause(nodes) => write!(f, "pause {nodes}"),
            Self::Resume(nodes) => write!(f, "resume {nodes}"),
            Self::Slow { nodes, by } => write!(f, "slow {nodes} by {}", range(by)),
            Self::Clock { nodes, rate } => write!(f, "clock {nodes} runs at {rate}"),
            Self::Jump { nodes, by } => write!(f, "clock {nodes} jumps {}", format_duration(*by)),
            Self::Disk { nodes, fault } => write!(f, "disk {nodes} {fault}"),
        }
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Groups(groups) => {
                let groups: Vec<String> = groups.iter().map(|group| list(group)).collect();
                write!(f, "partition {}", groups.join(" | "))
            }
            Self::Bridge {
                left,
                bridge,
                right,
            } => write!(f, "bridge {} - {bridge} - {}", list(left), list(right)),
            Self::Ring(nodes) => write!(f, "ring {}", list(nodes)),
        }
    }
}

fn list(nodes: &[NodeId]) -> String {
    let words: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
    words.join(" ")
}

/// Links as they stand after `cut` and `join`.
struct Ends<'a>(&'a Links);

impl Display for Ends<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Links::OneWay { from, to } => write!(f, "{} -> {}", list(from), list(to)),
            Links::Of(nodes) => f.write_str(&list(nodes)),
            Links::All => f.write_str("all"),
            Links::OfLeader => f.write_str("leader"),
        }
    }
}

impl Display for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneWay { from, to } => {
                let word = match (&from[..], &to[..]) {
                    ([_], [_]) => "link",
                    _ => "links",
                };
                write!(f, "{word} {}", Ends(self))
            }
            Self::Of(_) | Self::OfLeader => write!(f, "links of {}", Ends(self)),
            Self::All => f.write_str("links"),
        }
    }
}

impl Display for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Some(nodes) => f.write_str(&list(nodes)),
            Self::All => f.write_str("all"),
            Self::Leader => f.write_str("leader"),
        }
    }
}

impl Display for QualityChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(latency) = &self.latency {
            write!(f, " latency {}", range(latency))?;
        }
        if let Some(Loss { share, over }) = self.loss {
            write!(f, " loss {share}")?;
            if let Some(bytes) = over {
                write!(f, " over {bytes} bytes")?;
            }
        }
        let shares = [("duplicate", self.duplicate), ("reorder", self.reorder)];
        for (word, share) in shares {
            if let Some(share) = share {
                write!(f, " {word} {share}")?;
            }
        }
        if let Some(Corruption { share, unchecked }) = self.corrupt {
            let unchecked = if unchecked { " unchecked" } else { "" };
            write!(f, " corrupt {share}{unchecked}")?;
        }
        if let Some(Late { share, by }) = &self.hold {
            write!(f, " hold {share} for {}", range(by))?;
        }
        if let Some(Late { share, by }) = &self.repeat {
            write!(f, " repeat {share} after {}", range(by))?;
        }
        Ok(())
    }
}

impl Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SyncsIn(time) => return write!(f, "syncs in {}", range(time)),
            Self::Fails => "fails",
            Self::DropsSync => "drops-sync",
            Self::Full => "full",
            Self::Unreadable => "unreadable",
            Self::Damaged(damage) => damage.word(),
            Self::Heals => "heals",
        })
    }
}

fn range(range: &Range<Duration>) -> String {
    let (start, end) = (format_duration(range.start), format_duration(range.end));
    if range.start == range.end {
        start
    } else {
        format!("{start}..{end}")
    }
}

#[cfg(test)]
mod tests;
