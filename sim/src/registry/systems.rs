//! The systems that a binary knows.

use std::collections::BTreeSet;

use super::Registered;
use crate::scenarios::file::Scenario;
use crate::scenarios::{CannotRun, How, RunReport};

/// The systems that a binary knows, in the order in which it lists them.
#[derive(Clone, Copy)]
pub struct Systems(&'static [&'static dyn Registered]);

impl Systems {
    /// These, and no others.
    #[must_use]
    pub const fn new(systems: &'static [&'static dyn Registered]) -> Self {
        Self(systems)
    }

    /// Whether there are any, each with a name of its own.
    ///
    /// # Panics
    /// When there are not: such a binary is a mistake of whoever wrote it.
    pub fn must_be_named(self) {
        assert!(!self.0.is_empty(), "some-system: this binary has none");
        let mut names = BTreeSet::new();
        for system in self.0 {
            let name = system.name();
            assert!(names.insert(name), "name-of-its-own: two are {name:?}");
        }
    }

    /// All of them.
    #[must_use]
    pub const fn all(self) -> &'static [&'static dyn Registered] {
        self.0
    }

    /// The system of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(self, name: &str) -> Result<&'static dyn Registered, CannotRun> {
        let mut all = self.0.iter().copied();
        all.find(|system| system.name() == name)
            .ok_or_else(|| CannotRun::UnknownSystem(name.to_owned()))
    }

    /// Runs a scenario on a fresh thread, as determinism demands.
    ///
    /// # Errors
    /// When the scenario makes no sense.
    ///
    /// # Panics
    /// When the tool itself panics; a panic of a system is a verdict.
    pub fn run(self, scenario: &Scenario) -> Result<RunReport, CannotRun> {
        self.run_as(scenario, How::default())
    }

    /// As [`run`](Self::run), and says how.
    ///
    /// # Errors
    /// When the scenario makes no sense.
    ///
    /// # Panics
    /// When the tool itself panics; a panic of a system is a verdict.
    pub fn run_as(self, scenario: &Scenario, how: How) -> Result<RunReport, CannotRun> {
        self.find(&scenario.system)?.run_as(scenario, how)
    }
}

impl std::fmt::Debug for Systems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.0.iter().map(|system| system.name());
        f.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "some-system")]
    fn a_binary_without_systems_is_a_mistake() {
        Systems::new(&[]).must_be_named();
    }
}
