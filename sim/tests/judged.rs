//! The smallest system: one process, and a specification by which its calls are judged.

use serde::{Deserialize, Serialize};
use snowglobe::prelude::*;
use snowglobe::scenarios::{Histories, How};
use snowglobe::testing;
use snowglobe::world::engine::Engine;
use snowglobe_checkers::linearizability::specifications::{
    Register, RegisterInput, RegisterOutput,
};

/// What a register holds, in memory or on its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Held(u64);

impl Durable for Held {
    type Write = u64;
    fn apply(&mut self, value: &u64) {
        self.0 = *value;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Server {
    held: Held,
    forgets: bool,
}

impl Process for Server {
    /// Whether it keeps nothing on its disk.
    type Config = bool;
    type Message = ();
    type Timer = ();
    type Operation = RegisterInput<u64>;
    type Outcome = RegisterOutput<u64>;
    type Durable = Held;

    fn start(_: NodeId, &forgets: &bool, held: Held, _: &mut Effects<Self>) -> Self {
        Self { held, forgets }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        let Input::Invoke {
            invocation,
            operation,
        } = input
        else {
            return;
        };
        let answer = match operation {
            RegisterInput::Read => RegisterOutput::Value(self.held.0),
            RegisterInput::Write(value) => {
                self.held = Held(value);
                if !self.forgets {
                    effects.push(Effect::Persist(value));
                }
                RegisterOutput::Written
            }
        };
        effects.reply(invocation, answer);
    }
}

struct Service<const FORGETS: bool>;

const SYSTEM: Entry<Service<false>> = Entry::NEW;
const FORGETFUL: Entry<Service<true>> = Entry::NEW;

impl<const FORGETS: bool> System for Service<FORGETS> {
    type Process = Server;
    type Invariants = ();
    type Options = NoOptions;
    type Workload = Calls<Server>;

    const NAME: &'static str = "register";
    const ABOUT: &'static str = "a register on one node";
    const NODES: (usize, usize) = (1, 1);

    fn configs(nodes: usize, _: &NoOptions) -> Vec<bool> {
        vec![FORGETS; nodes]
    }

    fn workload(scenario: &Scenario, _: &NoOptions) -> Calls<Server> {
        let mut written = 0;
        let next = move |draw: &mut Draw, _| match draw.below(2) {
            0 => RegisterInput::Read,
            _ => {
                written += 1;
                RegisterInput::Write(written)
            }
        };
        Calls::new(scenario, [NodeId(1); 3], next).judged(
            Register { initial: 0 },
            Clone::clone,
            |outcome: &RegisterOutput<u64>| Some(outcome.clone()),
        )
    }
}

#[test]
fn a_register_that_remembers_is_linearizable() {
    testing::fuzz(&SYSTEM, 100);
}

#[test]
fn one_that_forgets_is_not() {
    testing::finds(&FORGETFUL, "linearizable", 100);
}

/// What a test that cannot pass says.
fn complaint(test: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(test).expect_err("it cannot pass");
    panic.downcast_ref::<String>().expect("in words").clone()
}

#[test]
fn a_test_of_one_that_forgets_names_the_property_and_how_to_run_it_again() {
    let text = complaint(|| testing::fuzz(&FORGETFUL, 100));
    assert!(text.starts_with("FAIL register 0x"), "{text}");
    assert!(text.contains("\n  property  linearizable\n"), "{text}");
    assert!(text.contains("\n  replay    SNOWGLOBE_SEED=0x"), "{text}");
}

#[test]
fn a_test_that_looks_for_what_no_seed_breaks_fails() {
    let text = complaint(|| {
        testing::finds(&SYSTEM, "linearizable", 10);
    });
    assert_eq!(text, "no seed of 10 broke \"linearizable\"");
    let text = complaint(|| {
        testing::finds(&FORGETFUL, "no-panic", 100);
    });
    assert!(text.contains("broke something else"), "{text}");
}

#[test]
fn its_history_can_be_judged_again() {
    let system: &dyn snowglobe::registry::Registered = &SYSTEM;
    let how = How {
        histories: Histories::All,
        ..How::default()
    };
    let report = system
        .run_as(&system.draw(Seed(7)), how)
        .expect("it makes sense");
    let history = report.history.expect("it was kept");
    assert!(history.lines().count() > 10, "{history}");
    assert!(history.contains("\"write\""), "{history}");
}

#[test]
fn a_system_without_a_model_has_nothing_to_explore() {
    let system: &dyn snowglobe::registry::Registered = &SYSTEM;
    assert!(system.scopes().is_empty());
}

#[test]
#[should_panic(expected = "name-of-its-own: two are \"register\"")]
fn two_systems_of_one_name_are_a_mistake() {
    let _ = snowglobe::main(&[&SYSTEM, &FORGETFUL]);
}

#[test]
fn both_engines_come_to_the_same() {
    let system: &dyn snowglobe::registry::Registered = &SYSTEM;
    for seed in (0..100).map(Seed) {
        let scenario = system.draw(seed);
        let [one, other] = [Engine::Madsim, Engine::Direct].map(|engine| {
            let how = How {
                engine,
                ..How::default()
            };
            let report = system.run_as(&scenario, how).expect("it makes sense");
            (report.digest, report.at, report.counters)
        });
        assert_eq!(one, other, "{seed}");
    }
}
