//! What a log seems to be of, by how it begins.

use std::collections::BTreeSet;

use super::super::edn::{Elements, Form, Placed};
use super::super::lines::Lines;
use super::super::subject::{Missing, NoSubject, Subject};
use super::told::{Stage, Told, Top, top};
use super::{KeyIn, Layout, log};

/// What is seen in the first events of a log.
#[derive(Clone, Debug)]
pub struct Looks {
    functions: BTreeSet<String>,
    /// Whether every value is of the form `[key value]`; and there are some.
    tuples: Option<bool>,
    /// Texts are put, or got.
    texts: bool,
    /// A read was answered by many values.
    many: bool,
    /// A read was answered by a number.
    numbers: bool,
    /// An acquire was answered by a number.
    tokens: bool,
    transactions: bool,
    missing: Missing,
}

impl Looks {
    /// Looks at the start of a file, the last line of which may be cut short.
    #[must_use]
    pub fn at(start: &[u8], layout: Layout) -> Self {
        let mut looks = Self {
            functions: BTreeSet::new(),
            tuples: None,
            texts: false,
            many: false,
            numbers: false,
            tokens: false,
            transactions: false,
            missing: Missing::default(),
        };
        // What is broken is told when it is read.
        match layout {
            Layout::Maps => {
                let mut elements = Elements::new(start);
                while let Ok(Some(element)) = elements.next_element() {
                    if let Ok(Some(placed)) = element.form()
                        && let Ok(Top::Event(told)) = top(placed)
                    {
                        looks.see(&told);
                    }
                }
            }
            Layout::Log => {
                let mut lines = Lines::new(start);
                while let Ok(Some((_, text))) = lines.next_line() {
                    if let Ok(Top::Event(told)) = log::line(text) {
                        looks.see(&told);
                    }
                }
            }
        }
        looks
    }

    fn see(&mut self, told: &Told<'_>) {
        if !self.functions.contains(told.function) {
            self.functions.insert(told.function.to_owned());
        }
        let may_be_empty = matches!(told.stage, Stage::Fail | Stage::Info);
        let form = told
            .value
            .as_ref()
            .map_or(&Form::Nil, |placed| &placed.form);
        if told.function == "txn" || is_transaction(form) {
            self.transactions = true;
        }
        let parts = match form {
            Form::Vector(parts) if parts.len() == 2 => Some(parts),
            _ => None,
        };
        // `[17 [1 2]]` is a swap under a key, and `[1 2]` one without.
        let is_tuple = parts.is_some_and(|parts| {
            told.function != "cas" || matches!(parts[1].form, Form::Vector(_) | Form::Nil)
        });
        if !may_be_empty {
            let so_far = self.tuples.unwrap_or(true);
            self.tuples = Some(so_far && is_tuple);
        }
        let inner = match parts {
            Some(parts) if is_tuple => [form, &parts[1].form],
            _ => [form, form],
        };
        self.see_value(told, inner);
        let text = match inner[usize::from(self.tuples == Some(true))] {
            Form::Text(text) => Some(&**text),
            _ => None,
        };
        match (told.function, told.stage) {
            ("get" | "read", Stage::Ok) => self.missing.is_found(text),
            ("put" | "write" | "append" | "cas", _) => self.missing.is_put(text),
            _ => {}
        }
    }

    /// A value, and what it would be under a key.
    fn see_value(&mut self, told: &Told<'_>, values: [&Form<'_>; 2]) {
        let has = |is: fn(&Form<'_>) -> bool| values.into_iter().any(is);
        match told.function {
            "put" | "get" | "append" => self.texts |= has(|form| matches!(form, Form::Text(_))),
            "read" if told.stage == Stage::Ok => {
                self.numbers |= has(|form| matches!(form, Form::Integer(_)));
                let whole = values[usize::from(self.tuples == Some(true))];
                self.many |= matches!(whole, Form::Vector(_) | Form::Set(_));
            }
            "acquire" if told.stage == Stage::Ok => {
                self.tokens |= has(|form| matches!(form, Form::Integer(_)));
            }
            _ => {}
        }
    }

    /// Where the keys are.
    #[must_use]
    pub fn key_in(&self) -> KeyIn {
        match self.tuples {
            Some(true) => KeyIn::Tuple,
            _ => KeyIn::Field,
        }
    }

    /// Whether this store seems to show a missing key as an empty text.
    #[must_use]
    pub fn missing_is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// What the calls were made to; otherwise a sentence on what is in the way.
    ///
    /// # Errors
    /// When nothing or several things fit.
    pub fn subject(&self) -> Result<Subject, NoSubject> {
        if self.transactions {
            return Err(NoSubject(
                "these are transactions over several objects, which are not judged here: Elle is \
                 the tool for them (https://github.com/jepsen-io/elle)"
                    .to_owned(),
            ));
        }
        let fits = |known: &[&str]| {
            let mut functions = self.functions.iter();
            !self.functions.is_empty() && functions.all(|name| known.contains(&&**name))
        };
        let has = |name: &str| self.functions.contains(name);
        if fits(&["enqueue", "dequeue", "drain"]) {
            return Ok(Subject::Queue);
        }
        if fits(&["acquire", "release"]) {
            return Ok(if self.tokens {
                Subject::Lock
            } else {
                Subject::Mutex
            });
        }
        if fits(&["read"]) && self.many {
            return Ok(Subject::Set);
        }
        let is_store = has("append") || has("delete") || self.texts;
        if fits(&["read", "write", "cas"]) || (fits(&["get", "put", "cas"]) && !is_store) {
            return Ok(Subject::Register);
        }
        if fits(&["get", "put", "append", "delete", "cas"]) {
            return Ok(Subject::Store);
        }
        let is_counter = [
            "inc",
            "increment",
            "dec",
            "decr",
            "decrement",
            "add-and-get",
        ];
        let counts = self
            .functions
            .iter()
            .any(|name| is_counter.contains(&&**name));
        let of_a_counter: Vec<&str> = is_counter.into_iter().chain(["add", "read"]).collect();
        if fits(&of_a_counter) && (counts || (self.numbers && !self.many)) {
            return Ok(Subject::Counter);
        }
        if fits(&["add", "remove", "contains", "read"])
            && (self.many || has("remove") || has("contains"))
        {
            return Ok(Subject::Set);
        }
        Err(NoSubject(self.in_the_way()))
    }

    fn in_the_way(&self) -> String {
        let known = "registers (:read :write :cas), stores (:get :put :append :delete :cas), queues \
                     (:enqueue :dequeue :drain), sets (:add :remove :contains :read), counters \
                     (:add :inc :dec :read) and locks (:acquire :release) are judged";
        if self.functions.is_empty() {
            return format!("no call of a client is to be seen at the start of this file; {known}");
        }
        let functions: Vec<_> = self
            .functions
            .iter()
            .map(|name| format!(":{name}"))
            .collect();
        let functions = functions.join(" ");
        if self.functions.contains("add") {
            return format!(
                "is this a set or a counter? No read says so at the start of this file ({functions}): \
                 give --spec set or --spec counter"
            );
        }
        format!("what was {functions} called of? {known}: name one with --spec")
    }
}

/// `[[:r 1 nil] [:append 2 3]]`
fn is_transaction(form: &Form<'_>) -> bool {
    let is_micro = |placed: &Placed<'_>| match &placed.form {
        Form::Vector(parts) => parts.first().is_some_and(|first| match &first.form {
            Form::Keyword(name) => ["r", "w", "append"].contains(name),
            Form::Text(name) => ["r", "w", "append"].contains(&&**name),
            _ => false,
        }),
        _ => false,
    };
    matches!(form, Form::Vector(parts) if !parts.is_empty() && parts.iter().all(is_micro))
}
