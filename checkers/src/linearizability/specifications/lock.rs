//! A lock that hands out fencing tokens.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::linearizability::specification::{Claims, Leaves, Legal, Specification};

/// A lock that one client at a time may hold; each gets a token that is greater
/// than all before it, so that a service can turn away those whose time is over.
///
/// Accepts `Acquire` answered by `Granted(token)`, where the lock was free and
/// never gave a token as great, or by `Busy`, where it was held; and
/// `Release(token)` answered by `Done`, where it was held with that token, or by
/// `Stale`, where it was not. It knows no time: who holds it holds it until that
/// token is released.
///
/// An acquire without an answer may have been granted, with any token that is
/// great enough. What is known then is not a token but what it may not be: see
/// [`LockState::HeldByUnknown`]. Tokens have no upper end: one that nobody was
/// told of may not even fit into 64 bits, so that there always is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lock;

/// What a holder of the lock shows; prints as `#3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub u64);

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What is known of a lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockState {
    /// Nobody holds it.
    Free {
        /// The last token, if there was one: the next is greater.
        last: Option<Token>,
    },
    /// It is held.
    Held {
        /// With this token, the last.
        token: Token,
    },
    /// It is held with a token that nobody was told of. This stands for a state
    /// for each token that is possible; only those that were asked about need
    /// be named, so that it stays as small as the questions that were asked.
    HeldByUnknown {
        /// The last token before, if there was one: this one is greater.
        last: Option<Token>,
        /// Greater ones that it is known not to be.
        not: BTreeSet<Token>,
    },
}

impl LockState {
    /// What follows if `token` is released: where the lock was held with it, and
    /// where it was not, as far as each of them is possible.
    fn release(&self, token: Token) -> (Option<Self>, Option<Self>) {
        let released = || {
            let last = Some(token);
            Some(Self::Free { last })
        };
        match self {
            Self::Held { token: held } if *held == token => (released(), None),
            Self::HeldByUnknown { last, not } if Some(token) > *last && !not.contains(&token) => {
                let mut not = not.clone();
                not.insert(token);
                let last = *last;
                (released(), Some(Self::HeldByUnknown { last, not }))
            }
            _ => (None, Some(self.clone())),
        }
    }
}

/// What a lock can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LockInput {
    /// May I hold it?
    Acquire,
    /// I do not hold it any more.
    Release(Token),
}

/// What a lock answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LockOutput {
    /// To an acquire: it is held with this token now.
    Granted(Token),
    /// To an acquire: somebody else holds it.
    Busy,
    /// To a release: it is free now.
    Done,
    /// To a release: it was not held with that token.
    Stale,
}

impl Specification for Lock {
    type State = LockState;
    type Input = LockInput;
    type Output = LockOutput;
    type Key = ();
    /// A release without an answer may end what is held with an unknown token, or
    /// show that this was another one: one state or two.
    type Next = Vec<LockState>;

    fn initial(&self) -> LockState {
        LockState::Free { last: None }
    }

    fn key(&self, _: &LockInput) {}

    fn step(
        &self,
        state: &LockState,
        input: &LockInput,
        output: Option<&LockOutput>,
    ) -> Vec<LockState> {
        use LockOutput::{Busy, Done, Granted, Stale};
        match (input, output, state) {
            (LockInput::Acquire, None, LockState::Free { last }) => {
                let (last, not) = (*last, BTreeSet::new());
                vec![LockState::HeldByUnknown { last, not }]
            }
            (LockInput::Acquire, Some(Granted(token)), LockState::Free { last })
                if Some(*token) > *last =>
            {
                vec![LockState::Held { token: *token }]
            }
            (
                LockInput::Acquire,
                None | Some(Busy),
                LockState::Held { .. } | LockState::HeldByUnknown { .. },
            ) => vec![state.clone()],
            (LockInput::Release(token), output, _) => {
                let (done, stale) = state.release(*token);
                match output {
                    None => done.into_iter().chain(stale).collect(),
                    Some(Done) => done.into_iter().collect(),
                    Some(Stale) => stale.into_iter().collect(),
                    Some(Granted(_) | Busy) => Vec::new(),
                }
            }
            (LockInput::Acquire, ..) => Vec::new(),
        }
    }

    fn claims(&self, input: &LockInput, output: Option<&LockOutput>) -> Claims<LockState> {
        use LockOutput::{Busy, Done, Granted, Stale};
        match (input, output) {
            (LockInput::Acquire | LockInput::Release(_), None) => {
                Claims::new(Legal::Everywhere, Leaves::Depends)
            }
            (LockInput::Acquire, Some(Granted(token))) => {
                let held = LockState::Held { token: *token };
                Claims::new(Legal::Depends, Leaves::Fixed(held))
            }
            (LockInput::Acquire, Some(Busy)) => Claims::new(Legal::Depends, Leaves::Same),
            (LockInput::Release(token), Some(Done)) => {
                let last = Some(*token);
                let free = LockState::Free { last };
                Claims::new(Legal::Depends, Leaves::Fixed(free))
            }
            // An unknown token may always be another one, which then is known.
            (LockInput::Release(token), Some(Stale)) => {
                let held = LockState::Held { token: *token };
                Claims::new(Legal::ExceptIn(held), Leaves::Depends)
            }
            _ => Claims::NONE,
        }
    }

    fn weight(&self, state: &LockState) -> usize {
        let named = match state {
            LockState::HeldByUnknown { not, .. } => not.len(),
            LockState::Free { .. } | LockState::Held { .. } => 0,
        };
        // The nodes of a tree are at least half full.
        size_of::<LockState>() + 2 * named * size_of::<Token>()
    }

    /// The token of a grant that nobody has heard of yet is not known, so the
    /// state after it is another than after any grant that is known.
    fn is_foreseeable(&self, input: &LockInput) -> bool {
        !matches!(input, LockInput::Acquire)
    }

    fn describe_operation(&self, input: &LockInput, output: Option<&LockOutput>) -> String {
        let asked = match input {
            LockInput::Acquire => "acquire()".to_owned(),
            LockInput::Release(token) => format!("release({token})"),
        };
        match output {
            Some(LockOutput::Granted(token)) => format!("{asked} -> granted {token}"),
            Some(LockOutput::Busy) => format!("{asked} -> busy"),
            Some(LockOutput::Stale) => format!("{asked} -> stale"),
            Some(LockOutput::Done) => format!("{asked} -> done"),
            None => asked,
        }
    }

    fn describe_state(&self, state: &LockState) -> String {
        match state {
            LockState::Free { last: None } => "free, never held".to_owned(),
            LockState::Free { last: Some(last) } => format!("free, last held with {last}"),
            LockState::Held { token } => format!("held with {token}"),
            LockState::HeldByUnknown { last: None, .. } => "held with an unknown token".to_owned(),
            LockState::HeldByUnknown {
                last: Some(last), ..
            } => {
                format!("held with an unknown token greater than {last}")
            }
        }
    }
}
