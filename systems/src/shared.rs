//! Shared values, for `#[serde(with = "crate::shared")]`.
//!
//! What is large and seldom changes is held by several owners at once: a log,
//! the messages that carry it, and the state that it leads to. The encoding is
//! that of the value itself.

use alloc::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Encodes the value.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Serialize, S: Serializer>(
    value: &Arc<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    T::serialize(value, serializer)
}

/// Decodes a value that nobody shares yet.
///
/// # Errors
/// Those of the deserializer.
pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Arc<T>, D::Error> {
    T::deserialize(deserializer).map(Arc::new)
}
