//! The kinds of faults, as reports count them.

use std::fmt;

use super::{CrashMoment, DiskFault, Fault, Links, Loss, QualityChange};

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
            Self::Zones => "racks and sites at once",
            Self::Pauses => "paused processes",
            Self::SlowNodes => "slow processes",
            Self::Clocks => "drifting and jumping clocks",
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

    /// The marks of the world that show that a fault of this family did something.
    #[must_use]
    pub const fn bites(self) -> &'static [&'static str] {
        match self {
            Self::Partitions | Self::Cuts | Self::GroupPartitions => &[
                "world.message_cut_off",
                "world.message_cut_on_the_way",
                "world.message_waited_for_heal",
            ],
            Self::Links => &[
                "world.message_slowed",
                "world.message_lost",
                "world.message_duplicated",
                "world.message_overtaken",
            ],
            Self::GrayLinks => &["world.large_message_lost", "world.message_slowed"],
            Self::LateMessages => &["world.message_held", "world.message_repeated"],
            Self::Corruption => &["world.message_corrupted"],
            Self::Crashes => &["world.node_crashed"],
            Self::MidStepCrashes => &["world.crash_between_effects"],
            Self::Zones => &[
                "world.machines_down_together",
                "world.message_cut_off",
                "world.message_slowed",
                "world.step_slowed",
            ],
            Self::GroupCrashes => &["world.machines_down_together"],
            Self::Pauses => &["world.node_paused"],
            Self::SlowNodes => &["world.step_slowed"],
            Self::Clocks => &["world.clock_off", "world.clock_jumped"],
            Self::SlowDisks => &["disk.slow_sync"],
            Self::DiskErrors => &[
                "disk.io_error",
                "disk.full",
                "disk.read_error",
                "disk.sync_dropped",
            ],
            Self::Damage => &[
                "disk.rot_detected",
                "disk.bad_sector_detected",
                "disk.lost_write_detected",
                "disk.misdirected_write_detected",
            ],
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
