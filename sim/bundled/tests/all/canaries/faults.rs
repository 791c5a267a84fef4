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

use super::promises::Promise;
use super::rows::{Breaks, DISKS, HEARD, LINKS, NETWORK, PROCESSES, Row, SYNCS};
use super::umpire::{Run, schedule};
use super::words::{Word, words};

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

/// Whatever fires when a process goes on: while its disk is at a write, it takes no other step.
#[test]
fn a_process_that_waits_for_its_disk_takes_no_step() {
    let faults = schedule(&[
        "0s disk n1 syncs in 20ms..60ms",
        "500ms..1s pause n1",
        "1100ms..1900ms pause n1",
        "2s clock n1 jumps 1s",
        "2100ms..2500ms slow n1 by 10ms..30ms",
    ]);
    let run = Run::watching(Promise::OneStepAtATime).with(faults);
    for seed in 0..40 {
        assert_eq!(run.clone().broken(seed), None, "seed {seed}");
    }
}

/// Processes that are too slow for their beats and those of others answer calls in turn.
#[test]
fn who_has_too_much_to_do_takes_calls_in_turn() {
    let slow = schedule(&["0s slow all by 60ms..90ms"]);
    let run = Run::watching(HEARD).with(slow);
    let answered = |seed| run.clone().seeded(seed).counters.returned;
    let fewest = (0..6).map(answered).min();
    assert!(fewest > Some(20), "{fewest:?}");
}

/// A paused process finds its backlog in order, out of order, or behind its overdue timers.
#[test]
fn a_backlog_is_taken_in_any_order() {
    let run = Run::watching(HEARD).with(schedule(&["1s..1500ms pause n1"]));
    let marks = |seed| run.clone().seeded(seed).marks;
    let count = |mark: &str| {
        (0..40)
            .filter(|seed| marks(*seed).contains_key(mark))
            .count()
    };
    for mark in [
        "world.backlog_out_of_order",
        "world.timers_before_backlog",
        "world.timers_out_of_order",
    ] {
        assert!((3..38).contains(&count(mark)), "{mark}: {}", count(mark));
    }
}

/// Silent links at the end, of a schedule.
fn silent(words: &[&str]) -> Option<String> {
    Run::watching(HEARD).with(schedule(words)).broken(1)
}

#[test]
fn what_has_no_end_does_not_end_what_has_one() {
    let crash = "1s..9s crash n1 losing unsynced";
    assert!(silent(&[crash, "1500ms restart n1"]).is_some());
    let full = "1s..9s disk n1 full";
    assert!(silent(&[full, "1500ms disk n1 heals", "1600ms restart n1"]).is_some());
    assert_eq!(
        silent(&["1s crash n1 losing unsynced", "2s restart n1"]),
        None
    );
}

#[test]
fn the_end_of_an_incident_starts_only_whom_it_stopped() {
    let other = "1s..2s slow n1 by 1ms";
    assert!(silent(&["1500ms disk n1 fails", other]).is_some());
    assert!(silent(&["1500ms crash n1 losing unsynced", other]).is_some());
    assert_eq!(silent(&["1s..2s disk n1 fails"]), None);
    assert_eq!(silent(&["1s..2s disk n1 full", other]), None);
}

/// Two crashes wait for their moment at once, and each strikes.
#[test]
fn armed_crashes_do_not_replace_each_other() {
    let crashes = |words: &[&str]| {
        let run = Run::watching(HEARD).with(schedule(words));
        run.seeded(1).counters.crashes
    };
    let one = "1s..1100ms crash n1 losing unsynced after 4 effects";
    let other = "1s..2500ms crash n1 losing unsynced after 40 effects";
    assert_eq!((crashes(&[one]), crashes(&[other])), (1, 1));
    assert_eq!(crashes(&[one, other]), 2);
    assert_eq!(crashes(&[other, one]), 2);
}

/// A sync that dropped what it should have synced does not use up the next such fault.
#[test]
fn each_fault_drops_a_sync() {
    let words = [
        "1s disk n1 drops-sync",
        "1200ms restart n1",
        "1500ms disk n1 drops-sync",
    ];
    let finished = Run::watching(HEARD).with(schedule(&words)).seeded(1);
    assert_eq!(finished.counters.crashes, 2);
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
