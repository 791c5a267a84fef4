//! A node's disk: what it keeps through a crash, and how it fails.
//!
//! [`file_system`] has files and directory entries, [`damage`] what
//! befalls them, [`wal`] has the
//! records of a write-ahead log, and [`storage`] keeps a node's durable state
//! in both. A recovery reads the bytes that the disk holds: nothing passes
//! from one life of a node to the next but those.

pub mod damage;
pub mod file_system;
pub mod storage;
pub mod wal;

use std::fmt;

pub use self::damage::{CrashLoss, Damage, DamageSite};
pub use self::file_system::{DiskError, FileId, SimulatedDisk};
pub use self::storage::{RecoveryError, RecoveryReport, Storage, site_of_damage};

/// What a crash does to what was written and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrashMode {
    /// It is all there: the disk was quicker than it had to be.
    Keep,
    /// It is gone.
    Lose,
    /// Some of it is there, and the last of that may be zeros or garbage.
    Tear,
    /// Only the process died; its machine goes on. All of it can still be read,
    /// and none of it is durable: when the power goes later, it may be lost yet.
    Leave,
}

impl CrashMode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::Keep, Self::Lose, Self::Tear, Self::Leave];
}

impl fmt::Display for CrashMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Keep => "keeping",
            Self::Lose => "losing",
            Self::Tear => "tearing",
            Self::Leave => "leaving",
        })
    }
}
