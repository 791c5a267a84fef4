//! What is to be done: an application, its input, and the number of outputs.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

use super::{App, MapId, Partition};
use crate::process::NodeId;

/// A job. All of it is known to everybody who takes part, but for the texts of
/// the splits, which only the store and the hosts of a split have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The application.
    pub app: App,
    /// The input in pieces, one for each map.
    pub splits: Arc<[Split]>,
    /// How many reduces there are, and parts of the output; at least 1.
    pub partitions: u16,
}

/// A piece of the input: whole lines of one file.
#[derive(Clone, PartialEq, Eq)]
pub struct Split {
    /// The name of the file.
    pub file: Arc<str>,
    /// Where the piece begins in it, in bytes.
    pub offset: u64,
    /// Its text.
    pub text: Arc<str>,
    /// The workers' nodes that have a copy of it (3.4).
    pub hosts: Vec<NodeId>,
}

impl fmt::Debug for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{} {} bytes", self.file, self.offset, self.text.len())
    }
}

/// A job does not change, and every node has it: to read the whole input for
/// each state that is hashed would cost more than the job.
impl Hash for Job {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.app, self.splits.len(), self.partitions).hash(state);
    }
}

impl Job {
    /// All maps.
    pub fn maps(&self) -> impl Iterator<Item = MapId> + use<> {
        (0..self.splits.len() as u32).map(MapId)
    }

    /// All parts of the output.
    pub fn all_partitions(&self) -> impl Iterator<Item = Partition> + use<> {
        (0..self.partitions).map(Partition)
    }

    /// The split of a map.
    #[must_use]
    pub fn split(&self, map: MapId) -> &Split {
        &self.splits[map.0 as usize]
    }
}

/// Cuts a file into pieces of about so many bytes, at the ends of lines. A line
/// that is longer stays whole.
#[must_use]
pub fn cut(file: &str, text: &str, bytes: usize) -> Vec<Split> {
    let file: Arc<str> = file.into();
    let mut splits = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let mut end = (start + bytes.max(1)).min(text.len());
        let line_ends = |from: usize| {
            text.as_bytes()[from..]
                .iter()
                .position(|byte| *byte == b'\n')
        };
        end = line_ends(end - 1).map_or(text.len(), |rest| end + rest);
        splits.push(Split {
            file: file.clone(),
            offset: start as u64,
            text: text[start..end].into(),
            hosts: Vec::new(),
        });
        start = end;
    }
    splits
}

/// The name of a file of the output.
#[must_use]
pub fn output_name(partition: Partition) -> String {
    alloc::format!("part-{:05}", partition.0)
}
