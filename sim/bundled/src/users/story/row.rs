//! Many calls of one user, one after the other.

use std::sync::Arc;

use snowglobe_checkers::linearizability::specifications::TextInput;

/// Many calls of one user, one after the other.
#[derive(Clone, Debug)]
pub(crate) enum Row {
    /// A put to each of so many keys.
    Keys(u64),
    /// A put of a long value to each of some keys.
    PutPadded(PaddedKeys),
    /// A get of each of some keys, which must be what that put wrote.
    GetPadded(PaddedKeys),
    /// A put to a key and a get of it, so many times.
    PutAndGet(u64, Arc<str>),
    /// An append and a get by turns, so many together.
    Calls(u64),
}

impl Row {
    /// What is called.
    pub(super) fn calls(&self) -> Vec<(Arc<str>, TextInput)> {
        match self {
            Self::Keys(keys) => (0..*keys)
                .map(|number| (key(number), put(number)))
                .collect(),
            Self::PutPadded(keys) => keys
                .pairs()
                .map(|(key, value)| (key, TextInput::Put(value)))
                .collect(),
            Self::GetPadded(keys) => keys.pairs().map(|(key, _)| (key, TextInput::Get)).collect(),
            Self::PutAndGet(times, key) => (0..*times)
                .flat_map(|number| [(key.clone(), put(number)), (key.clone(), TextInput::Get)])
                .collect(),
            Self::Calls(times) => (0..*times)
                .map(|number| {
                    let input = match number % 2 {
                        0 => TextInput::Append(format!("{number} ").into()),
                        _ => TextInput::Get,
                    };
                    ("row".into(), input)
                })
                .collect(),
        }
    }

    /// What must have been got of which keys when all is called.
    pub(super) fn gets(&self) -> Vec<(Arc<str>, Arc<str>)> {
        match self {
            Self::GetPadded(keys) => keys.pairs().collect(),
            _ => Vec::new(),
        }
    }
}

/// A key of a row.
fn key(number: u64) -> Arc<str> {
    format!("x{number}").into()
}

fn put(number: u64) -> TextInput {
    TextInput::Put(format!("v{number}").into())
}

/// So many keys of a row, each with a value of so many bytes that names its key:
/// one that stands under another key, or has lost a piece, is not taken for its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaddedKeys {
    keys: u64,
    bytes: usize,
}

/// What fills up a value. No key ends with it, so values stay apart.
const PADDING: char = '.';

/// All values of a row stand in memory at once, and no story needs more.
const MOST_BYTES: u64 = 100_000_000;

impl PaddedKeys {
    /// So many keys, with values of so many bytes.
    ///
    /// # Errors
    /// A line that says why there can be no such values.
    pub(super) fn new(keys: u64, bytes: u64) -> Result<Self, String> {
        let longest = key(keys.saturating_sub(1)).len() as u64;
        if bytes < longest {
            return Err(format!(
                "{bytes} bytes cannot name each of {keys} keys; that takes {longest}"
            ));
        }
        match keys.saturating_mul(bytes) {
            0..=MOST_BYTES => Ok(Self {
                keys,
                bytes: bytes as usize,
            }),
            all => Err(format!(
                "{all} bytes are too many for a row; {MOST_BYTES} are the most"
            )),
        }
    }

    /// Each key with its value.
    fn pairs(self) -> impl Iterator<Item = (Arc<str>, Arc<str>)> {
        (0..self.keys).map(move |number| {
            let key = key(number);
            let padding = PADDING.to_string().repeat(self.bytes - key.len());
            (key.clone(), format!("{key}{padding}").into())
        })
    }
}

/// A value in quotes. Only long padding is counted instead: nobody reads it.
pub(super) fn quoted(value: &str) -> String {
    let bare = value.trim_end_matches(PADDING);
    match value.len() - bare.len() {
        0..20 => format!("{value:?}"),
        padding => format!("{bare:?} and {padding} bytes of padding"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padded_value_names_its_key() {
        let keys = PaddedKeys::new(11, 5).expect("there is room for every name");
        let pairs: Vec<_> = keys.pairs().collect();
        assert_eq!(pairs.len(), 11);
        assert_eq!(pairs[1], ("x1".into(), "x1...".into()));
        assert_eq!(pairs[10], ("x10".into(), "x10..".into()));
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        assert!(PaddedKeys::new(10, 2).is_ok());
        assert!(PaddedKeys::new(11, 2).is_err());
        assert!(PaddedKeys::new(1_000, 100_000).is_ok());
        assert!(PaddedKeys::new(1_000, 100_001).is_err());
    }

    #[test]
    fn only_long_padding_is_counted() {
        assert_eq!(quoted("x1..."), "\"x1...\"");
        let long = format!("x1{}", ".".repeat(998));
        assert_eq!(quoted(&long), "\"x1\" and 998 bytes of padding");
    }
}
