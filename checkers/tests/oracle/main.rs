//! The judge, judged: every verdict on small random histories against a judge
//! that tries all orders and knows no short cut.
//!
//! `SNOWGLOBE_ORACLE_CASES` sets the number of histories of each object; the
//! default keeps a test run short.

mod any_object;
mod brute_force;
mod explained;
mod objects;
mod online;
mod random_history;

use brute_force::{confirm, is_linearizable, is_linearizable_for};
use objects::{Input, Object, Output};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use random_history::{Plan, plans, realize};
use snowglobe_checkers::history::{History, Operation};
use snowglobe_checkers::linearizability::{Budget, Cuts, Options, Specification, Verdict, check};

fn cases() -> u32 {
    std::env::var("SNOWGLOBE_ORACLE_CASES")
        .ok()
        .map_or(20_000, |text| {
            text.parse()
                .expect("SNOWGLOBE_ORACLE_CASES must be a number")
        })
}

/// What was seen of an object's histories: a test that only ever saw one kind shows nothing.
#[derive(Debug, Default)]
struct Seen {
    linearizable: u32,
    illegal: u32,
    pending: u32,
    online: u32,
    /// Illegal only because of a client's own order.
    own_order: u32,
}

/// A history in a few lines.
pub(crate) fn show<O: Object>(object: &O, history: &History<Input<O>, Output<O>>) -> String {
    let line = |operation: &Operation<Input<O>, Output<O>>| {
        let specification = object.specification();
        let until = match operation.returned_at() {
            Some(at) => at.to_string(),
            None => "...".to_owned(),
        };
        format!(
            "\n  {:>3}..{until:<3} {} {:?} {}",
            operation.called,
            operation.client,
            specification.key(&operation.input),
            specification.describe_operation(&operation.input, operation.output()),
        )
    };
    history.operations().iter().map(line).collect()
}

fn agree<O: Object>(
    object: &O,
    plans: &[Plan<O>],
    // Which other choice of short cuts is tried.
    cuts: u16,
    // Explanations take longer than verdicts, so only some are held to account.
    explained: bool,
    seen: &mut Seen,
) -> Result<(), TestCaseError> {
    let history = realize(object, plans);
    let expected = is_linearizable(object.specification(), &history);
    for cuts in [Cuts::ALL, Cuts::NONE, Cuts::from_bits(cuts)] {
        let options = Options {
            cuts,
            budget: Budget::DEFAULT,
            threads: 1,
        };
        match check(object.specification(), &history, &options) {
            Verdict::Linearizable(certificate) => {
                prop_assert!(
                    expected,
                    "accepted, with {cuts:?}: {}",
                    show(object, &history)
                );
                if let Err(why) = confirm(object.specification(), &history, &certificate.order) {
                    return Err(TestCaseError::fail(format!(
                        "{why}, in {certificate:?} of {}, with {cuts:?}",
                        show(object, &history)
                    )));
                }
            }
            Verdict::Illegal(illegal) => {
                prop_assert!(
                    !expected,
                    "refused, with {cuts:?}: {}",
                    show(object, &history)
                );
                if cuts == Cuts::ALL && explained {
                    explained::check(object, &history, &illegal.key, &options)?;
                }
            }
            Verdict::Unknown(unknown) => {
                return Err(TestCaseError::fail(format!("unknown: {unknown:?}")));
            }
        }
    }
    // Who listens knows only the order of events, in which calls come first.
    let free = vec![None; history.len()];
    let heard = is_linearizable_for(object.specification(), &history, &free);
    seen.own_order += u32::from(heard != expected);
    let online = online::judge(object.specification(), &history);
    let watched = online::watch(object.specification(), &history);
    prop_assert_eq!(watched, heard, "watched: {}", show(object, &history));
    seen.online += u32::from(online.is_some());
    prop_assert_eq!(
        online.unwrap_or(heard),
        heard,
        "event by event: {}",
        show(object, &history)
    );
    seen.linearizable += u32::from(expected);
    seen.illegal += u32::from(!expected);
    let pending = history
        .operations()
        .iter()
        .any(|operation| operation.returned.is_none());
    seen.pending += u32::from(pending);
    Ok(())
}

fn hold<O: Object>(object: &O) {
    let cases = cases();
    let seen = std::cell::RefCell::new(Seen::default());
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    });
    let result = runner.run(
        &(plans(object), any::<u16>(), prop::bool::weighted(0.1)),
        |(plans, cuts, explained)| agree(object, &plans, cuts, explained, &mut seen.borrow_mut()),
    );
    if let Err(error) = result {
        panic!("{error}");
    }
    let seen = seen.into_inner();
    println!("{seen:?}");
    let tenth = cases / 20;
    assert!(
        seen.linearizable > tenth,
        "too few were linearizable: {seen:?}"
    );
    assert!(seen.illegal > tenth, "too few were illegal: {seen:?}");
    assert!(
        seen.online > cases / 4,
        "too few were judged event by event: {seen:?}"
    );
    assert!(
        seen.own_order > cases / 500,
        "too few depended on a client's own order: {seen:?}"
    );
    assert!(
        seen.pending > tenth,
        "too few had pending operations: {seen:?}"
    );
}

#[test]
fn registers() {
    hold(&objects::Registers::few_values());
}

#[test]
fn registers_of_unique_values() {
    hold(&objects::Registers::unique_values());
}

#[test]
fn cas_registers() {
    hold(&objects::CasRegisters);
}

#[test]
fn texts() {
    hold(&objects::Texts);
}

#[test]
fn entries() {
    hold(&any_object::entries());
}

#[test]
fn mutexes() {
    hold(&any_object::mutexes());
}

#[test]
fn an_object_that_claims_nothing() {
    hold(&objects::Stacks);
}

#[test]
fn an_object_with_several_next_states() {
    hold(&objects::Sloppy);
}

#[test]
fn counters() {
    hold(&any_object::counters());
}

#[test]
fn queues() {
    hold(&any_object::queues());
}

#[test]
fn sets_that_only_grow() {
    hold(&any_object::GrowingSets);
}

#[test]
fn sets() {
    hold(&any_object::sets());
}

#[test]
fn locks() {
    hold(&any_object::locks());
}

#[test]
fn versioned_values() {
    hold(&any_object::versioned());
}

#[test]
fn queues_of_unique_values() {
    hold(&any_object::UniqueQueues);
}
