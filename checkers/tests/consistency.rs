//! Stories of weak systems, and what is said of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use snowglobe_checkers::consistency::sequential::check;
use snowglobe_checkers::consistency::sessions::{Why, judge};
use snowglobe_checkers::consistency::{
    Finding, Guarantee, SequentialVerdict, Sessions, Weakness, weakness,
};
use snowglobe_checkers::history::{ClientId, History, Moment, Operation, OperationIndex};
use snowglobe_checkers::linearizability::specifications::{
    CasInput, CasOutput, CasRegister, KeyValue, KeyedInput, Register, RegisterInput,
    RegisterOutput, TextInput, TextOutput,
};
use snowglobe_checkers::linearizability::{Budget, Ended, Specification};

type Texts = History<KeyedInput<Arc<str>, TextInput>, TextOutput>;
type Line = (u32, &'static str, TextInput, Option<TextOutput>);

fn get(client: u32, key: &'static str, seen: &str) -> Line {
    let seen = TextOutput::Value(seen.into());
    (client, key, TextInput::Get, Some(seen))
}

fn put(client: u32, key: &'static str, text: &str) -> Line {
    let put = TextInput::Put(text.into());
    (client, key, put, Some(TextOutput::Done))
}

fn append(client: u32, key: &'static str, more: &str) -> Line {
    let append = TextInput::Append(more.into());
    (client, key, append, Some(TextOutput::Done))
}

fn swap(client: u32, key: &'static str, from: &str, to: &str) -> Line {
    let (from, to) = (from.into(), to.into());
    let swap = TextInput::Cas { from, to };
    (client, key, swap, Some(TextOutput::Swapped))
}

/// The same without an answer.
fn unanswered((client, key, input, _): Line) -> Line {
    (client, key, input, None)
}

/// One after the other.
fn story(lines: impl IntoIterator<Item = Line>) -> Texts {
    let operations = (0..)
        .step_by(2)
        .zip(lines)
        .map(|(at, (client, key, input, output))| Operation {
            client: ClientId(client),
            called: Moment(at),
            input: KeyedInput {
                key: key.into(),
                input,
            },
            returned: output.map(|output| (Moment(at + 1), output)),
        });
    History::new(operations.collect()).expect("a story has an order")
}

fn sequential(history: &Texts) -> SequentialVerdict {
    let verdict = check(&KeyValue::EMPTY, history, &Budget::DEFAULT);
    if let SequentialVerdict::Consistent { order } = &verdict {
        replay(history, order);
    }
    verdict
}

/// An order must keep each client's own, give the answers that were given, and
/// leave out nothing that was answered.
fn replay(history: &Texts, order: &[OperationIndex]) {
    let store = KeyValue::EMPTY;
    let mut texts: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
    let mut last: BTreeMap<ClientId, OperationIndex> = BTreeMap::new();
    for index in order {
        let operation = history.operation(*index);
        let before = last.insert(operation.client, *index);
        assert!(before < Some(*index), "a client's order");
        let text = texts
            .entry(operation.input.key.clone())
            .or_insert_with(|| store.initial());
        let next = store.step(text, &operation.input, operation.output());
        *text = next.expect("an answer that is right there");
    }
    for (place, operation) in (0..).zip(history.operations()) {
        let happened = order.contains(&OperationIndex(place));
        assert!(happened || operation.output().is_none());
    }
}

fn sessions(lines: impl IntoIterator<Item = Line>) -> Sessions<Arc<str>> {
    judge(&KeyValue::EMPTY, &story(lines))
}

fn told(lines: impl IntoIterator<Item = Line>) -> Weakness<Arc<str>> {
    weakness(&KeyValue::EMPTY, &story(lines), &Budget::DEFAULT)
}

/// The only one of the four that is broken, with its witness and its words.
fn broken(lines: impl IntoIterator<Item = Line>) -> (Guarantee, Vec<u32>, String) {
    let sessions = sessions(lines);
    let mut found = Vec::new();
    for guarantee in Guarantee::FOUR {
        if let Finding::Broken { witness, why, .. } = sessions.finding(guarantee) {
            let witness = witness.iter().map(|index| index.0).collect();
            found.push((guarantee, witness, why.clone()));
        }
    }
    assert!(
        sessions.together.is_broken(),
        "what is broken alone is broken together"
    );
    let [only] = &found[..] else {
        panic!("{found:?}");
    };
    only.clone()
}

#[test]
fn an_old_value_read_late_is_sequentially_consistent() {
    let lines = [put(1, "x", "1"), get(2, "x", ""), get(2, "x", "1")];
    let order = vec![OperationIndex(1), OperationIndex(0), OperationIndex(2)];
    let verdict = sequential(&story(lines.clone()));
    assert_eq!(verdict, SequentialVerdict::Consistent { order });
    let words = "Not linearizable, but sequentially consistent: one order of all operations \
                 fits what each client did and saw, though not when it did.";
    assert_eq!(told(lines).to_string(), words);
}

#[test]
fn keys_that_have_an_order_each_may_have_none_together() {
    // Both write, then both miss what the other wrote: store buffering.
    let both = [
        put(1, "x", "1"),
        put(2, "y", "1"),
        get(1, "y", ""),
        get(2, "x", ""),
    ];
    for key in ["x", "y"] {
        let alone = both.clone().into_iter().filter(|line| line.1 == key);
        assert!(sequential(&story(alone)).is_consistent());
    }
    assert!(sequential(&story(both.clone())).is_inconsistent());
    let words = "Neither linearizable nor sequentially consistent. \
                 Keeps all four session guarantees together.";
    assert_eq!(told(both).to_string(), words);
}

#[test]
fn what_has_no_answer_happens_only_if_it_must() {
    let pending = unanswered(put(1, "x", "1"));
    let unseen = story([pending.clone(), get(2, "x", "")]);
    let order = sequential(&unseen);
    assert!(order.is_consistent());
    let seen = story([pending.clone(), get(2, "x", "1")]);
    let order = vec![OperationIndex(0), OperationIndex(1)];
    assert_eq!(sequential(&seen), SequentialVerdict::Consistent { order });
    // But not before what its client did first.
    let late = [
        put(1, "x", "0"),
        pending,
        get(2, "x", "1"),
        get(2, "x", "0"),
    ];
    assert!(sequential(&story(late)).is_inconsistent());
}

#[test]
fn a_search_says_when_it_had_to_stop() {
    let history = story([put(1, "x", "1"), get(2, "y", "2"), put(3, "y", "2")]);
    let budget = Budget {
        nodes: 1,
        ..Budget::DEFAULT
    };
    let verdict = weakness(&KeyValue::EMPTY, &history, &budget);
    let (ended, nodes) = (Ended::Nodes, 1);
    assert_eq!(
        verdict.sequential,
        SequentialVerdict::Unknown { ended, nodes }
    );
    let words = "Not linearizable; whether sequentially consistent is not known: the search \
                 ended after 1 configuration, as many as it may look at. \
                 Keeps all four session guarantees together.";
    assert_eq!(verdict.to_string(), words);
}

#[test]
fn a_write_that_its_own_client_does_not_see() {
    let lines = [put(1, "x", "7"), get(2, "x", "7"), get(1, "x", "")];
    let why = "c1 put(\"7\"), then get() -> \"\". But \"\" is what was there before any write.";
    let found = broken(lines.clone());
    assert_eq!(
        found,
        (Guarantee::ReadYourWrites, vec![0, 2], why.to_owned())
    );
    let words = format!(
        "Neither linearizable nor sequentially consistent. \
         Keeps monotonic reads, monotonic writes and writes follow reads. \
         Breaks read your writes on key \"x\": {why}"
    );
    assert_eq!(told(lines).to_string(), words);
}

#[test]
fn a_reader_that_goes_back_in_time() {
    let found = broken([
        put(1, "x", "3"),
        put(2, "x", "7"),
        get(3, "x", "3"),
        get(3, "x", "7"),
        get(3, "x", "3"),
    ]);
    let why = "c3 get() -> \"3\", then get() -> \"7\", then get() -> \"3\". \
               So \"3\" would come before \"7\", and \"7\" before \"3\".";
    assert_eq!(
        found,
        (Guarantee::MonotonicReads, vec![2, 3, 4], why.to_owned())
    );
    // A swap says by itself what came before what.
    let (guarantee, witness, _) = broken([
        swap(1, "x", "", "3"),
        swap(2, "x", "3", "7"),
        get(3, "x", "7"),
        get(3, "x", "3"),
    ]);
    assert_eq!(
        (guarantee, witness),
        (Guarantee::MonotonicReads, vec![2, 3, 1])
    );
}

#[test]
fn writes_that_arrive_in_the_wrong_order() {
    let found = broken([append(1, "x", "a"), append(1, "x", "b"), get(2, "x", "ba")]);
    let why = "c1 append(\"a\"), then append(\"b\"); c2 get() -> \"ba\". \
               So \"a\" would come before \"b\", and \"b\" before \"a\".";
    assert_eq!(
        found,
        (Guarantee::MonotonicWrites, vec![0, 1, 2], why.to_owned())
    );
}

#[test]
fn two_that_answer_each_other() {
    let found = broken([
        get(1, "x", "tock"),
        put(1, "x", "tick"),
        get(2, "x", "tick"),
        put(2, "x", "tock"),
    ]);
    let why = "c1 get() -> \"tock\", then put(\"tick\"); c2 get() -> \"tick\", then put(\"tock\"). \
               So \"tock\" would come before \"tick\", and \"tick\" before \"tock\".";
    assert_eq!(
        found,
        (
            Guarantee::WritesFollowReads,
            vec![0, 1, 2, 3],
            why.to_owned()
        )
    );
}

#[test]
fn a_value_that_is_read_before_it_is_written() {
    let found = broken([get(1, "x", "3"), put(1, "x", "3")]);
    let why = "c1 get() -> \"3\", then put(\"3\"). It saw \"3\" before it wrote it.";
    assert_eq!(
        found,
        (Guarantee::WritesFollowReads, vec![0, 1], why.to_owned())
    );
}

#[test]
fn each_alone_may_hold_where_all_together_do_not() {
    let found = told([put(1, "x", "3"), put(1, "x", "7"), get(1, "x", "3")]);
    let words = "Neither linearizable nor sequentially consistent. \
                 Keeps each of the four session guarantees alone. \
                 No one order has all four on key \"x\": \
                 c1 put(\"3\"), then put(\"7\"), then get() -> \"3\". \
                 So \"3\" would come before \"7\", and \"7\" before \"3\".";
    assert_eq!(found.to_string(), words);
}

#[test]
fn a_swap_is_told_once() {
    let found = told([
        put(1, "x", "1"),
        swap(1, "x", "2", "3"),
        put(2, "x", "2"),
        get(3, "x", "3"),
        get(3, "x", "1"),
    ]);
    let words = "c1 put(\"1\"), then cas(\"2\", \"3\") -> swapped; \
                 c3 get() -> \"3\", then get() -> \"1\". \
                 So \"1\" would come before \"3\", and \"3\" before \"1\".";
    assert!(found.words.ends_with(words), "{found}");
}

#[test]
fn a_write_without_an_answer_counts_once_it_was_seen() {
    let lines = [
        put(1, "x", "1"),
        unanswered(swap(1, "x", "", "2")),
        get(2, "x", "2"),
    ];
    assert!(!sessions(lines[..2].to_vec()).together.is_broken());
    let why = "c1 put(\"1\"), then cas(\"\", \"2\"); \
               cas(\"\", \"2\") has no answer, but happened: c2 get() -> \"2\". \
               But \"\" is what was there before any write.";
    let found = broken(lines);
    assert_eq!(
        found,
        (Guarantee::ReadYourWrites, vec![0, 1, 2], why.to_owned())
    );
}

#[test]
fn appends_that_nobody_has_seen_yet() {
    // What c1 read lacks what c1 appended; c2's may come at any time.
    let lines = [append(1, "x", "a"), append(2, "x", "b"), get(1, "x", "b")];
    let why = "c1 append(\"a\"), then get() -> \"b\". But \"a\" is not there yet.";
    let found = broken(lines);
    assert_eq!(
        found,
        (Guarantee::ReadYourWrites, vec![0, 2], why.to_owned())
    );
    let patient = [append(1, "x", "a"), append(2, "x", "b"), get(1, "x", "a")];
    assert_eq!(sessions(patient).together, Finding::Held { keys: 1 });
}

/// Why the one key of a story is not judged.
fn why_not(lines: impl IntoIterator<Item = Line>) -> (Why, bool) {
    let history = story(lines);
    let sessions = judge(&KeyValue::EMPTY, &history);
    assert_eq!(sessions.judged(), 0);
    let [only] = &sessions.not_judged[..] else {
        panic!("{:?}", sessions.not_judged);
    };
    if only.why.refutes_every_order() {
        assert!(sequential(&history).is_inconsistent());
    }
    (only.why.clone(), only.why.refutes_every_order())
}

#[test]
fn what_cannot_be_told_apart_is_not_judged() {
    let words = |text: &str| format!("{text:?}");
    let twice = |value| Why::WrittenTwice {
        value: words(value),
    };
    let again = [put(1, "x", "1"), put(2, "x", "1"), get(3, "x", "1")];
    assert_eq!(why_not(again.clone()), (twice("1"), false));
    // Nobody saw it: then there is nothing to tell apart.
    assert_eq!(sessions(again[..2].to_vec()).judged(), 1);
    let back = [put(1, "x", "1"), put(2, "x", ""), get(3, "x", "")];
    assert_eq!(why_not(back), (twice(""), false));
    let mixed = [put(1, "x", "1"), append(2, "x", "2")];
    assert_eq!(why_not(mixed), (Why::Mixed, false));
    let echo = [
        append(1, "x", "a"),
        append(2, "x", "aa"),
        get(3, "x", "aaa"),
    ];
    let text = words("aaa");
    assert_eq!(why_not(echo), (Why::Ambiguous { text }, false));
}

#[test]
fn what_contradicts_itself_whoever_did_it_is_not_judged() {
    let words = |text: &str| format!("{text:?}");
    let value = words("9");
    assert_eq!(
        why_not([get(1, "x", "9")]),
        (Why::FromNowhere { value }, true)
    );
    let fork = [
        append(1, "x", "a"),
        append(2, "x", "b"),
        get(1, "x", "ab"),
        get(2, "x", "b"),
    ];
    let (one, other) = (words("ab"), words("b"));
    assert_eq!(why_not(fork), (Why::Forked { one, other }, true));
    let (piece, text) = (words("a"), words("aa"));
    let retried = [append(1, "x", "a"), get(1, "x", "aa")];
    assert_eq!(why_not(retried), (Why::Repeated { piece, text }, true));
    let circle = [swap(1, "x", "a", "b"), swap(2, "x", "b", "a")];
    assert_eq!(why_not(circle), (Why::Circular, true));
    let (client, key, input, _) = put(1, "x", "1");
    let other = (client, key, input, Some(TextOutput::Kept));
    assert!(matches!(why_not([other]), (Why::Mismatched { .. }, true)));
}

#[test]
fn keys_are_counted() {
    let back = |key| [put(1, key, "1"), get(2, key, "1"), get(2, key, "")];
    let keys = ["a", "b"].into_iter().flat_map(back);
    let sound = [put(1, "c", "1"), get(2, "c", "1")];
    let unclear = ["d", "e", "f", "g"].map(|key| get(1, key, "from nowhere"));
    let found = told(keys.chain(sound).chain(unclear)).to_string();
    let words = "Neither linearizable nor sequentially consistent. \
                 Keeps read your writes, monotonic writes and writes follow reads \
                 on the 3 keys that were judged. \
                 Breaks monotonic reads on 2 keys, as on key \"a\": ";
    assert!(found.starts_with(words), "{found}");
    assert!(
        found.ends_with("Nor were those on one other key."),
        "{found}"
    );
}

#[test]
fn a_verdict_can_be_written_down() {
    let found = told([put(1, "x", "7"), get(1, "x", "")]);
    let written = serde_json::to_value(&found).expect("it is plain data");
    assert_eq!(written["sequential"]["inconsistent"]["nodes"], 0);
    let broken = &written["sessions"]["read_your_writes"]["broken"];
    assert_eq!(
        (&broken["key"], &broken["witness"]),
        (&"x".into(), &vec![0, 1].into())
    );
    assert_eq!(written["sessions"]["monotonic_reads"]["held"]["keys"], 1);
}

/// One client's calls, one after the other, on an object without keys.
fn alone<Input, Output>(calls: Vec<(Input, Output)>) -> History<Input, Output> {
    let operations = (0..)
        .step_by(2)
        .zip(calls)
        .map(|(at, (input, output))| Operation {
            client: ClientId(0),
            called: Moment(at),
            input,
            returned: Some((Moment(at + 1), output)),
        });
    History::new(operations.collect()).expect("one after the other")
}

#[test]
fn registers_are_judged_too() {
    let register = Register { initial: 0 };
    let history = alone(vec![
        (RegisterInput::Write(1), RegisterOutput::Written),
        (RegisterInput::Read, RegisterOutput::Value(0)),
    ]);
    let found = weakness(&register, &history, &Budget::DEFAULT);
    assert!(found.sessions.read_your_writes.is_broken());
    assert!(
        found
            .words
            .contains("Breaks read your writes: c0 write(1), then read() -> 0.")
    );

    let register = CasRegister { initial: 0 };
    let history = alone(vec![
        (CasInput::Cas { from: 0, to: 1 }, CasOutput::Swapped),
        (CasInput::Cas { from: 0, to: 2 }, CasOutput::Swapped),
    ]);
    let found = weakness(&register, &history, &Budget::DEFAULT);
    assert!(found.sessions.read_your_writes.is_broken());
}

/// What one operation of a valid run is: who, where, what, and how long before
/// and after its moment it was called and answered.
type Drawn = (u32, usize, TextInput, u64, u64);

fn drawn() -> impl Strategy<Value = Drawn> {
    let word = || prop::sample::select(vec!["", "a", "b", "c", "d"]).prop_map(Arc::<str>::from);
    let input = prop_oneof![
        4 => Just(TextInput::Get),
        3 => word().prop_map(TextInput::Put),
        3 => word().prop_map(TextInput::Append),
        1 => Just(TextInput::Delete),
        2 => (word(), word()).prop_map(|(from, to)| TextInput::Cas { from, to }),
    ];
    (0u32..4, 0usize..3, input, 0u64..60, 0u64..60)
}

/// Carries operations out one at a time, at moments ten apart, and calls and
/// answers them around their moments, as far as their clients have time. The
/// last operation of each client in `silent` is never answered.
fn carried_out(drawn: Vec<Drawn>, silent: &[u32], late: impl Fn(u32) -> u64) -> Texts {
    let store = KeyValue::EMPTY;
    let mut texts = BTreeMap::new();
    let mut operations: Vec<Operation<_, _>> = Vec::new();
    for (moment, (client, key, input, before, after)) in (100..).step_by(10).zip(drawn) {
        let key: Arc<str> = ["x", "y", "z"][key].into();
        let text = texts.entry(key.clone()).or_insert_with(|| store.initial());
        let output = match &input {
            TextInput::Get => TextOutput::Value(text.clone()),
            TextInput::Cas { from, .. } if from == text => TextOutput::Swapped,
            TextInput::Cas { .. } => TextOutput::Kept,
            _ => TextOutput::Done,
        };
        let input = KeyedInput { key, input };
        *text = store.step(text, &input, Some(&output)).expect("its answer");
        let moment = moment + late(client);
        let mut called = moment - before;
        let mut earlier = operations.iter_mut().rev();
        if let Some(own) = earlier.find(|own| own.client == ClientId(client))
            && let Some((returned, _)) = &mut own.returned
        {
            // Their moments are ten apart at least: between them is time for both.
            called = called.max(moment - 5);
            returned.0 = returned.0.min(called);
        }
        operations.push(Operation {
            client: ClientId(client),
            called: Moment(called),
            input,
            returned: Some((Moment(moment + after), output)),
        });
    }
    for client in silent {
        let mut own = operations.iter_mut().rev();
        if let Some(last) = own.find(|own| own.client == ClientId(*client)) {
            last.returned = None;
        }
    }
    History::new(operations).expect("one at a time")
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// What took effect one after the other is sequentially consistent, and
    /// breaks no session guarantee; also if each client's clock is off, so
    /// that it is not linearizable any more.
    #[test]
    fn what_happened_in_some_order_is_consistent(
        drawn in vec(drawn(), 0..60),
        silent in prop::sample::subsequence(vec![0, 1, 2, 3], 0..=2),
        clocks in prop_oneof![Just([0; 4]), prop::array::uniform4(0u64..500)],
    ) {
        let history = carried_out(drawn, &silent, |client| clocks[client as usize]);
        prop_assert!(sequential(&history).is_consistent());
        let sessions = judge(&KeyValue::EMPTY, &history);
        for guarantee in Guarantee::FOUR.into_iter().chain([Guarantee::Together]) {
            let finding = sessions.finding(guarantee);
            prop_assert!(!finding.is_broken(), "{:?}", finding);
        }
        let refuted = sessions.not_judged.iter().find(|key| key.why.refutes_every_order());
        prop_assert_eq!(refuted, None);
    }
}
