//! What keeps a search small without hiding anything.

/// What keeps a search small. Each can be switched off, to see that it hides
/// nothing: what is found, which states there are but for names and obsolete
/// messages, and which of them follow each other, is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reductions {
    /// Of all states that differ in nothing but who has which name, one is explored.
    ///
    /// Sound since the system treats all names alike ([`Symmetry`](super::Symmetry)):
    /// if a promise is broken after some steps from one of them, it is broken
    /// after the renamed steps from each. Looked at in a sample of the states.
    pub symmetry: bool,
    /// Obsolete messages are left out: those whose arrival changes nothing, now or
    /// in any state that their receiver can come to.
    ///
    /// Which they are, a search finds out itself, and looks at everything that it
    /// left out when it has come to its end ([`Certificate`](super::Certificate)).
    pub obsolete: bool,
    /// Steps that change nothing are not taken: a timer that fires, or a message
    /// that arrives and stays under way as well.
    ///
    /// Sound since the world after such a step is the world before it with less
    /// left of a budget: nothing can happen there that cannot happen before.
    pub stuttering: bool,
}

impl Default for Reductions {
    fn default() -> Self {
        Self {
            symmetry: true,
            obsolete: true,
            stuttering: true,
        }
    }
}

impl Reductions {
    /// Nothing is left out.
    pub const NONE: Self = Self {
        symmetry: false,
        obsolete: false,
        stuttering: false,
    };
}
