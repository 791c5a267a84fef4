//! The bytes of a history file: bounded, counted, and of a format that is guessed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use snowglobe_checkers::history::Format;

use super::super::Failed;
use super::watch::Shared;
use super::{is_stdin, name_of};

/// How much of a file is looked at to guess its format: a log may begin with
/// much that says nothing of operations.
const START: usize = 1 << 20;
/// How much is read at a time.
const PIECE: usize = 1 << 16;
/// No line of any history is longer; a file without line ends is none.
const LONGEST_LINE: u64 = 64 << 20;

/// The start of a file, and after it the rest.
type Whole = Chain<Cursor<Vec<u8>>, Box<dyn Read>>;

/// A file on its way to a reader of histories. It stops at what would take more
/// memory than there is, so that no file can take all of it.
pub(super) struct Source {
    from: BufReader<Whole>,
    shared: Arc<Shared>,
    /// What the history may take.
    memory: u64,
    /// What one operation takes, apart from its texts.
    per_operation: u64,
    lines_per_operation: u64,
    /// What was read.
    bytes: u64,
    lines: u64,
    /// How much of the line at hand was read.
    line: u64,
}

/// Why a source ends before the file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Halt {
    #[error("the history takes more memory than it may")]
    TooLarge,
    #[error(
        "line {line}, column {}: this line is longer than 64MiB: a history has a call or an event \
         per line",
        LONGEST_LINE + 1
    )]
    EndlessLine {
        /// Which.
        line: u64,
    },
}

/// The first bytes of a file, and the rest.
pub(super) struct Start {
    first: Vec<u8>,
    rest: Box<dyn Read>,
    /// Whether there is no rest.
    whole: bool,
}

impl Start {
    /// Opens a file and reads as much of it as shows its format.
    pub(super) fn open(file: &Path, shared: &Shared) -> Result<Self, Failed> {
        Self::read(file, shared).map_err(|error| unreadable(file, &error))
    }

    fn read(file: &Path, shared: &Shared) -> io::Result<Self> {
        let mut rest: Box<dyn Read> = if is_stdin(file) {
            Box::new(io::stdin())
        } else {
            let opened = File::open(file)?;
            shared
                .size
                .store(opened.metadata()?.len(), Ordering::Relaxed);
            Box::new(opened)
        };
        let (mut first, mut whole) = (Vec::new(), false);
        // What is seen of the calls at the start says what the history is of.
        while !whole && first.len() < START {
            let mut piece = rest.by_ref().take(PIECE as u64);
            whole = piece.read_to_end(&mut first)? < PIECE;
        }
        Ok(Self { first, rest, whole })
    }

    /// The first bytes.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }

    /// The format that the file seems to have.
    pub(super) fn guess(&self) -> Option<Format> {
        Format::guess(&self.first)
    }

    /// Whether there is nothing to be seen in it.
    pub(super) fn is_blank(&self) -> bool {
        self.whole && self.first.trim_ascii().is_empty()
    }

    /// A whole call is a line; otherwise there is one for the call and one for the return.
    fn lines_per_operation(&self) -> u64 {
        let mut lines = self.first.split(|byte| *byte == b'\n');
        let line = lines.find(|line| !line.trim_ascii().is_empty());
        let field = br#""call""#;
        match line.is_some_and(|line| line.windows(field.len()).any(|part| part == field)) {
            true => 1,
            false => 2,
        }
    }

    /// The whole file, for a history of operations of this size.
    pub(super) fn into_source(
        self,
        shared: &Arc<Shared>,
        memory: u64,
        per_operation: usize,
    ) -> Source {
        let lines_per_operation = self.lines_per_operation();
        let all = Cursor::new(self.first).chain(self.rest);
        Source {
            from: BufReader::with_capacity(PIECE, all),
            shared: Arc::clone(shared),
            memory,
            per_operation: per_operation as u64,
            lines_per_operation,
            bytes: 0,
            lines: 0,
            line: 0,
        }
    }
}

/// What a history takes: its operations, and their texts. Each text comes from
/// the file, so that all of them are estimated, rather too high, by its length.
pub(super) const fn estimate(bytes: u64, operations: u64, per_operation: u64) -> u64 {
    bytes.saturating_add(operations.saturating_mul(per_operation))
}

impl Source {
    fn halt(&self) -> Option<Halt> {
        let operations = self.lines / self.lines_per_operation;
        if estimate(self.bytes, operations, self.per_operation) > self.memory {
            return Some(Halt::TooLarge);
        }
        let line = self.lines + 1;
        (self.line > LONGEST_LINE).then_some(Halt::EndlessLine { line })
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.halt() {
            Some(halt) => Err(io::Error::other(halt)),
            None => self.from.fill_buf(),
        }
    }

    fn consume(&mut self, length: usize) {
        let consumed = &self.from.buffer()[..length];
        for part in consumed.split_inclusive(|byte| *byte == b'\n') {
            self.line += part.len() as u64;
            if part.ends_with(b"\n") {
                self.lines += 1;
                self.line = 0;
            }
        }
        self.bytes += length as u64;
        self.shared.bytes.store(self.bytes, Ordering::Relaxed);
        self.from.consume(length);
    }
}

/// A file of which the bytes cannot be had.
pub(super) fn unreadable(file: &Path, error: &io::Error) -> Failed {
    Failed::tool(format!("cannot read {}: {error}", name_of(file)))
}
