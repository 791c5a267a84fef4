//! One node's durable state: a checkpoint and a write-ahead log behind it.
//!
//! `checkpoint` holds the state and its generation N (without a checkpoint,
//! the default state and generation 0). `wal.N` holds what was written since.
//! A new checkpoint takes these steps, and a crash between any two leaves
//! either the old pair of files whole or the new one:
//!
//! 1. write `checkpoint.tmp` and sync it: the rename must not become durable before the bytes;
//! 2. create `wal.N+1`: it must be there whenever the new checkpoint is;
//! 3. rename `checkpoint.tmp` to `checkpoint`;
//! 4. sync the directory: only now may a record go to `wal.N+1`;
//! 5. remove `wal.N`, which nobody reads any more. If that is undone, the next recovery does it again.
//!
//! A recovery writes what it has read into a new checkpoint before anything rests on
//! it. The process before it may have died while its machine lived, and then the
//! last records are in memory only; a sync would not be enough, since one that
//! failed before may have given them up, and the next one succeeds without them.

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;
use snowglobe_systems::process::Durable;
use thiserror::Error;

use super::damage::DamageSite;
use super::file_system::{DiskError, FileId, SimulatedDisk};
use super::wal::{self, Generation, HEADER, Reader, Tail};
use crate::draw::{Draw, PerMillion};

const CHECKPOINT: &str = "checkpoint";
const UNFINISHED: &str = "checkpoint.tmp";
/// A checkpoint is one record; the generation is inside, so its place in the CRC has this one.
const CHECKPOINT_FRAME: Generation = Generation(0);

fn wal_name(generation: Generation) -> String {
    format!("wal.{}", generation.0)
}

/// What a recovery found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RecoveryReport {
    /// The generation of the checkpoint; 0 if there is none.
    pub generation: u64,
    /// The valid records of the log.
    pub records: usize,
    /// Bytes of a torn write at the end of the log, which count for nothing.
    pub torn_bytes: usize,
    /// Files of an unfinished checkpoint, or of an old one, that were removed.
    pub leftovers: usize,
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recovers checkpoint {}", self.generation)?;
        write!(f, " and {} records", self.records)?;
        if self.torn_bytes > 0 {
            write!(f, ", leaves out {} bytes of a torn write", self.torn_bytes)?;
        }
        if self.leftovers > 0 {
            write!(f, ", removes {} leftover files", self.leftovers)?;
        }
        Ok(())
    }
}

/// Why a node cannot start from its disk.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecoveryError {
    /// What was synced is damaged.
    #[error(
        "{file} is corrupt at byte {offset}: {what}; this node must not start from it: replace the disk and let the node join anew"
    )]
    Corrupt {
        /// The name of the file.
        file: String,
        /// Where the damage begins, in bytes from the start of the file.
        offset: usize,
        /// What is wrong there.
        what: String,
    },
    /// A file is not there that must be.
    #[error(
        "{file} is missing, and other files are there: replace the disk and let the node join anew"
    )]
    Missing {
        /// The name of the file.
        file: String,
    },
    /// What was synced cannot be read any more.
    #[error(
        "{file} cannot be read at byte {offset}: this node must not start without it: replace the disk and let the node join anew"
    )]
    Unreadable {
        /// The name of the file.
        file: String,
        /// Where the bad sector is.
        offset: usize,
    },
    /// The disk failed during the recovery.
    #[error("the disk failed during the recovery: {0}; heal it and start the node again")]
    Disk(DiskError),
}

impl From<DiskError> for RecoveryError {
    /// A bad sector stays bad; of any other error the disk may recover.
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::BadSector { file, offset } => Self::Unreadable { file, offset },
            error => Self::Disk(error),
        }
    }
}

impl RecoveryError {
    fn corrupt(file: &str, offset: usize, what: impl ToString) -> Self {
        Self::Corrupt {
            file: file.to_owned(),
            offset,
            what: what.to_string(),
        }
    }
}

/// One node's durable state on its [`SimulatedDisk`].
///
/// After a [`DiskError`] nobody knows what is on the disk: from then on every
/// write gives [`DiskError::Crashed`], and only opening it anew helps.
#[derive(Clone, Debug)]
pub struct Storage<D: Durable> {
    durable: D,
    generation: Generation,
    wal: FileId,
    wal_bytes: usize,
    checkpoint_bytes: usize,
    /// The size of the last checkpoint. The next one waits until the log has
    /// grown by as much, or a large state would be written again and again.
    image_bytes: usize,
    /// Written and not synced, in order.
    unsynced: Vec<D::Write>,
    abandoned: bool,
    /// Memory for encoding, kept from one record to the next.
    buffer: Vec<u8>,
}

impl<D: Durable> Storage<D> {
    /// Reads what a disk holds, repairs a torn write and removes leftovers. An
    /// empty disk is a first boot, and holds the default state.
    ///
    /// A checkpoint is taken when the log has grown by `checkpoint_bytes`, and
    /// by the size of the last checkpoint.
    ///
    /// # Errors
    ///
    /// [`RecoveryError`]; nothing that was acknowledged is removed then.
    pub fn open(
        disk: &mut SimulatedDisk,
        checkpoint_bytes: usize,
    ) -> Result<(Self, RecoveryReport), RecoveryError> {
        let (generation, mut durable) = read_checkpoint::<D>(disk)?;
        let name = wal_name(generation);
        let wal = open_wal(disk, generation, &name)?;
        let mut reader = Reader::new(disk.try_read(wal)?, generation);
        let mut records = 0;
        for (offset, payload) in reader.by_ref() {
            let write: D::Write = decode(payload)
                .map_err(|error| RecoveryError::corrupt(&name, offset + HEADER, error))?;
            durable.apply(&write);
            records += 1;
        }
        let torn_bytes = match reader.tail() {
            Tail::Clean => 0,
            // The new checkpoint comes with a new log, and this end is never read again.
            Tail::Torn { bytes, .. } => bytes,
            Tail::Rotten { offset } => {
                let what = "a damaged record has valid ones behind it";
                return Err(RecoveryError::corrupt(&name, offset, what));
            }
        };
        let leftovers = remove_leftovers(disk, &name)?;
        if disk.names_are_unsynced() {
            disk.sync_directory()?;
        }
        let mut storage = Self {
            durable,
            generation,
            wal,
            wal_bytes: disk.read(wal).len(),
            checkpoint_bytes,
            image_bytes: disk
                .lookup(CHECKPOINT)
                .map_or(0, |file| disk.read(file).len()),
            unsynced: Vec::new(),
            abandoned: false,
            buffer: Vec::new(),
        };
        if storage.wal_bytes > 0 {
            storage.checkpoint(disk)?;
        }
        let report = RecoveryReport {
            generation: generation.0,
            records,
            torn_bytes,
            leftovers,
        };
        Ok((storage, report))
    }

    /// What any recovery gives back: the fold of all synced writes.
    #[must_use]
    pub fn durable(&self) -> &D {
        &self.durable
    }

    /// Gives the fold of all synced writes away, when the node goes down.
    #[must_use]
    pub fn into_durable(self) -> D {
        self.durable
    }

    /// Counts the checkpoints; goes up by one with each.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.0
    }

    /// Writes a record and syncs it. When it returns, no crash takes the record away.
    ///
    /// # Errors
    ///
    /// [`DiskError`]; the record may then be there after a recovery, or not.
    #[inline]
    pub fn persist(&mut self, disk: &mut SimulatedDisk, write: &D::Write) -> Result<(), DiskError> {
        self.put(disk, write)?;
        self.sync(disk)?;
        self.durable.apply(write);
        self.checkpoint_if_due(disk)
    }

    /// Writes a record and does not sync it: a crash may keep, lose or tear it.
    ///
    /// # Errors
    ///
    /// [`DiskError`]; the record may then be there after a recovery, or not.
    pub fn append(&mut self, disk: &mut SimulatedDisk, write: &D::Write) -> Result<(), DiskError> {
        self.put(disk, write)?;
        self.unsynced.push(write.clone());
        Ok(())
    }

    /// Syncs all that was appended.
    ///
    /// # Errors
    ///
    /// [`DiskError`]; the records may then be there after a recovery, or not.
    pub fn commit(&mut self, disk: &mut SimulatedDisk) -> Result<(), DiskError> {
        if self.unsynced.is_empty() {
            return Ok(());
        }
        self.sync(disk)?;
        self.checkpoint_if_due(disk)
    }

    fn put(&mut self, disk: &mut SimulatedDisk, write: &D::Write) -> Result<(), DiskError> {
        if self.abandoned {
            return Err(DiskError::Crashed);
        }
        wal::encode(&mut self.buffer, self.generation, self.wal_bytes, write);
        self.abandoned = true;
        disk.append(self.wal, &self.buffer)?;
        self.abandoned = false;
        self.wal_bytes += self.buffer.len();
        Ok(())
    }

    fn sync(&mut self, disk: &mut SimulatedDisk) -> Result<(), DiskError> {
        if self.abandoned {
            return Err(DiskError::Crashed);
        }
        self.abandoned = true;
        disk.sync(self.wal)?;
        self.abandoned = false;
        for write in self.unsynced.drain(..) {
            self.durable.apply(&write);
        }
        Ok(())
    }

    #[inline]
    fn checkpoint_if_due(&mut self, disk: &mut SimulatedDisk) -> Result<(), DiskError> {
        if self.wal_bytes <= self.checkpoint_bytes.max(self.image_bytes) {
            return Ok(());
        }
        self.abandoned = true;
        self.checkpoint(disk)?;
        self.abandoned = false;
        Ok(())
    }

    /// The steps and their reasons are at the top of this file.
    #[cold]
    fn checkpoint(&mut self, disk: &mut SimulatedDisk) -> Result<(), DiskError> {
        let next = Generation(self.generation.0 + 1);
        let image = (next.0, &self.durable);
        write_file(disk, UNFINISHED, &mut self.buffer, &image)?;
        self.image_bytes = self.buffer.len();
        self.wal = disk.create(&wal_name(next))?;
        disk.rename(UNFINISHED, CHECKPOINT)?;
        disk.sync_directory()?;
        disk.remove(&wal_name(self.generation))?;
        self.generation = next;
        self.wal_bytes = 0;
        Ok(())
    }
}

fn write_file(
    disk: &mut SimulatedDisk,
    name: &str,
    buffer: &mut Vec<u8>,
    image: &impl Serialize,
) -> Result<(), DiskError> {
    wal::encode(buffer, CHECKPOINT_FRAME, 0, image);
    let file = disk.create(name)?;
    disk.append(file, buffer)?;
    disk.sync(file)
}

/// Decodes all of the bytes, or says why they are not what they should be.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes too many", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}

/// The payload of the checkpoint, if there is a checkpoint.
fn checkpoint_payload(disk: &SimulatedDisk) -> Result<Option<&[u8]>, RecoveryError> {
    let Some(file) = disk.lookup(CHECKPOINT) else {
        return Ok(None);
    };
    let bytes = disk.try_read(file)?;
    wal::record_at(bytes, CHECKPOINT_FRAME, 0)
        .filter(|payload| payload.len() + HEADER == bytes.len())
        .map(Some)
        // It was synced before it got its name, so this is never a torn write.
        .ok_or_else(|| RecoveryError::corrupt(CHECKPOINT, 0, "its checksum does not match"))
}

fn read_checkpoint<D: Durable>(disk: &SimulatedDisk) -> Result<(Generation, D), RecoveryError> {
    let Some(payload) = checkpoint_payload(disk)? else {
        return Ok((Generation::default(), D::default()));
    };
    let (generation, durable) = decode::<(u64, D)>(payload)
        .map_err(|error| RecoveryError::corrupt(CHECKPOINT, HEADER, error))?;
    Ok((Generation(generation), durable))
}

fn open_wal(
    disk: &mut SimulatedDisk,
    generation: Generation,
    name: &str,
) -> Result<FileId, RecoveryError> {
    if let Some(file) = disk.lookup(name) {
        return Ok(file);
    }
    // Only a first boot finds no log. Anything else would be a silent loss.
    if generation != Generation::default() || disk.names().next().is_some() {
        return Err(RecoveryError::Missing {
            file: name.to_owned(),
        });
    }
    let file = disk.create(name)?;
    disk.sync_directory()?;
    Ok(file)
}

/// Removes all files but the checkpoint and its log, and counts them.
fn remove_leftovers(disk: &mut SimulatedDisk, wal: &str) -> Result<usize, DiskError> {
    let leftovers: Vec<String> = disk
        .names()
        .filter(|name| *name != CHECKPOINT && *name != wal)
        .map(str::to_owned)
        .collect();
    for name in &leftovers {
        disk.remove(name)?;
    }
    if !leftovers.is_empty() {
        disk.sync_directory()?;
    }
    Ok(leftovers.len())
}

/// Draws a record whose damage a recovery will notice for certain: the checkpoint,
/// or a synced record with another synced record behind it. `None` if there is no
/// such record, or if the disk is damaged already.
///
/// The last record is left out, since no reader can tell damage there from a torn write.
#[must_use]
pub fn site_of_damage(disk: &SimulatedDisk, draw: &mut Draw) -> Option<DamageSite> {
    let payload = checkpoint_payload(disk).ok()?;
    let generation = match payload {
        Some(payload) => postcard::take_from_bytes::<u64>(payload).ok()?.0,
        None => 0,
    };
    let log = wal_name(Generation(generation));
    let file = disk.lookup(&log)?;
    disk.try_read(file).ok()?;
    let mut reader = Reader::new(disk.read_synced(file), Generation(generation));
    let starts: Vec<usize> = reader.by_ref().map(|(offset, _)| offset).collect();
    if matches!(reader.tail(), Tail::Rotten { .. }) {
        return None;
    }
    let records: Vec<Range<usize>> = starts.windows(2).map(|two| two[0]..two[1]).collect();
    let in_checkpoint = payload.map(|payload| 0..payload.len() + HEADER);
    let checkpoint_first = draw.chance(PerMillion::percent(25));
    let (file, record) = match (in_checkpoint, &records[..]) {
        (None, []) => return None,
        (Some(whole), records) if records.is_empty() || checkpoint_first => {
            (CHECKPOINT.to_owned(), whole)
        }
        (_, records) => (log, draw.pick(records).clone()),
    };
    let offset = record.start + draw.index(record.len());
    let bit = draw.below(8) as u8;
    Some(DamageSite {
        file,
        record,
        offset,
        bit,
    })
}

#[cfg(test)]
mod tests;
