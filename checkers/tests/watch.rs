//! A history that is watched while it grows: what has no order is found before its end, and what
//! was not decided is not called right.

use snowglobe_checkers::history::{ClientId, Moment};
use snowglobe_checkers::linearizability::specifications::{
    Counter, CounterInput, CounterOutput, Register, RegisterInput, RegisterOutput,
};
use snowglobe_checkers::linearizability::{Budget, Watch, WatchError};

const ANN: ClientId = ClientId(0);
const BOB: ClientId = ClientId(1);

#[test]
fn what_has_no_order_is_found_while_the_history_grows() {
    let register = Register { initial: 0 };
    let mut watch = Watch::new();
    let found = (0..1000).find_map(|read| {
        let (called, answered) = (Moment(2 * read), Moment(2 * read + 1));
        let seen = RegisterOutput::Value(7);
        watch
            .call(&register, ANN, called, RegisterInput::Read)
            .expect("one call at a time");
        let told = watch.answer(&register, ANN, answered, seen, &Budget::DEFAULT);
        told.err()
    });
    assert_eq!(found, Some(WatchError::Illegal { key: () }));
}

#[test]
fn what_was_not_decided_is_not_right() {
    let counter = Counter { initial: 0 };
    let mut watch = Watch::new();
    for (client, more) in [(ANN, 1), (BOB, 2)] {
        let add = CounterInput::Add(more);
        watch
            .call(&counter, client, Moment(0), add)
            .expect("one call at a time");
    }
    for client in [ANN, BOB] {
        let done = CounterOutput::Done;
        watch
            .answer(&counter, client, Moment(1), done, &Budget::DEFAULT)
            .expect("it is not judged yet");
    }
    let nothing = Budget {
        nodes: 0,
        ..Budget::DEFAULT
    };
    let undecided = watch.look(&counter, &nothing);
    assert!(
        matches!(undecided, Err(WatchError::Unknown { .. })),
        "{undecided:?}"
    );
}
