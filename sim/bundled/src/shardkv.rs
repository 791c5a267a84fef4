//! The sharded key/value service: its tuning, its users and operators, its stories.
//!
//! The servers of the controller are the first nodes, then come the groups one
//! after the other, then whoever asks them: operators, who change the
//! configuration, and clerks, each on a node of its own.

mod layout;
mod operators;
mod seen;
mod shaken;
mod story;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::Bounds;
use snowglobe_checkers::linearizability::specifications::TextInput;
use snowglobe_checkers::models::shardkv::ShardkvSetting;
use snowglobe_systems::kv;
use snowglobe_systems::process::{NodeId, Process};
use snowglobe_systems::raft::{self, MARKS as RAFT_MARKS, Voters};
use snowglobe_systems::replica;
use snowglobe_systems::service::marks::MARKS as CLERK_MARKS;
use snowglobe_systems::service::{self, ClerkConfig};
use snowglobe_systems::shardctrler::Partitioner;
use snowglobe_systems::shardkv::invariants::ShardkvInvariants;
use snowglobe_systems::shardkv::marks::MARKS as GROUP_MARKS;
use snowglobe_systems::shardkv::{Config, Durable, Node, Operation, Outcome, ServerConfig, marks};

use crate::options::{ELECTIONS, REPLICA, SERVICE, TEXTS};
use crate::replicated::Replicated;
use crate::users::{self, Answer, Habits, TextService};
use crate::{quorum, transfers};
use snowglobe::draw::Draw;
use snowglobe::faults::Membership;
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::ranges::{Ranges, SOME_MS, UP_TO_AN_HOUR_MS, no_more_than};
use snowglobe::scenarios::story::Story;
use snowglobe::scenarios::{Modelled, System};
use snowglobe::scenarios::{RecoveryBound, recovery};
use snowglobe::world::{Director, World};

use self::layout::Layout;
use self::operators::MARKS as OPERATOR_MARKS;
pub use self::shaken::Shaken;
use self::story::ShardkvTeller;
pub use self::witness::Watched;

/// The sharded key/value service with its controller.
#[derive(Debug)]
pub struct ShardkvSystem;

/// The world of a run.
pub type ShardkvWorld = World<Node, Watched>;

/// Tuning and workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShardkvOptions {
    /// How many groups there are, g1 and so on. Each has as many servers as the
    /// scenario has nodes.
    pub groups: u8,
    /// How many servers the controller has.
    pub controllers: u8,
    /// How many shards there are.
    pub shards: u16,
    /// How keys are divided into them.
    pub partitioner: Partitioner,
    /// How many operators change the configuration, each on a node of its own.
    pub operators: u8,
    /// The longest pause of an operator between two changes, in milliseconds.
    pub change_ms: u64,
    /// How many changes an operator makes by itself at most.
    pub changes: u16,
    /// Whether operators name other servers for a group now and then.
    pub regroup: bool,
    /// How many clerks there are, each on a node of its own.
    pub clerks: u8,
    /// How many of the clerks, the first ones, ask a second controller, which
    /// the groups do not follow.
    pub misled: u8,
    /// How many users call each clerk, each one call at a time.
    pub users_per_clerk: u8,
    /// How many of the users only get, and only what all share.
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
    /// How long a clerk waits for its first answer, in milliseconds, and a second at
    /// most later on; as usual without one.
    pub patience_ms: Option<u64>,
    /// When a clerk lets sessions go that it does not use, in milliseconds.
    pub idle_ms: u64,
    /// How long a leader waits before it asks for the next configuration again,
    /// in milliseconds, and at most as much again; as usual without one.
    pub poll_ms: Option<u64>,
    /// How long a leader waits before it hands a shard over again, in
    /// milliseconds, and at most as much again.
    pub hand_over_ms: u64,
    /// Whether somebody moves the leadership of groups about on purpose.
    pub transfers: bool,
    /// The shortest election timeout, in milliseconds. A leader tells that it
    /// lives three times as often.
    pub election_ms: u64,
    /// The longest election timeout beyond the shortest, in milliseconds.
    pub election_spread_ms: u64,
    /// After how many of the longest election timeouts a leader that hears no
    /// majority steps down.
    pub patient_elections: u8,
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

impl Default for ShardkvOptions {
    fn default() -> Self {
        Self {
            groups: 3,
            controllers: 3,
            shards: 10,
            partitioner: Partitioner::default(),
            operators: 1,
            change_ms: 1000,
            changes: 10,
            regroup: false,
            clerks: 3,
            misled: 0,
            users_per_clerk: 1,
            readers: 0,
            lanes: 1,
            keys: 8,
            hot_in_100: 0,
            own_in_100: 40,
            gets_in_100: 40,
            value_bytes: 0,
            think_ms: 20,
            swaps_same_in_100: 0,
            leaves_after_ms: 0,
            bursts_ms: 0,
            patience_ms: None,
            idle_ms: 60_000,
            poll_ms: None,
            hand_over_ms: 100,
            transfers: false,
            election_ms: 300,
            election_spread_ms: 300,
            patient_elections: 1,
            max_raft_state: 0,
            snapshot_chunk_bytes: None,
            compaction_tail: None,
            max_pending: None,
        }
    }
}

impl System for ShardkvSystem {
    type Process = Node;
    type Invariants = Watched;
    type Options = ShardkvOptions;
    type Workload = Shaken;

    const NAME: &'static str = "shardkv";
    const ABOUT: &'static str =
        "a sharded key/value service: groups that hand shards over while clients call";
    const NODES: (usize, usize) = (1, 5);
    const PROPERTIES: &'static [&'static str] = &["chain-is-whole", "clerk-asks-on"];
    const RANGES: Ranges = &[
        ELECTIONS,
        REPLICA,
        SERVICE,
        TEXTS,
        &[
            ("groups", 1..=MOST_GROUPS),
            ("controllers", 1..=9),
            ("shards", 1..=1000),
            ("operators", 1..=20),
            ("change_ms", UP_TO_AN_HOUR_MS),
            ("changes", 0..=65_535),
            ("misled", 0..=60),
            ("poll_ms", SOME_MS),
            ("hand_over_ms", SOME_MS),
        ],
    ];

    fn marks() -> Vec<&'static str> {
        let mut marks = every_mark();
        marks.retain(|mark| !UNREACHED.contains(mark));
        marks
    }

    fn draw_options(draw: &mut Draw, _nodes: usize) -> ShardkvOptions {
        let clerks = draw.range(1..4) as u8;
        let lanes = *draw.weighted(&[(3, 1), (2, 2)]);
        let crowding = *draw.weighted(&[(3, 0), (1, 1)]);
        let value_bytes = *draw.pick(&[0, 0, 16, 200]);
        let pieces = match value_bytes {
            200 => [4096, 4096, 65536],
            _ => [1024, 4096, 65536],
        };
        let elections = [(200, 300), (300, 300), (300, 600), (500, 300)];
        let (election_ms, election_spread_ms) = *draw.pick(&elections);
        let drawn = ShardkvOptions {
            groups: *draw.weighted(&[(1, 1), (3, 2), (3, 3), (1, 4)]),
            controllers: *draw.weighted(&[(1, 1), (3, 3)]),
            shards: *draw.weighted(&[(1, 1), (1, 2), (2, 5), (6, 10), (1, 24)]),
            partitioner: Partitioner::default(),
            operators: draw.range(1..3) as u8,
            change_ms: *draw.pick(&[50, 300, 1000, 3000]),
            // Groups must come to the last configuration one by one, over links
            // that lose messages, in the time in which progress is demanded.
            changes: *draw.pick(&[2, 6, 12]),
            regroup: false,
            clerks,
            misled: 0,
            users_per_clerk: lanes + crowding,
            readers: draw.below(u64::from(clerks * (lanes + crowding))) as u8,
            lanes,
            keys: *draw.pick(&[1, 2, 4, 12]),
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
            poll_ms: Some(*draw.pick(&[20, 50, 200])),
            hand_over_ms: *draw.pick(&[50, 100, 300, 1000]),
            transfers: draw.below(3) == 0,
            election_ms,
            election_spread_ms,
            patient_elections: *draw.pick(&[1, 1, 4]),
            max_raft_state: *draw.pick(&[0, 1, 300, 1000, 4000]),
            snapshot_chunk_bytes: Some(*draw.pick(&pieces)),
            compaction_tail: Some(*draw.pick(&[0, 0, 2, 20])),
            // A group takes several shards in at a time, beside what its clients write.
            max_pending: Some(*draw.weighted(&[(6, 1024), (1, 8), (1, 32)])),
        };
        let drawn = match draw.below(10) {
            0 => drawn.tuned_as_usual(),
            _ => drawn,
        };
        ShardkvOptions {
            gets_in_100: *draw.weighted(&[(8, drawn.gets_in_100), (1, 5), (1, 95)]),
            swaps_same_in_100: *draw.pick(&[0, 0, 30]),
            leaves_after_ms: *draw.pick(&[0, 0, 0, 0, 2000]),
            bursts_ms: *draw.pick(&[0, 0, 0, 300, 2000]),
            regroup: draw.below(3) == 0,
            partitioner: *draw.weighted(&[(7, Partitioner::Hash), (1, Partitioner::FirstByte)]),
            ..drawn
        }
    }

    fn check_options(options: &ShardkvOptions) -> Result<(), String> {
        let clerks = u64::from(options.clerks);
        if clerks > MOST_CLERKS {
            return Err(format!(
                "`clerks` must be at most {MOST_CLERKS}, not {clerks}"
            ));
        }
        if options.partitioner == Partitioner::FirstByte && options.shards > MOST_BY_FIRST_BYTE {
            return Err(format!(
                "`shards` must be at most {MOST_BY_FIRST_BYTE} where keys are divided by their first \
                 byte, not {}: there are no more that one can print",
                options.shards
            ));
        }
        let users = clerks * u64::from(options.users_per_clerk);
        no_more_than(("misled", u64::from(options.misled)), ("clerks", clerks))?;
        no_more_than(("readers", u64::from(options.readers)), ("users", users))
    }

    fn membership(nodes: usize, options: &ShardkvOptions) -> Membership {
        Layout::new(nodes, options).membership()
    }

    fn enlarged(draw: &mut Draw, nodes: usize, options: ShardkvOptions) -> (usize, ShardkvOptions) {
        let larger = ShardkvOptions {
            groups: draw.range(6..MOST_GROUPS + 1) as u8,
            shards: *draw.pick(&[50, 100]),
            // There are more shards than characters.
            partitioner: Partitioner::Hash,
            change_ms: options.change_ms.max(1000),
            ..options
        };
        (nodes.min(3), larger)
    }

    fn recovery_bound(scenario: &Scenario, options: &ShardkvOptions) -> RecoveryBound {
        let servers: Vec<NodeId> = (0..scenario.nodes).map(NodeId::at).collect();
        let users = u64::from(options.clerks) * u64::from(options.users_per_clerk);
        let clerk = clerk_of(&servers, options.lanes, options);
        let raft = replica(&servers, options).raft;
        let leaves_after = Duration::from_millis(options.leaves_after_ms);
        let service = Replicated::new(&raft, &clerk, options.users_per_clerk).left_after(
            leaves_after,
            scenario,
            users,
        );
        let changes = u64::from(options.operators) * u64::from(options.changes);
        let poll = Duration::from_millis(2 * options.poll_ms.unwrap_or(LONGEST_POLL_MS));
        let hand_over = Duration::from_millis(2 * options.hand_over_ms);
        let change = poll + hand_over + 4 * recovery::exchange(scenario) + service.longest_election;
        let changes = (
            changes,
            change,
            "the longest step from one configuration to the next",
        );
        let parts = [&service.parts(scenario)[..], &[changes]].concat();
        RecoveryBound::of(&parts)
    }

    fn lasting(options: &ShardkvOptions) -> Option<ShardkvOptions> {
        Some(ShardkvOptions {
            think_ms: options.think_ms.max(5000),
            leaves_after_ms: 0,
            bursts_ms: 0,
            poll_ms: options.poll_ms.map(|poll| poll.max(1000)),
            hand_over_ms: options.hand_over_ms.max(1000),
            change_ms: options.change_ms.max(60_000),
            changes: 50,
            ..options.clone()
        })
    }

    fn configs(nodes: usize, options: &ShardkvOptions) -> Vec<Config> {
        Layout::new(nodes, options).configs(options)
    }

    fn workload(scenario: &Scenario, options: &ShardkvOptions) -> Shaken {
        Shaken::new(scenario, options)
    }

    fn storyteller(
        scenario: &Scenario,
        options: &ShardkvOptions,
    ) -> Result<Box<dyn Director<Node, Watched>>, String> {
        let members = Self::membership(scenario.nodes, options);
        let teller = ShardkvTeller::new(scenario, options);
        Ok(Box::new(Story::new(scenario, &members, teller)?))
    }
}

impl Modelled for ShardkvSystem {
    type Setting = ShardkvSetting;

    fn small_options(bounds: &Bounds) -> ShardkvOptions {
        ShardkvOptions {
            groups: 2,
            controllers: 1,
            clerks: bounds.clients,
            ..ShardkvOptions::default()
        }
    }

    /// A shard moves to and fro between two groups.
    fn check_small_options(options: &ShardkvOptions) -> Result<(), String> {
        match (options.groups, options.misled) {
            (2, 0) => Ok(()),
            (2, _) => Err("`misled` must be 0 in a small world".to_owned()),
            (groups, _) => Err(format!("`groups` must be 2 in a small world, not {groups}")),
        }
    }

    /// The operator calls the controller itself, and needs no node.
    fn setting(nodes: usize, options: &ShardkvOptions, bounds: &Bounds) -> ShardkvSetting {
        let options = ShardkvOptions {
            operators: 0,
            ..options.clone()
        };
        ShardkvSetting::new(bounds.clone(), Self::configs(nodes, &options))
    }

    fn setting_around(nodes: usize, options: &ShardkvOptions, bounds: &Bounds) -> ShardkvSetting {
        ShardkvSetting::tuned(bounds.clone(), Self::configs(nodes, options))
    }

    fn promises(invariants: &Watched) -> ShardkvInvariants {
        invariants.promises().clone()
    }

    fn term(durable: &<Node as Process>::Durable) -> u64 {
        match durable {
            Durable::Nothing => 0,
            Durable::Controller(durable) => durable.term.0,
            Durable::Group(durable) => durable.term.0,
        }
    }

    const NOT_ASKED_AROUND: Option<&'static str> =
        Some("what shards that are in use may answer is not known");
}

/// So many fit into a world with as many servers each as may be.
const MOST_GROUPS: u64 = 12;
/// With all groups at their largest, no more have a name.
const MOST_CLERKS: u64 = 60;

/// How many shards there are at most if the first byte of a key decides: one for each that prints.
const MOST_BY_FIRST_BYTE: u16 = (b'~' - b'!' + 1) as u16;

/// What a story may count.
fn every_mark() -> Vec<&'static str> {
    let own = [GROUP_MARKS, OPERATOR_MARKS, &[transfers::ASKED]].concat();
    [RAFT_MARKS, CLERK_MARKS, users::MARKS, &own].concat()
}

/// What no run reaches that holds: groups open no sessions with replicas, and
/// the controller and the shards have room for all that a run needs.
const UNREACHED: &[&str] = &[
    raft::marks::SESSION_EVICTED,
    raft::marks::SESSION_EXPIRED,
    raft::marks::SESSION_IDLED_OUT,
    service::marks::SESSION_LOST,
    users::TOLD_MAYBE,
    // Operators and clerks of a drawn run are of one mind about who is where.
    marks::SHARD_MISDIRECTED,
    marks::WRONG_SHARD,
];

impl ShardkvOptions {
    /// The same nodes and users, with all of the library's own tuning.
    fn tuned_as_usual(self) -> Self {
        let usual = Self::default();
        Self {
            patience_ms: usual.patience_ms,
            idle_ms: usual.idle_ms,
            poll_ms: usual.poll_ms,
            hand_over_ms: usual.hand_over_ms,
            election_ms: usual.election_ms,
            election_spread_ms: usual.election_spread_ms,
            patient_elections: usual.patient_elections,
            max_raft_state: usual.max_raft_state,
            snapshot_chunk_bytes: usual.snapshot_chunk_bytes,
            compaction_tail: usual.compaction_tail,
            max_pending: usual.max_pending,
            ..self
        }
    }
}

/// What users need to know of the options.
fn habits(options: &ShardkvOptions) -> Habits {
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

/// A replica among its voters.
fn replica(voters: &[NodeId], options: &ShardkvOptions) -> replica::Config {
    let mut config = replica::Config::of(voters.len());
    config.voters = Voters::new(voters.iter().copied());
    config.snapshot_after_bytes = (options.max_raft_state > 0).then_some(options.max_raft_state);
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

/// A clerk of some servers, with so many calls at a time.
fn clerk_of(servers: &[NodeId], lanes: u8, options: &ShardkvOptions) -> ClerkConfig {
    let mut config = ClerkConfig::of(servers.iter().copied());
    config.lanes = lanes;
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

/// The poll of those who tune nothing, at most, in milliseconds.
const LONGEST_POLL_MS: u64 = 100;

/// A server of a group.
fn server(
    group: snowglobe_systems::shardctrler::GroupId,
    voters: &[NodeId],
    controller: ClerkConfig,
    options: &ShardkvOptions,
) -> ServerConfig {
    let and_more = |millis: u64| {
        let least = Duration::from_millis(millis);
        least..2 * least
    };
    let mut config = ServerConfig::of(group, replica(voters, options), controller);
    if let Some(poll_ms) = options.poll_ms {
        config.poll = and_more(poll_ms);
    }
    config.hand_over = and_more(options.hand_over_ms);
    config
}

impl TextService for Node {
    fn ask(key: &Arc<str>, input: &TextInput) -> Operation {
        Operation::Keys(kv::Node::ask(key, input))
    }

    fn answer(outcome: Outcome) -> Result<Answer, Outcome> {
        match outcome {
            Outcome::Keys(outcome) => kv::Node::answer(outcome).map_err(Outcome::Keys),
            other @ Outcome::Controller(_) => Err(other),
        }
    }
}
