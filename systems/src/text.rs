//! Shared texts, for `#[serde(with = "crate::text")]`.
//!
//! Serde shares nothing by itself: without its feature for it, an `Arc<str>`
//! has no encoding. This is that of a `String`.

use alloc::string::String;

use serde::{Deserialize, Deserializer, Serializer};

/// Encodes a text.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(text: &impl AsRef<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text.as_ref())
}

/// Decodes a text.
///
/// # Errors
/// Those of the deserializer.
pub fn deserialize<'de, D: Deserializer<'de>, T: From<String>>(
    deserializer: D,
) -> Result<T, D::Error> {
    String::deserialize(deserializer).map(T::from)
}
