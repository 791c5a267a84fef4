//! An order that makes what the servers have made.
//!
//! Users whose clerks crash leave calls behind, each of which may have come to pass at
//! any time since, or never; with a few hundred of them on one key no search over what
//! users were told comes to an end. The servers know which did. An order that makes
//! the same of the key as they did, change by change, is one of those that there are
//! without them: where there is one, the history is linearizable. Where there is none,
//! that says nothing of the history.

use std::collections::BTreeMap;
use std::sync::Arc;

use snowglobe_checkers::history::History;
use snowglobe_checkers::linearizability::specifications::{
    KeyedInput as Keyed, Text, TextInput, TextOutput,
};
use snowglobe_checkers::linearizability::{
    Budget, Claims, Leaves, Legal, Options, Specification, check,
};

type KeyedInput = Keyed<Arc<str>, TextInput>;

/// A text, and everything that has ever changed it.
struct Applied<'a> {
    changes: &'a [TextInput],
    /// What it was before each of the changes, and after the last.
    values: Vec<Arc<str>>,
    /// Where those stand that are made once: whoever asked for one of them has made it.
    places: BTreeMap<&'a TextInput, usize>,
}

impl<'a> Applied<'a> {
    /// `None` if no text can have been changed like that: each change changes something.
    fn new(changes: &'a [TextInput]) -> Option<Self> {
        let mut values = vec![Text.initial()];
        for change in changes {
            let before = values.last().expect("there is the first");
            let after = Text.step(before, change, None)?;
            if after == *before {
                return None;
            }
            values.push(after);
        }
        let mut places = BTreeMap::new();
        for (place, change) in changes.iter().enumerate() {
            places.entry(change).or_insert_with(Vec::new).push(place);
        }
        let once = places
            .into_iter()
            .filter_map(|(change, places)| match places[..] {
                [place] => Some((change, place)),
                _ => None,
            });
        Some(Self {
            places: once.collect(),
            changes,
            values,
        })
    }

    /// The one place in which a change can be made, if nobody makes it twice.
    fn place_of(&self, input: &TextInput) -> Option<usize> {
        let is_own = !matches!(input, TextInput::Delete);
        is_own.then(|| self.places.get(input).copied())?
    }
}

impl Specification for Applied<'_> {
    /// How many of the changes were made.
    type State = usize;
    type Input = KeyedInput;
    type Output = TextOutput;
    type Key = ();
    type Next = Option<usize>;

    fn initial(&self) -> usize {
        0
    }

    fn key(&self, _: &KeyedInput) {}

    fn step(&self, made: &usize, input: &KeyedInput, output: Option<&TextOutput>) -> Option<usize> {
        let (made, input) = (*made, &input.input);
        let after = Text.step(&self.values[made], input, output)?;
        let leads_on = self.values.get(made + 1) == Some(&after);
        if let Some(place) = self.place_of(input) {
            return (place == made && leads_on).then_some(made + 1);
        }
        if after == self.values[made] {
            // What is not answered and changes nothing need not have happened.
            return output.map(|_| made);
        }
        (leads_on && self.changes.get(made) == Some(input)).then_some(made + 1)
    }

    fn claims(&self, input: &KeyedInput, output: Option<&TextOutput>) -> Claims<usize> {
        use TextOutput::{Kept, Swapped, Value};
        let input = &input.input;
        match (input, output) {
            (TextInput::Get, Some(Value(_))) | (TextInput::Cas { .. }, Some(Kept)) => {
                Claims::new(Legal::Depends, Leaves::Same)
            }
            (TextInput::Cas { from, to }, Some(Swapped)) if from == to => {
                Claims::new(Legal::Depends, Leaves::Same)
            }
            _ => match self.place_of(input) {
                Some(place) => Claims::new(Legal::OnlyIn(place), Leaves::Fixed(place + 1)),
                None => Claims::NONE,
            },
        }
    }

    fn is_foreseeable(&self, _: &KeyedInput) -> bool {
        false
    }
}

/// Whether the operations of a key have an order that makes these changes, as far as
/// the budget goes.
pub(super) fn have_order_that_makes(
    changes: &[TextInput],
    history: &History<KeyedInput, TextOutput>,
    budget: Budget<'static>,
) -> bool {
    let options = Options {
        budget,
        ..Options::default()
    };
    Applied::new(changes)
        .is_some_and(|applied| check(&applied, history, &options).is_linearizable())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snowglobe_checkers::history::{ClientId, Moment, Operation};
    use snowglobe_checkers::linearizability::claims_hold;
    use snowglobe_checkers::linearizability::specifications::KeyValue;

    use super::*;

    const BUDGET: Budget<'static> = Budget::DEFAULT;

    fn append(text: &str) -> TextInput {
        TextInput::Append(text.into())
    }

    /// What each of some users asks of a key, all at once from 1 on, and is told, if it is.
    fn at_once(calls: &[(TextInput, Option<&str>)]) -> History<KeyedInput, TextOutput> {
        let operations = calls.iter().zip(0..).map(|((input, told), client)| {
            let output = |told: &str| match input {
                TextInput::Get => TextOutput::Value(told.into()),
                _ => TextOutput::Done,
            };
            Operation {
                client: ClientId(client),
                called: Moment(1),
                input: KeyedInput {
                    key: "k".into(),
                    input: input.clone(),
                },
                returned: told.map(|told| (Moment(2), output(told))),
            }
        });
        History::new(operations.collect()).expect("each has one call")
    }

    #[test]
    fn an_order_must_make_what_was_made() {
        let calls = [
            (append("a"), None),
            (append("b"), Some("")),
            (TextInput::Get, Some("ab")),
        ];
        let history = at_once(&calls);
        let holds = |changes: &[TextInput]| have_order_that_makes(changes, &history, BUDGET);
        assert!(holds(&[append("a"), append("b")]));
        assert!(!holds(&[append("b"), append("a")]));
        assert!(!holds(&[append("b")]), "somebody has seen the other");
        assert!(!holds(&[append("a")]), "this one was answered");
    }

    #[test]
    fn many_lost_calls_are_no_trouble() {
        // Before the last answer any of them may have happened, in any order.
        let lost = (0..300).map(|number| (append(&number.to_string()), None));
        let calls: Vec<_> = lost
            .chain([
                (TextInput::Put("z".into()), Some("")),
                (TextInput::Get, Some("z")),
            ])
            .collect();
        let deletes = (0..100).map(|_| (TextInput::Delete, None));
        let with_deletes: Vec<_> = calls.iter().cloned().chain(deletes).collect();
        let appends = |from: u32| (from..from + 10).map(|number| append(&number.to_string()));
        let end = [TextInput::Put("z".into())];
        let made: Vec<TextInput> = appends(20).chain(end.clone()).collect();
        let budget = Budget {
            nodes: 20_000,
            ..BUDGET
        };
        assert!(have_order_that_makes(&made, &at_once(&calls), budget));
        let deleted = (0..8).flat_map(|turn| appends(20 * turn).chain([TextInput::Delete]));
        let made: Vec<TextInput> = deleted.chain(end).collect();
        assert!(have_order_that_makes(
            &made,
            &at_once(&with_deletes),
            budget
        ));
        let made: Vec<TextInput> = [append("1000"), TextInput::Delete]
            .into_iter()
            .chain(made)
            .collect();
        assert!(
            !have_order_that_makes(&made, &at_once(&with_deletes), budget),
            "nobody said 1000"
        );
    }

    /// What a server does one after the other, each asked some time before and answered
    /// some time after, or never; and which of it changed the key.
    fn served(
        calls: &[(TextInput, u64, u64, bool)],
    ) -> (Vec<Operation<KeyedInput, TextOutput>>, Vec<TextInput>) {
        let mut value = Text.initial();
        let mut changes = Vec::new();
        let mut operations = Vec::new();
        for (place, (input, before, after, answered)) in calls.iter().enumerate() {
            let input = named(input, place);
            let at = 100 + 10 * place as u64;
            let next = Text
                .step(&value, &input, None)
                .expect("anything may be asked");
            let output = match &input {
                TextInput::Get => TextOutput::Value(value.clone()),
                TextInput::Cas { from, .. } if *from == value => TextOutput::Swapped,
                TextInput::Cas { .. } => TextOutput::Kept,
                _ => TextOutput::Done,
            };
            if next != value {
                changes.push(input.clone());
            }
            value = next;
            operations.push(Operation {
                client: ClientId(place as u32),
                called: Moment(at - before),
                input: KeyedInput {
                    key: "k".into(),
                    input,
                },
                returned: answered.then(|| (Moment(at + 1 + after), output)),
            });
        }
        operations.sort_by_key(|operation| operation.called);
        (operations, changes)
    }

    /// The same, with a value that nobody else writes.
    fn named(input: &TextInput, place: usize) -> TextInput {
        let own: Arc<str> = format!("{place} ").into();
        match input {
            TextInput::Append(_) => TextInput::Append(own),
            TextInput::Put(_) => TextInput::Put(own),
            TextInput::Cas { from, .. } if **from == *"same" => TextInput::Cas {
                from: "".into(),
                to: "".into(),
            },
            TextInput::Cas { .. } => TextInput::Cas {
                from: "".into(),
                to: own,
            },
            TextInput::Get | TextInput::Delete => input.clone(),
        }
    }

    fn calls() -> impl Strategy<Value = Vec<(TextInput, u64, u64, bool)>> {
        let swap = |from: &str| TextInput::Cas {
            from: from.into(),
            to: "".into(),
        };
        let input = prop_oneof![
            Just(append("")),
            Just(TextInput::Put("".into())),
            Just(TextInput::Delete),
            Just(TextInput::Get),
            Just(swap("")),
            Just(swap("same")),
        ];
        let call = (input, 0..60u64, 0..60u64, prop::bool::weighted(0.7));
        prop::collection::vec(call, 1..9)
    }

    proptest! {
        /// What was really done is found, and what is found is an order in the eyes of a
        /// judge who knows nothing of what was done.
        #[test]
        fn it_agrees_with_the_judge(calls in calls(), lost in 0..12usize, told in 0..12usize) {
            let (mut operations, mut changes) = served(&calls);
            let history = |operations: &[_]| History::new(operations.to_vec()).expect("each has one call");
            prop_assert!(have_order_that_makes(&changes, &history(&operations), BUDGET));
            if lost < changes.len() {
                changes.remove(lost);
            }
            if let Some((_, output)) = operations.get_mut(told).and_then(|it| it.returned.as_mut()) {
                *output = match output {
                    TextOutput::Value(_) | TextOutput::Missing => {
                        TextOutput::Value("0 ".into())
                    }
                    TextOutput::Swapped => TextOutput::Kept,
                    TextOutput::Kept => TextOutput::Swapped,
                    TextOutput::Done => TextOutput::Done,
                };
            }
            let history = history(&operations);
            if have_order_that_makes(&changes, &history, BUDGET) {
                let verdict = check(&KeyValue::EMPTY, &history, &Options::default());
                prop_assert!(verdict.is_linearizable());
            }
            let Some(applied) = Applied::new(&changes) else {
                return Ok(());
            };
            for operation in &operations {
                let output = operation.returned.as_ref().map(|(_, output)| output);
                for made in 0..=changes.len() {
                    prop_assert!(claims_hold(&applied, &made, &operation.input, output));
                }
            }
        }
    }
}
