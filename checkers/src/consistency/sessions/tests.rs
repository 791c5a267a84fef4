//! The judge of sessions against one that tries every order of the writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::consistency::drawn::{self, Drawn, operations};
use crate::consistency::sequential;
use crate::history::{ClientId, History, OperationIndex};
use crate::linearizability::Budget;
use crate::linearizability::specifications::{KeyValue, KeyedInput, TextInput, TextOutput};

type Texts = History<KeyedInput<Arc<str>, TextInput>, TextOutput>;

/// What an operation is in one of the orders tried: places in that order.
#[derive(Clone, Copy)]
enum Fate {
    Saw(usize),
    Wrote(usize),
}

/// Whether some order of the writes gives every reader what it read, and has
/// the guarantee. Any choice of the pending writes may have happened.
fn some_order_has(history: &Texts, guarantee: Option<Guarantee>) -> bool {
    let writes: Vec<_> = (0..history.len())
        .filter(|place| matches!(access(history, *place), Some((_, Some(_)))))
        .collect();
    let must = |place: &usize| history.operations()[*place].output().is_some();
    any_permutation(&writes, &mut Vec::new(), &mut |order| {
        let all = writes.iter().filter(|place| must(place));
        all.into_iter().all(|place| order.contains(place)) && any_fates(history, order, guarantee)
    })
}

fn any_permutation(
    of: &[usize],
    chosen: &mut Vec<usize>,
    holds: &mut impl FnMut(&[usize]) -> bool,
) -> bool {
    if holds(chosen) {
        return true;
    }
    for place in of {
        if chosen.contains(place) {
            continue;
        }
        chosen.push(*place);
        if any_permutation(of, chosen, holds) {
            return true;
        }
        chosen.pop();
    }
    false
}

/// What an operation saw, and what it made of what was there.
type Seen = Option<Arc<str>>;
type Made = Option<(bool, Arc<str>)>;

/// The text it saw, if it did; and whether it appends, and what, if it writes.
fn access(history: &Texts, place: usize) -> Option<(Seen, Made)> {
    let operation = &history.operations()[place];
    let answered = operation.output().is_some();
    match (&operation.input.input, operation.output()) {
        (TextInput::Get, Some(TextOutput::Value(seen))) => Some((Some(seen.clone()), None)),
        (TextInput::Put(text), _) => Some((None, Some((false, text.clone())))),
        (TextInput::Append(more), _) => Some((None, Some((true, more.clone())))),
        (TextInput::Delete, _) => Some((None, Some((false, "".into())))),
        (TextInput::Cas { .. }, Some(TextOutput::Kept)) => None,
        (TextInput::Cas { from, to }, _) if from == to => {
            answered.then(|| (Some(from.clone()), None))
        }
        (TextInput::Cas { from, to }, _) => Some((Some(from.clone()), Some((false, to.clone())))),
        _ => None,
    }
}

/// Whether what was seen can be found in this order so that the guarantee holds.
fn any_fates(history: &Texts, order: &[usize], guarantee: Option<Guarantee>) -> bool {
    let mut texts = vec![String::new()];
    for place in order {
        let Some((_, Some((appends, text)))) = access(history, *place) else {
            return false;
        };
        let before = if appends { texts.last() } else { None };
        let before = before.cloned().unwrap_or_default();
        texts.push(before + &text);
    }
    let mut open = Vec::new();
    for place in 0..history.len() {
        let at = order
            .iter()
            .position(|write| *write == place)
            .map(|at| at + 1);
        if let Some((seen, made)) = access(history, place)
            && (made.is_none() || at.is_some())
        {
            open.push((history.operations()[place].client, seen, at));
        }
    }
    settle(&open, &texts, &mut BTreeMap::new(), guarantee)
}

fn settle(
    open: &[(ClientId, Seen, Option<usize>)],
    texts: &[String],
    fates: &mut BTreeMap<ClientId, Vec<Fate>>,
    guarantee: Option<Guarantee>,
) -> bool {
    let Some(((client, seen, made), rest)) = open.split_first() else {
        return fates.values().all(|session| fits(session, guarantee));
    };
    // A swap finds its text somewhere before the one it leaves.
    let choices: Vec<Option<usize>> = match seen {
        None => vec![None],
        Some(seen) => (0..made.unwrap_or(texts.len()))
            .filter(|at| *texts[*at] == **seen)
            .map(Some)
            .collect(),
    };
    for choice in choices {
        let session = fates.entry(*client).or_default();
        let before = session.len();
        session.extend(choice.map(Fate::Saw));
        session.extend(made.map(Fate::Wrote));
        if settle(rest, texts, fates, guarantee) {
            return true;
        }
        fates.entry(*client).or_default().truncate(before);
    }
    false
}

/// The definitions, pair by pair.
fn fits(session: &[Fate], guarantee: Option<Guarantee>) -> bool {
    use Guarantee::{MonotonicReads, MonotonicWrites, ReadYourWrites, Together, WritesFollowReads};
    let asks = |one| guarantee == Some(one) || guarantee == Some(Together);
    session.iter().enumerate().all(|(place, earlier)| {
        let later = &session[place + 1..];
        later.iter().all(|later| match (*earlier, *later) {
            (Fate::Wrote(one), Fate::Saw(other)) => one <= other || !asks(ReadYourWrites),
            (Fate::Saw(one), Fate::Saw(other)) => one <= other || !asks(MonotonicReads),
            (Fate::Wrote(one), Fate::Wrote(other)) => one < other || !asks(MonotonicWrites),
            (Fate::Saw(one), Fate::Wrote(other)) => one < other || !asks(WritesFollowReads),
        })
    })
}

const ALL: [Guarantee; 5] = [
    Guarantee::ReadYourWrites,
    Guarantee::MonotonicReads,
    Guarantee::MonotonicWrites,
    Guarantee::WritesFollowReads,
    Guarantee::Together,
];

fn one_key(drawn: Vec<Drawn<TextInput, TextOutput>>) -> Texts {
    drawn::history(drawn, |_| "x".into())
}

/// The witness keeps its sessions; every other write is some stranger's, and
/// every other read never was.
fn only(history: &Texts, witness: &[OperationIndex]) -> Texts {
    let mut operations = Vec::new();
    for (place, operation) in (0u32..).zip(history.operations()) {
        let mut operation = operation.clone();
        if !witness.contains(&OperationIndex(place)) {
            if matches!(operation.input.input, TextInput::Get) {
                continue;
            }
            operation.client = ClientId(100 + place);
        }
        operations.push(operation);
    }
    History::new(operations).expect("fewer operations")
}

fn as_every_order_says(history: &Texts) -> Result<(), TestCaseError> {
    let sessions = judge(&KeyValue::EMPTY, history);
    if let Some(NotJudged { why, .. }) = sessions.not_judged.first() {
        prop_assert_eq!(sessions.judged(), 0);
        if why.refutes_every_order() {
            prop_assert!(!some_order_has(history, None), "{}", why);
        }
        return Ok(());
    }
    prop_assert!(history.is_empty() || some_order_has(history, None));
    for guarantee in ALL {
        let expected = some_order_has(history, Some(guarantee));
        match sessions.finding(guarantee) {
            Finding::Held { .. } => prop_assert!(expected, "{} is broken", guarantee),
            Finding::Broken { witness, why, .. } => {
                prop_assert!(!expected, "{} holds: {}", guarantee, why);
                let alone = only(history, witness);
                prop_assert!(some_order_has(&alone, None));
                prop_assert!(!some_order_has(&alone, Some(guarantee)), "{}", why);
            }
        }
    }
    Ok(())
}

fn words(words: &'static [&'static str]) -> impl Strategy<Value = Arc<str>> {
    prop::sample::select(words).prop_map(Arc::from)
}

fn get(seen: Arc<str>) -> (TextInput, TextOutput) {
    (TextInput::Get, TextOutput::Value(seen))
}

/// Texts that are written as a whole.
fn whole() -> impl Strategy<Value = (TextInput, TextOutput)> {
    let put = |text| (TextInput::Put(text), TextOutput::Done);
    prop_oneof![
        8 => words(&["", "a", "b", "c", "d"]).prop_map(get),
        8 => words(&["a", "b", "c", "d"]).prop_map(put),
        1 => Just((TextInput::Delete, TextOutput::Done)),
        3 => (words(&["", "a", "b", "c"]), words(&["b", "c", "d", "e"]), prop::bool::weighted(0.8))
            .prop_map(|(from, to, swapped)| {
                let output = if swapped { TextOutput::Swapped } else { TextOutput::Kept };
                (TextInput::Cas { from, to }, output)
            }),
    ]
}

/// Texts that only grow.
fn growing() -> impl Strategy<Value = (TextInput, TextOutput)> {
    let append = |more| (TextInput::Append(more), TextOutput::Done);
    prop_oneof![
        6 => words(&["", "a", "ab", "abc", "abcd", "b", "ba"]).prop_map(get),
        7 => words(&["a", "b", "c", "d", "bc", ""]).prop_map(append),
    ]
}

/// What only reads and writes, without swaps.
fn simple() -> impl Strategy<Value = (TextInput, TextOutput)> {
    let put = |text| (TextInput::Put(text), TextOutput::Done);
    prop_oneof![
        words(&["", "a", "b", "c", "d"]).prop_map(get),
        words(&["a", "b", "c", "d"]).prop_map(put),
    ]
}

/// Looked at alone, a key that has all four is sequentially consistent.
fn together_is_one_order(history: &Texts) -> Result<(), TestCaseError> {
    let sessions = judge(&KeyValue::EMPTY, history);
    if sessions.not_judged.is_empty() {
        let verdict = sequential::check(&KeyValue::EMPTY, history, &Budget::DEFAULT);
        prop_assert_eq!(verdict.is_consistent(), !sessions.together.is_broken());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whole_values_are_judged_as_by_trying_every_order(drawn in operations(whole())) {
        as_every_order_says(&one_key(drawn))?;
    }

    #[test]
    fn growing_texts_are_judged_as_by_trying_every_order(drawn in operations(growing())) {
        as_every_order_says(&one_key(drawn))?;
    }

    #[test]
    fn all_four_make_one_key_sequentially_consistent(
        simple in operations(simple()),
        growing in operations(growing()),
    ) {
        together_is_one_order(&one_key(simple))?;
        together_is_one_order(&one_key(growing))?;
    }

    #[test]
    fn what_is_sequentially_consistent_breaks_nothing(
        drawn in operations(prop_oneof![whole(), growing()]),
    ) {
        let history: Texts = drawn::history(drawn, |key| format!("k{key}").into());
        let verdict = sequential::check(&KeyValue::EMPTY, &history, &Budget::DEFAULT);
        if verdict.is_consistent() {
            let sessions = judge(&KeyValue::EMPTY, &history);
            for guarantee in ALL {
                let finding = sessions.finding(guarantee);
                prop_assert!(!finding.is_broken(), "{finding:?}");
            }
            let refuted = sessions.not_judged.iter().find(|key| key.why.refutes_every_order());
            prop_assert_eq!(refuted, None);
        }
    }
}
