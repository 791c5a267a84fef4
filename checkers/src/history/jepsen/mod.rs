//! Logs of operations as Jepsen writes them, and whoever follows it: Porcupine's logs, and the
//! JSON of other testers.
//!
//! An event says which process did what, and at which stage of an operation's life:
//!
//! ```text
//! {:process 0, :type :invoke, :f :cas, :value [1 2], :time 123}
//! {:process 0, :type :ok, :f :cas, :value [1 2], :time 456}
//! ```
//!
//! # Layouts
//! [`Layout::Maps`]: maps in EDN or JSON, one after the other or within lists and vectors, over
//! as many lines as they like. A map without `:process`, `:type` and `:f` is no event, and is
//! counted; anything else at the top of the file is an error. Entries that are not named here
//! are ignored, except those that could name an object.
//!
//! [`Layout::Log`]: lines of `history.txt`, or of Jepsen's logger, with blanks or tabs between
//! the parts; also maps in one line. Lines of other forms are counted and left out.
//!
//! ```text
//! INFO  jepsen.util - 0 :invoke :cas [1 2]
//! 0    :ok    :cas    [1 2]
//! ```
//!
//! # Meaning
//! The number of its line is the moment of an event; one that shares a line with others comes
//! after those before it. `:ok` ends a call with its answer. `:fail` says that the operation did
//! not happen: it is left out, and has observed nothing (but see [`FailedSwap`]). `:info` says
//! that nobody knows: the operation stays pending, and if its process goes on, it counts as
//! another client. What is open at the end is pending, too. Events of a process with a name, such
//! as `:nemesis`, are counted and left out. An event without its call is an error.
//!
//! Many objects are told apart by `:key`, or by tuples `[key value]` where every value of the
//! file is one (see [`KeyIn`]).

mod counter;
mod log;
mod looks;
mod mutex;
mod queue;
mod reading;
mod register;
mod set;
mod store;
mod told;
mod values;

use std::sync::Arc;

pub(super) use self::log::{is_logged, is_of_a_logger};
pub use self::looks::Looks;
pub use self::queue::read as read_queue;
pub use self::reading::{Tally, Workload, read};
pub use self::register::{FailedSwap, Register};
pub use self::{counter::Counter, mutex::Lock, mutex::Mutex, set::Set, store::Store};
use super::{History, ReadError};
use crate::linearizability::specifications::KeyedInput;

/// A history of many objects, each under its key.
pub type Keyed<Input, Output> = History<KeyedInput<Arc<str>, Input>, Output>;

/// A log that was read, and what it held beside the history.
pub type Log<Input, Output> = Result<(Keyed<Input, Output>, Tally), ReadError>;

/// How the events stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// Maps.
    Maps,
    /// Lines.
    Log,
}

/// Where it is said which object a call is made to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyIn {
    /// In `:key`. Without it there is one object.
    #[default]
    Field,
    /// In the value, which is `[key value]`.
    Tuple,
}

#[cfg(test)]
mod tests;
