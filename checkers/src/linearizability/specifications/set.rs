//! A set.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::set_order;
use crate::linearizability::specification::{
    Claims, Decision, Leaves, Legal, Specification, Timed,
};

/// A set of values, empty at first.
///
/// Accepts `Add(v)` and `Remove(v)` answered by `Done`, whether or not `v` was in
/// the set; `Contains(v)` answered by `Is(true)` or `Is(false)`; and `ReadAll`
/// answered by `All(values)`. In a file the values of `All` may stand in any
/// order, but a list with the same value twice is refused: it is no set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set<V> {
    /// The type of the values.
    values: std::marker::PhantomData<fn() -> V>,
}

impl<V> Set<V> {
    /// An empty set.
    pub const EMPTY: Self = Self {
        values: std::marker::PhantomData,
    };
}

impl<V> Default for Set<V> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// What a set can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SetInput<V> {
    /// Let it contain this.
    Add(V),
    /// Let it not contain this.
    Remove(V),
    /// Does it contain this?
    Contains(V),
    /// What does it contain?
    ReadAll,
}

/// What a set answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    deny_unknown_fields,
    bound(deserialize = "V: Deserialize<'de> + Ord")
)]
pub enum SetOutput<V> {
    /// To an add or a remove: done.
    Done,
    /// To a question about one value: whether the set contains it.
    Is(bool),
    /// To a read: all it contains.
    All(#[serde(deserialize_with = "each_once")] BTreeSet<V>),
}

impl<V: Clone + Eq + Ord + Hash + Debug> Specification for Set<V> {
    type State = BTreeSet<V>;
    type Input = SetInput<V>;
    type Output = SetOutput<V>;
    type Key = ();
    type Next = Option<BTreeSet<V>>;

    fn initial(&self) -> BTreeSet<V> {
        BTreeSet::new()
    }

    fn key(&self, _: &SetInput<V>) {}

    fn step(
        &self,
        state: &BTreeSet<V>,
        input: &SetInput<V>,
        output: Option<&SetOutput<V>>,
    ) -> Option<BTreeSet<V>> {
        use SetOutput::{All, Done, Is};
        match (input, output) {
            (SetInput::Add(value), None | Some(Done)) => {
                let mut after = state.clone();
                after.insert(value.clone());
                Some(after)
            }
            (SetInput::Remove(value), None | Some(Done)) => {
                let mut after = state.clone();
                after.remove(value);
                Some(after)
            }
            (SetInput::Contains(_) | SetInput::ReadAll, None) => Some(state.clone()),
            (SetInput::Contains(value), Some(Is(seen))) => {
                (state.contains(value) == *seen).then(|| state.clone())
            }
            (SetInput::ReadAll, Some(All(seen))) => (seen == state).then(|| state.clone()),
            // An answer that belongs to another question.
            (SetInput::Add(_) | SetInput::Remove(_), Some(Is(_) | All(_)))
            | (SetInput::Contains(_), Some(Done | All(_)))
            | (SetInput::ReadAll, Some(Done | Is(_))) => None,
        }
    }

    fn claims(&self, input: &SetInput<V>, output: Option<&SetOutput<V>>) -> Claims<BTreeSet<V>> {
        use SetOutput::{All, Done, Is};
        match (input, output) {
            (SetInput::Add(_) | SetInput::Remove(_), None | Some(Done)) => {
                Claims::new(Legal::Everywhere, Leaves::Depends)
            }
            (SetInput::Contains(_) | SetInput::ReadAll, None) => {
                Claims::new(Legal::Everywhere, Leaves::Same)
            }
            (SetInput::Contains(_), Some(Is(_))) => Claims::new(Legal::Depends, Leaves::Same),
            (SetInput::ReadAll, Some(All(seen))) => {
                Claims::new(Legal::OnlyIn(seen.clone()), Leaves::Same)
            }
            _ => Claims::NONE,
        }
    }

    fn weight(&self, state: &BTreeSet<V>) -> usize {
        // The nodes of a tree are at least half full.
        size_of::<BTreeSet<V>>() + 2 * state.len() * size_of::<V>()
    }

    fn decide(&self, operations: &[Timed<'_, SetInput<V>, SetOutput<V>>]) -> Decision {
        set_order::decide(operations)
    }

    fn is_mute(&self, input: &SetInput<V>) -> bool {
        matches!(input, SetInput::Add(_) | SetInput::Remove(_))
    }

    fn describe_operation(&self, input: &SetInput<V>, output: Option<&SetOutput<V>>) -> String {
        let asked = match input {
            SetInput::Add(value) => format!("add({value:?})"),
            SetInput::Remove(value) => format!("remove({value:?})"),
            SetInput::Contains(value) => format!("contains({value:?})"),
            SetInput::ReadAll => "read_all()".to_owned(),
        };
        match output {
            Some(SetOutput::Is(seen)) => format!("{asked} -> {seen}"),
            Some(SetOutput::All(seen)) => format!("{asked} -> {seen:?}"),
            Some(SetOutput::Done) | None => asked,
        }
    }
}

/// A list of different values.
fn each_once<'de, D, V>(deserializer: D) -> Result<BTreeSet<V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de> + Ord,
{
    let listed = Vec::<V>::deserialize(deserializer)?;
    let length = listed.len();
    let values: BTreeSet<_> = listed.into_iter().collect();
    if values.len() < length {
        return Err(D::Error::custom("a set holds no value twice"));
    }
    Ok(values)
}
