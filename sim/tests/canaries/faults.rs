//! A canary for each word of a schedule.
//!
//! A row says which word it is about, a schedule, and a promise. The schedule is
//! run as it is, and once more without each fault that has the word. A fault that
//! harms breaks the promise, and without it the promise holds; a fault that mends
//! is missed. If the world ignores the word, both runs come to the same, and the
//! row fails. A new kind of fault does not compile until it has a word here, and a
//! word fails until it has a row.

use std::collections::BTreeSet;

use snowglobe::faults::Incident;

use crate::promises::Promise;
use crate::rows::{Breaks, DISKS, HEARD, LINKS, NETWORK, PROCESSES, Row, SYNCS};
use crate::umpire::{Run, schedule};
use crate::words::{Word, words};

fn rows() -> impl Iterator<Item = &'static Row> {
    [NETWORK, LINKS, PROCESSES, DISKS].into_iter().flatten()
}

/// Chance decides in some rows: what must break need not break for each seed.
const SEEDS: u64 = 12;

fn check(&(word, faults, promise, breaks, finds): &Row) {
    let all = schedule(faults);
    let has_word = |timed: &Incident| words(&timed.fault).contains(&word);
    assert!(all.iter().any(has_word), "{faults:?} does not say {word:?}");
    let rest: Vec<Incident> = all.iter().filter(|it| !has_word(it)).cloned().collect();
    let (harmed, spared) = match breaks {
        Breaks::With => (all, rest),
        Breaks::Without => (rest, all),
    };
    let run = Run::watching(promise);
    let found = (0..SEEDS).find_map(|seed| run.clone().with(harmed.clone()).broken(seed));
    let found = found.unwrap_or_else(|| panic!("{word:?} does nothing: {promise:?} holds"));
    assert!(finds.is_empty() || found == finds, "{word:?}: {found}");
    for seed in 0..3 {
        let found = run.clone().with(spared.clone()).broken(seed);
        assert_eq!(
            found, None,
            "{word:?}: {promise:?} breaks of something else"
        );
    }
}

#[test]
fn every_word_has_a_canary() {
    let covered: BTreeSet<Word> = rows().map(|row| row.0).collect();
    let missing: Vec<&Word> = Word::ALL
        .iter()
        .filter(|it| !covered.contains(it))
        .collect();
    assert!(missing.is_empty(), "no canary: {missing:?}");
}

#[test]
fn words_of_the_network_bite() {
    NETWORK.iter().for_each(check);
}

#[test]
fn words_of_links_bite() {
    LINKS.iter().for_each(check);
}

#[test]
fn words_of_processes_bite() {
    PROCESSES.iter().for_each(check);
}

#[test]
fn words_of_disks_bite() {
    DISKS.iter().for_each(check);
}

/// A cut that holds loses nothing, neither of what is sent while it lasts nor of what is under way.
#[test]
fn what_a_cut_holds_is_not_lost() {
    let cut = |words: &str| {
        let run = Run::watching(HEARD).with(schedule(&["900ms links latency 90ms", words]));
        run.seeded(1)
    };
    let (held, lost) = (
        cut("1s..2s partition n1 holding"),
        cut("1s..2s partition n1"),
    );
    assert_eq!(held.counters.dropped, 0);
    assert!(held.marks["world.message_waited_for_heal"] > 100);
    assert!(lost.marks["world.message_cut_off"] > 100);
    assert!(lost.marks["world.message_cut_on_the_way"] > 0);
}

/// An incident that is over leaves what another has brought, and what words without an end told.
#[test]
fn incidents_end_one_by_one() {
    let overlapping = [
        "1s..1500ms crash n1 losing unsynced",
        "1200ms..9s crash n1 losing unsynced",
        "1s..1100ms pause n2",
        "1050ms..9s pause n2",
        "1s..1100ms cut n3 -> n4",
        "1050ms..9s cut n3 -> n4",
    ];
    let run = Run::watching(HEARD).with(schedule(&overlapping));
    let silent = run.broken(1).expect("three incidents are not over");
    assert!(
        silent.contains("n3->n4") && silent.contains("n1->n2"),
        "{silent}"
    );
    let over: Vec<&str> = overlapping.iter().step_by(2).copied().collect();
    let run = Run::watching(HEARD).with(schedule(&over));
    assert_eq!(run.broken(1), None);
}

/// What only the process of a dead one has left is not durable: the power may take it yet. What a
/// power failure has left is durable.
#[test]
fn what_a_dead_process_leaves_goes_with_the_power() {
    let broken = |first: &str| {
        let first = format!("1s crash n1 {first} unsynced");
        let power = "1500ms crash n1 losing unsynced";
        let faults = schedule(&[SYNCS, &first, power, "2s restart n1"]);
        let run = Run::watching(Promise::NothingForgotten).with(faults);
        (0..SEEDS).any(|seed| run.clone().broken(seed).is_some())
    };
    assert!(broken("leaving"));
    assert!(!broken("keeping"));
}

/// Either its next write fails, or its next sync: then some of the record may be there.
#[test]
fn a_disk_that_fails_stops_its_node_in_a_write_or_in_a_sync() {
    let broken = |promise: Promise, seed: u64| {
        let run = Run::watching(promise).with(schedule(&["1010ms disk n1 fails"]));
        run.broken(seed).is_some()
    };
    assert!((0..SEEDS).all(|seed| broken(HEARD, seed)));
    let in_a_sync = (0..SEEDS).filter(|seed| broken(Promise::NothingHalfWritten, *seed));
    assert!((1..SEEDS).contains(&(in_a_sync.count() as u64)));
}

/// An armed crash may strike while a record is written: it is on disk, and nobody was told so.
#[test]
fn a_crash_in_mid_step_may_fall_inside_a_write() {
    let crash = "1s crash n1 keeping unsynced after 3 effects";
    let run = Run::watching(Promise::NothingUnconfirmed);
    let run = run.with(schedule(&[crash, "2s restart n1"]));
    assert!((0..60).any(|seed| run.clone().broken(seed).is_some()));
}

/// A crash that is armed while its node is down strikes while the disk is repaired.
#[test]
fn the_power_may_go_while_a_disk_is_repaired() {
    let faults = [
        SYNCS,
        "1s crash n1 tearing unsynced",
        "1500ms crash n1 tearing unsynced after 0 effects",
        "2s restart n1",
    ];
    let run = Run::watching(Promise::EverybodyIsHeard).with(schedule(&faults));
    let interrupted = |seed: &u64| {
        let marks = run.clone().seeded(*seed).marks;
        marks.contains_key("disk.crash_in_recovery")
    };
    assert!((0..40).any(|seed| interrupted(&seed)));
}
