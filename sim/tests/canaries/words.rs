//! What a schedule of faults can say.

use snowglobe::draw::PerMillion;
use snowglobe::faults::{CrashMoment, DiskFault, Fault, Links, Nodes, QualityChange, Shape};
use snowglobe::world::disk::CrashMode;

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
pub(crate) fn words(fault: &Fault) -> Vec<Word> {
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
