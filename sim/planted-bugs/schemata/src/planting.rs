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

/// Which bytes are there for which changes.
pub type Region = (Range<usize>, Vec<usize>);

/// A file with changes planted.
pub struct Planted {
    pub text: String,
    /// Those within others come later.
    pub regions: Vec<Region>,
    /// The changes for which there is no place.
    pub left_out: Vec<usize>,
}

/// Plants changes, each with its number, in the file that they are of.
///
/// # Errors
/// If the file is no Rust.
pub fn plant(whole: &str, mutants: &[(usize, &Mutant)]) -> syn::Result<Planted> {
    let text = Text::new(whole);
    let places = places(&text, mutants)?;
    let mut choices: BTreeMap<_, Vec<(usize, &Mutant)>> = BTreeMap::new();
    let (mut pieces, mut left_out) = (Vec::new(), Vec::new());
    for &(number, mutant) in mutants {
        match places.get(&number) {
            Some(Place::Return(at)) => {
                pieces.push(Piece::returning(*at, number, mutant));
                let function = mutant.function.iter();
                let whole = function.map(|function| text.replaced(function.span));
                pieces.extend(whole.map(|whole| Piece::around(whole, number)));
            }
            Some(Place::Guard(at)) => pieces.push(Piece::guarding(*at, number)),
            Some(Place::Choice(range)) => {
                let choice = choices.entry((range.start, range.end)).or_default();
                choice.push((number, mutant));
            }
            None => left_out.push(number),
        }
    }
    for ((start, end), mutants) in choices {
        pieces.push(Piece::choosing(&text, start..end, &mutants));
    }
    let (text, regions) = Assembly::of(whole, pieces);
    Ok(Planted {
        text,
        regions,
        left_out,
    })
}

/// What to insert in front of some code, and behind it.
struct Piece {
    around: Range<usize>,
    before: String,
    after: &'static str,
    /// The part of what stands before that each change accounts for.
    parts: Vec<(Range<usize>, usize)>,
}

impl Piece {
    /// For one change, in front of nothing.
    fn new(at: usize, before: String, number: usize) -> Self {
        Self {
            around: at..at,
            parts: vec![(0..before.len(), number)],
            before,
            after: "",
        }
    }

    fn returning(at: usize, number: usize, mutant: &Mutant) -> Self {
        let value = &mutant.replacement;
        let before = format!("if crate::mutant({number}) {{ return {value}; }} ");
        Self::new(at, before, number)
    }

    /// A function that returns something else may not compile far from where it does: the
    /// compiler then speaks of its signature.
    fn around(function: Range<usize>, number: usize) -> Self {
        Self {
            around: function,
            ..Self::new(0, String::new(), number)
        }
    }

    fn guarding(at: usize, number: usize) -> Self {
        Self::new(at, format!(" if !crate::mutant({number})"), number)
    }

    fn choosing(text: &Text, around: Range<usize>, mutants: &[(usize, &Mutant)]) -> Self {
        let mut written = String::from("(");
        let mut parts = Vec::new();
        for &(number, mutant) in mutants {
            let from = written.len();
            let replaced = text.replaced(mutant.span);
            let before = &text.whole[around.start..replaced.start];
            let after = &text.whole[replaced.end..around.end];
            let changed = &mutant.replacement;
            written += &format!("if crate::mutant({number}) {{ {before}{changed} {after} }} ");
            parts.push((from..written.len(), number));
            written += "else ";
        }
        written += "{ ";
        Self {
            around,
            before: written,
            after: " })",
            parts,
        }
    }
}

/// A text while pieces are inserted in it.
#[derive(Default)]
struct Assembly {
    text: String,
    regions: Vec<Region>,
    /// What still has to end, the innermost last: where, with what, and which region it is.
    open: Vec<(usize, &'static str, usize)>,
}

impl Assembly {
    fn of(whole: &str, mut pieces: Vec<Piece>) -> (String, Vec<Region>) {
        // What stands in front of nothing stands in front of an expression that begins there.
        pieces.sort_by_key(|piece| {
            let Range { start, end } = piece.around;
            (start, start != end, Reverse(end))
        });
        let (mut assembly, mut taken) = (Self::default(), 0);
        for piece in pieces {
            taken = assembly.go_on(whole, taken, piece.around.start);
            assembly.begin(piece);
        }
        assembly.go_on(whole, taken, whole.len());
        (assembly.text, assembly.regions)
    }

    /// Takes the code between two places, and ends what ends there.
    fn go_on(&mut self, whole: &str, mut from: usize, to: usize) -> usize {
        while let Some(&(end, after, region)) = self.open.last()
            && end <= to
        {
            self.text += &whole[from..end];
            self.text += after;
            self.regions[region].0.end = self.text.len();
            self.open.pop();
            from = end;
        }
        self.text += &whole[from..to];
        to
    }

    fn begin(&mut self, piece: Piece) {
        let start = self.text.len();
        self.text += &piece.before;
        if !piece.around.is_empty() {
            let region = self.regions.len();
            self.open.push((piece.around.end, piece.after, region));
        }
        let all = piece.parts.iter().map(|(_, number)| *number).collect();
        self.regions.push((start..self.text.len(), all));
        for (part, number) in piece.parts {
            let part = start + part.start..start + part.end;
            self.regions.push((part, vec![number]));
        }
    }
}

/// The file with this change alone, as cargo-mutants would make it.
pub fn alone(whole: &str, mutant: &Mutant) -> String {
    let replaced = Text::new(whole).replaced(mutant.span);
    let (before, after) = (&whole[..replaced.start], &whole[replaced.end..]);
    format!("{before}{} {after}", mutant.replacement)
}
