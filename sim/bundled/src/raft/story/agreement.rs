//! Values that are proposed until they are applied by as many as they must be.

use std::fmt;

use snowglobe_systems::process::InvocationId;
use snowglobe_systems::replica::Outcome;

use super::seen;
use super::words::Sentence;
use super::{ANSWER, RaftTeller};
use crate::quorum;
use crate::raft::RaftWorld;
use snowglobe::scenarios::story::unlike;
use snowglobe::time::SimTime;
use snowglobe::world::Broken;

/// A call on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Try {
    /// It must be made, again perhaps.
    Due,
    /// It was made, and the answer is awaited until then.
    Asked(InvocationId, SimTime),
    /// The value was acknowledged at this position, and must be applied by others.
    Applying(u64),
}

/// The values of one sentence that are not agreed on yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Agreement {
    under_way: Vec<Try>,
    /// Their turn comes when others are done.
    waiting: u64,
}

impl Agreement {
    pub(super) fn on(values: u64, at_once: bool) -> Self {
        let width = if at_once { values } else { values.min(1) };
        Self {
            under_way: (0..width).map(|_| Try::Due).collect(),
            waiting: values - width,
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { under_way, waiting } = self;
        write!(f, "under way {under_way:?}, and {waiting} more to come")
    }
}

impl RaftTeller {
    /// Goes on with an agreement. Whether all of it has been applied by
    /// everybody it must be.
    pub(super) fn agree(
        &mut self,
        world: &mut RaftWorld,
        sentence: &Sentence,
    ) -> Result<bool, Broken> {
        let Sentence::Agree {
            bytes, by, exactly, ..
        } = sentence
        else {
            return Ok(true);
        };
        let mut under_way = std::mem::take(&mut self.agreement.under_way);
        for attempt in &mut under_way {
            *attempt = self.go_on(world, *attempt, *bytes, *exactly)?;
        }
        let wanted = by.unwrap_or_else(|| quorum::in_reach_of_leader(world));
        let before = under_way.len();
        under_way.retain(|attempt| match attempt {
            Try::Applying(position) => seen::have_applied(world, *position) < wanted,
            Try::Due | Try::Asked(..) => true,
        });
        let next = self
            .agreement
            .waiting
            .min((before - under_way.len()) as u64);
        self.agreement.waiting -= next;
        under_way.extend((0..next).map(|_| Try::Due));
        self.agreement.under_way = under_way;
        Ok(self.agreement.under_way.is_empty())
    }

    fn go_on(
        &mut self,
        world: &mut RaftWorld,
        attempt: Try,
        bytes: usize,
        exactly: bool,
    ) -> Result<Try, Broken> {
        match attempt {
            Try::Due => {
                let invocation = quorum::leader(world)
                    .and_then(|(leader, _)| self.propose(world, leader, bytes));
                let patience = world.now() + ANSWER;
                Ok(invocation.map_or(Try::Due, |invocation| Try::Asked(invocation, patience)))
            }
            Try::Asked(invocation, patience) => match self.answers.remove(&invocation) {
                Some(Outcome::Written { response, .. }) => {
                    self.taken(response.0, exactly)?;
                    Ok(Try::Applying(response.0))
                }
                Some(_) => Ok(Try::Due),
                None if world.now() >= patience => Ok(Try::Due),
                None => Ok(attempt),
            },
            Try::Applying(_) => Ok(attempt),
        }
    }

    /// A value of this agreement stands at a position.
    fn taken(&mut self, position: u64, exactly: bool) -> Result<(), Broken> {
        let next = self.last_agreed + 1;
        if exactly && position != next {
            return Err(unlike(
                format!("the value at position {next}"),
                format!("at position {position}"),
            ));
        }
        self.last_agreed = self.last_agreed.max(position);
        Ok(())
    }
}
