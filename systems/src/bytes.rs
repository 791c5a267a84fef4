//! Bytes as one piece, for `#[serde(with = "crate::bytes")]`.
//!
//! Serde takes a `Vec<u8>` for a sequence like any other and encodes it byte
//! by byte; the encoding is the same, at ten times the cost.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// Encodes bytes.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(
    bytes: &impl AsRef<[u8]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes.as_ref())
}

/// Decodes bytes.
///
/// # Errors
/// Those of the deserializer.
pub fn deserialize<'de, D: Deserializer<'de>, B: From<Vec<u8>>>(
    deserializer: D,
) -> Result<B, D::Error> {
    struct Bytes<B>(PhantomData<fn() -> B>);

    impl<B: From<Vec<u8>>> Visitor<'_> for Bytes<B> {
        type Value = B;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }
        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<B, E> {
            Ok(Vec::from(bytes).into())
        }
        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<B, E> {
            Ok(bytes.into())
        }
    }

    deserializer.deserialize_byte_buf(Bytes(PhantomData))
}
