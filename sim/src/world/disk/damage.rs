//! What happens to a disk: crashes, errors, rot.

use std::collections::BTreeSet;
use std::ops::Range;

use super::CrashMode;
use super::file_system::{File, FileId, SimulatedDisk, enter};
use crate::draw::Draw;

/// What a crash took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CrashLoss {
    /// Bytes of surviving files that are gone.
    pub bytes_lost: usize,
    /// Bytes that are there and no longer what was written.
    pub bytes_garbled: usize,
    /// Bytes that a failed sync dropped, and that the disk never had.
    pub bytes_dropped: usize,
    /// Directory operations that are undone.
    pub entries_undone: usize,
}

/// How a disk spoils what it was trusted with. None of it can be healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Damage {
    /// A bit flips.
    Rot,
    /// A sector gives an error whenever it is read.
    BadSector,
    /// A write never reached the disk, although the disk said so: what was there
    /// before is there still, which for a growing file is zeros.
    LostWrite,
    /// A write went to the place of another, so that both are wrong.
    MisdirectedWrite,
}

impl Damage {
    /// All kinds.
    pub const ALL: [Self; 4] = [
        Self::Rot,
        Self::BadSector,
        Self::LostWrite,
        Self::MisdirectedWrite,
    ];

    /// The word for it in a schedule.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rot => "rots",
            Self::BadSector => "bad-sector",
            Self::LostWrite => "lost-write",
            Self::MisdirectedWrite => "misdirected-write",
        }
    }

    /// The mark that a recovery noticed it.
    #[must_use]
    pub const fn detected(self) -> &'static str {
        match self {
            Self::Rot => "disk.rot_detected",
            Self::BadSector => "disk.bad_sector_detected",
            Self::LostWrite => "disk.lost_write_detected",
            Self::MisdirectedWrite => "disk.misdirected_write_detected",
        }
    }
}

/// One record of one file, and a bit in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DamageSite {
    /// The name of the file.
    pub file: String,
    /// Where the record begins and ends in the file.
    pub record: Range<usize>,
    /// The position of a byte of the record in the file.
    pub offset: usize,
    /// A bit of the byte, from 0 to 7.
    pub bit: u8,
}

/// How many bytes at the end of a torn write may be zeros or garbage: one sector.
const SECTOR: usize = 512;

/// What happens to a disk.
impl SimulatedDisk {
    /// The power goes, and comes back, or the process that used the disk is gone.
    /// What a power failure leaves is durable from now on, and files that are
    /// left have the same [`super::FileId`].
    pub fn crash(&mut self, mode: CrashMode, draw: &mut Draw) -> CrashLoss {
        self.power_fails_at = None;
        if mode == CrashMode::Leave {
            return CrashLoss::default();
        }
        let mut loss = CrashLoss::default();
        let survive = match mode {
            CrashMode::Keep | CrashMode::Leave => self.pending.len(),
            CrashMode::Lose => 0,
            CrashMode::Tear => draw.index(self.pending.len() + 1),
        };
        loss.entries_undone = self.pending.len() - survive;
        let in_use: BTreeSet<FileId> = self.directory.values().copied().collect();
        self.directory.clone_from(&self.synced_directory);
        for operation in self.pending.drain(..).take(survive) {
            enter(&mut self.directory, operation);
        }
        self.synced_directory.clone_from(&self.directory);
        self.forget_nameless();
        for (name, id) in &self.directory {
            let file = self.files.get_mut(id).expect("a name leads to a file");
            name.clone_into(&mut file.name);
            let mut own = CrashLoss::default();
            file.crash(mode, draw, &mut own);
            // What was removed already is missed by nobody, should the removal be undone.
            if in_use.contains(id) {
                loss.bytes_lost += own.bytes_lost;
                loss.bytes_garbled += own.bytes_garbled;
                loss.bytes_dropped += own.bytes_dropped;
            }
        }
        self.count_used();
        loss
    }

    /// The power goes before the operation with this number, counted as
    /// [`SimulatedDisk::operations`] does. Until [`SimulatedDisk::crash`] says
    /// what is left, every operation gives [`super::DiskError::Crashed`].
    pub fn cut_power_at(&mut self, operation: u64) {
        self.power_fails_at = Some(operation);
    }

    /// The next write, of whatever file, gives an I/O error.
    pub fn fail_next_write(&mut self) {
        self.fail_write = true;
    }

    /// The next sync, of a file or the directory, gives an I/O error.
    pub fn fail_next_sync(&mut self) {
        self.fail_sync = true;
    }

    /// The next sync of a file gives an I/O error, and what it should have synced
    /// is gone when the power goes. Until then it can be read, and the sync after
    /// it succeeds: the pages count as clean.
    pub fn drop_next_sync(&mut self, drops: bool) {
        self.drop_sync = drops;
    }

    /// From now on, or no more, every write and every sync gives an I/O error.
    pub fn set_failing(&mut self, failing: bool) {
        self.failing = failing;
    }

    /// From now on, or no more, nothing can be read.
    pub fn set_unreadable(&mut self, unreadable: bool) {
        self.unreadable = unreadable;
    }

    /// Limits the bytes that all files may have together; `None` is no limit.
    pub fn set_capacity(&mut self, capacity: Option<usize>) {
        self.capacity = capacity;
    }

    /// The disk is full from now on.
    pub fn fill(&mut self) {
        self.capacity = Some(self.used);
    }

    /// The power stays after all.
    pub fn keep_power(&mut self) {
        self.power_fails_at = None;
    }

    /// There is room again, and no error to come. Damage stays.
    pub fn heal(&mut self) {
        self.capacity = None;
        self.fail_write = false;
        self.fail_sync = false;
        self.drop_sync = false;
        self.failing = false;
        self.unreadable = false;
    }

    /// Spoils what was synced of a record. Whether anything is other than it was.
    pub fn damage(&mut self, damage: Damage, site: &DamageSite) -> bool {
        let Some(id) = self.lookup(&site.file) else {
            return false;
        };
        let file = self.file_mut(id);
        let synced = file.synced;
        if site.record.end > synced || !site.record.contains(&site.offset) {
            return false;
        }
        let before = file.content[site.record.clone()].to_vec();
        match damage {
            Damage::Rot => file.content[site.offset] ^= 1 << (site.bit & 7),
            Damage::BadSector => {
                file.bad_sector = Some(site.offset);
                return true;
            }
            Damage::LostWrite => file.content[site.record.clone()].fill(0),
            Damage::MisdirectedWrite => {
                // What stands behind it was written here; past the end there are zeros.
                for place in site.record.clone() {
                    let source = place + site.record.len();
                    let byte = file.content.get(source).copied().unwrap_or(0);
                    file.content[place] = byte;
                }
            }
        }
        file.content[site.record.clone()] != before
    }
}

impl File {
    fn crash(&mut self, mode: CrashMode, draw: &mut Draw, loss: &mut CrashLoss) {
        let written = self.content.len();
        let unsynced = written - self.synced;
        if let Some(dropped) = self.dropped.take().filter(|_| mode != CrashMode::Leave) {
            // The disk never had them, whatever its syncs said.
            self.content[dropped.clone()].fill(0);
            loss.bytes_dropped += dropped.len();
        }
        match mode {
            CrashMode::Keep | CrashMode::Leave => {}
            CrashMode::Lose => self.content.truncate(self.synced),
            CrashMode::Tear => {
                let kept = draw.index(unsynced + 1);
                self.content.truncate(self.synced + kept);
                let garbled = draw.index(kept.min(SECTOR) + 1);
                self.garble(self.content.len() - garbled..self.content.len(), draw);
                loss.bytes_garbled += garbled;
            }
        }
        loss.bytes_lost += written - self.content.len();
        self.synced = self.content.len();
    }

    fn garble(&mut self, range: Range<usize>, draw: &mut Draw) {
        let zeros = draw.below(2) == 0;
        for byte in &mut self.content[range] {
            *byte = if zeros { 0 } else { draw.below(256) as u8 };
        }
    }
}
