//! Which format a file has.

use std::fmt;
use std::str::FromStr;

use super::edn::mentioned_function;
use super::jepsen;

/// The formats of history files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// The native one: see [`json_lines`](super::json_lines).
    JsonLines,
    /// Jepsen's log of a register: see [`jepsen`](super::jepsen).
    Jepsen,
    /// Porcupine's log of a key/value store: see [`porcupine`](super::porcupine).
    Porcupine,
}

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no format: write json-lines, jepsen or porcupine")]
pub struct UnknownFormat(pub String);

impl Format {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::JsonLines, Self::Jepsen, Self::Porcupine];

    /// Its name, as [`FromStr`] takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "json-lines",
            Self::Jepsen => "jepsen",
            Self::Porcupine => "porcupine",
        }
    }

    /// The format of a file that begins with these bytes: the first that one of
    /// its lines looks like. The last line may be cut short. `None` if no line
    /// looks like anything known.
    #[must_use]
    pub fn guess(start: &[u8]) -> Option<Self> {
        start.split(|byte| *byte == b'\n').find_map(|line| {
            // A line may be cut within a letter.
            let line = match str::from_utf8(line) {
                Ok(line) => line,
                Err(error) => str::from_utf8(&line[..error.valid_up_to()]).unwrap_or(""),
            };
            Self::of_line(line.trim_ascii())
        })
    }

    fn of_line(line: &str) -> Option<Self> {
        if let Some(first) = line.strip_prefix('{')
            && first.trim_ascii_start().starts_with('"')
        {
            return Some(Self::JsonLines);
        }
        if jepsen::logged(line).is_some() {
            return Some(Self::Jepsen);
        }
        if !line.starts_with(['{', '#']) {
            return None;
        }
        match mentioned_function(line)? {
            "read" | "write" | "cas" => Some(Self::Jepsen),
            "get" | "put" | "append" => Some(Self::Porcupine),
            _ => None,
        }
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

    fn guess(start: &str) -> Option<Format> {
        Format::guess(start.as_bytes())
    }

    #[test]
    fn each_format_is_known_by_its_looks() {
        let json = "\n\n {\"client\":0,\"call\":1";
        assert_eq!(guess(json), Some(Format::JsonLines));
        assert_eq!(guess("{ \"call\": 1}"), Some(Format::JsonLines));
        let log = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n";
        assert_eq!(guess(log), Some(Format::Jepsen));
        let register = "{:process 0, :type :invoke, :f :cas, :value [1 2]}";
        assert_eq!(guess(register), Some(Format::Jepsen));
        let store = "{:process 0, :type :invoke, :f :get, :key \"7\", :value nil}";
        assert_eq!(guess(store), Some(Format::Porcupine));
    }

    #[test]
    fn the_first_lines_may_say_nothing() {
        let nemesis = "{:process :nemesis, :type :info, :f :start, :value nil}\n\
                       #jepsen.history.Op{:f :write, :process 0, :type :invoke, :value 3";
        assert_eq!(guess(nemesis), Some(Format::Jepsen));
        assert_eq!(guess(""), None);
        assert_eq!(guess("hello\n{}\n[1]\n{:a 1}"), None);
        assert_eq!(guess("INFO  other - 0 :invoke"), None);
        assert_eq!(
            Format::guess(b"\xff\xfe\n{\"a\xff"),
            Some(Format::JsonLines)
        );
    }

    #[test]
    fn a_format_has_a_name() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let error = "edn".parse::<Format>().expect_err("no format");
        assert_eq!(
            error.to_string(),
            "\"edn\" is no format: write json-lines, jepsen or porcupine"
        );
    }
}
