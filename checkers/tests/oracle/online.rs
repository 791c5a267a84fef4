//! A history, told event by event.

use snowglobe_checkers::history::{ClientId, History};
use snowglobe_checkers::linearizability::{Online, OnlineError, Specification};

/// Whether every answer is taken; `None` if that depends on answers still to come.
pub(crate) fn judge<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
) -> Option<bool> {
    // Calls come before returns of the same moment, but for a client's own.
    let mut events: Vec<_> = history
        .operations()
        .iter()
        .enumerate()
        .flat_map(|(place, operation)| {
            let call = (operation.called, 0, place);
            let end = operation.returned_at().map(|at| (at, 1, place));
            [Some(call), end]
        })
        .flatten()
        .collect();
    events.sort_unstable();
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
            Err(OnlineError::Unforeseen { .. }) => return None,
            Err(error) => panic!("{error}"),
        }
    }
    Some(true)
}
