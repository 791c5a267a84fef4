//! The key/value service: its tuning, its users, its stories.
//!
//! Servers are the nodes `n1` to `n<nodes>`; behind them come the clerks, each
//! on a node of its own, so that a clerk crashes, stalls, and sits on the wrong
//! side of a partition like anybody else.

mod shaken;
mod story;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::Bounds;
use snowglobe_checkers::linearizability::specifications::{TextInput, TextOutput};
use snowglobe_checkers::models::kv::KvSetting;
use snowglobe_systems::kv::{self, Invariants as Promises, Key, Node, Outcome, Response, Value};
use snowglobe_systems::process::{NodeId, Process};
use snowglobe_systems::raft::MARKS as RAFT_MARKS;
use snowglobe_systems::replica;
use snowglobe_systems::service::marks::MARKS as CLERK_MARKS;
use snowglobe_systems::service::{ClerkConfig, Config};

use crate::options::{ELECTIONS, REPLICA, SERVICE, SESSIONS, TEXTS};
use crate::replicated::Replicated;
use crate::users::{self, Answer, Habits, TextService};
use crate::{quorum, transfers};
use snowglobe::draw::Draw;
use snowglobe::faults::Membership;
use snowglobe::scenarios::RecoveryBound;
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::ranges::{BOUND, Ranges, no_more_than};
use snowglobe::scenarios::story::Story;
use snowglobe::scenarios::{Modelled, System};
use snowglobe::world::{Director, World};

pub use self::shaken::Shaken;
use self::story::KvTeller;
pub use self::witness::Watched;

/// The key/value service on Raft.
#[derive(Debug)]
pub struct KvSystem;

/// The world of a run.
pub type KvWorld = World<Node, Watched>;

/// Tuning and workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KvOptions {
    /// How many clerks there are, each on a node of its own.
    pub clerks: u8,
    /// How many users call each clerk, each one call at a time.
    pub users_per_clerk: u8,
    /// How many of the users only get, and only what all share. They stay with
    /// a leader that can no longer commit, and would believe what it says.
    pub readers: u8,
    /// How many calls a clerk has under way at a time.
    pub lanes: u8,
    /// How many keys all users share.
    pub keys: u8,
    /// Of a hundred calls for shared keys, how many are for the first of them.
    pub hot_in_100: u8,
    /// Of a hundred calls, how many are for a key of the user's own, to which
    /// only it appends.
    pub own_in_100: u8,
    /// Of a hundred calls, how many are gets.
    pub gets_in_100: u8,
    /// The bytes that a value has beside the name of its user and its number.
    pub value_bytes: usize,
    /// The longest pause of a user between two calls, in milliseconds.
    pub think_ms: u64,
    /// Of a hundred compare-and-swaps, how many are for the value that a key has already.
    pub swaps_same_in_100: u8,
    /// How long a user waits for an answer before it goes on at another clerk, in
    /// milliseconds; 0 for as long as it takes.
    pub leaves_after_ms: u64,
    /// For how many milliseconds all users call without a pause, before they rest for
    /// three times as long; 0 for an even load.
    pub bursts_ms: u64,
    /// How long a clerk waits for its first answer, in milliseconds; the
    /// library's default unless said.
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
    /// How many of its last answers a server remembers; the library's default
    /// unless said. With 0 all that knows repetitions is what the log decides.
    pub remembered_answers: Option<usize>,
}

impl Default for KvOptions {
    fn default() -> Self {
        Self {
            clerks: 3,
            users_per_clerk: 1,
            readers: 0,
            lanes: 1,
            keys: 4,
            hot_in_100: 30,
            own_in_100: 40,
            gets_in_100: 40,
            value_bytes: 0,
            think_ms: 20,
            swaps_same_in_100: 0,
            leaves_after_ms: 0,
            bursts_ms: 0,
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
            remembered_answers: None,
        }
    }
}

impl KvOptions {
    /// The same workload under the library's default tuning.
    fn with_library_tuning(self) -> Self {
        let Self {
            patience_ms,
            idle_ms,
            election_ms,
            election_spread_ms,
            patient_elections,
            max_sessions,
            session_idle_entries,
            snapshot_chunk_bytes,
            compaction_tail,
            max_pending,
            remembered_answers,
            ..
        } = Self::default();
        Self {
            patience_ms,
            idle_ms,
            election_ms,
            election_spread_ms,
            patient_elections,
            max_sessions,
            session_idle_entries,
            snapshot_chunk_bytes,
            compaction_tail,
            max_pending,
            remembered_answers,
            ..self
        }
    }
}

impl System for KvSystem {
    type Process = Node;
    type Invariants = Watched;
    type Options = KvOptions;
    type Workload = Shaken;

    const NAME: &'static str = "kv";
    const ABOUT: &'static str = "a key/value service on Raft, judged by what its clients saw";
    const NODES: (usize, usize) = (1, 31);
    const PROPERTIES: &'static [&'static str] = &[
        "appended-once",
        "chain-is-whole",
        "clerk-asks-on",
        "state-follows-log",
    ];
    const RANGES: Ranges = &[
        ELECTIONS,
        REPLICA,
        SESSIONS,
        SERVICE,
        TEXTS,
        &[("remembered_answers", BOUND)],
    ];

    fn marks() -> Vec<&'static str> {
        [RAFT_MARKS, CLERK_MARKS, users::MARKS, &[transfers::ASKED]].concat()
    }

    fn draw_options(draw: &mut Draw, _nodes: usize) -> KvOptions {
        // At most a dozen users: what more of them do to one key at a time, and
        // never look at, takes long to judge and shows no more.
        let clerks = draw.range(1..5) as u8;
        let lanes = *draw.weighted(&[(3, 1), (1, 2), (1, 4)]);
        let lanes = if clerks > 2 { lanes.min(2) } else { lanes };
        let crowding = *draw.weighted(&[(3, 0), (1, 1)]);
        let value_bytes = *draw.pick(&[0, 0, 16, 200]);
        // A snapshot must cross the slowest link in a few seconds, however much was written.
        let pieces = match value_bytes {
            200 => [4096, 4096, 65536],
            _ => [1024, 4096, 65536],
        };
        // Users need a leader that stays for a few calls, so elections must take
        // longer than the slowest links (Raft paper, 5.6). Raft by itself is
        // shaken with less.
        let elections = [(200, 300), (300, 300), (300, 600), (500, 300)];
        let (election_ms, election_spread_ms) = *draw.pick(&elections);
        let drawn = KvOptions {
            clerks,
            users_per_clerk: lanes + crowding,
            readers: draw.below(u64::from(clerks * (lanes + crowding))) as u8,
            lanes,
            keys: *draw.pick(&[1, 2, 4, 8]),
            hot_in_100: *draw.pick(&[0, 30, 80]),
            own_in_100: *draw.pick(&[0, 30, 80]),
            gets_in_100: *draw.pick(&[20, 40, 80]),
            value_bytes,
            think_ms: *draw.pick(&[0, 5, 20, 100, 1000]),
            swaps_same_in_100: 0,
            leaves_after_ms: 0,
            bursts_ms: 0,
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
            snapshot_chunk_bytes: Some(*draw.pick(&pieces)),
            compaction_tail: Some(*draw.pick(&[0, 0, 2, 20])),
            max_pending: Some(*draw.weighted(&[(6, 1024), (1, 1), (1, 3)])),
            remembered_answers: Some(*draw.pick(&[1, 1, 2, 1024])),
        };
        // What users of the library get who tune nothing.
        let drawn = match draw.below(10) {
            0 => drawn.with_library_tuning(),
            _ => drawn,
        };
        KvOptions {
            gets_in_100: *draw.weighted(&[(8, drawn.gets_in_100), (1, 5), (1, 95)]),
            swaps_same_in_100: *draw.pick(&[0, 0, 30]),
            leaves_after_ms: *draw.pick(&[0, 0, 0, 300, 2000]),
            bursts_ms: *draw.pick(&[0, 0, 0, 300, 2000]),
            ..drawn
        }
    }

    fn check_options(options: &KvOptions) -> Result<(), String> {
        let users = u64::from(options.clerks) * u64::from(options.users_per_clerk);
        if users > MOST_USERS {
            return Err(format!(
                "`clerks` times `users_per_clerk` must be at most {MOST_USERS}, not {users}"
            ));
        }
        no_more_than(("readers", u64::from(options.readers)), ("users", users))
    }

    fn membership(nodes: usize, options: &KvOptions) -> Membership {
        Membership::groups([nodes], usize::from(options.clerks))
    }

    fn enlarged(draw: &mut Draw, nodes: usize, options: KvOptions) -> (usize, KvOptions) {
        match draw.below(2) {
            0 => (draw.range(11..32) as usize, options),
            _ => {
                let clerks = draw.range(40..101) as u8;
                let larger = KvOptions {
                    clerks,
                    users_per_clerk: 1,
                    lanes: 1,
                    readers: 0,
                    keys: 64,
                    hot_in_100: 0,
                    think_ms: 1000,
                    leaves_after_ms: 0,
                    bursts_ms: 0,
                    // With less room they would lose their sessions to each other for ever.
                    max_sessions: usize::from(clerks) + 64,
                    session_idle_entries: 0,
                    ..options
                };
                (nodes, larger)
            }
        }
    }

    fn recovery_bound(scenario: &Scenario, options: &Self::Options) -> RecoveryBound {
        let users = u64::from(options.clerks) * u64::from(options.users_per_clerk);
        let clerk = clerk(scenario.nodes, options);
        let raft = server(scenario.nodes, options).raft;
        let leaves_after = Duration::from_millis(options.leaves_after_ms);
        let service = Replicated::new(&raft, &clerk, options.users_per_clerk).left_after(
            leaves_after,
            scenario,
            users,
        );
        RecoveryBound::of(&service.parts(scenario))
    }

    fn lasting(options: &KvOptions) -> Option<KvOptions> {
        Some(KvOptions {
            think_ms: options.think_ms.max(2000),
            leaves_after_ms: 0,
            bursts_ms: 0,
            ..options.clone()
        })
    }

    fn configs(nodes: usize, options: &KvOptions) -> Vec<Config> {
        let server = Config::Server(server(nodes, options));
        let clerk = Config::Clerk(clerk(nodes, options));
        let mut configs = vec![server; nodes];
        configs.resize(nodes + usize::from(options.clerks), clerk);
        configs
    }

    fn workload(scenario: &Scenario, options: &KvOptions) -> Shaken {
        Shaken::new(scenario, options)
    }

    fn storyteller(
        scenario: &Scenario,
        options: &KvOptions,
    ) -> Result<Box<dyn Director<Node, Watched>>, String> {
        let members = Self::membership(scenario.nodes, options);
        let teller = KvTeller::new(scenario, options);
        Ok(Box::new(Story::new(scenario, &members, teller)?))
    }
}

impl Modelled for KvSystem {
    type Setting = KvSetting;

    fn small_options(bounds: &Bounds) -> KvOptions {
        KvOptions {
            clerks: bounds.clients,
            keys: 1,
            ..KvOptions::default()
        }
    }

    fn setting(nodes: usize, options: &KvOptions, bounds: &Bounds) -> KvSetting {
        KvSetting::new(bounds.clone(), Self::configs(nodes, options))
    }

    fn setting_around(nodes: usize, options: &KvOptions, bounds: &Bounds) -> KvSetting {
        KvSetting::tuned(bounds.clone(), Self::configs(nodes, options))
    }

    fn promises(invariants: &Watched) -> Promises {
        invariants.promises().clone()
    }

    fn term(durable: &<Node as Process>::Durable) -> u64 {
        durable.term.0
    }

    const NOT_ASKED_AROUND: Option<&'static str> =
        Some("what a store that is in use may answer is not known");
}

/// So many fit behind the largest cluster, and no story needs more.
const MOST_USERS: u64 = 600;

fn server(nodes: usize, options: &KvOptions) -> replica::Config {
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
    if let Some(answers) = options.remembered_answers {
        config.remembered_answers = answers;
    }
    config
}

fn clerk(nodes: usize, options: &KvOptions) -> ClerkConfig {
    let mut config = ClerkConfig::of((0..nodes).map(NodeId::at));
    config.lanes = options.lanes;
    if let Some(millis) = options.patience_ms {
        let patience = Duration::from_millis(millis);
        config.patience = patience..patience + patience / 4;
        config.doublings = (LONGEST_PATIENCE_MS / millis)
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
fn clerks(nodes: usize, options: &KvOptions) -> impl Iterator<Item = NodeId> + use<> {
    (nodes..nodes + usize::from(options.clerks)).map(NodeId::at)
}

/// What users need to know of the options.
fn habits(options: &KvOptions) -> Habits {
    Habits {
        users_per_clerk: options.users_per_clerk,
        readers: options.readers,
        keys: options.keys,
        hot_in_100: options.hot_in_100,
        own_in_100: options.own_in_100,
        gets_in_100: options.gets_in_100,
        value_bytes: options.value_bytes,
        think_ms: options.think_ms,
        swaps_same_in_100: options.swaps_same_in_100,
        leaves_after: Duration::from_millis(options.leaves_after_ms),
        bursts: Duration::from_millis(options.bursts_ms),
    }
}

impl TextService for Node {
    fn ask(key: &Arc<str>, input: &TextInput) -> kv::Operation {
        operation(key, input)
    }

    fn answer(outcome: Outcome) -> Result<Answer, Outcome> {
        Ok(Answer::Output(match outcome {
            Outcome::Written(Response::Done) => TextOutput::Done,
            Outcome::Written(Response::Swapped) => TextOutput::Swapped,
            Outcome::Written(Response::Kept) => TextOutput::Kept,
            Outcome::Answered(answer) => {
                TextOutput::Value(answer.0.map_or_else(|| "".into(), |value| value.0))
            }
            Outcome::Indeterminate => return Ok(Answer::Indeterminate),
            other @ (Outcome::Busy
            | Outcome::NotHere { .. }
            | Outcome::TransferStarted
            | Outcome::TransferRefused) => return Err(other),
        }))
    }
}

/// What a store is asked, in the words of its history.
fn operation(key: &str, input: &TextInput) -> kv::Operation {
    let key = Key::from(key);
    let text = |text: &Arc<str>| Value(text.clone());
    kv::Operation::Write(match input {
        TextInput::Get => return kv::Operation::Read(kv::Get { key }),
        TextInput::Put(value) => kv::Command::Put {
            key,
            value: text(value),
        },
        TextInput::Append(value) => kv::Command::Append {
            key,
            value: text(value),
        },
        TextInput::Delete => kv::Command::Delete { key },
        TextInput::Cas { from, to } => kv::Command::Cas {
            key,
            from: text(from),
            to: text(to),
        },
    })
}
