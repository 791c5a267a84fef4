//! What ends a run that breaks.

use std::fmt::{self, Display, Formatter};

use snowglobe_checkers::explore::StatesDigest;
use snowglobe_checkers::linearizability::{Explanation, Told};
use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{NodeId, Process};

use super::World;
use super::trace::EventKind;
use crate::text::grouped;
use crate::time::SimTime;

/// Why a run ended before its director said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A safety property does not hold.
    Safety(Violation),
    /// Progress was demanded and did not come.
    Liveness(Violation),
    /// A process panicked.
    Panic {
        /// Whose process.
        node: NodeId,
        /// What it said, and where in the code.
        message: String,
    },
    /// What clients saw cannot be put in order.
    Illegal(Box<IllegalHistory>),
    /// It was not found out in time whether what clients saw can be put in order.
    Undecided {
        /// What was not decided, and which budget ended.
        why: String,
    },
    /// A step of a script could not be taken.
    Script {
        /// Its place in the script, counted from 1; 0 for what comes before it.
        number: usize,
        /// The step.
        step: String,
        /// Why, and what there was instead.
        why: String,
    },
    /// A script did not lead where its file says.
    Elsewhere {
        /// The states that it should have led to.
        expected: StatesDigest,
        /// The states in which it left the nodes.
        found: StatesDigest,
    },
    /// The step budget ran out: messages or timers chase each other without end.
    OutOfSteps {
        /// The budget.
        budget: u64,
    },
}

impl Display for Broken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Safety(violation) | Self::Liveness(violation) => violation.fmt(f),
            Self::Illegal(illegal) => illegal.violation.fmt(f),
            Self::Undecided { why } => write!(f, "history-undecided: {why}"),
            Self::Panic { node, message } => write!(f, "no-panic: {node} panicked: {message}"),
            Self::Script { number, step, why } => {
                write!(f, "step-can-be-taken: {}", not_taken(*number, step, why))
            }
            Self::Elsewhere { expected, found } => {
                write!(
                    f,
                    "reaches: the nodes are at {found}, not {expected}: {CHANGED}"
                )
            }
            Self::OutOfSteps { budget } => {
                write!(
                    f,
                    "step-budget: still busy after {} steps",
                    grouped(*budget)
                )
            }
        }
    }
}

/// What it means that a script leads elsewhere.
pub(crate) const CHANGED: &str = "the code has changed since, or the two engines disagree";

/// Why a step of a script was not taken.
pub(crate) fn not_taken(number: usize, step: &str, why: &str) -> String {
    match number {
        // What comes before the script.
        0 => format!("{step:?} cannot be: {why}"),
        _ => format!("step {number}, {step:?}, cannot be taken: {why}"),
    }
}

/// A history that is not linearizable, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IllegalHistory {
    /// The key, what was seen, and why it cannot be.
    pub violation: Violation,
    /// Operations that have no order by themselves, one per line.
    pub core: Vec<String>,
    /// Whether nothing can be taken out of them.
    pub minimal: bool,
}

impl IllegalHistory {
    /// A history of which nothing but the explanation is known; without one, none was found
    /// within the budget. `object` names what has no order, as in `key x`, if there are several.
    #[must_use]
    pub fn explained(object: Option<&str>, explanation: Option<&Explanation>) -> Self {
        let of = object
            .map(|object| format!("{object}: "))
            .unwrap_or_default();
        let violation =
            |found, expected| Violation::new("linearizable", [], expected, format!("{of}{found}"));
        let Some(explanation) = explanation else {
            return Self {
                violation: violation(
                    "the operations have no order".to_owned(),
                    "no reason was found within the budget".to_owned(),
                ),
                core: Vec::new(),
                minimal: false,
            };
        };
        let why = match (&explanation.reason, explanation.explained) {
            (Some(reason), _) => format!("{}: {}", reason.kind.words(), reason.sentence),
            (None, 0) => "the core has no order".to_owned(),
            (None, many) => format!("the core has no order; the first {many} answers have one"),
        };
        Self {
            violation: violation(told(&explanation.broken), why),
            core: explanation.core.iter().map(told).collect(),
            minimal: explanation.minimal,
        }
    }
}

/// An operation, who asked for it, and when.
fn told(told: &Told) -> String {
    const LONGEST: usize = 120;
    let long = told.words.chars().count();
    let words = if long > LONGEST {
        // What distinguishes long values is their end.
        let start: String = told.words.chars().take(LONGEST / 3).collect();
        let end: String = told.words.chars().skip(long - LONGEST * 2 / 3).collect();
        format!("{start} … {end}")
    } else {
        told.words.clone()
    };
    let until = match told.returned {
        Some(at) => SimTime(at.0).to_string(),
        None => "no answer".to_owned(),
    };
    format!(
        "{} {words}  {}..{until}",
        told.client,
        SimTime(told.called.0)
    )
}

/// The end of a run that broke: what, when, and at which step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakage {
    /// What broke.
    pub broken: Broken,
    /// The simulated time.
    pub at: SimTime,
    /// The number of the step.
    pub step: u64,
    /// The first moment at which something had looked wrong, if it was before.
    pub suspicion: Option<Suspicion>,
}

/// The first moment that looked wrong: what, when, and at which step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// What was expected then, and what was found.
    pub violation: Violation,
    /// The simulated time.
    pub at: SimTime,
    /// The number of the step.
    pub step: u64,
}

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// Ends the run: something broke.
    pub fn breaks(&mut self, broken: Broken) {
        if self.breakage.is_some() {
            return;
        }
        self.trace
            .event(self.now, None, EventKind::Violation, 0, || {
                format!("{broken:?}")
            });
        self.breakage = Some(Breakage {
            broken,
            at: self.now,
            step: self.counters.steps,
            suspicion: self.suspicion.take(),
        });
    }

    /// Remembers when the invariants first suspected something.
    pub(super) fn note_suspicion(&mut self) {
        if self.suspicion.is_none()
            && let Some(violation) = self.invariants.suspicion()
        {
            self.suspicion = Some(Suspicion {
                violation: violation.clone(),
                at: self.now,
                step: self.counters.steps,
            });
        }
    }

    /// What broke, if anything did.
    #[must_use]
    pub fn breakage(&self) -> Option<&Breakage> {
        self.breakage.as_ref()
    }
}
