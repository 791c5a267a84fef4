//! A violation that names a node, under symmetry reduction.

use snowglobe_checkers::explore::Reductions;
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Effect, NodeId};
use snowglobe_systems::renaming::{Renamed, Renaming};

use super::two_phase::{Decision, Manager, Stage, TwoPhase, stages};
use super::{WAYS, explore};

/// Claims that no two resource managers commit: wrong, and it blames the one
/// that was last, in words too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct OneCommits;

const ONE_COMMITS: &str = "one-commits";

impl Invariants<Manager> for OneCommits {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Manager>,
        node: NodeId,
        _: &[Effect<Manager>],
    ) -> Result<(), Violation> {
        let stages = stages(cluster);
        let committed: Vec<NodeId> = (0..stages.len())
            .filter(|place| stages[*place] == Stage::Done(Decision::Commit))
            .map(NodeId::at)
            .collect();
        match committed.len() < 2 {
            true => Ok(()),
            false => {
                let found = format!("{node}, too, of {committed:?}");
                Err(Violation::new(ONE_COMMITS, [node], "one", found))
            }
        }
    }
}

impl Renamed for OneCommits {
    fn renamed(&self, _: &Renaming) -> Self {
        Self
    }
}

/// The search goes from one canonical form to the next, and the names in a
/// violation's words are those of the last of them; the script has the names
/// of the beginning.
#[test]
fn who_is_blamed_is_told_under_the_names_of_the_script() {
    for resources in 2..=4 {
        for way in WAYS {
            let setting = TwoPhase::<OneCommits>::new(resources);
            let outcome = explore(setting, Reductions::default(), way);
            let counterexample = outcome.counterexample.expect("two commit");
            let blamed = counterexample.violation.nodes[0];
            let last = counterexample.steps.last().expect("there are steps");
            assert_eq!(last.nodes()[1], blamed, "{counterexample:#?}");
            // All prepare and are heard, it is committed, and two hear of it.
            let steps = 2 * usize::from(resources) + 3;
            assert_eq!(counterexample.steps.len(), steps, "{counterexample:#?}");
        }
    }
}
