//! What waits for a node is taken in batches, and the node is flushed once for each.

use serde::{Deserialize, Serialize};
use snowglobe::prelude::*;
use snowglobe::registry::Registered;
use snowglobe::scenarios::{Histories, How};
use snowglobe::world::World;
use snowglobe::world::engine::Engine;

/// How many letters a postbox has sent on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Sent(u64);

impl Durable for Sent {
    type Write = u64;
    fn apply(&mut self, letters: &u64) {
        self.0 += letters;
    }
}

/// Collects letters, and writes down with one sync how many it sends on at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Postbox {
    letters: Vec<InvocationId>,
}

impl Process for Postbox {
    type Config = ();
    type Message = ();
    type Timer = ();
    type Operation = ();
    /// How many letters went at once.
    type Outcome = usize;
    type Durable = Sent;

    fn start(_: NodeId, (): &(), _: Sent, _: &mut Effects<Self>) -> Self {
        Self {
            letters: Vec::new(),
        }
    }

    fn step(&mut self, input: Input<Self>, _: &mut Effects<Self>) {
        if let Input::Invoke { invocation, .. } = input {
            self.letters.push(invocation);
        }
    }

    fn flush(&mut self, effects: &mut Effects<Self>) {
        let together = self.letters.len();
        if together > 0 {
            effects.persist(together as u64);
            effects.tell(together);
        }
        for letter in self.letters.drain(..) {
            effects.reply(letter, together);
        }
    }
}

/// Twenty people post a letter at once, and somebody writes down what the box says.
#[derive(Clone, Debug, Default)]
struct Crowd {
    answered: usize,
    said: Vec<usize>,
}

const LETTERS: usize = 20;

impl Workload<Postbox, ()> for Crowd {
    fn begin(&mut self, world: &mut World<Postbox, ()>) {
        for _ in 0..LETTERS {
            world.invoke(NodeId(1), ());
        }
    }
    fn alarm(&mut self, _: &mut World<Postbox, ()>, _: u64) {}
    fn returned(&mut self, _: &mut World<Postbox, ()>, _: InvocationId, _: usize) {
        self.answered += 1;
    }
    fn told(&mut self, _: &mut World<Postbox, ()>, node: NodeId, together: usize) {
        assert_eq!(node, NodeId(1));
        self.said.push(together);
    }
    fn settle(&mut self, _: &mut World<Postbox, ()>, _: &[NodeId]) {}
    fn history(&self) -> Option<String> {
        Some(format!("{:?}", self.said))
    }
    fn settled(&mut self, _: &mut World<Postbox, ()>) -> bool {
        self.answered == LETTERS
    }
    fn missing(&self, _: &World<Postbox, ()>) -> String {
        format!("{} of {LETTERS} letters", self.answered)
    }
}

struct Post;

const SYSTEM: Entry<Post> = Entry::NEW;

impl System for Post {
    type Process = Postbox;
    type Invariants = ();
    type Options = NoOptions;
    type Workload = Crowd;

    const NAME: &'static str = "post";
    const ABOUT: &'static str = "letters that go together";
    const NODES: (usize, usize) = (1, 1);

    fn configs(nodes: usize, _: &NoOptions) -> Vec<()> {
        vec![(); nodes]
    }
    fn workload(_: &Scenario, _: &NoOptions) -> Crowd {
        Crowd::default()
    }
}

/// How many letters went at once, each time, where a sync takes a while.
fn sent_together(batch: u64, engine: Engine) -> (String, u64) {
    let sync = Duration::from_millis(50);
    let scenario = Scenario {
        batch,
        sync: sync..sync,
        ..Scenario::calm("post", 1, Seed(1))
    };
    let how = How {
        engine,
        histories: Histories::All,
    };
    let system: &dyn Registered = &SYSTEM;
    let report = system.run_as(&scenario, how).expect("it makes sense");
    assert_eq!(report.verdict.word(), "held");
    let flushed = report.marks.get("world.batch_flushed").copied();
    (report.history.expect("it was kept"), flushed.unwrap_or(0))
}

#[test]
fn what_waits_is_flushed_together_and_no_more_than_may_be() {
    for engine in [Engine::Madsim, Engine::Direct] {
        let alone = format!("{:?}", [1; LETTERS]);
        assert_eq!(sent_together(1, engine), (alone, 0));
        // The first finds the disk idle, and the others wait for its sync.
        let by_four = "[1, 4, 4, 4, 4, 3]".to_owned();
        assert_eq!(sent_together(4, engine), (by_four, 5));
        assert_eq!(sent_together(64, engine), ("[1, 19]".to_owned(), 1));
    }
}

#[test]
fn a_file_says_how_many_go_together() {
    let file = |batch: &str| format!("system = \"post\"\nnodes = 1\nseed = \"1\"\n{batch}\n");
    let read = |batch: &str| file(batch).parse::<Scenario>();
    assert_eq!(read("").expect("it is a scenario").batch, 1);
    assert_eq!(read("batch = 8").expect("it is a scenario").batch, 8);
    for wrong in ["batch = 0", "batch = 1025"] {
        let why = read(wrong).expect_err("there is no such batch").to_string();
        assert!(why.contains("give 1 to 1024"), "{why}");
    }
}
