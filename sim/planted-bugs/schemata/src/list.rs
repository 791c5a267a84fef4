//! The changes as `cargo mutants --list --json` names them, and where they are in a text.

use serde::Deserialize;

/// One small change: a piece of a file, and what stands there instead.
#[derive(Clone, Debug, Deserialize)]
pub struct Mutant {
    pub name: String,
    pub file: String,
    pub span: Span,
    pub replacement: String,
    pub genre: Genre,
    /// The innermost one around it.
    pub function: Option<Function>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Function {
    pub span: Span,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Span {
    pub start: Position,
    pub end: Position,
}

/// Lines and columns from 1; a column is a character.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl From<proc_macro2::LineColumn> for Position {
    fn from(place: proc_macro2::LineColumn) -> Self {
        Self {
            line: place.line,
            column: place.column + 1,
        }
    }
}

/// A text that finds its lines quickly.
pub struct Text<'a> {
    pub whole: &'a str,
    lines: Vec<usize>,
}

impl<'a> Text<'a> {
    pub fn new(whole: &'a str) -> Self {
        let ends = whole.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Self { whole, lines }
    }

    /// The byte at which a position is.
    pub fn offset(&self, position: Position) -> usize {
        let line = self.lines[position.line - 1];
        let rest = &self.whole[line..];
        let column = rest.char_indices().nth(position.column - 1);
        line + column.map_or(rest.len(), |(at, _)| at)
    }

    /// The bytes that a change replaces.
    pub fn replaced(&self, span: Span) -> std::ops::Range<usize> {
        self.offset(span.start)..self.offset(span.end)
    }
}

/// What stays of a name when the lines of its file move: the file and the words.
pub fn lasting(name: &str) -> (&str, &str) {
    let (place, words) = name.split_once(": ").unwrap_or((name, ""));
    (place.split(':').next().unwrap_or(place), words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_lasts_when_lines_move() {
        let before = lasting("src/a.rs:12:5: replace + with - in f");
        assert_eq!(before, lasting("src/a.rs:120:9: replace + with - in f"));
        assert_ne!(before, lasting("src/b.rs:12:5: replace + with - in f"));
        assert_ne!(before, lasting("src/a.rs:12:5: replace + with * in f"));
    }

    #[test]
    fn columns_are_characters_and_not_bytes() {
        let text = Text::new("first\n\"grün\" == x\n");
        let at = text.offset(Position { line: 2, column: 8 });
        assert_eq!(&text.whole[at..at + 2], "==");
    }
}
