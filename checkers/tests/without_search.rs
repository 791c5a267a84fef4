//! Histories of queues and sets that would take a search for ever, and take none, or a short one.

use snowglobe_checkers::history::{ClientId, History, Moment, Operation};
use snowglobe_checkers::linearizability::specifications::{
    Queue, QueueInput, QueueOutput, Set, SetInput, SetOutput,
};
use snowglobe_checkers::linearizability::{Budget, Options, check};

fn history<I, O>(operations: Vec<Operation<I, O>>) -> History<I, O> {
    History::new(operations).expect("each client does one thing at a time")
}

/// One of a queue's operations, from a call to a return.
fn queued(
    client: u32,
    (called, returned): (u64, Option<u64>),
    input: QueueInput<u64>,
    output: QueueOutput<u64>,
) -> Operation<QueueInput<u64>, QueueOutput<u64>> {
    Operation {
        client: ClientId(client),
        called: Moment(called),
        input,
        returned: returned.map(|at| (Moment(at), output)),
    }
}

fn within(nodes: u64) -> Options<'static> {
    let budget = Budget {
        nodes,
        ..Budget::DEFAULT
    };
    Options {
        budget,
        ..Options::default()
    }
}

/// A thousand values come, five at a time, and go in turn; some askers found nothing at first.
fn long_queue() -> Vec<Operation<QueueInput<u64>, QueueOutput<u64>>> {
    let times = |start: u64| (start, Some(start + 9));
    let mut operations = vec![queued(9, times(0), QueueInput::Dequeue, QueueOutput::Empty)];
    for value in 0..1000_u64 {
        let (group, client) = (value / 5, value as u32 % 5);
        let came = times(20 * group + client as u64);
        let left = times(20 * group + 10 + client as u64);
        let taken = QueueOutput::Value(value);
        operations.push(queued(
            client,
            came,
            QueueInput::Enqueue(value),
            QueueOutput::Done,
        ));
        operations.push(queued(client + 10, left, QueueInput::Dequeue, taken));
    }
    operations
}

#[test]
fn a_queue_of_different_values_needs_no_search() {
    let queue = Queue::<u64>::EMPTY;
    let mut operations = long_queue();
    let verdict = check(&queue, &history(operations.clone()), &within(1));
    assert!(verdict.is_linearizable(), "{verdict:?}");
    // Two values of different groups leave in the wrong order.
    let place = |value| {
        let taken = |it: &Operation<_, _>| it.output() == Some(&QueueOutput::Value(value));
        operations.iter().position(taken).expect("each is taken")
    };
    let (one, other) = (place(500), place(510));
    for (place, value) in [(one, 510), (other, 500)] {
        let returned = operations[place].returned.as_mut().expect("answered");
        returned.1 = QueueOutput::Value(value);
    }
    let verdict = check(&queue, &history(operations), &within(1));
    assert!(verdict.is_illegal(), "{verdict:?}");
}

#[test]
fn a_set_that_only_grows_needs_no_search() {
    let add = |value: u64| Operation {
        client: ClientId(value as u32),
        called: Moment(value),
        input: SetInput::Add(value),
        returned: Some((Moment(value + 50), SetOutput::Done)),
    };
    let read = |lost: Option<u64>| Operation {
        client: ClientId(5000),
        called: Moment(2000),
        input: SetInput::ReadAll,
        returned: Some((
            Moment(2001),
            SetOutput::All((0..1000).filter(|value| Some(*value) != lost).collect()),
        )),
    };
    for (lost, is_legal) in [(None, true), (Some(700), false)] {
        let operations = (0..1000).map(add).chain([read(lost)]).collect();
        let verdict = check(&Set::<u64>::EMPTY, &history(operations), &within(1));
        assert_eq!(verdict.is_linearizable(), is_legal, "{verdict:?}");
        assert_eq!(verdict.is_illegal(), !is_legal, "{verdict:?}");
    }
}

/// Whoever comes when nobody takes any more leaves nothing that can be told apart.
#[test]
fn what_nobody_takes_has_no_order() {
    let mut operations = Vec::new();
    for value in 0..60_u64 {
        let (group, client) = (value / 5, value as u32 % 5);
        let times = (20 * group, Some(20 * group + 10));
        let input = QueueInput::Enqueue(value % 3);
        operations.push(queued(client, times, input, QueueOutput::Done));
    }
    let taken = QueueOutput::Value(1);
    operations.push(queued(9, (0, Some(400)), QueueInput::Dequeue, taken));
    let wrong = QueueOutput::Value(7);
    let mut illegal = operations.clone();
    illegal.push(queued(10, (0, Some(400)), QueueInput::Dequeue, wrong));
    for (operations, is_legal) in [(operations, true), (illegal, false)] {
        let verdict = check(&Queue::<u64>::EMPTY, &history(operations), &within(20_000));
        assert_eq!(verdict.is_linearizable(), is_legal, "{verdict:?}");
        assert_eq!(verdict.is_illegal(), !is_legal, "{verdict:?}");
    }
}
