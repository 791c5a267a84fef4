//! Lines of a log: `history.txt`, and what Jepsen's logger writes of it.
//!
//! An event is a line that ends with a process, a type, what was called and a value, with blanks
//! or tabs between them; before them there is nothing, or what a logger writes before a message.
//! A map in one line is an event, too. All other lines are counted and left out; but one that
//! seems to hold an event behind something else is an error, since it may be one.

use super::super::edn::{Edn, Form, Placed};
use super::super::malformed::Flaw;
use super::told::{Stage, Told, Top, client_of, top};

/// The levels of a logger.
const LEVELS: [&str; 6] = ["INFO", "WARN", "ERROR", "DEBUG", "TRACE", "FATAL"];

/// What a line of a log is.
pub(super) fn line(text: &str) -> Result<Top<'_>, Flaw> {
    if let Some(found) = find(text) {
        if !is_before_a_message(&text[..found.start]) {
            return Err(Flaw::new(
                found.start as u64 + 1,
                "an operation seems to begin here, behind something that no logger writes: give \
                 it a line of its own, or take this line out",
            ));
        }
        return event(Edn::new(text, found.start));
    }
    let message = message_of(text);
    let start = text.len() - message.len();
    if !message.starts_with(['{', '#']) {
        return Ok(Top::Other);
    }
    let mut edn = Edn::new(text, start);
    // What is printed may go on in the next line, or be no form at all.
    match (edn.next_form(), edn.expect_end()) {
        (Ok(Some(map)), Ok(())) if matches!(map.form, Form::Map(_)) => top(map),
        _ => Ok(Top::Other),
    }
}

/// Whether a line is one of a log of events.
pub(in super::super) fn is_logged(text: &str) -> bool {
    find(text).is_some_and(|found| is_before_a_message(&text[..found.start]))
}

/// Whether a line begins as those of a logger do.
pub(in super::super) fn is_of_a_logger(text: &str) -> bool {
    message_of(text).len() < text.trim_start().len()
}

/// Where an event begins: a process, followed by a type and what is called.
struct Found {
    start: usize,
}

fn find(text: &str) -> Option<Found> {
    let mut words = Words { text, at: 0 };
    let (mut process, mut stage) = (words.next()?, words.next()?);
    for function in words {
        let is_event = stage
            .1
            .strip_prefix(':')
            .is_some_and(|it| Stage::named(it).is_some())
            && is_process(process.1)
            && function.1.len() > 1
            && function.1.starts_with(':');
        if is_event {
            return Some(Found { start: process.0 });
        }
        (process, stage) = (stage, function);
    }
    None
}

fn is_process(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // In a printed map the type stands before its value.
    is_number || (word.len() > 1 && word.starts_with(':') && word != ":type")
}

/// The words of a line, and where they begin.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<(usize, &'a str)> {
        let rest = &self.text[self.at..];
        let start = self.at + (rest.len() - rest.trim_ascii_start().len());
        let rest = &self.text[start..];
        let end = rest
            .find(|c: char| c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        self.at = start + end;
        (end > 0).then(|| (start, &rest[..end]))
    }
}

/// Whether a logger writes such before a message; or there is nothing.
fn is_before_a_message(text: &str) -> bool {
    let text = text.trim_ascii();
    text.is_empty() || message_of(text).is_empty() || {
        let has_level = (Words { text, at: 0 }).any(|(_, word)| LEVELS.contains(&word));
        has_level && (text.ends_with('-') || text.ends_with(':') || text.ends_with("jepsen.util"))
    }
}

/// What a logger's line says, without the date, the level, the thread and the name space
/// before it; the whole line if it is of no logger.
fn message_of(text: &str) -> &str {
    let mut words = Words { text, at: 0 };
    let level = words.position(|(_, word)| LEVELS.contains(&word));
    // A date, a time, a zone, a thread.
    if level.is_none_or(|before| before > 4) {
        return text.trim_ascii_start();
    }
    let rest = &text[words.at..];
    let ends = [
        rest.find(": ").map(|at| at + 2),
        rest.find(" - ").map(|at| at + 3),
    ];
    match ends.into_iter().flatten().min() {
        Some(end) => rest[end..].trim_ascii_start(),
        None if rest.trim_ascii_end().ends_with([':', '-']) => "",
        None => rest.trim_ascii_start(),
    }
}

/// `0 :invoke :read nil`
fn event(mut edn: Edn<'_>) -> Result<Top<'_>, Flaw> {
    let process = edn.expect_form("the process")?;
    let stage = edn.expect_form("the type")?;
    let function = edn.expect_form("what was called")?;
    let (Form::Keyword(stage), Form::Keyword(name)) = (stage.form, &function.form) else {
        return Ok(Top::Other);
    };
    let Some(client) = client_of(&process)? else {
        return Ok(Top::Nemesis);
    };
    let stage = Stage::named(stage).ok_or_else(|| process.flaw("unknown type"))?;
    // Why an operation failed or was lost is said in many ways.
    let value: Option<Placed<'_>> = match stage {
        Stage::Invoke | Stage::Ok => {
            let value = edn.expect_form("the value")?;
            edn.expect_end()?;
            Some(value)
        }
        Stage::Fail | Stage::Info => None,
    };
    Ok(Top::Event(Told {
        client,
        column: process.column,
        stage,
        function: name.rsplit_once('/').map_or(name, |(_, name)| name),
        function_column: function.column,
        key: None,
        value,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_of_a_logger_is_known() {
        for before in [
            "",
            "INFO  jepsen.util - ",
            "2015-03-14 01:02:03,004 INFO  jepsen.util - ",
            "2031-02-03 04:05:06,007{GMT}\tINFO\t[jepsen worker 0] jepsen.util: ",
            "INFO [2016-01-01 00:00:00,000] jepsen worker 3 - jepsen.util ",
        ] {
            let text = format!("{before}7\t:invoke\t:read\tnil");
            assert!(is_logged(&text), "{text}");
            let Ok(Top::Event(told)) = line(&text) else {
                panic!("{text}");
            };
            assert_eq!((told.client.0, told.function), (7, "read"));
            let nemesis = format!("{before}:nemesis\t:info\t:start\t:partition");
            assert!(matches!(line(&nemesis), Ok(Top::Nemesis)), "{nemesis}");
        }
    }

    #[test]
    fn other_lines_are_others() {
        for text in [
            "hello",
            "INFO  jepsen.core - Setting up",
            "WARN  jepsen.util - Something went wrong: {",
            "2031-02-03 04:05:06,007{GMT}\tINFO\t[main] jepsen.core: Run complete, writing",
            "{:valid? true,",
            " :op {:type :ok :f :read :process 3}}",
            "{:name \"a test\"}",
            "java.lang.Exception: broken",
            "Everything looks good!",
        ] {
            assert!(matches!(line(text), Ok(Top::Other)), "{text}");
            assert!(!is_logged(text), "{text}");
        }
    }

    #[test]
    fn what_may_be_an_event_is_not_passed_over() {
        let text = "half a line 7\t:ok\t:read\t3";
        let flaw = line(text).expect_err("something else stands before it");
        assert_eq!(flaw.column, 13, "{flaw:?}");
        assert!(flaw.why.contains("seems to begin here"), "{flaw:?}");
    }
}
