//! What a user brings: two functions, and whatever else it wants to say.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::{self, Debug};
use core::hash::{Hash, Hasher};
use core::time::Duration;

use super::{Counters, Partition, TaskName};
use crate::digest::Digest;

/// A computation as a map and a reduce (OSDI'04, 2).
///
/// Both must be functions of what they are given: whatever is done twice must
/// come out the same (3.3). The other methods have defaults.
pub trait Application: Debug + Send + Sync + 'static {
    /// Takes one record and emits pairs.
    ///
    /// # Errors
    /// When the code crashes on it. The task is done again, and a record that
    /// crashed it twice is left out (4.6).
    fn map(&self, record: &Record<'_>, emit: &mut Emit<'_>) -> Result<(), Crash>;

    /// Takes all values of one key and writes lines of output. Keys come in
    /// ascending order (4.2), values in no particular one.
    ///
    /// # Errors
    /// As for [`Application::map`]; here a record is a key.
    fn reduce(&self, key: &str, values: &Values<'_>, lines: &mut Lines<'_>) -> Result<(), Crash>;

    /// Makes one value of several of one key, where the map was, to send less
    /// (4.3). `None` if this application has no combiner.
    fn combine(&self, _key: &str, _values: &Values<'_>) -> Option<String> {
        None
    }

    /// The part of the output that a key belongs to (4.1). The same on every
    /// machine; by default keys are spread evenly.
    fn partition(&self, key: &str, partitions: u16) -> Partition {
        let spread = Digest::of(key) % u64::from(partitions.max(1));
        Partition(spread as u16)
    }

    /// What happens to an execution. A real program does not decide that; one that tests
    /// the system makes itself slow, or crashes its worker.
    fn temper(&self, _execution: &Execution) -> Temper {
        Temper::Steady
    }
}

/// One line of a file.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The name of the file.
    pub file: &'a str,
    /// Where the line begins in it, in bytes.
    pub offset: u64,
    /// The line, without its end.
    pub line: &'a str,
}

/// The code crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash;

/// Takes what a map emits.
pub struct Emit<'a> {
    pub(super) pair: &'a mut dyn FnMut(&str, &str),
    pub(super) counters: &'a mut Counters,
}

impl Emit<'_> {
    /// Emits a pair.
    pub fn pair(&mut self, key: &str, value: &str) {
        (self.pair)(key, value);
    }

    /// Adds to a counter of the user's (4.9).
    pub fn count(&mut self, counter: &'static str, amount: u64) {
        self.counters.add(counter, amount);
    }
}

impl Debug for Emit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emit").finish_non_exhaustive()
    }
}

/// All values of one key.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a>(pub(super) &'a [&'a str]);

impl<'a> Values<'a> {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.iter().copied()
    }

    /// Their sum, where they are numbers.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.iter()
            .filter_map(|value| value.parse::<u64>().ok())
            .sum()
    }
}

/// Takes the lines of an output.
#[derive(Debug)]
pub struct Lines<'a> {
    pub(super) text: &'a mut String,
    pub(super) counters: &'a mut Counters,
}

impl Lines<'_> {
    /// Writes one line.
    pub fn line(&mut self, line: fmt::Arguments<'_>) {
        // Memory takes all text.
        let _ = fmt::Write::write_fmt(self.text, line);
        self.text.push('\n');
    }

    /// Adds to a counter of the user's (4.9).
    pub fn count(&mut self, counter: &'static str, amount: u64) {
        self.counters.add(counter, amount);
    }
}

/// One execution of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The task.
    pub task: TaskName,
    /// How often it was given out before, as far as the coordinator knows.
    pub earlier: u32,
}

/// How an execution goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// As it should.
    Steady,
    /// It takes so much longer.
    Slow(Duration),
    /// It takes the worker's process down, with all that the worker has in memory.
    TakesWorkerDown,
}

/// A named application; equal if the names are.
#[derive(Clone)]
pub struct App {
    name: &'static str,
    code: Arc<dyn Application>,
}

impl App {
    /// An application under a name.
    pub fn new(name: &'static str, code: impl Application) -> Self {
        Self {
            name,
            code: Arc::new(code),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does.
    #[must_use]
    pub fn code(&self) -> &dyn Application {
        &*self.code
    }
}

impl Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for App {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for App {}

impl Hash for App {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
