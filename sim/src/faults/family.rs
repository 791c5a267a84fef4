//! The kinds of faults, as reports count them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CrashMoment, DiskFault, Fault, Links, Loss, QualityChange};

/// A kind of fault, as schedules are drawn of it and reports count it.
///
/// What strikes a whole group is drawn as a family of its own, and written as
/// crashes and partitions like any others; so reports count it among those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FaultFamily {
    /// The network falls into parts.
    Partitions,
    /// Single links or nodes are cut off.
    Cuts,
    /// Links get slow, lose messages, deliver them twice or out of order.
    Links,
    /// Links are bad for some and well for others: slow in one direction, among
    /// servers only, or for large messages.
    GrayLinks,
    /// Single messages come after an election or two, or come again minutes later.
    LateMessages,
    /// Messages arrive with a bit flipped.
    Corruption,
    /// Processes go down between two steps.
    Crashes,
    /// Processes go down in mid step.
    MidStepCrashes,
    /// Several machines lose their power, their network or their pace at once.
    Zones,
    /// Processes stand still for a while.
    Pauses,
    /// Processes need long for each step.
    SlowNodes,
    /// Clocks run fast or slow, or jump.
    Clocks,
    /// Syncs take long.
    SlowDisks,
    /// Writes, syncs or reads fail, or the disk is full.
    DiskErrors,
    /// What was synced is damaged.
    Damage,
    /// All processes of a group go down at once.
    GroupCrashes,
    /// The network falls into parts between groups, and none falls apart itself.
    GroupPartitions,
}

impl FaultFamily {
    /// All families, in the order in which they are listed.
    pub const ALL: [Self; 17] = [
        Self::Partitions,
        Self::Cuts,
        Self::Links,
        Self::GrayLinks,
        Self::LateMessages,
        Self::Corruption,
        Self::Crashes,
        Self::MidStepCrashes,
        Self::Zones,
        Self::Pauses,
        Self::SlowNodes,
        Self::Clocks,
        Self::SlowDisks,
        Self::DiskErrors,
        Self::Damage,
        Self::GroupCrashes,
        Self::GroupPartitions,
    ];

    /// Those that strike nodes one by one, or any of them together.
    pub const OF_NODES: [Self; 15] = [
        Self::Partitions,
        Self::Cuts,
        Self::Links,
        Self::GrayLinks,
        Self::LateMessages,
        Self::Corruption,
        Self::Crashes,
        Self::MidStepCrashes,
        Self::Zones,
        Self::Pauses,
        Self::SlowNodes,
        Self::Clocks,
        Self::SlowDisks,
        Self::DiskErrors,
        Self::Damage,
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
            Self::GrayLinks => "gray links",
            Self::LateMessages => "late and repeated messages",
            Self::Corruption => "corrupted messages",
            Self::Crashes => "crashes and restarts",
            Self::MidStepCrashes => "crashes in mid step",
            Self::Zones => "correlated zone failures",
            Self::Pauses => "paused processes",
            Self::SlowNodes => "slow processes",
            Self::Clocks => "clock drift and jumps",
            Self::SlowDisks => "slow disks",
            Self::DiskErrors => "disk errors",
            Self::Damage => "damaged disks",
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
            Self::GrayLinks => "gray-links",
            Self::LateMessages => "late-messages",
            Self::Corruption => "corruption",
            Self::Crashes => "crashes",
            Self::MidStepCrashes => "mid-step-crashes",
            Self::Zones => "zones",
            Self::Pauses => "pauses",
            Self::SlowNodes => "slow-nodes",
            Self::Clocks => "clocks",
            Self::SlowDisks => "slow-disks",
            Self::DiskErrors => "disk-errors",
            Self::Damage => "damage",
            Self::GroupCrashes => "group-crashes",
            Self::GroupPartitions => "group-partitions",
        }
    }
}

/// Some families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilySet(u32);

impl FamilySet {
    /// Adds a family.
    pub fn insert(&mut self, family: FaultFamily) {
        self.0 |= 1 << family as u32;
    }

    /// Whether a family is among them.
    #[must_use]
    pub const fn contains(self, family: FaultFamily) -> bool {
        self.0 & 1 << family as u32 != 0
    }

    /// All families of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The families that are in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl FromIterator<FaultFamily> for FamilySet {
    fn from_iter<T: IntoIterator<Item = FaultFamily>>(families: T) -> Self {
        let mut set = Self::default();
        set.extend(families);
        set
    }
}

impl Extend<FaultFamily> for FamilySet {
    fn extend<T: IntoIterator<Item = FaultFamily>>(&mut self, families: T) {
        families.into_iter().for_each(|family| self.insert(family));
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
            Self::Shape { .. } | Self::Heal => FaultFamily::Partitions,
            Self::Cut { .. } | Self::Join(_) => FaultFamily::Cuts,
            Self::Degrade { links, change } => match (links, change) {
                (_, change) if change.corrupt.is_some() => FaultFamily::Corruption,
                (_, change) if change.hold.is_some() || change.repeat.is_some() => {
                    FaultFamily::LateMessages
                }
                (
                    _,
                    QualityChange {
                        loss: Some(Loss { over: Some(_), .. }),
                        ..
                    },
                )
                | (Links::OneWay { .. }, _) => FaultFamily::GrayLinks,
                _ => FaultFamily::Links,
            },
            Self::Restore(_) => FaultFamily::Links,
            Self::Crash { moment, nodes, .. } => match moment {
                CrashMoment::AtOnce if nodes.are_several() => FaultFamily::Zones,
                CrashMoment::AtOnce => FaultFamily::Crashes,
                CrashMoment::AfterEffects(_) => FaultFamily::MidStepCrashes,
            },
            Self::Restart(_) => FaultFamily::Crashes,
            Self::Pause(_) | Self::Resume(_) => FaultFamily::Pauses,
            Self::Slow { .. } => FaultFamily::SlowNodes,
            Self::Clock { .. } | Self::Jump { .. } => FaultFamily::Clocks,
            Self::Disk { fault, .. } => match fault {
                DiskFault::SyncsIn(_) => FaultFamily::SlowDisks,
                DiskFault::Fails
                | DiskFault::DropsSync
                | DiskFault::Full
                | DiskFault::Unreadable
                | DiskFault::Heals => FaultFamily::DiskErrors,
                DiskFault::Damaged(_) => FaultFamily::Damage,
            },
        }
    }
}
