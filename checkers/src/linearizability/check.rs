//! The judge: all partitions, on as many threads as allowed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::budget::Budget;
use super::cuts::Cuts;
use super::machine::{Machine, Numbering};
use super::own_order::OwnOrder;
use super::partition::{Partition, partitions};
use super::problem::{LegalIn, Member, Problem, compile};
use super::refutation;
use super::search::{End, Outcome, Preference, search};
use super::specification::{Decision, Specification, Timed};
use super::verdict::{Certificate, Ended, Found, Illegal, Unknown, Verdict};
use super::zones::{self, Zones};
use crate::history::{History, Moment, OperationIndex};

/// How to judge.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// What it may cost.
    pub budget: Budget<'a>,
    /// Which short cuts are taken; the verdict does not depend on it.
    pub cuts: Cuts,
    /// How many threads work at a time. The verdict does not depend on it.
    pub threads: usize,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            budget: Budget::DEFAULT,
            cuts: Cuts::ALL,
            threads: 1,
        }
    }
}

/// What is known of one partition.
#[derive(Debug)]
pub(super) enum Part {
    /// Places in the history, in an order.
    Legal(Vec<OperationIndex>),
    Illegal(Found),
    Unknown {
        ended: Ended,
        until: Moment,
        nodes: u64,
    },
}

/// Says whether a history is linearizable.
///
/// If several keys are illegal, the verdict names the first of them in the order of
/// work, which begins with the key that has most operations. An illegal key
/// outweighs one on which the budget ended.
pub fn check<S>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    options: &Options<'_>,
) -> Verdict<S::Key>
where
    S: Specification + Sync,
    S::Input: Sync,
    S::Output: Sync,
    S::Key: Send + Sync,
{
    let mut parts = partitions(specification, history);
    // Stable, so that equally long ones stay in the order of keys.
    parts.sort_by_key(|part| std::cmp::Reverse(part.members.len()));
    let found = judge_all(specification, history, &parts, options);
    verdict(history, parts, found)
}

/// What a judgement came to, and what it cost.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) part: Part,
    /// How many configurations were looked at.
    pub(super) nodes: u64,
}

/// Judges one partition.
pub(super) fn judge<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    members: &[Member],
    cuts: Cuts,
    budget: &Budget<'_>,
) -> Judged {
    if cuts.decisions
        && let Some(part) = decide(specification, history, members)
    {
        return Judged { part, nodes: 0 };
    }
    let mut machine = machine(specification, history, members);
    let problem = compile(specification, history, members, &mut *machine, &cuts);
    if cuts.zones {
        let part = match zones::judge(&problem) {
            // The moments have an order, but it may be none of the clients' own.
            Zones::Order(steps) => (problem.own_order.agrees_with(&steps))
                .then(|| Part::Legal(sources(&problem, &steps))),
            Zones::AtOnce(step) => {
                let found = Found::AtOnce(problem.sources[step as usize]);
                Some(Part::Illegal(found))
            }
            Zones::Crossed => Some(Part::Illegal(Found::ByZones)),
            Zones::NotUnique => None,
        };
        if let Some(part) = part {
            return Judged { part, nodes: 0 };
        }
    }
    search_for_order(&problem, &mut *machine, cuts, budget)
}

/// What the specification knows without a search.
fn decide<S: Specification>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    members: &[Member],
) -> Option<Part> {
    let operations = timed(history, members);
    let order = match specification.decide(&operations) {
        Decision::Undecided => return None,
        Decision::Impossible => return Some(Part::Illegal(Found::ByOrder)),
        Decision::Order(order) => order,
    };
    let span =
        |operation: &Timed<'_, _, _>| (operation.called, operation.returned.map(|(at, _)| at));
    let moments: Vec<_> = operations.iter().map(span).collect();
    assert!(
        keeps_time(&order, &moments),
        "decided-in-time: an order goes back in time"
    );
    let clients: Vec<_> = (members.iter())
        .map(|member| history.operation(member.index).client)
        .collect();
    // The moments have an order, but it may be none of the clients' own.
    let agrees = OwnOrder::of(&clients, &moments).agrees_with(&order);
    let index = |place: u32| members[place as usize].index;
    agrees.then(|| Part::Legal(order.into_iter().map(index).collect()))
}

/// Whether every operation that returned is there, and none after one that was called later than
/// it returned.
fn keeps_time(order: &[u32], moments: &[(Moment, Option<Moment>)]) -> bool {
    let mut latest = Moment::default();
    let in_time = order.iter().all(|place| {
        let (called, returned) = moments[*place as usize];
        latest = latest.max(called);
        returned.is_none_or(|at| at >= latest)
    });
    let answered = |(_, returned): &&(Moment, Option<Moment>)| returned.is_some();
    let there = order.iter().map(|place| &moments[*place as usize]);
    in_time && there.filter(answered).count() == moments.iter().filter(answered).count()
}

/// Operations of one key, and their places in time.
fn timed<'a, I, O>(history: &'a History<I, O>, members: &[Member]) -> Vec<Timed<'a, I, O>> {
    let timed = |member: &Member| {
        let operation = history.operation(member.index);
        Timed {
            called: operation.called,
            input: &operation.input,
            returned: (member.returned(history)).map(|(at, output)| (*at, output)),
        }
    };
    members.iter().map(timed).collect()
}

/// The machine for some operations of one key.
pub(super) fn machine<'a, S: Specification>(
    specification: &'a S,
    history: &'a History<S::Input, S::Output>,
    members: &[Member],
) -> Box<dyn Numbering<S::State> + 'a> {
    specification.machine_in_time(timed(history, members))
}

/// Searches, and where that takes long looks first whether an answer is
/// impossible in itself: on most histories that costs more than the whole search.
fn search_for_order(
    problem: &Problem,
    machine: &mut dyn Machine,
    cuts: Cuts,
    budget: &Budget<'_>,
) -> Judged {
    let short = Budget {
        nodes: problem.steps.len() as u64,
        ..*budget
    };
    let mut outcome = None;
    if cuts.refutations && short.nodes < budget.nodes {
        let first = search(problem, machine, cuts, Preference::Hints, &short);
        if first.end == End::Ended(Ended::Nodes) {
            if let Some((step, _)) = refutation::all(problem).next() {
                let found = Found::AtOnce(problem.sources[step as usize]);
                return Judged {
                    part: Part::Illegal(found),
                    nodes: first.nodes,
                };
            }
        } else {
            outcome = Some(first);
        }
    }
    let outcome = outcome.unwrap_or_else(|| by_turns(problem, machine, cuts, budget));
    let nodes = outcome.nodes;
    let part = match outcome.end {
        End::Order(steps) => Part::Legal(sources(problem, &steps)),
        End::Exhausted => Part::Illegal(Found::BySearch),
        End::Ended(ended) => Part::Unknown {
            ended,
            until: moment(problem, outcome.reached),
            nodes,
        },
    };
    Judged { part, nodes }
}

/// Searches, with more and more patience, once as the hints say and once as they were called,
/// where steps give few hints: what takes forever in one order may be plain in the other.
fn by_turns(
    problem: &Problem,
    machine: &mut dyn Machine,
    cuts: Cuts,
    budget: &Budget<'_>,
) -> Outcome {
    const FIRST: u64 = 1 << 12;
    const PATIENCE: u64 = 4;
    let hinted = problem
        .steps
        .iter()
        .all(|step| step.legal != LegalIn::Depends);
    if hinted {
        return search(problem, machine, cuts, Preference::Hints, budget);
    }
    let mut nodes = 0;
    let mut turn = FIRST.max(4 * problem.steps.len() as u64);
    loop {
        for preference in [Preference::Hints, Preference::Calls] {
            let left = budget.nodes.saturating_sub(nodes);
            let is_last = turn >= left;
            let budget = Budget {
                nodes: turn.min(left),
                ..*budget
            };
            let mut outcome = search(problem, machine, cuts, preference, &budget);
            nodes += outcome.nodes;
            outcome.nodes = nodes;
            if is_last || outcome.end != End::Ended(Ended::Nodes) {
                return outcome;
            }
        }
        turn = turn.saturating_mul(PATIENCE);
    }
}

fn sources(problem: &Problem, steps: &[u32]) -> Vec<OperationIndex> {
    steps
        .iter()
        .map(|step| problem.sources[*step as usize])
        .collect()
}

/// The moment at which a window ends; the beginning where all returns are past.
fn moment(problem: &Problem, window: u32) -> Moment {
    let end = problem.ends.get(window as usize);
    end.copied().unwrap_or_default()
}

/// Judges the partitions in turn, each by the thread that is free first. Once
/// one is found illegal, only those before it are still of interest.
fn judge_all<S>(
    specification: &S,
    history: &History<S::Input, S::Output>,
    parts: &[Partition<S::Key>],
    options: &Options<'_>,
) -> Vec<Option<Part>>
where
    S: Specification + Sync,
    S::Input: Sync,
    S::Output: Sync,
    S::Key: Sync,
{
    let next = AtomicUsize::new(0);
    let first_illegal = AtomicUsize::new(usize::MAX);
    let found = Mutex::new(Vec::new());
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= parts.len() || place > first_illegal.load(Ordering::Relaxed) {
                break;
            }
            let members = Member::all(&parts[place].members);
            let part = judge(
                specification,
                history,
                &members,
                options.cuts,
                &options.budget,
            )
            .part;
            if matches!(part, Part::Illegal(_)) {
                first_illegal.fetch_min(place, Ordering::Relaxed);
            }
            found.lock().expect("no judge panics").push((place, part));
        }
    };
    let threads = options.threads.clamp(1, parts.len().max(1));
    if threads == 1 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
    }
    let mut all: Vec<Option<Part>> = parts.iter().map(|_| None).collect();
    for (place, part) in found.into_inner().expect("no judge panics") {
        all[place] = Some(part);
    }
    all
}

fn verdict<Key, I, O>(
    history: &History<I, O>,
    parts: Vec<Partition<Key>>,
    found: Vec<Option<Part>>,
) -> Verdict<Key> {
    let mut orders = Vec::new();
    let mut unknown = None;
    for (part, found) in parts.into_iter().zip(found) {
        match found {
            Some(Part::Legal(order)) => orders.push(order),
            Some(Part::Illegal(found)) => {
                return Verdict::Illegal(Illegal {
                    key: part.key,
                    operations: part.members,
                    found,
                });
            }
            Some(Part::Unknown {
                ended,
                until,
                nodes,
            }) if unknown.is_none() => {
                unknown = Some(Unknown {
                    key: part.key,
                    operations: part.members.len(),
                    until,
                    ended,
                    nodes,
                });
            }
            // Left alone, since an earlier one was illegal; or a second unknown one.
            Some(Part::Unknown { .. }) | None => {}
        }
    }
    match unknown {
        Some(unknown) => Verdict::Unknown(unknown),
        None => Verdict::Linearizable(Certificate::merge(history, &orders)),
    }
}
