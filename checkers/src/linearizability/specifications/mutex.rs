//! A lock without tokens.

use serde::{Deserialize, Serialize};

use crate::linearizability::specification::{Claims, Leaves, Legal, Specification};

/// A lock that one client at a time may hold, free at first.
///
/// Accepts `Acquire` answered by `Done`, where it was free, or by `Busy`, where it was held; and
/// `Release` answered by `Done`, where it was held, or by `NotHeld`, where it was free. It does
/// not know who holds it: whoever releases it, releases it. An acquire without an answer may
/// have taken it, and a release without one may have freed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mutex;

/// What a lock can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum MutexInput {
    /// Hold it.
    Acquire,
    /// Let it go.
    Release,
}

/// What a lock answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum MutexOutput {
    /// To an acquire: it is held now. To a release: it is free now.
    Done,
    /// To an acquire: it was held already.
    Busy,
    /// To a release: it was free already.
    NotHeld,
}

const FREE: bool = false;
const HELD: bool = true;

impl Specification for Mutex {
    /// Whether it is held.
    type State = bool;
    type Input = MutexInput;
    type Output = MutexOutput;
    type Key = ();
    type Next = Option<bool>;

    fn initial(&self) -> bool {
        FREE
    }

    fn key(&self, _: &MutexInput) {}

    fn step(&self, state: &bool, input: &MutexInput, output: Option<&MutexOutput>) -> Option<bool> {
        use MutexOutput::{Busy, Done, NotHeld};
        match (input, output) {
            (MutexInput::Acquire, None) => Some(HELD),
            (MutexInput::Release, None) => Some(FREE),
            (MutexInput::Acquire, Some(Done)) => (*state == FREE).then_some(HELD),
            (MutexInput::Acquire, Some(Busy)) => (*state == HELD).then_some(HELD),
            (MutexInput::Release, Some(Done)) => (*state == HELD).then_some(FREE),
            (MutexInput::Release, Some(NotHeld)) => (*state == FREE).then_some(FREE),
            // An answer that belongs to another question.
            (MutexInput::Acquire, Some(NotHeld)) | (MutexInput::Release, Some(Busy)) => None,
        }
    }

    fn claims(&self, input: &MutexInput, output: Option<&MutexOutput>) -> Claims<bool> {
        use MutexOutput::{Busy, Done, NotHeld};
        match (input, output) {
            (MutexInput::Acquire, None) => Claims::new(Legal::Everywhere, Leaves::Fixed(HELD)),
            (MutexInput::Release, None) => Claims::new(Legal::Everywhere, Leaves::Fixed(FREE)),
            (MutexInput::Acquire, Some(Done)) => {
                Claims::new(Legal::OnlyIn(FREE), Leaves::Fixed(HELD))
            }
            (MutexInput::Release, Some(Done)) => {
                Claims::new(Legal::OnlyIn(HELD), Leaves::Fixed(FREE))
            }
            (MutexInput::Acquire, Some(Busy)) => Claims::new(Legal::OnlyIn(HELD), Leaves::Same),
            (MutexInput::Release, Some(NotHeld)) => Claims::new(Legal::OnlyIn(FREE), Leaves::Same),
            _ => Claims::NONE,
        }
    }

    fn describe_operation(&self, input: &MutexInput, output: Option<&MutexOutput>) -> String {
        let asked = match input {
            MutexInput::Acquire => "acquire()",
            MutexInput::Release => "release()",
        };
        match output {
            Some(MutexOutput::Busy) => format!("{asked} -> busy"),
            Some(MutexOutput::NotHeld) => format!("{asked} -> not held"),
            Some(MutexOutput::Done) | None => asked.to_owned(),
        }
    }

    fn describe_state(&self, state: &bool) -> String {
        match *state {
            HELD => "held".to_owned(),
            FREE => "free".to_owned(),
        }
    }
}
