//! What a plain loop does step by step, the world does as well when it is told the steps.

use snowglobe_bundled::SYSTEMS;
use std::collections::{BTreeMap, BTreeSet};

use snowglobe::draw::{Draw, Purpose, Streams};
use snowglobe::scenarios::file::{Scenario, Scripted};
use snowglobe::scenarios::{Modelled, Verdict};
use snowglobe::seed::Seed;
use snowglobe::world::Broken;
use snowglobe_bundled::raft::{RaftOptions, RaftProcess, RaftSystem};
use snowglobe_checkers::explore::{Bounds, Setting, StatesDigest, Step, StepInput, naming};
use snowglobe_systems::invariants::{ClusterView, NodeView};
use snowglobe_systems::process::{
    self, Durable, Effect, Effects, Input, InvocationId, NodeId, Process,
};

type RaftSetting = <RaftSystem as Modelled>::Setting;
type Message = <RaftProcess as Process>::Message;
type Timer = <RaftProcess as Process>::Timer;
type Disk = <RaftProcess as Process>::Durable;

const NODES: usize = 3;

/// A cluster in a plain loop: no time, no sockets, no bytes.
struct Plain {
    setting: RaftSetting,
    nodes: Vec<Option<RaftProcess>>,
    disks: Vec<Disk>,
    timers: Vec<BTreeSet<Timer>>,
    /// All that is under way, in the order of sending.
    under_way: Vec<(NodeId, NodeId, Message)>,
    cuts: BTreeSet<(NodeId, NodeId)>,
    asked: BTreeSet<usize>,
    answered: usize,
    calls: u64,
    script: Vec<Step>,
}

impl ClusterView<RaftProcess> for Plain {
    fn len(&self) -> usize {
        self.nodes.len()
    }
    fn node(&self, id: NodeId) -> NodeView<'_, RaftProcess> {
        NodeView {
            process: self.nodes[id.position()].as_ref(),
            durable: &self.disks[id.position()],
        }
    }
}

impl Plain {
    fn new(setting: RaftSetting) -> Self {
        let mut plain = Self {
            setting,
            nodes: vec![None; NODES],
            disks: vec![Disk::default(); NODES],
            timers: vec![BTreeSet::new(); NODES],
            under_way: Vec::new(),
            cuts: BTreeSet::new(),
            asked: BTreeSet::new(),
            answered: 0,
            calls: 0,
            script: Vec::new(),
        };
        for place in 0..NODES {
            let effects = plain.start(NodeId::at(place));
            plain.execute(NodeId::at(place), effects);
        }
        plain
    }

    fn start(&mut self, id: NodeId) -> Vec<Effect<RaftProcess>> {
        let mut effects = Effects::new();
        let place = id.position();
        let config = &self.setting.configs()[place];
        let disk = self.disks[place].clone();
        self.nodes[place] = Some(process::boot(id, config, disk, &mut effects));
        effects.drain().collect()
    }

    fn crash(&mut self, id: NodeId) {
        self.nodes[id.position()] = None;
        self.timers[id.position()].clear();
    }

    fn execute(&mut self, id: NodeId, effects: impl IntoIterator<Item = Effect<RaftProcess>>) {
        for effect in effects {
            match effect {
                Effect::Persist(write) => self.disks[id.position()].apply(&write),
                Effect::Send { to, .. } if self.cuts.contains(&pair(id, to)) => {}
                Effect::Send { to, message } => self.under_way.push((id, to, message)),
                Effect::SetTimer { timer, .. } => {
                    self.timers[id.position()].insert(timer);
                }
                Effect::CancelTimer(timer) => {
                    self.timers[id.position()].remove(&timer);
                }
                Effect::Return { .. } => self.answered += 1,
                Effect::Tell(_) => {}
                Effect::Mark(_) => {}
            }
        }
    }

    /// Executes all effects of a step, or now and then only the first of them.
    fn execute_some(
        &mut self,
        id: NodeId,
        effects: Vec<Effect<RaftProcess>>,
        draw: &mut Draw,
    ) -> Option<usize> {
        let crash_after =
            (draw.below(25) == 0).then(|| draw.below(effects.len() as u64 + 1) as usize);
        let count = crash_after.unwrap_or(effects.len());
        self.execute(id, effects.into_iter().take(count));
        if crash_after.is_some() {
            self.crash(id);
        }
        crash_after
    }

    fn input(&mut self, input: StepInput, taken: Input<RaftProcess>, draw: &mut Draw) {
        let id = input.node();
        let mut effects = Effects::new();
        let process = self.nodes[id.position()].as_mut().expect("it is up");
        process::take(process, taken, &mut effects);
        let effects = effects.drain().collect();
        let crash_after = self.execute_some(id, effects, draw);
        self.script.push(Step::Input {
            input,
            choices: Vec::new(),
            crash_after,
        });
    }

    fn up(&self) -> Vec<NodeId> {
        let places = (0..NODES).filter(|place| self.nodes[*place].is_some());
        places.map(NodeId::at).collect()
    }

    fn deliver(&mut self, draw: &mut Draw) {
        let up = self.up();
        let places: Vec<usize> = (0..self.under_way.len())
            .filter(|place| up.contains(&self.under_way[*place].1))
            .collect();
        if places.is_empty() {
            return;
        }
        let place = *draw.pick(&places);
        let (from, to, message) = self.under_way[place].clone();
        let words =
            |(_, _, message): &(NodeId, NodeId, Message)| RaftSetting::message_words(message);
        let between = |it: &&(NodeId, NodeId, Message)| (it.0, it.1) == (from, to);
        let texts: Vec<String> = self.under_way.iter().filter(between).map(words).collect();
        let among = self.under_way[..place].iter().filter(between).count();
        let input = StepInput::Deliver {
            from,
            to,
            message: texts[among].clone(),
            which: naming::which_of(among, &texts),
            stays: draw.below(10) == 0,
        };
        if !matches!(input, StepInput::Deliver { stays: true, .. }) {
            self.under_way.remove(place);
        }
        self.input(input, Input::Receive { from, message }, draw);
    }

    fn timeout(&mut self, draw: &mut Draw) {
        let up = self.up();
        if up.is_empty() {
            return;
        }
        let node = *draw.pick(&up);
        let armed: Vec<Timer> = self.timers[node.position()].iter().copied().collect();
        if armed.is_empty() {
            return;
        }
        let timer = *draw.pick(&armed);
        self.timers[node.position()].remove(&timer);
        let words = RaftSetting::timer_words(timer);
        let input = StepInput::Timeout { node, timer: words };
        self.input(input, Input::Timeout(timer), draw);
    }

    fn invoke(&mut self, draw: &mut Draw) {
        let up = self.up();
        let clients = self.setting.clients();
        let open = (0..clients.len()).find(|client| !self.asked.contains(client));
        let (Some(client), false) = (open, up.is_empty()) else {
            return;
        };
        let operation = clients[client].operations[0].clone();
        let node = *draw.pick(&up);
        self.asked.insert(client);
        self.calls += 1;
        let input = StepInput::Invoke {
            node,
            operation: RaftSetting::operation_words(&operation),
        };
        let invocation = InvocationId(self.calls);
        let taken = Input::Invoke {
            invocation,
            operation,
        };
        self.input(input, taken, draw);
    }

    fn restart(&mut self, draw: &mut Draw) {
        if let Some(place) = (0..NODES).find(|place| self.nodes[*place].is_none()) {
            let node = NodeId::at(place);
            let effects = self.start(node);
            let crash_after = self.execute_some(node, effects, draw);
            self.script.push(Step::Restart {
                node,
                choices: Vec::new(),
                crash_after,
            });
        }
    }

    fn fault(&mut self, draw: &mut Draw) {
        let node = NodeId::at(draw.below(NODES as u64) as usize);
        let other = NodeId::at((node.position() + 1) % NODES);
        match draw.below(3) {
            0 if self.up().len() > 1 && self.up().contains(&node) => {
                self.crash(node);
                self.script.push(Step::Crash(node));
            }
            1 => {
                let cut = pair(node, other);
                self.cuts.insert(cut);
                self.under_way
                    .retain(|(from, to, _)| pair(*from, *to) != cut);
                self.script.push(Step::Cut(node, other));
            }
            _ => {
                self.cuts.remove(&pair(node, other));
                self.script.push(Step::Mend(other, node));
            }
        }
    }

    fn go(&mut self, steps: usize, draw: &mut Draw) {
        while self.script.len() < steps {
            match draw.below(100) {
                0..70 => self.deliver(draw),
                70..83 => self.timeout(draw),
                83..88 => self.invoke(draw),
                88..95 => self.restart(draw),
                _ => self.fault(draw),
            }
        }
    }
}

fn pair(one: NodeId, other: NodeId) -> (NodeId, NodeId) {
    (one.min(other), one.max(other))
}

fn bounds() -> Bounds {
    Bounds {
        operations: 12,
        snapshot_after: 2,
        ..Bounds::default()
    }
}

/// What a plain loop comes to, as the scenario that should come to the same.
fn played(seed: u64, steps: usize) -> (Plain, Scenario) {
    let bounds = bounds();
    let setting = RaftSystem::setting(NODES, &RaftOptions::default(), &bounds);
    let mut plain = Plain::new(setting);
    let mut draw = Streams::new(Seed(seed)).open(Purpose::Custom(1));
    plain.go(steps, &mut draw);
    let scenario = Scenario {
        scripted: Some(Scripted {
            after_step: None,
            steps: plain.script.clone(),
            bounds,
            reaches: Some(StatesDigest::of(&plain)),
        }),
        ..Scenario::calm("raft", NODES, Seed(seed))
    };
    (plain, scenario)
}

#[test]
fn the_world_comes_to_the_states_of_a_plain_loop() {
    let (mut answered, mut marks) = (0, BTreeMap::new());
    for seed in 0..24 {
        let (plain, scenario) = played(seed, 600);
        let text = scenario.to_toml();
        let read: Scenario = text.parse().expect("what is written is read");
        assert_eq!(read, scenario);
        let report = SYSTEMS.run(&read).expect("the script fits");
        assert_eq!(report.verdict, Verdict::Held, "seed {seed}");
        assert_eq!(report.states, StatesDigest::of(&plain));
        assert_eq!(report.counters.returned, plain.answered as u64);
        assert_eq!(report.counters.invoked, plain.calls);
        answered += plain.answered;
        for (mark, count) in report.marks {
            *marks.entry(mark).or_insert(0) += count;
        }
    }
    // Equal states say little if nothing came about.
    assert!(answered > 20, "only {answered} answers");
    for mark in ["raft.restart_with_vote", "raft.log_compacted"] {
        assert!(
            marks.contains_key(mark),
            "{mark} was not reached: {marks:?}"
        );
    }
}

#[test]
fn a_script_that_leads_elsewhere_is_told() {
    let (plain, mut scenario) = played(1, 100);
    let expected = StatesDigest(1);
    let scripted = scenario.scripted.as_mut().expect("it is a script");
    scripted.reaches = Some(expected);
    let report = SYSTEMS.run(&scenario).expect("the script fits");
    let Verdict::Broke(breakage) = report.verdict else {
        panic!("{:?}", report.verdict);
    };
    let found = StatesDigest::of(&plain);
    assert_eq!(breakage.broken, Broken::Elsewhere { expected, found });
}
