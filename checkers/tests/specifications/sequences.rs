//! What each specification accepts, one operation after the other.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use snowglobe_checkers::linearizability::Specification;
use snowglobe_checkers::linearizability::specifications::*;

/// Follows operations as they are written in files, one per line: the input and,
/// after an arrow, the output. Gives the number of the first line after which no
/// state is left, counted from 1.
fn refused_at<S>(specification: &S, lines: &str) -> Option<usize>
where
    S: Specification,
    S::Input: DeserializeOwned + serde::Serialize,
    S::Output: DeserializeOwned + serde::Serialize,
{
    let mut states = BTreeSet::from([specification.initial()]);
    for (number, line) in (1..).zip(lines.trim().lines()) {
        let line = line.trim();
        let (input, output) = match line.split_once(" -> ") {
            Some((input, output)) => (input, Some(output)),
            None => (line, None),
        };
        let input: S::Input = written(input);
        let output: Option<S::Output> = output.map(written);
        assert!(
            !specification
                .describe_operation(&input, output.as_ref())
                .is_empty()
        );
        states = states
            .iter()
            .flat_map(|state| specification.step(state, &input, output.as_ref()))
            .collect();
        if states.is_empty() {
            return Some(number);
        }
    }
    None
}

/// The value of a text that is as the value is written.
fn written<T: DeserializeOwned + serde::Serialize>(text: &str) -> T {
    let value = serde_json::from_str(text).expect(text);
    assert_eq!(serde_json::to_string(&value).expect("plain"), text);
    value
}

/// Each of these sequences is possible.
#[track_caller]
fn accepts<S>(specification: &S, sequences: &[&str])
where
    S: Specification,
    S::Input: DeserializeOwned + serde::Serialize,
    S::Output: DeserializeOwned + serde::Serialize,
{
    for lines in sequences {
        assert_eq!(refused_at(specification, lines), None, "{lines}");
    }
}

/// Each of these sequences is possible but for its last line.
#[track_caller]
fn refuses<S>(specification: &S, sequences: &[&str])
where
    S: Specification,
    S::Input: DeserializeOwned + serde::Serialize,
    S::Output: DeserializeOwned + serde::Serialize,
{
    for lines in sequences {
        let last = lines.trim().lines().count();
        assert_eq!(refused_at(specification, lines), Some(last), "{lines}");
    }
}

#[test]
fn a_register_gives_what_was_written_last() {
    let register = Register { initial: 0 };
    accepts(
        &register,
        &[
            r#""read" -> {"value":0}"#,
            r#"{"write":3} -> "written"
               "read" -> {"value":3}
               {"write":4}
               "read"
               "read" -> {"value":4}"#,
        ],
    );
    refuses(
        &register,
        &[
            r#""read" -> {"value":1}"#,
            r#""read" -> "written""#,
            r#"{"write":3} -> {"value":3}"#,
            r#"{"write":3} -> "written"
               "read" -> {"value":0}"#,
        ],
    );
}

#[test]
fn a_cas_register_swaps_what_it_holds_and_nothing_else() {
    let register = CasRegister { initial: None };
    accepts(
        &register,
        &[r#""read" -> {"value":null}
               {"write":3} -> "written"
               {"cas":{"from":3,"to":4}} -> "swapped"
               {"cas":{"from":3,"to":5}} -> "kept"
               {"cas":{"from":4,"to":6}}
               {"cas":{"from":4,"to":7}}
               "read" -> {"value":6}"#],
    );
    refuses(
        &register,
        &[
            r#"{"cas":{"from":3,"to":4}} -> "swapped""#,
            r#"{"cas":{"from":null,"to":4}} -> "kept""#,
            r#"{"write":3} -> "swapped""#,
            r#""read" -> "kept""#,
            r#"{"cas":{"from":null,"to":4}} -> "written""#,
            r#"{"cas":{"from":null,"to":4}} -> "swapped"
               "read" -> {"value":null}"#,
        ],
    );
    let _: Option<u8> = register.initial;
}

#[test]
fn a_text_is_put_appended_to_deleted_and_swapped() {
    accepts(
        &Text,
        &[r#""get" -> {"value":""}
               {"append":"a"} -> "done"
               {"append":"b"}
               "get" -> {"value":"ab"}
               {"cas":{"from":"ab","to":"c"}} -> "swapped"
               {"cas":{"from":"ab","to":"d"}} -> "kept"
               "delete" -> "done"
               "get" -> {"value":""}
               {"put":"e"} -> "done"
               "get" -> {"value":"e"}"#],
    );
    refuses(
        &Text,
        &[
            r#""get" -> {"value":"a"}"#,
            r#""get" -> "done""#,
            r#"{"put":"a"} -> {"value":"a"}"#,
            r#"{"cas":{"from":"","to":"d"}} -> "kept""#,
            r#"{"put":"a"} -> "done"
               {"append":"b"} -> "done"
               "get" -> {"value":"b"}"#,
        ],
    );
}

#[test]
fn a_keyed_object_does_what_the_object_does() {
    let registers = Keyed::<u8, _>::new(Register { initial: 0 });
    accepts(
        &registers,
        &[r#"{"key":1,"input":{"write":3}} -> "written"
             {"key":1,"input":"read"} -> {"value":3}"#],
    );
    refuses(&registers, &[r#"{"key":1,"input":"read"} -> {"value":3}"#]);
    let input = KeyedInput {
        key: 7,
        input: RegisterInput::Read,
    };
    assert_eq!(registers.key(&input), 7);
}

#[test]
fn a_versioned_value_is_put_by_who_knows_the_version() {
    let value = Versioned {
        initial: String::new(),
    };
    accepts(
        &value,
        &[r#""get" -> {"value":{"value":"","version":0}}
               {"put":{"value":"a","expected":0}} -> "done"
               {"put":{"value":"b","expected":0}} -> "wrong-version"
               {"put":{"value":"c","expected":0}}
               {"put":{"value":"d","expected":1}}
               "get"
               "get" -> {"value":{"value":"d","version":2}}"#],
    );
    refuses(
        &value,
        &[
            r#""get" -> {"value":{"value":"","version":1}}"#,
            r#""get" -> "done""#,
            r#"{"put":{"value":"a","expected":0}} -> "wrong-version""#,
            r#"{"put":{"value":"a","expected":1}} -> "done""#,
            r#"{"put":{"value":"a","expected":0}} -> {"value":{"value":"a","version":1}}"#,
            r#"{"put":{"value":"a","expected":0}} -> "done"
               "get" -> {"value":{"value":"a","version":0}}"#,
        ],
    );
}

#[test]
fn a_counter_is_the_sum_of_what_was_added() {
    accepts(
        &Counter::default(),
        &[
            r#""read" -> {"value":0}
               {"add":3} -> "done"
               {"add":-5}
               {"add-and-get":1} -> {"value":-1}
               {"add-and-get":1}
               "read"
               "read" -> {"value":0}"#,
            r#"{"add":9223372036854775807} -> "done"
               {"add-and-get":1} -> {"value":-9223372036854775808}"#,
        ],
    );
    refuses(
        &Counter { initial: 5 },
        &[
            r#""read" -> {"value":0}"#,
            r#""read" -> "done""#,
            r#"{"add":1} -> {"value":6}"#,
            r#"{"add-and-get":1} -> {"value":5}"#,
            r#"{"add-and-get":1} -> "done""#,
        ],
    );
}

#[test]
fn a_queue_hands_out_the_oldest_first() {
    let queue = Queue::<u8>::EMPTY;
    accepts(
        &queue,
        &[r#""dequeue" -> "empty"
               "dequeue"
               {"enqueue":1} -> "done"
               {"enqueue":2}
               {"enqueue":3} -> "done"
               "dequeue" -> {"value":1}
               "dequeue"
               "dequeue" -> {"value":3}
               "dequeue" -> "empty""#],
    );
    refuses(
        &queue,
        &[
            r#""dequeue" -> {"value":1}"#,
            r#""dequeue" -> "done""#,
            r#"{"enqueue":1} -> "empty""#,
            r#"{"enqueue":1} -> "done"
               "dequeue" -> "empty""#,
            r#"{"enqueue":1} -> "done"
               {"enqueue":2} -> "done"
               "dequeue" -> {"value":2}"#,
            r#"{"enqueue":1} -> "done"
               "dequeue" -> {"value":1}
               "dequeue" -> {"value":1}"#,
        ],
    );
}

#[test]
fn a_set_contains_what_was_added_and_not_removed() {
    let set = Set::<u8>::EMPTY;
    accepts(
        &set,
        &[r#""read-all" -> {"all":[]}
               {"add":3} -> "done"
               {"add":1} -> "done"
               {"add":3} -> "done"
               {"remove":2} -> "done"
               {"contains":3} -> {"is":true}
               {"contains":2} -> {"is":false}
               "read-all" -> {"all":[1,3]}
               {"remove":3}
               {"contains":3}
               "read-all"
               "read-all" -> {"all":[1]}"#],
    );
    refuses(
        &set,
        &[
            r#"{"contains":3} -> {"is":true}"#,
            r#"{"contains":3} -> "done""#,
            r#"{"add":3} -> {"is":true}"#,
            r#""read-all" -> {"is":true}"#,
            r#"{"add":3} -> "done"
               "read-all" -> {"all":[]}"#,
            r#"{"add":3} -> "done"
               {"remove":3} -> "done"
               {"contains":3} -> {"is":true}"#,
        ],
    );
}

#[test]
fn what_a_set_contains_may_be_listed_in_any_order_but_not_twice() {
    let any_order: SetOutput<u8> = serde_json::from_str(r#"{"all":[3,1]}"#).expect("a set");
    assert_eq!(any_order, SetOutput::All(BTreeSet::from([1, 3])));
    let twice = serde_json::from_str::<SetOutput<u8>>(r#"{"all":[3,1,3]}"#);
    let error = twice.expect_err("no set").to_string();
    assert!(error.starts_with("a set holds no value twice"), "{error}");
}

#[test]
fn a_lock_is_held_by_one_with_ever_greater_tokens() {
    accepts(
        &Lock,
        &[r#"{"release":0} -> "stale"
               "acquire" -> {"granted":0}
               "acquire" -> "busy"
               "acquire"
               {"release":1} -> "stale"
               {"release":1}
               {"release":0} -> "done"
               {"release":0} -> "stale"
               "acquire" -> {"granted":7}
               {"release":7}
               "acquire" -> {"granted":8}"#],
    );
    refuses(
        &Lock,
        &[
            r#""acquire" -> "busy""#,
            r#""acquire" -> "done""#,
            r#"{"release":0} -> "done""#,
            r#"{"release":0} -> {"granted":0}"#,
            r#""acquire" -> {"granted":3}
               "acquire" -> {"granted":4}"#,
            r#""acquire" -> {"granted":3}
               {"release":3} -> "stale""#,
            r#""acquire" -> {"granted":3}
               {"release":4} -> "done""#,
            r#""acquire" -> {"granted":3}
               {"release":3} -> "done"
               "acquire" -> {"granted":3}"#,
        ],
    );
}

#[test]
fn a_lock_that_was_granted_to_nobody_knows_whom_is_held_with_some_greater_token() {
    accepts(
        &Lock,
        &[
            r#""acquire" -> {"granted":3}
               {"release":3} -> "done"
               "acquire"
               "acquire" -> "busy"
               {"release":3} -> "stale"
               {"release":5} -> "stale"
               {"release":9}
               {"release":6} -> "done"
               "acquire" -> {"granted":7}"#,
            // The token of the release that nobody answered was the one.
            r#""acquire"
               {"release":9}
               "acquire" -> {"granted":10}"#,
        ],
    );
    refuses(
        &Lock,
        &[
            r#""acquire"
               "acquire" -> {"granted":1}"#,
            r#""acquire" -> {"granted":3}
               {"release":3} -> "done"
               "acquire"
               {"release":3} -> "done""#,
            r#""acquire"
               {"release":5} -> "stale"
               {"release":5} -> "done""#,
            r#""acquire"
               {"release":9}
               "acquire" -> {"granted":9}"#,
            r#""acquire"
               {"release":6} -> "done"
               {"release":6} -> "done""#,
        ],
    );
}
