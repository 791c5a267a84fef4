//! As much of EDN, the notation of Clojure, as logs of operations are written in,
//! and JSON, whose values are forms too.
//!
//! Everything that EDN allows is read past; only what such a log means
//! something by has a form of its own.

mod elements;
mod json;

use std::borrow::Cow;
use std::fmt::Write as _;

pub(super) use self::elements::Elements;
use super::malformed::Flaw;

/// How deep forms may lie in each other, lest a hostile file exhaust the stack.
const DEEPEST: u32 = 64;

/// A form, and where in its text it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    /// The byte, counted from 1.
    pub column: u64,
    /// What is there.
    pub form: Form<'a>,
}

impl Placed<'_> {
    /// This form is not what it should be.
    pub(super) fn flaw(&self, why: impl Into<String>) -> Flaw {
        Flaw::new(self.column, why)
    }
}

/// What is written in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// `nil`
    Nil,
    /// `7`, if it fits into 64 bits.
    Integer(i64),
    /// `:read`, without the colon.
    Keyword(&'a str),
    /// `"x"`, without the quotes and escapes.
    Text(Cow<'a, str>),
    /// `[1 2]` or `(1 2)`
    Vector(Vec<Placed<'a>>),
    /// `#{1 2}`
    Set(Vec<Placed<'a>>),
    /// `{:f :read}`
    Map(Vec<(Placed<'a>, Placed<'a>)>),
    /// Anything else, as it is written: a fraction, a symbol, a letter, `true`.
    Other(Cow<'a, str>),
}

impl Form<'_> {
    /// The form as it would be written; the same for equal forms, whatever the order of a set's
    /// or a map's entries and the blanks between them.
    pub(super) fn canonical(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        // Writing to a text cannot fail.
        let _ = match self {
            Self::Nil => write!(text, "nil"),
            Self::Integer(number) => write!(text, "{number}"),
            Self::Keyword(name) => write!(text, ":{name}"),
            Self::Text(inner) => write!(text, "{inner:?}"),
            Self::Other(word) => write!(text, "{word}"),
            Self::Vector(forms) => write!(text, "[{}]", joined(forms.iter(), false)),
            Self::Set(forms) => write!(text, "#{{{}}}", joined(forms.iter(), true)),
            Self::Map(entries) => {
                let mut entries: Vec<_> = (entries.iter())
                    .map(|(key, value)| {
                        format!("{} {}", key.form.canonical(), value.form.canonical())
                    })
                    .collect();
                entries.sort_unstable();
                write!(text, "{{{}}}", entries.join(" "))
            }
        };
    }
}

fn joined<'a>(forms: impl Iterator<Item = &'a Placed<'a>>, sorted: bool) -> String {
    let mut texts: Vec<_> = forms.map(|placed| placed.form.canonical()).collect();
    if sorted {
        texts.sort_unstable();
    }
    texts.join(" ")
}

/// Reads the forms of a text.
pub(super) struct Edn<'a> {
    text: &'a str,
    /// The next byte to look at.
    at: usize,
}

impl<'a> Edn<'a> {
    /// Of a text, from this byte on (counted from 0).
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// The next form; `None` at the end of the text.
    pub(super) fn next_form(&mut self) -> Result<Option<Placed<'a>>, Flaw> {
        self.form_within(0)
    }

    /// The next form, where there must be one.
    pub(super) fn expect_form(&mut self, what: &str) -> Result<Placed<'a>, Flaw> {
        self.next_form()?
            .ok_or_else(|| Flaw::new(self.column(), format!("this ends where {what} should be")))
    }

    /// There must be nothing more.
    pub(super) fn expect_end(&mut self) -> Result<(), Flaw> {
        match self.next_form()? {
            None => Ok(()),
            Some(placed) => Err(placed.flaw("nothing more should stand here")),
        }
    }

    fn column(&self) -> u64 {
        self.at as u64 + 1
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn form_within(&mut self, depth: u32) -> Result<Option<Placed<'a>>, Flaw> {
        if depth > DEEPEST {
            let why = format!("more than {DEEPEST} forms lie in each other here");
            return Err(Flaw::new(self.column(), why));
        }
        self.skip_blanks(depth)?;
        let column = self.column();
        let Some(first) = self.peek() else {
            return Ok(None);
        };
        let form = match first {
            b'"' => Form::Text(self.text()?),
            b'[' => Form::Vector(self.sequence(b']', depth)?),
            b'(' => Form::Vector(self.sequence(b')', depth)?),
            b'{' => Form::Map(self.map(depth)?),
            b'#' => return self.dispatched(depth),
            b'^' => return self.after_its_metadata(depth),
            b':' => {
                self.at += 1;
                Form::Keyword(self.word())
            }
            b'\\' => {
                let start = self.at;
                self.at += 1;
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
                self.word();
                Form::Other(self.text[start..self.at].into())
            }
            b')' | b']' | b'}' => {
                let why = format!("this `{}` closes nothing", char::from(first));
                return Err(Flaw::new(column, why));
            }
            _ => atom(self.word()),
        };
        Ok(Some(Placed { column, form }))
    }

    /// `^{:line 7} form`: what is said of a form is no part of it.
    fn after_its_metadata(&mut self, depth: u32) -> Result<Option<Placed<'a>>, Flaw> {
        let column = self.column();
        self.at += 1;
        let lacks = || {
            Flaw::new(
                column,
                "this `^` says something of a form, which must follow",
            )
        };
        self.form_within(depth + 1)?.ok_or_else(lacks)?;
        self.form_within(depth + 1)?.map(Some).ok_or_else(lacks)
    }

    /// A set, a number that is none, or a form after its tag.
    fn dispatched(&mut self, depth: u32) -> Result<Option<Placed<'a>>, Flaw> {
        let column = self.column();
        self.at += 1;
        if self.peek() == Some(b'{') {
            let form = Form::Set(self.sequence(b'}', depth)?);
            return Ok(Some(Placed { column, form }));
        }
        if self.peek() == Some(b'#') {
            let form = Form::Other(format!("#{}", self.word()).into());
            return Ok(Some(Placed { column, form }));
        }
        if self.word().is_empty() {
            return Err(Flaw::new(column, "this `#` begins nothing"));
        }
        let tagged = self.form_within(depth + 1)?;
        tagged
            .map(Some)
            .ok_or_else(|| Flaw::new(column, "a form must follow this tag"))
    }

    /// Past white space, commas, a comment, and forms marked with `#_` as not there.
    fn skip_blanks(&mut self, depth: u32) -> Result<(), Flaw> {
        loop {
            let rest = self.rest();
            let solid = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
            self.at += rest.len() - solid.len();
            if solid.starts_with(';') {
                self.at += solid.find('\n').unwrap_or(solid.len());
            } else if solid.starts_with("#_") {
                let column = self.column();
                self.at += 2;
                if self.form_within(depth + 1)?.is_none() {
                    return Err(Flaw::new(column, "a form must follow this `#_`"));
                }
            } else {
                return Ok(());
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Everything up to a blank or a delimiter; perhaps nothing.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || ",;\"()[]{}\\".contains(c))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// The forms from an opening bracket to this closing one.
    fn sequence(&mut self, close: u8, depth: u32) -> Result<Vec<Placed<'a>>, Flaw> {
        let opened = self.column();
        self.at += 1;
        let mut forms = Vec::new();
        loop {
            self.skip_blanks(depth + 1)?;
            if self.peek() == Some(close) {
                self.at += 1;
                return Ok(forms);
            }
            let unclosed = || Flaw::new(opened, "this bracket is not closed");
            forms.push(self.form_within(depth + 1)?.ok_or_else(unclosed)?);
        }
    }

    fn map(&mut self, depth: u32) -> Result<Vec<(Placed<'a>, Placed<'a>)>, Flaw> {
        let mut forms = self.sequence(b'}', depth)?.into_iter();
        let mut entries = Vec::with_capacity(forms.len() / 2);
        while let Some(key) = forms.next() {
            match forms.next() {
                Some(value) => entries.push((key, value)),
                None => return Err(key.flaw("this key of a map has no value")),
            }
        }
        Ok(entries)
    }

    fn text(&mut self) -> Result<Cow<'a, str>, Flaw> {
        let opened = self.column();
        self.at += 1;
        let mut text = Cow::Borrowed("");
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(['"', '\\']) else {
                return Err(Flaw::new(opened, "this text is not closed"));
            };
            let plain = &rest[..end];
            self.at += end;
            // A text without escapes is a piece of the line.
            if text.is_empty() {
                text = Cow::Borrowed(plain);
            } else {
                text.to_mut().push_str(plain);
            }
            if self.peek() == Some(b'"') {
                self.at += 1;
                return Ok(text);
            }
            text.to_mut().push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Result<char, Flaw> {
        let column = self.column();
        self.at += 1;
        let escaped = match self.peek() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'u') => return self.letter_by_number(column),
            _ => {
                let why = "unknown escape: write one of \\\", \\\\, \\n, \\t, \\r and \\u00e9";
                return Err(Flaw::new(column, why));
            }
        };
        self.at += 1;
        Ok(escaped)
    }

    /// `\u00e9`, or two such halves of a letter that needs more.
    fn letter_by_number(&mut self, column: u64) -> Result<char, Flaw> {
        let broken = || {
            Flaw::new(
                column,
                "four digits of a letter must follow \\u, as in \\u00e9",
            )
        };
        let first = self.unit().ok_or_else(broken)?;
        let mut units = vec![first];
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
            self.at += 1;
            units.push(self.unit().ok_or_else(broken)?);
        }
        let mut letters = char::decode_utf16(units);
        match (letters.next(), letters.next()) {
            (Some(Ok(letter)), None) => Ok(letter),
            _ => Err(Flaw::new(
                column,
                "this is half of a letter, and the other half is not there",
            )),
        }
    }

    /// The number after the `u` that stands here.
    fn unit(&mut self) -> Option<u16> {
        let digits = self.rest().get(1..5)?;
        let all_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let unit = u16::from_str_radix(digits, 16)
            .ok()
            .filter(|_| all_digits)?;
        self.at += 5;
        Some(unit)
    }
}

fn atom(word: &str) -> Form<'_> {
    if word == "nil" {
        return Form::Nil;
    }
    // Clojure marks numbers of arbitrary size with an N.
    let digits = word.strip_suffix('N').unwrap_or(word);
    digits
        .parse()
        .map_or_else(|_| Form::Other(word.into()), Form::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(line: &str) -> Form<'_> {
        let mut edn = Edn::new(line, 0);
        let placed = edn.expect_form("a form").expect(line);
        edn.expect_end().expect(line);
        placed.form
    }

    fn flaw(line: &str) -> (u64, String) {
        let mut edn = Edn::new(line, 0);
        let read = edn
            .expect_form("a form")
            .and_then(|_| edn.expect_end())
            .expect_err(line);
        (read.column, read.why)
    }

    #[test]
    fn what_logs_are_made_of_is_read() {
        assert_eq!(form("nil"), Form::Nil);
        assert_eq!(form(" -7 ; a comment"), Form::Integer(-7));
        assert_eq!(form("7N"), Form::Integer(7));
        assert_eq!(form("+7,"), Form::Integer(7));
        assert_eq!(form(":read"), Form::Keyword("read"));
        assert_eq!(form("\"x 0\""), Form::Text("x 0".into()));
        assert_eq!(form(r#""\"\\\n\t\r-ö""#), Form::Text("\"\\\n\t\r-ö".into()));
        assert_eq!(form("#inst \"1985\""), Form::Text("1985".into()));
        let at = |column, form| Placed { column, form };
        let vector = vec![at(2, Form::Nil), at(6, Form::Integer(3))];
        assert_eq!(form("[nil,3 #_ [4]]"), Form::Vector(vector));
        let map = vec![(at(2, Form::Keyword("f")), at(5, Form::Keyword("cas")))];
        assert_eq!(form("{:f :cas}"), Form::Map(map));
    }

    #[test]
    fn what_means_nothing_in_a_log_is_read_past() {
        for other in [
            "1.5",
            "##NaN",
            "##-Inf",
            "1/2",
            "true",
            "\\a",
            "\\newline",
            "\\ö",
            "\\)",
        ] {
            assert_eq!(form(other), Form::Other(other.into()), "{other}");
        }
        let large = "99999999999999999999";
        assert_eq!(form(large), Form::Other(large.into()));
    }

    #[test]
    fn what_is_equal_is_written_alike() {
        for (one, other) in [
            ("#{1 2}", "#{2, 1}"),
            ("{:a 1 :b (2 \"x\")}", "{:b [2 \"x\"], :a 1}"),
            ("^{:line 7} [nil]", "[nil]"),
            ("\"caf\\u00e9 \\uD83D\\uDE00\"", "\"café 😀\""),
            ("[1 ; one\n 2]", "[1 2]"),
        ] {
            assert_eq!(form(one).canonical(), form(other).canonical());
        }
        for (one, other) in [
            ("1", "\"1\""),
            (":a", "\":a\""),
            ("nil", "\"nil\""),
            ("[1]", "#{1}"),
        ] {
            assert_ne!(form(one).canonical(), form(other).canonical());
        }
    }

    #[test]
    fn what_is_broken_has_a_place() {
        for (line, column, why) in [
            ("", 1, "this ends"),
            ("nil [1 2", 5, "bracket is not closed"),
            ("nil [1 2]", 5, "nothing more"),
            ("[1 (2", 4, "bracket is not closed"),
            ("{:a 1 :b}", 7, "has no value"),
            ("  ]", 3, "closes nothing"),
            ("[1 2)", 5, "closes nothing"),
            ("\"x", 1, "text is not closed"),
            ("\"x\\q\"", 3, "unknown escape"),
            ("\"x\\", 3, "unknown escape"),
            ("#", 1, "begins nothing"),
            ("[#tag]", 6, "closes nothing"),
            ("#tag", 1, "must follow this tag"),
            ("^{:a 1}", 1, "must follow"),
            ("\"\\ud83d\"", 2, "half of a letter"),
            ("\"\\u+0e9\"", 2, "four digits"),
            ("\"\\u00", 2, "four digits"),
            ("#_", 1, "must follow this `#_`"),
        ] {
            let found = flaw(line);
            assert!(found.1.contains(why), "{line}: {found:?}");
            assert_eq!(found.0, column, "{line}: {found:?}");
        }
        for opening in ["[", "{", "#a ", "#_", "(", "#{", "^"] {
            let deep = opening.repeat(100_000);
            assert!(flaw(&deep).1.contains("lie in each other"), "{opening}");
        }
    }
}
