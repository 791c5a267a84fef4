//! Writes a file with many changes in it, each of them behind a question.
//!
//! At most one change is chosen in a run. So the changed text of one contains no other, and the
//! text grows by little more than what is changed.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::list::{Mutant, Text};
use crate::places::{Place, places};

/// What asks at run time, for the crate to which the changes belong. Answers whether this change
/// is the chosen one.
pub const QUESTION: &str = "
extern crate std;

pub(crate) fn mutant(number: u32) -> bool {
    static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let variable = std::env::var(\"SNOWGLOBE_MUTANT\");
        variable.map_or(0, |number| number.parse().expect(\"a number of a mutant\"))
    });
    *chosen == number
}
";

/// A file with changes planted.
pub struct Planted {
    pub text: String,
    /// Which bytes are there for which changes; those within others come later.
    pub regions: Vec<(Range<usize>, Vec<usize>)>,
    /// Those for which there is no place.
    pub left_out: Vec<usize>,
}

/// Plants changes, each with its number, in the file that they are of.
///
/// # Errors
/// If the file is no Rust.
pub fn plant(whole: &str, mutants: &[(usize, &Mutant)]) -> syn::Result<Planted> {
    let text = Text::new(whole);
    let places = places(&text, mutants)?;
    let mut choices: BTreeMap<(usize, Reverse<usize>), Vec<(usize, &Mutant)>> = BTreeMap::new();
    let mut pieces = Vec::new();
    let mut ends = Vec::new();
    let mut left_out = Vec::new();
    for &(number, mutant) in mutants {
        match places.get(&number) {
            Some(Place::Return(at)) => {
                pieces.push(Piece::returning(*at, number, mutant));
                if let Some(function) = &mutant.function {
                    let whole = text.replaced(function.span);
                    ends.push((whole.end, ""));
                    pieces.push(Piece::around(whole, number));
                }
            }
            Some(Place::Guard(at)) => pieces.push(Piece::guarding(*at, number)),
            Some(Place::Choice(range)) => {
                let choice = choices.entry((range.start, Reverse(range.end)));
                choice.or_default().push((number, mutant));
            }
            None => left_out.push(number),
        }
    }
    for ((start, Reverse(end)), mutants) in choices {
        pieces.push(Piece::choosing(&text, start..end, &mutants));
        ends.push((end, " })"));
    }
    let (text, regions) = assembled(whole, pieces, ends);
    Ok(Planted {
        text,
        regions,
        left_out,
    })
}

/// A text to insert, with the part of it that each change accounts for.
struct Piece {
    at: usize,
    text: String,
    parts: Vec<(Range<usize>, usize)>,
    /// Up to where the code as it is belongs to the same changes.
    until: usize,
}

impl Piece {
    fn new(at: usize, text: String, number: usize) -> Self {
        Self {
            at,
            parts: vec![(0..text.len(), number)],
            text,
            until: at,
        }
    }

    fn returning(at: usize, number: usize, mutant: &Mutant) -> Self {
        let value = &mutant.replacement;
        let text = format!("if crate::mutant({number}) {{ return {value}; }} ");
        Self::new(at, text, number)
    }

    /// A function that returns something else may not compile far from where it does: the
    /// compiler then speaks of its signature.
    fn around(function: Range<usize>, number: usize) -> Self {
        Self {
            until: function.end,
            ..Self::new(function.start, String::new(), number)
        }
    }

    fn guarding(at: usize, number: usize) -> Self {
        Self::new(at, format!(" if !crate::mutant({number})"), number)
    }

    fn choosing(text: &Text, range: Range<usize>, mutants: &[(usize, &Mutant)]) -> Self {
        let mut written = String::from("(");
        let mut parts = Vec::new();
        for &(number, mutant) in mutants {
            let from = written.len();
            let replaced = text.replaced(mutant.span);
            let before = &text.whole[range.start..replaced.start];
            let after = &text.whole[replaced.end..range.end];
            let changed = &mutant.replacement;
            written += &format!("if crate::mutant({number}) {{ {before}{changed} {after} }} ");
            parts.push((from..written.len(), number));
            written += "else ";
        }
        written += "{ ";
        Self {
            at: range.start,
            text: written,
            parts,
            until: range.end,
        }
    }
}

/// Inserts the pieces: outer choices before inner ones, and their ends the other way round.
fn assembled(
    whole: &str,
    mut pieces: Vec<Piece>,
    mut ends: Vec<(usize, &str)>,
) -> (String, Vec<(Range<usize>, Vec<usize>)>) {
    // What is inserted by itself stands in front of an expression that begins there.
    pieces.sort_by_key(|piece| (piece.at, piece.until != piece.at, Reverse(piece.until)));
    ends.sort_unstable();
    let mut text = String::new();
    let mut regions: Vec<(Range<usize>, Vec<usize>)> = Vec::new();
    let mut open = Vec::new();
    let mut taken = 0;
    let mut ends = ends.into_iter().peekable();
    let mut pieces = pieces.into_iter().peekable();
    loop {
        let next_end = ends.peek().map_or(usize::MAX, |(at, _)| *at);
        let next_piece = pieces.peek().map_or(usize::MAX, |piece| piece.at);
        let at = next_end.min(next_piece).min(whole.len());
        text += &whole[taken..at];
        taken = at;
        if next_end <= next_piece {
            let Some((_, end)) = ends.next() else { break };
            text += end;
            let region: usize = open.pop().expect("each end has its beginning");
            regions[region].0.end = text.len();
            continue;
        }
        let piece = pieces.next().expect("there is one here");
        let start = text.len();
        text += &piece.text;
        if piece.until > piece.at {
            open.push(regions.len());
        }
        let all = piece.parts.iter().map(|(_, number)| *number).collect();
        regions.push((start..text.len(), all));
        for (part, number) in piece.parts {
            regions.push((start + part.start..start + part.end, vec![number]));
        }
    }
    (text, regions)
}

/// The file with this change alone, as cargo-mutants would make it.
pub fn alone(whole: &str, mutant: &Mutant) -> String {
    let replaced = Text::new(whole).replaced(mutant.span);
    let (before, after) = (&whole[..replaced.start], &whole[replaced.end..]);
    format!("{before}{} {after}", mutant.replacement)
}
