//! A line as it is written, before it is known to make sense.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use hashbrown::HashTable;
use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer};
use snowglobe_systems::digest::Digest;

use super::super::events::{Event, Happening};
use super::super::malformed::Flaw;
use super::super::{ClientId, Moment, Operation};
use super::{Form, Record};
use crate::linearizability::specifications::KeyedInput;

/// All fields that a line of either form may have. An enum without a tag could
/// say no more than that no form fits, and not where.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(deserialize = "Input: DeserializeOwned, Output: DeserializeOwned")
)]
pub(super) struct Line<'a, Input, Output> {
    #[serde(deserialize_with = "client")]
    client: ClientId,
    #[serde(borrow, default, deserialize_with = "text")]
    key: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "moment")]
    call: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    r#return: Option<Moment>,
    #[serde(default, deserialize_with = "present")]
    input: Option<Input>,
    #[serde(default, deserialize_with = "present")]
    output: Option<Output>,
    #[serde(default, deserialize_with = "moment")]
    at: Option<Moment>,
    #[serde(default, deserialize_with = "present")]
    invoke: Option<Input>,
    #[serde(default, deserialize_with = "present")]
    answer: Option<Output>,
    #[serde(default, deserialize_with = "mark")]
    failed: bool,
    #[serde(default, deserialize_with = "mark")]
    lost: bool,
}

impl<'a, Input: DeserializeOwned, Output: DeserializeOwned> Line<'a, Input, Output> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Flaw> {
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let why = error.to_string();
            // It counts lines within this one.
            let place = format!(" at line {line} column {column}");
            let why = why.strip_suffix(&place).unwrap_or(&why);
            Flaw::new(column as u64, on_one_line(why))
        })
    }
}

impl<Input, Output> Line<'_, Input, Output> {
    /// Which form its fields belong to.
    pub(super) fn form(&self) -> Result<Form, Flaw> {
        let of_call = self.call.is_some()
            || self.r#return.is_some()
            || self.input.is_some()
            || self.output.is_some();
        let of_event = self.invoke.is_some() || self.answer.is_some() || self.failed || self.lost;
        match (of_call, of_event, self.at.is_some()) {
            (true, false, false) => Ok(Form::Calls),
            (false, true, true) => Ok(Form::TimedEvents),
            (false, true, false) => Ok(Form::UntimedEvents),
            (true, _, _) => Err(Flaw::of_line(
                "a line is either a whole call (\"call\", \"input\", \"return\", \"output\") or an \
                 event (\"at\" and one of \"invoke\", \"answer\", \"failed\", \"lost\"), not both",
            )),
            (false, false, _) => Err(Flaw::of_line(
                "this line says of nothing that it happened: give it \"call\" and \"input\", or \
                 one of \"invoke\", \"answer\", \"failed\" and \"lost\"",
            )),
        }
    }

    /// What it says; `number` is the moment of an event that has no other.
    pub(super) fn into_record(
        self,
        number: u64,
        keys: &mut Keys,
    ) -> Result<Record<Input, Output>, Flaw> {
        if self.input.is_some() || self.call.is_some() {
            return self.into_call(keys).map(Record::Call);
        }
        let Self {
            client,
            key,
            at,
            invoke,
            answer,
            failed,
            lost,
            ..
        } = self;
        if key.is_some() && invoke.is_none() {
            return Err(Flaw::of_line("only a line with \"invoke\" has a \"key\""));
        }
        let what = match (invoke, answer, failed, lost) {
            (Some(input), None, false, false) => Happening::Invoke(keys.keyed(key, input)),
            (None, Some(output), false, false) => Happening::Answer(output),
            (None, None, true, false) => Happening::Failed,
            (None, None, false, true) => Happening::Lost,
            _ => {
                return Err(Flaw::of_line(
                    "an event has exactly one of \"invoke\", \"answer\", \"failed\" and \"lost\"",
                ));
            }
        };
        let at = at.unwrap_or(Moment(number));
        Ok(Record::Event(Event { client, at, what }))
    }

    fn into_call(
        self,
        keys: &mut Keys,
    ) -> Result<Operation<KeyedInput<Arc<str>, Input>, Output>, Flaw> {
        let called = self.call.ok_or_else(|| lacks("call"))?;
        let input = self.input.ok_or_else(|| lacks("input"))?;
        let returned = match (self.r#return, self.output) {
            (Some(at), Some(output)) => Some((at, output)),
            (None, None) => None,
            (Some(_), None) => return Err(half_returned("output")),
            (None, Some(_)) => return Err(half_returned("return")),
        };
        if let Some((at, _)) = &returned
            && *at < called
        {
            return Err(Flaw::of_line(format!(
                "the call at {called} returns at {at}, before it was made"
            )));
        }
        Ok(Operation {
            client: self.client,
            called,
            input: keys.keyed(self.key, input),
            returned,
        })
    }
}

/// A reason that quotes from the file, fit to be shown to a person: a text of
/// the file may hold line ends, and what a terminal takes for orders.
fn on_one_line(why: &str) -> String {
    let mut shown = String::with_capacity(why.len());
    for letter in why.chars() {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

fn lacks(field: &str) -> Flaw {
    Flaw::of_line(format!("a whole call needs the field \"{field}\""))
}

fn half_returned(field: &str) -> Flaw {
    Flaw::of_line(format!(
        "\"{field}\" is missing: a call that returned has both \"return\" and \"output\", \
         and a pending one has neither"
    ))
}

/// The keys met so far, so that each is kept in memory once.
pub(super) struct Keys(HashTable<Arc<str>>);

impl Keys {
    pub(super) fn new() -> Self {
        Self(HashTable::new())
    }

    fn keyed<Input>(
        &mut self,
        key: Option<Cow<'_, str>>,
        input: Input,
    ) -> KeyedInput<Arc<str>, Input> {
        let key = key.as_deref().unwrap_or("");
        let digest = Digest::of(key);
        let entry = self.0.entry(
            digest,
            |known| **known == *key,
            |known| Digest::of(&**known),
        );
        let key = entry.or_insert_with(|| Arc::from(key)).get().clone();
        KeyedInput { key, input }
    }
}

/// A field that is there, whatever it holds: `null` is a value like others.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

fn client<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ClientId, D::Error> {
    let expected = "the number of a client, from 0 to 4294967295";
    let number = deserializer.deserialize_u64(WholeNumber(expected))?;
    u32::try_from(number)
        .map(ClientId)
        .map_err(|_| D::Error::custom(format!("{number} is not {expected}")))
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Moment>, D::Error> {
    let expected = "a moment: a whole number from 0 to 18446744073709551615";
    let number = deserializer.deserialize_u64(WholeNumber(expected))?;
    Ok(Some(Moment(number)))
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    deserializer.deserialize_str(Text).map(Some)
}

fn mark<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    if bool::deserialize(deserializer)? {
        Ok(true)
    } else {
        let why = "only `true` makes sense here: leave the field out otherwise";
        Err(D::Error::custom(why))
    }
}

/// Takes whole numbers, and says of all else what was expected.
struct WholeNumber(&'static str);

impl Visitor<'_> for WholeNumber {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }
}

/// Takes a text, out of the line itself if that has it without escapes.
struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key: a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
