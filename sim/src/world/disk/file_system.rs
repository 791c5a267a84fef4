//! Files in memory that crash like files on a disk.
//!
//! A file's bytes are durable up to its last sync. A directory operation
//! (create, rename, remove) is durable after the next sync of the directory;
//! a crash before that leaves the first few of them done and the others not,
//! in their order, as a journalling file system does. Syncing a new file does
//! not make its name durable.

use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;

use thiserror::Error;

/// An open file. It stays the same file when it is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// Why a disk did not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DiskError {
    /// The disk gave an error; nothing of the operation was done.
    #[error("I/O error: cannot {operation} {file}")]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// The name of the file.
        file: String,
    },
    /// There is no room; nothing was written.
    #[error("disk full: {file} needs {needed} bytes and {free} are free")]
    Full {
        /// The name of the file.
        file: String,
        /// How many bytes were to be written.
        needed: usize,
        /// How many bytes there is room for.
        free: usize,
    },
    /// A place cannot be read, and never will be again.
    #[error("cannot read {file} at byte {offset}: bad sector")]
    BadSector {
        /// The name of the file.
        file: String,
        /// Where the sector begins.
        offset: usize,
    },
    /// The power went, or an earlier error left in doubt what is on the disk.
    /// Whatever used it must open it anew.
    #[error("the disk is gone until it is opened anew")]
    Crashed,
}

#[derive(Clone, Debug, Default)]
pub(super) struct File {
    /// For error messages.
    pub(super) name: String,
    pub(super) content: Vec<u8>,
    /// How many bytes at the start of the content survive any crash, but for those dropped.
    pub(super) synced: usize,
    /// What a failed sync gave up: it can be read until the power goes, and then is zeros.
    pub(super) dropped: Option<Range<usize>>,
    /// A byte that gives an error when it is read.
    pub(super) bad_sector: Option<usize>,
}

/// A directory operation that may not survive a crash.
#[derive(Clone, Debug)]
pub(super) enum Pending {
    Create(String, FileId),
    Rename(String, String),
    Remove(String),
}

pub(super) type Directory = BTreeMap<String, FileId>;

/// One node's disk.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    pub(super) files: BTreeMap<FileId, File>,
    /// The directory as programs see it.
    pub(super) directory: Directory,
    /// The directory as it was at its last sync.
    pub(super) synced_directory: Directory,
    /// What was done since; `directory` is `synced_directory` with all of it applied.
    pub(super) pending: Vec<Pending>,
    next_file: u32,
    /// The bytes of all files that have a name.
    pub(super) used: usize,
    pub(super) capacity: Option<usize>,
    pub(super) fail_write: bool,
    pub(super) fail_sync: bool,
    pub(super) drop_sync: bool,
    pub(super) failing: bool,
    pub(super) unreadable: bool,
    bytes_written: u64,
    syncs: u64,
    operations: u64,
    /// From this operation on, nothing is done any more.
    pub(super) power_fails_at: Option<u64>,
}

/// What programs do with a disk.
impl SimulatedDisk {
    /// Creates an empty file. A file that had this name is gone.
    ///
    /// # Errors
    ///
    /// [`DiskError`]; nothing was done then.
    pub fn create(&mut self, name: &str) -> Result<FileId, DiskError> {
        self.write_fault("create", name)?;
        let id = FileId(self.next_file);
        self.next_file += 1;
        let file = File {
            name: name.to_owned(),
            ..File::default()
        };
        self.files.insert(id, file);
        self.carry_out(Pending::Create(name.to_owned(), id));
        Ok(id)
    }

    /// Adds bytes at the end of a file.
    ///
    /// # Errors
    ///
    /// [`DiskError`]; nothing was written then.
    #[inline]
    pub fn append(&mut self, file: FileId, bytes: &[u8]) -> Result<(), DiskError> {
        if self.fail_write || self.failing || !self.has_power() || self.free() < bytes.len() {
            return Err(self.why_not_append(file, bytes.len()));
        }
        self.operations += 1;
        self.file_mut(file).content.extend_from_slice(bytes);
        self.used += bytes.len();
        self.bytes_written += bytes.len() as u64;
        Ok(())
    }

    #[cold]
    fn why_not_append(&mut self, file: FileId, needed: usize) -> DiskError {
        let name = self.file(file).name.clone();
        if self.has_power() && !self.fail_write && !self.failing {
            let free = self.free();
            return DiskError::Full {
                file: name,
                needed,
                free,
            };
        }
        let fault = self.write_fault("write to", &name);
        fault.expect_err("the disk has no power or is told to fail")
    }

    /// Makes the bytes of a file durable; its name needs [`SimulatedDisk::sync_directory`].
    ///
    /// # Errors
    ///
    /// [`DiskError`]; what was not durable before is not durable now.
    #[inline]
    pub fn sync(&mut self, file: FileId) -> Result<(), DiskError> {
        if self.fail_sync || self.drop_sync || self.failing || !self.has_power() {
            let name = self.file(file).name.clone();
            self.give_up(file);
            return self.sync_fault(&name);
        }
        self.operations += 1;
        self.syncs += 1;
        let file = self.file_mut(file);
        file.synced = file.content.len();
        Ok(())
    }

    /// Forgets what a sync should make durable, if this one is to: the sync fails, and
    /// the next one does not look at these bytes again.
    fn give_up(&mut self, id: FileId) {
        if !self.has_power() || !mem::take(&mut self.drop_sync) {
            return;
        }
        self.fail_sync = true;
        let file = self.file_mut(id);
        let start = file.dropped.take().map_or(file.synced, |range| range.start);
        let dropped = start.min(file.synced)..file.content.len();
        file.synced = dropped.end;
        if !dropped.is_empty() {
            file.dropped = Some(dropped);
        }
    }

    /// Cuts a file off after so many bytes, durably.
    ///
    /// # Errors
    ///
    /// [`DiskError`]; nothing was cut off then.
    pub fn truncate(&mut self, file: FileId, length: usize) -> Result<(), DiskError> {
        let name = self.file(file).name.clone();
        self.write_fault("truncate", &name)?;
        let file = self.file_mut(file);
        let before = file.content.len();
        file.content.truncate(length);
        file.synced = file.content.len();
        let dropped = file.dropped.take();
        file.dropped = dropped
            .map(|range| range.start..range.end.min(length))
            .filter(|range| !range.is_empty());
        let gone = before - file.content.len();
        self.used -= gone;
        Ok(())
    }

    /// Gives a file another name; a file that had that name is gone.
    ///
    /// # Errors
    ///
    /// [`DiskError`]; nothing was done then.
    ///
    /// # Panics
    ///
    /// If there is no file of this name.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.write_fault("rename", from)?;
        let id = self.lookup(from).expect("what is renamed is there");
        self.carry_out(Pending::Rename(from.to_owned(), to.to_owned()));
        to.clone_into(&mut self.file_mut(id).name);
        Ok(())
    }

    /// Removes a file; there need not be one of this name.
    ///
    /// # Errors
    ///
    /// [`DiskError`]; nothing was done then.
    pub fn remove(&mut self, name: &str) -> Result<(), DiskError> {
        self.write_fault("remove", name)?;
        self.carry_out(Pending::Remove(name.to_owned()));
        Ok(())
    }

    /// Makes all names durable.
    ///
    /// # Errors
    ///
    /// [`DiskError`]; no more names are durable than before.
    pub fn sync_directory(&mut self) -> Result<(), DiskError> {
        self.sync_fault("the directory")?;
        self.syncs += 1;
        self.pending.clear();
        self.synced_directory.clone_from(&self.directory);
        self.forget_nameless();
        Ok(())
    }

    /// The file of a name.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Option<FileId> {
        self.directory.get(name).copied()
    }

    /// The names of all files, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.directory.keys().map(String::as_str)
    }

    /// The bytes of a file, as a process must read them that does not know the disk to be well.
    ///
    /// # Errors
    ///
    /// [`DiskError`] if the disk, or a sector of the file, cannot be read.
    pub fn try_read(&self, file: FileId) -> Result<&[u8], DiskError> {
        let file = self.file(file);
        let name = || file.name.clone();
        match file.bad_sector {
            _ if self.unreadable => Err(DiskError::Io {
                operation: "read",
                file: name(),
            }),
            Some(offset) if offset < file.content.len() => Err(DiskError::BadSector {
                file: name(),
                offset,
            }),
            _ => Ok(&file.content),
        }
    }

    /// The bytes of a file, synced or not.
    #[must_use]
    pub fn read(&self, file: FileId) -> &[u8] {
        &self.file(file).content
    }

    /// Whether a crash could take bytes of a file away now.
    #[must_use]
    pub fn is_unsynced(&self, file: FileId) -> bool {
        let file = self.file(file);
        file.synced < file.content.len()
    }

    /// Whether a crash could undo a directory operation now.
    #[must_use]
    pub fn names_are_unsynced(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The bytes of a file that survive any crash.
    #[must_use]
    pub fn read_synced(&self, file: FileId) -> &[u8] {
        let file = self.file(file);
        let dropped = file.dropped.as_ref().map(|range| range.start);
        &file.content[..dropped.unwrap_or(file.synced)]
    }
}

/// What can be counted.
impl SimulatedDisk {
    /// The bytes of all files.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// The bytes that a crash could take away now.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        let files = self.directory.values().map(|id| self.file(*id));
        files.map(|file| file.content.len() - file.synced).sum()
    }

    /// All bytes that were ever written.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// How often a file or the directory was synced.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// Whether a failed sync gave up something that can still be read.
    #[must_use]
    pub fn has_dropped(&self) -> bool {
        let mut named = self.directory.values();
        named.any(|id| self.file(*id).dropped.is_some())
    }

    /// How many operations changed the disk or synced it.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations
    }
}

impl SimulatedDisk {
    pub(super) fn file(&self, id: FileId) -> &File {
        self.files.get(&id).expect("an open file was not removed")
    }

    pub(super) fn file_mut(&mut self, id: FileId) -> &mut File {
        self.files
            .get_mut(&id)
            .expect("an open file was not removed")
    }

    fn free(&self) -> usize {
        self.capacity
            .map_or(usize::MAX, |capacity| capacity.saturating_sub(self.used))
    }

    fn has_power(&self) -> bool {
        self.power_fails_at.is_none_or(|at| self.operations < at)
    }

    fn write_fault(&mut self, operation: &'static str, file: &str) -> Result<(), DiskError> {
        let fails = mem::take(&mut self.fail_write) || self.failing;
        self.fault(fails, operation, file)
    }

    fn sync_fault(&mut self, file: &str) -> Result<(), DiskError> {
        let fails = mem::take(&mut self.fail_sync) || self.failing;
        self.fault(fails, "sync", file)
    }

    fn fault(&mut self, fails: bool, operation: &'static str, file: &str) -> Result<(), DiskError> {
        if !self.has_power() {
            return Err(DiskError::Crashed);
        }
        if fails {
            return Err(DiskError::Io {
                operation,
                file: file.to_owned(),
            });
        }
        self.operations += 1;
        Ok(())
    }

    fn carry_out(&mut self, operation: Pending) {
        enter(&mut self.directory, operation.clone());
        self.pending.push(operation);
        self.count_used();
    }

    pub(super) fn count_used(&mut self) {
        let files = self.directory.values().map(|id| self.file(*id));
        self.used = files.map(|file| file.content.len()).sum();
    }

    /// Drops the bytes of files that not even a crash could bring back.
    pub(super) fn forget_nameless(&mut self) {
        let named = |id: &FileId| self.directory.values().any(|named| named == id);
        self.files.retain(|id, _| named(id));
    }
}

pub(super) fn enter(directory: &mut Directory, operation: Pending) {
    match operation {
        Pending::Create(name, id) => {
            directory.insert(name, id);
        }
        Pending::Rename(from, to) => {
            let id = directory.remove(&from).expect("what is renamed is there");
            directory.insert(to, id);
        }
        Pending::Remove(name) => {
            directory.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests;
