//! A lock service with leases, and a file that whoever holds the lock may write to.
//!
//! n1 grants the lock, each time with a higher token, and takes it back when its lease ends:
//! the holder may be slow, or gone. Then two of them may think that they hold it. So the file,
//! here on the same node, takes a write only with the newest token (a fence). The mistake is
//! to do without: `Lock<false>`.

use serde::{Deserialize, Serialize};
use snowglobe::prelude::*;

const SERVER: NodeId = NodeId(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    Server { file: File, holder: Option<NodeId>, fenced: bool },
    Client { call: Option<InvocationId>, token: Option<u64> },
}

/// What the disk of the server holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct File {
    granted: u64,
    written: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Record {
    Granted(u64),
    Written(u64),
}

impl Durable for File {
    type Write = Record;
    fn apply(&mut self, record: &Record) {
        match record {
            Record::Granted(token) => self.granted = *token,
            Record::Written(token) => self.written = *token,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    Acquire,
    Granted(u64),
    Write(u64),
    Written(u64, bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    Lease,
    Retry,
}

const LEASE: Range<Duration> = Duration::from_millis(300)..Duration::from_millis(600);
const RETRY: Range<Duration> = Duration::from_millis(100)..Duration::from_millis(200);

impl Process for Node {
    /// Whether there is a fence.
    type Config = bool;
    type Message = Message;
    type Timer = Timer;
    type Operation = ();
    type Outcome = ();
    type Durable = File;

    fn start(id: NodeId, fenced: &bool, file: File, _: &mut Effects<Self>) -> Self {
        match id {
            SERVER => Self::Server { file, holder: None, fenced: *fenced },
            _ => Self::Client { call: None, token: None },
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match (self, input) {
            (Self::Server { holder, .. }, Input::Timeout(_)) => *holder = None,
            (Self::Server { file, holder, fenced }, Input::Receive { from, message }) => {
                let answer = match message {
                    Message::Acquire if holder.is_none_or(|holder| holder == from) => {
                        if holder.is_none() {
                            file.granted += 1;
                            effects.persist(Record::Granted(file.granted));
                            effects.set_timer(Timer::Lease, LEASE);
                            *holder = Some(from);
                        }
                        Message::Granted(file.granted)
                    }
                    Message::Write(token) => {
                        let accepted = !*fenced || token == file.granted;
                        if accepted {
                            file.written = token;
                            effects.persist(Record::Written(token));
                            effects.cancel_timer(Timer::Lease);
                            *holder = None;
                        } else {
                            effects.mark("lock.fenced_off");
                        }
                        Message::Written(token, accepted)
                    }
                    _ => return,
                };
                effects.send(from, answer);
            }
            (Self::Client { call, token }, input) => {
                match input {
                    Input::Invoke { invocation, .. } => *call = Some(invocation),
                    Input::Receive { message: Message::Granted(new), .. } => *token = Some(new),
                    Input::Receive { message: Message::Written(old, accepted), .. } => {
                        if *token != Some(old) {
                            return;
                        }
                        *token = None;
                        if accepted && let Some(call) = call.take() {
                            effects.reply(call, ());
                        }
                    }
                    _ => {}
                }
                if call.is_some() {
                    let message = token.map_or(Message::Acquire, Message::Write);
                    effects.send(SERVER, message);
                    effects.set_timer(Timer::Retry, RETRY);
                }
            }
            (Self::Server { .. }, Input::Invoke { .. }) => {}
        }
    }
}

/// No write is overtaken by an older one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TokensNeverGoBack(u64);

impl Invariants<Node> for TokensNeverGoBack {
    fn executed(
        &mut self,
        _: &impl ClusterView<Node>,
        node: NodeId,
        effect: &Effect<Node>,
    ) -> Result<(), Violation> {
        let Effect::Persist(Record::Written(token)) = effect else { return Ok(()) };
        let newest = self.0.max(*token);
        self.0 = newest;
        if newest > *token {
            let expected = format!("a write with token {newest} or later");
            let found = format!("one with token {token}");
            return Err(Violation::new("tokens-never-go-back", [node], expected, found));
        }
        Ok(())
    }
}

/// With fences, as it must be, or without.
pub struct Lock<const FENCED: bool>;

pub const SYSTEM: Entry<Lock<true>> = Entry::MODELLED;
pub const MISTAKEN: Entry<Lock<false>> = Entry::MODELLED;

fn clients(nodes: usize) -> impl Iterator<Item = NodeId> {
    (1..nodes).map(NodeId::at)
}

impl<const FENCED: bool> System for Lock<FENCED> {
    type Process = Node;
    type Invariants = TokensNeverGoBack;
    type Options = NoOptions;
    type Workload = Calls<Node>;

    const NAME: &'static str = if FENCED { "lock" } else { "lock-without-fences" };
    const ABOUT: &'static str = "a lock service with leases";
    const NODES: (usize, usize) = (2, 9);
    const PROPERTIES: &'static [&'static str] = &["tokens-never-go-back"];
    const MARKS: &'static [&'static str] = if FENCED { &["lock.fenced_off"] } else { &[] };

    fn membership(nodes: usize, _: &NoOptions) -> Membership {
        Membership::groups([1], nodes - 1)
    }

    fn configs(nodes: usize, _: &NoOptions) -> Vec<bool> {
        vec![FENCED; nodes]
    }

    fn workload(scenario: &Scenario, _: &NoOptions) -> Calls<Node> {
        Calls::new(scenario, clients(scenario.nodes), |_, _| ())
    }
}

impl<const FENCED: bool> Small for Lock<FENCED> {
    fn clients(nodes: usize, _: &NoOptions, _: &Bounds) -> Vec<Client<()>> {
        clients(nodes).map(|node| Client::of(node, [()])).collect()
    }
}
