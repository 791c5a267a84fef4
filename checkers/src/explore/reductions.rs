//! What keeps a search small without hiding anything.

/// What keeps a search small. Each can be switched off, to see that it hides
/// nothing: the verdicts must be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reductions {
    /// Of all states that differ in nothing but who has which name, one is explored.
    ///
    /// Sound since the system treats all names alike ([`Symmetry`](super::Symmetry)):
    /// if a promise is broken after some steps from one of them, it is broken
    /// after the renamed steps from each.
    pub symmetry: bool,
    /// Messages that their receiver will never do anything about are let go.
    ///
    /// Sound since delivering them changes nothing, now or later, so that the
    /// worlds with and without them differ in nothing that anybody can notice,
    /// but in how many more messages may be under way. Each is tried out when
    /// it is let go; see [`Setting::is_spent`](super::Setting::is_spent).
    pub spent: bool,
    /// Steps are not taken that change nothing but what is left of budgets and messages.
    ///
    /// Sound since the world after such a step is the world before it with
    /// less in it: nothing can happen there that cannot happen before, but
    /// for what one more free place under way would let through.
    pub idle: bool,
}

impl Default for Reductions {
    fn default() -> Self {
        Self {
            symmetry: true,
            spent: true,
            idle: true,
        }
    }
}

impl Reductions {
    /// Nothing is left out.
    pub const NONE: Self = Self {
        symmetry: false,
        spent: false,
        idle: false,
    };
}
