//! The words of a fault.
//!
//! ```text
//! 1.20s partition n1 n2 | n3 n4 n5        any number of groups; nodes that are not named form one more
//! 1.20s partition n1 n2 n5 | n3 n4 n5     who is in several groups reaches all of them
//! 2.00s bridge n1 n2 - n3 - n4 n5         both sides reach n3, and neither reaches the other
//! 2.00s ring n1 n2 n3 n4 n5               each reaches its two neighbours
//! 2.00s cut n1 -> n2                      one way; also `cut n1` (all its links) and `cut all`
//! 2.50s join n1 -> n2                     the opposite of cut
//! 3.10s heal                              no cuts and shapes any more; qualities stay
//! 2.00s link n1 -> n2 latency 20ms..200ms loss 10% duplicate 5% reorder 20%
//! 2.00s links loss 10%                    all links, and any of the qualities; also `links of n1 loss 10%`
//! 3.00s link n1 -> n2 restored            also `links restored` and `links of n1 restored`
//! 2.00s crash n3 losing unsynced          or `keeping`, or `tearing`; also `crash all losing unsynced`
//! 2.00s crash n3 leaving unsynced         the process dies and its machine does not: still readable, still unsynced
//! 2.00s crash n3 losing unsynced after 2 effects
//! 2.50s restart n3                        also `restart all`
//! 2.00s pause n2                          until `resume n2`
//! 2.00s clock n2 runs at 110%
//! 2.00s disk n2 syncs in 50ms..80ms       also `fails`, `full`, `rots`, `heals`
//! ```
//!
//! What is printed is read back as the same fault. Durations are exact, and a
//! single duration stands where a range does if there is no choice.

use std::fmt::{self, Display};
use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::process::NodeId;
use thiserror::Error;

use super::{CrashMoment, DiskFault, Fault, Links, Nodes, QualityChange, Shape, TimedFault};
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

impl Display for TimedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at.in_words(), self.fault)
    }
}

impl From<TimedFault> for String {
    fn from(fault: TimedFault) -> Self {
        fault.to_string()
    }
}

impl TryFrom<String> for TimedFault {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Self, FaultError> {
        text.parse()
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(shape) => shape.fmt(f),
            Self::Cut(links) => write!(f, "cut {}", Ends(*links)),
            Self::Join(links) => write!(f, "join {}", Ends(*links)),
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
            Self::Pause(node) => write!(f, "pause {node}"),
            Self::Resume(node) => write!(f, "resume {node}"),
            Self::Clock { node, rate } => write!(f, "clock {node} runs at {rate}"),
            Self::Disk { node, fault } => write!(f, "disk {node} {fault}"),
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
struct Ends(Links);

impl Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Links::One { from, to } => write!(f, "{from} -> {to}"),
            Links::Of(id) => id.fmt(f),
            Links::All => f.write_str("all"),
        }
    }
}

impl Display for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One { from, to } => write!(f, "link {from} -> {to}"),
            Self::Of(id) => write!(f, "links of {id}"),
            Self::All => f.write_str("links"),
        }
    }
}

impl Display for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(id) => id.fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}

impl Display for QualityChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(latency) = &self.latency {
            write!(f, " latency {}", range(latency))?;
        }
        let shares = [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
        ];
        for (word, share) in shares {
            if let Some(share) = share {
                write!(f, " {word} {share}")?;
            }
        }
        Ok(())
    }
}

impl Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SyncsIn(time) => write!(f, "syncs in {}", range(time)),
            Self::Fails => f.write_str("fails"),
            Self::Full => f.write_str("full"),
            Self::Rots => f.write_str("rots"),
            Self::Heals => f.write_str("heals"),
        }
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
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::draw::PerMillion;
    use crate::time::SimTime;
    use crate::world::disk::CrashMode;

    const LINES: [&str; 27] = [
        "1.20s partition n1 n2 | n3 n4 n5",
        "1.20s partition n1",
        "2.00s bridge n1 n2 - n3 - n4 n5",
        "2.00s ring n1 n2 n3 n4 n5",
        "2.00s cut n1 -> n2",
        "2.00s cut n1",
        "2.00s cut all",
        "2.00s join n1 -> n2",
        "3.125s heal",
        "2.00s link n1 -> n2 latency 20ms..200ms loss 10% duplicate 5% reorder 20%",
        "2.00s links latency 5ms",
        "2.00s links of n3 loss 0.5%",
        "3.00s link n1 -> n2 restored",
        "3.00s links restored",
        "2.00s crash n3 losing unsynced",
        "2.00s crash n3 keeping unsynced after 2 effects",
        "2.00s crash all tearing unsynced",
        "2.00s crash n3 leaving unsynced",
        "2.50s restart n3",
        "2.50s restart all",
        "2.00s pause n2",
        "2.40s resume n2",
        "2.00s clock n2 runs at 110%",
        "2.00s disk n2 syncs in 50ms..80ms",
        "2.00s disk n2 fails",
        "2.00s disk n2 full",
        "2.00s disk n2 rots",
    ];

    #[test]
    fn every_form_round_trips() {
        for line in LINES {
            let fault: TimedFault = line.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(fault.to_string(), line);
        }
    }

    #[test]
    fn people_may_write_less_evenly() {
        let fault: Result<TimedFault, _> =
            " 2s   crash  n3 losing unsynced after 1 effect ".parse();
        let words = fault.map(|fault| fault.to_string());
        assert_eq!(
            words.as_deref(),
            Ok("2.00s crash n3 losing unsynced after 1 effects")
        );
    }

    #[test]
    fn errors_name_the_word_and_what_would_be_understood() {
        let cases = [
            (
                "",
                "the fault `` ends too early: a time such as 1.20s is expected next",
            ),
            (
                "soon heal",
                "in the fault `soon heal`, `soon` is not understood: a time such as 1.20s is expected here",
            ),
            (
                "2s crahs n3",
                "in the fault `2s crahs n3`, `crahs` is not understood: one of partition, bridge, ring, cut, join, heal, link, links, crash, restart, pause, resume, clock, disk is expected here",
            ),
            (
                "2s crash n3",
                "the fault `2s crash n3` ends too early: one of losing, keeping, tearing, leaving is expected next",
            ),
            (
                "2s crash n0 losing unsynced",
                "in the fault `2s crash n0 losing unsynced`, `n0` is not understood: a node such as n1, or all, is expected here",
            ),
            (
                "2s cut n1 -> n1",
                "the fault `2s cut n1 -> n1` makes no sense: n1 has no link to itself",
            ),
            (
                "2s partition n1 | n2 n2",
                "the fault `2s partition n1 | n2 n2` makes no sense: n2 is named twice",
            ),
            (
                "2s heal now",
                "in the fault `2s heal now`, `now` is not understood: the end is expected here",
            ),
            (
                "2s links loss 101%",
                "the fault `2s links loss 101%` makes no sense: 101% is more than all messages",
            ),
            (
                "2s links latency 5ms..1ms",
                "the fault `2s links latency 5ms..1ms` makes no sense: the range 5ms..1ms ends before it starts",
            ),
        ];
        for (text, message) in cases {
            let error = text.parse::<TimedFault>().expect_err(text);
            assert_eq!(error.to_string(), message);
        }
    }

    fn node() -> impl Strategy<Value = NodeId> {
        (1..=9_u8).prop_map(NodeId)
    }

    fn links() -> impl Strategy<Value = Links> {
        let one = (node(), 1..9_u8).prop_map(|(from, step)| Links::One {
            from,
            to: NodeId((from.0 - 1 + step) % 9 + 1),
        });
        prop_oneof![one, node().prop_map(Links::Of), Just(Links::All)]
    }

    fn nodes() -> impl Strategy<Value = Nodes> {
        prop_oneof![node().prop_map(Nodes::One), Just(Nodes::All)]
    }

    fn times() -> impl Strategy<Value = Range<Duration>> {
        (0..10_000_000_000_u64, 0..10_000_000_000_u64).prop_map(|(start, span)| {
            Duration::from_nanos(start)..Duration::from_nanos(start + span)
        })
    }

    fn change() -> impl Strategy<Value = QualityChange> {
        let share = || option::of((0..=1_000_000_u32).prop_map(PerMillion));
        (option::of(times()), share(), share(), share())
            .prop_map(|(latency, loss, duplicate, reorder)| QualityChange {
                latency,
                loss,
                duplicate,
                reorder,
            })
            .prop_filter("something changes", |change| {
                *change != QualityChange::default()
            })
    }

    fn shape() -> impl Strategy<Value = Shape> {
        let order = || Just((1..=9).map(NodeId).collect::<Vec<_>>()).prop_shuffle();
        let groups = (order(), vec(1..=3_usize, 1..=3)).prop_map(|(order, sizes)| {
            let mut rest = order.into_iter();
            Shape::Groups(
                sizes
                    .iter()
                    .map(|size| rest.by_ref().take(*size).collect())
                    .collect(),
            )
        });
        let bridge =
            (order(), 1..4_usize, 1..4_usize).prop_map(|(order, left, right)| Shape::Bridge {
                bridge: order[0],
                left: order[1..=left].to_vec(),
                right: order[5..5 + right].to_vec(),
            });
        let ring =
            (order(), 3..=9_usize).prop_map(|(order, size)| Shape::Ring(order[..size].to_vec()));
        prop_oneof![groups, bridge, ring]
    }

    fn fault() -> impl Strategy<Value = Fault> {
        let moment = prop_oneof![
            Just(CrashMoment::AtOnce),
            any::<u32>().prop_map(CrashMoment::AfterEffects)
        ];
        let disk = prop_oneof![
            times().prop_map(DiskFault::SyncsIn),
            Just(DiskFault::Fails),
            Just(DiskFault::Full),
            Just(DiskFault::Rots),
            Just(DiskFault::Heals),
        ];
        prop_oneof![
            shape().prop_map(Fault::Shape),
            links().prop_map(Fault::Cut),
            links().prop_map(Fault::Join),
            Just(Fault::Heal),
            (links(), change()).prop_map(|(links, change)| Fault::Degrade { links, change }),
            links().prop_map(Fault::Restore),
            (nodes(), prop::sample::select(&CrashMode::ALL), moment).prop_map(
                |(nodes, mode, moment)| Fault::Crash {
                    nodes,
                    mode,
                    moment
                }
            ),
            nodes().prop_map(Fault::Restart),
            node().prop_map(Fault::Pause),
            node().prop_map(Fault::Resume),
            (node(), 1..5_000_000_u32).prop_map(|(node, rate)| Fault::Clock {
                node,
                rate: PerMillion(rate)
            }),
            (node(), disk).prop_map(|(node, fault)| Fault::Disk { node, fault }),
        ]
    }

    proptest! {
        #[test]
        fn words_round_trip(at: u64, fault in fault()) {
            let timed = TimedFault { at: SimTime(at), fault };
            prop_assert_eq!(timed.to_string().parse(), Ok(timed));
        }

        #[test]
        fn no_text_panics(text in "([0-9a-z.%>|-]{0,6} ?){0,8}") {
            let _ = text.parse::<TimedFault>();
        }
    }
}
