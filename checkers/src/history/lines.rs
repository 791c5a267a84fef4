//! A file line by line, in one buffer.

use std::io::BufRead;

use super::malformed::{Flaw, ReadError};

/// What some editors put before a text in UTF-8.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// Hands out the lines that are not blank, each with its number.
pub(super) struct Lines<R> {
    from: R,
    /// The line at hand; its memory serves the next one too.
    buffer: Vec<u8>,
    /// How many lines were read, blank ones included.
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// The next line that is not blank, without its end, and its number; `None`
    /// at the end of the file.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, &str)>, ReadError> {
        loop {
            self.buffer.clear();
            if self.from.read_until(b'\n', &mut self.buffer)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.number == 1 && self.buffer.starts_with(MARK) {
                self.buffer.drain(..MARK.len());
            }
            if !self.buffer.trim_ascii_start().is_empty() {
                break;
            }
        }
        match str::from_utf8(self.buffer.trim_ascii_end()) {
            Ok(line) => Ok(Some((self.number, line))),
            Err(error) => {
                let column = error.valid_up_to() as u64 + 1;
                let why = "this byte is not UTF-8: the file must be text in UTF-8";
                Err(Flaw::new(column, why).on(self.number).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_counted_and_left_out() {
        let mut lines = Lines::new(&b"\xef\xbb\xbf\none\r\n  \t\n\n two"[..]);
        assert_eq!(lines.next_line().expect("text"), Some((2, "one")));
        assert_eq!(lines.next_line().expect("text"), Some((5, " two")));
        assert_eq!(lines.next_line().expect("the end"), None);
        assert_eq!(lines.next_line().expect("still the end"), None);
    }

    #[test]
    fn a_byte_that_is_no_text_has_a_place() {
        let mut lines = Lines::new(&b"one\nt\xffwo\n"[..]);
        assert_eq!(lines.next_line().expect("text"), Some((1, "one")));
        let Err(ReadError::Malformed(malformed)) = lines.next_line() else {
            panic!("0xff is never UTF-8");
        };
        assert_eq!((malformed.line, malformed.column), (2, 2));
    }
}
