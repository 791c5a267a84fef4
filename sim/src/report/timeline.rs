//! A live timeline: one line per event, one column per node.
//!
//! It listens to the world's `tracing` events, as any other subscriber could.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::time::SimTime;
use crate::world::trace::TARGET;

/// What of a run is shown.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Nothing after this moment.
    pub until: Option<SimTime>,
    /// Only what happens on this node, and what happens to all.
    pub node: Option<u64>,
    /// Only the last so many lines.
    pub last: Option<usize>,
}

/// The lines of a timeline, on their way to a reader.
pub struct Timeline {
    state: Arc<Mutex<State>>,
    selection: Selection,
    nodes: usize,
}

struct State {
    /// Per node, whether it is up.
    up: Vec<bool>,
    kept: VecDeque<String>,
    out: Box<dyn Write + Send>,
}

/// Gives out what was kept back, when the run is over.
pub struct Rest(Arc<Mutex<State>>);

/// The letter under a node's column, per kind of event.
const LETTERS: &[(&str, char)] = &[
    ("deliver", 'd'),
    ("drop", '-'),
    ("timeout", 't'),
    ("fault", '!'),
    ("disk", 'w'),
    ("invoke", '?'),
    ("return", '='),
    ("start", '^'),
    ("stop", 'x'),
    ("mark", '*'),
];

impl Timeline {
    /// A timeline for a cluster, to be written to `out`.
    #[must_use]
    pub fn new(nodes: usize, selection: Selection, out: Box<dyn Write + Send>) -> (Self, Rest) {
        let state = Arc::new(Mutex::new(State {
            up: vec![false; nodes],
            kept: VecDeque::new(),
            out,
        }));
        let rest = Rest(Arc::clone(&state));
        let timeline = Self {
            state,
            selection,
            nodes,
        };
        (timeline, rest)
    }

    /// The line on top: what the columns are.
    #[must_use]
    pub fn heading(nodes: usize) -> String {
        let mut line = format!("{:>13}  ", "time");
        for node in 1..=nodes {
            let _ = write!(line, "n{node} ");
        }
        let legend: Vec<String> = LETTERS
            .iter()
            .map(|(word, letter)| format!("{letter} {word}"))
            .collect();
        format!("{line}   {}", legend.join("  "))
    }

    fn line(&self, state: &mut State, seen: &Seen) -> String {
        if let Some(place) = (seen.node as usize).checked_sub(1)
            && let Some(up) = state.up.get_mut(place)
        {
            match seen.kind.as_str() {
                "start" => *up = true,
                "stop" => *up = false,
                _ => {}
            }
        }
        let letter = LETTERS
            .iter()
            .find(|(word, _)| *word == seen.kind)
            .map_or('.', |(_, letter)| *letter);
        let mut line = format!("{:>13}  ", SimTime(seen.at).precise());
        for node in 1..=self.nodes as u64 {
            let mark = match state.up[node as usize - 1] {
                _ if node == seen.node => letter,
                true => '|',
                false => ' ',
            };
            let _ = write!(line, "{mark}  ");
        }
        let whose = match seen.node {
            0 => "--".to_owned(),
            node => format!("n{node}"),
        };
        let _ = write!(line, "  {whose} {:<9} {}", seen.kind, seen.text);
        line
    }

    fn wants(&self, seen: &Seen) -> bool {
        let in_time = self.selection.until.is_none_or(|until| seen.at <= until.0);
        let here = self
            .selection
            .node
            .is_none_or(|node| seen.node == node || seen.node == 0);
        in_time && here
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A reader that went away mid-line leaves the lines intact.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Subscriber> Layer<S> for Timeline {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let mut state = lock(&self.state);
        let line = self.line(&mut state, &seen);
        if !self.wants(&seen) {
            return;
        }
        match self.selection.last {
            None => {
                // A closed pipe is the reader's choice; the run goes on to its verdict.
                let _ = writeln!(state.out, "{line}");
            }
            Some(last) => {
                if state.kept.len() == last {
                    state.kept.pop_front();
                }
                state.kept.push_back(line);
            }
        }
    }

    fn enabled(&self, metadata: &tracing::Metadata<'_>, _context: Context<'_, S>) -> bool {
        metadata.target() == TARGET
    }
}

impl Rest {
    /// Writes what was kept back, and empties the buffers.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(self) -> std::io::Result<()> {
        let mut state = lock(&self.0);
        let kept = std::mem::take(&mut state.kept);
        for line in kept {
            writeln!(state.out, "{line}")?;
        }
        state.out.flush()
    }
}

/// The fields of one event.
#[derive(Debug, Default)]
struct Seen {
    at: u64,
    node: u64,
    kind: String,
    text: String,
}

impl Visit for Seen {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "at" => self.at = value,
            "node" => self.node = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "kind" {
            value.clone_into(&mut self.kind);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.text = format!("{value:?}");
        }
    }
}
