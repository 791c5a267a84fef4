//! Records into lines.

use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;

use super::super::events::{Event, Happening};
use super::super::{ClientId, History, Moment, Operation};
use super::Record;
use crate::linearizability::specifications::KeyedInput;

/// Writes a history as whole calls, in the order of calls.
///
/// # Errors
/// When the bytes cannot be written, or an input or output has no form in JSON.
pub fn write<Input: Serialize, Output: Serialize>(
    history: &History<KeyedInput<Arc<str>, Input>, Output>,
    to: impl Write,
) -> io::Result<()> {
    let mut writer = Writer::new(to);
    for operation in history.operations() {
        writer.write_call(operation)?;
    }
    writer.finish().map(drop)
}

/// Writes records one at a time.
///
/// It writes what it is given: a reader will refuse a file of both calls and
/// events. Every record is a few small writes, so that a file wants a buffer.
pub struct Writer<W> {
    to: W,
}

impl<W: Write> Writer<W> {
    /// A writer of lines.
    pub fn new(to: W) -> Self {
        Self { to }
    }

    /// Writes one record.
    ///
    /// # Errors
    /// When the bytes cannot be written, or an input or output has no form in JSON.
    pub fn write<Input: Serialize, Output: Serialize>(
        &mut self,
        record: &Record<Input, Output>,
    ) -> io::Result<()> {
        match record {
            Record::Call(operation) => self.write_call(operation),
            Record::Event(event) => self.write_event(event),
        }
    }

    /// Writes a whole call.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_call<Input: Serialize, Output: Serialize>(
        &mut self,
        operation: &Operation<KeyedInput<Arc<str>, Input>, Output>,
    ) -> io::Result<()> {
        self.write_line(&Line {
            call: Some(operation.called),
            r#return: operation.returned_at(),
            key: key(&operation.input),
            input: Some(&operation.input.input),
            output: operation.output(),
            ..Line::of(operation.client)
        })
    }

    /// Writes an event.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_event<Input: Serialize, Output: Serialize>(
        &mut self,
        event: &Event<KeyedInput<Arc<str>, Input>, Output>,
    ) -> io::Result<()> {
        let mut line = Line::of(event.client);
        line.at = Some(event.at);
        match &event.what {
            Happening::Invoke(input) => {
                line.key = key(input);
                line.invoke = Some(&input.input);
            }
            Happening::Answer(output) => line.answer = Some(output),
            Happening::Failed => line.failed = Some(true),
            Happening::Lost => line.lost = Some(true),
        }
        self.write_line(&line)
    }

    /// Everything is written: hands back what it was written to.
    ///
    /// # Errors
    /// When the last bytes cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }

    fn write_line<Input: Serialize, Output: Serialize>(
        &mut self,
        line: &Line<'_, Input, Output>,
    ) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        self.to.write_all(b"\n")
    }
}

/// The key, where it must be written.
fn key<Input>(input: &KeyedInput<Arc<str>, Input>) -> Option<&str> {
    (!input.key.is_empty()).then_some(&*input.key)
}

/// All fields of either form, in the order in which they are written.
#[derive(Serialize)]
struct Line<'a, Input, Output> {
    client: ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#return: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a Input>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoke: Option<&'a Input>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<bool>,
}

impl<Input, Output> Line<'_, Input, Output> {
    /// A line that says nothing yet.
    fn of(client: ClientId) -> Self {
        Self {
            client,
            call: None,
            r#return: None,
            at: None,
            key: None,
            input: None,
            output: None,
            invoke: None,
            answer: None,
            failed: None,
            lost: None,
        }
    }
}
