//! The sharded service's sentences: each holds where it should, and fails where it should.

use crate::SYSTEMS;
use crate::trial;
use snowglobe::scenarios::file::Scenario;
use snowglobe::seed::Seed;

fn with_clerks(clerks: u8, story: &[&str]) -> Scenario {
    let mut scenario = Scenario {
        story: story.iter().map(|line| (*line).to_owned()).collect(),
        ..Scenario::calm("shardkv", 1, Seed(5))
    };
    let options = [("clerks", clerks), ("groups", 2), ("controllers", 1)];
    for (name, value) in options {
        scenario
            .options
            .insert(name.to_owned(), i64::from(value).into());
    }
    scenario
}

fn assert_holds(story: &[&str]) {
    let told = trial::outcome_of(&with_clerks(10, story));
    assert_eq!(told, None, "{story:?}");
}

fn assert_fails(story: &[&str], says: &str) {
    let told = trial::outcome_of(&with_clerks(10, story));
    let told = told.unwrap_or_else(|| panic!("{story:?} holds"));
    assert!(
        told.contains(says),
        "{story:?} came to {told:?}, not {says:?}"
    );
}

#[test]
fn every_cluster_has_a_leader() {
    assert_holds(&[
        "leaders within 5s",
        "exactly 1 $ruler",
        "exactly 1 $leader2",
    ]);
    assert_fails(
        &["crash $g2 losing unsynced", "leaders within 2s"],
        "leaders within 2s",
    );
}

#[test]
fn operators_change_the_configuration() {
    assert_holds(&[
        "operator joins g1 g2 within 5s",
        "operator moves sh0 to g2 within 5s",
        "operator leaves g1 within 5s",
        "groups settle within 5s",
    ]);
    assert_fails(
        &["operator moves sh0 to g2 within 5s"],
        "the change to be made",
    );
    assert_fails(
        &[
            "crash $controllers losing unsynced",
            "operator joins g1 within 2s",
        ],
        "operator joins g1",
    );
}

#[test]
fn operators_change_what_they_like_until_they_rest() {
    assert_holds(&[
        "operators begin",
        "wait 8s",
        "operators rest within 5s",
        "at least 3 operator.answered",
    ]);
    assert_fails(
        &[
            "operators begin",
            "wait 1s",
            "crash $controllers losing unsynced",
            "wait 3s",
            "operators rest within 2s",
        ],
        "operators rest",
    );
}

#[test]
fn a_group_that_is_down_does_not_settle() {
    assert_fails(
        &[
            "operator joins g1 within 5s",
            "g1 settles within 5s",
            "crash $g2 losing unsynced",
            "operator joins g2 within 5s",
            "g1 settles within 2s",
        ],
        "g1 settles within 2s",
    );
}

#[test]
fn shards_are_put_and_got() {
    assert_holds(&[
        "operator joins g1 within 5s",
        "shards all are put within 5s",
        "shards all are got within 5s",
        "operator joins g2 within 5s",
        "groups settle within 5s",
        "call shards of g2 moved",
        "shards moved are got within 5s",
    ]);
    assert_fails(
        &["shards all are put within 2s"],
        "shards all are put within 2s",
    );
    assert_fails(
        &[
            "operator joins g1 within 5s",
            "shards of g2 are put within 2s",
        ],
        "`of g2` to mean a shard",
    );
}

#[test]
fn shards_of_a_dead_group_wait() {
    let story = [
        "operator joins g1 within 5s",
        "shards all are put within 5s",
        "crash $g1 losing unsynced",
        "shards all begin to be got",
        "shards all wait for 2s",
    ];
    assert_holds(&story);
    let alive: Vec<&str> = story
        .into_iter()
        .filter(|line| !line.contains("crash"))
        .collect();
    assert_fails(&alive, "to be left waiting");
    assert_fails(
        &["operator joins g1 within 5s", "shards all wait for 2s"],
        "it has no call under way",
    );
}

#[test]
fn what_is_got_must_be_what_was_put() {
    // Somebody else overwrites the key that stands for a shard.
    let overwritten = [
        "operator joins g1 within 5s",
        "shards all are put within 5s",
        "u0 puts other to s0 within 5s",
        "u0 puts other to s1 within 5s",
        "u0 puts other to s2 within 5s",
        "u0 puts other to s3 within 5s",
        "u0 puts other to s4 within 5s",
        "shards all are got within 5s",
    ];
    assert_fails(&overwritten, "\"other\"");
}

#[test]
fn what_disks_hold_is_bounded() {
    let story = |most: &'static str| {
        vec![
            "operator joins g1 within 5s",
            "u0 puts 10 keys of 1000 bytes within 10s",
            most,
        ]
    };
    assert_holds(&story("groups hold at most 30000 bytes"));
    assert_fails(
        &story("groups hold at most 9000 bytes"),
        "bytes on all disks of the groups",
    );
}

#[test]
fn nonsense_is_refused_before_the_run() {
    for (sentence, says) in [
        ("operator joins g3 within 5s", "there is no g3"),
        ("operator joins within 5s", "say which groups"),
        ("operator moves sh10 to g1 within 5s", "there is no sh10"),
        (
            "operator divides into many within 5s",
            "say into how many shards",
        ),
        (
            "operator sings within 5s",
            "joins, leaves, moves or divides",
        ),
        ("rogue joins g1 within 5s", "no second controller"),
        ("misled shards all begin to be got", "takes a user for each"),
        ("shards all fly", "what becomes of the shards"),
        ("shards of h1 are got within 1s", "is not a group"),
        ("the moon rises", "not known to shardkv"),
    ] {
        let refusal = SYSTEMS.run(&with_clerks(10, &[sentence]));
        let refusal = refusal.expect_err(sentence).to_string();
        assert!(refusal.contains(says), "{sentence}: {refusal:?}");
    }
    let few = SYSTEMS.run(&with_clerks(9, &["shards all are put within 5s"]));
    let few = few.expect_err("nine users").to_string();
    assert!(few.contains("takes a user for each"), "{few:?}");
}
