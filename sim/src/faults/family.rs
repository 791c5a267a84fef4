//! The kinds of faults, as reports count them.

use std::fmt;

use super::{CrashMoment, DiskFault, Fault};

/// A kind of fault, as schedules are drawn of it and reports count it.
///
/// What strikes a whole group is drawn as a family of its own, and written as
/// crashes and partitions like any others; so reports count it among those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultFamily {
    /// The network falls into parts.
    Partitions,
    /// Single links or nodes are cut off.
    Cuts,
    /// Links get slow, lose messages, deliver them twice or out of order.
    Links,
    /// Processes go down between two steps.
    Crashes,
    /// Processes go down in mid step.
    MidStepCrashes,
    /// Processes stand still for a while.
    Pauses,
    /// Clocks run fast or slow.
    Clocks,
    /// Syncs take long.
    SlowDisks,
    /// Writes fail, or the disk is full.
    DiskErrors,
    /// What was synced is damaged.
    Rot,
    /// All processes of a group go down at once.
    GroupCrashes,
    /// The network falls into parts between groups, and none falls apart itself.
    GroupPartitions,
}

impl FaultFamily {
    /// All families, in the order in which they are listed.
    pub const ALL: [Self; 12] = [
        Self::Partitions,
        Self::Cuts,
        Self::Links,
        Self::Crashes,
        Self::MidStepCrashes,
        Self::Pauses,
        Self::Clocks,
        Self::SlowDisks,
        Self::DiskErrors,
        Self::Rot,
        Self::GroupCrashes,
        Self::GroupPartitions,
    ];

    /// Those that strike nodes one by one, or any of them together.
    pub const OF_NODES: [Self; 10] = [
        Self::Partitions,
        Self::Cuts,
        Self::Links,
        Self::Crashes,
        Self::MidStepCrashes,
        Self::Pauses,
        Self::Clocks,
        Self::SlowDisks,
        Self::DiskErrors,
        Self::Rot,
    ];

    /// Those that strike whole groups, where there are at least two.
    pub const OF_GROUPS: [Self; 2] = [Self::GroupCrashes, Self::GroupPartitions];

    /// The name in lists and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partitions => "network partitions",
            Self::Cuts => "one-way and single cuts",
            Self::Links => "slow and lossy links",
            Self::Crashes => "crashes and restarts",
            Self::MidStepCrashes => "crashes in mid step",
            Self::Pauses => "paused processes",
            Self::Clocks => "drifting clocks",
            Self::SlowDisks => "slow disks",
            Self::DiskErrors => "disk errors",
            Self::Rot => "rotten disks",
            Self::GroupCrashes => "crashes of whole groups",
            Self::GroupPartitions => "groups cut off from each other",
        }
    }

    /// The one word for it on a command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Partitions => "partitions",
            Self::Cuts => "cuts",
            Self::Links => "links",
            Self::Crashes => "crashes",
            Self::MidStepCrashes => "mid-step-crashes",
            Self::Pauses => "pauses",
            Self::Clocks => "clocks",
            Self::SlowDisks => "slow-disks",
            Self::DiskErrors => "disk-errors",
            Self::Rot => "rot",
            Self::GroupCrashes => "group-crashes",
            Self::GroupPartitions => "group-partitions",
        }
    }
}

impl fmt::Display for FaultFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Fault {
    /// The family of a fault. What mends a fault belongs to its family too; a
    /// heal counts as the end of a partition, a restart as the end of a crash. No
    /// fault is of a family of groups: several together strike a group.
    #[must_use]
    pub const fn family(&self) -> FaultFamily {
        match self {
            Self::Shape(_) | Self::Heal => FaultFamily::Partitions,
            Self::Cut(_) | Self::Join(_) => FaultFamily::Cuts,
            Self::Degrade { .. } | Self::Restore(_) => FaultFamily::Links,
            Self::Crash { moment, .. } => match moment {
                CrashMoment::AtOnce => FaultFamily::Crashes,
                CrashMoment::AfterEffects(_) => FaultFamily::MidStepCrashes,
            },
            Self::Restart(_) => FaultFamily::Crashes,
            Self::Pause(_) | Self::Resume(_) => FaultFamily::Pauses,
            Self::Clock { .. } => FaultFamily::Clocks,
            Self::Disk { fault, .. } => match fault {
                DiskFault::SyncsIn(_) => FaultFamily::SlowDisks,
                DiskFault::Fails | DiskFault::Full | DiskFault::Heals => FaultFamily::DiskErrors,
                DiskFault::Rots => FaultFamily::Rot,
            },
        }
    }
}
