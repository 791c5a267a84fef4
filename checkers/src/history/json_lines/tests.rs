use super::super::{ClientId, Malformed, Moment};
use super::*;
use crate::linearizability::specifications::{TextInput, TextOutput};

type Read = Result<History<KeyedInput<Arc<str>, TextInput>, TextOutput>, ReadError>;

fn read_text(text: &str) -> Read {
    read(text.as_bytes())
}

fn malformed(text: &str) -> Malformed {
    match read_text(text) {
        Err(ReadError::Malformed(malformed)) => malformed,
        other => panic!("{text} is read as {other:?}"),
    }
}

/// Reads lines that are wrong, and expects these words at this place.
fn refuses(text: &str, line: u64, column: u64, words: &str) {
    let malformed = malformed(text);
    assert!(malformed.why.contains(words), "{text}\ngives: {malformed}");
    assert_eq!(
        (malformed.line, malformed.column),
        (line, column),
        "{text}\ngives: {malformed}"
    );
}

/// Client, call, return, key and input of each operation.
fn told(text: &str) -> Vec<(u32, u64, Option<u64>, String, TextInput)> {
    let history = read_text(text).expect("a history");
    let tell = |operation: &Operation<KeyedInput<Arc<str>, TextInput>, TextOutput>| {
        (
            operation.client.0,
            operation.called.0,
            operation.returned_at().map(|at| at.0),
            operation.input.key.to_string(),
            operation.input.input.clone(),
        )
    };
    history.operations().iter().map(tell).collect()
}

#[test]
fn whole_calls_come_in_any_order() {
    let text = r#"
        {"client":1,"call":130,"input":"get"}

        {"client":0,"call":120,"return":180,"key":"x","input":{"put":"7"},"output":"done"}
        {"output":{"value":"7"},"return":119,"call":110,"input":"get","key":"\u0078","client":1}
    "#;
    let seven = TextInput::Put("7".into());
    assert_eq!(
        told(text),
        [
            (1, 110, Some(119), "x".to_owned(), TextInput::Get),
            (0, 120, Some(180), "x".to_owned(), seven),
            (1, 130, None, String::new(), TextInput::Get),
        ]
    );
}

#[test]
fn events_say_what_failed_and_what_was_lost() {
    let text = r#"{"client":0,"at":120,"invoke":{"put":"7"},"key":"x"}
{"client":0,"at":180,"answer":"done"}
{"client":0,"at":180,"invoke":"delete"}
{"client":0,"at":180,"failed":true}
{"client":0,"at":185,"invoke":"get","key":"x"}
{"client":0,"at":190,"lost":true}
{"client":0,"at":190,"invoke":"get"}
"#;
    let seven = TextInput::Put("7".into());
    assert_eq!(
        told(text),
        [
            (0, 120, Some(180), "x".to_owned(), seven),
            (0, 185, None, "x".to_owned(), TextInput::Get),
            (1, 190, None, String::new(), TextInput::Get),
        ]
    );
}

#[test]
fn without_moments_the_lines_are_the_clock() {
    let text = "\n{\"client\":3,\"invoke\":\"get\"}\n\n{\"client\":3,\"answer\":{\"value\":\"\"}}";
    assert_eq!(told(text), [(3, 2, Some(4), String::new(), TextInput::Get)]);
}

#[test]
fn nothing_is_a_history_too() {
    assert!(read_text("").expect("empty").is_empty());
    assert!(read_text("\n \n").expect("blank").is_empty());
}

#[test]
fn what_is_not_json_has_a_place() {
    refuses("{\"client\":0,\"call\":NaN}", 1, 20, "expected value");
    refuses("\n\n{\"client\":0,", 3, 12, "EOF");
    refuses("get", 1, 1, "expected value");
    refuses("{\"client\":0} {}", 1, 14, "trailing characters");
    assert!(malformed(&"[".repeat(100_000)).why.contains("invalid type"));
    let deep = format!("{{\"client\":0,\"input\":{}", "[".repeat(100_000));
    assert_eq!(malformed(&deep).line, 1);
}

#[test]
fn what_has_the_wrong_type_has_a_place() {
    let call = |field: &str| format!("\n{{\"client\":0,\"input\":\"get\",{field}}}");
    refuses(&call("\"call\":-1"), 2, 35, "expected a moment");
    refuses(&call("\"call\":1.5"), 2, 36, "expected a moment");
    refuses(&call("\"call\":1e3"), 2, 36, "expected a moment");
    refuses(&call("\"call\":null"), 2, 37, "expected a moment");
    refuses(
        &call("\"call\":1,\"return\":null"),
        2,
        48,
        "expected a moment",
    );
    refuses(
        &call("\"call\":1,\"call\":2"),
        2,
        41,
        "duplicate field `call`",
    );
    refuses(&call("\"call\":1,\"cal\":2"), 2, 40, "unknown field `cal`");
    refuses(&call("\"call\":1,\"key\":7"), 2, 42, "expected a key");
    refuses(
        "{\"client\":4294967296,\"call\":1}",
        1,
        20,
        "not the number of a client",
    );
    refuses(
        "{\"call\":1,\"input\":\"get\"}",
        1,
        24,
        "missing field `client`",
    );
    refuses("{\"client\":0,\"failed\":false}", 1, 27, "only `true`");
    refuses(
        "{\"client\":0,\"invoke\":\"look\"}",
        1,
        27,
        "unknown variant `look`",
    );
}

#[test]
fn what_is_quoted_from_a_file_stays_on_one_line() {
    let malformed = malformed("{\"client\":0,\"\\n\\u001b[31m\":1}");
    let shown = "unknown field `\\n\\u{1b}[31m`";
    assert!(malformed.why.starts_with(shown), "{malformed}");
}

#[test]
fn a_line_that_is_half_of_something_is_refused() {
    refuses("{\"client\":0}", 1, 1, "says of nothing");
    refuses("{\"client\":0,\"at\":3}", 1, 1, "says of nothing");
    refuses("{\"client\":0,\"input\":\"get\"}", 1, 1, "\"call\"");
    refuses("{\"client\":0,\"call\":1}", 1, 1, "\"input\"");
    let call = |field: &str| format!("{{\"client\":0,\"call\":5,\"input\":\"get\",{field}}}");
    refuses(&call("\"output\":\"done\""), 1, 1, "\"return\" is missing");
    refuses(&call("\"return\":7"), 1, 1, "\"output\" is missing");
    refuses(&call("\"at\":7"), 1, 1, "not both");
    refuses(&call("\"lost\":true"), 1, 1, "not both");
    refuses(
        &call("\"return\":4,\"output\":\"done\""),
        1,
        1,
        "before it was made",
    );
    let event = |field: &str| format!("{{\"client\":0,\"at\":5,\"answer\":\"done\",{field}}}");
    refuses(&event("\"lost\":true"), 1, 1, "exactly one");
    refuses(&event("\"key\":\"x\""), 1, 1, "has a \"key\"");
}

#[test]
fn a_file_keeps_to_one_form() {
    let call = "{\"client\":0,\"call\":1,\"input\":\"get\"}";
    let timed = "{\"client\":1,\"at\":1,\"invoke\":\"get\"}";
    let untimed = "{\"client\":2,\"invoke\":\"get\"}";
    let forms = [call, timed, untimed];
    for first in forms {
        for second in forms.into_iter().filter(|second| *second != first) {
            refuses(&format!("{first}\n\n{second}"), 3, 1, "keep to one form");
        }
    }
}

#[test]
fn a_client_that_does_two_things_at_a_time_is_found_by_its_line() {
    let calls = "{\"client\":1,\"call\":90,\"input\":\"get\"}\n\
                 {\"client\":0,\"call\":50,\"return\":60,\"input\":\"delete\",\"output\":\"done\"}\n\
                 {\"client\":0,\"call\":40,\"return\":51,\"input\":\"delete\",\"output\":\"done\"}";
    refuses(
        calls,
        2,
        1,
        "c0 calls at 50 while its operation called at 40",
    );
    let events = "{\"client\":7,\"invoke\":\"get\"}\n\n{\"client\":7,\"invoke\":\"get\"}";
    refuses(
        events,
        3,
        1,
        "client 7 calls while its operation called at 1",
    );
    let answer = "{\"client\":7,\"at\":3,\"lost\":true}";
    refuses(answer, 1, 1, "client 7 has no open call");
    let back =
        "{\"client\":7,\"at\":3,\"invoke\":\"get\"}\n{\"client\":8,\"at\":2,\"invoke\":\"get\"}";
    refuses(back, 2, 1, "time goes back from 3 to 2");
}

#[test]
fn null_is_an_output_where_outputs_are_null() {
    let text = b"{\"client\":0,\"call\":1,\"return\":2,\"input\":null,\"output\":null}";
    let history = read::<(), ()>(&text[..]).expect("a history");
    assert_eq!(history.operations()[0].returned, Some((Moment(2), ())));
}

#[test]
fn a_reader_ends_after_an_error() {
    let text = b"{\"client\":0,\"call\":1,\"input\":\"get\"}\n?\n{\"client\":0}";
    let mut reader = Reader::<_, TextInput, TextOutput>::new(&text[..]);
    let first = reader.next().expect("a line").expect("a call");
    assert_eq!(first.line, 1);
    assert!(matches!(
        first.record,
        Record::Call(Operation {
            client: ClientId(0),
            called: Moment(1),
            ..
        })
    ));
    assert!(reader.next().expect("a line").is_err());
    assert!(reader.next().is_none());
}

#[test]
fn a_history_is_written_as_it_would_be_by_hand() {
    let text = "{\"client\":0,\"call\":120,\"return\":180,\"key\":\"x\",\"input\":{\"put\":\"7\"},\
                \"output\":\"done\"}\n\
                {\"client\":1,\"call\":130,\"input\":\"get\"}\n";
    let mut written = Vec::new();
    write(&read_text(text).expect("a history"), &mut written).expect("memory");
    assert_eq!(String::from_utf8(written).expect("text"), text);
}

#[test]
fn events_are_written_as_they_would_be_by_hand() {
    let text = "{\"client\":0,\"at\":1,\"key\":\"x\",\"invoke\":{\"put\":\"7\"}}\n\
                {\"client\":0,\"at\":2,\"answer\":\"done\"}\n\
                {\"client\":0,\"at\":2,\"invoke\":\"get\"}\n\
                {\"client\":0,\"at\":3,\"failed\":true}\n\
                {\"client\":0,\"at\":4,\"invoke\":\"get\"}\n\
                {\"client\":0,\"at\":5,\"lost\":true}\n";
    let mut writer = Writer::new(Vec::new());
    for numbered in Reader::<_, TextInput, TextOutput>::new(text.as_bytes()) {
        writer
            .write(&numbered.expect("an event").record)
            .expect("memory");
    }
    let written = writer.finish().expect("memory");
    assert_eq!(String::from_utf8(written).expect("text"), text);
}
