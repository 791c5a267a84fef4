//! What a file seems to be of, by how it begins.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::super::lines::Lines;
use super::super::subject::{NoSubject, Subject};

/// What the calls at the start of a file were made to; its last line may be cut short.
///
/// # Errors
/// When nothing or several things fit.
pub fn subject(start: &[u8]) -> Result<Subject, NoSubject> {
    let mut seen = Seen::default();
    let mut lines = Lines::new(start);
    while let Ok(Some((_, text))) = lines.next_line() {
        if let Ok(Json::Object(line)) = serde_json::from_str(text) {
            for field in ["input", "invoke"] {
                line.get(field).map(|input| seen.ask(input));
            }
            for field in ["output", "answer"] {
                line.get(field).map(|output| seen.answer(output));
            }
        }
    }
    seen.subject()
}

/// Names of calls and answers, and what their values are.
#[derive(Default)]
struct Seen {
    asked: BTreeSet<String>,
    /// Whether a put says which version it expects.
    versions: bool,
    /// Whether a token was shown or granted.
    tokens: bool,
    /// Whether many values were seen at once.
    many: bool,
    /// Whether a single value was.
    one: bool,
}

impl Seen {
    fn ask(&mut self, input: &Json) {
        let Some((name, value)) = named(input) else {
            return;
        };
        self.versions |= value.is_some_and(|value| value.get("expected").is_some());
        self.tokens |= name == "release" && value.is_some();
        self.asked.insert(name.to_owned());
    }

    fn answer(&mut self, output: &Json) {
        match named(output) {
            Some(("value", Some(value))) => {
                self.versions |= value.get("version").is_some();
                self.one = true;
            }
            Some(("all", _)) => self.many = true,
            Some(("granted", _)) => self.tokens = true,
            _ => {}
        }
    }

    fn subject(&self) -> Result<Subject, NoSubject> {
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
            assert_eq!(subject(text.as_bytes()).ok(), expected, "{text}");
        }
    }
}
