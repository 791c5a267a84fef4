//! One step of a schedule, in words.
//!
//! A counterexample is a list of them in a scenario file. Each names what
//! happens, and to whom; nothing happens that no step names.
//!
//! ```text
//! timeout n1 election
//! deliver n1->n2 RequestVote t1 last i0@t0
//! deliver n2->n1 RequestVoteReply t1 granted, crash after 1 effect
//! duplicate n1->n3 RequestVote t1 last i0@t0      it is delivered, and a copy stays under way
//! deliver n1->n3 RequestVote t1 last i0@t0 (2nd)  of two that read the same, the one sent later
//! invoke n1 record 1
//! timeout n1 gossip, choosing 1 0                 what the step chooses, where it is not the first possibility
//! crash n2
//! restart n2
//! cut n1 n3
//! mend n1 n3
//! hold n1 n3                                      as a cut, but what is under way is held until it is mended
//! demand recovery                                 the last one: the world must be well by now
//! demand recovery without n3                      n3 is away, and the others must be well
//! ```
//!
//! What a message, a timer or an operation is called, its system says; see
//! [`Setting`](super::Setting). A message may be named by the beginning of its
//! words: the first one under way that begins so is meant.

use std::fmt;
use std::str::FromStr;

use snowglobe_systems::process::NodeId;
use thiserror::Error;

/// One step of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Something happens to a node that is up, and it takes a step.
    Input {
        /// What happens.
        input: StepInput,
        /// What the step chooses, counted from 0; where nothing is said, the first possibility.
        choices: Vec<u32>,
        /// The node goes down after so many effects of the step; what it had
        /// not persisted is lost.
        crash_after: Option<usize>,
    },
    /// A node goes down between two steps.
    Crash(NodeId),
    /// A node comes back from what its disk holds.
    Restart {
        /// Which.
        node: NodeId,
        /// What its start chooses.
        choices: Vec<u32>,
        /// It goes down again after so many effects of its start.
        crash_after: Option<usize>,
    },
    /// Two nodes lose sight of each other, and with it what is under way between them.
    Cut(NodeId, NodeId),
    /// Two nodes lose sight of each other, and what is under way between them is
    /// held until they see each other again.
    Hold(NodeId, NodeId),
    /// They see each other again.
    Mend(NodeId, NodeId),
    /// Nothing more happens, and the world must be well by now, whoever is away; see
    /// [`Setting::is_well`](super::Setting::is_well).
    DemandRecovery {
        /// They are away.
        without: Vec<NodeId>,
    },
}

/// What happens to a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StepInput {
    /// An armed timer fires.
    Timeout {
        /// Whose.
        node: NodeId,
        /// Its words.
        timer: String,
    },
    /// A message arrives.
    Deliver {
        /// Who sent it.
        from: NodeId,
        /// Who gets it.
        to: NodeId,
        /// The beginning of its words.
        message: String,
        /// Of all between these two that begin so, which one in the order of
        /// their sending; counted from 1.
        which: usize,
        /// A copy of it stays under way.
        stays: bool,
    },
    /// A client calls.
    Invoke {
        /// Whom.
        node: NodeId,
        /// The words of what it asks.
        operation: String,
    },
}

/// Why a line is not a step.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{line:?} is not a step: {why}")]
pub struct NotAStep {
    line: String,
    why: &'static str,
}

impl StepInput {
    /// The node to which it happens.
    #[must_use]
    pub fn node(&self) -> NodeId {
        match self {
            Self::Timeout { node, .. } | Self::Invoke { node, .. } => *node,
            Self::Deliver { to, .. } => *to,
        }
    }
}

impl Step {
    /// All nodes that it names.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        match self {
            Self::Input {
                input: StepInput::Deliver { from, to, .. },
                ..
            } => vec![*from, *to],
            Self::Input { input, .. } => vec![input.node()],
            Self::Crash(node) | Self::Restart { node, .. } => vec![*node],
            Self::Cut(one, other) | Self::Hold(one, other) | Self::Mend(one, other) => {
                vec![*one, *other]
            }
            Self::DemandRecovery { without } => without.clone(),
        }
    }
}

impl fmt::Display for StepInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout { node, timer } => write!(f, "timeout {node} {timer}"),
            Self::Invoke { node, operation } => write!(f, "invoke {node} {operation}"),
            Self::Deliver {
                from,
                to,
                message,
                which,
                stays,
            } => {
                let verb = if *stays { "duplicate" } else { "deliver" };
                write!(f, "{verb} {from}->{to} {message}")?;
                match which {
                    1 => Ok(()),
                    _ => write!(f, " ({})", ordinal(*which)),
                }
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input {
                input,
                choices,
                crash_after,
            } => {
                write!(f, "{input}")?;
                write_choices(f, choices)?;
                write_crash(f, *crash_after)
            }
            Self::Crash(node) => write!(f, "crash {node}"),
            Self::Restart {
                node,
                choices,
                crash_after,
            } => {
                write!(f, "restart {node}")?;
                write_choices(f, choices)?;
                write_crash(f, *crash_after)
            }
            Self::Cut(one, other) => write!(f, "cut {one} {other}"),
            Self::Hold(one, other) => write!(f, "hold {one} {other}"),
            Self::Mend(one, other) => write!(f, "mend {one} {other}"),
            Self::DemandRecovery { without } => {
                f.write_str("demand recovery")?;
                let names: Vec<String> = without.iter().map(NodeId::to_string).collect();
                match names.is_empty() {
                    true => Ok(()),
                    false => write!(f, " without {}", names.join(" ")),
                }
            }
        }
    }
}

fn write_choices(f: &mut fmt::Formatter<'_>, choices: &[u32]) -> fmt::Result {
    let choices: Vec<String> = choices.iter().map(u32::to_string).collect();
    match choices.is_empty() {
        true => Ok(()),
        false => write!(f, ", choosing {}", choices.join(" ")),
    }
}

fn write_crash(f: &mut fmt::Formatter<'_>, crash_after: Option<usize>) -> fmt::Result {
    match crash_after {
        None => Ok(()),
        Some(1) => f.write_str(", crash after 1 effect"),
        Some(effects) => write!(f, ", crash after {effects} effects"),
    }
}

fn ordinal(number: usize) -> String {
    let suffix = match (number % 10, number % 100) {
        (1, last) if last != 11 => "st",
        (2, last) if last != 12 => "nd",
        (3, last) if last != 13 => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

impl FromStr for Step {
    type Err = NotAStep;

    fn from_str(line: &str) -> Result<Self, NotAStep> {
        parse(line).map_err(|why| NotAStep {
            line: line.to_owned(),
            why,
        })
    }
}

fn parse(line: &str) -> Result<Step, &'static str> {
    let (what, crash_after) = split_crash(line.trim())?;
    let (what, choices) = split_choices(what)?;
    let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
    let rest = rest.trim();
    let chooses = !choices.is_empty();
    let input = |input| {
        Ok(Step::Input {
            input,
            choices: choices.clone(),
            crash_after,
        })
    };
    let step = match verb {
        "timeout" => {
            let (node, timer) = node_and_words(rest, "write it as: timeout n1 election")?;
            return input(StepInput::Timeout { node, timer });
        }
        "invoke" => {
            let (node, operation) = node_and_words(rest, "write it as: invoke n1 OPERATION")?;
            return input(StepInput::Invoke { node, operation });
        }
        "deliver" | "duplicate" => return input(delivery(rest, verb == "duplicate")?),
        "restart" => {
            let node = node(rest)?;
            return Ok(Step::Restart {
                node,
                choices,
                crash_after,
            });
        }
        "crash" => Step::Crash(node(rest)?),
        "demand" if rest == "recovery" => Step::DemandRecovery {
            without: Vec::new(),
        },
        "demand" => {
            let hint = "write it as: demand recovery without n3";
            let names = rest.strip_prefix("recovery without ").ok_or(hint)?;
            let without = names.split_whitespace().map(node);
            Step::DemandRecovery {
                without: without.collect::<Result<_, _>>()?,
            }
        }
        "cut" | "hold" | "mend" => {
            let hint = "write it as: cut n1 n2";
            let (one, other) = rest.split_once(' ').ok_or(hint)?;
            let (one, other) = (node(one)?, node(other)?);
            match verb {
                "cut" => Step::Cut(one, other),
                "hold" => Step::Hold(one, other),
                _ => Step::Mend(one, other),
            }
        }
        _ => {
            return Err(
                "it begins with none of: timeout, deliver, duplicate, invoke, crash, restart, cut, hold, mend, demand recovery",
            );
        }
    };
    match crash_after {
        None if chooses => Err("only a step of a node chooses"),
        None => Ok(step),
        Some(_) => Err("only a step of a node has effects to crash after"),
    }
}

/// Takes `, crash after 2 effects` off the end of a line.
fn split_crash(line: &str) -> Result<(&str, Option<usize>), &'static str> {
    let Some((what, count)) = line.rsplit_once(", crash after ") else {
        return Ok((line, None));
    };
    let digits = count
        .strip_suffix(" effects")
        .or_else(|| count.strip_suffix(" effect"));
    let effects = digits.and_then(|digits| digits.parse().ok());
    match effects {
        Some(effects) => Ok((what.trim_end(), Some(effects))),
        None => Err("write it as: ..., crash after 2 effects"),
    }
}

/// Takes `, choosing 1 0` off the end of a line.
fn split_choices(line: &str) -> Result<(&str, Vec<u32>), &'static str> {
    let Some((what, choices)) = line.rsplit_once(", choosing ") else {
        return Ok((line, Vec::new()));
    };
    let choices: Result<Vec<u32>, _> = choices.split_whitespace().map(str::parse).collect();
    let choices = choices.map_err(|_| "write it as: ..., choosing 1 0")?;
    Ok((what.trim_end(), choices))
}

fn delivery(rest: &str, stays: bool) -> Result<StepInput, &'static str> {
    let hint = "write it as: deliver n1->n2 MESSAGE";
    let (ends, words) = rest.split_once(' ').unwrap_or((rest, ""));
    let (from, to) = ends.split_once("->").ok_or(hint)?;
    let (from, to) = (node(from)?, node(to)?);
    let (message, which) = split_ordinal(words.trim());
    Ok(StepInput::Deliver {
        from,
        to,
        message: message.to_owned(),
        which,
        stays,
    })
}

/// Takes `(2nd)` off the end.
fn split_ordinal(words: &str) -> (&str, usize) {
    let ordinal = words
        .strip_suffix(')')
        .and_then(|words| words.rsplit_once('('))
        .and_then(|(words, ordinal)| {
            let digits = ordinal.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
            let is_ordinal = digits.len() + 2 == ordinal.len();
            let number: usize = digits.parse().ok().filter(|_| is_ordinal)?;
            (number > 0).then_some((words.trim_end(), number))
        });
    ordinal.unwrap_or((words, 1))
}

fn node_and_words(rest: &str, hint: &'static str) -> Result<(NodeId, String), &'static str> {
    let (name, words) = rest.split_once(' ').ok_or(hint)?;
    Ok((node(name)?, words.trim().to_owned()))
}

fn node(name: &str) -> Result<NodeId, &'static str> {
    name.trim()
        .strip_prefix('n')
        .and_then(|digits| digits.parse().ok())
        .filter(|number| *number > 0)
        .map(NodeId)
        .ok_or("a node is called n1, n2, ...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for line in [
            "timeout n1 election",
            "timeout n4 patience lane 0",
            "deliver n1->n2 RequestVote t1 last i0@t0",
            "deliver n1->n2 AppendEntries t1 after i0@t0 +1 commit i0 (2nd)",
            "duplicate n3->n1 PreVote t0 last i0@t0, crash after 2 effects",
            "invoke n1 record 1, crash after 1 effect",
            "invoke n4 put(x, (a))",
            "crash n2",
            "restart n2",
            "restart n2, crash after 1 effect",
            "restart n2, choosing 2",
            "timeout n1 gossip, choosing 1 0 3, crash after 2 effects",
            "cut n1 n3",
            "hold n1 n3",
            "mend n1 n3",
            "demand recovery",
            "demand recovery without n1 n3",
        ] {
            let step: Step = line.parse().expect(line);
            assert_eq!(step.to_string(), line);
        }
    }

    #[test]
    fn a_wrong_line_is_told_what_is_wrong() {
        for (line, says) in [
            ("", "begins with none of"),
            ("deliver n1 n2 PreVote", "deliver n1->n2 MESSAGE"),
            ("timeout n0 election", "n1, n2"),
            ("timeout n1", "timeout n1 election"),
            ("crash n1, crash after 1 effect", "has effects"),
            ("cut n1 n2, choosing 1", "only a step of a node chooses"),
            ("timeout n1 gossip, choosing n2", "choosing 1 0"),
            ("demand recovery of n1", "demand recovery without n3"),
            (
                "deliver n1->n2 PreVote, crash after some effects",
                "crash after 2 effects",
            ),
        ] {
            let error = line.parse::<Step>().expect_err(line).to_string();
            assert!(error.contains(says), "{error:?} should say {says:?}");
        }
    }
}
