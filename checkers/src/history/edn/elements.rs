//! A file as a row of forms: those at its top, and those within its top brackets.

use std::io::BufRead;

use super::super::lines::MARK;
use super::super::malformed::{Flaw, Malformed, ReadError};
use super::{Edn, Placed, json};

/// No event is longer; a bracket that is never closed would take the whole file.
const LONGEST: usize = 64 << 20;

/// The text of one form, cut out of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Element<'a> {
    /// With what belongs before it: a tag, say.
    pub(in super::super) text: &'a str,
    /// The line in which it begins, counted from 1.
    pub(in super::super) line: u64,
    /// The byte of that line at which it begins, counted from 1.
    pub(in super::super) column: u64,
}

impl<'a> Element<'a> {
    /// What stands there; `None` if it is marked as not there.
    pub(in super::super) fn form(&self) -> Result<Option<Placed<'a>>, Malformed> {
        let inner = self.text.strip_prefix('{');
        let placed = match inner.is_some_and(|inner| inner.trim_start().starts_with('"')) {
            true => json::form(self.text).map(Some),
            false => {
                let mut edn = Edn::new(self.text, 0);
                edn.next_form()
                    .and_then(|form| edn.expect_end().map(|()| form))
            }
        };
        placed.map_err(|flaw| self.place(flaw))
    }

    /// A flaw of this text, told with its place in the file.
    pub(in super::super) fn place(&self, flaw: Flaw) -> Malformed {
        let before = &self.text.as_bytes()[..(flaw.column as usize - 1).min(self.text.len())];
        let lines = before.iter().filter(|byte| **byte == b'\n').count() as u64;
        let column = match before.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => flaw.column - end as u64 - 1,
            None => self.column + flaw.column - 1,
        };
        Flaw { column, ..flaw }.on(self.line + lines)
    }
}

/// Hands out the elements of a file: each form at its top, but of a list or a vector at its
/// top each form within.
pub(in super::super) struct Elements<R> {
    from: R,
    /// What was read and not handed out, and what was handed out last.
    buffer: Vec<u8>,
    /// Where what was not handed out begins.
    at: usize,
    /// The line of that place, and where in the buffer that line begins.
    line: u64,
    line_start: usize,
    /// How much of the line lies before the buffer.
    cut: u64,
    /// The bracket at the top that is open: what closes it, and where it is.
    open: Option<(u8, u64, u64)>,
    ended: bool,
    /// Whether it is known that the file does not begin with a mark.
    unmarked: bool,
}

/// So much is read and handed out before it is let go of: to let go of each form moves the
/// rest each time.
const PIECE: usize = 1 << 16;

impl<R: BufRead> Elements<R> {
    pub(in super::super) fn new(from: R) -> Self {
        Self {
            from,
            buffer: Vec::new(),
            at: 0,
            line: 1,
            line_start: 0,
            cut: 0,
            open: None,
            ended: false,
            unmarked: false,
        }
    }

    /// The next one; `None` at the end of the file.
    pub(in super::super) fn next_element(&mut self) -> Result<Option<Element<'_>>, ReadError> {
        self.forget();
        if !self.find_start()? {
            return match self.open {
                None => Ok(None),
                Some((_, line, column)) => {
                    let why = "this bracket is not closed by the end of the file";
                    Err(Flaw::new(column, why).on(line).into())
                }
            };
        }
        let (line, column, start) = (self.line, self.column(), self.at);
        let end = self.find_end()?;
        for place in start..end {
            if self.buffer[place] == b'\n' {
                self.line += 1;
                self.line_start = place + 1;
                self.cut = 0;
            }
        }
        self.at = end;
        match str::from_utf8(&self.buffer[start..end]) {
            Ok(text) => Ok(Some(Element { text, line, column })),
            Err(error) => {
                let good = &self.buffer[start..start + error.valid_up_to()];
                let text = str::from_utf8(good).unwrap_or_default();
                let flaw = Flaw::new(
                    good.len() as u64 + 1,
                    "this byte is not UTF-8: the file must be text in UTF-8",
                );
                Err(Element { text, line, column }.place(flaw).into())
            }
        }
    }

    /// Where in its line the next byte is.
    fn column(&self) -> u64 {
        self.cut + (self.at - self.line_start) as u64 + 1
    }

    /// Lets go of what was handed out.
    fn forget(&mut self) {
        if self.at < PIECE {
            return;
        }
        self.cut += (self.at - self.line_start) as u64;
        self.buffer.drain(..self.at);
        (self.at, self.line_start) = (0, 0);
    }

    /// The byte at a place, which is read if need be; `None` past the end of the file.
    fn byte(&mut self, place: usize) -> Result<Option<u8>, ReadError> {
        let wanted = if self.unmarked {
            place
        } else {
            place.max(MARK.len())
        };
        while wanted >= self.buffer.len() && !self.ended {
            let piece = self.from.fill_buf()?;
            let length = piece.len();
            self.buffer.extend_from_slice(piece);
            self.from.consume(length);
            self.ended = length == 0;
        }
        if !self.unmarked {
            self.unmarked = true;
            if self.buffer.starts_with(MARK) {
                self.buffer.drain(..MARK.len());
                return self.byte(place);
            }
        }
        Ok(self.buffer.get(place).copied())
    }

    /// Goes to where the next element begins; whether there is one.
    fn find_start(&mut self) -> Result<bool, ReadError> {
        while let Some(byte) = self.byte(self.at)? {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    self.line_start = self.at;
                    self.cut = 0;
                    self.forget();
                    continue;
                }
                b';' => {
                    while self.byte(self.at)?.is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                    continue;
                }
                b'[' | b'(' if self.open.is_none() => {
                    let close = if byte == b'[' { b']' } else { b')' };
                    self.open = Some((close, self.line, self.column()));
                }
                b']' | b')' | b'}' => match self.open {
                    Some((close, ..)) if close == byte => self.open = None,
                    _ => {
                        let why = format!("this `{}` closes nothing", char::from(byte));
                        return Err(Flaw::new(self.column(), why).on(self.line).into());
                    }
                },
                b',' => {}
                byte if byte.is_ascii_whitespace() => {}
                _ => return Ok(true),
            }
            self.at += 1;
        }
        Ok(false)
    }

    /// Where the element that begins here ends: brackets are counted, no more, since the form
    /// is read afterwards.
    fn find_end(&mut self) -> Result<usize, ReadError> {
        let (mut at, mut depth, mut needed) = (self.at, 0_u32, 1_u32);
        while let Some(byte) = self.byte(at)? {
            if at - self.at > LONGEST {
                let why = "this form is longer than 64MiB: is there a bracket that is not closed?";
                return Err(Flaw::new(self.column(), why).on(self.line).into());
            }
            let mut is_whole = false;
            match byte {
                b'"' => {
                    at = self.end_of_text(at)?;
                    is_whole = true;
                }
                b';' => {
                    while self.byte(at)?.is_some_and(|byte| byte != b'\n') {
                        at += 1;
                    }
                }
                b'[' | b'(' | b'{' => {
                    depth += 1;
                    at += 1;
                }
                b']' | b')' | b'}' if depth == 0 => break,
                b']' | b')' | b'}' => {
                    depth -= 1;
                    at += 1;
                    is_whole = true;
                }
                b'^' => {
                    needed += u32::from(depth == 0);
                    at += 1;
                }
                b'#' => {
                    let not_a_number = self.byte(at + 1)? == Some(b'#');
                    at = self.end_of_word(at + 1)?;
                    is_whole = not_a_number;
                }
                byte if byte == b',' || byte.is_ascii_whitespace() => at += 1,
                b'\\' => {
                    at = self.end_of_word(at + 2)?;
                    is_whole = true;
                }
                _ => {
                    at = self.end_of_word(at + 1)?;
                    is_whole = true;
                }
            }
            if is_whole && depth == 0 {
                needed -= 1;
            }
            if needed == 0 {
                break;
            }
        }
        Ok(at.min(self.buffer.len()))
    }

    /// Past the text that begins at this quote.
    fn end_of_text(&mut self, quote: usize) -> Result<usize, ReadError> {
        let mut at = quote + 1;
        while let Some(byte) = self.byte(at)? {
            match byte {
                b'"' => return Ok(at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
            if at - quote > LONGEST {
                break;
            }
        }
        Ok(at)
    }

    /// Up to a blank or a delimiter.
    fn end_of_word(&mut self, mut at: usize) -> Result<usize, ReadError> {
        while let Some(byte) = self.byte(at)? {
            if byte.is_ascii_whitespace() || b",;\"()[]{}\\".contains(&byte) {
                break;
            }
            at += 1;
        }
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, line and column of each, and how it ends.
    fn told(text: &str) -> (Vec<(String, u64, u64)>, Option<String>) {
        let mut elements = Elements::new(text.as_bytes());
        let mut all = Vec::new();
        loop {
            match elements.next_element() {
                Ok(None) => return (all, None),
                Ok(Some(element)) => {
                    all.push((element.text.to_owned(), element.line, element.column));
                }
                Err(error) => return (all, Some(error.to_string())),
            }
        }
    }

    fn at(text: &str, line: u64, column: u64) -> (String, u64, u64) {
        (text.to_owned(), line, column)
    }

    #[test]
    fn top_forms_are_elements_and_so_is_what_top_brackets_hold() {
        let text = "\u{feff}{:a 1}\n{:b\n \"}\"}, #op{:c (3)} ; {:no 1}\n[{:d 4} {:e [5]}\n\n {:f 6}]\n({:g 7})";
        let expected = vec![
            at("{:a 1}", 1, 1),
            at("{:b\n \"}\"}", 2, 1),
            at("#op{:c (3)}", 3, 8),
            at("{:d 4}", 4, 2),
            at("{:e [5]}", 4, 9),
            at("{:f 6}", 6, 2),
            at("{:g 7}", 7, 2),
        ];
        assert_eq!(told(text), (expected, None));
    }

    #[test]
    fn what_belongs_together_is_one_element() {
        for text in [
            "#_ {:a 1}",
            "#a #b {:a 1}",
            "^{:line 1} {:a 1}",
            "##NaN",
            "\\}",
            "\\newline",
            "{:a \\}}",
            "{:a \"\\\"}\"}",
            "#{1 2}",
            ":word",
            "\"a b\"",
        ] {
            assert_eq!(told(text), (vec![at(text, 1, 1)], None), "{text}");
        }
    }

    #[test]
    fn a_flaw_has_its_place_in_the_file() {
        let text = "\n [{:a\n  1 :b}]";
        let mut elements = Elements::new(text.as_bytes());
        let element = elements.next_element().expect("text").expect("a map");
        let flaw = element.form().expect_err("no value of :b");
        assert_eq!((flaw.line, flaw.column), (3, 5), "{flaw}");
        assert!(
            told("{:a 1}\n[{:b 2}")
                .1
                .is_some_and(|why| why.starts_with("line 2, column 1: "))
        );
        assert!(
            told("{:a 1}\n }")
                .1
                .is_some_and(|why| why.starts_with("line 2, column 2: "))
        );
    }
}
