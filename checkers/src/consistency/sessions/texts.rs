//! The versions of a text that only grows, told apart by what they begin with.
//!
//! Whatever the order of the appends is, every text that is read is the
//! beginning of every longer one. So the longest one shows the order of all
//! appends that were ever seen, if it can be cut into them in one way only.

use std::collections::BTreeMap;

use super::not_judged::Why;
use super::versions::{Deed, Entry, Event, FIRST, Facts, Grown, Versions, sessions};
use super::view::{Access, ReadWrite};
use crate::history::OperationIndex;

/// A text that was read.
#[derive(Clone, Copy)]
struct Read<'a> {
    operation: OperationIndex,
    text: &'a str,
}

/// What was appended, and by which entries.
type Appends<'a> = BTreeMap<&'a [u8], Vec<usize>>;

/// The versions of a key that is only appended to: each append that happened is one.
pub(super) fn identify<S: ReadWrite>(
    specification: &S,
    entries: &[Entry<S::State>],
) -> Result<Versions<S::State>, Why> {
    let first = specification.initial();
    let (reads, appends) = sort::<S>(entries);
    let empty = S::text(&first).unwrap_or_default();
    let longest = longest(empty, &reads)?;
    let cuts = cut(empty.len(), longest, &appends)?;
    let mut order = seen(longest, &cuts, &appends)?;
    let grown = order.len();
    let mut shown = vec![false; entries.len()];
    for place in &order {
        shown[*place] = true;
    }
    for (place, entry) in entries.iter().enumerate() {
        // Without an answer, and seen by nobody, it need not have happened.
        if matches!(entry.access, Access::Appends(_)) && !entry.pending && !shown[place] {
            order.push(place);
        }
    }
    let mut made = vec![(None, first.clone())];
    let mut version_of = vec![FIRST; entries.len()];
    for place in &order {
        if let Access::Appends(piece) = &entries[*place].access {
            version_of[*place] = made.len();
            made.push((Some(entries[*place].operation), piece.clone()));
        }
    }
    let facts = Facts {
        swaps: Vec::new(),
        grown: who_saw(&reads, &cuts),
        missing: (grown + 1..made.len()).collect(),
    };
    let sessions = sessions(entries, |place, entry| {
        let (deed, version) = match &entry.access {
            Access::Reads(value) => (Deed::Saw, reached(S::text(value), &cuts)?),
            _ if version_of[place] == FIRST => return Ok(Vec::new()),
            _ => (Deed::Wrote, version_of[place]),
        };
        Ok(vec![Event {
            operation: entry.operation,
            deed,
            version,
        }])
    })?;
    Ok(Versions {
        made,
        sessions,
        facts,
    })
}

/// What was read, and what was appended.
fn sort<S: ReadWrite>(entries: &[Entry<S::State>]) -> (Vec<Read<'_>>, Appends<'_>) {
    let mut reads = Vec::new();
    let mut appends = Appends::new();
    for (place, entry) in entries.iter().enumerate() {
        match &entry.access {
            Access::Reads(value) => reads.push(Read {
                operation: entry.operation,
                text: S::text(value).unwrap_or_default(),
            }),
            Access::Appends(piece) => {
                let piece = S::text(piece).unwrap_or_default();
                appends.entry(piece.as_bytes()).or_default().push(place);
            }
            _ => {}
        }
    }
    (reads, appends)
}

/// The longest text read, if all others are its beginnings.
fn longest<'a>(first: &'a str, reads: &[Read<'a>]) -> Result<&'a str, Why> {
    let longest = reads
        .iter()
        .map(|read| read.text)
        .fold(
            first,
            |one, other| {
                if other.len() > one.len() { other } else { one }
            },
        );
    let fork = reads
        .iter()
        .map(|read| read.text)
        .chain([first])
        .find(|text| !longest.starts_with(text));
    match fork {
        Some(other) => Err(Why::Forked {
            one: in_quotes(longest),
            other: in_quotes(other),
        }),
        None => Ok(longest),
    }
}

/// Where the appended texts end in this one, the first one before all of them.
///
/// For each place, in how many ways what is before it can be cut, and where
/// the last piece begins. Ways that use an append twice are counted too, which
/// can only make a text ambiguous that is not.
fn cut(start: usize, text: &str, appends: &Appends<'_>) -> Result<Vec<usize>, Why> {
    let bytes = text.as_bytes();
    let mut lengths: Vec<_> = appends.keys().map(|piece| piece.len()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let mut ways = vec![(0u8, start); bytes.len() + 1];
    ways[start].0 = 1;
    for at in start..bytes.len() {
        let (count, _) = ways[at];
        if count == 0 {
            continue;
        }
        for length in &lengths {
            let end = at + length;
            if end <= bytes.len() && appends.contains_key(&bytes[at..end]) {
                ways[end] = ((ways[end].0 + count).min(2), at);
            }
        }
    }
    match ways[bytes.len()].0 {
        0 => Err(Why::FromNowhere {
            value: in_quotes(text),
        }),
        1 => {
            let mut cuts = vec![bytes.len()];
            let mut at = bytes.len();
            while at > start {
                at = ways[at].1;
                cuts.push(at);
            }
            cuts.reverse();
            Ok(cuts)
        }
        _ => Err(Why::Ambiguous {
            text: in_quotes(text),
        }),
    }
}

/// The appends that this text is made of, in its order.
fn seen(text: &str, cuts: &[usize], appends: &Appends<'_>) -> Result<Vec<usize>, Why> {
    let mut order = Vec::with_capacity(cuts.len());
    for ends in cuts.windows(2) {
        let piece = &text[ends[0]..ends[1]];
        let [place] = appends[piece.as_bytes()][..] else {
            return Err(Why::WrittenTwice {
                value: in_quotes(piece),
            });
        };
        order.push(place);
    }
    let mut sorted = order.clone();
    sorted.sort_unstable();
    for pair in sorted.windows(2) {
        if pair[0] == pair[1] {
            let again = order.iter().position(|place| *place == pair[0]);
            let again = again.unwrap_or_default();
            return Err(Why::Repeated {
                piece: in_quotes(&text[cuts[again]..cuts[again + 1]]),
                text: in_quotes(text),
            });
        }
    }
    Ok(order)
}

/// For each version that was read, the first read of a text that contains it.
fn who_saw(reads: &[Read<'_>], cuts: &[usize]) -> Vec<Grown> {
    let mut grown = Vec::new();
    for read in reads {
        while grown.len() + 1 < cuts.len() && cuts[grown.len() + 1] <= read.text.len() {
            grown.push(Grown {
                version: grown.len() + 1,
                seen_by: read.operation,
            });
        }
    }
    grown
}

/// The version that a text shows.
fn reached(text: Option<&str>, cuts: &[usize]) -> Result<usize, Why> {
    let text = text.unwrap_or_default();
    // The versions are numbered in the order of their ends.
    cuts.binary_search(&text.len())
        .map_err(|_| Why::FromNowhere {
            value: in_quotes(text),
        })
}

fn in_quotes(text: &str) -> String {
    format!("{text:?}")
}
