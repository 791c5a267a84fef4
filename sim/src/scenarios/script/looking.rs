//! Finding what the words of a step mean, and saying what there is instead.

use snowglobe_checkers::explore::{Setting, naming};
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};

use super::{OperationOf, WorldOf};

/// How much of what there is instead is told.
const TOLD: usize = 8;

/// The armed timer of a node that has this name.
pub(super) fn timer_named<S: Setting, I: Invariants<S::Process>>(
    world: &WorldOf<S, I>,
    node: NodeId,
    words: &str,
) -> Result<<S::Process as Process>::Timer, String> {
    let armed = world.armed_timers(node);
    let named = armed.iter().find(|timer| S::timer_words(**timer) == words);
    named.copied().ok_or_else(|| {
        let armed: Vec<String> = armed.iter().map(|it| S::timer_words(*it)).collect();
        format!("{node} has no such timer armed; armed: {}", list(&armed))
    })
}

/// The number of the held message between two nodes that is meant.
pub(super) fn parcel_named<S: Setting, I: Invariants<S::Process>>(
    world: &WorldOf<S, I>,
    (from, to): (NodeId, NodeId),
    words: &str,
    which: usize,
) -> Result<u64, String> {
    let (mut numbers, mut between, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for held in world.held() {
        let text = S::message_words(&held.message);
        if (held.from, held.to) == (from, to) {
            numbers.push(held.number);
            between.push(text);
        } else {
            others.push(format!("{}->{} {text}", held.from, held.to));
        }
    }
    let texts = between.iter().map(String::as_str);
    match naming::place_of(words, which, texts) {
        Some(place) => Ok(numbers[place]),
        None if between.is_empty() => Err(format!(
            "nothing is under way from {from} to {to}; under way elsewhere: {}",
            list(&others)
        )),
        None => Err(format!(
            "no such message is under way from {from} to {to}; under way: {}",
            list(&between)
        )),
    }
}

/// Of all that clients may ask now, what has exactly these words, and who asks it.
pub(super) fn exactly_named<S: Setting>(
    open: &[(usize, &OperationOf<S>)],
    words: &str,
) -> Option<(usize, OperationOf<S>)> {
    let mut open = open.iter();
    let named = open.find(|(_, operation)| S::operation_words(operation) == words);
    named.map(|(client, operation)| (*client, (*operation).clone()))
}

/// Of all that clients may ask now, what begins with these words, and who asks it.
pub(super) fn operation_named<S: Setting>(
    open: Vec<(usize, &OperationOf<S>)>,
    words: &str,
) -> Result<(usize, OperationOf<S>), String> {
    let texts: Vec<String> = open
        .iter()
        .map(|(_, operation)| S::operation_words(operation))
        .collect();
    match texts.iter().position(|text| text.starts_with(words)) {
        Some(place) => Ok((open[place].0, open[place].1.clone())),
        None => Err(format!(
            "no client may ask for that now; they may ask for: {} (see `bounds`)",
            list(&texts)
        )),
    }
}

fn list(texts: &[String]) -> String {
    match texts {
        [] => "nothing".to_owned(),
        texts if texts.len() > TOLD => format!(
            "{}, and {} more",
            texts[..TOLD].join("; "),
            texts.len() - TOLD
        ),
        texts => texts.join("; "),
    }
}
