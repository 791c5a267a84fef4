//! The job's sentences: each holds where it should, and fails where it should.

use crate::SYSTEMS;
use crate::mapreduce::MapReduceOptions;
use crate::trial;
use snowglobe::scenarios::file::Scenario;
use snowglobe::seed::Seed;

fn assert_fails(story: &[&str], says: &str) {
    trial::assert_fails("mapreduce", story, says);
}

fn assert_holds(story: &[&str]) {
    trial::assert_holds("mapreduce", story);
}

#[test]
fn a_job_is_done_and_its_workers_leave() {
    assert_holds(&[
        "all maps are done within 20s",
        "job is done within 60s",
        "workers leave within 5s",
        "exactly 3 $left",
    ]);
    assert_fails(
        &["crash $workers losing unsynced", "job is done within 5s"],
        "job is done within 5s",
    );
    assert_fails(&["workers leave within 100ms"], "workers leave");
    assert_fails(
        &[
            "crash $coordinator losing unsynced",
            "all maps are done within 5s",
        ],
        "all maps are done",
    );
}

/// What a story comes to whose tasks take long enough to be seen.
fn told_slowly(story: &[&str]) -> Option<String> {
    let options = MapReduceOptions {
        per_kilobyte_us: 100_000,
        ..MapReduceOptions::default()
    };
    trial::outcome_of(&Scenario {
        story: story.iter().map(|it| (*it).to_owned()).collect(),
        options: toml::Table::try_from(&options).expect("plain data is TOML"),
        ..Scenario::calm("mapreduce", 3, Seed(5))
    })
}

#[test]
fn tasks_run_at_once() {
    let all = [
        "maps run on 3 workers within 5s",
        "reduces run on 2 workers within 60s",
    ];
    assert_eq!(told_slowly(&all), None);
    let one_is_down = [
        "crash n3 losing unsynced",
        "maps run on 3 workers within 5s",
    ];
    let says = told_slowly(&one_is_down).expect("there are two");
    assert!(says.contains("maps run on 3 workers"), "{says}");
    let says = told_slowly(&["reduces run on 9 workers within 9s"]).expect("there are three");
    assert!(says.contains("reduces run on 9"), "{says}");
}

#[test]
fn nonsense_is_refused_before_the_run() {
    for (sentence, says) in [
        ("job is fun within 5s", "not known to mapreduce"),
        ("maps run on two workers within 5s", "not a number"),
        ("crash $bosses losing unsynced", "nobody is called"),
    ] {
        let scenario = Scenario {
            story: vec![sentence.to_owned()],
            ..Scenario::calm("mapreduce", 3, Seed(5))
        };
        let refusal = SYSTEMS.run(&scenario).expect_err(sentence).to_string();
        assert!(refusal.contains(says), "{sentence}: {refusal:?}");
    }
}
