//! The trace: every event of a run, as a digest always and as `tracing` events on request.
//!
//! The digest is what "the same run" means. It takes in every event with its
//! simulated time, node and content, and at the end the states of all nodes;
//! two runs with the same digest did the same things at the same times. Text
//! is made only when a subscriber listens, so a campaign pays for the digest alone.

use std::fmt;

use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;

use crate::time::SimTime;

/// The target of every trace event; a subscriber filters by it.
pub const TARGET: &str = "snowglobe::trace";

/// What sort of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// A message reached its process.
    Deliver = 1,
    /// A message will never arrive: lost, cut off, or its receiver is down.
    Drop = 2,
    /// A timer fired.
    Timeout = 3,
    /// A fault, or the end of one.
    Fault = 4,
    /// The disk: recovery, a checkpoint, an error.
    Disk = 5,
    /// A client called.
    Invoke = 6,
    /// A client was answered.
    Return = 7,
    /// A process started.
    Start = 8,
    /// A process stopped.
    Stop = 9,
    /// The run enters another phase.
    Phase = 10,
    /// A process said that something worth counting happened.
    Mark = 11,
    /// A process told its host something.
    Tell = 12,
    /// A promise was broken.
    Violation = 13,
}

impl EventKind {
    /// The word for it in a timeline.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Drop => "drop",
            Self::Timeout => "timeout",
            Self::Fault => "fault",
            Self::Disk => "disk",
            Self::Invoke => "invoke",
            Self::Return => "return",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Phase => "phase",
            Self::Mark => "mark",
            Self::Tell => "tell",
            Self::Violation => "violation",
        }
    }
}

/// The digest of a whole run; prints as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceDigest(pub u64);

impl fmt::Display for TraceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Takes note of every event of one run.
#[derive(Clone, Debug)]
pub struct Trace {
    digest: Digest,
    events: u64,
    /// Whether a subscriber listens. Asked once per run: a listener that comes later hears nothing.
    listened: bool,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            digest: Digest::new(),
            events: 0,
            listened: tracing::enabled!(target: TARGET, tracing::Level::INFO),
        }
    }
}

impl Trace {
    /// Takes in one event. `content` stands for what the text says; it must
    /// depend on everything in which two different events can differ.
    #[inline]
    pub fn event(
        &mut self,
        at: SimTime,
        node: Option<NodeId>,
        kind: EventKind,
        content: u64,
        text: impl FnOnce() -> String,
    ) {
        self.events += 1;
        let node_word = node.map_or(0, |node| u64::from(node.0));
        self.digest.word(at.0);
        self.digest.word(node_word << 8 | kind as u64);
        self.digest.word(content);
        if self.listened {
            tell(at, node_word, kind, &text());
        }
    }

    /// Takes in bytes that belong to the last event.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.digest.bytes(bytes);
    }

    /// Takes in a final state.
    pub fn state(&mut self, state: &impl std::hash::Hash) {
        self.digest.word(Digest::of(state));
    }

    /// How many events there were.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether text is wanted at all.
    #[must_use]
    pub fn is_listened_to(&self) -> bool {
        self.listened
    }

    /// The digest so far.
    #[must_use]
    pub fn digest(&self) -> TraceDigest {
        TraceDigest(self.digest.value())
    }
}

#[cold]
fn tell(at: SimTime, node: u64, kind: EventKind, text: &str) {
    tracing::info!(target: TARGET, at = at.0, node, kind = kind.word(), "{text}");
}
