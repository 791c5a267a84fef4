//! Raft's sentences: each holds where it should, and fails where it should.

use crate::trial;

fn assert_fails(story: &[&str], says: &str) {
    trial::assert_fails("raft", story, says);
}

fn assert_holds(story: &[&str]) {
    trial::assert_holds("raft", story);
}

#[test]
fn a_leader_leads_a_majority() {
    assert_holds(&[
        "leader within 5s",
        "exactly 1 $leader",
        "exactly 2 $followers",
    ]);
    assert_fails(&["cut $all.2", "leader within 2s"], "leader within 2s");
    // Cut off, it leads in its own eyes only, for a while.
    let alone = [
        "leader within 5s",
        "cut $leader",
        "exactly 0 $leader",
        "exactly 1 $leaders",
    ];
    assert_holds(&alone);
}

#[test]
fn no_leader_fails_when_there_is_one() {
    assert_holds(&["no leader"]);
    assert_fails(&["leader within 5s", "no leader"], "leads");
    assert_fails(&["no leader for 5s"], "leads");
    // Not even one that leads in its own eyes only.
    assert_fails(&["leader within 5s", "cut all", "no leader"], "leads");
    assert_holds(&["cut all", "no leader for 5s"]);
}

#[test]
fn a_leader_stays_until_it_does_not() {
    assert_holds(&["leader within 5s", "leader stays for 5s"]);
    assert_fails(&["leader stays for 1s"], "nobody leads");
    assert_fails(
        &["leader within 5s", "cut $leader", "leader stays for 1s"],
        "nobody leads",
    );
}

#[test]
fn an_agreement_needs_those_it_asks_for() {
    assert_holds(&[
        "leader within 5s",
        "cut $followers.1",
        "agree on 2 by 2 within 5s",
    ]);
    assert_holds(&[
        "leader within 5s",
        "cut $followers.1",
        "agree on 2 within 5s",
    ]);
    assert_fails(
        &[
            "leader within 5s",
            "cut $followers.1",
            "agree on 2 by 3 within 5s",
        ],
        "2 by 3",
    );
    assert_fails(
        &["leader within 5s", "cut all", "agree on 1 within 5s"],
        "agree on 1",
    );
    assert_holds(&[
        "agree on 20 of 100 bytes at once by 3 within 5s",
        "all agree within 1s",
    ]);
}

#[test]
fn an_exact_position_is_the_next_one() {
    assert_holds(&["agree exactly on 3 within 5s"]);
    let between = [
        "agree exactly on 1 within 5s",
        "propose 1 at $leader",
        "agree exactly on 1 within 5s",
    ];
    assert_fails(&between, "the value at position 2");
}

#[test]
fn nothing_commits_unless_something_does() {
    assert_holds(&["leader within 5s", "nothing commits for 2s"]);
    assert_fails(
        &[
            "leader within 5s",
            "propose 1 at $leader",
            "nothing commits for 2s",
        ],
        "1 values",
    );
    assert_holds(&[
        "leader within 5s",
        "let old = $leader",
        "cut $old",
        "propose 1 at $old",
        "nothing commits for 2s",
    ]);
}

#[test]
fn a_call_to_nobody_who_leads_fails_unless_it_may() {
    assert_fails(
        &["leader within 5s", "propose 1 at $followers"],
        "somebody who leads",
    );
    assert_fails(&["read 1 at $all"], "somebody who leads");
    assert_holds(&[
        "leader within 5s",
        "propose 1 at $followers?",
        "read 1 at $followers?",
    ]);
}

#[test]
fn all_agree_when_nothing_is_left_to_do() {
    let away = [
        "leader within 5s",
        "cut $followers.1",
        "agree on 1 by 2 within 5s",
    ];
    assert_fails(
        &[&away[..], &["all agree within 2s"]].concat(),
        "all agree within 2s",
    );
    assert_holds(&[&away[..], &["join $cut", "all agree within 2s"]].concat());
}

#[test]
fn reads_and_votes_are_waited_for() {
    assert_holds(&[
        "agree on 1 within 5s",
        "read within 1s",
        "read 3 at $leader",
        "wait 1s",
    ]);
    assert_fails(
        &["leader within 5s", "cut all", "read within 2s"],
        "read within 2s",
    );
    assert_holds(&[
        "a vote within 5s",
        "at least 1 $voters",
        "exactly 0 $leaders",
    ]);
    assert_fails(&["cut all", "a vote within 5s"], "a vote within 5s");
}

#[test]
fn bounds_on_logs_and_disks_hold_or_do_not() {
    let some = ["agree on 50 at once within 5s"];
    assert_holds(&[&some[..], &["every log holds at most 51 entries"]].concat());
    assert_fails(
        &[&some[..], &["every log holds at most 50 entries"]].concat(),
        "51",
    );
    assert_fails(
        &[&some[..], &["every disk holds at most 50 bytes"]].concat(),
        "bytes on a disk",
    );
    assert_fails(
        &[&some[..], &["every node has a snapshot"]].concat(),
        "a snapshot on every node",
    );
}
