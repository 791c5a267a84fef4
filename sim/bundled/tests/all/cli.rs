//! The command line as a user meets it: exit codes, and one line that says what to do.

use snowglobe_bundled::SYSTEMS;
use std::fs;
use std::process::{Command, Output};

fn snowglobe(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snowglobe"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}

/// With a variable of the environment.
fn with_variable((name, value): (&str, &str), arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snowglobe"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .env(name, value)
        .output()
        .expect("the binary runs")
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

#[test]
fn a_mistake_gets_one_line_and_its_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("the file is written");
        path.display().to_string()
    };
    let story = "system = \"raft\"\nnodes = 3\nseed = \"1\"\n";
    let empty = file("empty.toml", "");
    let torn = file("torn.toml", "system = \"raft");
    let stranger = file("stranger.toml", &story.replace("raft", "paxos"));
    let crowd = file("crowd.toml", &story.replace("nodes = 3", "nodes = 99"));
    let fault = format!("{story}faults = [\"1s explode n1\"]\n");
    let fault = file("fault.toml", &fault);
    let node = file(
        "node.toml",
        &format!("{story}faults = [\"1s crash n7 losing unsynced\"]\n"),
    );
    let sentence = file(
        "sentence.toml",
        &format!("{story}story = [\"all is well\"]\n"),
    );
    let late = file(
        "late.toml",
        &format!("{story}faults = [\"90s restart all\"]\n"),
    );
    for (arguments, expected, says) in [
        (vec!["run", "paxos"], 2, "snowglobe list"),
        (vec!["run", "raft", "--seed", "x"], 2, "seed"),
        (vec!["replay", "nothing.toml"], 1, "nothing.toml"),
        (vec!["replay", "what"], 2, "no file"),
        (vec!["replay", &empty], 2, "empty.toml"),
        (vec!["replay", &torn], 2, "line 1"),
        (vec!["replay", &stranger], 2, "paxos"),
        (vec!["replay", &crowd], 2, "1 to 31 nodes"),
        (vec!["replay", &fault], 2, "explode"),
        (vec!["replay", &node], 2, "n7"),
        (vec!["replay", &sentence], 2, "all is well"),
        (vec!["replay", &late], 2, "chaos"),
        (
            vec!["replay", "1", "--system", "raft", "--node", "two"],
            2,
            "n2",
        ),
        (vec!["replay", "1"], 2, "--system"),
        (vec!["verify", "/nowhere"], 2, "/nowhere"),
    ] {
        is_refused(&arguments, expected, says);
    }
}

#[test]
fn a_campaign_that_makes_no_sense_is_refused() {
    for (arguments, expected, says) in [
        (vec!["fuzz", "paxos"], 2, "snowglobe list"),
        (vec!["fuzz", "--seeds", "9..3"], 2, "above the start"),
        (vec!["fuzz", "-j", "0"], 2, "at least 1"),
        (vec!["fuzz", "-j", "100000"], 2, "at most 1024"),
        (vec!["check", "raft", "-j", "100000"], 2, "at most 1024"),
        (vec!["fuzz", "raft", "kv", "raft"], 2, "named twice"),
        (vec!["fuzz", "--double-check", "101"], 2, "0 to 100 percent"),
        (vec!["fuzz", "--max-fail", "0"], 2, "at least 1"),
        (vec!["fuzz", "--max-distinct", "0"], 2, "at least 1"),
        (vec!["fuzz", "--partition", "3/2"], 2, "between 1 and"),
        (
            vec!["fuzz", "--resume", "--out", "nowhere"],
            2,
            "without --resume",
        ),
        (vec!["fuzz", "--resume", "raft"], 2, "cannot be used with"),
        (vec!["fuzz", "--out", "/proc/nowhere"], 1, "--out"),
    ] {
        is_refused(&arguments, expected, says);
    }
}

/// A mistake is told in one line that says what to do, with its exit code.
fn is_refused(arguments: &[&str], expected: i32, says: &str) {
    let output = snowglobe(arguments);
    let text = stderr(&output);
    assert_eq!(code(&output), expected, "{arguments:?}: {text}");
    assert!(
        text.contains(says),
        "{arguments:?} should say {says:?}: {text}"
    );
    assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    if text.starts_with("snowglobe: ") {
        assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
    }
}

/// A failing seed, made small, replays from both of its files.
#[test]
fn a_failure_is_made_small_and_one_that_holds_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().display().to_string();
    let held = snowglobe(&["shrink", "7", "--system", "raft", "--out", &out]);
    assert_eq!(code(&held), 4, "{}", stderr(&held));
    assert!(stderr(&held).contains("it breaks nothing"));
    let text = "system = \"raft\"\nnodes = 5\nseed = \"1\"\n\
                story = [\"wait 1s\", \"cut all\", \"wait 50ms\", \"leader within 2s\"]\n";
    let path = folder.path().join("impossible.toml");
    fs::write(&path, text).expect("the file is written");
    let shrunk = snowglobe(&["shrink", &path.display().to_string()]);
    let says = stdout(&shrunk);
    assert_eq!(code(&shrunk), 0, "{says}");
    assert!(says.contains("depends on time"), "{says}");
    let small = folder.path().join("impossible.small.toml");
    let written = fs::read_to_string(&small).expect("it is written");
    assert!(!written.contains("wait"), "{written}");
    assert!(
        written.contains("nodes = 2") || written.contains("nodes = 1"),
        "{written}"
    );
    assert_eq!(
        code(&snowglobe(&["replay", &small.display().to_string()])),
        11
    );
}

/// Two runs reach some marks and not all.
#[test]
fn required_marks_that_were_not_reached_are_inconclusive() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = folder.path().display().to_string();
    let fuzz = |more: &[&str]| {
        let arguments = ["fuzz", "raft", "--seeds", "0..2", "--found", &found];
        code(&snowglobe(&[&arguments, more].concat()))
    };
    assert_eq!(fuzz(&[]), 0);
    assert_eq!(fuzz(&["--require-marks"]), 20);
}

#[test]
fn a_replay_says_when_it_came_differently() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.toml");
    let replay = |expect: &str| {
        let text = format!("system = \"raft\"\nnodes = 3\nseed = \"1\"\nexpect = {expect:?}\n");
        fs::write(&path, text).expect("the file is written");
        stdout(&snowglobe(&["replay", &path.display().to_string()]))
    };
    assert!(!replay("held").contains("expected"));
    let text = replay("violates:log-matching");
    let says = "expected  violates:log-matching, and it came differently: held";
    assert!(text.contains(says), "{text}");
}

#[test]
fn a_file_that_makes_no_sense_gets_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.toml");
    for (more, says) in [
        ("expect = \"violates:log-matchin\"", "log-matching, "),
        (
            "faults = [\"1s partition n1 | n1 n2\"]",
            "a node of its own",
        ),
        ("faults = [\"2s..1s pause n1\"]", "it ends before it begins"),
        ("[links]\nloss = \"101%\"", "at most 100%, not 101%"),
        ("[links]\nlatency = \"0ms..0ms\"", "later than 0ms"),
        ("settle = \"0s\"", "more than 0ms"),
        ("[disk]\ncheckpoint_bytes = 0", "1 to 1073741824, not 0"),
    ] {
        let text = format!("system = \"raft\"\nnodes = 3\nseed = \"1\"\n{more}\n");
        fs::write(&path, text).expect("the file is written");
        let output = snowglobe(&["replay", &path.display().to_string()]);
        let text = stderr(&output);
        assert_eq!(code(&output), 2, "{more}: {text}");
        assert!(text.contains(says), "{more} should say {says:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{more}: {text}");
    }
}

#[test]
fn an_option_that_makes_no_sense_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("options.toml");
    for (system, option, says) in [
        ("raft", "clients = 0", "`clients` must be 1 to 100, not 0"),
        ("raft", "watchers = -1", "watchers"),
        ("raft", "colour = 1", "colour"),
        ("raft", "max_pending = 0", "`max_pending` must be 1 to"),
        ("raft", "padding_bytes = 1000000000", "0 to 1048576, not"),
        ("kv", "clerks = 0", "`clerks` must be 1 to 120, not 0"),
        ("kv", "clerks = 200", "`clerks` must be 1 to 120, not 200"),
        ("kv", "users_per_clerk = 255", "at most 600, not 765"),
        ("kv", "own_in_100 = 101", "`own_in_100` must be 0 to 100"),
        ("kv", "readers = 4", "`readers` must be at most 3"),
        ("kv", "value_bytes = 100000000000", "`value_bytes`"),
        (
            "shardkv",
            "shards = 95\npartitioner = \"first_byte\"",
            "at most 94 where keys are divided by their first byte, not 95",
        ),
        (
            "shardkv",
            "partitioner = \"third\"",
            "`hash` or `first_byte`",
        ),
        ("shardctrler", "shards = 0", "`shards` must be 1 to"),
        ("shardctrler", "groups = 200", "1 to 16, not 200"),
        ("shardctrler", "clerks = 60", "at most 50, not 60"),
    ] {
        let text = format!("system = {system:?}\nnodes = 3\nseed = \"1\"\n[options]\n{option}\n");
        fs::write(&path, text).expect("the file is written");
        let output = snowglobe(&["replay", &path.display().to_string()]);
        let text = stderr(&output);
        assert_eq!(code(&output), 2, "{option}: {text}");
        assert!(text.contains(says), "{option} should say {says:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{option}: {text}");
    }
}

#[test]
fn an_empty_corpus_is_nothing_selected() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = snowglobe(&["verify", &folder.path().display().to_string()]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
}

#[test]
fn list_names_what_there_is() {
    let output = snowglobe(&["list"]);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    for word in [
        "raft",
        "shardctrler",
        "shardkv",
        "mapreduce",
        "partitions",
        "raft.leader_elected",
        "disk.rot_detected",
    ] {
        assert!(text.contains(word), "{word} is missing:\n{text}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&snowglobe(&["list", "--format", "json"]).stdout).expect("JSON");
    assert_eq!(json["systems"][0]["name"], "raft");
}

#[test]
fn a_campaign_tells_what_it_covered() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = folder.path().display().to_string();
    let output = snowglobe(&["fuzz", "raft", "--seeds", "0..20", "--found", &found]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{text}{}", stderr(&output));
    for says in [
        "20 runs",
        "20 held, 0 failed",
        "reached",
        "held in every run",
    ] {
        assert!(text.contains(says), "{says:?} is missing:\n{text}");
    }
    let json = snowglobe(&[
        "fuzz", "--seeds", "0..5", "--found", &found, "--format", "json",
    ]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    // Without a name each system gets every seed.
    assert_eq!(json["runs"], 5 * SYSTEMS.all().len());
}

#[test]
fn slices_share_a_range() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = folder.path().display().to_string();
    let runs = |slice: &str| {
        let arguments = [
            "fuzz",
            "raft",
            "--seeds",
            "0..10",
            "--partition",
            slice,
            "--found",
            &found,
            "--format",
            "json",
        ];
        let output = snowglobe(&arguments);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        json["runs"].as_u64().expect("a number")
    };
    assert_eq!(
        runs("slice:1/3") + runs("slice:2/3") + runs("slice:3/3"),
        10
    );
}

/// A scenario whose demand cannot be met: nobody can be elected while everybody is cut off.
#[test]
fn a_failure_replays_from_its_file_and_shows_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("impossible.toml");
    let text = "# Nobody can lead behind cuts.\nsystem = \"raft\"\nnodes = 3\nseed = \"1\"\n\
                story = [\"cut all\", \"leader within 2s\"]\n";
    fs::write(&path, text).expect("the file is written");
    let path = path.display().to_string();
    let output = snowglobe(&["replay", &path]);
    let shown = stdout(&output);
    assert_eq!(code(&output), 11, "{shown}");
    for says in [
        "FAIL raft 0x0000000000000001",
        "property",
        "leader within",
        "timeout",
    ] {
        assert!(shown.contains(says), "{says:?} is missing:\n{shown}");
    }
    let verified = snowglobe(&["verify", &path]);
    assert_eq!(code(&verified), 11, "it expects to hold");
}

#[test]
fn a_script_that_makes_no_sense_is_refused_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("script.toml");
    for (system, steps, says) in [
        ("raft", "[\"crash n1\", \"smash n2\"]", "step 2"),
        ("raft", "[\"crash n7\"]", "n7"),
        ("raft", "[]\nfaults = [\"1s heal\"]", "`faults`"),
    ] {
        let text = format!("system = {system:?}\nnodes = 3\nseed = \"1\"\nsteps = {steps}\n");
        fs::write(&path, text).expect("the file is written");
        let output = snowglobe(&["replay", &path.display().to_string()]);
        let text = stderr(&output);
        assert_eq!(code(&output), 2, "{steps}: {text}");
        assert!(text.contains(says), "{steps} should say {says:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{steps}: {text}");
    }
}

#[test]
fn a_script_that_does_not_fit_is_told_by_its_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("script.toml");
    let text = "# Nobody has asked n2 for its vote.\nsystem = \"raft\"\nnodes = 3\nseed = \"1\"\n\
                steps = [\"timeout n1 election\", \"deliver n1->n2 RequestVote\"]\n";
    fs::write(&path, text).expect("the file is written");
    let path = path.display().to_string();
    for verb in ["replay", "verify"] {
        let output = snowglobe(&[verb, &path]);
        let shown = stdout(&output);
        assert_eq!(code(&output), 2, "{shown}");
        for says in [
            "step 2, \"deliver n1->n2 RequestVote\", cannot be taken",
            "under way: PreVote t0 last i0@t0",
        ] {
            assert!(shown.contains(says), "{says:?} is missing:\n{shown}");
        }
    }
}

/// Two of three disks rot: nobody may lead, and that is right.
#[test]
fn a_cluster_beyond_its_promise_cannot_recover_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let rot = |node: &str| {
        format!(
            "\"3s disk {node} rots\", \"3s crash {node} losing unsynced\", \"3s restart {node}\""
        )
    };
    let text = format!(
        "# Too much rot.\nsystem = \"raft\"\nnodes = 3\nseed = \"1\"\n\
         expect = \"cannot-recover\"\nfaults = [{}, {}]\n",
        rot("n1"),
        rot("n2")
    );
    let path = folder.path().join("rot.toml");
    fs::write(&path, &text).expect("the file is written");
    let path = path.display().to_string();
    let verified = snowglobe(&["verify", &path]);
    assert_eq!(code(&verified), 0, "{}", stdout(&verified));
    let digest = stdout(&snowglobe(&["replay", "--digest", &path]));
    assert!(digest.trim_end().ends_with(" cannot-recover"), "{digest}");
    fs::write(&path, text.replace("cannot-recover", "held")).expect("the file is written");
    assert_ne!(
        code(&snowglobe(&["verify", &path])),
        0,
        "held would be too much said"
    );
}

#[test]
fn what_a_seed_draws_can_be_kept_and_changed() {
    let output = snowglobe(&["run", "raft", "--seed", "5", "--scenario"]);
    assert_eq!(code(&output), 0);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.toml");
    fs::write(&path, &output.stdout).expect("the file is written");
    let of_file = snowglobe(&["replay", "--digest", &path.display().to_string()]);
    let of_seed = snowglobe(&["replay", "--digest", "5", "--system", "raft"]);
    assert_eq!(stdout(&of_file), stdout(&of_seed));
}

#[test]
fn the_timeline_can_be_narrowed() {
    let all = stdout(&snowglobe(&["replay", "3", "--system", "raft", "--trace"]));
    let one = stdout(&snowglobe(&[
        "replay", "3", "--system", "raft", "--node", "n2",
    ]));
    let early = stdout(&snowglobe(&[
        "replay", "3", "--system", "raft", "--until", "1s",
    ]));
    assert!(one.lines().count() < all.lines().count());
    assert!(early.lines().count() < all.lines().count());
    assert!(
        !one.lines().any(|line| line.contains("  n1 deliver")),
        "{one}"
    );
}

#[test]
fn completions_are_printed() {
    let output = snowglobe(&["completions", "bash"]);
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("snowglobe"));
}

#[test]
fn a_job_on_real_files_comes_to_what_counting_by_hand_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut counts = std::collections::BTreeMap::new();
    for (file, words) in [("a.txt", 400), ("b.txt", 90)] {
        let mut text = String::new();
        for number in 0..words {
            let word = ["snow", "globe", "flake", "drift"][number * number % 7 % 4];
            *counts.entry(word).or_insert(0) += 1;
            text += if number % 9 == 8 { "\n" } else { ", " };
            text += word;
        }
        fs::write(path(file), text).expect("the file is written");
    }
    let expected: Vec<String> = counts
        .iter()
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    for faults in [None, Some("--faults")] {
        let (one, other, output) = (path("a.txt"), path("b.txt"), path("out"));
        let job = [
            "job",
            "wc",
            "--input",
            &one,
            &other,
            "--output",
            &output,
            "--reducers",
            "3",
            "--workers",
            "4",
            "--split",
            "100",
            "--seed",
            "7",
        ];
        let job: Vec<&str> = job.into_iter().chain(faults).collect();
        let done = snowglobe(&job);
        assert_eq!(code(&done), 0, "{}", stderr(&done));
        assert!(stdout(&done).contains("490 words"), "{}", stdout(&done));
        let mut lines = Vec::new();
        for part in 0..3 {
            let part = fs::read_to_string(format!("{output}/part-0000{part}")).expect("a part");
            assert!(part.lines().is_sorted(), "{part:?}");
            lines.extend(part.lines().map(str::to_owned));
        }
        lines.sort();
        assert_eq!(lines, expected);
    }
}

#[test]
fn a_job_that_makes_no_sense_is_refused_in_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("out").display().to_string();
    for (arguments, says) in [
        (["sing", "Cargo.toml"], "there is no application"),
        (["grep", "Cargo.toml"], "needs --text"),
        (["wc", "no-such-file"], "cannot read no-such-file"),
    ] {
        let [app, input] = arguments;
        let refused = snowglobe(&["job", app, "--input", input, "--output", &output]);
        assert_eq!(code(&refused), 2, "{arguments:?}");
        let line = stderr(&refused);
        assert!(line.contains(says) && line.lines().count() == 1, "{line:?}");
    }
}

#[test]
fn the_environment_says_what_the_command_line_does_not() {
    let seed = ("SNOWGLOBE_SEED", "0x2a");
    let printed = |output: Output| String::from_utf8(output.stdout).expect("it prints text");
    let drawn = printed(with_variable(seed, &["run", "raft", "--scenario"]));
    assert!(drawn.contains("seed = \"0x000000000000002a\""), "{drawn}");
    let given = ["run", "raft", "--scenario", "--seed", "7"];
    let drawn = printed(with_variable(seed, &given));
    assert!(drawn.contains("seed = \"0x0000000000000007\""), "{drawn}");

    let found = tempfile::tempdir().expect("a folder");
    let found = found.path().display().to_string();
    let fuzz = ["fuzz", "raft", "--format", "json", "--found", &found];
    let seeds = ("SNOWGLOBE_SEEDS", "3..5");
    let ran = printed(with_variable(seeds, &fuzz));
    assert!(ran.contains("\"runs\": 2"), "{ran}");
    let output = with_variable(("SNOWGLOBE_JOBS", "many"), &["verify", "seeds"]);
    assert_eq!(code(&output), 2);
    let says = String::from_utf8(output.stderr).expect("it prints text");
    assert!(says.contains("SNOWGLOBE_JOBS: "), "{says}");
}

#[test]
fn every_verb_has_examples_and_headings() {
    for verb in [
        "run", "fuzz", "replay", "shrink", "verify", "check", "history",
    ] {
        let output = snowglobe(&[verb, "--help"]);
        let help = String::from_utf8(output.stdout).expect("it prints text");
        assert!(help.contains("Examples:"), "{help}");
        assert!(help.contains("Output:"), "{help}");
        assert!(!help.contains("\nOptions:\n      --"), "{help}");
    }
}
