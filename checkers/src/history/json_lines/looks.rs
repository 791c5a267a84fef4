//! What a file seems to be of, by how it begins.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::super::lines::Lines;
use super::super::subject::{Missing, NoSubject, Subject};

/// What is seen at the start of a file.
///
/// Names of calls and answers, and what their values are.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    asked: BTreeSet<String>,
    /// Whether a put says which version it expects.
    versions: bool,
    /// Whether a token was shown or granted.
    tokens: bool,
    /// Whether many values were seen at once.
    many: bool,
    missing: Missing,
}

/// Looks at the start of a file, the last line of which may be cut short.
fn look(start: &[u8]) -> Looks {
    let mut seen = Looks::default();
    let mut lines = Lines::new(start);
    while let Ok(Some((_, text))) = lines.next_line() {
        if let Ok(Json::Object(line)) = serde_json::from_str(text) {
            for field in ["input", "invoke"] {
                if let Some(input) = line.get(field) {
                    seen.ask(input);
                }
            }
            for field in ["output", "answer"] {
                if let Some(output) = line.get(field) {
                    seen.answer(output);
                }
            }
        }
    }
    seen
}

impl Looks {
    /// Looks at the start of a file, the last line of which may be cut short.
    #[must_use]
    pub fn at(start: &[u8]) -> Self {
        look(start)
    }

    /// Whether this store seems to show a missing key as an empty text.
    #[must_use]
    pub fn missing_is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    fn ask(&mut self, input: &Json) {
        let Some((name, value)) = named(input) else {
            return;
        };
        self.versions |= value.is_some_and(|value| value.get("expected").is_some());
        self.tokens |= name == "release" && value.is_some();
        if ["put", "append"].contains(&name) {
            self.missing.is_put(value.and_then(Json::as_str));
        }
        if let Some(to) = value.and_then(|value| value.get("to")) {
            self.missing.is_put(to.as_str());
        }
        self.asked.insert(name.to_owned());
    }

    fn answer(&mut self, output: &Json) {
        match named(output) {
            Some(("value", Some(value))) => {
                self.versions |= value.get("version").is_some();
                self.missing.is_found(value.as_str());
            }
            Some(("missing", None)) => self.missing.is_found(None),
            Some(("all", _)) => self.many = true,
            Some(("granted", _)) => self.tokens = true,
            _ => {}
        }
    }

    /// What the calls were made to.
    ///
    /// # Errors
    /// When nothing or several things fit: a sentence on what is in the way.
    pub fn subject(&self) -> Result<Subject, NoSubject> {
        let fits = |known: &[&str]| self.asked.iter().all(|name| known.contains(&&**name));
        let has = |name: &str| self.asked.contains(name);
        let found = if self.asked.is_empty() {
            None
        } else if fits(&["read", "write", "cas"]) {
            Some(Subject::Register)
        } else if fits(&["get", "put"]) && self.versions {
            Some(Subject::Versioned)
        } else if fits(&["get", "put", "append", "delete", "cas"]) {
            Some(Subject::Store)
        } else if fits(&["enqueue", "dequeue"]) {
            Some(Subject::Queue)
        } else if fits(&["acquire", "release"]) {
            Some(if self.tokens {
                Subject::Lock
            } else {
                Subject::Mutex
            })
        } else if fits(&["add", "remove", "contains", "read-all"])
            && (self.many || !has("add") || self.asked.len() > 1)
        {
            Some(Subject::Set)
        } else if fits(&["add", "add-and-get", "read"]) && self.asked.len() > 1 {
            Some(Subject::Counter)
        } else {
            None
        };
        found.ok_or_else(|| {
            let asked: Vec<_> = self.asked.iter().map(String::as_str).collect();
            let asked = match asked.as_slice() {
                [] => "no call is to be seen at the start of this file".to_owned(),
                asked => format!("many objects, or none, can be asked {}", asked.join(", ")),
            };
            NoSubject(format!("{asked}: name the object with --spec"))
        })
    }
}

/// `"read"`, or `{"write":7}`.
fn named(json: &Json) -> Option<(&str, Option<&Json>)> {
    match json {
        Json::String(name) => Some((name, None)),
        Json::Object(fields) if fields.len() == 1 => fields
            .iter()
            .next()
            .map(|(name, value)| (name.as_str(), Some(value))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_known_by_its_calls() {
        let call =
            |input: &str, output: &str| format!("{{\"input\":{input},\"output\":{output}}}\n");
        for (text, expected) in [
            (call("\"read\"", "{\"value\":1}"), Some(Subject::Register)),
            (call("\"get\"", "\"missing\""), Some(Subject::Store)),
            (
                call("\"get\"", "{\"value\":{\"value\":1,\"version\":2}}"),
                Some(Subject::Versioned),
            ),
            (call("\"dequeue\"", "\"empty\""), Some(Subject::Queue)),
            (call("\"acquire\"", "{\"granted\":1}"), Some(Subject::Lock)),
            (call("\"acquire\"", "\"done\""), Some(Subject::Mutex)),
            (call("\"read-all\"", "{\"all\":[]}"), Some(Subject::Set)),
            (call("{\"add\":1}", "\"done\""), None),
            (
                call("{\"add\":1}", "\"done\"") + &call("\"read\"", "{\"value\":1}"),
                Some(Subject::Counter),
            ),
            (call("\"frob\"", "\"done\""), None),
            (String::new(), None),
        ] {
            assert_eq!(
                Looks::at(text.as_bytes()).subject().ok(),
                expected,
                "{text}"
            );
        }
    }
}
