//! Which format a file has.

use std::fmt;
use std::str::FromStr;

use super::edn::{Elements, Form};
use super::jepsen::{self, Layout};
use super::lines::MARK;

/// The formats of history files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// The native one: see [`json_lines`](super::json_lines).
    JsonLines,
    /// Jepsen's, and that of others who follow it: see [`jepsen`].
    Jepsen(Layout),
}

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no format: write json-lines, jepsen-maps or jepsen-log")]
pub struct UnknownFormat(pub String);

impl Format {
    /// All there are.
    pub const ALL: [Self; 3] = [
        Self::JsonLines,
        Self::Jepsen(Layout::Maps),
        Self::Jepsen(Layout::Log),
    ];

    /// Its name, as [`FromStr`] takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "json-lines",
            Self::Jepsen(Layout::Maps) => "jepsen-maps",
            Self::Jepsen(Layout::Log) => "jepsen-log",
        }
    }

    /// The format of a file that begins with these bytes. The last line may be cut short. `None`
    /// if it looks like nothing known.
    #[must_use]
    pub fn guess(start: &[u8]) -> Option<Self> {
        let start = start.strip_prefix(MARK).unwrap_or(start);
        let mut lines = start.split(|byte| *byte == b'\n').map(|line| {
            // A line may be cut within a letter.
            match str::from_utf8(line) {
                Ok(line) => line,
                Err(error) => str::from_utf8(&line[..error.valid_up_to()]).unwrap_or(""),
            }
        });
        if lines.any(|line| jepsen::is_logged(line) || jepsen::is_of_a_logger(line)) {
            return Some(Self::Jepsen(Layout::Log));
        }
        Self::of_maps(start)
    }

    /// By the first map that tells.
    fn of_maps(start: &[u8]) -> Option<Self> {
        let first = start.trim_ascii_start().first()?;
        if !b"{[(#;^".contains(first) {
            return None;
        }
        let mut elements = Elements::new(start);
        while let Ok(Some(element)) = elements.next_element() {
            match element.form() {
                Ok(Some(placed)) => {
                    if let Form::Map(entries) = placed.form {
                        let keys = entries.into_iter().map(|(key, _)| key.form);
                        if let Some(format) = Self::of_keys(keys) {
                            return Some(format);
                        }
                    }
                }
                Ok(None) => {}
                // Broken or cut short: by the one key that is there.
                Err(_) => return Self::of_word(element.text),
            }
        }
        None
    }

    fn of_keys<'a>(keys: impl Iterator<Item = Form<'a>>) -> Option<Self> {
        keys.into_iter().find_map(|key| match key {
            Form::Keyword("process" | "type" | "f") => Some(Self::Jepsen(Layout::Maps)),
            Form::Text(name) => match &*name {
                "process" | "type" | "f" => Some(Self::Jepsen(Layout::Maps)),
                _ => Some(Self::JsonLines),
            },
            _ => None,
        })
    }

    fn of_word(text: &str) -> Option<Self> {
        if [
            ":process",
            ":type",
            ":f",
            "\"process\"",
            "\"type\"",
            "\"f\"",
        ]
        .iter()
        .any(|word| text.contains(word))
        {
            return Some(Self::Jepsen(Layout::Maps));
        }
        let inner = text.strip_prefix('{')?;
        inner
            .trim_ascii_start()
            .starts_with('"')
            .then_some(Self::JsonLines)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: Format = Format::Jepsen(Layout::Maps);
    const LOG: Format = Format::Jepsen(Layout::Log);

    fn guess(start: &str) -> Option<Format> {
        Format::guess(start.as_bytes())
    }

    #[test]
    fn each_format_is_known_by_its_looks() {
        for (start, format) in [
            ("\n\n {\"client\":0,\"call\":1", Format::JsonLines),
            ("{ \"call\": 1}", Format::JsonLines),
            ("{\"a", Format::JsonLines),
            ("INFO  jepsen.util - 0\t:invoke\t:read\tnil\n", LOG),
            ("INFO  jepsen.core - Setting up\n", LOG),
            ("0\t:invoke\t:read\tnil\n", LOG),
            ("hello\n:nemesis\t:info\t:start\tnil\n", LOG),
            ("{:process 0, :type :invoke, :f :cas, :value [1 2]}", MAPS),
            ("[{:process 0,\n :type :invoke", MAPS),
            ("\u{feff}; a comment\n({:process 0", MAPS),
            ("{:name \"a test\"}\n#jepsen.history.Op{:f :write", MAPS),
            ("{\"type\": \"invoke\", \"f\": \"read\"}", MAPS),
            ("[\n{\"process\": 0, \"type\": \"inv", MAPS),
        ] {
            assert_eq!(guess(start), Some(format), "{start}");
        }
    }

    #[test]
    fn what_looks_like_nothing_known_is_nothing() {
        for start in ["", "hello\n{}\n[1]\n{:a 1}", "{:a 1}", "[1 2]", "\"x\""] {
            assert_eq!(guess(start), None, "{start}");
        }
        assert_eq!(Format::guess(b"\xff\xfe\n{\"a\xff"), None);
    }

    #[test]
    fn a_format_has_a_name() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let error = "edn".parse::<Format>().expect_err("no format");
        assert_eq!(
            error.to_string(),
            "\"edn\" is no format: write json-lines, jepsen-maps or jepsen-log"
        );
    }
}
