//! A value whose kind is known only when a file is read.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a register from a file may hold.
///
/// In JSON `null`, a whole number of 64 bits, or a text. Fractions and booleans
/// are refused: no two readers agree on when fractions are equal, and a boolean
/// is as well written 0 or 1.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing was written yet.
    #[default]
    Nothing,
    /// A number.
    Number(i64),
    /// A text.
    Text(Arc<str>),
    /// Anything else, as it is written; the same for what is equal. Only logs of other systems
    /// have such.
    Other(Arc<str>),
}

impl fmt::Debug for Value {
    /// As a person would write it: `null`, `7` or `"x"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("null"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Other(written) => f.write_str(written),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_unit(),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Text(text) | Self::Other(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl Visitor<'_> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value: null, a whole number of 64 bits, or a text")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number)
            .map(Value::Number)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reads_and_prints_as_a_person_would_write_it() {
        for text in [
            "null",
            "7",
            "-7",
            "\"\"",
            "\"x\"",
            "9223372036854775807",
            "\"\\n\"",
        ] {
            let value: Value = serde_json::from_str(text).expect("a value");
            assert_eq!(format!("{value:?}"), text);
            assert_eq!(value.to_string(), text);
            assert_eq!(serde_json::to_string(&value).expect("plain"), text);
        }
        assert_eq!(Value::default(), Value::Nothing);
    }

    #[test]
    fn other_kinds_are_refused_in_words() {
        for (text, named) in [
            ("1.5", "floating point `1.5`"),
            ("1.0", "floating point `1.0`"),
            ("true", "boolean `true`"),
            ("[1]", "sequence"),
            ("{}", "map"),
            ("9223372036854775808", "9223372036854775808"),
        ] {
            let error = serde_json::from_str::<Value>(text).expect_err(text);
            let error = error.to_string();
            assert!(error.contains(named), "{error}");
            assert!(error.contains("expected a value: null"), "{error}");
        }
    }
}
