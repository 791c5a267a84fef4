//! `snowglobe history` as a user meets it: verdicts, exit codes, and one line
//! that says what to do.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
#[cfg(target_os = "linux")]
use snowglobe::campaign::stopwatch::wait_a_little;

const OBJECTS: [&str; 8] = [
    "register",
    "cas-register",
    "kv",
    "versioned",
    "counter",
    "queue",
    "set",
    "lock",
];

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowglobe"));
    command
        .arg("history")
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/histories"));
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it exits by itself")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path: PathBuf = folder.join(name);
    fs::write(&path, text).expect("the file is written");
    path.display().to_string()
}

/// A history that takes more time, and more memory, than anybody has: which of
/// these additions, that may all have been lost, make a sum that is none of theirs?
fn hard() -> String {
    let mut text = String::new();
    let mut addend = 1_000_003_u64;
    for client in 1..60 {
        addend = addend * 48_271 % 2_147_483_647;
        let addend = addend * 2;
        let _ = writeln!(
            text,
            r#"{{"client":{client},"call":1,"input":{{"add":{addend}}}}}"#
        );
    }
    text + r#"{"client":0,"call":2,"return":3,"input":"read","output":{"value":60000000001}}"#
}

/// Each of our small histories: its file, what it is of, and whether it is linearizable.
fn small() -> Vec<(String, &'static str, bool)> {
    let native = OBJECTS.into_iter().flat_map(|object| {
        [
            (format!("{object}-legal.jsonl"), object, true),
            (format!("{object}-illegal.jsonl"), object, false),
        ]
    });
    let others = [
        ("jepsen-legal.log", "cas-register", true),
        ("jepsen-illegal.edn", "cas-register", false),
        ("porcupine-legal.txt", "kv", true),
        ("porcupine-illegal.txt", "kv", false),
    ];
    native
        .chain(others.map(|(file, object, legal)| (file.to_owned(), object, legal)))
        .collect()
}

#[test]
fn every_object_and_format_has_its_verdicts() {
    for (file, object, legal) in small() {
        let output = run(&[&file, "--spec", object]);
        let text = stdout(&output);
        let (expected, word) = match legal {
            true => (0, "linearizable   "),
            false => (13, "illegal        "),
        };
        assert_eq!(code(&output), expected, "{file}: {text}{}", stderr(&output));
        assert!(text.starts_with(word), "{file}: {text}");
        assert!(text.contains(&file) && text.contains(" pending "), "{text}");
        assert_eq!(stderr(&output), "", "quick runs say nothing of themselves");
    }
}

#[test]
fn a_verdict_says_how_much_it_covers() {
    let text = stdout(&run(&["register-legal.jsonl", "--spec", "register"]));
    assert!(
        text.contains("6 operations, 2 keys, 2 pending   "),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    let text = stdout(&run(&["jepsen-legal.log", "--spec", "cas-register"]));
    assert!(text.contains("4 operations, 1 key, 1 pending   "), "{text}");
}

#[test]
fn an_illegal_history_is_explained_when_that_is_asked_for() {
    let short = stdout(&run(&["kv-illegal.jsonl", "--spec", "kv"]));
    for says in [
        "key       \"cart\", 4 operations",
        "reason    ",
        "--explain",
    ] {
        assert!(short.contains(says), "{says:?} is missing:\n{short}");
    }
    let output = run(&["kv-illegal.jsonl", "--spec", "kv", "--explain"]);
    let long = stdout(&output);
    assert_eq!(code(&output), 13);
    for says in [
        "stale read",
        "c3    get() -> \"milk\"",
        "|-----|",
        "Not linearizable, but sequentially consistent",
    ] {
        assert!(long.contains(says), "{says:?} is missing:\n{long}");
    }
    for (file, object, legal) in small() {
        let output = run(&[&file, "--spec", object, "--explain"]);
        assert_eq!(code(&output), if legal { 0 } else { 13 }, "{file}");
        let text = stdout(&output);
        assert_eq!(text.contains("cannot:"), !legal, "{file}: {text}");
        assert!(!text.contains("key \"\""), "{file} has no keys: {text}");
    }
}

#[test]
fn the_order_is_printed_one_operation_per_line() {
    let output = run(&["kv-legal.jsonl", "--spec", "kv", "--order"]);
    let text = stdout(&output);
    // The verdict, and what the file was taken for.
    let lines: Vec<_> = text.lines().skip(2).collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert_eq!(lines[0], "  c1  \"x\"  append(\"b\")");
    assert_eq!(lines[1], "  c0  \"x\"  append(\"a\")");
    let text = stdout(&run(&[
        "register-legal.jsonl",
        "--spec",
        "register",
        "--order",
    ]));
    assert!(text.ends_with("  1 pending operation left out, which need not have happened\n"));
    let arguments = ["set-legal.jsonl", "--spec", "set", "--order"];
    let text = stdout(&run(&arguments));
    assert!(text.contains("\n  c0  add(1)\n"), "{text}");
}

#[test]
fn programs_get_json() {
    for (file, object, legal) in small() {
        let output = run(&[&file, "--spec", object, "--format", "json", "--order"]);
        let account = json(&output);
        assert_eq!(account["file"], *file);
        assert_eq!(account["spec"], object);
        let operations = account["operations"].as_u64().expect("a number");
        let pending = account["pending"].as_u64().expect("a number");
        if legal {
            assert_eq!(account["verdict"], "linearizable");
            let order = account["order"].as_array().expect("an order").len() as u64;
            assert!(
                (operations - pending..=operations).contains(&order),
                "{account:#}"
            );
            assert!(account.get("illegal").is_none());
        } else {
            assert_eq!(account["verdict"], "illegal");
            let core = &account["illegal"]["explanation"]["core"];
            assert!(!core.as_array().expect("a core").is_empty(), "{account:#}");
            assert!(account.get("order").is_none());
        }
    }
    let arguments = ["kv-illegal.jsonl", "--spec", "kv", "--format", "json"];
    assert!(json(&run(&arguments))["illegal"].get("weakness").is_none());
    let asked = [&arguments[..], &["--explain"]].concat();
    let weakness = &json(&run(&asked))["illegal"]["weakness"];
    assert!(
        weakness["sequential"]["consistent"].is_object(),
        "{weakness:#}"
    );
}

#[test]
fn standard_input_is_read() {
    for file in ["kv-legal.jsonl", "porcupine-legal.txt"] {
        let input = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/histories/");
        let input = File::open(input.to_owned() + file).expect("it is there");
        let output = command(&["-", "--spec", "kv"])
            .stdin(input)
            .output()
            .expect("the binary runs");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stdout(&output).contains("   stdin\n"));
    }
}

/// Runs a command that must fail, and say so in one line.
fn must_fail(arguments: &str, expected: i32, says: &str) {
    let output = run(&arguments.split(' ').collect::<Vec<_>>());
    let text = stderr(&output);
    assert_eq!(code(&output), expected, "{arguments}: {text}");
    assert!(
        text.contains(says),
        "{arguments} should say {says:?}: {text}"
    );
    assert!(!text.contains("panicked"), "{arguments}: {text}");
    assert_eq!(stdout(&output), "", "{arguments}");
    if text.starts_with("snowglobe: ") {
        assert_eq!(text.lines().count(), 1, "{arguments}: {text}");
    }
}

#[test]
fn a_command_that_makes_no_sense_is_refused() {
    for (arguments, says) in [
        ("kv-legal.jsonl --spec tree", "cas-register"),
        ("kv-legal.jsonl --spec kv --from csv", "jepsen-maps"),
        ("kv-legal.jsonl --initial 0", "leave it out"),
        ("counter-legal.jsonl --initial x", "a whole number"),
        ("jepsen-legal.log --spec versioned", "--from jsonl"),
        ("kv-legal.jsonl --spec kv --budget 1", "duration"),
        ("kv-legal.jsonl --spec kv --memory 1GB", "512MiB"),
        ("kv-legal.jsonl --spec kv -j 0", "at least 1"),
    ] {
        must_fail(arguments, 2, says);
    }
}

#[test]
fn a_file_that_is_no_history_is_refused_with_the_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &[u8], more: &str| {
        format!("{} --spec kv{more}", write(folder.path(), name, text))
    };
    let get = br#"{"client":4,"call":1,"input":"get"}"#;
    let after_get = |line: &[u8]| [get, &b"\n\n"[..], line].concat();
    let torn = after_get(br#"{"client":1,"call":2,"retu"#);
    let typo = after_get(br#"{"client":1,"call":2,"input":"take"}"#);
    let twice = after_get(br#"{"client":4,"call":2,"input":"get"}"#);
    let answer = b"{:process 0, :type :ok, :f :get, :key \"1\", :value \"\"}\n";
    let junk = b"\x7fELF\x02\x01\x01\x00\xff\xfe\n\x00{";
    let here = format!("{} --spec kv", folder.path().display());
    for (arguments, says) in [
        (file("torn", &torn, ""), "torn: line 3, column 26: "),
        (file("typo", &typo, ""), "typo: line 3, column 35: "),
        (
            file("twice", &twice, ""),
            "twice: line 3, column 1: c4 calls at 2",
        ),
        (
            file("answer", answer, ""),
            "answer: line 1, column 11: client 0",
        ),
        (
            file("prose", b"It was a dark night.\n", ""),
            "give --from jsonl",
        ),
        (file("junk", junk, ""), "give --from jsonl"),
        (file("junk", junk, " --from jsonl"), "junk: line 1, column "),
        ("kv-legal.jsonl --spec queue".to_owned(), "line 1, column "),
        ("jepsen-legal.log --spec kv".to_owned(), "line 2, column "),
        (
            "porcupine-legal.txt --spec set".to_owned(),
            "line 1, column ",
        ),
        (
            "nothing --spec kv".to_owned(),
            "cannot read nothing: No such file",
        ),
        (here, "Is a directory"),
    ] {
        must_fail(&arguments, 1, says);
    }
}

/// What the start of a file shows of a store is held against the whole.
#[test]
fn a_store_that_shows_missing_keys_in_two_ways_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |at: u64, input: &str, output: &str| {
        let times = format!("\"client\":0,\"call\":{at},\"return\":{at}");
        format!("{{{times},\"key\":\"a\",\"input\":{input},\"output\":{output}}}\n")
    };
    let get = "\"get\"";
    let mut text = line(0, get, "{\"value\":\"\"}");
    for at in 1..20_000 {
        text += &line(at, "{\"put\":\"x\"}", "\"done\"");
    }
    text += &line(20_000, "\"delete\"", "\"done\"");
    text += &line(20_001, get, "\"missing\"");
    let file = write(folder.path(), "two-ways", text);
    must_fail(&file, 1, "--missing-is-empty=true or");
    for (said, expected) in [("true", 0), ("false", 13)] {
        let output = run(&[&file, &format!("--missing-is-empty={said}")]);
        assert_eq!(code(&output), expected, "{said}: {}", stdout(&output));
    }
}

#[test]
fn without_an_operation_there_is_nothing_to_judge() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| write(folder.path(), name, text);
    let empty = file("empty", "");
    let blank = file("blank", "\n \n\n");
    let failed = file(
        "failed",
        "{\"client\":0,\"invoke\":\"read\"}\n{\"client\":0,\"failed\":true}\n",
    );
    let nemesis = file(
        "nemesis",
        "{:process :nemesis, :type :info, :f :start, :value nil}\n",
    );
    let native = file("native", "{\"client\":0,\"call\":1,\"input\":\"read\"}\n");
    for (file, more) in [
        (empty, ""),
        (blank, ""),
        (failed, ""),
        (nemesis, " --from jepsen"),
        (native, " --from porcupine"),
    ] {
        must_fail(
            &format!("{file} --spec cas-register{more}"),
            4,
            "nothing to judge",
        );
    }
}

#[test]
fn what_the_budget_ends_is_inconclusive() {
    let folder = tempfile::tempdir().expect("a folder");
    let hard = write(folder.path(), "hard.jsonl", hard());
    for (file, more, says) in [
        (
            "kv-legal.jsonl",
            ["--budget", "0s"],
            "after the 0ms of --budget",
        ),
        (
            "kv-legal.jsonl",
            ["--memory", "99B"],
            "more than the 99B of --memory",
        ),
        (&hard, ["--budget", "200ms"], "after the 200ms of --budget"),
        (
            &hard,
            ["--memory", "64KiB"],
            "with the 64KiB of --memory used up",
        ),
    ] {
        let object = if file == hard { "counter" } else { "kv" };
        let arguments = [&[file, "--spec", object], &more[..]].concat();
        let output = run(&arguments);
        let text = stdout(&output);
        assert_eq!(code(&output), 20, "{arguments:?}: {text}");
        assert!(text.starts_with("inconclusive   "), "{text}");
        assert!(
            text.contains(says),
            "{arguments:?} should say {says:?}: {text}"
        );
        assert!(text.ends_with("; give it more\n"), "{text}");
        let account = json(&run(&[&arguments[..], &["--format", "json"]].concat()));
        assert_eq!(account["verdict"], "inconclusive");
        let why = account["inconclusive"]["why"].as_str().expect("a reason");
        assert_eq!(why == "budget-ended", file == hard, "{account:#}");
    }
}

#[test]
fn a_file_without_line_ends_does_not_take_all_memory() {
    let zeros = File::open("/dev/zero").expect("it is there");
    let arguments = ["-", "--spec", "kv", "--from", "jsonl"];
    let output = command(&arguments).stdin(zeros).output().expect("it runs");
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("longer than 64MiB"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = command(&["kv-legal.jsonl", "--spec", "kv", "--order"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

/// Interrupts a command as soon as it can be interrupted.
#[cfg(target_os = "linux")]
fn interrupted(mut command: Command) -> Output {
    const INTERRUPT: u64 = 1 << 1;
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let id = child.id().to_string();
    let caught = || {
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("it is alive");
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        u64::from_str_radix(mask.expect("a mask").trim(), 16).expect("a mask") & INTERRUPT > 0
    };
    while !caught() {
        wait_a_little();
    }
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("it is sent").success());
    child.wait_with_output().expect("it ends")
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_ends_it_while_it_reads_and_while_it_judges() {
    let mut reading = command(&["-", "--spec", "kv"]);
    // Somebody who says nothing.
    let mut silent = Command::new("sleep")
        .arg("60")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    reading.stdin(silent.stdout.take().expect("a pipe"));
    let output = interrupted(reading);
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    assert_eq!(stderr(&output), "snowglobe: interrupted while reading\n");
    silent.kill().expect("it ends");
    silent.wait().expect("it ended");

    let folder = tempfile::tempdir().expect("a folder");
    let hard = write(folder.path(), "hard.jsonl", hard());
    let output = interrupted(command(&[&hard, "--spec", "counter", "--memory", "64GiB"]));
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("ended     by an interrupt"),
        "{}",
        stdout(&output)
    );
}
