use super::super::Malformed;
use super::*;

/// Client, call, return, and what was asked and answered.
type Told = (u32, u64, Option<u64>, Input, Option<Output>);

fn told(text: &str) -> Vec<Told> {
    let history = read(text.as_bytes()).expect(text);
    let operations = history.operations().iter().map(|operation| {
        (
            operation.client.0,
            operation.called.0,
            operation.returned_at().map(|at| at.0),
            operation.input.clone(),
            operation.output().cloned(),
        )
    });
    operations.collect()
}

fn malformed(text: &str) -> Malformed {
    match read(text.as_bytes()) {
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

fn cas(from: i64, to: i64) -> Input {
    CasInput::Cas {
        from: Value::Number(from),
        to: Value::Number(to),
    }
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

fn of_the_log() -> Vec<Told> {
    vec![
        (
            0,
            2,
            Some(3),
            CasInput::Read,
            Some(CasOutput::Value(Value::Nothing)),
        ),
        (1, 4, None, CasInput::Write(Value::Number(4)), None),
        (0, 6, Some(9), cas(4, 5), Some(CasOutput::Kept)),
        (3, 10, Some(13), cas(4, -5), Some(CasOutput::Swapped)),
        (
            2,
            16,
            Some(17),
            CasInput::Read,
            Some(CasOutput::Value(Value::Number(-5))),
        ),
    ]
}

#[test]
fn a_log_is_read_as_its_authors_meant_it() {
    assert_eq!(told(LOG), of_the_log());
}

#[test]
fn the_same_as_maps_is_the_same() {
    let as_map = |line: &str| {
        let logged = line.strip_prefix("INFO  jepsen.util - ")?;
        let mut fields = logged.split('\t');
        let (process, stage) = (fields.next()?, fields.next()?);
        let (function, value) = (fields.next()?, fields.next()?);
        Some(format!(
            "#jepsen.history.Op{{:index 7, :time 1.5, :type {stage}, :process {process}, \
             :f {function}, :value {value}, :error [:http \"{{\"]}}"
        ))
    };
    let maps: Vec<_> = LOG
        .lines()
        .map(|line| as_map(line).unwrap_or_default())
        .collect();
    assert_eq!(told(&maps.join("\n")), of_the_log());
}

#[test]
fn other_lines_mean_nothing() {
    let other = "hello\nINFO jepsen.util - \nINFO  jepsen.util - 0\t:started\t:read\tnil\n\
                 INFO  jepsen.util - (0 :invoke :read\nINFO  other - 0\t:invoke\t:read\tnil\n\
                 DEBUG jepsen.util - 0\t:invoke\t:read\tnil";
    assert!(told(other).is_empty());
}

#[test]
fn a_broken_line_of_an_operation_has_a_place() {
    let log = |rest: &str| format!("\nINFO  jepsen.util - {rest}");
    refuses(&log("-1\t:invoke\t:read\tnil"), 2, 21, "numbered from 0");
    refuses(&log("x\t:invoke\t:read\tnil"), 2, 21, "should be a number");
    refuses(
        &log("2147483648\t:invoke\t:read\tnil"),
        2,
        21,
        "out of range",
    );
    refuses(&log("0\t:invoke\t:frob\tnil"), 2, 31, "knows :read, :write");
    refuses(&log("0\t:invoke"), 2, 30, "what was called");
    refuses(
        &log("0\t:invoke\t:read"),
        2,
        36,
        "where the value should be",
    );
    refuses(&log("0\t:invoke\t:read\t7"), 2, 37, "carries nil");
    refuses(&log("0\t:invoke\t:write\tnil"), 2, 38, "whole number");
    refuses(&log("0\t:invoke\t:write\t1.5"), 2, 38, "whole number");
    refuses(&log("0\t:invoke\t:cas\t7"), 2, 36, "[old new]");
    refuses(&log("0\t:invoke\t:cas\t[7]"), 2, 36, "two values");
    refuses(&log("0\t:invoke\t:cas\t[7 x]"), 2, 39, "whole number");
    refuses(&log("0\t:invoke\t:cas\t[7 8"), 2, 36, "not closed");
    refuses(
        &log("0\t:invoke\t:read\tnil nil"),
        2,
        41,
        "one event per line",
    );
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
