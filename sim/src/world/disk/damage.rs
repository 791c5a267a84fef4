//! What happens to a disk: crashes, errors, rot.

use std::ops::Range;

use super::CrashMode;
use super::file_system::{File, SimulatedDisk, enter};
use crate::draw::Draw;

/// What a crash took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CrashLoss {
    /// Bytes of surviving files that are gone.
    pub bytes_lost: usize,
    /// Bytes that are there and no longer what was written.
    pub bytes_garbled: usize,
    /// Directory operations that are undone.
    pub entries_undone: usize,
}

/// One bit of one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RotSite {
    /// The name of the file.
    pub file: String,
    /// The position of the byte in the file.
    pub offset: usize,
    /// The bit of the byte, from 0 to 7.
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
        self.directory.clone_from(&self.synced_directory);
        for operation in self.pending.drain(..).take(survive) {
            enter(&mut self.directory, operation);
        }
        self.synced_directory.clone_from(&self.directory);
        self.forget_nameless();
        for (name, id) in &self.directory {
            let file = self.files.get_mut(id).expect("a name leads to a file");
            name.clone_into(&mut file.name);
            file.crash(mode, draw, &mut loss);
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

    /// There is room again, and no error to come. Rot stays.
    pub fn heal(&mut self) {
        self.capacity = None;
        self.fail_write = false;
        self.fail_sync = false;
    }

    /// Flips one synced bit. Whether there is such a bit.
    pub fn rot(&mut self, site: &RotSite) -> bool {
        let Some(id) = self.lookup(&site.file) else {
            return false;
        };
        let file = self.file_mut(id);
        let synced = file.synced;
        match file.content[..synced].get_mut(site.offset) {
            Some(byte) => {
                *byte ^= 1 << (site.bit & 7);
                true
            }
            None => false,
        }
    }
}

impl File {
    fn crash(&mut self, mode: CrashMode, draw: &mut Draw, loss: &mut CrashLoss) {
        let written = self.content.len();
        let unsynced = written - self.synced;
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
