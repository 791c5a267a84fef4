//! Applications of the paper and of the course.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt::Write as _;

use crate::mapreduce::{Application, Crash, Emit, Lines, Record, Values};

/// The words of a line: runs of letters.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphabetic())
        .filter(|word| !word.is_empty())
}

/// How often each word occurs.
#[derive(Clone, Copy, Debug, Default)]
pub struct WordCount;

impl Application for WordCount {
    fn map(&self, record: &Record<'_>, emit: &mut Emit<'_>) -> Result<(), Crash> {
        let mut count = 0;
        for word in words(record.line) {
            emit.pair(word, "1");
            count += 1;
        }
        emit.count("words", count);
        Ok(())
    }

    fn reduce(&self, key: &str, values: &Values<'_>, lines: &mut Lines<'_>) -> Result<(), Crash> {
        lines.line(format_args!("{key} {}", values.sum()));
        lines.count("different words", 1);
        Ok(())
    }

    fn combine(&self, _: &str, values: &Values<'_>) -> Option<String> {
        Some(values.sum().to_string())
    }
}

/// The files in which each word occurs.
#[derive(Clone, Copy, Debug, Default)]
pub struct InvertedIndex;

impl Application for InvertedIndex {
    fn map(&self, record: &Record<'_>, emit: &mut Emit<'_>) -> Result<(), Crash> {
        words(record.line).for_each(|word| emit.pair(word, record.file));
        emit.count("lines", 1);
        Ok(())
    }

    fn reduce(&self, key: &str, values: &Values<'_>, lines: &mut Lines<'_>) -> Result<(), Crash> {
        let files: BTreeSet<&str> = values.iter().collect();
        let mut list = String::new();
        for (number, file) in files.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let _ = write!(list, "{comma}{file}");
        }
        lines.line(format_args!("{key}: {} {list}", files.len()));
        Ok(())
    }
}

/// The lines that contain a text, with their places.
#[derive(Clone, Debug)]
pub struct Grep {
    /// What is sought.
    pub text: Arc<str>,
}

impl Application for Grep {
    fn map(&self, record: &Record<'_>, emit: &mut Emit<'_>) -> Result<(), Crash> {
        if record.line.contains(&*self.text) {
            let mut place = String::new();
            let _ = write!(place, "{}:{:012}", record.file, record.offset);
            emit.pair(&place, record.line);
            emit.count("lines found", 1);
        }
        Ok(())
    }

    fn reduce(&self, key: &str, values: &Values<'_>, lines: &mut Lines<'_>) -> Result<(), Crash> {
        for line in values.iter() {
            lines.line(format_args!("{key}: {line}"));
        }
        Ok(())
    }
}

/// All lines in ascending order: parts of the output are in order too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sort;

impl Application for Sort {
    fn map(&self, record: &Record<'_>, emit: &mut Emit<'_>) -> Result<(), Crash> {
        emit.pair(record.line, "");
        emit.count("lines", 1);
        Ok(())
    }

    fn reduce(&self, key: &str, values: &Values<'_>, lines: &mut Lines<'_>) -> Result<(), Crash> {
        for _ in values.iter() {
            lines.line(format_args!("{key}"));
        }
        Ok(())
    }

    /// By the first byte, so that all of one part comes before all of the next (4.1).
    fn partition(&self, key: &str, partitions: u16) -> crate::mapreduce::Partition {
        let first = key.as_bytes().first().copied().unwrap_or_default();
        let part = usize::from(first) * usize::from(partitions) / 256;
        crate::mapreduce::Partition(part as u16)
    }
}

/// How often each host is asked, in a log of URLs, one to a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostCount;

impl Application for HostCount {
    fn map(&self, record: &Record<'_>, emit: &mut Emit<'_>) -> Result<(), Crash> {
        for word in record.line.split_whitespace() {
            let Some((_, rest)) = word.split_once("://") else {
                continue;
            };
            let host = rest.split(['/', ':', '?', '#']).next().unwrap_or(rest);
            emit.pair(host, "1");
            emit.count("requests", 1);
        }
        Ok(())
    }

    fn reduce(&self, key: &str, values: &Values<'_>, lines: &mut Lines<'_>) -> Result<(), Crash> {
        lines.line(format_args!("{key} {}", values.sum()));
        Ok(())
    }

    fn combine(&self, _: &str, values: &Values<'_>) -> Option<String> {
        Some(values.sum().to_string())
    }

    /// All URLs of a host end up in one file (4.1), and hosts of one domain too.
    fn partition(&self, key: &str, partitions: u16) -> crate::mapreduce::Partition {
        let mut labels = key.rsplitn(3, '.');
        let (last, before) = (labels.next(), labels.next());
        let spread = crate::digest::Digest::of(&(last, before)) % u64::from(partitions.max(1));
        crate::mapreduce::Partition(spread as u16)
    }
}
