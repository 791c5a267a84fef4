//! What happened in a run, told once more step by step.
//!
//! The nodes of a run are made to take the same steps in a frozen world, all of them or some: a
//! message that is not delivered is one that was lost, and what cannot happen any more is left
//! out. What did happen is a script like any other. How clients were served is judged as the
//! small world of the system judges it.

mod replayer;

use std::collections::BTreeSet;
use std::sync::Arc;

use snowglobe_checkers::explore::Bounds;
use snowglobe_systems::process::Process;

use self::replayer::Replayer;
use super::file::{Expectation, Scenario, Scripted};
use super::{Modelled, RunReport, report_of};
use crate::world::network::LinkQuality;
use crate::world::session::Session;
use crate::world::{NodeEvent, NodeEventKind, Sent};

/// What happened in a run, one thing after the other, as it can be told in a frozen world.
pub trait Transcript: Send {
    /// How many things happened.
    fn len(&self) -> usize;
    /// Whether nothing did.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Those of them on which the last depends: what happened before it on its node, what that
    /// node had been sent, and so on.
    fn causes_of_last(&self) -> Vec<usize>;
    /// Lets those of them happen that can, in their order.
    fn replay(&self, which: &[usize]) -> Replayed;
    /// The script of them, and what it comes to.
    ///
    /// # Errors
    /// What of it has no words.
    fn script(&self, which: &[usize]) -> Result<RunReport, String>;
}

/// What came of some of the things that had happened.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Those that could happen.
    pub taken: Vec<usize>,
    /// What they came to.
    pub report: RunReport,
}

/// A run of a system that is over.
pub(crate) struct RunTranscript<S: Modelled> {
    /// The run, told by its script.
    scenario: Scenario,
    configs: Vec<<S::Process as Process>::Config>,
    setting: S::Setting,
    happened: Arc<[NodeEvent<S::Process>]>,
}

impl<S: Modelled> RunTranscript<S> {
    /// What happened in a run of a scenario, on nodes that were configured so.
    pub(crate) fn new(
        scenario: &Scenario,
        options: &S::Options,
        configs: Vec<<S::Process as Process>::Config>,
        happened: Vec<NodeEvent<S::Process>>,
    ) -> Self {
        let own = scenario
            .scripted
            .as_ref()
            .filter(|it| it.after_step.is_none());
        let bounds = own.map_or_else(Bounds::default, |it| it.bounds.clone());
        let setting = match own {
            Some(_) => S::setting(scenario.nodes, options, &bounds),
            None => S::setting_around(scenario.nodes, options, &bounds),
        };
        Self {
            scenario: Scenario {
                faults: Vec::new(),
                story: Vec::new(),
                links: LinkQuality::default(),
                sync: Default::default(),
                batch: 1,
                scripted: Some(Scripted {
                    after_step: own.is_none().then_some(0),
                    steps: Vec::new(),
                    bounds,
                    reaches: None,
                }),
                ..scenario.clone()
            },
            configs,
            setting,
            happened: happened.into(),
        }
    }

    fn run(&self, which: &[usize], words: Option<&[bool]>) -> (RunReport, Replayer<S::Setting>) {
        let replayer = Replayer::new(
            self.setting.clone(),
            self.happened.clone(),
            which.to_vec(),
            words.map(<[bool]>::to_vec),
        );
        let blueprint = self.scenario.blueprint(self.configs.clone());
        let session = Session::open(blueprint, S::Invariants::default(), replayer);
        let (finished, replayer) = session.finish();
        (report_of(self.scenario.clone(), finished, None), replayer)
    }
}

impl<S: Modelled> Transcript for RunTranscript<S> {
    fn len(&self) -> usize {
        self.happened.len()
    }

    fn causes_of_last(&self) -> Vec<usize> {
        let last = self.happened.len().checked_sub(1);
        let mut is_cause = vec![false; self.happened.len()];
        let mut nodes = BTreeSet::new();
        if let Some(last) = last {
            nodes.insert(self.happened[last].node);
        }
        for place in (0..self.happened.len()).rev() {
            let event = &self.happened[place];
            // Of a node that matters later, all that happened before matters, too.
            is_cause[place] |= nodes.contains(&event.node);
            if !is_cause[place] {
                continue;
            }
            nodes.insert(event.node);
            if let NodeEventKind::Delivered {
                sent: Some(Sent { by: Some(by), .. }),
                ..
            } = event.what
            {
                is_cause[by] = true;
            }
        }
        (0..is_cause.len())
            .filter(|place| is_cause[*place])
            .collect()
    }

    fn replay(&self, which: &[usize]) -> Replayed {
        let (report, replayer) = self.run(which, None);
        Replayed {
            taken: replayer.taken,
            report,
        }
    }

    fn script(&self, which: &[usize]) -> Result<RunReport, String> {
        let (_, replayer) = self.run(which, None);
        // A message that is delivered once more later stays under way.
        let mut later = BTreeSet::new();
        let delivered = replayer.delivered.iter().rev();
        let mut stays: Vec<bool> = delivered.map(|number| !later.insert(*number)).collect();
        stays.reverse();
        let (mut report, replayer) = self.run(&replayer.taken, Some(&stays));
        if let Some(why) = replayer.wordless {
            return Err(why);
        }
        let written = replayer.written.expect("words were asked for");
        let scripted = report
            .scenario
            .scripted
            .as_mut()
            .expect("a transcript is a script");
        scripted.steps = written.steps;
        scripted.reaches = Some(report.states);
        report.scenario.expect = match report.verdict.property() {
            Some(property) => Expectation::Violates(property.to_owned()),
            None => Expectation::Held,
        };
        Ok(report)
    }
}
