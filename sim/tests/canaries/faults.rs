//! A canary for each word of a schedule.
//!
//! A row says which word it is about, a schedule, and a promise. The schedule is
//! run as it is, and once more without each fault that has the word. A fault that
//! harms breaks the promise, and without it the promise holds; a fault that mends
//! is missed. If the world ignores the word, both runs come to the same, and the
//! row fails. A new kind of fault does not compile until it has a word here, and a
//! word fails until it has a row.

use std::collections::BTreeSet;

use snowglobe::draw::PerMillion;
use snowglobe::faults::{
    CrashMoment, DiskFault, Fault, Links, Nodes, QualityChange, Shape, TimedFault,
};
use snowglobe::world::disk::CrashMode;

use crate::promises::Promise;
use crate::umpire::{Run, schedule};

macro_rules! words {
    ($($word:ident),* $(,)?) => {
        /// What a schedule can say.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        enum Word { $($word),* }

        impl Word {
            const ALL: &[Self] = &[$(Self::$word),*];
        }
    };
}

words! {
    Groups, Bridge, Ring, Heal,
    CutOne, CutOf, CutAll, JoinOne, JoinOf, JoinAll,
    Latency, Loss, Duplicate, Reorder, DegradeOne, DegradeOf, DegradeAll,
    RestoreOne, RestoreOf, RestoreAll,
    CrashOne, CrashAll, CrashAtOnce, CrashMidStep,
    Keeping, Losing, Tearing, Leaving, RestartOne, RestartAll,
    Pause, Resume, ClockFast, ClockSlow, ClockExact,
    SlowSyncs, DiskFails, DiskFull, DiskRots, DiskHeals,
}

/// The words of a fault. Each `match` names all there is, so that nothing new goes unnoticed.
fn words(fault: &Fault) -> Vec<Word> {
    let links = |links: &Links, [one, of, all]: [Word; 3]| match links {
        Links::One { .. } => one,
        Links::Of(_) => of,
        Links::All => all,
    };
    match fault {
        Fault::Shape(Shape::Groups(_)) => vec![Word::Groups],
        Fault::Shape(Shape::Bridge { .. }) => vec![Word::Bridge],
        Fault::Shape(Shape::Ring(_)) => vec![Word::Ring],
        Fault::Heal => vec![Word::Heal],
        Fault::Cut(cut) => vec![links(cut, [Word::CutOne, Word::CutOf, Word::CutAll])],
        Fault::Join(join) => vec![links(join, [Word::JoinOne, Word::JoinOf, Word::JoinAll])],
        Fault::Degrade { links: of, change } => {
            let which = links(of, [Word::DegradeOne, Word::DegradeOf, Word::DegradeAll]);
            [vec![which], of_change(change)].concat()
        }
        Fault::Restore(restored) => {
            let which = [Word::RestoreOne, Word::RestoreOf, Word::RestoreAll];
            vec![links(restored, which)]
        }
        Fault::Crash {
            nodes,
            mode,
            moment,
        } => of_crash(*nodes, *mode, *moment).to_vec(),
        Fault::Restart(Nodes::One(_)) => vec![Word::RestartOne],
        Fault::Restart(Nodes::All) => vec![Word::RestartAll],
        Fault::Pause(_) => vec![Word::Pause],
        Fault::Resume(_) => vec![Word::Resume],
        Fault::Clock { node: _, rate } if *rate > PerMillion::ALWAYS => vec![Word::ClockFast],
        Fault::Clock { node: _, rate } if *rate < PerMillion::ALWAYS => vec![Word::ClockSlow],
        Fault::Clock { .. } => vec![Word::ClockExact],
        Fault::Disk { node: _, fault } => vec![of_disk(fault)],
    }
}

fn of_change(change: &QualityChange) -> Vec<Word> {
    let QualityChange {
        latency,
        loss,
        duplicate,
        reorder,
    } = change;
    let said = [
        latency.as_ref().map(|_| Word::Latency),
        loss.map(|_| Word::Loss),
        duplicate.map(|_| Word::Duplicate),
        reorder.map(|_| Word::Reorder),
    ];
    said.into_iter().flatten().collect()
}

fn of_crash(nodes: Nodes, mode: CrashMode, moment: CrashMoment) -> [Word; 3] {
    [
        match nodes {
            Nodes::One(_) => Word::CrashOne,
            Nodes::All => Word::CrashAll,
        },
        match mode {
            CrashMode::Keep => Word::Keeping,
            CrashMode::Lose => Word::Losing,
            CrashMode::Tear => Word::Tearing,
            CrashMode::Leave => Word::Leaving,
        },
        match moment {
            CrashMoment::AtOnce => Word::CrashAtOnce,
            CrashMoment::AfterEffects(_) => Word::CrashMidStep,
        },
    ]
}

fn of_disk(fault: &DiskFault) -> Word {
    match fault {
        DiskFault::SyncsIn(_) => Word::SlowSyncs,
        DiskFault::Fails => Word::DiskFails,
        DiskFault::Full => Word::DiskFull,
        DiskFault::Rots => Word::DiskRots,
        DiskFault::Heals => Word::DiskHeals,
    }
}

/// With the word, or without it, the promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breaks {
    With,
    Without,
}
use Breaks::{With, Without};

/// The word, what happens, what is promised, when it breaks, and what is found then.
type Row = (Word, &'static [&'static str], Promise, Breaks, &'static str);

const ALL_LINKS: &str =
    "n1->n2 n1->n3 n1->n4 n2->n1 n2->n3 n2->n4 n3->n1 n3->n2 n3->n4 n4->n1 n4->n2 n4->n3";
const OF_N1: &str = "n1->n2 n1->n3 n1->n4 n2->n1 n3->n1 n4->n1";
const HEARD: Promise = Promise::EverybodyIsHeard;

/// What is in flight when a cut comes is lost: it would arrive just before the end.
const NETWORK: &[Row] = &[
    (
        Word::Groups,
        &["0s links latency 900ms", "2200ms partition n1 n2 | n3 n4"],
        HEARD,
        With,
        "n1->n3 n1->n4 n2->n3 n2->n4 n3->n1 n3->n2 n4->n1 n4->n2",
    ),
    (
        Word::Bridge,
        &["1s bridge n1 - n2 - n3 n4"],
        HEARD,
        With,
        "n1->n3 n1->n4 n3->n1 n4->n1",
    ),
    (
        Word::Ring,
        &["1s ring n1 n2 n3 n4"],
        HEARD,
        With,
        "n1->n3 n2->n4 n3->n1 n4->n2",
    ),
    (
        Word::Heal,
        &["1s partition n1", "2s heal"],
        HEARD,
        Without,
        OF_N1,
    ),
    (Word::Heal, &["1s cut n1", "2s heal"], HEARD, Without, OF_N1),
    (
        Word::CutOne,
        &["0s links latency 900ms", "2200ms cut n1 -> n2"],
        HEARD,
        With,
        "n1->n2",
    ),
    (Word::CutOf, &["1s cut n1"], HEARD, With, OF_N1),
    (Word::CutAll, &["1s cut all"], HEARD, With, ALL_LINKS),
    (
        Word::JoinOne,
        &["1s cut n1 -> n2", "2s join n1 -> n2"],
        HEARD,
        Without,
        "n1->n2",
    ),
    (
        Word::JoinOf,
        &["1s cut n1", "2s join n1"],
        HEARD,
        Without,
        OF_N1,
    ),
    (
        Word::JoinAll,
        &["1s cut all", "2s join all"],
        HEARD,
        Without,
        ALL_LINKS,
    ),
];

const LINKS: &[Row] = &[
    (
        Word::Latency,
        &["1s link n1 -> n2 latency 300ms..301ms"],
        Promise::AnsweredInTime,
        With,
        "n1",
    ),
    (
        Word::Loss,
        &["1s link n1 -> n2 loss 20%"],
        Promise::NothingIsLost,
        With,
        "n1->n2",
    ),
    (
        Word::Duplicate,
        &["1s link n1 -> n2 duplicate 20%"],
        Promise::NothingComesTwice,
        With,
        "n1->n2",
    ),
    (
        Word::Reorder,
        &["1s link n1 -> n2 reorder 20%"],
        Promise::NothingOvertakes,
        With,
        "n1->n2",
    ),
    (
        Word::DegradeOne,
        &["1s link n1 -> n2 loss 100%"],
        HEARD,
        With,
        "n1->n2",
    ),
    (
        Word::DegradeOf,
        &["1s links of n1 loss 100%"],
        HEARD,
        With,
        OF_N1,
    ),
    (
        Word::DegradeAll,
        &["1s links loss 100%"],
        HEARD,
        With,
        ALL_LINKS,
    ),
    (
        Word::RestoreOne,
        &["1s link n1 -> n2 loss 100%", "2s link n1 -> n2 restored"],
        HEARD,
        Without,
        "n1->n2",
    ),
    (
        Word::RestoreOf,
        &["1s links of n1 loss 100%", "2s links of n1 restored"],
        HEARD,
        Without,
        OF_N1,
    ),
    (
        Word::RestoreAll,
        &["1s links loss 100%", "2s links restored"],
        HEARD,
        Without,
        ALL_LINKS,
    ),
];

/// A node syncs most of the time, so that a crash mostly finds a write that is not synced.
const SYNCS: &str = "0s disk n1 syncs in 100ms..140ms";

const PROCESSES: &[Row] = &[
    (
        Word::CrashOne,
        &["1s crash n1 losing unsynced"],
        HEARD,
        With,
        OF_N1,
    ),
    (
        Word::CrashAll,
        &["1s crash all losing unsynced"],
        HEARD,
        With,
        ALL_LINKS,
    ),
    (
        Word::CrashAtOnce,
        &["1s crash n1 losing unsynced"],
        Promise::NobodyGoesDown,
        With,
        "n1",
    ),
    // With a disk that syncs at once, only a crash between two effects can come between a
    // message and its write.
    (
        Word::CrashMidStep,
        &[
            "1s crash n1 losing unsynced after 1 effects",
            "2s restart n1",
        ],
        Promise::NothingForgotten,
        With,
        "n1",
    ),
    (
        Word::Losing,
        &[SYNCS, "1s crash n1 losing unsynced", "2s restart n1"],
        Promise::NothingForgotten,
        With,
        "n1",
    ),
    (
        Word::Tearing,
        &[SYNCS, "1s crash n1 tearing unsynced", "2s restart n1"],
        Promise::NothingForgotten,
        With,
        "n1",
    ),
    (
        Word::Keeping,
        &[SYNCS, "1s crash n1 keeping unsynced", "2s restart n1"],
        Promise::NothingUnconfirmed,
        With,
        "n1",
    ),
    (
        Word::Leaving,
        &[SYNCS, "1s crash n1 leaving unsynced", "2s restart n1"],
        Promise::NothingUnconfirmed,
        With,
        "n1",
    ),
    (
        Word::RestartOne,
        &["1s crash n1 losing unsynced", "2s restart n1"],
        HEARD,
        Without,
        OF_N1,
    ),
    (
        Word::RestartAll,
        &["1s crash all losing unsynced", "2s restart all"],
        HEARD,
        Without,
        ALL_LINKS,
    ),
    // A paused node says nothing, hears nothing and answers nobody.
    (Word::Pause, &["1s pause n1"], HEARD, With, OF_N1),
    (
        Word::Pause,
        &["1s pause n1"],
        Promise::CallsAreAnswered,
        With,
        "n1",
    ),
    (
        Word::Resume,
        &["1s pause n1", "2s resume n1"],
        HEARD,
        Without,
        OF_N1,
    ),
    (
        Word::Resume,
        &["1s pause n1", "2s resume n1"],
        Promise::CallsAreAnswered,
        Without,
        "n1",
    ),
    (
        Word::ClockFast,
        &["1s clock n1 runs at 200%"],
        Promise::ClocksAgree,
        With,
        "",
    ),
    (
        Word::ClockSlow,
        &["1s clock n1 runs at 50%"],
        Promise::ClocksAgree,
        With,
        "",
    ),
    (
        Word::ClockExact,
        &["1s clock n1 runs at 200%", "1200ms clock n1 runs at 100%"],
        Promise::ClocksAgree,
        Without,
        "",
    ),
];

const DISKS: &[Row] = &[
    (
        Word::SlowSyncs,
        &["1s disk n2 syncs in 300ms..310ms"],
        Promise::AnsweredInTime,
        With,
        "n1",
    ),
    (
        Word::DiskHeals,
        &["0s disk n2 syncs in 300ms..310ms", "1s disk n2 heals"],
        Promise::AnsweredInTimeAtLast,
        Without,
        "somebody waits",
    ),
    (Word::DiskFails, &["1s disk n1 fails"], HEARD, With, OF_N1),
    (Word::DiskFull, &["1s disk n1 full"], HEARD, With, OF_N1),
    // An error comes once; a full disk stays full.
    (
        Word::DiskFull,
        &["1s disk n1 full", "1500ms restart n1"],
        HEARD,
        With,
        OF_N1,
    ),
    (
        Word::DiskHeals,
        &[
            "1s disk n1 full",
            "1500ms disk n1 heals",
            "1600ms restart n1",
        ],
        HEARD,
        Without,
        OF_N1,
    ),
    (
        Word::DiskRots,
        &[
            "1s disk n1 rots",
            "1500ms crash n1 losing unsynced",
            "1600ms disk n1 heals",
            "1700ms restart n1",
        ],
        Promise::NobodyRefuses,
        With,
        "n1",
    ),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    [NETWORK, LINKS, PROCESSES, DISKS].into_iter().flatten()
}

/// Chance decides in some rows: what must break need not break for each seed.
const SEEDS: u64 = 12;

fn check(&(word, faults, promise, breaks, finds): &Row) {
    let all = schedule(faults);
    let has_word = |timed: &TimedFault| words(&timed.fault).contains(&word);
    assert!(all.iter().any(has_word), "{faults:?} does not say {word:?}");
    let rest: Vec<TimedFault> = all.iter().filter(|it| !has_word(it)).cloned().collect();
    let (harmed, spared) = match breaks {
        With => (all, rest),
        Without => (rest, all),
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
