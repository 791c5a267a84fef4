//! The shard controller: its tuning, its operators, its stories.
//!
//! Servers are the nodes `n1` to `n<nodes>`; behind them come the clerks, each
//! on a node of its own. Operators call clerks: they let groups join and leave,
//! move shards, and look at configurations. The groups' own servers are but
//! names here.

mod book;
mod object;
mod operators;
mod shaken;
mod story;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::Bounds;
use snowglobe_checkers::models::shardctrler::ControllerSetting;
use snowglobe_systems::process::{NodeId, Process};
use snowglobe_systems::raft::MARKS as RAFT_MARKS;
use snowglobe_systems::replica;
use snowglobe_systems::service::marks::MARKS as CLERK_MARKS;
use snowglobe_systems::service::{ClerkConfig, Config};
use snowglobe_systems::shardctrler::{ControllerInvariants, Node};

use self::story::ControllerTeller;
pub(crate) use self::story::partitioner;
use crate::options::{ELECTIONS, REPLICA, SERVICE, SESSIONS};
use crate::quorum;
use crate::replicated::Replicated;
use snowglobe::draw::Draw;
use snowglobe::faults::Membership;
use snowglobe::scenarios::RecoveryBound;
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::ranges::{IN_100, Ranges};
use snowglobe::scenarios::story::Story;
use snowglobe::scenarios::{Modelled, System};
use snowglobe::world::{Director, World};

pub use self::shaken::Shaken;

/// The shard controller on Raft.
#[derive(Debug)]
pub struct ShardctrlerSystem;

/// The world of a run.
pub type ControllerWorld = World<Node, ControllerInvariants>;

/// Tuning and workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControllerOptions {
    /// How many clerks there are, each on a node of its own.
    pub clerks: u8,
    /// How many operators call each clerk, each one call at a time.
    pub users_per_clerk: u8,
    /// How many calls a clerk has under way at a time.
    pub lanes: u8,
    /// Into how many shards operators divide, and about how many they talk.
    pub shards: u16,
    /// How many groups there are to join and to leave.
    pub groups: u8,
    /// Of a hundred calls, how many ask for a configuration.
    pub queries_in_100: u8,
    /// The longest pause of an operator between two calls, in milliseconds.
    pub think_ms: u64,
    /// How long a clerk waits for its first answer, in milliseconds, and a second at
    /// most later on; as usual without one.
    pub patience_ms: Option<u64>,
    /// When a clerk lets an unused session go, in milliseconds.
    pub idle_ms: u64,
    /// Whether somebody moves the leadership about on purpose.
    pub transfers: bool,
    /// The shortest election timeout, in milliseconds. A leader tells that it
    /// lives three times as often.
    pub election_ms: u64,
    /// The longest election timeout beyond the shortest, in milliseconds.
    pub election_spread_ms: u64,
    /// After how many of the longest election timeouts a leader that hears no
    /// majority steps down.
    pub patient_elections: u8,
    /// How many client sessions the servers keep.
    pub max_sessions: usize,
    /// After how many entries that do not name it a session ends; 0 for never.
    pub session_idle_entries: usize,
    /// The bytes of log after which a snapshot is taken; 0 for never.
    pub max_raft_state: usize,
    /// The largest chunk of a snapshot in one message, in bytes; the library's
    /// default unless said.
    pub snapshot_chunk_bytes: Option<usize>,
    /// The most entries that stay in the log of what a snapshot covers; the
    /// library's default unless said.
    pub compaction_tail: Option<usize>,
    /// The most entries under way before servers are busy; the library's default unless said.
    pub max_pending: Option<usize>,
}

impl Default for ControllerOptions {
    fn default() -> Self {
        Self {
            clerks: 3,
            users_per_clerk: 1,
            lanes: 1,
            shards: 10,
            groups: 6,
            queries_in_100: 40,
            think_ms: 20,
            patience_ms: None,
            idle_ms: 60_000,
            transfers: false,
            election_ms: 300,
            election_spread_ms: 300,
            patient_elections: 1,
            max_sessions: 1000,
            session_idle_entries: 0,
            max_raft_state: 0,
            snapshot_chunk_bytes: None,
            compaction_tail: None,
            max_pending: None,
        }
    }
}

/// Marks that the operators reach.
const OPERATOR_MARKS: &[&str] = &[
    "operator.answered",
    "operator.asked_beyond_the_newest",
    "operator.changed_nothing",
    "operator.divided",
    "operator.joined",
    "operator.left",
    "operator.lost_its_clerk",
    "operator.moved",
    "operator.refused",
    "operator.saw_by_number",
    "operator.saw_the_newest",
    "operator.told_maybe",
    "operator.transfer_asked",
];

impl ControllerOptions {
    /// The same nodes and users, with all of the library's own tuning.
    fn tuned_as_usual(self) -> Self {
        let usual = Self::default();
        Self {
            patience_ms: usual.patience_ms,
            idle_ms: usual.idle_ms,
            election_ms: usual.election_ms,
            election_spread_ms: usual.election_spread_ms,
            patient_elections: usual.patient_elections,
            max_sessions: usual.max_sessions,
            session_idle_entries: usual.session_idle_entries,
            max_raft_state: usual.max_raft_state,
            snapshot_chunk_bytes: usual.snapshot_chunk_bytes,
            compaction_tail: usual.compaction_tail,
            max_pending: usual.max_pending,
            ..self
        }
    }
}

impl System for ShardctrlerSystem {
    type Process = Node;
    type Invariants = ControllerInvariants;
    type Options = ControllerOptions;
    type Workload = Shaken;

    const NAME: &'static str = "shardctrler";
    const ABOUT: &'static str = "a shard controller on Raft: which group of servers owns what";
    const NODES: (usize, usize) = (1, 31);
    const PROPERTIES: &'static [&'static str] = &["clerk-asks-on", "joined-groups-are-there"];
    const RANGES: Ranges = &[
        ELECTIONS,
        REPLICA,
        SESSIONS,
        SERVICE,
        &[
            ("shards", 1..=MOST_SHARDS),
            ("groups", 1..=MOST_GROUPS),
            ("queries_in_100", IN_100),
        ],
    ];

    fn marks() -> Vec<&'static str> {
        [RAFT_MARKS, CLERK_MARKS, OPERATOR_MARKS].concat()
    }

    fn draw_options(draw: &mut Draw, _nodes: usize) -> ControllerOptions {
        // There is but one object, so all operations are judged together: at
        // most eight operators keep that quick.
        let clerks = draw.range(1..5) as u8;
        let lanes = *draw.weighted(&[(3, 1), (1, 2), (1, 4)]);
        let crowding = *draw.weighted(&[(3, 0), (1, 1)]);
        // Operators need a leader that stays for a few calls, so elections must
        // take longer than the slowest links (Raft paper, 5.6).
        let elections = [(200, 300), (300, 300), (300, 600), (500, 300)];
        let (election_ms, election_spread_ms) = *draw.pick(&elections);
        let few = draw.range(1..17) as u16;
        let drawn = ControllerOptions {
            clerks,
            users_per_clerk: (lanes + crowding).min(MOST_DRAWN_USERS / clerks),
            lanes,
            shards: *draw.pick(&[10, 10, few]),
            groups: draw.range(2..9) as u8,
            queries_in_100: *draw.pick(&[20, 40, 70]),
            think_ms: *draw.pick(&[20, 100, 1000]),
            patience_ms: Some(*draw.pick(&[100, 300, 800])),
            idle_ms: *draw.pick(&[300, 2000, 60_000]),
            transfers: draw.below(3) == 0,
            election_ms,
            election_spread_ms,
            patient_elections: *draw.pick(&[1, 1, 4]),
            // Room for every lane: with fewer they would evict each other for
            // ever. A clerk that was restarted opens another, and evicts somebody.
            max_sessions: usize::from(clerks * lanes) + *draw.pick(&[1, 4, 64]),
            session_idle_entries: *draw.pick(&[0, 0, 60, 300]),
            max_raft_state: *draw.pick(&[0, 1, 300, 1000, 4000]),
            // The past grows with every change, and a snapshot that holds it
            // must cross the slowest link in a few seconds.
            snapshot_chunk_bytes: Some(*draw.pick(&[2048, 4096, 65536])),
            compaction_tail: Some(*draw.pick(&[0, 0, 2, 20])),
            max_pending: Some(*draw.weighted(&[(6, 1024), (1, 1), (1, 3)])),
        };
        // The last draw of all: it shifts no other.
        match draw.below(10) {
            0 => drawn.tuned_as_usual(),
            _ => drawn,
        }
    }

    fn check_options(options: &ControllerOptions) -> Result<(), String> {
        let users = u64::from(options.clerks) * u64::from(options.users_per_clerk);
        match users <= MOST_USERS {
            true => Ok(()),
            false => Err(format!(
                "`clerks` times `users_per_clerk` must be at most {MOST_USERS}, not {users}"
            )),
        }
    }

    fn membership(nodes: usize, options: &ControllerOptions) -> Membership {
        Membership::groups([nodes], usize::from(options.clerks))
    }

    fn enlarged(
        draw: &mut Draw,
        nodes: usize,
        options: ControllerOptions,
    ) -> (usize, ControllerOptions) {
        match draw.below(2) {
            0 => (draw.range(11..32) as usize, options),
            _ => {
                let larger = ControllerOptions {
                    shards: draw.range(64..257) as u16,
                    groups: MOST_GROUPS as u8,
                    ..options
                };
                (nodes, larger)
            }
        }
    }

    fn recovery_bound(scenario: &Scenario, options: &Self::Options) -> RecoveryBound {
        let clerk = clerk(scenario.nodes, options);
        let raft = server(scenario.nodes, options).raft;
        let service = Replicated::new(&raft, &clerk, options.users_per_clerk);
        RecoveryBound::of(&service.parts(scenario))
    }

    fn lasting(options: &ControllerOptions) -> Option<ControllerOptions> {
        Some(ControllerOptions {
            // Each change stays for ever, in every snapshot.
            think_ms: options.think_ms.max(20_000),
            ..options.clone()
        })
    }

    fn configs(nodes: usize, options: &ControllerOptions) -> Vec<Config> {
        let server = Config::Server(server(nodes, options));
        let clerk = Config::Clerk(clerk(nodes, options));
        let mut configs = vec![server; nodes];
        configs.resize(nodes + usize::from(options.clerks), clerk);
        configs
    }

    fn workload(scenario: &Scenario, options: &ControllerOptions) -> Shaken {
        Shaken::new(scenario, options)
    }

    fn storyteller(
        scenario: &Scenario,
        options: &ControllerOptions,
    ) -> Result<Box<dyn Director<Node, ControllerInvariants>>, String> {
        let members = Self::membership(scenario.nodes, options);
        let teller = ControllerTeller::new(scenario, options);
        Ok(Box::new(Story::new(scenario, &members, teller)?))
    }
}

impl Modelled for ShardctrlerSystem {
    type Setting = ControllerSetting;

    fn small_options(bounds: &Bounds) -> ControllerOptions {
        ControllerOptions {
            clerks: bounds.clients,
            ..ControllerOptions::default()
        }
    }

    fn setting(nodes: usize, options: &ControllerOptions, bounds: &Bounds) -> ControllerSetting {
        ControllerSetting::new(bounds.clone(), Self::configs(nodes, options))
    }

    fn setting_around(
        nodes: usize,
        options: &ControllerOptions,
        bounds: &Bounds,
    ) -> ControllerSetting {
        ControllerSetting::tuned(bounds.clone(), Self::configs(nodes, options))
    }

    fn promises(invariants: &ControllerInvariants) -> ControllerInvariants {
        invariants.clone()
    }

    fn term(durable: &<Node as Process>::Durable) -> u64 {
        durable.term.0
    }

    const NOT_ASKED_AROUND: Option<&'static str> =
        Some("what a controller that is in use may answer is not known");
}

const MOST_DRAWN_USERS: u8 = 8;
/// All that they call is judged together.
const MOST_USERS: u64 = 50;
const MOST_SHARDS: u64 = 10_000;
/// Those that operators name at random; groups of their own begin at g101. No two groups
/// have a server in common, and there are but 255 names.
const MOST_GROUPS: u64 = 16;

fn server(nodes: usize, options: &ControllerOptions) -> replica::Config {
    let some = |number: usize| (number > 0).then_some(number);
    let mut config = replica::Config::of(nodes);
    config.max_sessions = options.max_sessions;
    config.session_idle_entries = some(options.session_idle_entries);
    config.snapshot_after_bytes = some(options.max_raft_state);
    let shortest = Duration::from_millis(options.election_ms);
    let spread = Duration::from_millis(options.election_spread_ms);
    quorum::tune(&mut config.raft, shortest, spread);
    config.raft.quorum_check_interval *= u32::from(options.patient_elections);
    quorum::bound(
        &mut config,
        options.snapshot_chunk_bytes,
        options.compaction_tail,
        options.max_pending,
    );
    config
}

fn clerk(nodes: usize, options: &ControllerOptions) -> ClerkConfig {
    let mut config = ClerkConfig::of((0..nodes).map(NodeId::at));
    config.lanes = options.lanes;
    if let Some(patience_ms) = options.patience_ms {
        let patience = Duration::from_millis(patience_ms);
        config.patience = patience..patience + patience / 4;
        config.doublings = (LONGEST_PATIENCE_MS / patience_ms)
            .checked_ilog2()
            .unwrap_or_default()
            .min(5) as u8;
    }
    config.idle = Duration::from_millis(options.idle_ms);
    config
}

/// Some servers never answer, and one message in five may be lost or late: a
/// clerk must ask dozens of times in the time in which progress is demanded.
const LONGEST_PATIENCE_MS: u64 = 1_000;

/// The clerks of a cluster of so many servers.
fn clerks(nodes: usize, options: &ControllerOptions) -> impl Iterator<Item = NodeId> + use<> {
    (nodes..nodes + usize::from(options.clerks)).map(NodeId::at)
}
