//! What a schedule of faults can say.

use snowglobe::draw::PerMillion;
use snowglobe::faults::{CrashMoment, DiskFault, Fault, Links, Nodes, QualityChange, Shape};
use snowglobe::world::disk::{CrashMode, Damage};

macro_rules! words {
    ($($word:ident),* $(,)?) => {
        /// What a schedule can say.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Word { $($word),* }

        impl Word {
            pub(crate) const ALL: &[Self] = &[$(Self::$word),*];
        }
    };
}

words! {
    Groups, Bridge, Ring, Heal, Holding, OfLeader,
    CutOne, CutOf, CutAll, JoinOne, JoinOf, JoinAll,
    Latency, Loss, LossOfLarge, Duplicate, Reorder, Corrupt, CorruptUnchecked, Hold, Repeat,
    DegradeOne, DegradeOf, DegradeAll,
    RestoreOne, RestoreOf, RestoreAll,
    CrashOne, CrashAll, CrashAtOnce, CrashMidStep,
    Keeping, Losing, Tearing, Leaving, RestartOne, RestartAll,
    Pause, Resume, Slow, Hasten, ClockFast, ClockSlow, ClockExact, ClockJumps,
    SlowSyncs, DiskFails, DropsSync, DiskFull, DiskUnreadable, DiskHeals,
    DiskRots, BadSector, LostWrite, MisdirectedWrite,
}

/// The words of a fault. Each `match` names all there is, so that nothing new goes unnoticed.
pub(crate) fn words(fault: &Fault) -> Vec<Word> {
    let links = |links: &Links, [one, of, all]: [Word; 3]| match links {
        Links::OfLeader => Word::OfLeader,
        Links::OneWay { .. } => one,
        Links::Of(_) => of,
        Links::All => all,
    };
    let holding = |word: Word, holds: &bool| match holds {
        true => vec![word, Word::Holding],
        false => vec![word],
    };
    match fault {
        Fault::Shape { shape, holds } => holding(of_shape(shape), holds),
        Fault::Heal => vec![Word::Heal],
        Fault::Cut { links: cut, holds } => {
            holding(links(cut, [Word::CutOne, Word::CutOf, Word::CutAll]), holds)
        }
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
        } => of_crash(nodes, *mode, *moment).to_vec(),
        Fault::Restart(Nodes::Some(_)) => vec![Word::RestartOne],
        Fault::Restart(Nodes::All) => vec![Word::RestartAll],
        Fault::Restart(Nodes::Leader) => unreachable!("whoever is down leads nobody"),
        Fault::Pause(_) => vec![Word::Pause],
        Fault::Resume(_) => vec![Word::Resume],
        Fault::Slow { nodes: _, by } if by.end.is_zero() => vec![Word::Hasten],
        Fault::Slow { .. } => vec![Word::Slow],
        Fault::Clock { nodes: _, rate } if *rate > PerMillion::ALWAYS => vec![Word::ClockFast],
        Fault::Clock { nodes: _, rate } if *rate < PerMillion::ALWAYS => vec![Word::ClockSlow],
        Fault::Clock { .. } => vec![Word::ClockExact],
        Fault::Jump { .. } => vec![Word::ClockJumps],
        Fault::Disk { nodes: _, fault } => vec![of_disk(fault)],
    }
}

fn of_shape(shape: &Shape) -> Word {
    match shape {
        Shape::Groups(_) => Word::Groups,
        Shape::Bridge { .. } => Word::Bridge,
        Shape::Ring(_) => Word::Ring,
    }
}

fn of_change(change: &QualityChange) -> Vec<Word> {
    let QualityChange {
        latency,
        loss,
        duplicate,
        reorder,
        corrupt,
        hold,
        repeat,
    } = change;
    let said = [
        latency.as_ref().map(|_| Word::Latency),
        loss.map(|loss| loss.over.map_or(Word::Loss, |_| Word::LossOfLarge)),
        duplicate.map(|_| Word::Duplicate),
        reorder.map(|_| Word::Reorder),
        corrupt.map(|corrupt| match corrupt.unchecked {
            true => Word::CorruptUnchecked,
            false => Word::Corrupt,
        }),
        hold.as_ref().map(|_| Word::Hold),
        repeat.as_ref().map(|_| Word::Repeat),
    ];
    said.into_iter().flatten().collect()
}

fn of_crash(nodes: &Nodes, mode: CrashMode, moment: CrashMoment) -> [Word; 3] {
    [
        match nodes {
            Nodes::Some(_) => Word::CrashOne,
            Nodes::All => Word::CrashAll,
            Nodes::Leader => Word::OfLeader,
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
        DiskFault::DropsSync => Word::DropsSync,
        DiskFault::Full => Word::DiskFull,
        DiskFault::Unreadable => Word::DiskUnreadable,
        DiskFault::Damaged(Damage::Rot) => Word::DiskRots,
        DiskFault::Damaged(Damage::BadSector) => Word::BadSector,
        DiskFault::Damaged(Damage::LostWrite) => Word::LostWrite,
        DiskFault::Damaged(Damage::MisdirectedWrite) => Word::MisdirectedWrite,
        DiskFault::Heals => Word::DiskHeals,
    }
}
