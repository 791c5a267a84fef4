//! Users in stories: the sentences about them, of any service of texts.
//!
//! Users call clerks and are called `u0`, `u1` and so on, the first ones at the
//! first clerk. Each has a key of its own, to which only it appends.
//!
//! - `users begin`: from now on they call what they like. `users rest within 10s`:
//!   each is answered, and calls no more;
//! - `chains are whole within 10s`: every user reads its own key, and it holds all
//!   its acknowledged appends, once and in order;
//! - `u0 puts 13 to x within 2s`, also `appends 13 to x`, `deletes x`, and `gets 13
//!   from x` (or `nothing from x`), which must be what it gets. `u0 begins to put 14 to x` (`to append`,
//!   `to delete x`, `to get x`) does not wait;
//! - `u0 waits for 1s`: it is not answered in this time. `u0 is served within 5s`.
//!   `u0 has got 14 from x`: that is what it last saw;
//! - `users append 10 each to x within 20s`, all of them at once;
//! - `u0 puts 50 keys within 20s`, `u0 puts and gets x 200 times within 60s`, and
//!   `u0 calls 1000 times within 33s`: one call after the other;
//! - `u0 puts 30 keys of 1000 bytes within 20s`: each key, `x0` and so on, gets a
//!   value of that length that names it. `u0 gets 30 keys of 1000 bytes within 20s`:
//!   whoever put them, each is what that put wrote.
//!
//! Whatever users asked and were told must be linearizable, now and at the end.

mod row;
mod words;

use std::fmt::Display;
use std::sync::Arc;

use snowglobe_checkers::linearizability::specifications::TextInput;
use snowglobe_systems::process::InvocationId;

use self::row::quoted;
use super::{Errand, TextService, Users, Watcher};
use snowglobe::scenarios::story::{Deed, unlike};
use snowglobe::time::SimTime;
use snowglobe::world::{Broken, World};

pub(crate) use self::words::UserSentence;

/// Users who do what a story says. Its methods are those of a
/// [`Teller`](snowglobe::scenarios::story::Teller), who hands on what is theirs.
#[derive(Clone, Debug)]
pub(crate) struct ToldUsers {
    users: Users,
    /// When the sentence that is being told must be over.
    until: SimTime,
    /// Whether users call what they like.
    roaming: bool,
}

impl ToldUsers {
    /// These users, who must be about what they are ordered to.
    pub(crate) fn new(users: Users) -> Self {
        Self {
            users,
            until: SimTime::START,
            roaming: false,
        }
    }

    /// Understands a sentence; `None` if it is not about users.
    pub(crate) fn understand(&self, words: &[&str]) -> Option<Result<UserSentence, String>> {
        let users = self.users.len();
        let understood = words::understand(words)?;
        Some(understood.and_then(|sentence| match sentence.user() {
            Some(user) if user >= users => Err(format!(
                "there are {users} users, u0 to u{}; clerks and users_per_clerk make more",
                users - 1
            )),
            _ => Ok(sentence),
        }))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether a user waits for an answer, or has orders left.
    pub(crate) fn is_busy(&self, user: usize) -> bool {
        self.users.is_busy(user)
    }

    /// What a user last saw of a key.
    pub(crate) fn seen(&self, user: usize, key: &Arc<str>) -> Option<&str> {
        self.users.seen(user, key)
    }

    /// A user must call this, for a sentence of the service's own.
    pub(crate) fn order_call<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        user: usize,
        key: &Arc<str>,
        input: TextInput,
    ) {
        self.users.order(world, user, key, input);
    }

    /// Begins a sentence.
    ///
    /// # Errors
    /// When it cannot even begin, since users are not where it wants them.
    pub(crate) fn begin<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        sentence: &UserSentence,
    ) -> Result<(), Broken> {
        self.until = world.now() + sentence.length();
        self.can_begin(sentence)?;
        match sentence {
            UserSentence::Begin => {
                self.roaming = true;
                self.users.turn_to(world, Errand::Roaming);
            }
            UserSentence::Rest(_) => {
                self.roaming = false;
                self.users.turn_to(world, Errand::Ordered);
            }
            sentence => self.order(world, sentence),
        }
        Ok(())
    }

    /// Whether users are where a sentence wants them.
    fn can_begin(&self, sentence: &UserSentence) -> Result<(), Broken> {
        if self.roaming && sentence.wants_users_at_rest() {
            return Err(unlike(
                "users at rest: say `users rest within 10s` before".to_owned(),
                "they call what they like".to_owned(),
            ));
        }
        match sentence {
            UserSentence::Waits { user, .. } if !self.users.is_busy(*user) => Err(unlike(
                format!("u{user} to be left waiting"),
                "it has no call under way".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// Orders users to make the calls of a sentence.
    fn order<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        sentence: &UserSentence,
    ) {
        match sentence {
            UserSentence::ChainsAreWhole(_) => {
                for number in 0..self.users.len() {
                    self.users.order_own_get(world, number);
                }
            }
            UserSentence::Call {
                user, key, input, ..
            } => {
                self.users.order(world, *user, key, input.clone());
            }
            UserSentence::AppendEach { times, key, .. } => {
                for number in 0..self.users.len() {
                    for _ in 0..*times {
                        self.users.order_append(world, number, Some(key));
                    }
                }
            }
            UserSentence::Row { user, row, .. } => {
                for (key, input) in row.calls() {
                    self.users.order(world, *user, &key, input);
                }
            }
            _ => {}
        }
    }

    /// Looks again at a sentence that was begun.
    pub(crate) fn look<P: TextService + Display, I: Watcher<P>>(
        &self,
        world: &World<P, I>,
        sentence: &UserSentence,
    ) -> Deed {
        let late = world.now() >= self.until;
        Deed::of(self.unfolds(late, sentence), late, || {
            self.how_things_stand(world)
        })
    }

    /// Whether a sentence has come about; `late` if its time is up.
    fn unfolds(&self, late: bool, sentence: &UserSentence) -> Result<bool, Broken> {
        match sentence {
            UserSentence::Begin | UserSentence::Call { within: None, .. } => Ok(true),
            UserSentence::Rest(_) | UserSentence::AppendEach { .. } => Ok(self.users.are_at_rest()),
            UserSentence::ChainsAreWhole(_) => match self.users.are_at_rest() {
                true => match self.users.check_chains() {
                    Ok(()) => Ok(true),
                    Err(broken) => Err(Broken::Safety(broken)),
                },
                false => Ok(false),
            },
            UserSentence::Call { user, key, got, .. } => match (self.users.is_busy(*user), got) {
                (true, _) => Ok(false),
                (false, Some(value)) => self.has_got(*user, key, value),
                (false, None) => Ok(true),
            },
            UserSentence::Row { user, row, .. } => match self.users.is_busy(*user) {
                true => Ok(false),
                false => {
                    let mut gets = row.gets().into_iter();
                    gets.try_fold(true, |_, (key, value)| self.has_got(*user, &key, &value))
                }
            },
            UserSentence::Served { user, .. } => Ok(!self.users.is_busy(*user)),
            UserSentence::Waits { user, .. } => match self.users.is_busy(*user) {
                true => Ok(late),
                false => Err(unlike(
                    format!("u{user} to be left waiting"),
                    "it was answered".to_owned(),
                )),
            },
            UserSentence::HasGot { user, key, value } => self.has_got(*user, key, value),
        }
    }

    /// Whether a user got what it was to get.
    fn has_got(&self, user: usize, key: &Arc<str>, value: &str) -> Result<bool, Broken> {
        let seen = self.users.seen(user, key).unwrap_or_default();
        match seen == value {
            true => Ok(true),
            false => Err(unlike(
                format!("u{user} to get {} from {key}", quoted(value)),
                quoted(seen),
            )),
        }
    }

    /// Everybody who waits, and every node, in a few words.
    pub(crate) fn how_things_stand<P: TextService + Display, I: Watcher<P>>(
        &self,
        world: &World<P, I>,
    ) -> String {
        self.users.how_things_stand(world)
    }

    /// An alarm of a user rang; its token is above `u32::MAX`.
    pub(crate) fn alarm<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        token: u64,
    ) {
        self.users.alarm(world, token);
    }

    /// A call was answered. The user whose it was, if it was one's.
    pub(crate) fn returned<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        invocation: InvocationId,
        outcome: P::Outcome,
    ) -> Option<usize> {
        self.users.returned(world, invocation, outcome)
    }

    /// The story is over: judges all that users saw.
    pub(crate) fn ends<P: TextService, I: Watcher<P>>(&mut self, world: &mut World<P, I>) {
        self.users.close(world);
    }

    /// What users asked and were told, as lines.
    pub(crate) fn history(&self) -> String {
        self.users.lines()
    }
}
