//! One way in which things may stand.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::ClientId;
use crate::linearizability::specification::{Leaves, Specification};

/// One way in which things may stand: a state, and what has happened of the
/// open operations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Configuration<State> {
    pub(super) state: State,
    /// Open operations of which there is something to say; the others have not
    /// happened, and cannot have happened unseen.
    pub(super) statuses: BTreeMap<ClientId, Status<State>>,
}

/// What there is to say of an open operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Status<State> {
    /// It has not happened; but it may have happened unseen, just before an
    /// operation that overwrote what it did.
    Covered,
    /// It has happened, and its answer will tell nothing.
    Happened,
    /// It has happened, and led from one state to another: its answer must fit.
    Led { from: State, to: State },
    /// It changes nothing. It may see any of these states, the present one among them.
    Sees(BTreeSet<State>),
}

/// What can be said of an operation before its answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It changes no state.
    Observer,
    /// Its answer tells nothing, and it leaves the same state whatever was before.
    Overwriter,
    /// Its answer tells nothing.
    Mute,
    /// Its answer tells something, or it is not known.
    Other,
}

impl Kind {
    pub(super) fn of<S: Specification>(specification: &S, input: &S::Input) -> Self {
        let leaves = specification.claims(input, None).leaves;
        match (leaves, specification.is_mute(input)) {
            (Leaves::Same, _) => Self::Observer,
            (Leaves::Fixed(_), true) => Self::Overwriter,
            (_, true) => Self::Mute,
            (_, false) => Self::Other,
        }
    }

    /// Its answer tells nothing, so that it may happen in any state.
    pub(super) const fn is_mute(self) -> bool {
        matches!(self, Self::Mute | Self::Overwriter)
    }
}

/// An operation without an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Open<Input> {
    pub(super) input: Input,
    /// Nobody waits for the answer any more.
    pub(super) abandoned: bool,
}

impl<State: Clone + Ord> Configuration<State> {
    pub(super) fn new(state: State) -> Self {
        Self {
            state,
            statuses: BTreeMap::new(),
        }
    }

    /// Whether the operation has happened.
    pub(super) fn has_happened(&self, client: ClientId) -> bool {
        matches!(
            self.statuses.get(&client),
            Some(Status::Happened | Status::Led { .. })
        )
    }

    /// An operation is called.
    pub(super) fn call(&mut self, client: ClientId, kind: Kind) {
        if kind == Kind::Observer {
            let sees = BTreeSet::from([self.state.clone()]);
            self.statuses.insert(client, Status::Sees(sees));
        }
    }

    /// An open operation happens, and leads to this state.
    pub(super) fn happen(&mut self, client: ClientId, kind: Kind, to: State) {
        let from = std::mem::replace(&mut self.state, to);
        let to = &self.state;
        for status in self.statuses.values_mut() {
            if let Status::Sees(states) = status
                && !states.contains(to)
            {
                states.insert(to.clone());
            }
        }
        let status = if kind.is_mute() {
            Status::Happened
        } else {
            Status::Led {
                from,
                to: to.clone(),
            }
        };
        self.statuses.insert(client, status);
    }

    /// Whether everything that may follow the other may follow this one.
    ///
    /// An operation that may have gone unseen is better than one that has
    /// happened: it can still do either. It is better than one that has not,
    /// too, for the same reason. One that nobody waits for is better unused. An
    /// observer that may have seen more is better off.
    pub(super) fn covers<Input>(
        &self,
        other: &Self,
        open: &BTreeMap<ClientId, Open<Input>>,
    ) -> bool {
        self.state == other.state
            && open.iter().all(|(client, operation)| {
                match (self.statuses.get(client), other.statuses.get(client)) {
                    (None, Some(Status::Happened | Status::Led { .. })) => operation.abandoned,
                    (Some(Status::Covered), None | Some(Status::Happened)) => true,
                    (Some(Status::Sees(mine)), Some(Status::Sees(its))) => its.is_subset(mine),
                    (mine, its) => mine == its,
                }
            })
    }
}
