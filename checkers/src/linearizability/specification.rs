//! What a sequential object does: the trait that a judge needs, and no more.

use std::fmt::Debug;
use std::hash::Hash;

use super::explanation::Reason;
use super::machine::{Interned, Numbering};
use crate::history::{Moment, Operation};

/// An object as it would behave if its operations came one at a time.
///
/// A minimal specification has a state, a key and a `step`. What it says in
/// [`claims`](Self::claims) lets the search take short cuts; a specification
/// that claims nothing is judged rightly, only more slowly.
///
/// ```
/// use snowglobe_checkers::history::{ClientId, History, Moment, Operation};
/// use snowglobe_checkers::linearizability::{Options, Specification, check};
///
/// /// A light that may be switched, and looked at.
/// struct Light;
///
/// #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
/// enum Ask { Switch, Look }
///
/// impl Specification for Light {
///     type State = bool;
///     type Input = Ask;
///     type Output = Option<bool>;
///     type Key = ();
///     type Next = Option<bool>;
///
///     fn initial(&self) -> bool {
///         false
///     }
///     fn key(&self, _: &Ask) {}
///     fn step(&self, on: &bool, input: &Ask, output: Option<&Option<bool>>) -> Option<bool> {
///         match (input, output) {
///             (Ask::Switch, _) => Some(!on),
///             (Ask::Look, None) => Some(*on),
///             (Ask::Look, Some(seen)) => (*seen == Some(*on)).then_some(*on),
///         }
///     }
/// }
///
/// let operation = |client, called, returned, input, output| Operation {
///     client: ClientId(client),
///     called: Moment(called),
///     input,
///     returned: Some((Moment(returned), output)),
/// };
/// let history = History::new(vec![
///     operation(0, 1, 2, Ask::Switch, None),
///     operation(1, 3, 4, Ask::Look, Some(false)),
/// ])?;
/// let verdict = check(&Light, &history, &Options::default());
/// assert!(verdict.is_illegal(), "the light was on by then");
/// # Ok::<(), snowglobe_checkers::history::NotAHistory>(())
/// ```
pub trait Specification {
    /// The object's state. Equal states have the same futures.
    type State: Clone + Eq + Ord + Hash + Debug;
    /// What is asked.
    type Input: Clone + Eq + Ord + Hash + Debug;
    /// What is answered.
    type Output: Clone + Eq + Hash + Debug;
    /// Operations under different keys never influence each other, so that
    /// each key can be judged alone; `()` where there is but one object.
    type Key: Clone + Ord + Hash + Debug;
    /// The states that may follow: `Option<State>` where there is at most one,
    /// `Vec<State>` where an operation may leave several.
    type Next: IntoIterator<Item = Self::State>;

    /// The state before any operation, of each key.
    fn initial(&self) -> Self::State;

    /// The key that an operation belongs to.
    fn key(&self, input: &Self::Input) -> Self::Key;

    /// The states that may follow when `input` is asked in `state` and answered
    /// with `output`; none if that answer is wrong there. Without an output, the
    /// answer is not known (yet), and any will do.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Self::Next;

    /// What can be said of an operation whatever the state is. The default says nothing.
    fn claims(&self, _input: &Self::Input, _output: Option<&Self::Output>) -> Claims<Self::State> {
        Claims::NONE
    }

    /// Whether the answer to this input tells nothing: it is the same in every
    /// state. Asked while the answer is not known yet; `false` is always right.
    fn is_mute(&self, _input: &Self::Input) -> bool {
        false
    }

    /// Whether the states that may follow without an answer are exactly those that
    /// may follow with one right answer or another. If not, an operation that
    /// must have happened before it is answered cannot be judged while it runs.
    fn is_foreseeable(&self, _input: &Self::Input) -> bool {
        true
    }

    /// Whether operations that leave no fixed state may lead from this state to
    /// one in which the output is right. `true` is always right; asked of observers.
    fn may_come(&self, _state: &Self::State, _input: &Self::Input, _output: &Self::Output) -> bool {
        true
    }

    /// The reason, in one sentence, why the `core` of these operations of one key
    /// has no order, where what is claimed of them does not tell it.
    fn reason(
        &self,
        _operations: &[&Operation<Self::Input, Self::Output>],
        _core: &[&Operation<Self::Input, Self::Output>],
    ) -> Option<Reason> {
        None
    }

    /// Decides the history of one key without a search, where its operations are such that there
    /// is a way to. An order is of places in the list; operations without an answer may be missing
    /// in it.
    fn decide(&self, _operations: &[Timed<'_, Self::Input, Self::Output>]) -> Decision {
        Decision::Undecided
    }

    /// How many bytes a state takes, with what it owns on the heap: what a
    /// memory budget counts.
    fn weight(&self, _state: &Self::State) -> usize {
        size_of::<Self::State>()
    }

    /// An operation in words, as in `put(x, "7")` or `get(x) -> "7"`.
    fn describe_operation(&self, input: &Self::Input, output: Option<&Self::Output>) -> String {
        match output {
            Some(output) => format!("{input:?} -> {output:?}"),
            None => format!("{input:?}"),
        }
    }

    /// A state in words.
    fn describe_state(&self, state: &Self::State) -> String {
        format!("{state:?}")
    }

    /// A key in words; empty where there is but one object.
    fn describe_key(&self, key: &Self::Key) -> String {
        let text = format!("{key:?}");
        if text == "()" { String::new() } else { text }
    }

    /// Numbers the states that the given operations of one key can lead to. The
    /// default remembers every state it met; an object whose states grow can
    /// do better where different states cannot be told apart by what was answered.
    fn machine<'a>(
        &'a self,
        operations: Vec<(&'a Self::Input, Option<&'a Self::Output>)>,
    ) -> Box<dyn Numbering<Self::State> + 'a>
    where
        Self: Sized,
    {
        Box::new(Interned::new(self, operations))
    }

    /// The same, for a judge that knows when the operations were called and
    /// answered. A machine may then leave out steps to states from which, because of
    /// the order in real time, not every answer can still come.
    fn machine_in_time<'a>(
        &'a self,
        operations: Vec<Timed<'a, Self::Input, Self::Output>>,
    ) -> Box<dyn Numbering<Self::State> + 'a>
    where
        Self: Sized,
    {
        let untimed = operations.into_iter().map(Timed::untimed);
        self.machine(untimed.collect())
    }
}

/// What can be said of a history without a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This order is right.
    Order(Vec<u32>),
    /// No order is.
    Impossible,
    /// It takes a search.
    Undecided,
}

/// An operation and its place in time.
#[derive(Clone, Copy, Debug)]
pub struct Timed<'a, Input, Output> {
    /// When it was called.
    pub called: Moment,
    /// What was asked.
    pub input: &'a Input,
    /// When it was answered, and with what; `None` if it is pending.
    pub returned: Option<(Moment, &'a Output)>,
}

impl<'a, Input, Output> Timed<'a, Input, Output> {
    /// Without the times.
    #[must_use]
    pub fn untimed(self) -> (&'a Input, Option<&'a Output>) {
        (self.input, self.returned.map(|(_, output)| output))
    }
}

/// What an operation, with its output, does whatever the state is.
///
/// Claims must agree with [`Specification::step`]; [`claims_hold`] says whether
/// they do in a given state, and every shipped specification is tested with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims<State> {
    /// In which states the operation may give its output.
    pub legal: Legal<State>,
    /// Which state it leaves.
    pub leaves: Leaves<State>,
}

/// In which states an operation may give its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Legal<State> {
    /// In all: its output says nothing.
    Everywhere,
    /// In this state alone.
    OnlyIn(State),
    /// In all but this one.
    ExceptIn(State),
    /// Only `step` knows.
    Depends,
}

/// Which state an operation leaves, wherever it is legal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaves<State> {
    /// The state it found: it is an *observer*.
    Same,
    /// Always this one, whatever was before.
    Fixed(State),
    /// The second if it found the first, else the state it found.
    Swaps(State, State),
    /// Only `step` knows.
    Depends,
}

impl<State> Claims<State> {
    /// Nothing is claimed.
    pub const NONE: Self = Self {
        legal: Legal::Depends,
        leaves: Leaves::Depends,
    };

    /// A claim.
    pub const fn new(legal: Legal<State>, leaves: Leaves<State>) -> Self {
        Self { legal, leaves }
    }
}

/// Whether an operation's claims agree with what `step` does in this state.
pub fn claims_hold<S: Specification>(
    specification: &S,
    state: &S::State,
    input: &S::Input,
    output: Option<&S::Output>,
) -> bool {
    let claims = specification.claims(input, output);
    let next: Vec<_> = specification
        .step(state, input, output)
        .into_iter()
        .collect();
    let legal = match &claims.legal {
        Legal::Everywhere => !next.is_empty(),
        Legal::OnlyIn(only) => (only == state) != next.is_empty(),
        Legal::ExceptIn(not) => (not == state) == next.is_empty(),
        Legal::Depends => true,
    };
    let leaves = |expected: &S::State| next.iter().all(|next| next == expected);
    legal
        && match &claims.leaves {
            Leaves::Same => leaves(state),
            Leaves::Fixed(fixed) => leaves(fixed),
            Leaves::Swaps(from, to) => leaves(if state == from { to } else { state }),
            Leaves::Depends => true,
        }
}
