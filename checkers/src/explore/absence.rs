//! Who stays away while the others must recover.

use snowglobe_systems::process::NodeId;

use super::{Setting, SmallWorld, State};

/// Nodes that stay away for good while the others must recover; see
/// [`Setting::dispensable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Absence {
    pub(super) nodes: Vec<NodeId>,
    /// They are down; else they run, and see nobody but each other.
    pub(super) are_down: bool,
}

impl Absence {
    /// All are there.
    pub(super) const NOBODY: Self = Self {
        nodes: Vec::new(),
        are_down: false,
    };

    /// All that a setting must do without, in both ways.
    pub(super) fn all(setting: &impl Setting) -> Vec<Self> {
        let sets = setting.dispensable().into_iter();
        let both = sets.flat_map(|nodes| {
            [true, false].map(|are_down| Self {
                nodes: nodes.clone(),
                are_down,
            })
        });
        both.collect()
    }

    pub(super) fn has(&self, node: NodeId) -> bool {
        self.nodes.contains(&node)
    }

    /// What is expected of the others.
    pub(super) fn expectation(&self) -> String {
        let mut words = "a world that recovers once nothing goes wrong any more".to_owned();
        if self.nodes.is_empty() {
            return words;
        }
        let names: Vec<String> = self.nodes.iter().map(NodeId::to_string).collect();
        words.push_str(if self.are_down {
            ", with these down: "
        } else {
            ", with these cut off: "
        });
        words.push_str(&names.join(", "));
        words
    }
}

impl<S: Setting> SmallWorld<S> {
    /// In how many ways some nodes are away while it is looked whether the others recover.
    #[must_use]
    pub fn absences(&self) -> usize {
        self.absences.len()
    }

    /// Who stays away from a state of this digest, if anybody ever does: each as
    /// often as any other.
    pub(super) fn absence_for(&self, digest: u64) -> Option<&Absence> {
        let all = self.absences.len();
        (all > 0).then(|| &self.absences[(digest >> 32) as usize % all])
    }

    /// The same nodes under the names that they have in a state, when they are
    /// known under those of its canonical form.
    pub(super) fn absence_under_own_names(&self, state: &State<S>, absence: &Absence) -> Absence {
        Absence {
            nodes: self.own_names(state, &absence.nodes),
            ..*absence
        }
    }
}
