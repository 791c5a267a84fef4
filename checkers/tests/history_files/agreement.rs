//! A history is the same, whichever way it went through a file.

use std::collections::BTreeMap;

use proptest::prelude::*;
use snowglobe_checkers::history::jepsen::{self, FailedSwap, KeyIn, Layout, Register, Store};
use snowglobe_checkers::history::json_lines::{Record, Writer};
use snowglobe_checkers::history::{
    ClientId, Event, Format, Happening, History, Operation, Value, json_lines,
};
use snowglobe_checkers::linearizability::specifications::{
    CasInput, CasOutput, TextInput, TextOutput,
};

use crate::script::{
    RegisterInput, RegisterOutput, StoreInput, Turn, events, followed, of_a_logged_store,
    of_a_register, of_a_store, one_at_a_time,
};

type StoreEvent = Event<StoreInput, TextOutput>;

pub(crate) fn as_calls(history: &History<StoreInput, TextOutput>) -> String {
    let mut bytes = Vec::new();
    json_lines::write(history, &mut bytes).expect("memory");
    String::from_utf8(bytes).expect("JSON is text")
}

pub(crate) fn as_events(events: &[StoreEvent]) -> String {
    let mut writer = Writer::new(Vec::new());
    for event in events {
        let record = Record::Event(event.clone());
        writer.write(&record).expect("memory");
    }
    String::from_utf8(writer.finish().expect("memory")).expect("JSON is text")
}

/// The lines, without their moments.
fn without_moments(text: &str) -> String {
    let untimed = text.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        line.as_object_mut().expect("an object").remove("at");
        format!("{line}\n")
    });
    untimed.collect()
}

/// A file that must be good.
fn read(text: &str) -> History<StoreInput, TextOutput> {
    json_lines::read(text.as_bytes()).expect(text)
}

fn number(value: &Value) -> String {
    match value {
        Value::Nothing => "nil".to_owned(),
        value => value.to_string(),
    }
}

/// `:f` and `:value` of a call.
fn of_call(input: &RegisterInput) -> (&'static str, String) {
    match input {
        CasInput::Read => ("read", number(&Value::Nothing)),
        CasInput::Write(to) => ("write", number(to)),
        CasInput::Cas { from, to } => ("cas", format!("[{} {}]", number(from), number(to))),
    }
}

/// A register's log; `line` makes a line of process, type, function and value.
pub(crate) fn jepsen_log(
    turns: &[Turn<RegisterInput, RegisterOutput>],
    line: impl Fn(u32, &str, &str, &str) -> String,
) -> String {
    let mut open = BTreeMap::<ClientId, RegisterInput>::new();
    let mut log = String::new();
    for Event { client, what, .. } in events(turns) {
        if let Happening::Invoke(input) = &what {
            open.insert(client, input.clone());
        }
        let (function, called_with) = of_call(&open[&client]);
        let (stage, value) = match what {
            Happening::Invoke(_) => ("invoke", called_with),
            Happening::Answer(CasOutput::Value(seen)) => ("ok", number(&seen)),
            Happening::Answer(CasOutput::Kept) => ("fail", called_with),
            Happening::Answer(CasOutput::Written | CasOutput::Swapped) => ("ok", called_with),
            Happening::Failed => ("fail", ":timed-out".to_owned()),
            Happening::Lost => ("info", ":timed-out".to_owned()),
        };
        log += &line(client.0, stage, function, &value);
        log.push('\n');
    }
    log
}

pub(crate) fn logged(process: u32, stage: &str, function: &str, value: &str) -> String {
    format!("INFO  jepsen.util - {process}\t:{stage}\t:{function}\t{value}")
}

pub(crate) fn mapped(process: u32, stage: &str, function: &str, value: &str) -> String {
    format!("{{:process {process}, :type :{stage}, :f :{function}, :value {value}, :time 7}}")
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '\n' => quoted += "\\n",
            '\t' => quoted += "\\t",
            '\r' => quoted += "\\r",
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ => quoted.push(letter),
        }
    }
    quoted + "\""
}

/// A store's log.
pub(crate) fn porcupine_log(turns: &[Turn<StoreInput, TextOutput>]) -> String {
    let mut open = BTreeMap::<ClientId, StoreInput>::new();
    let mut log = String::new();
    for Event { client, what, .. } in events(turns) {
        if let Happening::Invoke(input) = &what {
            open.insert(client, input.clone());
        }
        let called = &open[&client];
        let (function, called_with) = match &called.input {
            TextInput::Put(text) => ("put", quoted(text)),
            TextInput::Append(more) => ("append", quoted(more)),
            _ => ("get", "nil".to_owned()),
        };
        let (stage, value) = match &what {
            Happening::Invoke(_) => ("invoke", called_with),
            Happening::Answer(TextOutput::Value(seen)) => ("ok", quoted(seen)),
            Happening::Answer(_) => ("ok", called_with),
            Happening::Failed => ("fail", "nil".to_owned()),
            Happening::Lost => ("info", "nil".to_owned()),
        };
        let (process, key) = (client.0, quoted(&called.key));
        log += &format!(
            "{{:process {process}, :type :{stage}, :f :{function}, :key {key}, :value {value}}}\n"
        );
    }
    log
}

/// Whether a file is taken for what it is; an empty one may be anything.
fn is_known_as(format: Format, text: &str) -> bool {
    text.is_empty() || Format::guess(text.as_bytes()) == Some(format)
}

/// A history of one object.
fn unkeyed<I: Clone, O: Clone>(history: &jepsen::Keyed<I, O>) -> History<I, O> {
    let operations = history.operations().iter().map(|operation| Operation {
        client: operation.client,
        called: operation.called,
        input: operation.input.input.clone(),
        returned: operation.returned.clone(),
    });
    History::new(operations.collect()).expect("it was one")
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_written_is_read_again(turns in of_a_store()) {
        let history = followed(&events(&turns));
        let text = as_calls(&history);
        prop_assert!(is_known_as(Format::JsonLines, &text));
        prop_assert_eq!(read(&text), history);
    }

    #[test]
    fn whole_calls_and_events_tell_the_same(turns in of_a_store()) {
        let events = events(&turns);
        let told = read(&as_events(&events));
        prop_assert_eq!(&told, &followed(&events));
        let again = read(&as_calls(&told));
        prop_assert_eq!(told, again);
    }

    #[test]
    fn lines_are_as_good_as_moments(turns in of_a_store()) {
        let text = as_events(&one_at_a_time(events(&turns)));
        let timed = read(&text);
        let untimed = without_moments(&text);
        prop_assert_eq!(read(&untimed), timed);
    }

    #[test]
    fn whole_calls_may_come_in_any_order(
        (history, lines) in of_a_store()
            .prop_map(|turns| followed(&one_at_a_time(events(&turns))))
            .prop_flat_map(|history| {
                let lines: Vec<_> = as_calls(&history).lines().map(str::to_owned).collect();
                (Just(history), Just(lines).prop_shuffle())
            })
    ) {
        prop_assert_eq!(read(&lines.join("\n\n")), history);
    }

    #[test]
    fn a_register_is_read_from_either_kind_of_log(turns in of_a_register()) {
        let expected = followed(&one_at_a_time(events(&turns)));
        for (text, layout) in [
            (jepsen_log(&turns, logged), Layout::Log),
            (jepsen_log(&turns, mapped), Layout::Maps),
            (format!("[{}]", jepsen_log(&turns, mapped)), Layout::Maps),
        ] {
            prop_assert!(is_known_as(Format::Jepsen(layout), &text) || expected.is_empty());
            let failed_swap = FailedSwap::NoMatch;
            let register = Register { failed_swap };
            let read = jepsen::read(&register, layout, KeyIn::Field, text.as_bytes());
            let (read, _) = read.expect("a history");
            prop_assert_eq!(&unkeyed(&read), &expected);
        }
    }

    #[test]
    fn a_store_is_read_from_its_log(turns in of_a_logged_store()) {
        let expected = followed(&one_at_a_time(events(&turns)));
        let text = porcupine_log(&turns);
        prop_assert!(is_known_as(Format::Jepsen(Layout::Maps), &text));
        let store = Store::default();
        let read = jepsen::read(&store, Layout::Maps, KeyIn::Field, text.as_bytes());
        prop_assert_eq!(read.expect("a history").0, expected);
    }
}
