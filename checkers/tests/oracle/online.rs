//! A history, told event by event.

use snowglobe_checkers::history::{ClientId, History, Moment};
use snowglobe_checkers::linearizability::{
    Budget, Online, OnlineError, Specification, Watch, WatchError,
};

/// Whether every answer is taken; `None` if that depends on answers still to come, or on
/// more orders than are kept (a dozen overlapping calls that a loose object may take in any).
pub(crate) fn judge<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
) -> Option<bool> {
    let events = events(history);
    let mut judge = Online::new();
    for (_, event, place) in events {
        let operation = &history.operations()[place];
        // A client that calls at the very moment of its last return counts as two.
        let client = ClientId(place as u32);
        let taken = match (event, &operation.returned) {
            (0, None) => judge
                .call(specification, client, operation.input.clone())
                .and_then(|()| judge.abandon(specification, client)),
            (0, Some(_)) => judge.call(specification, client, operation.input.clone()),
            (_, Some((_, output))) => judge.answer(specification, client, output),
            (_, None) => Ok(()),
        };
        match taken {
            Ok(()) => {}
            Err(OnlineError::Illegal { .. }) => return Some(false),
            Err(OnlineError::Unforeseen { .. } | OnlineError::TooWide { .. }) => return None,
            Err(error) => panic!("{error}"),
        }
    }
    Some(true)
}

/// Calls and answers in the order of time; calls come before returns of the same moment.
fn events<I, O>(history: &History<I, O>) -> Vec<(Moment, u32, usize)> {
    let operations = history.operations().iter().enumerate();
    let mut events: Vec<_> = operations
        .flat_map(|(place, operation)| {
            let call = (operation.called, 0, place);
            let end = operation.returned_at().map(|at| (at, 1, place));
            [Some(call), end]
        })
        .flatten()
        .collect();
    events.sort_unstable();
    events
}

/// Whether a watch finds nothing wrong by the end.
pub(crate) fn watch<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
) -> bool {
    let mut watch = Watch::<S>::new();
    for (at, event, place) in events(history) {
        let operation = &history.operations()[place];
        let client = ClientId(place as u32);
        let taken = match (event, &operation.returned) {
            (1, Some((_, output))) => {
                watch.answer(specification, client, at, output.clone(), &Budget::DEFAULT)
            }
            _ => watch.call(specification, client, at, operation.input.clone()),
        };
        taken.expect("short histories are judged at their end");
    }
    match watch.look(specification, &Budget::DEFAULT) {
        Ok(()) => true,
        Err(WatchError::Illegal { .. }) => false,
        Err(_) => panic!("a short history is judged in no time"),
    }
}
