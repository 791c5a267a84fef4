//! What all stories share: the engine, told with Raft on its stage.

use snowglobe::scenarios::Verdict;
use snowglobe::scenarios::file::Scenario;
use snowglobe::seed::Seed;
use snowglobe::world::Broken;
use snowglobe_bundled::SYSTEMS;

fn told(nodes: usize, story: &[&str]) -> Scenario {
    Scenario {
        story: story.iter().map(|line| (*line).to_owned()).collect(),
        ..Scenario::calm("raft", nodes, Seed(11))
    }
}

/// What a story of three nodes came to: nothing if it held, else what was found.
fn found(story: &[&str]) -> Option<(&'static str, String)> {
    let report = SYSTEMS
        .run(&told(3, story))
        .expect("the story is understood");
    match report.verdict {
        Verdict::Held => None,
        Verdict::Broke(breakage) => match breakage.broken {
            Broken::Safety(violation) | Broken::Liveness(violation) => {
                Some((violation.property, violation.found))
            }
            other => panic!("{other:?}"),
        },
        Verdict::CannotRecover => panic!("a story has no such end"),
    }
}

fn assert_fails(story: &[&str], property: &str, says: &str) {
    let (broken, found) = found(story).unwrap_or_else(|| panic!("{story:?} holds"));
    assert_eq!(broken, property, "{story:?}: {found}");
    assert!(
        found.contains(says),
        "{story:?} found {found:?}, not {says:?}"
    );
}

fn assert_holds(story: &[&str]) {
    assert_eq!(found(story), None, "{story:?}");
}

#[test]
fn what_is_not_understood_is_told_with_its_line() {
    for (line, says) in [
        ("leader soon", "not known to raft"),
        ("crash n4 losing unsynced", "there is no n4 among 3 nodes"),
        (
            "crash $laeder losing unsynced",
            "nobody is called \"$laeder\"",
        ),
        ("cut $any4", "more than the 3 nodes"),
        ("cut $all.0", "how many"),
        ("propose 3 at $nobody", "nobody is called"),
        ("let leader = $follower", "cannot be given"),
        ("let old = leader", "is not a name"),
        ("at most 3 raft.no_such_mark", "cannot be counted"),
        ("at most three messages", "not a number"),
        ("exactly 3 $up please", "too much"),
        ("if $up restart $down", "write it as"),
        ("repeat 0", "expected a positive repeat count"),
        ("repeat 3", "no end"),
        ("wait 3s..1s", "ends before it begins"),
        ("", "empty sentence"),
    ] {
        let error = SYSTEMS.run(&told(3, &[line])).expect_err(line).to_string();
        assert!(
            error.contains(says),
            "{line:?}: {error:?} should say {says:?}"
        );
        assert_eq!(error.lines().count(), 1, "{error:?}");
    }
}

#[test]
fn a_name_can_be_given_before_it_is_used_and_not_after() {
    assert_holds(&["leader within 5s", "let old = $leader", "cut $old"]);
    assert!(
        SYSTEMS
            .run(&told(3, &["cut $old", "let old = $all.1"]))
            .is_err()
    );
}

#[test]
fn a_name_that_means_nobody_fails_unless_it_may() {
    let story = "story";
    assert_fails(&["cut $leader"], story, "0 of 1 nodes");
    assert_fails(&["let old = $leader"], story, "0 of 1 nodes");
    assert_fails(&["restart $down"], story, "0 of 1 nodes");
    assert_fails(
        &["leader within 5s", "cut $followers.3"],
        story,
        "2 of 3 nodes",
    );
    assert_fails(
        &[
            "leader within 5s",
            "let both = $followers",
            "let three = $both.3",
        ],
        story,
        "2 of 3",
    );
    assert_holds(&[
        "cut $leader?",
        "restart $down?",
        "crash $cut? losing unsynced",
    ]);
}

#[test]
fn a_name_of_several_stands_for_each() {
    assert_holds(&[
        "crash $any2 losing unsynced",
        "exactly 2 $down",
        "exactly 1 $up",
        "restart $down.1",
        "exactly 1 $down",
        "crash all losing unsynced",
        "exactly 3 $down",
        "restart $down",
        "exactly 3 $up",
    ]);
}

#[test]
fn counts_fail_when_they_are_not_met() {
    assert_fails(&["exactly 2 $up"], "limit", "3");
    assert_fails(&["leader within 5s", "at most 1 messages"], "limit", "");
    assert_fails(
        &["leader within 5s", "measure", "at least 1 messages"],
        "limit",
        "0",
    );
    assert_fails(
        &["leader within 5s", "measure", "at least 1 bytes"],
        "limit",
        "0",
    );
    let elected = "at least 1 raft.leader_elected";
    assert_fails(&["leader within 5s", "measure", elected], "limit", "0");
    assert_holds(&["measure", "leader within 5s", elected]);
}

#[test]
fn conditions_and_chances_are_heeded() {
    assert_holds(&["if at most 2 $up cut $leader", "sometimes 0% cut $leader"]);
    assert_fails(&["if at least 3 $up cut $leader"], "story", "0 of 1");
    assert_fails(&["sometimes 100% cut $leader"], "story", "0 of 1");
}

#[test]
fn rounds_are_told_as_often_as_they_say() {
    assert_holds(&[
        "repeat 2",
        "repeat 2",
        "crash $up.1 losing unsynced",
        "if exactly 3 $down restart $down",
        "end",
        "end",
        "exactly 1 $down",
    ]);
}

#[test]
fn who_is_joined_again_does_not_reach_the_others_that_are_cut_off() {
    let two_cut = [
        "leader within 5s",
        "let old = $leader",
        "let mate = $followers.1",
        "cut $old",
        "cut $mate",
    ];
    let back = [
        &two_cut[..],
        &[
            "exactly 2 $cut",
            "join $mate",
            "exactly 1 $cut",
            "leader within 5s",
        ],
    ]
    .concat();
    let reached = [&back[..], &["exactly 1 $followers"]].concat();
    assert_holds(&reached);
    assert_holds(
        &[
            &back[..],
            &["heal", "exactly 0 $cut", "exactly 2 $followers"],
        ]
        .concat(),
    );
    let by_all = [
        "cut all",
        "join n1",
        "join n2",
        "exactly 1 $cut",
        "leader within 5s",
        "exactly 1 $followers",
    ];
    assert_holds(&by_all);
}

#[test]
fn the_same_story_is_told_the_same_way_twice() {
    let story = [
        "leader within 5s",
        "repeat 5",
        "cut $any1",
        "wait 0ms..900ms",
        "heal",
        "end",
    ];
    let digests = [0, 1].map(|_| SYSTEMS.run(&told(3, &story)).map(|report| report.digest));
    assert!(digests[0].is_ok());
    assert_eq!(digests[0], digests[1]);
}
