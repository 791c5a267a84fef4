use super::super::{Malformed, ReadError, Value};
use super::*;
use crate::linearizability::specifications::{CasInput, CasOutput, SetOutput};

/// Client, call, return, key, and what was asked and answered.
type Told<I, O> = (u32, u64, Option<u64>, String, I, Option<O>);

type OfRegister = Told<CasInput<Value>, CasOutput<Value>>;

fn told<I: Clone, O: Clone>(history: &Keyed<I, O>) -> Vec<Told<I, O>> {
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

/// A text in the layout that it looks like.
fn layout(text: &str) -> Layout {
    match super::super::Format::guess(text.as_bytes()) {
        Some(super::super::Format::Jepsen(layout)) => layout,
        _ => Layout::Maps,
    }
}

fn as_register(text: &str) -> Result<(Vec<OfRegister>, Tally), ReadError> {
    let layout = layout(text);
    let keys = Looks::at(text.as_bytes(), layout).key_in();
    let failed_swap = FailedSwap::DidNotHappen;
    let read = read(&Register { failed_swap }, layout, keys, text.as_bytes());
    read.map(|(history, tally)| (told(&history), tally))
}

fn malformed(text: &str) -> Malformed {
    match as_register(text) {
        Err(ReadError::Malformed(malformed)) => malformed,
        other => panic!("{text} is read as {other:?}"),
    }
}

fn refuses(text: &str, line: u64, column: u64, words: &str) {
    let malformed = malformed(text);
    assert!(malformed.why.contains(words), "{text}\ngives: {malformed}");
    assert_eq!(
        (malformed.line, malformed.column),
        (line, column),
        "{text}\ngives: {malformed}"
    );
}

fn cas(from: i64, to: i64) -> CasInput<Value> {
    CasInput::Cas {
        from: Value::Number(from),
        to: Value::Number(to),
    }
}

fn value(number: i64) -> Option<CasOutput<Value>> {
    Some(CasOutput::Value(Value::Number(number)))
}

const LOG: &str = "\
INFO  jepsen.core - Setting up
INFO  jepsen.util - 0\t:invoke\t:read\tnil
INFO  jepsen.util - 0\t:ok\t:read\tnil
INFO  jepsen.util - 1\t:invoke\t:write\t4
INFO  jepsen.util - :nemesis\t:info\t:start\tnil
INFO  jepsen.util - 0\t:invoke\t:cas\t[4 5]
WARN  jepsen.util - Something went wrong: {
INFO  jepsen.util - 1\t:info\t:write\t:timed-out
INFO  jepsen.util - 0\t:fail\t:cas\t[4 5]
INFO  jepsen.util - 1\t:invoke\t:cas\t[4 -5]
INFO  jepsen.util - 2\t:invoke\t:read\tnil
INFO  jepsen.util - 2\t:fail\t:read\t:timed-out
INFO  jepsen.util - 1\t:ok\t:cas\t[4 -5]
INFO  jepsen.util - 2\t:invoke\t:write\t9
INFO  jepsen.util - 2\t:fail\t:write\t9
INFO  jepsen.util - 2\t:invoke\t:read\tnil
INFO  jepsen.util - 2\t:ok\t:read\t-5
";

fn of_the_log() -> Vec<OfRegister> {
    let key = String::new;
    let nothing = Some(CasOutput::Value(Value::Nothing));
    let four = CasInput::Write(Value::Number(4));
    vec![
        (0, 2, Some(3), key(), CasInput::Read, nothing),
        (1, 4, None, key(), four, None),
        (3, 10, Some(13), key(), cas(4, -5), Some(CasOutput::Swapped)),
        (2, 16, Some(17), key(), CasInput::Read, value(-5)),
    ]
}

#[test]
fn a_log_is_read_as_its_authors_meant_it() {
    let (read, tally) = as_register(LOG).expect("a log");
    assert_eq!(read, of_the_log());
    let expected = Tally {
        failed: 3,
        refused: 0,
        nemesis: 1,
        others: 2,
    };
    assert_eq!(tally, expected);
}

/// The lines of the log as maps, in some notation.
fn as_maps(map: impl Fn(&str, &str, &str, &str) -> String) -> Vec<String> {
    LOG.lines()
        .map(|line| {
            let mut fields = line.trim_start_matches("INFO  jepsen.util - ").split('\t');
            match (fields.next(), fields.next(), fields.next(), fields.next()) {
                (Some(process), Some(stage), Some(function), Some(value)) => {
                    map(process, stage, function, value)
                }
                _ => String::new(),
            }
        })
        .collect()
}

#[test]
fn the_same_in_other_layouts_is_the_same() {
    let tagged = as_maps(|process, stage, function, value| {
        format!(
            "#jepsen.history.Op{{:index 7, :time 1.5, :type {stage}, :process {process}, \
             :f {function}, :value {value}, :error [:http \"{{\"]}}"
        )
    });
    let json = as_maps(|process, stage, function, value| {
        let plain = |word: &str| word.trim_start_matches(':').to_owned();
        let process = match process.strip_prefix(':') {
            Some(name) => format!("\"{name}\""),
            None => process.to_owned(),
        };
        let value = match value {
            "nil" => "null".to_owned(),
            value if value.starts_with(':') => format!("\"{}\"", plain(value)),
            value => value.replace(' ', ","),
        };
        format!(
            "{{\"process\":{process},\"type\":\"{}\",\"f\":\"{}\",\"value\":{value}}},",
            plain(stage),
            plain(function)
        )
    });
    let tagged = tagged.join("\n");
    let json = json.join("\n");
    for text in [
        tagged.clone(),
        format!("[{tagged}\n]"),
        format!("\u{feff}({tagged})"),
        json.replace("},\n", "}\n").trim_end_matches(',').to_owned(),
        format!("[{}]", json.trim_end_matches(',')),
        LOG.replace("INFO  jepsen.util - ", ""),
        LOG.replace(
            "INFO  jepsen.util - ",
            "2031-02-03 04:05:06,007{GMT}\tINFO\t[jepsen worker 0] jepsen.util: ",
        ),
    ] {
        let (read, _) = as_register(&text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(read, of_the_log(), "{text}");
    }
}

#[test]
fn events_may_share_a_line_and_take_many() {
    let text = "[{:process 0, :type :invoke, :f :write, :value 9} {:process 1, :type :invoke,\n\
                :f :read, :value 9} {:process 1\n :type :ok :f :kv/read :value 9}]";
    let (read, _) = as_register(text).expect("a vector");
    let key = String::new;
    let expected = vec![
        (0, 1, None, key(), CasInput::Write(Value::Number(9)), None),
        (1, 2, Some(3), key(), CasInput::Read, value(9)),
    ];
    assert_eq!(read, expected);
}

#[test]
fn keys_are_honoured_wherever_they_stand() {
    let tuples = "{:process 0, :type :invoke, :f :write, :value [17 4]}\n\
                  {:process 0, :type :ok, :f :write, :value [17 4]}\n\
                  {:process 1, :type :invoke, :f :cas, :value [17 [4 5]]}\n\
                  {:process 1, :type :ok, :f :cas, :value [17 [4 5]]}\n\
                  {:process 1, :type :invoke, :f :read, :value [:x nil]}";
    let (history, _) = as_register(tuples).expect("tuples");
    let keys: Vec<_> = history
        .iter()
        .map(|told| (told.3.as_str(), &told.4))
        .collect();
    let expected = [
        ("17", &CasInput::Write(Value::Number(4))),
        ("17", &cas(4, 5)),
    ];
    assert_eq!(keys[..2], expected);
    assert_eq!(keys[2].0, ":x");
    let field = tuples
        .replace("[17 4]", "4, :key 17")
        .replace("[17 [4 5]]", "[4 5], :key 17")
        .replace("[:x nil]", "nil, :key :x");
    assert_eq!(as_register(&field).expect("fields").0, history);
    // Swaps alone are no tuples.
    let swaps = "{:process 1, :type :invoke, :f :cas, :value [4 5]}";
    assert_eq!(as_register(swaps).expect("a swap").0[0].4, cas(4, 5));
    refuses(
        &format!("{tuples}\n{{:process 5, :type :invoke, :f :write, :value 7}}"),
        1,
        47,
        "is this [key value]?",
    );
    let plain = "0 :invoke :write 7";
    let late = read(
        &Register::default(),
        Layout::Log,
        KeyIn::Tuple,
        plain.as_bytes(),
    );
    assert!(late.is_err_and(|why| why.to_string().contains("are [key value]")));
    let call = "{:process 0, :type :invoke, :f :write, :value 1";
    refuses(
        &format!("{call}, :register 7}}"),
        1,
        50,
        "write :key instead",
    );
    let mixed = format!(
        "{call}, :key 7}}\n{}}}",
        call.replace("process 0", "process 1")
    );
    refuses(&mixed, 2, 32, "which object");
    let alike = format!(
        "{call}, :key 7}}\n{}, :key \"7\"}}",
        call.replace("process 0", "process 1")
    );
    refuses(&alike, 2, 55, "both a text and something else");
}

#[test]
fn values_are_told_apart_by_their_kind() {
    let write = |value: &str| format!("{{:process 0, :type :invoke, :f :write, :value {value}}}");
    let read = |value: &str| as_register(&write(value)).expect(value).0[0].4.clone();
    for (one, other) in [
        ("1", "\"1\""),
        (":a", "\"a\""),
        (":a", "\":a\""),
        ("1", "1.0"),
        ("nil", "false"),
    ] {
        assert_ne!(read(one), read(other), "{one} {other}");
    }
    assert_eq!(read("#{1 2}"), read("#{2, 1}"));
    assert_eq!(read("\"caf\\u00e9\""), read("\"café\""));
}

#[test]
fn what_is_no_event_is_counted_or_refused() {
    let event = "{:process 0, :type :invoke, :f :read, :value nil}";
    let text = format!("{{:name \"a test\"}}\n{event}\n#_ {event}");
    let (_, tally) = as_register(&text).expect("maps");
    assert_eq!(tally.others, 1);
    refuses(
        &format!("{event}\nEverything looks good"),
        2,
        1,
        "--from jepsen-log",
    );
    let another = event.replace("process 0", "process 1");
    refuses(
        &format!("{event}\n[{another}"),
        2,
        1,
        "not closed by the end",
    );
    refuses(
        "0 :invoke :read nil\nx 1 :ok :read 3",
        2,
        3,
        "seems to begin here",
    );
}

#[test]
fn a_broken_line_of_an_operation_has_a_place() {
    let log = |rest: &str| format!("\nINFO  jepsen.util - {rest}");
    refuses(&log("-1\t:invoke\t:read\tnil"), 2, 21, "numbered from 0");
    refuses(
        &log("2147483648\t:invoke\t:read\tnil"),
        2,
        21,
        "out of range",
    );
    refuses(&log("0\t:invoke\t:frob\tnil"), 2, 31, "knows :read, :write");
    refuses(
        &log("0\t:invoke\t:read"),
        2,
        36,
        "where the value should be",
    );
    refuses(&log("0\t:invoke\t:cas\t7"), 2, 36, "[old new]");
    refuses(&log("0\t:invoke\t:cas\t[7]"), 2, 36, "two values");
    refuses(&log("0\t:invoke\t:cas\t[7 8"), 2, 36, "not closed");
    refuses(&log("0\t:invoke\t:read\tnil nil"), 2, 41, "nothing more");
}

#[test]
fn a_broken_map_has_a_place() {
    refuses("{:process 0, :type :invoke, :f :read", 1, 1, "not closed");
    refuses("{:type :invoke, :f :read}", 1, 1, "no :process");
    refuses("{:process 0, :f :read}", 1, 1, "no :type");
    refuses("{:process 0, :type :invoke}", 1, 1, "no :f");
    refuses(
        "{:process 0, :type :done, :f :read}",
        1,
        20,
        "unknown :type",
    );
    refuses("{:process 0, :type :ok, :type :ok}", 1, 25, ":type twice");
    refuses("{:process 0, :type :invoke, :f :write}", 1, 32, "no :value");
    refuses("#{:process 0}", 1, 1, "an event is a map");
}

#[test]
fn an_answer_belongs_to_its_call() {
    let after = |call: &str, answer: &str| {
        format!("INFO  jepsen.util - 0\t:invoke\t{call}\nINFO  jepsen.util - 0\t{answer}")
    };
    let nothing_open = "INFO  jepsen.util - 4\t:ok\t:write\t3";
    refuses(nothing_open, 1, 21, "client 4 has no open call");
    let other_call = after(":read\tnil", ":ok\t:write\t3");
    refuses(&other_call, 2, 27, "not what client 0 called");
    let other_value = after(":write\t4", ":ok\t:write\t3");
    refuses(&other_value, 2, 34, "not the value");
    let other_swap = after(":cas\t[4 5]", ":ok\t:cas\t[5 4]");
    refuses(&other_swap, 2, 32, "not the value");
    let again = after(":read\tnil", ":invoke\t:read\tnil");
    refuses(&again, 2, 21, "calls while its operation called at 1");
}

#[test]
fn a_failed_swap_is_an_observation_if_it_is_said_to_be() {
    let log = "0 :invoke :cas [1 2]\n0 :fail :cas [1 2]";
    let read = |failed_swap| {
        let register = Register { failed_swap };
        let read = read(&register, Layout::Log, KeyIn::Field, log.as_bytes());
        told(&read.expect("a log").0)
    };
    assert!(read(FailedSwap::DidNotHappen).is_empty());
    let kept = (
        0,
        1,
        Some(2),
        String::new(),
        cas(1, 2),
        Some(CasOutput::Kept),
    );
    assert_eq!(read(FailedSwap::NoMatch), [kept]);
}

#[test]
fn what_a_log_is_of_is_seen_from_its_calls() {
    let of = |calls: &str| {
        let text: String = calls
            .split(';')
            .map(|call| {
                let mut parts = call.trim().splitn(3, ' ');
                let mut next = || parts.next().unwrap_or("nil");
                format!(
                    "{{:process 0, :type :{}, :f :{}, :value {}}}\n",
                    next(),
                    next(),
                    next()
                )
            })
            .collect();
        Looks::at(text.as_bytes(), Layout::Maps).subject()
    };
    use super::super::Subject;
    for (calls, subject) in [
        ("invoke read nil; ok read 3", Subject::Register),
        ("invoke write 3; invoke cas [3 4]", Subject::Register),
        ("invoke get; ok get 3; invoke put 3", Subject::Register),
        ("invoke get; ok get \"x\"; invoke put \"x\"", Subject::Store),
        ("invoke append \"x\"", Subject::Store),
        ("invoke enqueue 1; invoke drain", Subject::Queue),
        ("invoke add 3; invoke read; ok read #{3}", Subject::Set),
        ("invoke add 3; invoke read; ok read [3]", Subject::Set),
        ("invoke add 3; invoke read; ok read 3", Subject::Counter),
        ("invoke inc; invoke read", Subject::Counter),
        ("invoke acquire; ok acquire; invoke release", Subject::Mutex),
        (
            "invoke acquire; ok acquire 7; invoke release 7",
            Subject::Lock,
        ),
    ] {
        assert_eq!(of(calls), Ok(subject), "{calls}");
    }
    for (calls, words) in [
        ("invoke add 3; ok add 3", "set or a counter"),
        ("invoke txn [[:r 1 nil]]", "Elle"),
        ("invoke frob 3", "what was :frob called of"),
    ] {
        assert!(of(calls).is_err_and(|why| why.0.contains(words)), "{calls}");
    }
}

#[test]
fn a_drain_is_as_many_dequeues_as_it_took() {
    let text = "0 :invoke :enqueue 1\n0 :ok :enqueue 1\n3 :invoke :drain nil\n3 :ok :drain [1 2]";
    let (history, _) = read_queue(Layout::Log, KeyIn::Field, text.as_bytes()).expect("a queue");
    let clients: Vec<_> = told(&history)
        .iter()
        .map(|told| (told.0, told.1, told.2))
        .collect();
    assert_eq!(clients, [(0, 1, Some(2)), (4, 3, Some(4)), (5, 3, Some(4))]);
    for lost in [
        "3 :invoke :drain nil",
        "3 :invoke :drain nil\n3 :info :drain nil",
    ] {
        let read = read_queue(Layout::Log, KeyIn::Field, lost.as_bytes());
        assert!(
            read.is_err_and(|why| why.to_string().contains("any number of values")),
            "{lost}"
        );
    }
}

#[test]
fn a_set_that_shows_a_value_twice_is_none() {
    let text = "0 :invoke :read nil\n0 :ok :read [3 3]";
    let (history, _) = read(&Set, Layout::Log, KeyIn::Field, text.as_bytes()).expect("a set");
    let seen = told(&history)[0].5.clone();
    let twice = Value::Other("3 twice".into());
    let expected = SetOutput::All([Value::Number(3), twice].into());
    assert_eq!(seen, Some(expected));
}
