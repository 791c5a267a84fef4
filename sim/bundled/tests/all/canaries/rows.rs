//! For each word of a schedule what it must break, or mend.

use super::promises::Promise;
use super::words::Word;

/// With the word, or without it, the promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breaks {
    With,
    Without,
}
use Breaks::{With, Without};

/// The word, what happens, what is promised, when it breaks, and what is found then.
pub(crate) type Row = (Word, &'static [&'static str], Promise, Breaks, &'static str);

pub(crate) const ALL_LINKS: &str =
    "n1->n2 n1->n3 n1->n4 n2->n1 n2->n3 n2->n4 n3->n1 n3->n2 n3->n4 n4->n1 n4->n2 n4->n3";
pub(crate) const OF_N1: &str = "n1->n2 n1->n3 n1->n4 n2->n1 n3->n1 n4->n1";
pub(crate) const HEARD: Promise = Promise::EverybodyIsHeard;

/// What is in flight when a cut comes is lost: it would arrive just before the end.
pub(crate) const NETWORK: &[Row] = &[
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
    // What is sent while the link is cut is lost, even if it is joined before it would arrive.
    (
        Word::CutOne,
        &[
            "990ms link n1 -> n2 latency 500ms..501ms",
            "1s cut n1 -> n2",
            "1100ms heal",
        ],
        Promise::NothingIsLost,
        With,
        "n1->n2",
    ),
    // What cannot pass waits, and comes when it can, in no order.
    (
        Word::Holding,
        &["1s..2s cut n1 -> n2 holding"],
        Promise::NothingOvertakes,
        With,
        "n1->n2",
    ),
    (
        Word::Holding,
        &["1s partition n1 | n2 n3 n4 holding"],
        HEARD,
        With,
        OF_N1,
    ),
    (Word::OfLeader, &["1s cut leader"], HEARD, With, OF_N1),
    (
        Word::OfLeader,
        &["1s crash leader losing unsynced"],
        HEARD,
        With,
        OF_N1,
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

pub(crate) const LINKS: &[Row] = &[
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
    // A beat takes two bytes, and from the 128th on three.
    (
        Word::LossOfLarge,
        &["0s links loss 100% over 1 bytes"],
        HEARD,
        With,
        ALL_LINKS,
    ),
    (
        Word::Corrupt,
        &["1s link n1 -> n2 corrupt 20%"],
        Promise::NothingIsLost,
        With,
        "n1->n2",
    ),
    (
        Word::CorruptUnchecked,
        &["1s links corrupt 40% unchecked"],
        Promise::ClocksAgree,
        With,
        "",
    ),
    (
        Word::Hold,
        &["1s link n1 -> n2 hold 20% for 300ms..600ms"],
        Promise::NothingOvertakes,
        With,
        "n1->n2",
    ),
    (
        Word::Repeat,
        &["1s link n1 -> n2 repeat 20% after 300ms..600ms"],
        Promise::NothingComesTwice,
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
pub(crate) const SYNCS: &str = "0s disk n1 syncs in 100ms..140ms";

pub(crate) const PROCESSES: &[Row] = &[
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
        Word::Slow,
        &["1s slow n2 by 300ms"],
        Promise::AnsweredInTime,
        With,
        "n1",
    ),
    (
        Word::Hasten,
        &["0s slow n2 by 300ms", "1s slow n2 by 0ms"],
        Promise::AnsweredInTimeAtLast,
        Without,
        "somebody waits",
    ),
    // Whoever waits for an answer waits no more when its clock says that it is too late.
    (
        Word::ClockJumps,
        &[
            "1190ms link n2 -> n1 latency 100ms",
            "1230ms clock n1 jumps 10s",
            "1300ms link n2 -> n1 restored",
        ],
        Promise::AnsweredInTime,
        With,
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

pub(crate) const DISKS: &[Row] = &[
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
    // It can be read until the power goes, and then it is not there.
    (
        Word::DropsSync,
        &[
            "1s disk n1 drops-sync",
            "1100ms crash n1 losing unsynced",
            "1200ms restart n1",
        ],
        Promise::NothingForgotten,
        With,
        "n1",
    ),
    (
        Word::DiskUnreadable,
        &[
            "1s disk n1 unreadable",
            "1100ms crash n1 losing unsynced",
            "1200ms restart n1",
        ],
        HEARD,
        With,
        OF_N1,
    ),
    (
        Word::BadSector,
        &[
            "1s disk n1 bad-sector",
            "1500ms crash n1 losing unsynced",
            "1700ms restart n1",
        ],
        Promise::NobodyRefuses,
        With,
        "n1",
    ),
    (
        Word::LostWrite,
        &[
            "1s disk n1 lost-write",
            "1500ms crash n1 losing unsynced",
            "1700ms restart n1",
        ],
        Promise::NobodyRefuses,
        With,
        "n1",
    ),
    (
        Word::MisdirectedWrite,
        &[
            "1s disk n1 misdirected-write",
            "1500ms crash n1 losing unsynced",
            "1700ms restart n1",
        ],
        Promise::NobodyRefuses,
        With,
        "n1",
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
