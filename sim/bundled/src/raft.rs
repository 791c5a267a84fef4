//! Raft under a ledger: its tuning, its clients, its stories.

mod clients;
mod oracle;
mod story;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::Bounds;
use snowglobe_checkers::models::raft::RaftSetting;
use snowglobe_systems::ledger::Ledger;
use snowglobe_systems::process::Process;
use snowglobe_systems::raft::MARKS as RAFT_MARKS;
use snowglobe_systems::raft::invariants::RaftInvariants;
use snowglobe_systems::replica::{self, Replica};

use self::clients::CLIENT_MARKS;
use self::story::RaftTeller;
use crate::options::{ELECTIONS, REPLICA, SESSIONS};
use crate::quorum;
use crate::replicated::Replicated;
use snowglobe::draw::Draw;
use snowglobe::scenarios::RecoveryBound;
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::ranges::{
    BOUND, BOUND_FROM_1, IN_100, Ranges, SOME_MS, UP_TO_AN_HOUR_MS, VALUE_BYTES,
};
use snowglobe::scenarios::story::Story;
use snowglobe::scenarios::{Modelled, System};
use snowglobe::world::{Director, World};

pub use self::clients::RaftClients;

/// Raft, with a ledger on top that shows lost, repeated and reordered commands.
#[derive(Debug)]
pub struct RaftSystem;

/// The process on every node.
pub type RaftProcess = Replica<Ledger>;
/// The world of a run.
pub type RaftWorld = World<RaftProcess, RaftInvariants>;

/// Tuning and workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RaftOptions {
    /// How many clients there are; each has one operation in flight.
    pub clients: u8,
    /// How many of them only read.
    pub watchers: u8,
    /// Of a hundred operations, how many append; the others read.
    pub appends_in_100: u8,
    /// The longest pause of a client between two operations, in milliseconds.
    pub think_ms: u64,
    /// How long a client waits for an answer before it asks another node, in
    /// milliseconds. It doubles with each try, so that impatient clients do
    /// not bury a slow leader under repetitions.
    pub patience_ms: u64,
    /// The bytes that a command carries beside its value.
    pub padding_bytes: usize,
    /// Whether somebody moves the leadership about on purpose.
    pub transfers: bool,
    /// Whether a crowd proposes many values at once and waits for none.
    pub bursts: bool,
    /// The shortest election timeout, in milliseconds. A leader tells that it
    /// lives three times as often.
    pub election_ms: u64,
    /// The longest election timeout beyond the shortest, in milliseconds.
    pub election_spread_ms: u64,
    /// How many client sessions the replicas keep.
    pub max_sessions: usize,
    /// After how many entries that do not name it a session ends; 0 for never.
    pub session_idle_entries: usize,
    /// The number of log entries after which a snapshot is taken; 0 for never.
    pub snapshot_after_entries: usize,
    /// The largest chunk of a snapshot in one message, in bytes; the library's
    /// default unless said.
    pub snapshot_chunk_bytes: Option<usize>,
    /// The most entries that stay in the log of what a snapshot covers; the
    /// library's default unless said.
    pub compaction_tail: Option<usize>,
    /// The most entries under way before servers are busy; the library's default unless said.
    pub max_pending: Option<usize>,
    /// The most entries under way to one peer; the library's default unless said.
    pub max_in_flight: Option<usize>,
    /// The most entries in one message; the library's default unless said.
    pub max_batch: Option<usize>,
}

impl Default for RaftOptions {
    fn default() -> Self {
        Self {
            clients: 3,
            watchers: 0,
            appends_in_100: 70,
            think_ms: 20,
            patience_ms: 800,
            padding_bytes: 0,
            transfers: false,
            bursts: false,
            election_ms: 300,
            election_spread_ms: 300,
            max_sessions: 64,
            session_idle_entries: 0,
            snapshot_after_entries: 100,
            snapshot_chunk_bytes: None,
            compaction_tail: None,
            max_pending: None,
            max_in_flight: None,
            max_batch: None,
        }
    }
}

impl RaftOptions {
    /// The same workload under the library's default tuning.
    fn with_library_tuning(self) -> Self {
        let Self {
            election_ms,
            election_spread_ms,
            session_idle_entries,
            snapshot_chunk_bytes,
            compaction_tail,
            max_pending,
            max_in_flight,
            ..
        } = Self::default();
        Self {
            election_ms,
            election_spread_ms,
            max_sessions: replica::Config::of(1).max_sessions,
            session_idle_entries,
            snapshot_chunk_bytes,
            compaction_tail,
            max_pending,
            max_in_flight,
            ..self
        }
    }
}

impl System for RaftSystem {
    type Process = RaftProcess;
    type Invariants = RaftInvariants;
    type Options = RaftOptions;
    type Workload = RaftClients;

    const NAME: &'static str = "raft";
    const ABOUT: &'static str = "the Raft consensus protocol under a replicated ledger";
    const NODES: (usize, usize) = (1, 31);
    const PROPERTIES: &'static [&'static str] = &[
        "exactly-once",
        "one-history",
        "real-time-order",
        "stale-read",
    ];
    const RANGES: Ranges = &[
        ELECTIONS,
        REPLICA,
        SESSIONS,
        &[
            ("clients", 1..=100),
            ("watchers", 0..=100),
            ("appends_in_100", IN_100),
            ("think_ms", UP_TO_AN_HOUR_MS),
            ("patience_ms", SOME_MS),
            ("padding_bytes", VALUE_BYTES),
            ("snapshot_after_entries", BOUND),
            ("max_in_flight", BOUND_FROM_1),
            ("max_batch", BOUND_FROM_1),
        ],
    ];

    fn marks() -> Vec<&'static str> {
        RAFT_MARKS.iter().chain(CLIENT_MARKS).copied().collect()
    }

    fn draw_options(draw: &mut Draw, _nodes: usize) -> RaftOptions {
        let clients = draw.range(1..7) as u8;
        let drawn = RaftOptions {
            clients,
            watchers: draw.below(u64::from(clients)) as u8,
            appends_in_100: *draw.pick(&[20, 50, 80, 100]),
            think_ms: *draw.pick(&[0, 5, 20, 100]),
            patience_ms: *draw.pick(&[200, 800, 2000]),
            padding_bytes: *draw.pick(&[0, 0, 16, 300]),
            transfers: draw.below(3) == 0,
            bursts: draw.below(3) == 0,
            election_ms: *draw.pick(&[200, 300, 300, 500]),
            election_spread_ms: *draw.pick(&[40, 300, 300, 600]),
            // Room for every client: with fewer they would evict each other
            // for ever. A client that forgets its session evicts somebody.
            max_sessions: usize::from(clients) + *draw.pick(&[0, 1, 64]),
            snapshot_after_entries: *draw.pick(&[0, 10, 10, 40, 200]),
            snapshot_chunk_bytes: Some(*draw.pick(&[64, 200, 4096])),
            session_idle_entries: *draw.pick(&[0, 0, 30, 200]),
            compaction_tail: Some(*draw.pick(&[0, 0, 3, 30])),
            max_pending: Some(*draw.weighted(&[(6, 1024), (1, 1), (1, 3)])),
            max_in_flight: None,
            max_batch: None,
        };
        // What users of the library get who tune nothing.
        let drawn = match draw.below(10) {
            0 => drawn.with_library_tuning(),
            _ => drawn,
        };
        let (rarely, bound) = (draw.below(4), *draw.pick(&[1, 2, 8]));
        let rarely = drawn.max_pending.map(|_| rarely);
        RaftOptions {
            max_in_flight: (rarely == Some(0)).then_some(bound),
            max_batch: (rarely == Some(1)).then_some(bound),
            padding_bytes: *draw.weighted(&[(19, drawn.padding_bytes), (1, 4000)]),
            ..drawn
        }
    }

    fn enlarged(draw: &mut Draw, nodes: usize, options: RaftOptions) -> (usize, RaftOptions) {
        match draw.below(2) {
            0 => (draw.range(11..32) as usize, options),
            _ => {
                let clients = draw.range(40..101) as u8;
                let larger = RaftOptions {
                    clients,
                    think_ms: options.think_ms.max(100),
                    // With less room they would lose their sessions to each other for ever.
                    max_sessions: usize::from(clients) + 64,
                    session_idle_entries: 0,
                    ..options
                };
                (nodes, larger)
            }
        }
    }

    fn recovery_bound(scenario: &Scenario, options: &RaftOptions) -> RecoveryBound {
        let replicated = Replicated {
            longest_election: Duration::from_millis(
                options.election_ms + options.election_spread_ms,
            ),
            servers: scenario.nodes as u64,
            in_turn: 1,
            left_behind: 0,
            patience: clients::LONGEST_PATIENCE.max(Duration::from_millis(options.patience_ms)),
        };
        RecoveryBound::of(&replicated.parts(scenario))
    }

    fn lasting(options: &RaftOptions) -> Option<RaftOptions> {
        Some(RaftOptions {
            think_ms: options.think_ms.max(2000),
            ..options.clone()
        })
    }

    fn configs(nodes: usize, options: &RaftOptions) -> Vec<replica::Config> {
        let mut config = replica::Config::of(nodes);
        config.max_sessions = options.max_sessions;
        config.session_idle_entries =
            (options.session_idle_entries > 0).then_some(options.session_idle_entries);
        config.snapshot_after_entries =
            (options.snapshot_after_entries > 0).then_some(options.snapshot_after_entries);
        let shortest = Duration::from_millis(options.election_ms);
        let spread = Duration::from_millis(options.election_spread_ms);
        quorum::tune(&mut config.raft, shortest, spread);
        quorum::bound(
            &mut config,
            options.snapshot_chunk_bytes,
            options.compaction_tail,
            options.max_pending,
        );
        if let Some(entries) = options.max_in_flight {
            config.raft.max_in_flight_entries = entries;
        }
        if let Some(entries) = options.max_batch {
            config.raft.max_batch_entries = entries;
        }
        vec![config; nodes]
    }

    fn workload(scenario: &Scenario, options: &RaftOptions) -> RaftClients {
        RaftClients::new(scenario, options)
    }

    fn storyteller(
        scenario: &Scenario,
        options: &RaftOptions,
    ) -> Result<Box<dyn Director<RaftProcess, RaftInvariants>>, String> {
        let members = Self::membership(scenario.nodes, options);
        Ok(Box::new(Story::new(scenario, &members, RaftTeller::new())?))
    }
}

impl Modelled for RaftSystem {
    type Setting = RaftSetting;

    fn setting(nodes: usize, options: &RaftOptions, bounds: &Bounds) -> RaftSetting {
        RaftSetting::new(bounds.clone(), Self::configs(nodes, options))
    }

    fn setting_around(nodes: usize, options: &RaftOptions, bounds: &Bounds) -> RaftSetting {
        RaftSetting::tuned(bounds.clone(), Self::configs(nodes, options))
    }

    fn promises(invariants: &RaftInvariants) -> RaftInvariants {
        invariants.clone()
    }

    fn term(durable: &<RaftProcess as Process>::Durable) -> u64 {
        durable.term.0
    }
}
