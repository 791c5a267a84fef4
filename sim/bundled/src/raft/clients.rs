//! Clients that append to the ledger and read it.

mod crowd;

use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::ledger::{Ledger, Record, Total};
use snowglobe_systems::process::{InvocationId, NodeId, Process};
use snowglobe_systems::raft::invariants::RaftInvariants;
use snowglobe_systems::replica::{Operation, Outcome, Sequence, SessionId};
use snowglobe_systems::vec_map::VecMap;

use super::oracle::Oracle;
use super::{RaftOptions, RaftProcess, RaftWorld};
use crate::quorum;
use snowglobe::draw::{Draw, PerMillion, Purpose, Streams};
use snowglobe::scenarios::Workload;
use snowglobe::scenarios::file::Scenario;
use snowglobe::time::SimTime;
use snowglobe::world::Broken;

/// Marks that the clients reach.
pub(super) const CLIENT_MARKS: &[&str] = &[
    "client.redirected_to_leader",
    "client.retried_after_unknown",
    "client.gave_up_waiting",
    "client.late_copy_delivered",
    "client.session_expired",
    "client.burst_proposed",
    "client.transfer_asked",
];

/// What a client wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    OpenSession,
    Append {
        value: u64,
        /// The highest position that anybody knew of when the wish was born.
        floor: u64,
    },
    Read,
}

/// What a client does after the chaos: finish, append once, read once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Errand {
    /// The chaos goes on: operations without end.
    Roaming,
    /// One more append is demanded.
    LastAppend,
    /// One more read is demanded.
    LastRead,
    /// Everything demanded was done.
    Done,
}

#[derive(Clone, Debug)]
struct Client {
    draw: Draw,
    /// Whom it asks next.
    target: NodeId,
    session: Option<SessionId>,
    sequence: u64,
    wish: Option<Wish>,
    wished_at: SimTime,
    /// The call that it waits for.
    waits_for: Option<InvocationId>,
    /// An append that was answered, and whose copy is still on its way to a server.
    echo: Option<Echo>,
    /// How many attempts have failed so far.
    tries: u32,
    /// Tells the alarm that counts from those that were overtaken.
    alarm: u32,
    errand: Errand,
}

/// A copy of an append that the network delivers long after the original.
#[derive(Clone, Copy, Debug)]
struct Echo {
    session: SessionId,
    sequence: Sequence,
    value: u64,
}

/// Who made a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    /// A client, by its number.
    Client(usize),
    /// One of many that nobody follows up.
    Crowd,
}

/// A call, as long as its answer may come.
#[derive(Clone, Copy, Debug)]
struct Asked {
    asker: Asker,
    wish: Wish,
    /// The highest position that anybody knew of when the call was made.
    floor: u64,
}

/// Clients that append and read, a crowd that only proposes, and an operator
/// who moves the leadership about.
#[derive(Clone, Debug)]
pub struct RaftClients {
    clients: Vec<Client>,
    operator: Draw,
    crowd: Draw,
    options: RaftOptions,
    asked: VecMap<InvocationId, Asked>,
    next_value: u64,
    oracle: Oracle,
    settling: bool,
    /// Whoever must catch up at the end.
    well: Vec<NodeId>,
}

/// How often an append is delivered again, long after it was answered.
const ECHOES: PerMillion = PerMillion::percent(4);
/// How often a client forgets its session, as one does that was restarted.
const FORGETS: PerMillion = PerMillion::percent(2);
/// A client's patience grows to no more than this power of two.
const MOST_DOUBLINGS: u32 = 5;
/// Longer than two trips over the slowest link, and short enough to ask every
/// node in the time in which progress is demanded.
pub(super) const LONGEST_PATIENCE: Duration = Duration::from_secs(6);
const BACK_OFF: Range<Duration> = Duration::from_millis(5)..Duration::from_millis(60);

impl RaftClients {
    pub(super) fn new(scenario: &Scenario, options: &RaftOptions) -> Self {
        let streams = Streams::new(scenario.seed);
        let clients = (0..options.clients)
            .map(|number| {
                let mut draw = streams.open(Purpose::Workload(u16::from(number)));
                let target = NodeId::at(draw.below(scenario.nodes as u64) as usize);
                Client {
                    draw,
                    target,
                    session: None,
                    sequence: 0,
                    wish: None,
                    wished_at: SimTime::default(),
                    waits_for: None,
                    echo: None,
                    tries: 0,
                    alarm: 0,
                    errand: Errand::Roaming,
                }
            })
            .collect();
        Self {
            clients,
            operator: streams.open(Purpose::Workload(u16::MAX)),
            crowd: streams.open(Purpose::Workload(u16::MAX - 1)),
            options: options.clone(),
            asked: VecMap::new(),
            next_value: 0,
            oracle: Oracle::default(),
            settling: false,
            well: Vec::new(),
        }
    }

    fn ring_for(&mut self, world: &mut RaftWorld, number: usize, after: Duration) {
        let client = &mut self.clients[number];
        client.alarm += 1;
        world.alarm(after, (number as u64) << 32 | u64::from(client.alarm));
    }

    /// Lets a client act: it makes a wish if it has none, and asks its target.
    fn act(&mut self, world: &mut RaftWorld, number: usize) {
        if self.clients[number].wish.is_none() && !self.make_wish(world, number) {
            return;
        }
        self.deliver_echo(world, number);
        let client = &mut self.clients[number];
        let wish = client.wish.expect("a client that acts has a wish");
        let operation = self.operation(number, wish);
        if let Some(invocation) = self.call(world, number, wish, operation) {
            self.clients[number].waits_for = Some(invocation);
            let tries = self.clients[number].tries.min(MOST_DOUBLINGS);
            let patience = Duration::from_millis(self.options.patience_ms << tries);
            let patience = patience.min(LONGEST_PATIENCE);
            self.ring_for(world, number, patience);
        } else {
            self.try_elsewhere(world, number, None);
        }
    }

    fn call(
        &mut self,
        world: &mut RaftWorld,
        number: usize,
        wish: Wish,
        operation: Operation<Ledger>,
    ) -> Option<InvocationId> {
        let floor = self.oracle.floor();
        let invocation = world.invoke(self.clients[number].target, operation)?;
        let asked = Asked {
            asker: Asker::Client(number),
            wish,
            floor,
        };
        self.asked.insert(invocation, asked);
        Some(invocation)
    }

    /// Delivers the late copy of an append, if there is one. Nobody waits for
    /// its answer, but the answer must not contradict the first one.
    fn deliver_echo(&mut self, world: &mut RaftWorld, number: usize) {
        let client = &mut self.clients[number];
        if client.errand != Errand::Roaming || client.draw.below(3) > 0 {
            return;
        }
        if let Some(echo) = client.echo.take() {
            world.mark("client.late_copy_delivered");
            let wish = Wish::Append {
                value: echo.value,
                floor: 0,
            };
            let operation = self.append(Some((echo.session, echo.sequence)), echo.value);
            self.call(world, number, wish, operation);
        }
    }

    fn append(&self, session: Option<(SessionId, Sequence)>, value: u64) -> Operation<Ledger> {
        Operation::Write {
            session,
            command: Record::padded(value, self.options.padding_bytes),
        }
    }

    fn operation(&self, number: usize, wish: Wish) -> Operation<Ledger> {
        let client = &self.clients[number];
        match wish {
            Wish::OpenSession => Operation::OpenSession,
            Wish::Append { value, .. } => {
                let session = client.session;
                let sequence = Sequence(client.sequence);
                self.append(session.map(|session| (session, sequence)), value)
            }
            Wish::Read => Operation::Read { query: Total },
        }
    }

    /// Whether the client wants anything.
    fn make_wish(&mut self, world: &mut RaftWorld, number: usize) -> bool {
        let floor = self.oracle.floor();
        let client = &mut self.clients[number];
        let append = match client.errand {
            Errand::Roaming => {
                if client.draw.chance(FORGETS) {
                    client.session = None;
                }
                // Watchers never append: they stay with a leader that can no
                // longer commit, and would believe what it says.
                let share = match number < usize::from(self.options.watchers) {
                    true => 0,
                    false => self.options.appends_in_100,
                };
                client.draw.below(100) < u64::from(share)
            }
            Errand::LastAppend => true,
            Errand::LastRead => false,
            Errand::Done => return false,
        };
        client.wished_at = world.now();
        client.wish = Some(match (append, client.session) {
            (true, None) => Wish::OpenSession,
            (true, Some(_)) => {
                client.sequence += 1;
                self.next_value += 1;
                Wish::Append {
                    value: self.next_value,
                    floor,
                }
            }
            (false, _) => Wish::Read,
        });
        true
    }

    /// The wish was granted: think, then go on.
    fn granted(&mut self, world: &mut RaftWorld, number: usize) {
        let client = &mut self.clients[number];
        let wish = client.wish.take();
        client.waits_for = None;
        if let (Some(Wish::Append { value, .. }), Some(session)) = (wish, client.session)
            && client.draw.chance(ECHOES)
        {
            client.echo = Some(Echo {
                session,
                sequence: Sequence(client.sequence),
                value,
            });
        }
        client.tries = 0;
        client.errand = match (client.errand, wish) {
            (Errand::LastAppend, Some(Wish::Append { .. })) => Errand::LastRead,
            (Errand::LastRead, Some(Wish::Read)) => Errand::Done,
            (errand, _) => errand,
        };
        // Even a client that never thinks takes a moment: without it, one that
        // is served without a message would ask for ever at the same instant.
        let think = Duration::from_millis(1 + self.options.think_ms);
        let pause = client.draw.duration(Duration::from_millis(1)..think);
        self.ring_for(world, number, pause);
    }

    /// Asks somebody else after a short while.
    fn try_elsewhere(&mut self, world: &mut RaftWorld, number: usize, hint: Option<NodeId>) {
        let nodes = world.size();
        let client = &mut self.clients[number];
        client.waits_for = None;
        client.target = match hint {
            Some(leader) => leader,
            None => NodeId::at((client.target.position() + 1) % nodes),
        };
        let pause = client.draw.duration(BACK_OFF);
        self.ring_for(world, number, pause);
    }

    /// What an answer says, whether or not the client still waits for it.
    fn learn(&mut self, asked: Asked, outcome: &Outcome<Ledger>) -> Result<(), Broken> {
        match (asked.wish, outcome) {
            (Wish::Append { value, floor }, Outcome::Written { response, .. }) => {
                self.oracle.appended(value, response.0, floor)
            }
            (Wish::Read, Outcome::Answered { answer, .. }) => {
                self.oracle.read(answer.count, answer.digest, asked.floor)
            }
            _ => Ok(()),
        }
        .map_err(Broken::Safety)
    }

    fn answered(&mut self, world: &mut RaftWorld, number: usize, outcome: Outcome<Ledger>) {
        match outcome {
            Outcome::SessionOpened { session, .. } => {
                let client = &mut self.clients[number];
                client.session = Some(session);
                client.sequence = 0;
                self.granted(world, number);
            }
            Outcome::Written { .. } | Outcome::Answered { .. } => self.granted(world, number),
            Outcome::NotLeader { hint } => {
                if hint.is_some() {
                    world.mark("client.redirected_to_leader");
                }
                self.try_elsewhere(world, number, hint);
            }
            Outcome::Unknown => {
                world.mark("client.retried_after_unknown");
                self.try_elsewhere(world, number, None);
            }
            // Its back-off is as long as an election; that is enough for a burst.
            Outcome::Busy => self.try_elsewhere(world, number, None),
            Outcome::StaleSequence => {
                let sequence = self.clients[number].sequence;
                world.breaks(Broken::Safety(Violation::new(
                    "exactly-once",
                    [],
                    format!("c{number} to be served its newest call, #{sequence}"),
                    "it was told that a later one was served".to_owned(),
                )));
            }
            Outcome::SessionExpired => {
                // An earlier try may have been applied before the session went.
                world.mark("client.session_expired");
                self.oracle.left_open();
                let client = &mut self.clients[number];
                client.session = None;
                client.wish = None;
                self.try_elsewhere(world, number, None);
            }
            Outcome::TransferStarted | Outcome::TransferRefused => {}
        }
    }

    fn how_things_stand(&self, world: &RaftWorld) -> String {
        let waiting = self
            .clients
            .iter()
            .enumerate()
            .filter(|(_, client)| client.errand != Errand::Done)
            .map(|(number, client)| {
                format!(
                    "c{number} asks {} for {:?} since {}",
                    client.target, client.wish, client.wished_at
                )
            });
        let cluster = world.node_ids().map(|id| match world.process(id) {
            Some(process) => format!("{id} {}", process),
            None => format!("{id} down"),
        });
        waiting.chain(cluster).collect::<Vec<_>>().join("; ")
    }
}

impl Workload<RaftProcess, RaftInvariants> for RaftClients {
    fn begin(&mut self, world: &mut RaftWorld) {
        for number in 0..self.clients.len() {
            let pause = self.clients[number].draw.duration(BACK_OFF);
            self.ring_for(world, number, pause);
        }
        self.begin_crowd(world);
    }

    fn alarm(&mut self, world: &mut RaftWorld, token: u64) {
        if self.crowd_alarm(world, token) {
            return;
        }
        let (number, alarm) = ((token >> 32) as usize, token as u32);
        let client = &self.clients[number];
        if client.alarm != alarm {
            return;
        }
        if client.waits_for.is_some() {
            world.mark("client.gave_up_waiting");
            self.clients[number].tries += 1;
            self.try_elsewhere(world, number, None);
        } else {
            self.act(world, number);
        }
    }

    fn returned(
        &mut self,
        world: &mut RaftWorld,
        invocation: InvocationId,
        outcome: <RaftProcess as Process>::Outcome,
    ) {
        let Some(asked) = self.asked.remove(&invocation) else {
            return;
        };
        if let Err(broken) = self.learn(asked, &outcome) {
            world.breaks(broken);
            return;
        }
        match asked.asker {
            Asker::Client(number) if self.clients[number].waits_for == Some(invocation) => {
                self.answered(world, number, outcome);
            }
            Asker::Client(_) => {}
            Asker::Crowd => self.crowd_answered(&outcome),
        }
    }

    fn settle(&mut self, world: &mut RaftWorld, well: &[NodeId]) {
        self.well = well.to_vec();
        self.settling = true;
        for number in 0..self.clients.len() {
            // Nobody waits on for an answer that a fault took away.
            let client = &mut self.clients[number];
            client.errand = Errand::LastAppend;
            client.tries = 0;
            client.waits_for = None;
            self.ring_for(world, number, Duration::ZERO);
        }
    }

    fn settled(&mut self, world: &mut RaftWorld) -> bool {
        let mut clients = self.clients.iter();
        if clients.any(|client| client.errand != Errand::Done)
            || quorum::lags(world, &self.well).is_some()
        {
            return false;
        }
        if let Err(violation) = self.oracle.adds_up() {
            world.breaks(Broken::Safety(violation));
        }
        true
    }

    fn missing(&self, world: &RaftWorld) -> String {
        let lags = quorum::lags(world, &self.well);
        let all = lags.into_iter().chain([self.how_things_stand(world)]);
        all.collect::<Vec<_>>().join("; ")
    }
}
