//! Events as files tell them: clients under numbers of their own, some of which
//! lose an operation and go on.

use std::collections::BTreeMap;

use super::{ClientId, History, Moment, NotAHistory, Recorder};

/// Something that happened to a client at some moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event<Input, Output> {
    /// To whom.
    pub client: ClientId,
    /// When.
    pub at: Moment,
    /// What.
    pub what: Happening<Input, Output>,
}

/// What can happen to a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Happening<Input, Output> {
    /// It calls.
    Invoke(Input),
    /// The answer comes.
    Answer(Output),
    /// It learns that its operation has not happened and never will.
    Failed,
    /// It gives up waiting: nobody knows whether its operation happened.
    Lost,
}

/// Clients of event files have numbers below this one; above it are those that
/// a client goes on as after it lost an operation, until all numbers are known.
const FIRST_FRESH: u32 = 1 << 31;

/// A [`Recorder`] that knows what becomes of a client that lost an operation,
/// and tells what is wrong in terms of the file.
pub(super) struct Recording<Input, Output> {
    recorder: Recorder<Input, Output>,
    /// The clients that go on under another name.
    renamed: BTreeMap<ClientId, ClientId>,
    /// How many operations were lost.
    lost: u32,
    /// The highest number of a client in the file.
    highest: u32,
    /// The moment of the latest event.
    now: Moment,
}

impl<Input, Output> Recording<Input, Output> {
    pub(super) fn new() -> Self {
        Self {
            recorder: Recorder::new(),
            renamed: BTreeMap::new(),
            lost: 0,
            highest: 0,
            now: Moment::default(),
        }
    }

    /// What this client of the file has asked and not yet been answered.
    pub(super) fn open(&self, client: ClientId) -> Option<&Input> {
        self.recorder.open(self.name(client))
    }

    /// One more event; otherwise what is wrong with it.
    pub(super) fn take(&mut self, event: Event<Input, Output>) -> Result<(), String> {
        let Event { client, at, what } = event;
        if client.0 >= FIRST_FRESH {
            return Err(format!(
                "client {} is out of range: number the clients of an event file from 0 to {}",
                client.0,
                FIRST_FRESH - 1
            ));
        }
        if at < self.now {
            return Err(time_goes_back(self.now, at));
        }
        self.highest = self.highest.max(client.0);
        self.now = at;
        let name = self.name(client);
        match what {
            Happening::Invoke(input) => self.recorder.call(name, at, input),
            Happening::Answer(output) => self.recorder.answer(name, at, output),
            Happening::Failed => self.recorder.fail(name, at),
            Happening::Lost if self.recorder.open(name).is_none() => {
                Err(NotAHistory::NothingOpen { client, at })
            }
            Happening::Lost => self.rename(client),
        }
        .map_err(|error| in_words(error, client))
    }

    /// The history. What is still open is pending.
    pub(super) fn finish(self) -> Result<History<Input, Output>, NotAHistory> {
        let mut history = self.recorder.finish()?;
        for operation in &mut history.operations {
            if let Some(fresh) = operation.client.0.checked_sub(FIRST_FRESH) {
                operation.client = ClientId(self.highest + 1 + fresh);
            }
        }
        Ok(history)
    }

    /// The name under which a client of the file is recorded now.
    fn name(&self, client: ClientId) -> ClientId {
        self.renamed.get(&client).copied().unwrap_or(client)
    }

    fn rename(&mut self, client: ClientId) -> Result<(), NotAHistory> {
        if self.lost == FIRST_FRESH {
            return Err(NotAHistory::TooLong);
        }
        let fresh = ClientId(FIRST_FRESH + self.lost);
        self.lost += 1;
        self.renamed.insert(client, fresh);
        Ok(())
    }
}

/// What is wrong with an event of this client of the file.
fn in_words(error: NotAHistory, client: ClientId) -> String {
    let client = client.0;
    match error {
        NotAHistory::Overlaps { busy_since, .. } => format!(
            "client {client} calls while its operation called at {busy_since} is still open: \
             end that one first, or say that it is lost"
        ),
        NotAHistory::NothingOpen { .. } => {
            format!("client {client} has no open call to end: its call must come first")
        }
        NotAHistory::TimeGoesBack { before, at } => time_goes_back(before, at),
        NotAHistory::ReturnsBeforeItsCall { .. } | NotAHistory::TooLong => error.to_string(),
    }
}

fn time_goes_back(before: Moment, at: Moment) -> String {
    format!("time goes back from {before} to {at}: put the events in the order of time")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(client: u32, at: u64, what: Happening<char, u8>) -> Event<char, u8> {
        Event {
            client: ClientId(client),
            at: Moment(at),
            what,
        }
    }

    #[test]
    fn who_lost_an_operation_goes_on_under_a_number_that_nobody_has() {
        let mut recording = Recording::new();
        let events = [
            event(0, 1, Happening::Invoke('a')),
            event(0, 2, Happening::Lost),
            event(0, 3, Happening::Invoke('b')),
            event(0, 4, Happening::Lost),
            event(0, 5, Happening::Invoke('c')),
            event(0, 6, Happening::Answer(7)),
            // A number that a hasty reader would have given away by now.
            event(1, 6, Happening::Invoke('d')),
        ];
        for event in events {
            recording.take(event).expect("events that can be");
        }
        let history = recording.finish().expect("short");
        let seen: Vec<_> = history
            .operations()
            .iter()
            .map(|operation| (operation.client.0, operation.input, operation.returned))
            .collect();
        let answered = Some((Moment(6), 7));
        assert_eq!(
            seen,
            [
                (0, 'a', None),
                (2, 'b', None),
                (3, 'c', answered),
                (1, 'd', None)
            ]
        );
    }

    #[test]
    fn what_cannot_be_is_told_with_the_number_from_the_file() {
        let mut recording = Recording::new();
        let mut why = |event| recording.take(event).expect_err("it cannot be");
        assert!(why(event(5, 1, Happening::Lost)).starts_with("client 5 has no open call"));
        recording
            .take(event(5, 1, Happening::Invoke('a')))
            .expect("idle");
        recording.take(event(5, 2, Happening::Lost)).expect("open");
        recording
            .take(event(5, 3, Happening::Invoke('b')))
            .expect("idle again");
        let mut why = |event| recording.take(event).expect_err("it cannot be");
        let overlap = why(event(5, 4, Happening::Invoke('c')));
        assert!(overlap.starts_with("client 5 calls while its operation called at 3"));
        let back = why(event(5, 2, Happening::Lost));
        assert!(back.starts_with("time goes back from 4 to 2"), "{back}");
        let far = why(event(FIRST_FRESH, 9, Happening::Lost));
        assert!(far.contains("out of range"), "{far}");
    }
}
