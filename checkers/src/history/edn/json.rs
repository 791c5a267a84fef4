//! JSON's values as forms.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::super::malformed::Flaw;
use super::{Form, Placed};

/// The form of a text in JSON. Only its own place is known, not that of its parts.
pub(super) fn form(text: &str) -> Result<Placed<'_>, Flaw> {
    serde_json::from_str(text)
        .map(|Inner(form)| Placed { column: 1, form })
        .map_err(|error| {
            let before: usize = (text.split_inclusive('\n').take(error.line().max(1) - 1))
                .map(str::len)
                .sum();
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or_default();
            Flaw::new(
                (before + error.column()) as u64,
                why.escape_debug().to_string(),
            )
        })
}

struct Inner<'a>(Form<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Inner<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyForm).map(Inner)
    }
}

struct AnyForm;

impl<'de> Visitor<'de> for AnyForm {
    type Value = Form<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Form<'de>, E> {
        Ok(Form::Nil)
    }

    fn visit_bool<E>(self, is: bool) -> Result<Form<'de>, E> {
        Ok(Form::Other(is.to_string().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Form<'de>, E> {
        Ok(Form::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Form<'de>, E> {
        Ok(i64::try_from(number)
            .map_or_else(|_| Form::Other(number.to_string().into()), Form::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Form<'de>, E> {
        Ok(Form::Other(format!("{number:?}").into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Form<'de>, E> {
        Ok(Form::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Form<'de>, E> {
        Ok(Form::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Form<'de>, A::Error> {
        let mut forms = Vec::new();
        while let Some(Inner(form)) = values.next_element()? {
            forms.push(Placed { column: 1, form });
        }
        Ok(Form::Vector(forms))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Form<'de>, A::Error> {
        let mut forms = Vec::new();
        while let Some((Inner(key), Inner(value))) = entries.next_entry()? {
            let placed = |form| Placed { column: 1, form };
            forms.push((placed(key), placed(value)));
        }
        Ok(Form::Map(forms))
    }
}
