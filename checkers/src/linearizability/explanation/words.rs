//! The explanation, printed.

use std::fmt::Write as _;

use super::{Explanation, Told};

/// How many operations a picture has room for.
const ROWS: usize = 40;

/// How wide the picture's time is, in characters, at most.
const WIDTH: usize = 56;

impl Explanation {
    /// The explanation in words, with a small picture of the core: a line for
    /// each operation, time from left to right.
    #[must_use]
    pub fn words(&self) -> String {
        let mut text = String::new();
        let of_key = if self.key.is_empty() {
            String::new()
        } else {
            format!(" of key {}", self.key)
        };
        let _ = match self.explained {
            0 => writeln!(text, "the first answer{of_key} cannot be explained:"),
            1 => writeln!(
                text,
                "one answer{of_key} can be explained; the next cannot:"
            ),
            many => writeln!(
                text,
                "{many} answers{of_key} can be explained; the next cannot:"
            ),
        };
        let _ = writeln!(text, "  {}", line(&self.broken));
        if let Some(reason) = &self.reason {
            let _ = writeln!(text, "{}:", reason.kind.words());
            let _ = writeln!(text, "  {}", reason.sentence);
        }
        for blocked in self
            .blocked
            .iter()
            .filter(|blocked| !blocked.states.is_empty())
        {
            let _ = writeln!(
                text,
                "{} of {} cannot come next: the object is",
                shortened(&blocked.operation.words),
                blocked.operation.client,
            );
            let _ = writeln!(text, "  {}", blocked.states.join(" or "));
        }
        let rest = match self.operations - self.core.len() {
            0 => String::new(),
            1 => "whatever the other operation did, ".to_owned(),
            many => format!("whatever the other {many} operations did, "),
        };
        let least = match (self.minimal, self.core.len()) {
            (_, 1) => "this one has no place:",
            (true, _) => "these have no order, and without any of them there would be one:",
            (false, _) => "these have no order, though perhaps not all of them are needed:",
        };
        let _ = writeln!(text, "{rest}{least}");
        self.picture(&mut text);
        text
    }

    /// A line for each operation of the core, with a bar from its call to its return.
    fn picture(&self, text: &mut String) {
        let shown = &self.core[..self.core.len().min(ROWS)];
        let mut moments: Vec<_> = shown
            .iter()
            .flat_map(|told| [Some(told.called), told.returned])
            .flatten()
            .collect();
        moments.sort_unstable();
        moments.dedup();
        // Only the order of moments counts, so they stand at equal distances.
        let step = (WIDTH / moments.len().max(1)).clamp(1, 6);
        let place = |moment| moments.partition_point(|other| *other < moment) * step;
        let words = shown.iter().map(|told| told.words.chars().count());
        let words = words.max().unwrap_or(0).min(48);
        for told in shown {
            let start = place(told.called);
            let bar = match told.returned {
                Some(returned) => {
                    let length = place(returned).saturating_sub(start);
                    format!("|{}|", "-".repeat(length.saturating_sub(1)))
                }
                None => format!("|{}>", "-".repeat(moments.len() * step - start)),
            };
            let _ = writeln!(
                text,
                "  {:<5} {:<words$}  {}{bar}",
                told.client.to_string(),
                shortened(&told.words),
                " ".repeat(start)
            );
        }
        if shown.len() < self.core.len() {
            let _ = writeln!(text, "  ... and {} more", self.core.len() - shown.len());
        }
    }
}

/// An operation in one line.
fn line(told: &Told) -> String {
    let until = match told.returned {
        Some(at) => format!("{at}"),
        None => "...".to_owned(),
    };
    format!(
        "{} {}  at {}..{until}",
        told.client, told.words, told.called
    )
}

/// Long texts lose their middle.
fn shortened(words: &str) -> String {
    const MOST: usize = 48;
    let count = words.chars().count();
    if count <= MOST {
        return words.to_owned();
    }
    let start: String = words.chars().take(MOST / 2 - 2).collect();
    let end: String = words.chars().skip(count - (MOST / 2 - 1)).collect();
    format!("{start}...{end}")
}
