//! Scripts: steps that leave nothing to chance, and what they say when they do not fit.

use std::thread;
use std::time::Duration;

use snowglobe_checkers::explore::{Bounds, Client, Property, TimerKind};
use snowglobe_checkers::models::raft::RaftSetting;
use snowglobe_systems::invariants::{ClusterView, Violation};

use snowglobe::scenarios::file::Scripted;
use snowglobe::scenarios::file::{Expectation, Scenario};
use snowglobe::scenarios::script::{Script, held_against_its_file};
use snowglobe::scenarios::{CannotRun, Modelled, Verdict};
use snowglobe::seed::Seed;
use snowglobe::world::Blueprint;
use snowglobe::world::Broken;
use snowglobe::world::engine;
use snowglobe::world::engine::Finished;
use snowglobe::world::network::LinkQuality;
use snowglobe_bundled::SYSTEMS;
use snowglobe_bundled::raft::{RaftOptions, RaftSystem};
use snowglobe_checkers::explore::{RECOVERS, Setting, StatesDigest, Step};
use snowglobe_systems::process::{NodeId, Process};

type OperationOf<S> = <<S as Setting>::Process as Process>::Operation;
type OutcomeOf<S> = <<S as Setting>::Process as Process>::Outcome;

/// n1 is elected by n2, and has told nobody.
const ELECTED: [&str; 5] = [
    "timeout n1 election",
    "deliver n1->n2 PreVote",
    "deliver n2->n1 PreVoteReply",
    "deliver n1->n2 RequestVote",
    "deliver n2->n1 RequestVoteReply",
];

fn bounds() -> Bounds {
    Bounds {
        operations: 3,
        ..Bounds::default()
    }
}

fn parsed(steps: &[&str]) -> Vec<Step> {
    let parse = |line: &&str| line.parse().expect("a step");
    steps.iter().map(parse).collect()
}

fn scripted(steps: &[&str]) -> Scenario {
    Scenario {
        scripted: Some(Scripted {
            after_step: None,
            steps: parsed(steps),
            bounds: bounds(),
            reaches: None,
        }),
        ..Scenario::calm("raft", 3, Seed(5))
    }
}

fn verdict(steps: &[&str]) -> Verdict {
    let report = SYSTEMS.run(&scripted(steps));
    report.expect("everybody is there").verdict
}

#[test]
fn a_step_that_cannot_be_taken_is_told_with_what_there_was_instead() {
    for (last, says) in [
        (
            "deliver n1->n3 RequestVote t2",
            "under way: PreVote t0 last i0@t0; RequestVote t1",
        ),
        ("deliver n1->n3 RequestVote t1 (2nd)", "no such message"),
        ("deliver n3->n2 PreVote", "elsewhere: n1->n3 PreVote"),
        ("timeout n2 heartbeat", "armed: election"),
        ("timeout n1 nap", "armed: heartbeat; quorum check"),
        ("invoke n1 forget", "they may ask for: record 1; count"),
        ("restart n2", "n2 is up"),
        (
            "timeout n1 heartbeat, crash after 99 effects",
            "n1 is up, since its step has only",
        ),
    ] {
        let steps: Vec<&str> = ELECTED.into_iter().chain([last]).collect();
        let Verdict::Broke(breakage) = verdict(&steps) else {
            panic!("{last:?} was taken");
        };
        let Broken::Script { number, step, why } = breakage.broken else {
            panic!("{last:?}: {:?}", breakage.broken);
        };
        assert_eq!((number, step.as_str()), (6, last));
        assert!(why.contains(says), "{why:?} should say {says:?}");
    }
}

#[test]
fn who_is_down_takes_no_step() {
    for last in [
        "timeout n2 election",
        "deliver n1->n2 PreVote",
        "invoke n2 count",
        "crash n2",
    ] {
        let broke = verdict(&["timeout n1 election", "crash n2", last]);
        let Verdict::Broke(breakage) = broke else {
            panic!("{last:?} was taken");
        };
        assert!(
            matches!(&breakage.broken, Broken::Script { number: 3, why, .. } if why == "n2 is down"),
            "{last:?}: {:?}",
            breakage.broken
        );
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_it_is_run() {
    let stranger = SYSTEMS.run(&scripted(&["crash n4"]));
    assert!(
        matches!(&stranger, Err(CannotRun::Unfit(why)) if why.contains("step 1, \"crash n4\"")),
        "{stranger:?}"
    );
}

#[test]
fn a_script_of_no_steps_leaves_everybody_at_the_start() {
    let report = SYSTEMS.run(&scripted(&[])).expect("it makes sense");
    assert_eq!(report.verdict, Verdict::Held);
    assert_eq!(report.counters.steps, 0);
}

/// A setting that writes down what it is told of calls, and finds fault with the answer to one client.
#[derive(Clone, Debug)]
struct Diary {
    raft: RaftSetting,
    displeases: Option<usize>,
}

impl Setting for Diary {
    type Process = <RaftSetting as Setting>::Process;
    type Invariants = <RaftSetting as Setting>::Invariants;
    type Judge = Vec<String>;

    const NAME: &'static str = "diary";

    fn bounds(&self) -> &Bounds {
        self.raft.bounds()
    }
    fn configs(&self) -> &[<Self::Process as Process>::Config] {
        self.raft.configs()
    }
    fn clients(&self) -> &[Client<OperationOf<RaftSetting>>] {
        self.raft.clients()
    }
    fn properties(&self) -> Vec<Property> {
        Vec::new()
    }
    fn timer_kind(&self, timer: <Self::Process as Process>::Timer) -> Option<TimerKind> {
        self.raft.timer_kind(timer)
    }
    fn called(&self, judge: &mut Self::Judge, client: usize, _: &OperationOf<RaftSetting>) {
        judge.push(format!("called {client}"));
    }
    fn returned(
        &self,
        judge: &mut Self::Judge,
        client: usize,
        _: &OutcomeOf<RaftSetting>,
    ) -> Result<(), Violation> {
        judge.push(format!("returned {client}"));
        match self.displeases {
            Some(displeases) if displeases == client => {
                Err(Violation::new("pleasant", [], "another answer", "this one"))
            }
            _ => Ok(()),
        }
    }
    fn abandoned(&self, judge: &mut Self::Judge, client: usize) {
        judge.push(format!("abandoned {client}"));
    }
    fn shape(&self, _cluster: &impl ClusterView<Self::Process>) -> String {
        String::new()
    }
    fn is_well(
        &self,
        _cluster: &impl ClusterView<Self::Process>,
        _: &[NodeId],
    ) -> Result<(), String> {
        Ok(())
    }
    fn message_words(message: &<Self::Process as Process>::Message) -> String {
        RaftSetting::message_words(message)
    }
    fn timer_words(timer: <Self::Process as Process>::Timer) -> String {
        RaftSetting::timer_words(timer)
    }
    fn operation_words(operation: &OperationOf<RaftSetting>) -> String {
        RaftSetting::operation_words(operation)
    }
}

/// What a judge is told of a script that begins with an election, and what breaks.
fn judged(steps: &[&str], displeases: Option<usize>) -> (Vec<String>, Option<Broken>) {
    let (finished, judge) = finished(steps, displeases);
    (judge, finished.breakage.map(|breakage| breakage.broken))
}

fn finished(steps: &[&str], displeases: Option<usize>) -> (Finished, Vec<String>) {
    let raft = RaftSystem::setting(3, &RaftOptions::default(), &bounds());
    let steps: Vec<&str> = ELECTED.iter().chain(steps).copied().collect();
    let steps = parsed(&steps);
    let run = thread::spawn(move || {
        let blueprint = Blueprint {
            seed: Seed(5),
            configs: raft.configs().to_vec(),
            links: LinkQuality::default(),
            sync: Duration::ZERO..Duration::ZERO,
            checkpoint_bytes: 4096,
            faults: Vec::new(),
            batch: 1,
            step_budget: 1000,
        };
        let script = Script::new(Diary { raft, displeases }, steps);
        engine::run::<_, <Diary as Setting>::Invariants, _>(blueprint, script)
    });
    let (finished, script) = run.join().expect("the world does not panic");
    (finished, script.into_judge())
}

const COMMITTED: [&str; 5] = [
    "invoke n1 record 1",
    "deliver n1->n2 AppendEntries",
    "deliver n2->n1 AppendEntriesReply",
    "deliver n1->n2 AppendEntries",
    "deliver n2->n1 AppendEntriesReply",
];

#[test]
fn the_judge_is_told_of_every_call_and_answer() {
    let (told, broken) = judged(&COMMITTED, None);
    assert_eq!(broken, None);
    assert_eq!(told, ["called 0", "returned 0"]);
    let (_, broken) = judged(&COMMITTED, Some(0));
    assert!(matches!(broken, Some(Broken::Safety(it)) if it.property == "pleasant"));
}

#[test]
fn who_called_a_node_that_went_down_is_abandoned() {
    let (told, broken) = judged(&["invoke n1 count", "crash n1", "invoke n3 record 2"], None);
    assert_eq!(broken, None);
    // n3 does not lead, and says so at once.
    assert_eq!(told, ["called 1", "abandoned 1", "called 2", "returned 2"]);
    // Whoever goes down within the step that answers has answered, if that came first.
    let (mut answered, mut abandoned) = (0, 0);
    for effects in 0..8 {
        let last = format!("deliver n2->n1 AppendEntriesReply, crash after {effects} effects");
        let steps = [&COMMITTED[..4], &[&last]].concat();
        match judged(&steps, None) {
            (_, Some(Broken::Script { .. })) => {}
            (told, None) if told == ["called 0", "returned 0"] => answered += 1,
            (told, None) if told == ["called 0", "abandoned 0"] => abandoned += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(answered > 0 && abandoned > 0, "{answered} {abandoned}");
}

/// What a run comes to that ends well or with an unpleasant answer, held
/// against a file that expects something, and other states.
fn held_against(expect: Expectation, displeases: Option<usize>) -> Option<&'static str> {
    let (mut finished, _) = finished(&COMMITTED, displeases);
    let mut scenario = Scenario {
        expect,
        ..scripted(&[])
    };
    let before = finished.breakage.clone();
    scenario.scripted.as_mut()?.reaches = Some(finished.states);
    held_against_its_file(&mut finished, &scenario);
    assert_eq!(finished.breakage, before, "these are the states");
    scenario.scripted.as_mut()?.reaches = Some(StatesDigest(1));
    held_against_its_file(&mut finished, &scenario);
    match finished.breakage?.broken {
        Broken::Elsewhere { .. } => Some("elsewhere"),
        Broken::Safety(violation) => Some(violation.property),
        other => panic!("{other:?}"),
    }
}

#[test]
fn other_states_void_the_expected_end_and_hide_no_other() {
    let violates = |property: &str| Expectation::Violates(property.to_owned());
    for (expect, displeases, comes_to) in [
        (Expectation::Held, None, "elsewhere"),
        (violates("pleasant"), None, "elsewhere"),
        (violates("pleasant"), Some(0), "elsewhere"),
        (violates("log-matching"), Some(0), "pleasant"),
        (Expectation::Held, Some(0), "pleasant"),
    ] {
        let told = held_against(expect.clone(), displeases);
        assert_eq!(told, Some(comes_to), "{expect:?} {displeases:?}");
    }
}

#[test]
fn what_is_held_arrives_when_the_link_is_mended() {
    let asks = "deliver n1->n2 PreVote";
    let told = |steps: &[&str]| {
        let steps = [&["timeout n1 election"], steps].concat();
        match verdict(&steps) {
            Verdict::Held => "taken".to_owned(),
            Verdict::Broke(breakage) => match breakage.broken {
                Broken::Script { why, .. } => why,
                other => panic!("{other:?}"),
            },
            Verdict::CannotRecover => panic!("nothing is damaged"),
        }
    };
    let apart = "n1 and n2 do not see each other";
    assert_eq!(told(&["hold n1 n2", asks]), apart);
    assert_eq!(told(&["hold n1 n2", "mend n1 n2", asks]), "taken");
    // What is sent meanwhile is lost.
    let again = ["hold n1 n2", "timeout n1 election", "mend n1 n2", asks];
    assert_eq!(told(&again), "taken");
    assert!(told(&[&again[..], &[asks]].concat()).contains("nothing is under way"));
    // A cut loses all.
    assert!(told(&["cut n1 n2", "mend n1 n2", asks]).contains("nothing is under way"));
}

#[test]
fn recovery_may_be_demanded_without_whoever_is_away() {
    let follows = [
        "deliver n1->n2 AppendEntries",
        "deliver n2->n1 AppendEntriesReply",
        "timeout n1 heartbeat",
        "deliver n1->n2 AppendEntries",
    ];
    let steps = |demand| [&ELECTED[..], &follows, &["crash n3", demand]].concat();
    assert_eq!(verdict(&steps("demand recovery without n3")), Verdict::Held);
    for demand in ["demand recovery", "demand recovery without n2"] {
        let Verdict::Broke(breakage) = verdict(&steps(demand)) else {
            panic!("n3 is down, and that is no matter: {demand}");
        };
        assert!(matches!(breakage.broken, Broken::Liveness(it) if it.property == RECOVERS));
    }
}
