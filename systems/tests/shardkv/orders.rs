//! Several groups without servers, and a row of configurations: whatever the
//! order in which they turn, install, forget and write, each write that was
//! acknowledged is in the end where the last configuration says, once.

use proptest::prelude::*;
use snowglobe_systems::kv;
use snowglobe_systems::raft::LogIndex;
use snowglobe_systems::replica::{Sequence, StateMachine as _};
use snowglobe_systems::shardctrler::{Configuration, GroupId, Number, Partitioner, Shard};
use snowglobe_systems::shardkv::{Arrival, Command, Group, Holding, Response, ShardSession};
use snowglobe_systems::vec_map::VecMap;

use crate::story::{G1, G2, G3, appending, cases, key_in, servers};

const GROUPS: [GroupId; 3] = [G1, G2, G3];
/// The others have no owner and no part in this.
const SHARDS: [Shard; 3] = [Shard(0), Shard(1), Shard(2)];
const CLIENTS: usize = 2;

/// One decision. Numbers are taken modulo what is there.
#[derive(Clone, Debug)]
enum Action {
    /// A group turns to its next configuration, if it can.
    Turn(usize),
    /// One of all the shards that were ever handed over arrives, perhaps again.
    Install(usize),
    /// A group hears that one of its shards has arrived, if it has; perhaps again.
    Forget(usize),
    /// A client writes to a shard at a group, which may not be its owner. It may
    /// not hear of the answer; then it asks the same again.
    Write {
        client: usize,
        shard: usize,
        group: usize,
        is_heard: bool,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let some = || 0..1000usize;
    let write = (some(), some(), some(), any::<bool>());
    prop_oneof![
        3 => some().prop_map(Action::Turn),
        4 => some().prop_map(Action::Install),
        3 => some().prop_map(Action::Forget),
        6 => write.prop_map(|(client, shard, group, is_heard)| Action::Write {
            client,
            shard,
            group,
            is_heard,
        }),
    ]
}

/// The owners of the shards, or nobody at all.
type Owners = Option<[usize; SHARDS.len()]>;

fn owners() -> impl Strategy<Value = Owners> {
    let group = || 0..GROUPS.len();
    prop_oneof![
        1 => Just(None),
        5 => [group(), group(), group()].prop_map(Some),
    ]
}

fn configuration(number: u64, of: &Owners) -> Configuration {
    let mut owners = vec![None; 10];
    for (shard, group) in of.iter().flatten().enumerate() {
        owners[shard] = Some(GROUPS[*group]);
    }
    let groups = of.map(|_| GROUPS.map(|group| (group, servers(group))));
    Configuration {
        partitioner: Partitioner::default(),
        number: Number(number),
        groups: groups.into_iter().flatten().collect(),
        owners,
    }
}

/// What a client has with a shard: its session, the number of its last write,
/// and the text of that one until it has heard of it.
#[derive(Default)]
struct Dealings {
    session: Option<ShardSession>,
    sequence: u64,
    pending: Option<String>,
}

struct World {
    groups: VecMap<GroupId, Group>,
    configurations: Vec<Configuration>,
    /// Everything that was ever handed over: to whom, and what it is to install.
    sent: Vec<(GroupId, Command)>,
    /// By the client and the shard.
    dealings: VecMap<(usize, Shard), Dealings>,
    /// What must be in each shard.
    texts: VecMap<Shard, String>,
    writes: usize,
}

impl World {
    fn new(row: &[Owners]) -> Self {
        let configurations = row.iter().zip(1..);
        let configurations = configurations.map(|(owners, number)| configuration(number, owners));
        Self {
            groups: GROUPS.map(|group| (group, Group::default())).into(),
            configurations: configurations.collect(),
            sent: Vec::new(),
            dealings: VecMap::new(),
            texts: VecMap::new(),
            writes: 0,
        }
    }

    fn apply(&mut self, group: GroupId, command: &Command) -> Response {
        let machine = self.groups.get_mut(&group).expect("one of three");
        machine.apply(LogIndex(1), command)
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Turn(group) => self.turn(GROUPS[group % GROUPS.len()]),
            Action::Install(number) => self.install(number),
            Action::Forget(number) => self.forget(number),
            Action::Write {
                client,
                shard,
                group,
                is_heard,
            } => {
                let writer = (client % CLIENTS, SHARDS[shard % SHARDS.len()]);
                self.write(writer, GROUPS[group % GROUPS.len()], is_heard);
            }
        }
        self.assert_one_owner_each();
    }

    fn turn(&mut self, group: GroupId) {
        let number = self.groups[&group].configuration().number;
        let next = self.configurations.get(number.0 as usize).cloned();
        let Some(configuration) = next else {
            return;
        };
        let command = Command::ApplyConfig {
            group,
            configuration,
        };
        self.apply(group, &command);
        let outgoing = self.groups[&group].outgoing().iter();
        let new = outgoing.map(|((shard, number), owed)| {
            let install = Command::Install {
                shard: *shard,
                number: *number,
                state: owed.state.clone(),
            };
            (owed.to, install)
        });
        for owed in new.collect::<Vec<_>>() {
            if !self.sent.contains(&owed) {
                self.sent.push(owed);
            }
        }
    }

    /// Nobody proposes to install what comes early.
    fn install(&mut self, number: usize) {
        if self.sent.is_empty() {
            return;
        }
        let (to, command) = self.sent[number % self.sent.len()].clone();
        self.apply(to, &command);
    }

    fn forget(&mut self, number: usize) {
        if self.sent.is_empty() {
            return;
        }
        let (to, Command::Install { shard, number, .. }) = self.sent[number % self.sent.len()]
        else {
            panic!("nothing else is handed over");
        };
        if self.groups[&to].arrival(shard, number) == Arrival::Installed {
            for group in GROUPS {
                self.apply(group, &Command::Forget { shard, number });
            }
        }
    }

    fn write(&mut self, writer: (usize, Shard), group: GroupId, is_heard: bool) {
        let shard = writer.1;
        let dealings = self.dealings.entry(writer).or_default();
        let Some(session) = dealings.session else {
            if let Response::Opened(session) = self.apply(group, &Command::Open { shard }) {
                let dealings = self.dealings.entry(writer).or_default();
                dealings.session = is_heard.then_some(session);
            }
            return;
        };
        if dealings.pending.is_none() {
            dealings.sequence += 1;
            dealings.pending = Some(format!("<{}>", self.writes));
            self.writes += 1;
        }
        let text = dealings.pending.clone().expect("it was just put there");
        let command = Command::Write {
            session,
            sequence: Sequence(dealings.sequence),
            change: appending(shard, &text),
        };
        match self.apply(group, &command) {
            Response::Done { again, .. } => self.is_done(writer, &text, again, is_heard),
            Response::NotOurs | Response::NotYet => {}
            other => panic!("no session ends: {other:?}"),
        }
    }

    /// A group says that a write is done. It is in the shard then, and was
    /// before if that is what the group says.
    fn is_done(&mut self, writer: (usize, Shard), text: &str, again: bool, is_heard: bool) {
        let whole = self.texts.entry(writer.1).or_default();
        assert_eq!(whole.contains(text), again, "{text} in {whole}");
        if !again {
            whole.push_str(text);
        }
        if is_heard && let Some(dealings) = self.dealings.get_mut(&writer) {
            dealings.pending = None;
        }
    }

    fn assert_one_owner_each(&self) {
        for shard in SHARDS {
            let holdings = self
                .groups
                .values()
                .map(|group| group.holdings().get(&shard));
            let owners = holdings.filter(|holding| {
                let holding = holding.as_ref();
                holding.is_some_and(|holding| holding.state().is_some())
            });
            assert!(owners.count() <= 1, "{shard}");
        }
    }

    /// All that is under way comes to its end.
    fn finish(&mut self) {
        // With each round at least one group comes one configuration further.
        for _ in 0..=GROUPS.len() * self.configurations.len() {
            GROUPS.into_iter().for_each(|group| self.turn(group));
            for number in 0..self.sent.len() {
                self.install(number);
                self.forget(number);
            }
        }
    }

    fn assert_in_place(&self) {
        let last = self.configurations.last().expect("one at least");
        for (group, machine) in &self.groups {
            assert_eq!(machine.configuration(), last, "{group}");
            assert!(machine.outgoing().is_empty(), "{group}");
            assert!(!machine.awaits_any(), "{group}");
        }
        for (shard, text) in &self.texts {
            let holders = self
                .groups
                .iter()
                .filter_map(|(group, machine)| Some((*group, machine.holdings().get(shard)?)));
            let holders: Vec<_> = holders.collect();
            let [(holder, holding)] = holders[..] else {
                panic!("{shard} is in one place, not in {holders:?}");
            };
            let is_served = matches!(holding, Holding::Serving(_));
            assert_eq!(last.owner(*shard), is_served.then_some(holder), "{shard}");
            let state = holding.state().expect("it has arrived");
            let found = state.store().get(&key_in(*shard));
            assert_eq!(found.unwrap_or_default(), text, "{shard}");
        }
    }

    /// Every client repeats its last write at the last owner, heard or not.
    fn assert_sessions_are_known(&mut self) {
        let last = self.configurations.last().expect("one at least").clone();
        let dealings = core::mem::take(&mut self.dealings);
        for ((client, shard), dealings) in dealings {
            let (Some(owner), Some(session)) = (last.owner(shard), dealings.session) else {
                continue;
            };
            let change = appending(shard, dealings.pending.as_deref().unwrap_or("x"));
            let key = change.key().clone();
            let sequence = Sequence(dealings.sequence);
            let write = Command::Write {
                session,
                sequence,
                change,
            };
            let text = self.texts.get(&shard).cloned().unwrap_or_default();
            let was_done = match &dealings.pending {
                Some(pending) => text.contains(pending),
                None => dealings.sequence > 0,
            };
            let done = Response::Done {
                response: kv::Response::Done,
                again: was_done,
            };
            assert_eq!(self.apply(owner, &write), done, "{client} {shard}");
            let state = self.groups[&owner].holdings()[&shard].state();
            let now = state.expect("it is served").store().get(&key);
            if was_done {
                assert_eq!(now, Some(&*text));
            }
            self.texts.insert(shard, now.unwrap_or_default().to_owned());
        }
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_the_order_all_writes_are_in_the_end_where_they_belong(
        row in prop::collection::vec(owners(), 1..8),
        actions in prop::collection::vec(action(), 0..200),
    ) {
        let mut world = World::new(&row);
        for action in &actions {
            world.act(action);
        }
        world.finish();
        world.assert_in_place();
        world.assert_sessions_are_known();
    }
}
