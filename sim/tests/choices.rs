//! A process that throws dice: a simulation draws what falls, exploration looks at everything
//! that can, and a script says it.

use snowglobe::prelude::*;
use snowglobe::registry::Registered;
use snowglobe::scenarios::{How, RunReport};
use snowglobe::world::engine::Engine;

/// Throws a die with three sides and, if that shows its last side, a coin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Player {
    /// What its start chose.
    mood: u32,
}

impl Process for Player {
    type Config = ();
    type Message = ();
    type Timer = ();
    type Operation = ();
    type Outcome = (u32, u32);
    type Durable = NoDisk;

    fn start(_: NodeId, (): &(), _: NoDisk, effects: &mut Effects<Self>) -> Self {
        let mood = effects.choose(2);
        Self { mood }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        if let Input::Invoke { invocation, .. } = input {
            let die = effects.choose(3);
            let coin = if die == 2 { effects.choose(2) } else { 0 };
            effects.reply(invocation, (die, coin + 10 * self.mood));
        }
    }
}

const NEVER: &str = "never-the-last-sides";

/// Somebody bets that both never show their last side after a bad start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Bet;

impl Invariants<Player> for Bet {
    fn executed(
        &mut self,
        _: &impl ClusterView<Player>,
        node: NodeId,
        effect: &Effect<Player>,
    ) -> Result<(), Violation> {
        match effect {
            Effect::Return {
                outcome: (2, 11), ..
            } => Err(Violation::new(NEVER, [node], "anything else", "both")),
            _ => Ok(()),
        }
    }
}

struct Game;

const SYSTEM: Entry<Game> = Entry::MODELLED;
static GAME: &dyn Registered = &SYSTEM;

impl System for Game {
    type Process = Player;
    type Invariants = Bet;
    type Options = NoOptions;
    type Workload = Calls<Player>;

    const NAME: &'static str = "game";
    const ABOUT: &'static str = "a die and a coin";
    const NODES: (usize, usize) = (1, 3);
    const PROPERTIES: &'static [&'static str] = &[NEVER];

    fn configs(nodes: usize, _: &NoOptions) -> Vec<()> {
        vec![(); nodes]
    }
    fn workload(scenario: &Scenario, _: &NoOptions) -> Calls<Player> {
        let callers = (0..scenario.nodes).map(NodeId::at);
        Calls::new(scenario, callers, |_, _| ())
    }
}

impl Small for Game {
    fn clients(nodes: usize, _: &NoOptions, bounds: &Bounds) -> Vec<Client<()>> {
        let operations = vec![(); usize::from(bounds.operations)];
        vec![Client::of(NodeId::at(nodes - 1), operations)]
    }
}

fn run_on(engine: Engine, scenario: &Scenario) -> RunReport {
    let how = How {
        engine,
        ..How::default()
    };
    GAME.run_as(scenario, how).expect("it makes sense")
}

#[test]
fn a_simulation_draws_what_is_chosen_and_draws_it_again() {
    let seed = snowglobe::testing::finds(GAME, NEVER, 200);
    let scenario = GAME.draw(seed);
    let [one, two] = [Engine::Madsim, Engine::Direct].map(|engine| run_on(engine, &scenario));
    assert_eq!(one.digest, two.digest);
    assert_eq!(one.verdict, two.verdict);
}

/// It takes a restart, for the first start takes the first possibility, and the last side of
/// both.
#[test]
fn exploration_finds_the_one_way_among_all_and_it_replays() {
    let scenario = snowglobe::testing::check_finds(GAME, NEVER);
    let scripted = scenario.scripted.as_ref().expect("it has steps");
    let steps: Vec<String> = scripted.steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        steps,
        [
            "crash n3",
            "restart n3, choosing 1",
            "invoke n3 (), choosing 2 1"
        ]
    );
    let written = scenario.to_toml();
    let read: Scenario = written.parse().expect("it is read");
    for engine in [Engine::Madsim, Engine::Direct] {
        let report = run_on(engine, &read);
        assert_eq!(
            report.verdict.property(),
            Some(NEVER),
            "{:?}",
            report.verdict
        );
    }
}

/// What a step of a script was told to choose must be there to be chosen.
#[test]
fn a_script_cannot_choose_what_is_not_there() {
    let scenario = snowglobe::testing::check_finds(GAME, NEVER);
    for (last, says) in [
        ("invoke n3 (), choosing 3", "chooses one of 3"),
        ("invoke n3 (), choosing 1 1", "chooses one of 3"),
        ("crash n3", ""),
    ] {
        let mut other = scenario.clone();
        let scripted = other.scripted.as_mut().expect("it has steps");
        *scripted.steps.last_mut().expect("the last") = last.parse().expect("a step");
        scripted.reaches = None;
        let report = run_on(Engine::Direct, &other);
        let verdict = format!("{:?}", report.verdict);
        match says {
            "" => assert_eq!(report.verdict.word(), "held", "{verdict}"),
            says => assert!(verdict.contains(says), "{verdict}"),
        }
    }
}
