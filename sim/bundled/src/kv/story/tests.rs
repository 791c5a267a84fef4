//! The service's sentences: each holds where it should, and fails where it should.

use crate::SYSTEMS;
use crate::trial;
use snowglobe::scenarios::file::Scenario;
use snowglobe::seed::Seed;

fn assert_fails(story: &[&str], says: &str) {
    trial::assert_fails("kv", story, says);
}

fn assert_holds(story: &[&str]) {
    trial::assert_holds("kv", story);
}

#[test]
fn a_user_gets_what_was_put() {
    assert_holds(&[
        "u0 puts 13 to x within 5s",
        "u1 gets 13 from x within 5s",
        "u2 appends 14 to x within 5s",
        "u0 gets 1314 from x within 5s",
        "u0 has got 1314 from x",
        "u1 deletes x within 5s",
        "u0 gets nothing from x within 5s",
    ]);
    assert_fails(
        &["u0 puts 13 to x within 5s", "u1 gets 14 from x within 5s"],
        "u1 to get \"14\" from x",
    );
}

#[test]
fn a_user_without_a_majority_waits() {
    assert_holds(&[
        "leader within 5s",
        "cut $servers.2",
        "u0 begins to put 1 to x",
        "u0 waits for 2s",
        "heal",
        "u0 is served within 5s",
        "u1 gets 1 from x within 2s",
    ]);
    assert_fails(
        &[
            "leader within 5s",
            "u0 begins to put 1 to x",
            "u0 waits for 2s",
        ],
        "u0 to be left waiting",
    );
    assert_fails(
        &["cut $servers.2", "u0 puts 1 to x within 2s"],
        "u0 waits for",
    );
}

#[test]
fn users_work_until_they_rest() {
    assert_holds(&[
        "users begin",
        "wait 2s",
        "users rest within 5s",
        "chains are whole within 5s",
        "servers agree within 2s",
        "no server has a snapshot",
        "every raft state holds at most 100000 bytes",
        "users append 3 each to x within 5s",
    ]);
    assert_fails(&["users append 100 each to x within 100ms"], "waits for");
    assert_fails(&["every server has a snapshot"], "a snapshot on every");
    assert_fails(
        &[
            "u0 puts 5 keys within 5s",
            "every raft state holds at most 5 bytes",
        ],
        "bytes of raft state",
    );
}

#[test]
fn a_row_of_calls_comes_to_its_end() {
    assert_holds(&[
        "u0 puts and gets x 10 times within 5s",
        "u0 has got v9 from x",
        "u1 calls 20 times within 5s",
    ]);
    assert_fails(&["u0 calls 1000 times within 1s"], "calls 1000 times");
}

#[test]
fn long_values_are_got_as_they_were_put() {
    assert_holds(&[
        "u0 puts 12 keys of 1000 bytes within 5s",
        "u1 gets 12 keys of 1000 bytes within 5s",
        "u0 puts 12 keys of 3 bytes within 5s",
        "u1 gets 12 keys of 3 bytes within 5s",
        "u1 has got x11 from x11",
    ]);
    for late in [
        "u0 puts 1000 keys of 10 bytes within 1s",
        "u0 gets 1000 keys of 10 bytes within 1s",
    ] {
        assert_fails(&[late], &format!("{late}: u0 "));
    }
}

#[test]
fn long_values_that_are_not_those_that_were_put_are_noticed() {
    let put = "u0 puts 12 keys of 1000 bytes within 5s";
    let get = "u1 gets 12 keys of 1000 bytes within 5s";
    let last = "u1 to get \"x11\" and 997 bytes of padding from x11: ";
    let found = |what: &str| format!("{last}{what} (at {get:?})");
    assert_fails(
        &["u0 puts 11 keys of 1000 bytes within 5s", get],
        &found("\"\""),
    );
    for (spoilt, what) in [
        ("u0 puts 1 to x11 within 5s", "\"1\""),
        ("u0 deletes x11 within 5s", "\"\""),
    ] {
        assert_fails(&[put, spoilt, get], &found(what));
    }
    assert_fails(
        &[put, "u0 puts 12 keys of 999 bytes within 5s", get],
        "u1 to get \"x0\" and 998 bytes of padding from x0: \"x0\" and 997 bytes of padding",
    );
}

#[test]
fn a_submission_that_is_done_is_noticed() {
    assert_holds(&[
        "leader within 5s",
        "cut $leaders",
        "submit 3 at $cut",
        "submissions wait for 100ms",
        "leader within 5s",
        "heal",
        "submissions fail within 2s",
        "no submission is applied",
    ]);
    let done = ["leader within 5s", "submit 3 at $leader", "wait 1s"];
    assert_fails(
        &[&done[..], &["submissions fail within 1s"]].concat(),
        "no submission to be done",
    );
    assert_fails(
        &[&done[..], &["no submission is applied"]].concat(),
        "no submission to be applied",
    );
}

#[test]
fn submissions_go_to_one_that_leads() {
    assert_fails(
        &["leader within 5s", "submit 3 at $follower"],
        "one that leads in its own eyes",
    );
    assert_fails(&["leader within 5s", "$follower leads"], "to lead");
    assert_holds(&["leader within 5s", "$leader leads"]);
}

#[test]
fn chains_are_looked_at_when_users_rest() {
    assert_fails(
        &["users begin", "wait 1s", "chains are whole within 5s"],
        "users at rest",
    );
    assert_fails(&["u0 waits for 1s"], "no call under way");
}

#[test]
fn a_failing_sentence_is_named() {
    assert_fails(
        &[
            "u0 puts 5 keys within 5s",
            "no submission is applied",
            "every snapshot holds at most 500 bytes",
            "every raft state holds at most 5 bytes",
        ],
        "at \"every raft state holds at most 5 bytes\"",
    );
}

#[test]
fn a_sentence_that_makes_no_sense_is_refused() {
    for sentence in [
        "u0 sings",
        "u9 puts 1 to x within 1s",
        "u0 puts 1 to own0 within 1s",
        "u0 puts 99999999 keys within 1s",
        "u0 puts 1 within 2s",
        "u0 puts 12 keys of 2 bytes within 1s",
        "u0 gets 12 keys of 2 bytes within 1s",
        "u0 puts 1000 keys of 1000000 bytes within 1s",
        "u0 gets 12 keys within 1s",
        "users sing",
        "u0 begins to get 13 from x",
        "users rest",
        "submit 3 at leader",
        "every raft state holds at most many bytes",
    ] {
        let scenario = Scenario {
            story: vec![sentence.to_owned()],
            ..Scenario::calm("kv", 3, Seed(5))
        };
        let refused = SYSTEMS.run(&scenario).expect_err("it makes no sense");
        assert!(refused.to_string().contains(sentence), "{refused}");
    }
}

#[test]
fn servers_and_submissions_are_waited_for() {
    let resting = ["users begin", "wait 1s", "cut $servers.2", "wait 1s"];
    assert_fails(
        &[&resting[..], &["users rest within 1s"]].concat(),
        "users rest within 1s",
    );
    let led = ["leader within 5s", "submit 3 at $leader"];
    assert_fails(
        &[&led[..], &["submissions wait for 1s"]].concat(),
        "no submission to be answered",
    );
    let cut = ["leader within 5s", "cut $leaders", "submit 3 at $cut"];
    assert_fails(
        &[&cut[..], &["submissions fail within 100ms"]].concat(),
        "submissions fail within 100ms",
    );
    let behind = [
        "leader within 5s",
        "cut $follower",
        "u0 puts 1 to x within 5s",
    ];
    assert_fails(
        &[&behind[..], &["servers agree within 1s"]].concat(),
        "servers agree within 1s",
    );
}

#[test]
fn snapshots_are_looked_for() {
    let told = |last: &str| {
        let story = ["u0 puts 20 keys within 5s", "servers agree within 5s", last];
        let mut scenario = Scenario {
            story: story.map(str::to_owned).to_vec(),
            ..Scenario::calm("kv", 3, Seed(5))
        };
        let most = ("max_raft_state".to_owned(), 300.into());
        scenario.options.extend([most]);
        trial::outcome_of(&scenario).unwrap_or_default()
    };
    assert_eq!(told("every server has a snapshot"), "");
    assert!(told("no server has a snapshot").contains("no snapshot on any server"));
    assert!(told("every snapshot holds at most 1 bytes").contains("bytes in a snapshot"));
}
