//! The versions of one key, and who wrote and saw which of them when.

use std::collections::{BTreeMap, BTreeSet};

use super::not_judged::Why;
use super::texts;
use super::view::{Access, ReadWrite};
use crate::history::{ClientId, History, OperationIndex};

/// The version that is there before any write.
pub(super) const FIRST: usize = 0;

/// What one key went through.
pub(super) struct Versions<Value> {
    /// By number: who made it (nobody made the first one), and what with. For
    /// a text that only grows, that is what was appended.
    pub(super) made: Vec<(Option<OperationIndex>, Value)>,
    /// What each client did, in its order.
    pub(super) sessions: Vec<Vec<Event>>,
    /// What is known whoever did what.
    pub(super) facts: Facts,
}

/// A client wrote or saw a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) operation: OperationIndex,
    pub(super) deed: Deed,
    pub(super) version: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Wrote,
    Saw,
}

/// What the values alone say about the order, besides that the first one is first.
#[derive(Default)]
pub(super) struct Facts {
    /// Swaps: the one version was found where the other was left.
    pub(super) swaps: Vec<Swap>,
    /// Of a text that grows: its versions, as far as they were read.
    pub(super) grown: Vec<Grown>,
    /// And those that are missing in all that was read, and so come later.
    pub(super) missing: Vec<usize>,
}

/// A version that was left in the place of another.
pub(super) struct Swap {
    pub(super) operation: OperationIndex,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A version that some text that was read contains.
pub(super) struct Grown {
    pub(super) version: usize,
    /// A read of a text that contains it.
    pub(super) seen_by: OperationIndex,
}

/// An operation of one key that read or wrote.
pub(super) struct Entry<Value> {
    pub(super) operation: OperationIndex,
    pub(super) client: ClientId,
    pub(super) pending: bool,
    pub(super) access: Access<Value>,
}

/// Tells the versions of one key apart, if they can be.
pub(super) fn identify<S: ReadWrite>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    operations: &[OperationIndex],
) -> Result<Versions<S::State>, Why> {
    let mut entries = Vec::new();
    let (mut appended, mut written) = (false, false);
    for index in operations {
        let operation = history.operation(*index);
        let pending = operation.output().is_none();
        let access = match specification.access(&operation.input, operation.output()) {
            Access::Mismatched => {
                let (input, output) = (&operation.input, operation.output());
                let operation = specification.describe_operation(input, output);
                return Err(Why::Mismatched { operation });
            }
            Access::Nothing => continue,
            // A swap of a value for itself is a look at it.
            Access::Swaps { from, to } if from == to => {
                if pending {
                    continue;
                }
                Access::Reads(from)
            }
            // It changes nothing and nobody can see it, wherever it stands.
            Access::Appends(more) if S::text(&more) == Some("") => continue,
            access => access,
        };
        appended |= matches!(access, Access::Appends(_));
        written |= matches!(access, Access::Writes(_) | Access::Swaps { .. });
        entries.push(Entry {
            operation: *index,
            client: operation.client,
            pending,
            access,
        });
    }
    match (appended, written) {
        (true, true) => Err(Why::Mixed),
        (true, false) => texts::identify(specification, &entries),
        (false, _) => written_whole(specification, &entries),
    }
}

/// The versions of a key whose values are written as a whole: each write that
/// happened is one. A value that somebody saw must have one writer only.
fn written_whole<S: ReadWrite>(
    specification: &S,
    entries: &[Entry<S::State>],
) -> Result<Versions<S::State>, Why> {
    let first = specification.initial();
    let seen = seen(entries);
    let mut made = vec![(None, first.clone())];
    // The version that each entry made.
    let mut version_of = vec![FIRST; entries.len()];
    for (place, entry) in entries.iter().enumerate() {
        if let Some(value) = entry.access.left()
            // Without an answer it happened if somebody saw it, and else says nothing.
            && (!entry.pending || seen.contains(value))
        {
            version_of[place] = made.len();
            made.push((Some(entry.operation), value.clone()));
        }
    }
    let named = name(specification, &first, entries, &seen, &version_of)?;
    let mut facts = Facts::default();
    let sessions = sessions(entries, |place, entry| {
        let (operation, version) = (entry.operation, version_of[place]);
        let event = |deed, version| Event {
            operation,
            deed,
            version,
        };
        Ok(match &entry.access {
            Access::Reads(value) => vec![event(Deed::Saw, named[value])],
            _ if version == FIRST => Vec::new(),
            Access::Swaps { from, .. } => {
                let (from, to) = (named[from], version);
                facts.swaps.push(Swap {
                    operation,
                    from,
                    to,
                });
                vec![event(Deed::Saw, from), event(Deed::Wrote, to)]
            }
            _ => vec![event(Deed::Wrote, version)],
        })
    })?;
    Ok(Versions {
        made,
        sessions,
        facts,
    })
}

/// Which version each value is that somebody saw, given the versions that the
/// entries made.
fn name<'a, S: ReadWrite>(
    specification: &S,
    first: &'a S::State,
    entries: &'a [Entry<S::State>],
    seen: &BTreeSet<&'a S::State>,
    version_of: &[usize],
) -> Result<BTreeMap<&'a S::State, usize>, Why> {
    let mut makers = BTreeMap::<&S::State, Vec<usize>>::new();
    makers.entry(first).or_default().push(FIRST);
    for (entry, version) in entries.iter().zip(version_of) {
        if let Some(value) = entry.access.left() {
            makers.entry(value).or_default().push(*version);
        }
    }
    let mut named = BTreeMap::new();
    let mut nowhere = None;
    for value in seen {
        let words = || specification.describe_state(value);
        match makers.get(value).map(Vec::as_slice) {
            Some([version]) => {
                named.insert(*value, *version);
            }
            Some(_) => return Err(Why::WrittenTwice { value: words() }),
            None => nowhere = nowhere.or_else(|| Some(words())),
        }
    }
    // Said last: only if no value is written twice is it certain which pending
    // swaps happened, and with that what they saw.
    match nowhere {
        Some(value) => Err(Why::FromNowhere { value }),
        None => Ok(named),
    }
}

/// What each client did, in its order, from what each operation was.
pub(super) fn sessions<Value>(
    entries: &[Entry<Value>],
    mut events: impl FnMut(usize, &Entry<Value>) -> Result<Vec<Event>, Why>,
) -> Result<Vec<Vec<Event>>, Why> {
    let mut sessions = BTreeMap::<ClientId, Vec<Event>>::new();
    for (place, entry) in entries.iter().enumerate() {
        let session = sessions.entry(entry.client).or_default();
        session.extend(events(place, entry)?);
    }
    Ok(sessions.into_values().collect())
}

/// The values that somebody certainly saw.
///
/// A pending swap saw something if it happened, and it did if the value that it
/// left was seen: if others wrote that value too, the key is not judged at all.
fn seen<Value: Ord>(entries: &[Entry<Value>]) -> BTreeSet<&Value> {
    let mut seen = BTreeSet::new();
    let mut waiting = Vec::new();
    for entry in entries {
        match &entry.access {
            Access::Reads(value) => {
                seen.insert(value);
            }
            Access::Swaps { from, .. } if !entry.pending => {
                seen.insert(from);
            }
            Access::Swaps { from, to } => waiting.push((from, to)),
            _ => {}
        }
    }
    loop {
        let before = waiting.len();
        waiting.retain(|(from, to)| {
            let happened = seen.contains(to);
            if happened {
                seen.insert(from);
            }
            !happened
        });
        if waiting.len() == before {
            return seen;
        }
    }
}
