use super::super::Malformed;
use super::*;

/// Client, call, return, key, and what was asked and answered.
type Told = (u32, u64, Option<u64>, String, TextInput, Option<TextOutput>);

fn told(text: &str) -> Vec<Told> {
    let history = read(text.as_bytes()).expect(text);
    let operations = history.operations().iter().map(|operation| {
        (
            operation.client.0,
            operation.called.0,
            operation.returned_at().map(|at| at.0),
            operation.input.key.to_string(),
            operation.input.input.clone(),
            operation.output().cloned(),
        )
    });
    operations.collect()
}

fn refuses(text: &str, line: u64, column: u64, words: &str) {
    let malformed: Malformed = match read(text.as_bytes()) {
        Err(ReadError::Malformed(malformed)) => malformed,
        other => panic!("{text} is read as {other:?}"),
    };
    assert!(malformed.why.contains(words), "{text}\ngives: {malformed}");
    assert_eq!(
        (malformed.line, malformed.column),
        (line, column),
        "{text}\ngives: {malformed}"
    );
}

#[test]
fn a_log_is_read_as_its_authors_meant_it() {
    let text = r#"
        {:process 0, :type :invoke, :f :append, :key "7", :value "x\n\"y\""}
        {:process 1, :type :invoke, :f :get, :key "7", :value nil}
        {:process 0, :type :ok, :f :append, :key "7", :value "x\n\"y\""}
        {:process 1, :type :ok, :f :get, :key "7", :value "x\n\"y\"", :time 12}
        {:process 0, :type :invoke, :f :put, :key "", :value ""}
        {:process 1, :type :invoke, :f :put, :key "8", :value "lost"}
        {:process 0, :type :fail, :f :put, :key ""}
        {:process 1, :type :info, :f :put, :key "8", :error :timeout}
        {:process 1, :type :invoke, :f :get, :key "8"}
    "#;
    let more: Arc<str> = "x\n\"y\"".into();
    let lost: Arc<str> = "lost".into();
    let key = |key: &str| key.to_owned();
    let seen = Some(TextOutput::Value(more.clone()));
    assert_eq!(
        told(text),
        [
            (
                0,
                2,
                Some(4),
                key("7"),
                TextInput::Append(more),
                Some(TextOutput::Done)
            ),
            (1, 3, Some(5), key("7"), TextInput::Get, seen),
            (1, 7, None, key("8"), TextInput::Put(lost), None),
            (2, 10, None, key("8"), TextInput::Get, None),
        ]
    );
}

#[test]
fn a_broken_line_has_a_place() {
    let event = |rest: &str| format!("\n{{:process 0, :type :invoke, {rest}}}");
    refuses("hello", 1, 1, "an event is a map");
    refuses("{:process 0} 1", 1, 14, "one event per line");
    refuses(&event(":f :cas, :key \"7\""), 2, 32, "knows :get, :put");
    refuses(&event(":f :get, :value nil"), 2, 32, "no :key");
    refuses(&event(":f :get, :key 7"), 2, 43, "text in quotes");
    refuses(
        &event(":f :get, :key \"7\", :value \"\""),
        2,
        55,
        "carries nil",
    );
    refuses(
        &event(":f :put, :key \"7\", :value nil"),
        2,
        55,
        "text in quotes",
    );
    refuses(&event(":f :put, :key \"7\""), 2, 32, "no :value");
    refuses(&event(":f :put, :key \"\\7\""), 2, 44, "unknown escape");
    refuses(
        "{:process 0, :type :perhaps, :f :get}",
        1,
        20,
        "unknown :type",
    );
}

#[test]
fn an_answer_belongs_to_its_call() {
    let after = |call: &str, answer: &str| {
        format!("{{:process 3, :type :invoke, {call}}}\n{{:process 3, :type :ok, {answer}}}")
    };
    let put = ":f :put, :key \"7\", :value \"x\"";
    refuses(
        &after(put, ":f :get, :key \"7\""),
        2,
        28,
        "not what client 3 called",
    );
    refuses(&after(put, ":f :put, :key \"8\""), 2, 39, "not the key");
    let other = ":f :put, :key \"7\", :value \"y\"";
    refuses(&after(put, other), 2, 51, "not the value");
    let get = ":f :get, :key \"7\"";
    let nil = ":f :get, :key \"7\", :value nil";
    refuses(&after(get, nil), 2, 51, "text in quotes");
    let lonely = "{:process 3, :type :info, :f :get, :key \"7\"}";
    refuses(lonely, 1, 11, "client 3 has no open call");
}
