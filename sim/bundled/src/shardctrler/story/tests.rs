//! The controller's sentences: each holds where it should, and fails where it should.

use crate::SYSTEMS;
use crate::trial;
use snowglobe::scenarios::file::Scenario;
use snowglobe::seed::Seed;

fn assert_fails(story: &[&str], says: &str) {
    trial::assert_fails("shardctrler", story, says);
}

fn assert_holds(story: &[&str]) {
    trial::assert_holds("shardctrler", story);
}

/// Fails with each of these sentences after a beginning that holds.
fn assert_each_fails(beginning: &[&str], sentences: &[&str], says: &str) {
    assert_holds(beginning);
    for sentence in sentences {
        assert_fails(&[beginning, &[*sentence]].concat(), says);
    }
}

const TWO_GROUPS: [&str; 3] = [
    "u0 joins g1 g2 within 5s",
    "u0 looks within 5s",
    "u1 looks at v0 within 5s",
];

#[test]
fn what_a_user_saw_is_compared() {
    assert_holds(&[
        "u0 joins g1 g2 within 5s",
        "u0 looks within 5s",
        "u0 saw v1",
        "u0 saw groups g2 g1",
        "u0 saw 2 groups",
        "u0 saw g1 own 5",
        "u0 saw g9 own 0",
        "u0 saw sh9 at g2",
        "u1 looks at v1 within 5s",
        "u1 saw what u0 saw",
        "u1 looks at v0 within 5s",
        "u1 saw no groups",
    ]);
    assert_each_fails(
        &TWO_GROUPS,
        &[
            "u0 saw v0",
            "u0 saw v2",
            "u0 saw groups g1",
            "u0 saw groups g1 g2 g3",
            "u0 saw no groups",
            "u0 saw 3 groups",
            "u0 saw g1 own 4",
            "u0 saw g9 own 1",
            "u0 saw sh0 at g2",
            "u0 saw sh10 at g2",
            "u0 saw what u1 saw",
            "u0 saw what users kept",
        ],
        "u0 found Some(v1",
    );
    assert_fails(&["u0 saw no groups"], "u0 found None");
    assert_fails(&["u0 saw what u1 saw"], "u0 found None");
}

#[test]
fn what_a_user_was_told_is_compared() {
    let joined = ["u0 joins g1 within 5s"];
    assert_holds(&[joined[0], "u0 made v1"]);
    let others = ["u0 made v2", "u0 changed nothing", "u0 was refused"];
    assert_each_fails(&joined, &others, "u0 found Some(Changed(v1))");
    let again = ["u0 joins g1 within 5s", "u1 joins g1 within 5s"];
    assert_holds(&[&again[..], &["u1 changed nothing"]].concat());
    let others = ["u1 made v1", "u1 was refused"];
    assert_each_fails(&again, &others, "u1 found Some(Unchanged(v1))");
    let nonsense = ["u0 moves sh0 to g1 within 5s"];
    assert_holds(&[nonsense[0], "u0 was refused"]);
    let others = ["u0 made v1", "u0 changed nothing"];
    assert_each_fails(&nonsense, &others, "u0 found Some(Refused(");
    let never = ["u0 made v0", "u0 changed nothing", "u0 was refused"];
    assert_each_fails(&[], &never, "u0 found None");
}

#[test]
fn each_call_does_what_it_says() {
    assert_holds(&[
        "u0 divides into 4 within 5s",
        "u0 made v1",
        "u0 joins g1 g2 within 5s",
        "u0 made v2",
        "u0 joins g1 anew within 5s",
        "u0 made v3",
        "u0 moves sh0 to g2 within 5s",
        "u0 made v4",
        "u0 leaves g1 within 5s",
        "u0 looks within 5s",
        "u0 saw g2 own 4",
    ]);
}

#[test]
fn shards_that_moved_are_counted() {
    let joined = [
        "u0 joins g1 within 5s",
        "u0 joins g2 within 5s",
        "u0 moves sh0 to g2 within 5s",
    ];
    assert_holds(
        &[
            &joined[..],
            &[
                "since v3 0 shards moved",
                "since v2 1 shards moved to g2",
                "since v2 1 shards moved from g1",
                "since v1 6 shards moved",
                "since v1 6 shards moved to g2 g3",
            ],
        ]
        .concat(),
    );
    let others = [
        "since v2 0 shards moved",
        "since v2 2 shards moved",
        "since v2 1 shards moved to g1 g3",
        "since v2 1 shards moved from g2",
        "since v0 10 shards moved to g1",
        "since v0 10 shards moved from g1",
    ];
    assert_each_fails(&joined, &others, "to move since");
    assert_each_fails(&joined, &["since v4 0 shards moved"], "v4 to be there");
}

#[test]
fn everybody_joins_and_leaves() {
    assert_holds(&[
        "users each join 3 and leave 1 within 5s",
        "u0 looks within 5s",
        "u0 saw what users kept",
        "u0 saw 6 groups",
        "u0 saw v12",
        "users each join 2 at once and leave 2 at once within 5s",
        "u0 looks within 5s",
        "u0 saw what users kept",
        "u0 saw groups g102 g103 g202 g203 g302 g303",
        "u0 saw v18",
    ]);
    let away = [
        "users each join 2 and leave 1 within 5s",
        "u0 leaves g102 within 5s",
        "u0 looks within 5s",
    ];
    assert_each_fails(&away, &["u0 saw what users kept"], "u0 found Some(v10");
    assert_fails(
        &["users each join 9 and leave 9 within 20ms"],
        "u0 waits for",
    );
    assert_fails(
        &["repeat 20", "users each join 9 at once within 5s", "end"],
        "of a user's own",
    );
}

#[test]
fn everybody_looks_at_all_numbers() {
    assert_holds(&[
        "u0 joins g1 within 5s",
        "u0 leaves g1 within 5s",
        "users look at all numbers within 5s",
        "exactly 9 operator.saw_by_number",
        "u2 saw v2",
    ]);
    assert_fails(
        &[
            "u0 joins g1 within 5s",
            "cut $servers.2",
            "users look at all numbers within 5s",
        ],
        "u0 waits for",
    );
}

#[test]
fn a_user_without_a_majority_waits() {
    assert_holds(&[
        "leader within 5s",
        "cut $servers.2",
        "u0 begins to join g1",
        "u0 waits for 2s",
        "heal",
        "u0 is served within 5s",
        "u0 made v1",
    ]);
    assert_fails(
        &["leader within 5s", "u0 begins to look", "u0 waits for 2s"],
        "u0 to be left waiting",
    );
    assert_fails(&["u0 waits for 1s"], "no call under way");
    assert_fails(&["cut $servers.2", "u0 joins g1 within 2s"], "u0 waits for");
    assert_fails(
        &[
            "cut $servers.2",
            "u0 begins to leave g1",
            "u0 is served within 1s",
        ],
        "leave(g1)",
    );
}

#[test]
fn users_work_until_they_rest() {
    assert_holds(&[
        "users begin",
        "wait 3s",
        "users rest within 5s",
        "at least 50 operator.answered",
        "servers agree within 2s",
        "no server has a snapshot",
    ]);
    assert_fails(
        &["users begin", "wait 1s", "u0 looks within 5s"],
        "users at rest",
    );
    assert_fails(
        &[
            "users begin",
            "wait 1s",
            "users look at all numbers within 5s",
        ],
        "users at rest",
    );
    assert_fails(
        &[
            "users begin",
            "wait 1s",
            "cut $servers.2",
            "wait 1s",
            "users rest within 1s",
        ],
        "waits for",
    );
    assert_fails(&["every server has a snapshot"], "a snapshot on every");
}

#[test]
fn servers_are_looked_at() {
    assert_fails(&["cut $servers.2", "leader within 2s"], "leader within 2s");
    assert_fails(&["leader within 5s", "$follower leads"], "to lead");
    assert_holds(&["leader within 5s", "$leader leads"]);
    assert_fails(
        &[
            "leader within 5s",
            "cut $follower",
            "u0 joins g1 within 5s",
            "servers agree within 1s",
        ],
        "servers agree within 1s",
    );
}

#[test]
fn a_sentence_that_makes_no_sense_is_refused() {
    for sentence in [
        "u0 sings",
        "u9 joins g1 within 1s",
        "u0 saw what u9 saw",
        "u0 joins within 1s",
        "u0 joins anew within 1s",
        "u0 joins 1 within 1s",
        "u0 moves g1 to sh0 within 1s",
        "u0 divides into many within 1s",
        "u0 looks at 3 within 1s",
        "u0 begins to look within 1s",
        "u0 saw groups",
        "users rest",
        "users each join 0 and leave 0 within 1s",
        "users each join 1 and leave 2 within 1s",
        "users each join 100 and leave 2 within 1s",
        "since v0 some shards moved",
        "since v0 1 shards moved to",
        "since v0 1 shards moved over g1",
    ] {
        let scenario = Scenario {
            story: vec![sentence.to_owned()],
            ..Scenario::calm("shardctrler", 3, Seed(5))
        };
        let refused = SYSTEMS.run(&scenario).expect_err("it makes no sense");
        assert!(refused.to_string().contains(sentence), "{refused}");
    }
}

#[test]
fn snapshots_are_looked_for() {
    let told = |last: &str| {
        let story = [
            "users each join 9 and leave 9 within 20s",
            "servers agree within 5s",
            last,
        ];
        let mut scenario = Scenario {
            story: story.map(str::to_owned).to_vec(),
            ..Scenario::calm("shardctrler", 3, Seed(5))
        };
        let most = ("max_raft_state".to_owned(), 300.into());
        scenario.options.extend([most]);
        trial::outcome_of(&scenario).unwrap_or_default()
    };
    assert_eq!(told("every server has a snapshot"), "");
    assert!(told("no server has a snapshot").contains("no snapshot on any server"));
}
