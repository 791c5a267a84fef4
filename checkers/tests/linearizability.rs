//! Stories of histories: what is linearizable, what is not, and what is told about it.

use snowglobe_checkers::history::{ClientId, History, Moment, Operation, OperationIndex};
use snowglobe_checkers::linearizability::specifications::{
    KeyValue, KeyedInput, Register, RegisterInput, RegisterOutput, Text, TextInput, TextOutput,
};
use snowglobe_checkers::linearizability::{
    Budget, Cuts, Ended, Explanation, Found, Online, OnlineError, Options, ReasonKind,
    Specification, Verdict, check, explain,
};

const REGISTER: Register<u32> = Register { initial: 0 };

type Numbers = Operation<RegisterInput<u32>, RegisterOutput<u32>>;
type Texts = Operation<TextInput, TextOutput>;

fn operation<I, O>(
    client: u32,
    (called, returned): (u64, u64),
    input: I,
    output: O,
) -> Operation<I, O> {
    Operation {
        client: ClientId(client),
        called: Moment(called),
        input,
        returned: Some((Moment(returned), output)),
    }
}

fn write(client: u32, span: (u64, u64), value: u32) -> Numbers {
    operation(
        client,
        span,
        RegisterInput::Write(value),
        RegisterOutput::Written,
    )
}

fn read(client: u32, span: (u64, u64), value: u32) -> Numbers {
    operation(
        client,
        span,
        RegisterInput::Read,
        RegisterOutput::Value(value),
    )
}

fn append(client: u32, span: (u64, u64), text: &str) -> Texts {
    operation(
        client,
        span,
        TextInput::Append(text.into()),
        TextOutput::Done,
    )
}

fn put(client: u32, span: (u64, u64), text: &str) -> Texts {
    operation(client, span, TextInput::Put(text.into()), TextOutput::Done)
}

fn get(client: u32, span: (u64, u64), text: &str) -> Texts {
    operation(client, span, TextInput::Get, TextOutput::Value(text.into()))
}

fn pending<I, O>(operation: Operation<I, O>) -> Operation<I, O> {
    Operation {
        returned: None,
        ..operation
    }
}

fn history<I, O>(operations: Vec<Operation<I, O>>) -> History<I, O> {
    History::new(operations).expect("each client does one thing at a time")
}

fn is_linearizable<S>(specification: &S, operations: Vec<Operation<S::Input, S::Output>>) -> bool
where
    S: Specification<Key: Send + Sync, Input: Sync, Output: Sync> + Sync,
{
    match check(specification, &history(operations), &Options::default()) {
        Verdict::Linearizable(_) => true,
        Verdict::Illegal(_) => false,
        Verdict::Unknown(unknown) => panic!("{unknown:?}"),
    }
}

fn why<S>(specification: &S, operations: Vec<Operation<S::Input, S::Output>>) -> Explanation
where
    S: Specification<Key = ()>,
{
    let history = history(operations);
    explain(specification, &history, &(), &Options::default()).expect("it is illegal")
}

#[test]
fn a_read_may_see_a_write_that_is_still_under_way() {
    let under_way = vec![write(0, (0, 10), 1), read(1, (2, 3), 1), read(2, (4, 5), 1)];
    assert!(is_linearizable(&REGISTER, under_way));
}

#[test]
fn but_not_the_old_value_once_somebody_saw_the_new_one() {
    let back = vec![write(0, (0, 10), 1), read(1, (2, 3), 1), read(2, (4, 5), 0)];
    assert!(!is_linearizable(&REGISTER, back));
}

#[test]
fn a_return_and_a_call_of_the_same_moment_are_concurrent() {
    assert!(is_linearizable(
        &REGISTER,
        vec![write(0, (0, 5), 1), read(1, (5, 6), 0)]
    ));
    assert!(!is_linearizable(
        &REGISTER,
        vec![write(0, (0, 5), 1), read(1, (6, 7), 0)]
    ));
}

#[test]
fn a_pending_write_may_happen_late_or_never() {
    let lost = || pending(write(0, (0, 0), 1));
    let never = vec![lost(), read(1, (2, 3), 0), read(1, (4, 5), 0)];
    assert!(is_linearizable(&REGISTER, never));
    let late = vec![lost(), read(1, (2, 3), 0), read(1, (4, 5), 1)];
    assert!(is_linearizable(&REGISTER, late));
    let twice = vec![
        lost(),
        read(1, (2, 3), 1),
        write(1, (4, 5), 2),
        read(1, (6, 7), 1),
    ];
    assert!(!is_linearizable(&REGISTER, twice));
}

#[test]
fn the_reasons_have_names() {
    let kinds = |explanation: Explanation| explanation.reason.map(|reason| reason.kind);
    let stale = vec![write(0, (0, 1), 1), write(0, (2, 3), 2), read(1, (4, 5), 1)];
    assert_eq!(kinds(why(&REGISTER, stale)), Some(ReasonKind::StaleRead));
    let nowhere = vec![write(0, (0, 1), 1), read(1, (2, 3), 7)];
    assert_eq!(
        kinds(why(&REGISTER, nowhere)),
        Some(ReasonKind::NeverWritten)
    );
    let future = vec![read(1, (0, 1), 7), write(0, (2, 3), 7)];
    assert_eq!(
        kinds(why(&REGISTER, future)),
        Some(ReasonKind::ReadOfTheFuture)
    );
    let lost = vec![
        append(0, (0, 1), "a"),
        append(1, (2, 3), "b"),
        get(0, (4, 5), "b"),
    ];
    assert_eq!(kinds(why(&Text, lost)), Some(ReasonKind::LostUpdate));
    let twice = vec![append(0, (0, 1), "a"), get(0, (4, 5), "aa")];
    assert_eq!(kinds(why(&Text, twice)), Some(ReasonKind::HappenedTwice));
}

#[test]
fn an_explanation_leaves_out_what_does_not_matter() {
    let mut operations = vec![put(9, (0, 1), "x")];
    for step in 0..50u64 {
        let (start, client) = (10 * step + 2, step as u32 % 3);
        operations.push(append(client, (start, start + 4), "y"));
        operations.push(get(
            client,
            (start + 5, start + 6),
            &format!("x{}", "y".repeat(step as usize + 1)),
        ));
    }
    operations.push(get(7, (600, 601), "x"));
    let explanation = why(&Text, operations);
    assert_eq!(explanation.explained, 101);
    assert!(explanation.minimal);
    let core: Vec<_> = explanation
        .core
        .iter()
        .map(|told| told.words.as_str())
        .collect();
    assert_eq!(
        core.len(),
        2,
        "one append and the get that does not see it: {core:?}"
    );
    let words = explanation.words();
    assert!(words.contains("lost update"), "{words}");
    assert!(words.contains("|---"), "there is a picture: {words}");
}

#[test]
fn the_order_of_a_verdict_names_places_in_the_history() {
    let history = history(vec![
        write(0, (0, 10), 1),
        read(1, (2, 3), 0),
        read(2, (4, 5), 1),
    ]);
    let Verdict::Linearizable(certificate) = check(&REGISTER, &history, &Options::default()) else {
        panic!("the write may happen between the reads");
    };
    let places: Vec<_> = certificate
        .order
        .iter()
        .map(|index| index.place())
        .collect();
    assert_eq!(places, [1, 0, 2]);
}

/// A history that is hard without short cuts: many concurrent writes, and a contradiction at the end.
fn hard(clients: u32) -> History<RegisterInput<u32>, RegisterOutput<u32>> {
    let mut operations: Vec<_> = (0..clients)
        .map(|client| write(client, (0, 100), client % 3 + 1))
        .collect();
    operations.push(read(clients, (200, 201), 1));
    operations.push(read(clients, (202, 203), 2));
    history(operations)
}

#[test]
fn a_budget_ends_in_an_answer_that_names_where() {
    let options = Options {
        cuts: Cuts::NONE,
        budget: Budget {
            nodes: 5_000,
            ..Budget::DEFAULT
        },
        threads: 1,
    };
    let verdict = check(&REGISTER, &hard(12), &options);
    let Verdict::Unknown(unknown) = &verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!((unknown.ended, unknown.nodes), (Ended::Nodes, 5_000));
    assert_eq!(unknown.operations, 14);
    assert_eq!(
        verdict,
        check(&REGISTER, &hard(12), &options),
        "budgets of nodes are reproducible"
    );
}

#[test]
fn memory_is_a_budget_too() {
    let options = Options {
        cuts: Cuts::NONE,
        budget: Budget {
            bytes: 200_000,
            ..Budget::DEFAULT
        },
        threads: 1,
    };
    let Verdict::Unknown(unknown) = check(&REGISTER, &hard(16), &options) else {
        panic!("65,536 subsets do not fit");
    };
    assert_eq!(unknown.ended, Ended::Memory);
    assert!(check(&REGISTER, &hard(16), &Options::default()).is_illegal());
}

#[test]
fn a_flag_stops_the_search() {
    let stop = std::sync::atomic::AtomicBool::new(true);
    let options = Options {
        cuts: Cuts::NONE,
        budget: Budget {
            stop: Some(&stop),
            ..Budget::DEFAULT
        },
        threads: 1,
    };
    let Verdict::Unknown(unknown) = check(&REGISTER, &hard(16), &options) else {
        panic!("it was told to stop");
    };
    assert_eq!(unknown.ended, Ended::Stopped);
}

#[test]
fn the_verdict_does_not_depend_on_the_number_of_threads() {
    let of_key = |key: u32, operation: Texts| Operation {
        client: ClientId(operation.client.0 + 10 * key),
        called: operation.called,
        input: KeyedInput {
            key: key.to_string().into(),
            input: operation.input,
        },
        returned: operation.returned,
    };
    let mut operations = Vec::new();
    for key in 0..40 {
        operations.push(of_key(key, append(0, (0, 1), "a")));
        // Every fifth key has lost its append.
        let seen = if key % 5 == 3 { "" } else { "a" };
        operations.push(of_key(key, get(1, (2, 3), seen)));
    }
    let history = history(operations);
    let verdicts: Vec<_> = (1..5)
        .map(|threads| {
            let options = Options {
                threads,
                ..Options::default()
            };
            check(&KeyValue::EMPTY, &history, &options)
        })
        .collect();
    let Verdict::Illegal(illegal) = &verdicts[0] else {
        panic!("eight keys are illegal");
    };
    assert_eq!((&*illegal.key, illegal.found), ("13", Found::BySearch));
    assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]));
}

#[test]
fn a_judge_that_listens_stops_at_the_first_wrong_answer() {
    let mut judge = Online::new();
    let (a, b) = (ClientId(0), ClientId(1));
    let mut tell = |client, input: RegisterInput<u32>, output| {
        judge.call(&REGISTER, client, input).expect("it is idle");
        judge.answer(&REGISTER, client, &output)
    };
    assert_eq!(
        tell(a, RegisterInput::Write(1), RegisterOutput::Written),
        Ok(())
    );
    assert_eq!(
        tell(b, RegisterInput::Read, RegisterOutput::Value(1)),
        Ok(())
    );
    assert_eq!(
        tell(b, RegisterInput::Read, RegisterOutput::Value(0)),
        Err(OnlineError::Illegal { client: b })
    );
}

#[test]
fn when_nothing_is_open_only_states_are_kept() {
    let mut judge = Online::new();
    let mut widest = 0;
    for round in 0..1_000u32 {
        for client in 0..4 {
            let input = RegisterInput::Write(4 * round + client);
            judge
                .call(&REGISTER, ClientId(client), input)
                .expect("idle");
        }
        for client in 0..4 {
            judge
                .answer(&REGISTER, ClientId(client), &RegisterOutput::Written)
                .expect("legal");
            widest = widest.max(judge.width());
        }
        assert!(
            judge.width() <= 4,
            "any of four writes may have been the last"
        );
    }
    assert!(widest <= 64, "{widest}");
}

#[test]
fn pasts_with_the_same_future_are_equal() {
    // Three writes in two orders, then a read that settles which was last.
    let told = |first: [u32; 2]| {
        let mut judge = Online::new();
        for value in first {
            judge
                .call(&REGISTER, ClientId(value), RegisterInput::Write(value))
                .expect("idle");
        }
        for value in first {
            judge
                .answer(&REGISTER, ClientId(value), &RegisterOutput::Written)
                .expect("legal");
        }
        judge
            .call(&REGISTER, ClientId(9), RegisterInput::Read)
            .expect("idle");
        judge
            .answer(&REGISTER, ClientId(9), &RegisterOutput::Value(2))
            .expect("legal");
        judge
    };
    assert_eq!(told([1, 2]), told([2, 1]));
    let states: Vec<_> = told([1, 2])
        .under(&())
        .expect("touched")
        .states()
        .into_iter()
        .copied()
        .collect();
    assert_eq!(states, [2]);
}

#[test]
fn what_nobody_waits_for_may_still_happen() {
    let mut judge = Online::new();
    let (lost, reader) = (ClientId(0), ClientId(1));
    judge
        .call(&REGISTER, lost, RegisterInput::Write(1))
        .expect("idle");
    judge.abandon(&REGISTER, lost).expect("busy");
    let mut read = |value| {
        judge
            .call(&REGISTER, reader, RegisterInput::Read)
            .expect("idle");
        judge.answer(&REGISTER, reader, &RegisterOutput::Value(value))
    };
    assert_eq!(read(0), Ok(()));
    assert_eq!(read(1), Ok(()), "it happened late");
    assert_eq!(
        read(0),
        Err(OnlineError::Illegal { client: reader }),
        "and cannot be undone"
    );
}

#[test]
fn an_empty_history_is_linearizable() {
    let Verdict::Linearizable(certificate) =
        check(&REGISTER, &history(vec![]), &Options::default())
    else {
        panic!("nothing is wrong with nothing");
    };
    assert_eq!(certificate.order, Vec::<OperationIndex>::new());
}
