//! What stands in values, as the objects need it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::edn::{Form, Placed};
use super::super::malformed::Flaw;
use super::super::value::Value;
use super::KeyIn;
use super::told::Told;

/// Any form as a value.
pub(super) fn value(form: &Form<'_>) -> Value {
    match form {
        Form::Nil => Value::Nothing,
        Form::Integer(number) => Value::Number(*number),
        Form::Text(text) => Value::Text((&**text).into()),
        other => Value::Other(other.canonical().into()),
    }
}

/// The form of a value that must be there; `nil` where there is none.
pub(super) fn form<'f, 'a>(placed: Option<&'f Placed<'a>>) -> &'f Form<'a> {
    placed.map_or(&Form::Nil, |placed| &placed.form)
}

/// A flaw of this value, or of the function if there is none.
pub(super) fn flaw(told: &Told<'_>, placed: Option<&Placed<'_>>, why: &str) -> Flaw {
    match placed {
        Some(placed) => placed.flaw(why),
        None => told.flaw_of_function(why),
    }
}

/// A whole number of 64 bits.
pub(super) fn number(told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<i64, Flaw> {
    match form(placed) {
        Form::Integer(number) => Ok(*number),
        _ => Err(flaw(
            told,
            placed,
            "a whole number of 64 bits should be here",
        )),
    }
}

/// The values of a list, a vector or a set. One that is there twice stands for itself and for
/// a value that says so, which nobody can have put there.
pub(super) fn values(
    told: &Told<'_>,
    placed: Option<&Placed<'_>>,
) -> Result<BTreeSet<Value>, Flaw> {
    let mut all = BTreeSet::new();
    for value in listed(told, placed)? {
        if !all.insert(value.clone()) {
            all.insert(Value::Other(format!("{value} twice").into()));
        }
    }
    Ok(all)
}

/// The values of a list, a vector or a set, in their order.
pub(super) fn listed(told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<Vec<Value>, Flaw> {
    match form(placed) {
        Form::Vector(forms) | Form::Set(forms) => {
            Ok(forms.iter().map(|placed| value(&placed.form)).collect())
        }
        Form::Nil => Ok(Vec::new()),
        _ => Err(flaw(
            told,
            placed,
            "a set or a vector of values should be here",
        )),
    }
}

/// An answer that repeats the call: there must be none, or the one that was called with.
pub(super) fn must_repeat(
    told: &Told<'_>,
    placed: Option<&Placed<'_>>,
    repeats: bool,
) -> Result<(), Flaw> {
    let confirms = matches!(form(placed), Form::Nil)
        || matches!(form(placed), Form::Other(word) if word == "true")
        || matches!(form(placed), Form::Keyword("ok"));
    match repeats || confirms {
        true => Ok(()),
        false => Err(flaw(
            told,
            placed,
            "this is not the value that this client called with",
        )),
    }
}

/// The keys met so far, each of which is kept in memory once.
#[derive(Default)]
pub(super) struct Keys {
    /// By their words, and whether those are of a text.
    known: BTreeMap<Arc<str>, bool>,
    /// Whether the calls say which object they are made to; as the first one does.
    named: Option<bool>,
}

impl Keys {
    /// The key of a call, and what is left as its value.
    pub(super) fn of_call<'f, 'a>(
        &mut self,
        told: &'f Told<'a>,
        key_in: KeyIn,
    ) -> Result<(Arc<str>, Option<&'f Placed<'a>>), Flaw> {
        let (key, value) = split(told, key_in)?;
        if *self.named.get_or_insert(key.is_some()) != key.is_some() {
            let why = "some calls of this file have a :key and others have none: which object is \
                       this one made to?";
            return Err(told.flaw_of_function(why));
        }
        let Some(key) = key else {
            return Ok((self.kept("", true), value));
        };
        let is_text = matches!(key.form, Form::Text(_));
        let words = in_words(&key.form);
        if self
            .known
            .get(&*words)
            .is_some_and(|known| *known != is_text)
        {
            let why = format!("there is both a text and something else that is written {words}");
            return Err(key.flaw(format!("{why}: which key is it?")));
        }
        Ok((self.kept(&words, is_text), value))
    }

    fn kept(&mut self, words: &str, is_text: bool) -> Arc<str> {
        if let Some((known, _)) = self.known.get_key_value(words) {
            return Arc::clone(known);
        }
        let key: Arc<str> = words.into();
        self.known.insert(Arc::clone(&key), is_text);
        key
    }
}

/// The value of an event that ends the call with this key.
pub(super) fn of_answer<'f, 'a>(
    told: &'f Told<'a>,
    key_in: KeyIn,
    called: &str,
) -> Result<Option<&'f Placed<'a>>, Flaw> {
    let (key, value) = split(told, key_in)?;
    match key {
        Some(key) if in_words(&key.form) != called => {
            Err(key.flaw("this is not the key that this client called with"))
        }
        _ => Ok(value),
    }
}

fn in_words(form: &Form<'_>) -> String {
    match form {
        Form::Text(text) => text.to_string(),
        other => other.canonical(),
    }
}

type Split<'f, 'a> = (Option<&'f Placed<'a>>, Option<&'f Placed<'a>>);

/// Key and value.
fn split<'f, 'a>(told: &'f Told<'a>, key_in: KeyIn) -> Result<Split<'f, 'a>, Flaw> {
    let value = told.value.as_ref();
    if key_in == KeyIn::Field {
        return Ok((told.key.as_ref(), value));
    }
    match form(value) {
        Form::Vector(parts) if parts.len() == 2 => Ok((parts.first(), parts.get(1))),
        _ => Err(flaw(
            told,
            value,
            "the other values of this file are [key value], and this one is not",
        )),
    }
}
