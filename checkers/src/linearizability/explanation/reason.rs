//! The reason in one sentence, where there is one.

use serde::Serialize;

use super::{Told, Trial};
use crate::history::OperationIndex;
use crate::linearizability::cuts::Cuts;
use crate::linearizability::problem::{LeavesAt, LegalIn, Member, Problem, compile};
use crate::linearizability::refutation::{self, Impossible};
use crate::linearizability::specification::Specification;

/// Why there is no order, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What kind of thing went wrong.
    pub kind: ReasonKind,
    /// The sentence.
    pub sentence: String,
}

/// Kinds of things that go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonKind {
    /// An answer that had been overwritten for certain when it was asked for.
    StaleRead,
    /// Something that was acknowledged and is gone, or that two took as theirs alone.
    LostUpdate,
    /// Something happened more than once that was asked for once.
    HappenedTwice,
    /// An answer that no operation can have caused.
    NeverWritten,
    /// An answer caused by an operation that was called only afterwards.
    ReadOfTheFuture,
}

impl ReasonKind {
    /// The kind in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::StaleRead => "stale read",
            Self::LostUpdate => "lost update",
            Self::HappenedTwice => "happened twice",
            Self::NeverWritten => "value never written",
            Self::ReadOfTheFuture => "read of the future",
        }
    }
}

/// The reason for a core, if it is a simple one.
pub(super) fn reason<S: Specification>(
    trial: &Trial<'_, S>,
    members: &[OperationIndex],
    core: &[OperationIndex],
) -> Option<Reason> {
    let whole = Member::all(members);
    let mut machine = trial.machine(&whole);
    let cuts = Cuts::NONE;
    let problem = compile(
        trial.specification,
        trial.history,
        &whole,
        &mut *machine,
        &cuts,
    );
    let in_core = |step: &u32| core.contains(&problem.sources[*step as usize]);
    let told = |step: u32| {
        let index = problem.sources[step as usize];
        Told::of(trial.specification, trial.history, index)
    };
    refutation::all(&problem)
        .find(|(step, _)| in_core(step))
        .map(|(step, why)| impossible(&told, step, why))
        .or_else(|| claimed_twice(&problem, &in_core, &told))
        .or_else(|| {
            let operations: Vec<_> = members
                .iter()
                .map(|index| trial.history.operation(*index))
                .collect();
            let core: Vec<_> = core
                .iter()
                .map(|index| trial.history.operation(*index))
                .collect();
            trial.specification.reason(&operations, &core)
        })
}

fn impossible(told: &dyn Fn(u32) -> Told, step: u32, why: Impossible) -> Reason {
    let read = told(step);
    let (kind, sentence) = match why {
        Impossible::NeverMade => (
            ReasonKind::NeverWritten,
            format!(
                "no operation can have led to {} of {}",
                read.words, read.client
            ),
        ),
        Impossible::MadeLater => (
            ReasonKind::ReadOfTheFuture,
            format!(
                "whatever could have led to {} of {} was called only after it had returned",
                read.words, read.client
            ),
        ),
        Impossible::Overwritten { by, last } => {
            let by = told(by);
            let before = match last.map(told) {
                Some(last) => format!(
                    "the last that could have led to it, {} of {}, had returned",
                    last.words, last.client
                ),
                None => "what it tells was there".to_owned(),
            };
            (
                ReasonKind::StaleRead,
                format!(
                    "{} of {} was called after {} of {} had returned, and {before} before that one was called",
                    read.words, read.client, by.words, by.client
                ),
            )
        }
    };
    Reason { kind, sentence }
}

/// More operations in the core took a state as theirs alone, and left another,
/// than there were operations that left it.
fn claimed_twice(
    problem: &Problem,
    in_core: &dyn Fn(&u32) -> bool,
    told: &dyn Fn(u32) -> Told,
) -> Option<Reason> {
    if problem
        .steps
        .iter()
        .any(|step| step.leaves == LeavesAt::Depends)
    {
        return None;
    }
    let took = |place: &u32| {
        let step = &problem.steps[*place as usize];
        match (step.legal, step.leaves) {
            (LegalIn::OnlyIn(from), LeavesAt::Fixed(to)) if from != to && !step.is_pending() => {
                Some(from)
            }
            _ => None,
        }
    };
    let mut takers: Vec<(u32, u32)> = (0..problem.steps.len() as u32)
        .filter(in_core)
        .filter_map(|place| Some((took(&place)?.0, place)))
        .collect();
    takers.sort_unstable();
    let group = takers
        .chunk_by(|one, other| one.0 == other.0)
        .find(|group| {
            let state = group[0].0;
            let made = problem
                .steps
                .iter()
                .filter(|step| step.makes().is_some_and(|made| made.0 == state))
                .count();
            group.len() > made + usize::from(problem.initial.0 == state)
        })?;
    let names: Vec<String> = group
        .iter()
        .map(|(_, place)| {
            let told = told(*place);
            format!("{} of {}", told.words, told.client)
        })
        .collect();
    Some(Reason {
        kind: ReasonKind::LostUpdate,
        sentence: format!(
            "{} each left the state that they found, and it had not come about so often",
            names.join(" and ")
        ),
    })
}
