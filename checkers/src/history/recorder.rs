//! A history as it happens: events in, operations out.

use std::collections::BTreeMap;

use super::{ClientId, History, Moment, NotAHistory, Operation};

/// Builds a [`History`] from calls and returns in the order of time.
///
/// An operation that is never answered is pending. A client that gives up on
/// one must go on under a new name: its old one stays busy for ever.
#[derive(Clone, Debug)]
pub struct Recorder<Input, Output> {
    /// In the order of calls. `None` where an operation turned out to have failed.
    operations: Vec<Option<Operation<Input, Output>>>,
    /// Where each busy client's open operation stands in `operations`.
    open: BTreeMap<ClientId, usize>,
    /// The moment of the latest event.
    now: Moment,
}

impl<Input, Output> Default for Recorder<Input, Output> {
    fn default() -> Self {
        Self {
            operations: Vec::new(),
            open: BTreeMap::new(),
            now: Moment::default(),
        }
    }
}

impl<Input, Output> Recorder<Input, Output> {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A client calls.
    ///
    /// # Errors
    /// When its last operation is still open, or the moment is past.
    pub fn call(&mut self, client: ClientId, at: Moment, input: Input) -> Result<(), NotAHistory> {
        self.pass(at)?;
        if let Some(open) = self.open.get(&client) {
            let busy_since = self.operations[*open]
                .as_ref()
                .map_or(at, |operation| operation.called);
            return Err(NotAHistory::Overlaps {
                client,
                called: at,
                busy_since,
            });
        }
        self.open.insert(client, self.operations.len());
        self.operations.push(Some(Operation {
            client,
            called: at,
            input,
            returned: None,
        }));
        Ok(())
    }

    /// A client has its answer.
    ///
    /// # Errors
    /// When it had asked nothing, or the moment is past.
    pub fn answer(
        &mut self,
        client: ClientId,
        at: Moment,
        output: Output,
    ) -> Result<(), NotAHistory> {
        self.pass(at)?;
        let open = self.close(client, at)?;
        if let Some(operation) = &mut self.operations[open] {
            operation.returned = Some((at, output));
        }
        Ok(())
    }

    /// A client learns that its operation has not happened and never will.
    ///
    /// # Errors
    /// When it had asked nothing, or the moment is past.
    pub fn fail(&mut self, client: ClientId, at: Moment) -> Result<(), NotAHistory> {
        self.pass(at)?;
        let open = self.close(client, at)?;
        self.operations[open] = None;
        Ok(())
    }

    /// What a client has asked and not yet been answered.
    #[must_use]
    pub fn open(&self, client: ClientId) -> Option<&Input> {
        let open = *self.open.get(&client)?;
        self.operations[open]
            .as_ref()
            .map(|operation| &operation.input)
    }

    /// How many operations were called and did not fail.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.iter().flatten().count()
    }

    /// Whether no operation was called that did not fail.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.iter().flatten().next().is_none()
    }

    /// The history up to now. What is still open is pending.
    ///
    /// # Errors
    /// When there are more operations than can be numbered.
    pub fn finish(self) -> Result<History<Input, Output>, NotAHistory> {
        let operations: Vec<_> = self.operations.into_iter().flatten().collect();
        if u32::try_from(operations.len()).is_err() {
            return Err(NotAHistory::TooLong);
        }
        Ok(History { operations })
    }

    fn pass(&mut self, at: Moment) -> Result<(), NotAHistory> {
        if at < self.now {
            return Err(NotAHistory::TimeGoesBack {
                before: self.now,
                at,
            });
        }
        self.now = at;
        Ok(())
    }

    fn close(&mut self, client: ClientId, at: Moment) -> Result<usize, NotAHistory> {
        self.open
            .remove(&client)
            .ok_or(NotAHistory::NothingOpen { client, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_operations() {
        let mut recorder = Recorder::new();
        let (a, b, c) = (ClientId(0), ClientId(1), ClientId(2));
        recorder.call(a, Moment(1), "x").expect("idle");
        recorder.call(b, Moment(2), "y").expect("idle");
        recorder.call(c, Moment(2), "z").expect("idle");
        recorder.answer(b, Moment(3), 7).expect("open");
        recorder.fail(a, Moment(4)).expect("open");
        let history = recorder.finish().expect("short");
        let seen: Vec<_> = history
            .operations()
            .iter()
            .map(|operation| (operation.client, operation.input, operation.returned))
            .collect();
        assert_eq!(seen, [(b, "y", Some((Moment(3), 7))), (c, "z", None)]);
    }

    #[test]
    fn events_that_cannot_be_are_refused() {
        let mut recorder = Recorder::<(), ()>::new();
        let client = ClientId(3);
        let nothing = recorder.answer(client, Moment(1), ());
        assert_eq!(
            nothing,
            Err(NotAHistory::NothingOpen {
                client,
                at: Moment(1)
            })
        );
        recorder.call(client, Moment(5), ()).expect("idle");
        let again = recorder.call(client, Moment(6), ());
        assert!(matches!(again, Err(NotAHistory::Overlaps { .. })));
        let back = recorder.answer(client, Moment(2), ());
        assert!(matches!(back, Err(NotAHistory::TimeGoesBack { .. })));
    }
}
