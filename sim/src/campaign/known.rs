//! Failures that somebody knows about: they are counted, and fail no night.
//!
//! ```toml
//! # seeds/known.toml
//! [[failure]]
//! fingerprint = "commit-own-term"
//! reason = "mended with the new log; until then, see ticket 12"
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::fingerprint::Fingerprint;

/// What is known, each by its fingerprint, with the reason why it may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownFailures(BTreeMap<String, String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    failure: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fingerprint: String,
    reason: String,
}

impl KnownFailures {
    /// Reads a file; nothing is known if there is none.
    ///
    /// # Errors
    /// A line that says what is wrong with the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        };
        let wrong = |why: &str| format!("{}: {}", path.display(), why.replace('\n', " "));
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.message()))?;
        let without = file.failure.iter().find(|it| it.reason.trim().is_empty());
        if let Some(Entry { fingerprint, .. }) = without {
            let why = format!("{fingerprint:?} has no reason; say why it may be");
            return Err(wrong(&why));
        }
        let entries = file.failure.into_iter();
        Ok(Self(
            entries.map(|it| (it.fingerprint, it.reason)).collect(),
        ))
    }

    /// Why a failure may be, if it is known.
    #[must_use]
    pub fn reason(&self, fingerprint: &Fingerprint) -> Option<&str> {
        self.0.get(&fingerprint.to_string()).map(String::as_str)
    }

    /// Those that none of these is.
    pub fn unseen<'a>(&'a self, seen: &[Fingerprint]) -> Vec<&'a str> {
        let is_seen = |name: &str| seen.iter().any(|it| it.to_string() == name);
        let known = self.0.keys().map(String::as_str);
        known.filter(|name| !is_seen(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<KnownFailures, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("known.toml");
        fs::write(&path, text).expect("it is written");
        KnownFailures::read(&path)
    }

    #[test]
    fn a_known_failure_has_a_reason() {
        let known = read("[[failure]]\nfingerprint = \"a\"\nreason = \"ticket 1\"\n");
        assert_eq!(known.expect("it is right").unseen(&[]), ["a"]);
        let without = read("[[failure]]\nfingerprint = \"a\"\nreason = \" \"\n");
        assert!(without.expect_err("it is refused").contains("no reason"));
        assert!(
            read("[[failures]]\n").is_err(),
            "a misspelt word is refused"
        );
        assert_eq!(read(""), Ok(KnownFailures::default()));
        let nowhere = KnownFailures::read(Path::new("/nowhere/known.toml"));
        assert_eq!(nowhere, Ok(KnownFailures::default()));
    }
}
